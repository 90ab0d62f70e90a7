// Everything works without a script: once with JavaScript off, once with the browser's half blocked on its way.
// What a person does is written down once; only the browser differs.
import assert from "node:assert/strict";
import { errorAt, site } from "./site.mjs";

const { router, test } = await site();

const works = async (key) => (await router.chat(key, "Hello")).status;

// Pages that never come alive, and are not waited for.
const WAYS = {
  "with JavaScript off": async (visit, more) => visit({ javaScriptEnabled: false, ...more }),
  "with the wasm blocked": async (visit, { tolerate = [], ...more } = {}) => {
    const page = await visit({ tolerate: [...tolerate, "ERR_FAILED", "Failed to fetch", "llm-router_bg.wasm"], ...more });
    await page.route("**/*.wasm", (route) => route.abort());
    return page;
  },
};

for (const [way, open] of Object.entries(WAYS)) {
  test(`${way}: an admin signs in, makes a user and a key, disables it, changes the password, signs out`, async ({ visit }) => {
    const page = await open(visit, { tolerate: ["status of 410"] });
    await page.goto("/admin-ui/users");
    await page.getByLabel("Name", { exact: true }).fill(router.admin.name);
    await page.getByLabel("Password").fill(router.admin.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL("/admin-ui/users");

    await page.getByRole("link", { name: "New user" }).click();
    await page.getByLabel("Name", { exact: true }).fill(`User ${way}`);
    await page.getByRole("button", { name: "Create user" }).click();
    await page.waitForURL("**/reveal/*");
    const password = await page.getByLabel("The password").innerText();
    await page.reload();
    await page.getByRole("heading", { name: "No longer shown" }).waitFor();
    await visit({ as: { name: `User ${way}`, password } });

    await page.goto("/admin-ui/keys");
    await page.getByRole("link", { name: "New key" }).click();
    await page.getByLabel("Label", { exact: true }).fill(`Key ${way}`);
    await page.getByRole("button", { name: "Create key" }).click();
    await page.waitForURL("**/reveal/*");
    const key = await page.getByLabel("The key").innerText();
    assert.ok(!page.url().includes(key));
    assert.equal(await works(key), 200);
    await page.getByRole("link", { name: "I have saved it" }).click();
    await page.goBack();
    await page.locator("main").waitFor();
    assert.ok(!(await page.content()).includes(key), "Back does not show it");

    await page.goto("/admin-ui/keys");
    await page.getByRole("link", { name: `Key ${way}` }).click();
    await page.getByRole("button", { name: "Disable" }).click();
    await page.getByRole("button", { name: "Enable" }).waitFor();
    assert.equal(await works(key), 401);

    await page.getByRole("link", { name: "Account" }).click();
    const next = `${router.admin.password}-2`;
    await page.getByLabel("Current password").fill(router.admin.password);
    await page.getByLabel("New password", { exact: true }).fill(next);
    await page.getByLabel("New password again").fill(next);
    await page.getByRole("button", { name: "Change password" }).click();
    await page.waitForURL("/account?done=password-changed");
    await page.getByRole("status").filter({ hasText: "The password is changed." }).waitFor();
    router.admin = { ...router.admin, password: next };

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL("/login?done=signed-out");
    await page.goto("/admin-ui");
    assert.equal(new URL(page.url()).pathname, "/login");
  });

  test(`${way}: the theme changes and stays`, async ({ visit }) => {
    const page = await open(visit, { as: router.admin, colorScheme: "light" });
    await page.goto("/admin-ui/users?q=admin");
    await page.getByRole("button", { name: "Dark" }).click();
    await page.locator("html[data-theme=dark]").waitFor();
    assert.equal(page.url(), `${router.url}/admin-ui/users?q=admin`, "one stays where one was");
    await page.goto("/account");
    assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  });

  test(`${way}: an invalid form says what is wrong at the field and keeps what was typed`, async ({ visit }) => {
    const page = await open(visit, { as: router.admin });
    await page.goto("/admin-ui/users?new=1");
    await page.getByLabel("Name", { exact: true }).fill("Mary & Sons <script>");
    await page.getByLabel("Role").selectOption("admin");
    await page.getByLabel("Monthly budget, $").fill("-3");
    await page.getByLabel("Password (optional)").fill("a secret of mine");
    await page.getByRole("button", { name: "Create user" }).click();
    assert.equal(await errorAt(page, "Monthly budget, $"), "Monthly budget must not be negative.");
    assert.equal(await page.locator("[aria-invalid=true]").count(), 1);
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Mary & Sons <script>");
    assert.equal(await page.getByLabel("Role").inputValue(), "admin");
    assert.equal(await page.getByLabel("Monthly budget, $").inputValue(), "-3");
    assert.ok(!decodeURIComponent(page.url()).includes("a secret of mine"), "a password is never carried back");
    assert.ok(!(await page.content()).includes("a secret of mine"));
  });

  test(`${way}: a wrong confirmation deletes nobody`, async ({ visit }) => {
    const user = await router.newUser(`Not to go ${way}`);
    const page = await open(visit, { as: router.admin });
    await page.goto(`/admin-ui/users?open=${user.id}`);
    await page.getByText("Delete this user").click();
    await page.getByLabel("Name", { exact: true }).fill("somebody");
    await page.getByRole("button", { name: "Delete user and keys" }).click();
    assert.equal(await errorAt(page, "Name"), "Type the name exactly as it is shown.");
    assert.equal(await works(user.api_key), 200);
  });
}

test("an error that somebody forged in the address shows nothing of theirs", async ({ visit }) => {
  const page = await visit({ javaScriptEnabled: false });
  const texts = ["Call 555-0100 to unlock your account", JSON.stringify({ cause: "Call 555-0100" })];
  for (const text of texts.flatMap((text) => [text, Buffer.from(text).toString("base64"), Buffer.from(text).toString("base64url")])) {
    await page.goto(`/login?__path=${encodeURIComponent("/_fn/sign-in")}&__err=${encodeURIComponent(text)}&done=555-0100`);
    assert.ok(!(await page.locator("body").innerText()).includes("555-0100"), text);
  }
});
