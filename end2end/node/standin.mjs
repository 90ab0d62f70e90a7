// Where the router and the stand-in behind it are, prompts that pick what the stand-in says, and what arrived there.
// with_standin.py starts both; what the scenarios say stands in clients/standin/script.py.
import { randomBytes } from "node:crypto";

const { ROUTER_URL, ROUTER_KEY, STANDIN_URL } = process.env;
if (!ROUTER_URL || !ROUTER_KEY || !STANDIN_URL) throw new Error("no router to talk to; run end2end/node.sh");

export { ROUTER_URL, ROUTER_KEY };
export const KINDS = ["compatible", "openai", "anthropic", "converse", "invoke"];
export const CLAUDES = ["anthropic", "converse", "invoke"];
export const model = (kind) => `on-${kind}`;

export const TEXT = "Hello from the stand-in.";
export const UNICODE = "naïve — 你好 — привет — 👩‍👩‍👧‍👦 🇵🇱 e\u0301 𝔘 \u2028 \u0085 end\u00a0\"quoted\" \\ \t tab\nline";
export const THOUGHT = "First I consider the question — twice.\n";

export const SCHEMA = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
export const PERSON = { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } }, required: ["name", "age"], additionalProperties: false };

// A prompt that makes the stand-in act a scenario, and the run under which its requests are found again.
export function tagged(scenario) {
  const run = randomBytes(8).toString("hex");
  return { prompt: `What do you say? [[${scenario}:${run}]]`, run };
}

// The bodies that arrived at the stand-in under a run, oldest first.
export async function arrived(run) {
  const answer = await fetch(`${STANDIN_URL}/received/${run}`);
  return (await answer.json()).map((request) => request.body);
}
