// All budgets in one place: who is near a limit, changing, forgiving and clearing them where they stand, their past.
import assert from "node:assert/strict";
import { errorAt, go, site } from "./site.mjs";

const { router, test } = await site();

const works = async (key) => (await router.chat(key, "Hello")).status;
const row = (page, name) => page.locator(".budget-list > li").filter({ has: page.getByRole("link", { name, exact: true }) });
const names = (page) => page.locator(".budget-list h2").allInnerTexts();

for (const javaScriptEnabled of [true, false]) {
  const way = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

  test(`${way}: budgets are found near their limit, changed in place, forgiven and cleared`, async ({ visit }) => {
    const [near, calm] = [`Near ${way}`, `Calm ${way}`];
    const user = await router.newUser(near);
    await router.newUser(calm, { monthly_budget: 50, soft_monthly_budget: 40 });
    assert.equal(await works(user.api_key), 200);
    await router.manage("PATCH", `/admin/users/${user.id}`, { daily_budget: 0.000001 });
    assert.equal(await works(user.api_key), 429);

    const page = await visit({ as: router.admin, javaScriptEnabled, tolerate: ["status of 422"] });
    await go(page, `/admin-ui/budgets?q=${encodeURIComponent(way)}`);
    assert.deepEqual(await names(page), [near, calm], "the nearest to its limit first");
    await row(page, calm).getByText("of $50.00, then refused; warned at $40.00").waitFor();
    await page.getByLabel("Show").selectOption("near");
    await page.getByRole("button", { name: "Search" }).click();
    await page.waitForURL(/show=near/);
    await row(page, calm).waitFor({ state: "detached" });
    assert.deepEqual(await names(page), [near]);

    const one = row(page, near);
    await one.getByText("Change").click();
    await one.getByLabel("Monthly budget, $").fill("-1");
    await one.getByRole("button", { name: "Save budget" }).click();
    assert.equal(await errorAt(one, "Monthly budget, $"), "Monthly budget must not be negative.");
    await go(page, `/admin-ui/budgets?q=${encodeURIComponent(near)}`);
    await one.getByText("Change").click();
    await one.getByRole("button", { name: "Forgive today’s spend" }).click();
    await one.getByText("$0.00", { exact: true }).first().waitFor();
    await go(page, `/admin-ui/budgets?q=${encodeURIComponent(near)}`);
    await one.getByText("Change").click();
    await one.getByLabel("Daily budget, $").fill("3");
    await one.getByRole("button", { name: "Save budget" }).click();
    await one.getByText("of $3.00, then refused").waitFor();
    assert.equal(await works(user.api_key), 200);

    await one.getByRole("link", { name: near, exact: true }).click();
    const past = page.getByRole("complementary");
    await past.getByRole("table", { name: "Spent by day" }).waitFor();
    assert.equal(await past.getByRole("table", { name: "Spent by month" }).getByRole("row").count(), 13);

    await go(page, `/admin-ui/budgets?q=${encodeURIComponent(near)}`);
    await one.getByText("Change").click();
    await one.getByRole("button", { name: "Take all limits away" }).click();
    await page.getByText("No budget is like that.").waitFor();
  });
}
