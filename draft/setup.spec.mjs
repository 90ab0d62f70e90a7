// The first steps with a new router, from its log to the first request in its own: with the browser's half of the
// application, and with JavaScript off.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { violations } from "./axe.mjs";
import { startRouter } from "./router.mjs";
import { alive, errorAt, go, launch, open } from "./site.mjs";

const browser = await launch();
const routers = [];
after(async () => {
  await browser.close();
  await Promise.all(routers.map((router) => router.stop()));
});

async function newRouter(settings) {
  const router = await startRouter(settings);
  routers.push(router);
  return router;
}

// Opens a page and, at the end, says what went wrong on it.
async function visiting(router, options, body) {
  const page = await open(browser, router, options);
  try {
    await body(page);
    assert.deepEqual(page.problems, [], `troubles of ${page.url()}`);
  } finally {
    await page.context().close();
  }
}

const step = (page, name) => page.getByRole("heading", { level: 1, name }).waitFor();

// Follows a click that leads to a new document.
async function press(page, name, role = "button") {
  await page.getByRole(role, { name, exact: true }).click();
}

for (const [how, options] of [["with wasm", {}], ["without JavaScript", { javaScriptEnabled: false }]]) {
  test(`from the log to the first request, ${how}`, async () => {
    const [router, upstream] = await Promise.all([newRouter(), newRouter()]);
    const password = "a password of one's own";
    let key;
    await visiting(router, { ...options, tolerate: ["status of 403"] }, async (page) => {
      assert.equal((await go(page, "/")).status(), 200);
      assert.equal(new URL(page.url()).pathname, "/setup");
      await step(page, "This router is new");
      assert.equal((await go(page, "/setup?token=wrong")).status(), 403);
      await page.getByRole("alert").filter({ hasText: "not the token of this start" }).waitFor();
      assert.equal(await page.getByLabel("Password", { exact: true }).count(), 0);

      // As somebody does who pastes the token instead of the address.
      await page.getByLabel("Token").fill(new URL(router.setup).searchParams.get("token"));
      await press(page, "Go on");
      await step(page, "Welcome");
      await alive(page);
      assert.deepEqual(await violations(page), []);
      await page.getByLabel("Name", { exact: true }).fill("grace");
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByLabel("Password again").fill("another one");
      await press(page, "Go on");
      assert.equal(await errorAt(page, "Password again"), "The two passwords differ.");
      assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "grace", "the name stays");
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByLabel("Password again").fill(password);
      await press(page, "Go on");

      await step(page, "A backend");
      await alive(page);
      assert.deepEqual(await violations(page), []);
      await page.getByText("So far only the demo answers").waitFor();
      await page.getByRole("link", { name: /^OpenAI-compatible/ }).click();
      await page.getByLabel("Name", { exact: true }).fill("second");
      await page.getByLabel("Base URL").fill(`${upstream.url}/v1`);
      await page.getByLabel("API keys").fill(upstream.firstKey);
      await page.getByLabel("Models").fill("demo = first-model");
      await press(page, "Add backend");
      await page.getByText("These are there:").waitFor();
      await page.getByRole("listitem").filter({ hasText: "second" }).waitFor();
      assert.equal(new URL(page.url()).pathname, "/setup");
      await alive(page);
      await press(page, "Go on with these");

      await step(page, "A key");
      await alive(page);
      assert.deepEqual(await violations(page), []);
      await page.getByLabel("What it is for").fill("laptop");
      await press(page, "Make the key");
      await step(page, "Your new key");
      key = (await page.getByLabel("The key").innerText()).trim();
      await press(page, "I have saved it", "link");

      await step(page, "A request");
      await alive(page);
      await page.getByText("Nothing yet.").waitFor();
      assert.deepEqual(await violations(page), []);
      await page.getByLabel("Model").selectOption("first-model");
      await press(page, "Send a test request");
      await page.getByRole("status").filter({ hasText: "It was answered" }).waitFor();
      const arrived = page.getByRole("region", { name: "Requests that have arrived" });
      await arrived.getByRole("listitem").filter({ hasText: "first-model" }).filter({ hasText: "HTTP 200" }).waitFor();
      await alive(page);

      // One with the key, from elsewhere: seen by itself, or when one looks again.
      assert.equal((await router.chat(key, "Hello")).status, 200);
      if (!page.hydrates) await page.reload();
      await arrived.getByRole("listitem").nth(1).waitFor();
      await press(page, "Finish");
      await page.waitForURL("/admin-ui");
    });

    // It is done once, and what it has made is there.
    await visiting(router, { ...options, tolerate: ["status of 410"] }, async (page) => {
      for (const path of [router.setup, "/setup"]) {
        assert.equal((await go(page, path)).status(), 410);
        await step(page, "This router is set up");
      }
      await go(page, "/");
      assert.equal(new URL(page.url()).pathname, "/login");
      await page.getByLabel("Name", { exact: true }).fill("grace");
      await page.getByLabel("Password").fill(router.admin.password);
      await press(page, "Sign in");
      await page.getByRole("alert").filter({ hasText: "do not match" }).waitFor();
      await page.getByLabel("Password").fill(password);
      await press(page, "Sign in");
      await page.waitForURL("/admin-ui");
    });
    const rows = await router.manage("GET", "/admin/users");
    assert.deepEqual(rows.map((user) => user.name), ["grace"]);
  });

  test(`each step can be skipped and gone on with later, ${how}`, async () => {
    const router = await newRouter();
    await visiting(router, options, async (page) => {
      await go(page, router.setup);
      await page.getByLabel("Password", { exact: true }).fill("a password of one's own");
      await page.getByLabel("Password again").fill("a password of one's own");
      await press(page, "Go on");
      await step(page, "A backend");
      await press(page, "Do the rest later", "link");
      await page.waitForURL("/admin-ui");
      await alive(page);
      await press(page, "Go on with it", "link");
      await step(page, "A backend");
      await press(page, "Stay with the demo for now");
      await step(page, "A key");
      await press(page, "Skip this");
      await step(page, "A request");
      await press(page, "Finish");
      await page.waitForURL("/admin-ui");
      assert.equal(await page.getByText("The set-up is not finished").count(), 0);
    });
  });
}

test("a router whose administrator is given has no set-up", async () => {
  const router = await newRouter({ auth: { master_key: "sk-master-for-browser-tests", admin_password: "given by the operator" } });
  assert.equal(router.setup, undefined);
  await visiting(router, { tolerate: ["status of 410"] }, async (page) => {
    await go(page, "/");
    assert.equal(new URL(page.url()).pathname, "/login");
    assert.equal((await go(page, "/setup")).status(), 410);
  });
});

test("what has been found in the environment is shown", async () => {
  const router = await newRouter({
    backends: [{ name: "of-the-file", kind: "openai_compatible", base_url: "http://127.0.0.1:9/v1", unpriced: "allow", models: [{ model: "m" }] }],
  });
  await visiting(router, {}, async (page) => {
    await go(page, router.setup);
    await page.getByLabel("Password", { exact: true }).fill("a password of one's own");
    await page.getByLabel("Password again").fill("a password of one's own");
    await press(page, "Go on");
    await step(page, "A backend");
    await page.getByRole("listitem").filter({ hasText: "of-the-file" }).waitFor();
    await page.getByRole("button", { name: "Go on with these" }).waitFor();
  });
});
