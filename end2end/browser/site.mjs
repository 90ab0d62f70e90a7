// What every browser test has: a router, a Chromium, and pages that are watched. A test fails when any of
// its pages writes an error to the console, throws, or asks another server for anything.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, test as nodeTest } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { startRouter } from "./router.mjs";

const RESULTS = fileURLToPath(new URL("../test-results/", import.meta.url));
const PATIENCE_MS = 10_000;

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" });
}

// Starts what a spec needs and stops it at its end. `test(name, body)` gives `body` a function `visit`.
export async function site(settings) {
  const [router, browser] = await Promise.all([startRouter(settings), launch()]);
  after(async () => {
    await browser.close();
    await router.stop();
  });
  const test = (name, body) => nodeTest(name, async () => {
    const visits = [];
    const visit = async (options) => {
      const page = await open(browser, router, options);
      visits.push(page);
      return page;
    };
    try {
      await body({ visit });
      for (const page of visits) assert.deepEqual(page.problems, [], `troubles of ${page.url()}`);
    } catch (error) {
      await picture(name, visits.at(-1));
      throw error;
    } finally {
      await Promise.all(visits.map((page) => page.context().close()));
    }
  });
  return { router, browser, test };
}

// A page in a context of its own. `as`: who is signed in; `tolerate`: troubles that the test provokes, by what their
// text contains; the rest is Playwright's.
export async function open(browser, router, { as, tolerate = [], ...options } = {}) {
  // Uncompressed: an unoptimised build takes a second to compress the wasm.
  const extraHTTPHeaders = { "accept-encoding": "identity" };
  const context = await browser.newContext({ baseURL: router.url, reducedMotion: "reduce", extraHTTPHeaders, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  if (as) await signIn(context, as);
  const page = await context.newPage();
  page.problems = [];
  const problem = (text) => {
    if (!tolerate.some((part) => text.includes(part))) page.problems.push(text);
  };
  page.on("console", (message) => message.type() === "error" && problem(`console: ${message.text()}`));
  page.on("pageerror", (error) => problem(`thrown at ${page.url()}: ${error}`));
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol !== "data:" && origin !== router.url) problem(`request to ${origin}`);
  });
  page.hydrates = options.javaScriptEnabled !== false;
  return page;
}

// Signs in as a program would, which is quicker than the form; sign_in.spec.mjs tests the form.
async function signIn(context, { name, password }) {
  const answer = await context.request.post("/_fn/sign-in", { form: { name, password, next: "" }, maxRedirects: 0 });
  assert.ok(answer.ok(), `${name} cannot sign in: ${answer.status()} ${await answer.text()}`);
}

// Opens an address and waits until it is alive. The answer is the server's.
export async function go(page, path) {
  const answer = await page.goto(path);
  await alive(page);
  return answer;
}

// Until the browser's half has taken over, where there is one.
export async function alive(page) {
  if (page.hydrates) await page.locator("html[data-hydrated]").waitFor({ state: "attached" });
}

// Until a locator holds exactly this text, however it is broken into lines.
export async function hasText(locator, text) {
  const words = (s) => s.replace(/\s+/g, " ").trim();
  const deadline = Date.now() + PATIENCE_MS;
  let found;
  do {
    found = words(await locator.innerText());
    if (found === text) return;
    await locator.page().evaluate(() => new Promise(requestAnimationFrame));
  } while (Date.now() < deadline);
  assert.equal(found, text);
}

// An input's error, as somebody who cannot see it would be told: the description of an input that is marked invalid.
export async function errorAt(page, label) {
  const input = page.getByLabel(label, { exact: true }).and(page.locator("[aria-invalid=true]"));
  await input.waitFor();
  const ids = (await input.getAttribute("aria-describedby")).split(" ");
  const texts = await Promise.all(ids.map((id) => page.locator(`[id="${id}"]`).innerText()));
  return texts[0].trim();
}

async function picture(name, page) {
  if (!page || page.isClosed()) return;
  mkdirSync(RESULTS, { recursive: true });
  const path = `${RESULTS}${name.replace(/\W+/g, "-")}.png`;
  // The test's own failure says more than that there is no picture of it.
  await page.screenshot({ path, fullPage: true }).catch(() => {});
  console.error(`picture of the failure: ${path}, at ${page.url()}`);
}
