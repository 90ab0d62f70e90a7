// Signs each request for a backend behind a gateway of one's own. The key is a secret that was stored under
// the name "gateway-key".
export async function onRequest(context) {
  const text = new TextEncoder();
  const time = Math.floor(Date.now() / 1000).toString();
  const key = await crypto.subtle.importKey(
    "raw",
    text.encode(secrets.get("gateway-key")),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const sum = new Uint8Array(await crypto.subtle.sign("HMAC", key, text.encode(`${time}.${context.request.path}`)));
  const hex = [...sum].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  context.request.headers["x-gateway-time"] = time;
  context.request.headers["x-gateway-signature"] = hex;
  context.request.headers["x-gateway-user"] = context.user.name ?? "nobody";
  return context;
}
