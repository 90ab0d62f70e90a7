// An admin's work with keys: make, find, stop and delete them, and what the new key does at once.
import assert from "node:assert/strict";
import { alive, errorAt, go, site } from "./site.mjs";

const { router, test } = await site();

const panel = (page) => page.getByRole("complementary");
const labelsListed = (page) => page.getByRole("table", { name: "Keys" }).locator("td.lead a").allInnerTexts();
const works = async (key) => (await router.chat(key, "Hello")).status;

// Makes a key as a person would and answers with it; the page is then the one that shows it.
async function createKey(page, label) {
  await go(page, "/admin-ui/keys?new=1");
  await panel(page).getByLabel("Label").fill(label);
  await panel(page).getByRole("button", { name: "Create key" }).click();
  await page.waitForURL("**/reveal/*");
  await alive(page);
  return page.getByLabel("The key").innerText();
}

test("a new key works at once, is shown once, and is kept nowhere in the clear", async ({ visit }) => {
  const page = await visit({ as: router.admin, tolerate: ["status of 410"] });
  const key = await createKey(page, "My laptop");
  assert.match(key, /^sk-lr-\w{30,}$/);
  assert.equal(await works(key), 200);
  assert.equal((await router.messages(key, "Hello")).status, 200);
  assert.ok(!page.url().includes(key));
  const shownAt = page.url();

  await page.reload();
  await page.getByRole("heading", { name: "No longer shown" }).waitFor();
  assert.ok(!(await page.content()).includes(key));
  assert.equal((await page.goto(shownAt)).status(), 410);
  await go(page, "/admin-ui/keys");
  assert.ok((await labelsListed(page)).includes("My laptop"));
  assert.ok(!(await page.content()).includes(key));
  await page.goBack();
  await page.locator("main").waitFor();
  assert.ok(!(await page.content()).includes(key));
  assert.ok(!router.hasStored(key));
});

test("the key is only in what people read: no script, no data for the browser's half", async ({ visit }) => {
  const page = await visit({ as: router.admin });
  await go(page, "/admin-ui/keys?new=1");
  await panel(page).getByLabel("Label").fill("Where is it");
  const document = page.waitForResponse((response) => response.url().includes("/admin-ui/reveal/"));
  await panel(page).getByRole("button", { name: "Create key" }).click();
  const html = await (await document).text();
  const key = html.match(/sk-lr-\w{30,}/)[0];
  const scripts = html.match(/<script[\s\S]*?<\/script>/g) ?? [];
  assert.ok(scripts.length > 0 && !scripts.some((script) => script.includes(key)));
  assert.ok(!/(href|value|title|data-[\w-]+)="[^"]*sk-lr-\w{30,}/.test(html), "nor in an attribute");
  await alive(page);
  assert.equal(await page.getByLabel("The key").innerText(), key, "hydration leaves it where it is");
});

test("the snippets hold this server's address and the key", async ({ visit }) => {
  const page = await visit({ as: router.admin });
  const key = await createKey(page, "Snippets");
  for (const client of ["curl", "python-openai", "claude-code", "codex", "continue"]) {
    const text = await page.locator(`pre[data-client=${client}]`).textContent();
    assert.ok(text.includes(router.url) && text.includes(key), `${client}: ${text}`);
  }
});

test("the key can be copied, and that is said aloud", async ({ visit }) => {
  const page = await visit({ as: router.admin, permissions: ["clipboard-read", "clipboard-write"] });
  const key = await createKey(page, "Copied");
  await page.getByRole("button", { name: "Copy" }).first().click();
  await page.locator("[aria-live=polite]").filter({ hasText: "Copied." }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);
});

test("disabling and deleting a key is in force at once", async ({ visit }) => {
  const made = await router.manage("POST", "/admin/users/1/keys", { label: "Short-lived" });
  assert.equal(await works(made.key), 200);
  const page = await visit({ as: router.admin });
  await go(page, `/admin-ui/keys?open=${made.id}`);
  await panel(page).getByRole("button", { name: "Disable" }).click();
  await panel(page).getByRole("button", { name: "Enable" }).waitFor();
  assert.equal(await works(made.key), 401);
  await panel(page).getByRole("button", { name: "Enable" }).click();
  await panel(page).getByRole("button", { name: "Disable" }).waitFor();
  assert.equal(await works(made.key), 200);

  await panel(page).getByText("Delete this key").click();
  await panel(page).getByRole("button", { name: "Delete key" }).click();
  await page.waitForURL("/admin-ui/keys?done=key-deleted");
  await page.getByRole("status").filter({ hasText: "The key is gone" }).waitFor();
  assert.equal(await works(made.key), 401);
  await page.getByRole("link", { name: "Short-lived" }).waitFor({ state: "detached" });
});

test("an invalid form says what is wrong at the field and keeps what was typed", async ({ visit }) => {
  const page = await visit({ as: router.admin, tolerate: ["status of 422"] });
  await go(page, "/admin-ui/keys?new=1");
  await panel(page).getByLabel("Label").fill("Half right");
  await panel(page).getByLabel("Expires").selectOption("30");
  await panel(page).getByText("Limits", { exact: true }).click();
  await panel(page).getByLabel("Requests per minute").fill("many");
  await panel(page).getByLabel("Allowed models").fill("demo");
  await panel(page).getByRole("button", { name: "Create key" }).click();
  assert.equal(await errorAt(panel(page), "Requests per minute"), "Requests per minute must be a whole number.");
  assert.equal(await panel(page).getByLabel("Label").inputValue(), "Half right");
  assert.equal(await panel(page).getByLabel("Expires").inputValue(), "30");
  assert.equal(await panel(page).getByLabel("Requests per minute").inputValue(), "many");

  // Mended, it goes through with everything that was typed before.
  await panel(page).getByLabel("Requests per minute").fill("2");
  await panel(page).getByRole("button", { name: "Create key" }).click();
  await page.waitForURL("**/reveal/*");
  const key = await page.getByLabel("The key").innerText();
  const other = await router.chat(key, "Hello", { model: "demo-500" });
  assert.ok([403, 404].includes(other.status), `a model that is not allowed: ${other.status} ${other.text}`);
  const statuses = [await works(key), await works(key), await works(key)];
  assert.ok(statuses.includes(429), `two requests a minute: ${statuses}`);
});

