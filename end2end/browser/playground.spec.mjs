// Asking models from the page itself: side by side, streamed, priced, within one's own budget.
import assert from "node:assert/strict";
import { go, site } from "./site.mjs";

const { router, test } = await site();

const answer = (page, model) => page.locator(".answer").filter({ has: page.getByRole("heading", { name: model, exact: true }) });
const TOOLS = JSON.stringify([{ type: "function", function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }]);

for (const javaScriptEnabled of [true, false]) {
  const way = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

  test(`${way}: two models answer side by side, and what it cost is shown and counted`, async ({ visit }) => {
    const user = await router.newSettledUser(`Curious ${way}`, { monthly_budget: 5 });
    const page = await visit({ as: user, javaScriptEnabled, tolerate: ["status of 500", "status of 502"] });
    await go(page, "/user-ui/playground");
    await page.getByLabel("Model", { exact: true }).selectOption("demo");
    await page.getByLabel("Beside it").selectOption("demo-500");
    await page.getByLabel("Message").fill("How are you?");
    await page.getByLabel("Longest answer, tokens").fill("200");
    await page.getByRole("button", { name: "Send" }).click();
    const good = answer(page, "demo");
    await good.getByText("Done", { exact: true }).waitFor();
    assert.match(await good.getByLabel("Answer").innerText(), /demo/i);
    assert.match(await good.locator(".facts").first().innerText(), /Tokens[\s\S]*in[\s\S]*Cost\s*\$0\.\d+[\s\S]*First chunk after/);
    const bad = answer(page, "demo-500");
    await bad.getByText("Failed", { exact: true }).waitFor();
    await bad.getByRole("alert").waitFor();

    await go(page, "/user-ui");
    const latest = page.getByRole("table", { name: "Latest requests" });
    assert.equal(await latest.getByText("playground").count(), 2, "marked in the log");
  });

  test(`${way}: what makes no sense is an error at its field`, async ({ visit }) => {
    const user = await router.newSettledUser(`Mistaken ${way}`);
    const page = await visit({ as: user, javaScriptEnabled });
    await go(page, "/user-ui/playground?model=demo");
    await page.getByLabel("Message").fill("Hi");
    await page.getByLabel("Temperature").fill("hot");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("Temperature must be a number such as 0.7.").waitFor();
    assert.equal(await page.getByLabel("Message").inputValue(), "Hi");
    assert.equal(await page.locator(".answer").count(), 0);
  });

  test(`${way}: over budget the page works and tells why`, async ({ visit }) => {
    const user = await router.newSettledUser(`Spent ${way}`, { daily_budget: 0.000000001 });
    const page = await visit({ as: user, javaScriptEnabled, tolerate: ["status of 429"] });
    assert.equal((await go(page, "/user-ui/playground?model=demo")).status(), 200);
    await page.getByLabel("Message").fill("Hi");
    await page.getByRole("button", { name: "Send" }).click();
    const refusal = answer(page, "demo").getByRole("alert");
    await refusal.waitFor();
    assert.match(await refusal.innerText(), /Daily budget/);
  });
}

test("an answer streams, tools are called, a picture goes along, and all of it is code to paste", async ({ visit }) => {
  const page = await visit({ as: router.admin });
  await go(page, "/admin-ui/playground?model=demo-slow");
  await page.getByLabel("Message").fill("Tell me something");
  await page.getByRole("button", { name: "Send" }).click();
  const slow = answer(page, "demo-slow");
  await slow.getByText("Running", { exact: true }).waitFor();
  await page.waitForFunction(() => document.querySelector(".answer .said:not(.quiet)")?.textContent.trim().length > 0);
  assert.equal(await slow.getByText("Running", { exact: true }).count(), 1, "words come before the end");
  await slow.getByText("Done", { exact: true }).waitFor({ timeout: 30_000 });

  await page.getByLabel("Model", { exact: true }).selectOption("demo");
  await page.getByText("System prompt, tools, picture").click();
  await page.getByLabel("System prompt").fill("Be short.");
  await page.getByLabel("Tools").fill(TOOLS);
  await page.getByLabel("Or upload one").setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: Buffer.from("iVBORw0KGgo=", "base64") });
  await page.waitForFunction(() => document.getElementById("ask-picture").value.startsWith("data:image/png;base64,"));
  await page.getByLabel("Message").fill("Call get_weather");
  await page.getByRole("button", { name: "Send" }).click();
  const called = answer(page, "demo");
  await called.getByText("Done", { exact: true }).waitFor();
  await called.getByText(/get_weather\(/).waitFor();

  await page.getByRole("button", { name: "As code" }).click();
  const code = await page.locator("pre[data-client=python-openai]").textContent();
  for (const part of ["Be short.", "get_weather", "data:image/png;base64,", router.url]) assert.ok(code.includes(part), part);
});

test("nobody else's page can ask in one's name", async ({ visit }) => {
  const page = await visit({ as: router.admin });
  const body = { model: "demo", messages: [{ role: "user", content: "Hi" }] };
  const ask = (headers) => page.request.post("/playground/chat", { data: body, headers });
  assert.equal((await ask({})).status(), 200);
  assert.equal((await ask({ "sec-fetch-site": "cross-site" })).status(), 403);
  assert.equal((await ask({ origin: "https://evil.example" })).status(), 403);
});
