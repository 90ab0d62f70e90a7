// An admin's work with users: make, find, stop and delete them.
import assert from "node:assert/strict";
import { alive, errorAt, go, hasText, site } from "./site.mjs";

const { router, test } = await site();

const panel = (page) => page.getByRole("complementary");
const namesListed = (page) => page.getByRole("table", { name: "Users" }).locator("td.lead a").allInnerTexts();
const works = async (key) => (await router.chat(key, "Hello")).status;

test("a new user's password is shown once and never again", async ({ visit }) => {
  const page = await visit({ as: router.admin, tolerate: ["status of 410"] });
  await go(page, "/admin-ui/users");
  await page.getByRole("link", { name: "New user" }).click();
  await panel(page).getByLabel("Name", { exact: true }).fill("Grace Hopper");
  await panel(page).getByLabel("E-mail (optional)").fill("grace@example.com");
  await panel(page).getByLabel("Monthly budget, $").fill("12.50");
  await panel(page).getByRole("button", { name: "Create user" }).click();
  await page.waitForURL("**/reveal/*");
  await alive(page);
  const password = await page.getByLabel("The password").innerText();
  assert.ok(password.length >= 12, password);
  assert.ok(!page.url().includes(password));
  assert.ok(!router.hasStored(password), "kept nowhere in the clear");
  const shownAt = page.url();

  const never = async (way) => {
    await page.getByRole("heading", { name: "No longer shown" }).waitFor();
    assert.ok(!(await page.content()).includes(password), way);
  };
  await page.reload();
  await never("after reloading");
  assert.equal((await page.goto(shownAt)).status(), 410);
  await never("opened again");
  await go(page, "/admin-ui/users");
  await page.goBack();
  await never("after going back");

  await visit({ as: { name: "Grace Hopper", password } });
});

test("the page that shows a secret is empty when one goes back to it", async ({ visit }) => {
  const page = await visit({ as: router.admin, tolerate: ["status of 410"] });
  await go(page, "/admin-ui/users?new=1");
  await panel(page).getByLabel("Name", { exact: true }).fill("Only once");
  await panel(page).getByRole("button", { name: "Create user" }).click();
  await page.waitForURL("**/reveal/*");
  await alive(page);
  const password = await page.getByLabel("The password").innerText();
  await page.getByRole("link", { name: "I have saved it" }).click();
  await page.waitForURL("/admin-ui/users");
  await page.goBack();
  await page.waitForURL("**/reveal/*");
  await page.locator("main").waitFor();
  assert.ok(!(await page.content()).includes(password));
});

test("an invalid form says what is wrong at the field and keeps what was typed", async ({ visit }) => {
  const page = await visit({ as: router.admin, tolerate: ["status of 422", "status of 409"] });
  await go(page, "/admin-ui/users?new=1");
  await panel(page).getByLabel("Name", { exact: true }).fill("Mary");
  await panel(page).getByLabel("Daily budget, $").fill("two");
  await panel(page).getByLabel("Role").selectOption("admin");
  await panel(page).getByRole("button", { name: "Create user" }).click();
  assert.match(await errorAt(panel(page), "Daily budget, $"), /^Daily budget must be an amount in US dollars/);
  assert.equal(await page.locator("[aria-invalid=true]").count(), 1);
  assert.equal(await panel(page).getByLabel("Name", { exact: true }).inputValue(), "Mary");
  assert.equal(await panel(page).getByLabel("Daily budget, $").inputValue(), "two");
  assert.equal(await panel(page).getByLabel("Role").inputValue(), "admin");

  await panel(page).getByLabel("Daily budget, $").fill("2");
  await panel(page).getByLabel("Name", { exact: true }).fill("ADMIN");
  await panel(page).getByRole("button", { name: "Create user" }).click();
  assert.equal(await errorAt(panel(page), "Name"), "A user of that name exists.");
  assert.deepEqual((await router.manage("GET", "/admin/users")).filter((user) => /mary/i.test(user.name)), []);
});

