// Pages on a phone: nothing sticks out, the way to the other pages is there, and a finger hits what it aims at.
// That no page writes an error to the console or asks another server is tested on every visit, see site.mjs.
import assert from "node:assert/strict";
import { seed } from "./history.mjs";
import { expected, reach, routes } from "./routes.mjs";
import { go, site } from "./site.mjs";

const { router, test } = await site();
const history = await seed(router);

const WIDTHS = [320, 390, 768, 1280];
const SMALLEST = 24;
const REFUSALS = ["status of 403", "status of 404", "status of 410", "status of 422", "status of 429", "status of 500", "status of 502"];

for (const as of [undefined, history.admin, history.ada]) {
  test(`nothing sticks out and nothing is too small on the pages of ${as?.name ?? "a stranger"}`, async ({ visit }) => {
    const page = await visit({ as, hasTouch: true, tolerate: REFUSALS });
    const found = {};
    for (const route of routes(history).filter((route) => route.as === as)) {
      assert.equal(await reach(page, route), expected(route), route.name);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 800 });
        const here = [...await page.evaluate(sticksOut), ...await page.evaluate(tooSmall, SMALLEST)];
        if (here.length) found[`${route.name}, ${width} px`] = here;
      }
    }
    assert.deepEqual(found, {});
  });
}

for (const width of [320, 390]) {
  test(`every page is reached through the menu at ${width} px`, async ({ visit }) => {
    const page = await visit({ as: router.admin, hasTouch: true, viewport: { width, height: 640 } });
    await go(page, "/admin-ui");
    const menu = page.getByRole("navigation", { name: "Main" });
    await menu.waitFor({ state: "hidden" });
    for (const [name, path] of [["Users", "/admin-ui/users"], ["Keys", "/admin-ui/keys"], ["My usage", "/user-ui"], ["My keys", "/user-ui/keys"], ["Account", "/account"], ["Overview", "/admin-ui"]]) {
      await page.getByRole("button", { name: "Menu" }).tap();
      await menu.waitFor();
      assert.deepEqual(await page.evaluate(tooSmall, SMALLEST), [], "in the menu");
      await menu.getByRole("link", { name, exact: true }).tap();
      await page.waitForURL(path);
      await menu.waitFor({ state: "hidden" });
    }
    await page.getByRole("button", { name: "Menu" }).tap();
    await menu.getByRole("button", { name: "Sign out" }).tap();
    await page.waitForURL("/login?done=signed-out");
  });
}

// Runs in the page: what makes it scroll sideways.
function sticksOut() {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const wide = [...document.body.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > clientWidth + 1);
  return [`scrolls sideways by ${scrollWidth - clientWidth} px: ${wide.slice(-3).map((element) => element.outerHTML.slice(0, 80))}`];
}

// Runs in the page: what a finger cannot hit. A link within a line of text may be as low as its line (WCAG 2.5.8).
function tooSmall(smallest) {
  const targets = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")];
  return targets.flatMap((target) => {
    const visible = target.checkVisibility({ visibilityProperty: true, opacityProperty: true, contentVisibilityAuto: true });
    // The label around a box ticks it as well.
    const box = target.matches("[type=checkbox], [type=radio]") && target.closest("label");
    const { width, height } = (box || target).getBoundingClientRect();
    // Out of sight until it has the focus.
    const clipped = width <= 1 && height <= 1;
    const inLine = getComputedStyle(target).display === "inline";
    if (!visible || clipped || inLine || (width >= smallest - 0.5 && height >= smallest - 0.5)) return [];
    return [`${Math.round(width)}×${Math.round(height)}: ${target.outerHTML.slice(0, 80)}`];
  });
}
