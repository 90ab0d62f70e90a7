// The log of requests: filters in the address, a pasted id over all dates, one request with its bill, and the live
// tail that honours the filters.
import assert from "node:assert/strict";
import { cells, rowsOf } from "./overview_page.mjs";
import { go, site } from "./site.mjs";

const { router, test } = await site({});

const rows = (page) => rowsOf(page, "Latest requests");

for (const javaScriptEnabled of [true, false]) {
  test(`filters narrow the list, JavaScript ${javaScriptEnabled}`, async ({ visit }) => {
    assert.equal((await router.chat(router.firstKey, "Hello!")).status, 200);
    await router.chat(router.firstKey, "Hello?", { model: "demo-500" });
    const page = await visit({ as: router.admin, javaScriptEnabled });
    await go(page, "/admin-ui/logs");
    await rows(page).first().waitFor();
    await page.getByLabel("Result").selectOption("failed");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.waitForURL(/result=failed/);
    await rows(page).first().waitFor();
    for (const row of await rows(page).all()) assert.match((await cells(row)).at(-1), /Upstream error/);

    // A pasted id is found whatever the dates are.
    const id = await rows(page).first().getAttribute("id");
    await go(page, `/admin-ui/logs?from=2020-01-01&to=2020-01-02&q=${id}`);
    assert.equal(await rows(page).count(), 1);
    await rows(page).getByRole("link").first().click();
    await page.waitForURL(`**/admin-ui/logs/${id}`);
    await page.getByRole("heading", { name: "Timing" }).waitFor();
    await page.getByText("As curl").first().waitFor();
  });
}

test("nothing fits: the page says what to do", async ({ visit }) => {
  const page = await visit({ as: router.admin });
  await go(page, "/admin-ui/logs?q=no-such-model");
  await page.getByText("No request fits.").waitFor();
  await page.getByRole("link", { name: "Show all requests" }).waitFor();
});

test("the tail brings requests that fit, and stops while it is paused", async ({ visit }) => {
  const page = await visit({ as: router.admin });
  await go(page, "/admin-ui/logs?model=demo");
  const before = await rows(page).count();
  await page.getByRole("button", { name: "Follow live" }).click();
  await page.getByText("Live", { exact: true }).waitFor();
  await router.chat(router.firstKey, "No.", { model: "demo-500" });
  await router.chat(router.firstKey, "Yes.");
  await rows(page).nth(before).waitFor();
  assert.equal(await rows(page).count(), before + 1);

  await page.getByRole("button", { name: "Pause" }).click();
  await router.chat(router.firstKey, "Later.");
  await page.getByRole("button", { name: "Go on (1 new)" }).click();
  await rows(page).nth(before + 1).waitFor();
});
