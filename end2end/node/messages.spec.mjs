// The official @anthropic-ai/sdk client for Node on Messages over every kind of backend.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { CLAUDES, KINDS, PERSON, ROUTER_KEY, ROUTER_URL, SCHEMA, TEXT, THOUGHT, UNICODE, arrived, model, tagged } from "./standin.mjs";

const client = new Anthropic({ baseURL: ROUTER_URL, apiKey: ROUTER_KEY, maxRetries: 0, timeout: 30_000 });
const tools = [{ name: "get_weather", description: "The weather", input_schema: SCHEMA }];
const ask = (kind, scenario, more = {}) => ({ model: model(kind), max_tokens: 4096, messages: [{ role: "user", content: tagged(scenario).prompt }], ...more });

// Answers the calls of a message with "<city> is sunny", until it has none.
async function converse(kind, scenario, more) {
  const { prompt, run } = tagged(scenario);
  const messages = [{ role: "user", content: prompt }];
  for (;;) {
    const answer = await client.messages.stream({ model: model(kind), max_tokens: 4096, tools, messages, ...more }).finalMessage();
    const calls = answer.content.filter((block) => block.type === "tool_use");
    if (!calls.length) return { answer, run };
    const results = calls.map((call) => ({ type: "tool_result", tool_use_id: call.id, content: `${call.input.city} is sunny` }));
    messages.push({ role: "assistant", content: answer.content }, { role: "user", content: results });
  }
}

for (const kind of KINDS) {
  describe(`messages over ${kind}`, () => {
    test("a plain answer", async () => {
      const answer = await client.messages.create(ask(kind, "plain"));
      assert.deepEqual(answer.content.map((block) => block.text), [TEXT]);
      assert.deepEqual([answer.stop_reason, answer.model, answer.usage.input_tokens, answer.usage.output_tokens], ["end_turn", model(kind), 11, 7]);
      assert.ok(answer._request_id);
    });

    test("a stream cut at any byte", async () => {
      let text = "";
      await client.messages.stream(ask(kind, "unicode")).on("text", (delta) => { text += delta; }).finalMessage();
      assert.equal(text, UNICODE);
    });

    test("tools over three turns", async () => {
      assert.equal((await converse(kind, "trip")).answer.content[0].text, "Paris is sunny; Rome is sunny");
    });

    test("parallel calls", async () => {
      assert.equal((await converse(kind, "parallel")).answer.content[0].text, "Paris is sunny; Rome is sunny");
    });

    test("arguments as they grow", async () => {
      const snapshots = [];
      const stream = client.messages.stream(ask(kind, "hard-arguments", { tools })).on("inputJson", (_, snapshot) => snapshots.push(snapshot));
      const [block] = (await stream.finalMessage()).content;
      assert.deepEqual(snapshots.at(-1), block.input);
      assert.equal(block.input.city, "Zürich 🏔");
    });

    test("structured output", async () => {
      const answer = await client.messages.create(ask(kind, "person", { output_config: { format: { type: "json_schema", schema: PERSON } } }));
      assert.deepEqual(JSON.parse(answer.content[0].text), { name: "Ada", age: 36 });
      assert.equal(answer.stop_reason, "end_turn");
    });

    test("tokens from the cache", async () => {
      const { usage } = await client.messages.create(ask(kind, "cached"));
      assert.deepEqual([usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens], [10, 1000, 200]);
    });

    test("errors", async () => {
      await assert.rejects(client.messages.create(ask(kind, "error-400")), { status: 400, constructor: Anthropic.BadRequestError });
      await assert.rejects(client.messages.create(ask(kind, "error-429")), { status: 429, constructor: Anthropic.RateLimitError });
      await assert.rejects(client.messages.create(ask(kind, "error-500")), { status: 500, constructor: Anthropic.InternalServerError });
    });

    test("a stream that breaks", async () => {
      await assert.rejects(client.messages.stream(ask(kind, "breaks")).finalMessage(), Anthropic.AnthropicError);
    });
  });
}

for (const kind of CLAUDES) {
  for (const scenario of ["think-trip", "redacted"]) {
    test(`${scenario} over three turns on ${kind}`, async () => {
      const { answer, run } = await converse(kind, scenario, { thinking: { type: "enabled", budget_tokens: 2000 } });
      assert.equal(answer.content.at(-1).text, "Paris is sunny; Rome is sunny");
      if (scenario === "think-trip") {
        const last = JSON.stringify((await arrived(run)).at(-1));
        for (const step of [1, 2]) assert.ok(last.includes(JSON.stringify(`${THOUGHT}Step ${step}.`)), last);
      }
    });
  }
}
