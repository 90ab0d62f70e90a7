// The official openai client for Node, in two generations, on Chat Completions over every kind of backend.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { OpenAI as OpenAI6 } from "openai-6";
import { KINDS, PERSON, ROUTER_KEY, ROUTER_URL, SCHEMA, TEXT, UNICODE, arrived, model, tagged } from "./standin.mjs";

const settings = { baseURL: `${ROUTER_URL}/v1`, apiKey: ROUTER_KEY, maxRetries: 0, timeout: 30_000 };
const clients = { "openai 7": new OpenAI(settings), "openai 6": new OpenAI6(settings) };
const user = (scenario) => [{ role: "user", content: tagged(scenario).prompt }];
const tools = [{ type: "function", function: { name: "get_weather", description: "The weather", parameters: SCHEMA } }];

for (const [name, client] of Object.entries(clients)) {
  const { completions } = client.chat;
  for (const kind of KINDS) {
    describe(`${name} over ${kind}`, () => {
      test("a plain answer", async () => {
        const answer = await completions.create({ model: model(kind), messages: user("plain") });
        assert.equal(answer.choices[0].message.content, TEXT);
        assert.equal(answer.choices[0].finish_reason, "stop");
        assert.equal(answer.model, model(kind));
        assert.equal(answer.usage.total_tokens, 18);
        assert.ok(answer._request_id);
      });

      test("a stream cut at any byte", async () => {
        let text = "";
        for await (const chunk of await completions.create({ model: model(kind), messages: user("unicode"), stream: true })) {
          text += chunk.choices[0].delta.content ?? "";
        }
        assert.equal(text, UNICODE);
      });

      // The client's own loop: it runs the functions and asks again until there is an answer.
      for (const stream of [false, true]) {
        test(`tools over three turns, ${stream ? "streamed" : "whole"}`, async () => {
          const seen = [];
          const run = (arguments_) => { seen.push(arguments_.city); return `${arguments_.city} is sunny`; };
          const tool = { type: "function", function: { ...tools[0].function, parse: JSON.parse, function: run } };
          const runner = completions.runTools({ model: model(kind), messages: user("trip"), tools: [tool], stream });
          assert.equal(await runner.finalContent(), "Paris is sunny; Rome is sunny");
          assert.deepEqual(seen, ["Paris", "Rome"]);
        });
      }

      test("parallel calls by the stream's helper", async () => {
        const runner = completions.stream({ model: model(kind), messages: user("parallel"), tools, stream_options: { include_usage: true } });
        const answer = await runner.finalChatCompletion();
        const [{ message, finish_reason }] = answer.choices;
        assert.deepEqual(message.tool_calls.map((call) => JSON.parse(call.function.arguments).city), ["Paris", "Rome"]);
        assert.equal(new Set(message.tool_calls.map((call) => call.id)).size, 2);
        assert.equal(finish_reason, "tool_calls");
        assert.equal(answer.usage.total_tokens, 18);
      });

      test("structured output", async () => {
        const { prompt, run } = tagged("person");
        const response_format = { type: "json_schema", json_schema: { name: "person", strict: true, schema: PERSON } };
        const answer = await completions.parse({ model: model(kind), messages: [{ role: "user", content: prompt }], response_format });
        assert.deepEqual(JSON.parse(answer.choices[0].message.content), { name: "Ada", age: 36 });
        assert.match(JSON.stringify(await arrived(run)), /integer/);
      });

      test("errors", async () => {
        const failing = (scenario) => completions.create({ model: model(kind), messages: user(scenario) });
        await assert.rejects(failing("error-400"), { status: 400, constructor: client.constructor.BadRequestError });
        await assert.rejects(failing("error-429"), { status: 429, constructor: client.constructor.RateLimitError });
        await assert.rejects(failing("error-500"), { status: 500, constructor: client.constructor.InternalServerError });
        await assert.rejects(failing("too-long"), { status: 400, code: "context_length_exceeded" });
      });

      test("a stream that breaks", async () => {
        const stream = await completions.create({ model: model(kind), messages: user("breaks"), stream: true });
        await assert.rejects(Array.fromAsync(stream), client.constructor.APIError);
      });
    });
  }
}
