// Usage: the sums, the chart with its table, and the file all say what the calls have used; a row leads to its
// requests. The filters are a form that needs no script.
import assert from "node:assert/strict";
import { bill, grouped } from "./demo_prices.mjs";
import { cells, figure, rowsOf } from "./overview_page.mjs";
import { go, site } from "./site.mjs";

const { router, test } = await site({});

async function calls() {
  const answers = [await router.chat(router.firstKey, "Hello!"), await router.messages(router.firstKey, "Good morning.", { stream: false })];
  for (const answer of answers) assert.equal(answer.status, 200, answer.text);
  return answers.map(bill);
}

test("nothing used: the page says what to do", async ({ visit }) => {
  const page = await visit({ as: router.admin });
  await go(page, "/admin-ui/usage");
  await page.getByText("No requests from").waitFor();
  assert.equal(await page.locator("svg[role=img]").count(), 0);
});

for (const javaScriptEnabled of [true, false]) {
  test(`sums, chart, table and file agree, JavaScript ${javaScriptEnabled}`, async ({ visit }) => {
    await calls();
    const page = await visit({ as: router.admin, javaScriptEnabled });
    await go(page, "/admin-ui/usage");
    const requests = Number(await figure(page, "Requests").innerText());
    assert.ok(requests >= 2);
    await page.getByRole("img").filter({ visible: true }).first().waitFor();
    const total = await cells(rowsOf(page, "Usage by model").last());
    assert.equal(total[0], "Total");
    assert.equal(total[2], String(requests));

    // Another range and group, by the form.
    await page.getByLabel("Range").selectOption("24h");
    await page.getByLabel("Group by").selectOption("user");
    await page.getByRole("button", { name: "Show" }).click();
    await page.waitForURL(/range=24h.*group=user/);
    await rowsOf(page, "Usage by user").filter({ hasText: "admin" }).waitFor();

    const file = await page.context().request.get(`/admin-ui/usage.csv?range=24h&group=user`);
    const lines = (await file.text()).trim().split("\n");
    assert.equal(lines.at(-1).split(",")[0], "total");
    assert.equal(lines.at(-1).split(",")[3], String(requests));

    // A row leads to the requests it sums up.
    await rowsOf(page, "Usage by user").getByRole("link", { name: "admin" }).click();
    await page.waitForURL(/\/admin-ui\/logs\?.*user=/);
    await page.getByText(`${grouped(requests)} requests,`).waitFor();
  });
}

test("every measure has a picture and its address", async ({ visit }) => {
  await calls();
  const page = await visit({ as: router.admin });
  for (const [name, word] of [["Requests", "requests"], ["Tokens", "tokens"], ["Duration", "latency"]]) {
    await go(page, "/admin-ui/usage?range=24h");
    await page.getByRole("group", { name: "What the chart shows" }).getByRole("link", { name, exact: true }).click();
    await page.waitForURL(new RegExp(`chart=${word}`));
    await page.getByRole("heading", { name: `${name} over time` }).waitFor();
  }
});
