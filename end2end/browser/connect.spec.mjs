// What is to be pasted into programs works as pasted: the texts beside a new key are run as they stand.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { go, site } from "./site.mjs";

const { router, test } = await site();
const run = promisify(execFile);

// Where the packages for Node are found.
const cwd = fileURLToPath(new URL("../", import.meta.url));
const PYTHON = process.env.CLIENTS_PYTHON;
const RUNNERS = {
  curl: (text) => run("bash", ["-c", text], { cwd }),
  "python-openai": (text) => run(PYTHON, ["-c", text], { cwd }),
  "python-anthropic": (text) => run(PYTHON, ["-c", text], { cwd }),
  langchain: (text) => run(process.env.LANGCHAIN_PYTHON, ["-c", text], { cwd }),
  "node-openai": (text) => run("node", ["--input-type=module", "-e", text], { cwd }),
  "node-anthropic": (text) => run("node", ["--input-type=module", "-e", text], { cwd }),
  "vercel-ai-sdk": (text) => run("node", ["--input-type=module", "-e", text], { cwd }),
};

test("the texts beside a new key work as pasted", async ({ visit }) => {
  const user = await router.newSettledUser("Pasting");
  const page = await visit({ as: user });
  await go(page, "/user-ui/keys?new=1");
  await page.getByLabel("Label", { exact: true }).fill("Pasted");
  await page.getByRole("button", { name: "Create key" }).click();
  await page.waitForURL("**/reveal/*");
  for (const [client, run] of Object.entries(RUNNERS)) {
    const text = await page.locator(`pre[data-client=${client}]`).textContent();
    const { stdout } = await run(text);
    assert.match(stdout, /demo/i, `${client}: ${stdout}`);
  }
  await go(page, "/user-ui");
  const latest = page.getByRole("table", { name: "Latest requests" });
  assert.equal(await latest.getByText("Pasted").count(), Object.keys(RUNNERS).length, "each made one call");
});

for (const javaScriptEnabled of [true, false]) {
  const way = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

  test(`${way}: the texts are for the chosen key and model, with a placeholder for the key`, async ({ visit }) => {
    const user = await router.newSettledUser(`Choosing ${way}`);
    const made = await router.manage("POST", `/admin/users/${user.id}/keys`, { label: "Slow one", allowed_models: ["demo-slow"] });
    const page = await visit({ as: user, javaScriptEnabled });
    await go(page, "/user-ui/models?q=demo");
    await page.getByRole("row").filter({ hasText: "demo-500" }).getByRole("link", { name: "Connect" }).click();
    await page.waitForURL(/connect\?model=demo-500/);
    const curl = page.locator("pre[data-client=curl]");
    await curl.filter({ hasText: "demo-500" }).waitFor();
    assert.ok((await curl.textContent()).includes("PASTE-YOUR-KEY-HERE"));
    assert.ok((await curl.textContent()).includes(router.url));
    await page.getByLabel("Key").selectOption(String(made.id));
    await page.getByRole("button", { name: "Show" }).click();
    await curl.filter({ hasText: "demo-slow" }).waitFor();
    assert.deepEqual(await page.getByLabel("Model").locator("option").allInnerTexts(), ["demo-slow"], "what the key may ask for");

    // Another's key is none of one's own.
    const other = await visit({ as: await router.newSettledUser(`Other ${way}`), javaScriptEnabled });
    await go(other, `/user-ui/connect?key=${made.id}`);
    assert.ok(!(await other.content()).includes("Slow one"));
  });
}
