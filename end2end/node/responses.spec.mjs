// The official openai client for Node on Responses over every kind of backend.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { CLAUDES, KINDS, PERSON, ROUTER_KEY, ROUTER_URL, SCHEMA, TEXT, THOUGHT, UNICODE, arrived, model, tagged } from "./standin.mjs";

const client = new OpenAI({ baseURL: `${ROUTER_URL}/v1`, apiKey: ROUTER_KEY, maxRetries: 0, timeout: 30_000 });
const { responses } = client;
const tools = [{ type: "function", name: "get_weather", description: "The weather", parameters: SCHEMA, strict: false }];
const ask = (kind, scenario, more = {}) => ({ model: model(kind), input: tagged(scenario).prompt, ...more });

// Answers the calls of a response with "<city> is sunny", until it has none; the items that it took to get there.
async function converse(kind, scenario, more) {
  const { prompt, run } = tagged(scenario);
  const input = [{ role: "user", content: prompt }];
  for (;;) {
    const stream = responses.stream({ model: model(kind), input, tools, store: false, include: ["reasoning.encrypted_content"], ...more });
    const answer = await stream.finalResponse();
    input.push(...answer.output);
    const calls = answer.output.filter((item) => item.type === "function_call");
    if (!calls.length) return { answer, run };
    input.push(...calls.map((call) => ({ type: "function_call_output", call_id: call.call_id, output: `${JSON.parse(call.arguments).city} is sunny` })));
  }
}

for (const kind of KINDS) {
  describe(`responses over ${kind}`, () => {
    test("a plain answer", async () => {
      const answer = await responses.create(ask(kind, "plain"));
      assert.equal(answer.output_text, TEXT);
      assert.deepEqual([answer.status, answer.model, answer.usage.total_tokens], ["completed", model(kind), 18]);
    });

    test("a stream cut at any byte", async () => {
      let text = "";
      const stream = responses.stream(ask(kind, "unicode")).on("response.output_text.delta", (event) => { text += event.delta; });
      assert.equal((await stream.finalResponse()).output_text, UNICODE);
      assert.equal(text, UNICODE);
    });

    test("tools over three turns", async () => {
      assert.equal((await converse(kind, "trip")).answer.output_text, "Paris is sunny; Rome is sunny");
    });

    test("parallel calls", async () => {
      assert.equal((await converse(kind, "parallel")).answer.output_text, "Paris is sunny; Rome is sunny");
    });

    test("structured output", async () => {
      const format = { type: "json_schema", name: "person", strict: true, schema: PERSON };
      const answer = await responses.parse(ask(kind, "person", { text: { format } }));
      assert.deepEqual(JSON.parse(answer.output_text), { name: "Ada", age: 36 });
    });

    test("errors", async () => {
      await assert.rejects(responses.create(ask(kind, "error-400")), { status: 400, constructor: OpenAI.BadRequestError });
      await assert.rejects(responses.create(ask(kind, "error-429")), { status: 429, constructor: OpenAI.RateLimitError });
      await assert.rejects(responses.create(ask(kind, "error-503")), { status: 503, constructor: OpenAI.InternalServerError });
    });
  });
}

for (const kind of CLAUDES) {
  test(`thinking over three turns on ${kind}`, async () => {
    const { answer, run } = await converse(kind, "think-trip", { reasoning: { effort: "low", summary: "auto" } });
    assert.equal(answer.output_text, "Paris is sunny; Rome is sunny");
    // The stand-in has refused what it did not sign itself; here it is enough that the thinking came back.
    const last = JSON.stringify((await arrived(run)).at(-1));
    for (const step of [1, 2]) assert.ok(last.includes(JSON.stringify(`${THOUGHT}Step ${step}.`)), last);
  });
}
