// What a user does without an admin: choose a password, make keys, see what they cost. Another user's
// things do not exist for them.
import assert from "node:assert/strict";
import { bill, printed } from "./demo_prices.mjs";
import { alive, errorAt, go, hasText, site } from "./site.mjs";

const { router, test } = await site();

const panel = (page) => page.getByRole("complementary");
const works = async (key) => (await router.chat(key, "Hello")).status;

async function changePassword(page, current, password, repeat = password) {
  await page.getByLabel("Current password").fill(current);
  await page.getByLabel("New password", { exact: true }).fill(password);
  await page.getByLabel("New password again").fill(repeat);
  await page.getByRole("button", { name: "Change password" }).click();
}

test("whoever got a password from an admin chooses their own before anything else opens", async ({ visit }) => {
  const user = await router.newUser("Margaret Hamilton");
  const page = await visit();
  await go(page, "/user-ui");
  await page.getByLabel("Name", { exact: true }).fill(user.name);
  await page.getByLabel("Password").fill(user.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("/account");
  await page.getByText("Choose your own to go on.").waitFor();
  for (const path of ["/user-ui", "/user-ui/keys?new=1"]) {
    await go(page, path);
    assert.equal(new URL(page.url()).pathname, "/account", path);
  }
  const refused = await page.request.post("/_fn/me/keys/create", {
    form: { label: "too early", expires_in_days: "0", requests_per_minute: "", allowed_models: "" },
  });
  assert.equal(refused.status(), 403, "nor by calling what is behind the page");

  await changePassword(page, user.password, "a password of my own", "a password of my owm");
  assert.equal(await errorAt(page, "New password again"), "The two passwords differ.");
  await changePassword(page, "not this one", "a password of my own");
  assert.equal(await errorAt(page, "Current password"), "The password is not right.");
  await changePassword(page, user.password, "short");
  assert.equal(await errorAt(page, "New password"), "Password must have at least 8 characters.");
  await changePassword(page, user.password, "a password of my own");
  await page.waitForURL("/account?done=password-changed");
  await alive(page);
  await page.getByRole("link", { name: "My keys" }).click();
  await page.waitForURL("/user-ui/keys");
});

test("a changed password ends the other sessions and keeps this one", async ({ visit }) => {
  const user = await router.newSettledUser("Two places");
  const [here, there] = [await visit({ as: user }), await visit({ as: user })];
  await go(there, "/user-ui");
  await go(here, "/account");
  await changePassword(here, user.password, "another password");
  await here.waitForURL("/account?done=password-changed");
  await go(here, "/user-ui");
  assert.equal(new URL(here.url()).pathname, "/user-ui");
  await go(there, "/user-ui");
  assert.equal(new URL(there.url()).pathname, "/login");
});

test("a user makes a key, uses it, sees what it cost, disables and deletes it", async ({ visit }) => {
  const user = await router.newSettledUser("Joan Clarke", { monthly_budget: 0.5 });
  const page = await visit({ as: user });
  await go(page, "/user-ui");
  await page.getByRole("link", { name: "New key" }).click();
  await panel(page).getByLabel("Label").fill("Enigma");
  await panel(page).getByRole("button", { name: "Create key" }).click();
  await page.waitForURL("/user-ui/reveal/*");
  const key = await page.getByLabel("The key").innerText();
  const bills = [await router.chat(key, "How are you?"), await router.messages(key, "What is the weather like today?")].map(bill);
  const nano = bills[0].nano + bills[1].nano;

  await go(page, "/user-ui");
  const figure = (label) => page.locator("dl.stats > div").filter({ hasText: label }).locator("dd").first();
  await hasText(figure("Spend today"), printed(nano));
  await hasText(figure("Requests today"), "2");
  const budget = page.locator("section.spend").filter({ hasText: "This month’s budget" });
  await hasText(budget.locator("strong"), printed(nano));
  await budget.getByText(/\$0\.\d+ of \$0\.5000 left, starts anew at/).waitFor();
  const listed = page.getByRole("table", { name: "Latest requests" });
  assert.equal(await listed.getByText("Enigma").count(), 2);

  await page.getByRole("link", { name: "My keys" }).click();
  await page.getByRole("link", { name: "Enigma" }).click();
  await panel(page).getByRole("button", { name: "Disable" }).click();
  await panel(page).getByRole("button", { name: "Enable" }).waitFor();
  assert.equal(await works(key), 401);
  await panel(page).getByText("Delete this key").click();
  await panel(page).getByRole("button", { name: "Delete key" }).click();
  await page.waitForURL("/user-ui/keys?done=key-deleted");
  await page.getByRole("link", { name: "Enigma" }).waitFor({ state: "detached" });
  await go(page, "/user-ui");
  await hasText(figure("Spend today"), printed(nano));
});

test("another user's keys and spend never show", async ({ visit }) => {
  const other = await router.newSettledUser("Somebody Else");
  const theirs = await router.manage("POST", `/admin/users/${other.id}/keys`, { label: "Theirs alone" });
  assert.equal(await works(theirs.key), 200);
  const user = await router.newSettledUser("Curious");
  const page = await visit({ as: user, tolerate: ["status of 404", "status of 403", "status of 410"] });
  for (const path of ["/user-ui", "/user-ui/keys", `/user-ui/keys?open=${theirs.id}`, "/user-ui/keys?q=Theirs", "/account", `/admin-ui/keys?open=${theirs.id}`]) {
    await go(page, path);
    const text = await page.content();
    for (const secret of ["Somebody Else", "Theirs alone", theirs.key.slice(-4)]) assert.ok(!text.includes(secret), `${secret} at ${path}`);
  }
  await go(page, "/user-ui");
  await hasText(page.locator("dl.stats > div").filter({ hasText: "Requests today" }).locator("dd").first(), "0");

  for (const [name, form] of [["get", { id: theirs.id }], ["set-active", { id: theirs.id, active: "false" }], ["delete", { id: theirs.id }]]) {
    const answer = await page.request.post(`/_fn/me/keys/${name}`, { form });
    assert.equal(answer.status(), 404, name);
  }
  assert.equal(await works(theirs.key), 200);
});

test("the own pages work when the budget is used up, and say so", async ({ visit }) => {
  const user = await router.newSettledUser("Spendthrift");
  assert.equal(await works(user.api_key), 200);
  await router.manage("PATCH", `/admin/users/${user.id}`, { daily_budget: 0.000001 });
  const refused = await router.chat(user.api_key, "Hello");
  assert.equal(refused.status, 429);
  assert.match(refused.text, /daily/i, "the refusal names the budget");
  const page = await visit({ as: user });
  for (const path of ["/user-ui", "/user-ui/keys", "/account"]) assert.equal((await go(page, path)).status(), 200, path);
  await go(page, "/user-ui");
  await page.getByText("used up; requests are refused").waitFor();
});