test("disabling a user stops their key and their session at once, enabling brings the key back", async ({ visit }) => {
  const user = await router.newSettledUser("Alan Turing");
  const theirs = await visit({ as: user, tolerate: ["status of 401"] });
  await go(theirs, "/user-ui");
  assert.equal(await works(user.api_key), 200);

  const page = await visit({ as: router.admin });
  await go(page, `/admin-ui/users?open=${user.id}`);
  await panel(page).getByRole("button", { name: "Disable" }).click();
  await panel(page).getByRole("button", { name: "Enable" }).waitFor();
  assert.equal(await works(user.api_key), 401);
  await page.getByRole("row").filter({ hasText: "Alan Turing" }).getByText("Disabled").waitFor();
  await go(theirs, "/user-ui");
  assert.equal(new URL(theirs.url()).pathname, "/login");

  await panel(page).getByRole("button", { name: "Enable" }).click();
  await panel(page).getByRole("button", { name: "Disable" }).waitFor();
  assert.equal(await works(user.api_key), 200);
});

test("a budget is changed in place and holds at once", async ({ visit }) => {
  const user = await router.newUser("Small budget");
  assert.equal(await works(user.api_key), 200);
  const page = await visit({ as: router.admin });
  await go(page, `/admin-ui/users?open=${user.id}`);
  await panel(page).getByLabel("Daily budget, $").fill("0.000001");
  await panel(page).getByRole("button", { name: "Save budgets" }).click();
  await page.getByRole("row").filter({ hasText: "Small budget" }).getByText("of $0.000001").waitFor();
  assert.equal(await works(user.api_key), 429);

  await panel(page).getByLabel("Daily budget, $").fill("");
  await panel(page).getByRole("button", { name: "Save budgets" }).click();
  await page.getByRole("row").filter({ hasText: "Small budget" }).getByText("of $0.000001").waitFor({ state: "detached" });
  assert.equal(await works(user.api_key), 200);
});

test("passing a warning refuses nothing and stands on both first pages", async ({ visit }) => {
  const user = await router.newSettledUser("Early warning");
  const page = await visit({ as: router.admin, tolerate: ["status of 422"] });
  await go(page, `/admin-ui/users?open=${user.id}`);
  await panel(page).getByLabel("Warn in a day at, $").fill("1e");
  await panel(page).getByRole("button", { name: "Save budgets" }).click();
  assert.match(await errorAt(panel(page), "Warn in a day at, $"), /^Daily warning must be an amount in US dollars/);
  await panel(page).getByLabel("Warn in a day at, $").fill("0.000001");
  await panel(page).getByLabel("Monthly budget, $").fill("5");
  await panel(page).getByRole("button", { name: "Save budgets" }).click();
  await page.getByRole("row").filter({ hasText: "Early warning" }).getByText("of $5.00").waitFor();
  assert.equal(await works(user.api_key), 200);
  assert.equal(await works(user.api_key), 200);

  const told = (page) => page.getByRole("table", { name: "Budget alerts" }).getByRole("row").filter({ hasText: /Warning.*of \$0.000001/ });
  const theirs = await visit({ as: user });
  for (const [who, path] of [[page, "/admin-ui"], [theirs, "/user-ui"]]) {
    await go(who, path);
    await told(who).first().waitFor();
    assert.equal(await told(who).count(), 1, "told once");
  }
  assert.match(await told(page).textContent(), /Daily, user Early warning.*Warning/);
  // A budget that is saved again keeps its warning.
  await go(page, `/admin-ui/users?open=${user.id}`);
  assert.equal(await panel(page).getByLabel("Warn in a day at, $").inputValue(), "0.000001");
});

