// Signing in and out, and what is closed to whom. That the functions behind the pages are closed as well is
// tested by calling each of them as a program would; their list comes from the source, so that none is forgotten.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { alive, go, site } from "./site.mjs";

const { router, test } = await site();

async function fillIn(page, { name, password }) {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("a wrong password is refused at the form, in words that do not say what was wrong", async ({ visit }) => {
  const page = await visit();
  await go(page, "/login");
  for (const [name, password] of [["admin", "not the password"], ["nobody", router.admin.password]]) {
    await fillIn(page, { name, password });
    await page.getByRole("alert").filter({ hasText: "Name and password do not match." }).waitFor();
    await alive(page);
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), name, "the name stays");
    assert.equal(await page.getByLabel("Password").inputValue(), "", "the password does not");
    assert.ok(!page.url().includes(encodeURIComponent(password)), "nor is it in the address");
  }
  await go(page, "/admin-ui");
  assert.equal(new URL(page.url()).pathname, "/login", "nobody has been signed in");
});

test("the password that was printed at the first start leads to the overview", async ({ visit }) => {
  const page = await visit();
  await go(page, "/login");
  await fillIn(page, router.admin);
  await page.waitForURL("/admin-ui");
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
});

test("a page that needs a session leads to the sign-in and back to itself", async ({ visit }) => {
  const page = await visit();
  await go(page, "/admin-ui/users?q=ad");
  assert.equal(page.url(), `${router.url}/login?next=${encodeURIComponent("/admin-ui/users?q=ad")}`);
  await fillIn(page, router.admin);
  await page.waitForURL("/admin-ui/users?q=ad");
  assert.equal(await page.getByRole("searchbox").inputValue(), "ad");
});

test("the sign-in leads to no other server", async ({ visit }) => {
  for (const next of ["//evil.example/", "https://evil.example/", "/\\evil.example"]) {
    const page = await visit();
    await go(page, `/login?next=${encodeURIComponent(next)}`);
    await fillIn(page, router.admin);
    await page.waitForURL("/admin-ui");
  }
});

test("a session that ends while a page is open leads to the sign-in and back", async ({ visit }) => {
  const page = await visit({ as: router.admin, tolerate: ["status of 401"] });
  await go(page, "/admin-ui");
  await page.context().clearCookies();
  await page.getByRole("link", { name: "Users" }).click();
  await page.waitForURL(`/login?next=${encodeURIComponent("/admin-ui/users")}`);
  await fillIn(page, router.admin);
  await page.waitForURL("/admin-ui/users");
});

test("signing out ends the session, and Back does not bring it back", async ({ visit }) => {
  const page = await visit({ as: router.admin });
  await go(page, "/admin-ui/users");
  const cookies = await page.context().cookies();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("/login?done=signed-out");
  await page.getByRole("status").filter({ hasText: "You have been signed out." }).waitFor();
  await page.goBack();
  await page.waitForURL("/login?next=*");
  // Somebody who kept the cookie has nothing from it.
  await page.context().addCookies(cookies);
  await go(page, "/admin-ui");
  assert.equal(new URL(page.url()).pathname, "/login");
});

test("a user gets 403 on the admins' pages and sees nothing of them", async ({ visit }) => {
  const user = await router.newSettledUser("no admin");
  const page = await visit({ as: user, tolerate: ["status of 403"] });
  for (const path of ["/admin-ui", "/admin-ui/users", "/admin-ui/users?open=1", "/admin-ui/keys", "/admin-ui/keys?new=1"]) {
    const answer = await go(page, path);
    assert.equal(answer.status(), 403, path);
    await page.getByRole("heading", { name: "For admins only" }).waitFor();
    assert.ok(!(await answer.text()).includes("admin@"), path);
    assert.equal(await page.getByRole("table").count(), 0, path);
  }
  assert.equal(await page.getByRole("link", { name: "Users" }).count(), 0);
});

test("every function behind the admins' pages refuses users, strangers, and other sites", async ({ visit }) => {
  const functions = serverFunctions();
  const adminOnly = functions.filter((name) => name.startsWith("admin/"));
  assert.ok(adminOnly.length >= 10, `found ${functions.length} functions in the source: ${functions}`);
  const user = await router.newSettledUser("caller");
  const victim = await router.newUser("victim");
  const [users, ada, stranger] = [await visit({ as: router.admin }), await visit({ as: user }), await visit()];

  const post = (page, name, headers = {}) => page.request.post(`/_fn/${name}`, { form: everyArgument(victim), headers, maxRedirects: 0 });
  for (const name of adminOnly) {
    assert.equal((await post(ada, name)).status(), 403, `${name} called by a user`);
  }
  for (const name of functions.filter((name) => /^(admin|me|account)\//.test(name))) {
    assert.equal((await post(stranger, name)).status(), 401, `${name} called by a stranger`);
    const forged = await post(users, name, { origin: "https://evil.example", "sec-fetch-site": "cross-site" });
    assert.equal(forged.status(), 403, `${name} called by another site`);
  }
  const left = await router.manage("GET", "/admin/users");
  assert.ok(left.some((left) => left.id === victim.id && left.active), "nothing has happened to the victim");
  assert.ok(!left.some((left) => left.name === "intruder"), "and nobody was made");
});

// The arguments of all functions at once: each takes those that it knows.
function everyArgument(victim) {
  return {
    id: victim.id, active: "false", confirm: victim.name, search: "", page: 1, measure: "spend", period: "daily",
    name: "intruder", email: "", role: "admin", password: "long enough", repeat: "long enough", current: "long enough",
    daily_budget: "", monthly_budget: "", soft_daily_budget: "", soft_monthly_budget: "", owner: `user-${victim.id}`, label: "x", expires_in_days: "0",
    requests_per_minute: "", allowed_models: "", token: "x", show: "", sort: "", grace: "0", team: 1, member: victim.name, user: victim.id,
    of: `user-${victim.id}`, model: "demo", exact: "true", house: "", request_id: "x", query: "", kind: "reset", handle: "x",
    scope: "admin", entry: 1, enabled: "false", up: "true", act: "save", source: "x", target: "y", input: "1", output: "1",
    version: 1, value: "x", hours: 24, on: "false",
    "form[kind]": "openai", "form[name]": "x", "form[priority]": "1", "form[strategy]": "priority", "users[]": victim.id,
    "supposed[model]": "demo", "supposed[key_id]": "", "supposed[dialect]": "", "supposed[input_tokens]": "",
    "supposed[stream]": "false", "supposed[tools]": "false", "supposed[images]": "false", "filter[q]": "",
    "filter[action]": "", "filter[actor]": "", "filter[kind]": "", "filter[id]": "", "filter[from]": "", "filter[until]": "",
  };
}

function serverFunctions() {
  const source = fileURLToPath(new URL("../../app/src/", import.meta.url));
  const files = readdirSync(source, { recursive: true }).filter((file) => file.endsWith(".rs"));
  const text = files.map((file) => readFileSync(join(source, file), "utf8")).join("\n");
  return [...text.matchAll(/endpoint = "([^"]+)"/g)].map((match) => match[1]);
}
