// Takes a picture of every page, in both themes, for a desk and for a phone, into end2end/screenshots/; with
// `--readme` those that are shown in the repository, into docs/. It judges nothing; the specs do.
// Usage, after `make site`: LLM_ROUTER_BIN=target/debug/llm-router node end2end/browser/screenshots.mjs [--readme]
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { seed } from "./history.mjs";
import { reach, routes } from "./routes.mjs";
import { startRouter } from "./router.mjs";
import { go, launch, open } from "./site.mjs";

const SIZES = { desk: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const folder = (path) => fileURLToPath(new URL(`../../${path}/`, import.meta.url));

const [router, browser] = await Promise.all([startRouter({ dashboard: { time_zone: "UTC" } }), launch()]);
try {
  const history = await seed(router, { slow: true });
  await (process.argv.includes("--readme") ? readme(history) : everything(history));
} finally {
  await browser.close();
  await router.stop();
}

async function readme(history) {
  await overview(history);
  await gallery(history);
}

// Every page once: at a desk in both themes and on a phone, small enough for a repository.
async function gallery(history) {
  const target = folder("docs/gallery");
  mkdirSync(target, { recursive: true });
  const looks = [["light", "desk"], ["dark", "desk"], ["light", "phone"]];
  // What only differs by what is unfolded, empty or wrong is left to the specs.
  const shown = routes(history).filter(({ name }) => !/-(none|wrong|folded|gone|done|requests|latency)$|^not-found|^forbidden/.test(name));
  const lines = ["# Every page", "", "Made by `node end2end/browser/screenshots.mjs --readme` from made-up data.", ""];
  for (const route of shown) {
    const titles = [];
    for (const [colorScheme, size] of looks) {
      const page = await open(browser, router, { as: route.as, viewport: SIZES[size], colorScheme });
      await reach(page, route);
      await page.evaluate(() => scrollTo(0, 0));
      const file = `${route.name}-${size}-${colorScheme}.jpg`;
      await page.screenshot({ path: `${target}${file}`, type: "jpeg", quality: 55 });
      titles.push(`<img src="gallery/${file}" alt="${route.name}, ${size}, ${colorScheme}" height="240">`);
      await page.context().close();
    }
    const path = route.path.replace(/\?.*/, "").replace(/req_.*/, "{id}");
    lines.push(`**${route.name}** \`${path}\``, "", ...titles, "");
  }
  writeFileSync(`${folder("docs")}gallery.md`, lines.join("\n"));
}

async function overview({ admin }) {
  const page = await open(browser, router, { as: admin, viewport: SIZES.desk, colorScheme: "light" });
  await go(page, "/admin-ui");
  mkdirSync(folder("docs"), { recursive: true });
  await page.screenshot({ path: `${folder("docs")}overview.png` });
}

async function everything(history) {
  const target = folder("end2end/screenshots");
  mkdirSync(target, { recursive: true });
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"]) {
      const pages = new Map();
      for (const route of routes(history)) {
        if (!pages.has(route.as)) pages.set(route.as, await open(browser, router, { as: route.as, viewport, colorScheme }));
        const page = pages.get(route.as);
        await reach(page, route);
        // A picture of the whole page shows what sticks to the window's edge wherever that is.
        await page.evaluate(() => scrollTo(0, 0));
        await page.screenshot({ path: `${target}${route.name}-${size}-${colorScheme}.png`, fullPage: true });
      }
      await Promise.all([...pages.values()].map((page) => page.context().close()));
    }
  }
}
