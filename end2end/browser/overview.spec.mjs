// The overview says what was really used: calls are made as programs make them, and every figure of the page is compared
// with the bill that their answers add up to.
import assert from "node:assert/strict";
import { bill, grouped, printed } from "./demo_prices.mjs";
import { cells, exact, figure, rowsOf } from "./overview_page.mjs";
import { go, hasText, site } from "./site.mjs";

const { router, test } = await site({ dashboard: { refresh_interval: "1s" } });

test("without any request the overview says how to make the first", async ({ visit }) => {
  const page = await visit({ as: router.admin });
  await go(page, "/admin-ui");
  await hasText(figure(page, "Requests today"), "0");
  await page.getByText("No requests yet.").waitFor();
  assert.equal(await page.locator("svg[role=img]").count(), 0, "no empty picture");
  assert.equal(await page.getByRole("link", { name: "Create a key" }).getAttribute("href"), "/admin-ui/keys?new=1");
});

test("figures, chart, table and list say what the calls have used", async ({ visit }) => {
  const key = router.firstKey;
  const long = "one two three four five ".repeat(40);
  const answers = [
    await router.chat(key, "Hello!"),
    await router.chat(key, long),
    await router.messages(key, "Good morning, router."),
    await router.messages(key, long, { max_tokens: 7 }),
    await router.chat(key, "The last one.", { temperature: 0 }),
  ];
  for (const answer of answers) assert.equal(answer.status, 200, answer.text);
  const failed = await router.chat(key, "Hello?", { model: "demo-500" });
  assert.ok(failed.status >= 500, failed.text);

  const bills = answers.map(bill);
  const sum = (of) => bills.reduce((total, one) => total + of(one), 0);
  const [input, output, nano] = [sum((one) => one.input), sum((one) => one.output), sum((one) => one.nano)];
  const requests = bills.length + 1;

  const page = await visit({ as: router.admin });
  await go(page, "/admin-ui");
  await hasText(figure(page, "Spend today"), printed(nano));
  await hasText(figure(page, "Spend this month"), printed(nano));
  await hasText(figure(page, "Requests today"), String(requests));
  await hasText(figure(page, "Tokens today"), grouped(input + output));
  assert.equal(await figure(page, "Spend today").getAttribute("title"), exact(nano), "exact to the nano-dollar");
  await page.getByText(`${grouped(input)} in, ${grouped(output)} out`).waitFor();
  await page.getByText("1 failed").waitFor();

  // The chart has a name, and a table with the same numbers.
  const chart = page.locator("section.tile").filter({ has: page.getByRole("heading", { name: "Spend by hour" }) });
  await chart.getByRole("img").filter({ visible: true }).waitFor();
  assert.match(await chart.getByRole("img").filter({ visible: true }).getAttribute("aria-label"), /by hour/);
  await chart.getByText("The numbers").click();
  await rowsOf(page, "Today by hour").first().waitFor();
  const hours = await Promise.all((await rowsOf(page, "Today by hour").all()).map(cells));
  const used = hours.filter(([, , count]) => count !== "0");
  assert.ok(used.length > 0 && used.length <= 2, `the calls took an hour at most: ${JSON.stringify(hours)}`);
  const total = (column) => used.reduce((sum, cells) => sum + Number(cells[column].replace(/[$,]/g, "")), 0);
  assert.deepEqual([total(2), total(3), total(4)], [requests, 1, input + output]);
  assert.ok(Math.abs(total(1) - nano / 1e9) < 1e-6, `${total(1)} and ${nano} nano-dollars`);

  const byModel = await Promise.all((await rowsOf(page, "This month by model").all()).map(cells));
  assert.deepEqual(byModel, [["demo", String(bills.length), printed(nano)], ["demo-500", "1", "$0.00"]]);

  // The latest requests, the newest first.
  const latest = await Promise.all((await rowsOf(page, "Latest requests").all()).map(cells));
  assert.equal(latest.length, requests);
  const seen = latest.map(([, user, model, , tokens, cost, , result]) => ({ user, model, tokens, cost, result }));
  assert.deepEqual(seen.shift(), { user: "admin first key", model: "demo-500", tokens: "0 / 0", cost: "$0.00", result: `Upstream error HTTP ${failed.status}` });
  const expected = bills.map((one) => ({
    user: "admin first key", model: "demo", tokens: `${grouped(one.input)} / ${grouped(one.output)}`, cost: printed(one.nano), result: "Completed HTTP 200",
  }));
  assert.deepEqual(seen, expected.reverse());
});

test("the figures follow while the page is open", async ({ visit }) => {
  const page = await visit({ as: router.admin });
  await go(page, "/admin-ui");
  const before = Number(await figure(page, "Requests today").innerText());
  await router.messages(router.firstKey, "Once more.", { stream: true });
  await hasText(figure(page, "Requests today"), String(before + 1));
});

test("the chart shows requests instead of spend, and its address says so", async ({ visit }) => {
  const page = await visit({ as: router.admin });
  await go(page, "/admin-ui");
  await page.getByRole("group", { name: "What the chart shows" }).getByRole("link", { name: "Requests" }).click();
  await page.waitForURL("/admin-ui?chart=requests");
  await page.getByRole("heading", { name: "Requests by hour" }).waitFor();
  const again = await visit({ as: router.admin });
  await go(again, page.url());
  await again.getByRole("heading", { name: "Requests by hour" }).waitFor();
});
