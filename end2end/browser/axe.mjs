// What axe finds on pages: violations of WCAG 2.2 AA, in both themes.
import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { expected, reach, routes } from "./routes.mjs";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const REFUSALS = ["status of 403", "status of 404", "status of 410", "status of 422", "status of 429", "status of 500", "status of 502"];

// All rules, or those about colours.
const ALL = { runOnly: TAGS, rules: { "target-size": { enabled: true } } };
const COLOURS = { runOnly: { type: "rule", values: ["color-contrast", "link-in-text-block"] } };

export async function violations(page, rules = ALL) {
  const axe = new AxeBuilder({ page }).setLegacyMode(true).options({ ...rules, resultTypes: ["violations"] });
  const found = (await axe.analyze()).violations;
  return found.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help} ${node.target} ${node.failureSummary}`));
}

// All pages of somebody; of several `parts` only the one of this number.
export function finds(test, history, as, part = 0, parts = 1) {
  const name = `${as?.name ?? "a stranger"}${parts > 1 ? `, part ${part + 1} of ${parts}` : ""}`;
  test(`axe finds nothing on the pages of ${name}, light and dark`, async ({ visit }) => {
    const page = await visit({ as, tolerate: REFUSALS });
    const found = {};
    for (const route of routes(history).filter((route) => route.as === as).filter((_, n) => n % parts === part)) {
      assert.equal(await reach(page, route), expected(route), route.name);
      // A theme is a set of colours and nothing else.
      for (const [colorScheme, rules] of [["light", ALL], ["dark", COLOURS]]) {
        await page.emulateMedia({ colorScheme });
        const here = await violations(page, rules);
        if (here.length) found[`${route.name}, ${colorScheme}`] = here;
      }
    }
    assert.deepEqual(found, {});
  });
}
