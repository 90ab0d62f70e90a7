// Puts a sentence of the house before whatever system prompt a client sends.
const HOUSE = "Answer in the language of the question. Never give legal advice.";

export function onRequest(context) {
  const body = context.request.body;
  if (context.dialect === "anthropic_messages") {
    const own = { type: "text", text: HOUSE };
    if (typeof body.system === "string") body.system = `${HOUSE}\n\n${body.system}`;
    else body.system = [own, ...(body.system ?? [])];
  } else if (context.dialect === "openai_responses") {
    body.instructions = body.instructions ? `${HOUSE}\n\n${body.instructions}` : HOUSE;
  } else if (Array.isArray(body?.messages)) {
    body.messages.unshift({ role: "system", content: HOUSE });
  }
  return context;
}