test("keys are found by label, owner and end", async ({ visit }) => {
  const owner = await router.newUser("Katherine Johnson");
  const made = await router.manage("POST", `/admin/users/${owner.id}/keys`, { label: "Trajectories" });
  const page = await visit({ as: router.admin });
  await go(page, "/admin-ui/keys");
  for (const [text, found] of [["traject", ["Trajectories"]], ["katherine", ["Trajectories", "default"]], [made.key.slice(-4), ["Trajectories"]]]) {
    await page.getByRole("searchbox").fill(text);
    await page.getByRole("searchbox").press("Enter");
    await page.waitForURL(`/admin-ui/keys?q=${text}`);
    // The old list stays until the new one has come: wait for what only the new one has, and has not.
    for (const label of ["Trajectories", "default", "My laptop"]) {
      const rows = page.getByRole("row").filter({ hasText: label });
      await rows.first().waitFor({ state: found.includes(label) ? "attached" : "detached" });
    }
    assert.deepEqual((await labelsListed(page)).sort(), found, text);
  }
});

for (const javaScriptEnabled of [true, false]) {
  const way = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

  test(`${way}: a rotated key works beside its successor for as long as was chosen, or not at all`, async ({ visit }) => {
    const page = await visit({ as: router.admin, javaScriptEnabled });
    for (const [grace, status] of [["3600", 200], ["0", 401]]) {
      const old = await router.manage("POST", "/admin/users/1/keys", { label: `Rotated ${grace} ${way}` });
      await go(page, `/admin-ui/keys?open=${old.id}`);
      await panel(page).getByText("Rotate", { exact: true }).click();
      await panel(page).getByLabel("The present one goes on working").selectOption(grace);
      await panel(page).getByRole("button", { name: "Rotate key" }).click();
      await page.waitForURL("**/reveal/*");
      const key = await page.getByLabel("The key").innerText();
      assert.notEqual(key, old.key);
      assert.equal(await works(key), 200);
      assert.equal(await works(old.key), status, `grace of ${grace} s`);
    }
  });

  test(`${way}: a key is changed, disabled, revoked for good, and found by its state`, async ({ visit }) => {
    const label = `Changing ${way}`;
    const made = await router.manage("POST", "/admin/users/1/keys", { label });
    const page = await visit({ as: router.admin, javaScriptEnabled });
    await go(page, `/admin-ui/keys?open=${made.id}`);
    await panel(page).getByText("Change", { exact: true }).click();
    await panel(page).getByLabel("Expires").selectOption("30");
    await panel(page).getByText("Budgets of the key").click();
    await panel(page).getByLabel("Monthly budget, $").fill("0.000001");
    await panel(page).getByText("Where it works").click();
    await panel(page).getByLabel("Tags").fill("night, batch");
    await panel(page).getByRole("button", { name: "Save key" }).click();
    await panel(page).locator("dd", { hasText: "night, batch" }).waitFor();
    assert.equal(await works(made.key), 429, "its own budget holds");

    await panel(page).getByText("Revoke this key").click();
    await panel(page).getByRole("button", { name: "Revoke key" }).click();
    await panel(page).locator("dd", { hasText: "Revoked" }).waitFor();
    assert.equal(await works(made.key), 401);
    assert.equal(await panel(page).getByRole("button", { name: "Enable" }).count(), 0);

    await go(page, "/admin-ui/keys");
    await page.getByLabel("Show").selectOption("revoked");
    await page.getByLabel("Order").selectOption("label");
    await page.getByRole("searchbox").fill(label);
    await page.getByRole("button", { name: "Search" }).click();
    await page.waitForURL(/show=revoked/);
    // The old list stays until the new one has come.
    await page.getByRole("link", { name: "first key" }).waitFor({ state: "detached" });
    assert.deepEqual(await labelsListed(page), [label]);
    const elsewhere = await visit({ as: router.admin, javaScriptEnabled: false });
    await go(elsewhere, page.url());
    assert.deepEqual(await labelsListed(elsewhere), [label], "the address shows the same elsewhere");
  });
}

test("a user's key gets no higher budget than they have themselves", async ({ visit }) => {
  const user = await router.newSettledUser("Modest", { monthly_budget: 5 });
  const page = await visit({ as: user, tolerate: ["status of 422"] });
  await go(page, "/user-ui/keys?new=1");
  await panel(page).getByLabel("Label").fill("Greedy");
  await panel(page).getByText("Budgets of the key").click();
  await panel(page).getByLabel("Monthly budget, $").fill("6");
  await panel(page).getByRole("button", { name: "Create key" }).click();
  assert.equal(await errorAt(panel(page), "Monthly budget, $"), "Monthly budget must not be higher than that of the key’s owner.");
  await panel(page).getByLabel("Monthly budget, $").fill("5");
  await panel(page).getByRole("button", { name: "Create key" }).click();
  await page.waitForURL("**/user-ui/reveal/*");
});