test("deleting a user asks for their name, and takes their keys with them", async ({ visit }) => {
  const user = await router.newUser("Charles Babbage");
  const page = await visit({ as: router.admin, tolerate: ["status of 422"] });
  await go(page, `/admin-ui/users?open=${user.id}`);
  await panel(page).getByText("Delete this user").click();
  await panel(page).getByLabel("Name", { exact: true }).fill("charles");
  await panel(page).getByRole("button", { name: "Delete user and keys" }).click();
  assert.equal(await errorAt(panel(page), "Name"), "Type the name exactly as it is shown.");
  assert.equal(await works(user.api_key), 200);

  await panel(page).getByLabel("Name", { exact: true }).fill("Charles Babbage");
  await panel(page).getByRole("button", { name: "Delete user and keys" }).click();
  await page.waitForURL("/admin-ui/users?done=user-deleted");
  await page.getByRole("status").filter({ hasText: "The user and their keys are gone." }).waitFor();
  assert.equal(await works(user.api_key), 401);
  await page.getByRole("link", { name: "Charles Babbage" }).waitFor({ state: "detached" });
});

test("one's own account and the last admin cannot be disabled or deleted", async ({ visit }) => {
  const page = await visit({ as: router.admin, tolerate: ["status of 409"] });
  await go(page, "/admin-ui/users?q=admin");
  await page.getByRole("link", { name: "admin", exact: true }).click();
  await panel(page).getByRole("button", { name: "Disable" }).click();
  const refusal = panel(page).getByRole("alert").filter({ hasText: "This is your own account." });
  await refusal.waitFor();
  await go(page, "/admin-ui");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
});

test("what went wrong with one user is not said of the next", async ({ visit }) => {
  const other = await router.newUser("admin number two");
  const page = await visit({ as: router.admin, tolerate: ["status of 409"] });
  await go(page, "/admin-ui/users?q=admin");
  await page.getByRole("link", { name: "admin", exact: true }).click();
  await panel(page).getByRole("button", { name: "Disable" }).click();
  await panel(page).getByRole("alert").filter({ hasText: "This is your own account." }).waitFor();
  await page.getByRole("link", { name: other.name }).click();
  await panel(page).locator("dd", { hasText: other.name }).waitFor();
  assert.equal(await panel(page).getByRole("alert").count(), 0);
});

test("searching looks at all users, and its address shows the same rows elsewhere", async ({ visit }) => {
  await Promise.all(Array.from({ length: 30 }, (_, n) => router.newUser(`Clerk ${String(n).padStart(2, "0")}`)));
  await router.newUser("Zuse", { email: "konrad@example.com" });
  const page = await visit({ as: router.admin });
  await go(page, "/admin-ui/users");
  assert.equal((await namesListed(page)).length, 25, "a page");
  assert.ok(!(await namesListed(page)).includes("Zuse"), "not on the first page");

  await page.getByRole("searchbox").fill("KONRAD@");
  await page.getByRole("searchbox").press("Enter");
  await page.waitForURL(/[?&]q=KONRAD/);
  await hasText(page.getByRole("navigation", { name: "Pages" }).locator("span"), "1–1 of 1");
  assert.deepEqual(await namesListed(page), ["Zuse"]);

  const elsewhere = await visit({ as: router.admin, javaScriptEnabled: false });
  await go(elsewhere, page.url());
  assert.deepEqual(await namesListed(elsewhere), ["Zuse"]);

  await go(page, "/admin-ui/users?q=clerk");
  const first = await namesListed(page);
  await page.getByRole("link", { name: "Next page" }).click();
  await page.waitForURL("/admin-ui/users?q=clerk&page=2");
  await hasText(page.getByRole("navigation", { name: "Pages" }).locator("span"), "26–30 of 30");
  assert.equal(new Set([...first, ...(await namesListed(page))]).size, 30, "no clerk twice, none left out");

  await go(page, "/admin-ui/users?q=nobody-like-this");
  await page.getByText("Nobody’s name or e-mail address contains that.").waitFor();
});
