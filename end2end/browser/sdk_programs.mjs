// Programs that call the router by the official Python clients, and the foreign upstream that some of their calls lead to:
// the other side of the conversation that end2end/clients/sdk_calls.py describes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../clients/", import.meta.url));
const PYTHON = process.env.CLIENTS_PYTHON;

// Starts the upstream. `backends` are the router's to configure, `call` makes the calls and answers with what each used.
export async function startPrograms() {
  if (!PYTHON) throw new Error("CLIENTS_PYTHON names no Python; run end2end/browser.sh");
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: "1" };
  const child = spawn(PYTHON, ["sdk_calls.py"], { cwd: FOLDER, env, stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`sdk_calls.py ended with ${(await ended)[0]}; its words are above`);
    return JSON.parse(value);
  };
  return {
    backends: await read(),
    call: async (router) => {
      child.stdin.write(`${JSON.stringify({ url: router.url, key: router.firstKey })}\n`);
      return read();
    },
    // The end of its input is the program's sign to stop the upstream and itself, whatever it had been asked before.
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
