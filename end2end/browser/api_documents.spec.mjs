// The two pages of the API's document. Neither asks another server for anything, and the policy of neither refuses what
// it does, which is tested on every visit.
import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { site } from "./site.mjs";

const { test } = await site();
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

test("the reference is read in both themes, by keyboard and on a phone", async ({ visit }) => {
  const page = await visit();
  await page.goto("/redoc");
  const users = page.locator("#get_admin_users");
  await users.locator("summary").focus();
  await page.keyboard.press("Enter");
  await users.getByText("authorization: Bearer $KEY").waitFor();
  await users.getByRole("link", { name: "User", exact: true }).click();
  assert.equal(new URL(page.url()).hash, "#schema-user");
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const axe = new AxeBuilder({ page }).setLegacyMode(true).options({ runOnly: TAGS });
    const found = (await axe.analyze()).violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
    assert.deepEqual(found, [], colorScheme);
  }
  await page.setViewportSize({ width: 320, height: 700 });
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= seen, `scrolls sideways: ${wide} of ${seen}`);
});

test("Swagger UI shows the document and asks the router", async ({ visit }) => {
  const page = await visit();
  await page.goto("/docs");
  await page.locator("#operations-tag-Status").click();
  await page.locator("#operations-Status-get_health .opblock-summary-control").click();
  await page.getByRole("button", { name: "Try it out" }).click();
  await page.getByRole("button", { name: "Execute" }).click();
  const answer = page.locator("#operations-Status-get_health .live-responses-table");
  await answer.getByText("healthy").waitFor();
});
