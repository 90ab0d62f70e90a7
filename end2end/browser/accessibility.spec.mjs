// Everything can be done by keyboard alone, and what has the focus shows it.
import assert from "node:assert/strict";
import { violations } from "./axe.mjs";
import { alive, go, site } from "./site.mjs";

const { router, test } = await site();

test("axe finds nothing in the menu of a phone", async ({ visit }) => {
  const page = await visit({ as: router.admin, viewport: { width: 390, height: 800 } });
  await go(page, "/admin-ui");
  await page.getByRole("button", { name: "Menu" }).click();
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  assert.deepEqual(await violations(page), []);
});

test("the first Tab offers to skip to the content", async ({ visit }) => {
  const page = await visit({ as: router.admin });
  for (const path of ["/admin-ui", "/user-ui", "/account"]) {
    await go(page, path);
    await page.keyboard.press("Tab");
    const skip = page.getByRole("link", { name: "Skip to content" });
    assert.ok(await skip.evaluate((link) => link === document.activeElement), path);
    const box = await skip.boundingBox();
    assert.ok(box.width >= 24 && box.height >= 24, `visible once it has the focus: ${JSON.stringify(box)}`);
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.activeElement.closest("main") !== null), `${path}: the next Tab is in the content`);
  }
});

test("signing in and making a user need no mouse", async ({ visit }) => {
  const page = await visit();
  await go(page, "/login");
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("name") ?? document.activeElement.textContent.trim());
  assert.equal(await focused(), "name", "one can begin to type");
  await page.keyboard.type(router.admin.name);
  await page.keyboard.press("Tab");
  await page.keyboard.type(router.admin.password);
  await page.keyboard.press("Enter");
  await page.waitForURL("/admin-ui");
  await alive(page);

  await tabTo(page, "Users");
  await page.keyboard.press("Enter");
  await page.waitForURL("/admin-ui/users");
  await tabTo(page, "New user");
  await page.keyboard.press("Enter");
  await page.waitForURL("/admin-ui/users?new=1");
  await page.getByLabel("Name", { exact: true }).waitFor();
  await tabTo(page, "name");
  await page.keyboard.type("Made by keyboard");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/reveal/*");
  await alive(page);
  await tabTo(page, "I have saved it");
  await page.keyboard.press("Enter");
  await page.waitForURL("/admin-ui/users");
});

// Presses Tab until the focus is where it should be; on its way everything that has the focus shows it.
async function tabTo(page, goal) {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(() => {
      const element = document.activeElement;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      const marked = (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
      return { name: element.getAttribute("name") ?? element.textContent.trim(), page: element === document.body, marked };
    });
    assert.ok(here.page || here.marked, `the focus on “${here.name}” cannot be seen`);
    if (here.name === goal) return;
  }
  assert.fail(`no Tab leads to “${goal}”`);
}

test("the menu of a phone opens, leads on, and closes by keyboard", async ({ visit }) => {
  const page = await visit({ as: router.admin, viewport: { width: 390, height: 800 } });
  await go(page, "/admin-ui");
  const menu = page.getByRole("navigation", { name: "Main" });
  await page.getByRole("button", { name: "Menu" }).focus();
  await page.keyboard.press("Enter");
  await menu.waitFor();
  await page.keyboard.press("Escape");
  await menu.waitFor({ state: "hidden" });
  await page.keyboard.press("Enter");
  await menu.waitFor();
  await tabTo(page, "Keys");
  await page.keyboard.press("Enter");
  await page.waitForURL("/admin-ui/keys");
  await menu.waitFor({ state: "hidden" });
});
