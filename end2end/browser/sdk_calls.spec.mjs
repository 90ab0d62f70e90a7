// What programs have used is on the overview page, to the token and the nano-dollar: calls by the official Python clients,
// plain and streamed, to the demo backend and to LiteLLM's proxy. What the clients themselves get is tested in Python.
import assert from "node:assert/strict";
import { after } from "node:test";
import { grouped } from "./demo_prices.mjs";
import { cells, exact, exactAmount, figure, rowsOf } from "./overview_page.mjs";
import { startPrograms } from "./sdk_programs.mjs";
import { go, hasText, site } from "./site.mjs";

const programs = await startPrograms();
after(() => programs.stop());
const { router, test } = await site({ backends: programs.backends });

const read = async (rows, one) => Promise.all((await rows.all()).map(one));

test("calls of the official clients are found on the overview page with their tokens and cost", async ({ visit }) => {
  const calls = await programs.call(router);
  const models = [...new Set(calls.map(({ model }) => model))];
  assert.deepEqual(models, ["demo", "mock-gpt", "claude-mock"]);
  for (const { input, output, nano } of calls) assert.ok(input > 0 && output > 0 && nano > 0);
  const sum = (calls, of) => calls.reduce((total, call) => total + call[of], 0);

  const page = await visit({ as: router.admin });
  await go(page, "/admin-ui");
  await hasText(figure(page, "Requests today"), String(calls.length));
  await page.getByText("none failed").waitFor();
  await page.getByText(`${grouped(sum(calls, "input"))} in, ${grouped(sum(calls, "output"))} out`).waitFor();
  assert.equal(await figure(page, "Spend today").getAttribute("title"), exact(sum(calls, "nano")));
  assert.equal(await figure(page, "Spend this month").getAttribute("title"), exact(sum(calls, "nano")));

  // The dearest first.
  const byModel = await read(rowsOf(page, "This month by model"), async (row) => [...(await cells(row)).slice(0, 2), await exactAmount(row)]);
  const bills = models.map((model) => ({ model, own: calls.filter((call) => call.model === model) }));
  bills.sort((one, other) => sum(other.own, "nano") - sum(one.own, "nano"));
  assert.deepEqual(byModel, bills.map(({ model, own }) => [model, String(own.length), exact(sum(own, "nano"))]));

  // Each call for itself, the newest first.
  const latest = await read(rowsOf(page, "Latest requests"), async (row) => {
    const [, user, model, , tokens, , , result] = await cells(row);
    return { user, model, tokens, cost: await exactAmount(row), result };
  });
  const expected = calls.map(({ model, input, output, nano }) => ({
    user: "admin first key", model, tokens: `${grouped(input)} / ${grouped(output)}`, cost: exact(nano), result: "Completed HTTP 200",
  }));
  assert.deepEqual(latest, expected.reverse());
});
