// An OpenID provider that is not ours, as a process of its own: PyPI's oidc-provider-mock, which shows a page with a
// button for each person it knows, and signs with RS256.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { once } from "node:events";

const PROGRAM = process.env.OIDC_PROVIDER;
const START_MS = 30_000;

// Starts one that knows these people, each a set of claims with a `sub`.
export async function startProvider(people) {
  if (!PROGRAM) throw new Error("OIDC_PROVIDER names no program; run end2end/browser.sh");
  const port = await freePort();
  const claims = people.flatMap((person) => ["--user-claims", JSON.stringify(person)]);
  const child = spawn(PROGRAM, ["--port", String(port), ...claims], { stdio: "ignore" });
  process.once("exit", () => child.exitCode === null && child.kill("SIGKILL"));
  const issuer = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + START_MS;
  while (!(await answers(`${issuer}/.well-known/openid-configuration`))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error("the OpenID provider did not start");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const stop = async () => {
    const ended = child.exitCode ?? once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  };
  return { issuer, stop };
}

async function answers(url) {
  return fetch(url).then((answer) => answer.ok, () => false);
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
