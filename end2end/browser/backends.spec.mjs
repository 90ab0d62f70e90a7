// Backends, groups, prices and permissions are made in the browser and in force at once. The provider is another
// router with its demo models.
import assert from "node:assert/strict";
import { after } from "node:test";
import { startRouter } from "./router.mjs";
import { errorAt, go, site } from "./site.mjs";

const { router, test } = await site();
const provider = await startRouter();
after(() => provider.stop());

const panel = (page) => page.getByRole("complementary");
const asks = async (key, model) => (await router.chat(key, "Hello", { model })).status;

for (const javaScriptEnabled of [true, false]) {
  const way = javaScriptEnabled ? "with JavaScript" : "without JavaScript";
  const name = javaScriptEnabled ? "acme-a" : "acme-b";
  const group = `best-${name}`;

  test(`${way}: a backend is tried, added, used, grouped, priced, permitted, switched off and deleted`, async ({ visit }) => {
    const page = await visit({ as: router.admin, javaScriptEnabled, tolerate: ["status of 422", "status of 404"] });
    await go(page, "/admin-ui/backends");
    await page.getByRole("link", { name: "Add backend" }).first().click();
    await panel(page).getByRole("link", { name: /^OpenAI-compatible/ }).click();
    const form = panel(page);
    await form.getByLabel("Name", { exact: true }).fill(name);
    await form.getByLabel("Base URL").fill("ftp://acme.example");
    await form.getByLabel("API keys").fill(provider.firstKey);
    await form.getByLabel("Models", { exact: true }).fill(`demo = ${name}-model`);
    await form.getByRole("button", { name: "Add backend" }).click();
    await errorAt(form, "Base URL");
    assert.equal(await form.getByLabel("Name", { exact: true }).inputValue(), name, "kept");
    await form.getByLabel("Base URL").fill(`${provider.url}/v1`);
    await form.getByLabel("API keys").fill(provider.firstKey);
    await form.getByRole("button", { name: "Test connection" }).click();
    await form.getByText(/demo-slow/).waitFor();
    await form.getByLabel("API keys").fill(provider.firstKey);
    await form.getByRole("button", { name: "Add backend" }).click();
    await page.waitForURL(/open=\d+/);
    assert.equal(await asks(router.firstKey, `${name}-model`), 200);
    assert.ok(!router.hasStored(provider.firstKey), "the key is sealed");
    assert.ok(!(await page.content()).includes(provider.firstKey), "and not shown again");
    const id = Number(new URL(page.url()).searchParams.get("open"));

    await go(page, "/admin-ui/routing?new=1");
    await panel(page).getByLabel("Name", { exact: true }).fill(group);
    await panel(page).getByLabel("Member 1: Backend/model").fill(`${name}/demo`);
    await panel(page).getByLabel("Member 2: Backend/model").fill("nowhere/demo");
    await panel(page).getByRole("button", { name: "Create group" }).click();
    await panel(page).getByText(/nowhere/).first().waitFor();
    assert.equal(await panel(page).getByLabel("Member 1: Backend/model").inputValue(), `${name}/demo`, "kept");
    await panel(page).getByLabel("Member 2: Backend/model").fill("demo/demo");
    await panel(page).getByRole("button", { name: "Create group" }).click();
    await page.waitForURL(/done=group-saved/);
    assert.equal(await asks(router.firstKey, group), 200);
    await go(page, `/admin-ui/routing?model=${group}`);
    await page.getByText(`“${group}” is a group`).waitFor();

    await go(page, `/admin-ui/models?q=${name}`);
    await page.getByRole("link", { name: "demo", exact: true }).click();
    await panel(page).getByLabel("Input", { exact: true }).first().fill("two");
    await panel(page).getByLabel("Output", { exact: true }).first().fill("4");
    await panel(page).getByRole("button", { name: "Set price" }).click();
    assert.match(await errorAt(panel(page), "Input"), /^Input must be an amount/);
    await panel(page).getByLabel("Input", { exact: true }).first().fill("2");
    await panel(page).getByRole("button", { name: "Set price" }).click();
    await panel(page).getByText(/^set here/).first().waitFor();

    const user = await router.newUser(`Permitted ${way}`);
    await go(page, `/admin-ui/permissions?q=${encodeURIComponent(user.name)}`);
    await page.getByLabel(`${user.name} may use ${name}`).check();
    await page.getByRole("button", { name: "Save permissions" }).click();
    await page.getByText("Only these").waitFor();
    assert.deepEqual([await asks(user.api_key, `${name}-model`), await asks(user.api_key, "demo-429")], [200, 404]);

    await go(page, "/admin-ui/routing");
    await page.getByRole("link", { name: group, exact: true }).click();
    await panel(page).getByText("Delete this group").click();
    await panel(page).getByRole("button", { name: "Delete group" }).click();
    await page.waitForURL(/done=group-deleted/);
    await go(page, `/admin-ui/backends?open=${id}`);
    await panel(page).getByRole("button", { name: "Switch off" }).click();
    await panel(page).getByRole("button", { name: "Switch on" }).waitFor();
    assert.equal(await asks(router.firstKey, `${name}-model`), 404);
    await panel(page).getByText("Delete this backend").click();
    await panel(page).getByLabel("Name", { exact: true }).last().fill(name);
    await panel(page).getByRole("button", { name: "Delete backend" }).click();
    await page.waitForURL(/done=backend-deleted/);
  });
}
