// Light, dark, or as the system has it, decided before the first pixel is drawn.
import assert from "node:assert/strict";
import { go, site } from "./site.mjs";

const { router, test } = await site();

const GROUND = { light: [200, 256], dark: [0, 80] };

// How bright the page's ground is, 0 to 255, as it is drawn.
function brightness(page) {
  return page.evaluate(() => {
    const pixel = document.createElement("canvas").getContext("2d");
    pixel.fillStyle = getComputedStyle(document.body).backgroundColor;
    pixel.fillRect(0, 0, 1, 1);
    return Math.max(...pixel.getImageData(0, 0, 1, 1).data.slice(0, 3));
  });
}

async function assertGround(page, theme, why) {
  const [low, high] = GROUND[theme];
  const found = await brightness(page);
  assert.ok(found >= low && found < high, `${why}: ${found} is not ${theme}`);
}

const choose = (visit, theme, more) => visit({
  as: router.admin,
  storageState: { cookies: [{ name: "theme", value: theme, url: router.url }], origins: [] },
  ...more,
});

for (const [theme, system] of [["dark", "light"], ["light", "dark"]]) {
  test(`${theme} is in the first byte of the page and never changes on the way`, async ({ visit }) => {
    const page = await choose(visit, theme, { colorScheme: system });
    await page.addInitScript(() => {
      window.themes = [];
      new MutationObserver(() => {
        const theme = document.documentElement?.dataset.theme;
        if (theme !== window.themes.at(-1)) window.themes.push(theme);
      }).observe(document, { subtree: true, childList: true, attributes: true });
    });
    const answer = await go(page, "/admin-ui");
    assert.match(await answer.text(), new RegExp(`^<!DOCTYPE html><html[^>]* data-theme="?${theme}`, "i"));
    await assertGround(page, theme, "after hydration");
    assert.deepEqual(await page.evaluate(() => window.themes), [theme]);

    const still = await choose(visit, theme, { colorScheme: system, javaScriptEnabled: false });
    await go(still, "/admin-ui");
    await assertGround(still, theme, "without a script");
  });
}

test("without a choice the page follows the system, also when that changes", async ({ visit }) => {
  const page = await visit({ colorScheme: "dark" });
  await go(page, "/login");
  assert.equal(await page.locator("html").getAttribute("data-theme"), "system");
  await assertGround(page, "dark", "the system is dark");
  await page.emulateMedia({ colorScheme: "light" });
  await assertGround(page, "light", "the system has become light");
});

test("a choice is in force at once, is shown as chosen, and outlives the visit", async ({ visit }) => {
  const page = await visit({ as: router.admin, colorScheme: "light" });
  await go(page, "/admin-ui");
  const button = (name) => page.getByRole("button", { name, exact: true });
  assert.equal(await button("As the system").getAttribute("aria-pressed"), "true");
  const kept = page.waitForResponse((response) => response.url().endsWith("/_fn/theme"));
  await button("Dark").click();
  await page.locator("html[data-theme=dark]").waitFor();
  await assertGround(page, "dark", "chosen");
  assert.deepEqual([await button("Dark").getAttribute("aria-pressed"), await button("As the system").getAttribute("aria-pressed")], ["true", "false"]);
  await kept;

  const cookie = (await page.context().cookies()).find((cookie) => cookie.name === "theme");
  assert.ok(cookie.value === "dark" && cookie.expires > Date.now() / 1_000 + 300 * 86_400, JSON.stringify(cookie));
  await page.reload();
  await page.locator("html[data-theme=dark]").waitFor();
});
