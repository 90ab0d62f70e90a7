// Signing in by an OpenID provider that is a process of its own, by the button on the sign-in page: with the
// browser's half of the application, and with JavaScript off.
import assert from "node:assert/strict";
import { after } from "node:test";
import { startProvider } from "./provider.mjs";
import { alive, go, site } from "./site.mjs";

const provider = await startProvider([
  { sub: "grace-at-home", preferred_username: "grace", email: "grace@example.com", email_verified: true, groups: ["ops"] },
  { sub: "ada-at-home", preferred_username: "ada", groups: ["guests"] },
  { sub: "bob-at-home", preferred_username: "bob" },
]);
after(() => provider.stop());
const oidc = {
  issuer: provider.issuer, client_id: "router", client_secret: "a secret of the router's", name: "Test ID",
  role_claim: "groups", role_map: { ops: "admin" },
};
const { router, test } = await site({ auth: { master_key: "sk-master-for-browser-tests", oidc } });

// The provider's own page asks another server for a style sheet, which nobody needs.
const STYLES = "https://cdn.jsdelivr.net";
const elsewhere = { tolerate: [`request to ${provider.issuer}`, `request to ${STYLES}`] };

async function open(visit, options = {}) {
  const page = await visit({ ...elsewhere, ...options });
  await page.context().route(`${STYLES}/**`, (route) => route.fulfill({ contentType: "text/css", body: "" }));
  return page;
}

// Presses the button and, at the provider, the one of a person.
async function signIn(page, sub) {
  await page.getByRole("link", { name: "Sign in with Test ID" }).click();
  await page.waitForURL(`${provider.issuer}/**`);
  await page.getByRole("button", { name: sub, exact: true }).first().click();
}

for (const [how, options] of [["with wasm", {}], ["without JavaScript", { javaScriptEnabled: false }]]) {
  test(`the button leads by the provider into the right house, ${how}`, async ({ visit }) => {
    const page = await open(visit, options);
    await go(page, "/login");
    await signIn(page, "grace-at-home");
    await page.waitForURL("/admin-ui");
    await alive(page);
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();

    const ada = await open(visit, options);
    await go(ada, "/login");
    await signIn(ada, "ada-at-home");
    await ada.waitForURL("/user-ui");
    const users = await router.manage("GET", "/admin/users");
    const roles = Object.fromEntries(users.map((user) => [user.name, user.role]));
    assert.deepEqual(roles, { admin: "admin", grace: "admin", ada: "user" });
  });

  test(`it leads back to where one wanted to go, ${how}`, async ({ visit }) => {
    const page = await open(visit, options);
    await go(page, "/admin-ui/users?q=ad");
    assert.equal(new URL(page.url()).pathname, "/login");
    await signIn(page, "grace-at-home");
    await page.waitForURL("/admin-ui/users?q=ad");
  });

  test(`who is refused is told why and can use a password, ${how}`, async ({ visit }) => {
    const page = await open(visit, options);
    await go(page, "/login");
    await page.getByRole("link", { name: "Sign in with Test ID" }).click();
    await page.getByRole("button", { name: "Deny" }).click();
    await page.waitForURL("/login?refused=cancelled");
    await alive(page);
    await page.getByRole("alert").filter({ hasText: "did not sign you in" }).waitFor();
    await page.getByLabel("Name", { exact: true }).fill(router.admin.name);
    await page.getByLabel("Password").fill(router.admin.password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForURL("/admin-ui");
  });
}

test("an account that was disabled stays closed, and its sign-in of before is worth nothing", async ({ visit }) => {
  const page = await open(visit);
  await go(page, "/login");
  await signIn(page, "bob-at-home");
  await page.waitForURL("/user-ui");
  const bob = (await router.manage("GET", "/admin/users")).find((user) => user.name === "bob");
  await router.manage("PATCH", `/admin/users/${bob.id}`, { active: false });
  await go(page, "/user-ui");
  assert.equal(new URL(page.url()).pathname, "/login");
  await signIn(page, "bob-at-home");
  await page.getByRole("alert").filter({ hasText: "Your account here is disabled" }).waitFor();
});
