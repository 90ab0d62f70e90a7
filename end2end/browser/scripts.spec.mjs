// Scripts: begun from an example, tried, put into force, changed, taken back; with JavaScript and without.
import assert from "node:assert/strict";
import { go, site } from "./site.mjs";

const { router, test } = await site();

const REFUSES = `export function onRequest(context) {
  if (JSON.stringify(context.request.body).includes("WORD")) refuse(403, "not that");
}
`;

for (const javaScriptEnabled of [true, false]) {
  const way = javaScriptEnabled ? "with JavaScript" : "without JavaScript";
  // Each way has a word of its own, since both have one router.
  const word = javaScriptEnabled ? "forbidden-one" : "forbidden-two";
  const refused = async () => (await router.chat(router.firstKey, `Say ${word}`)).status === 403;

  test(`${way}: a script is tried, stored, activated, changed, rolled back and deleted`, async ({ visit }) => {
    const page = await visit({ as: router.admin, javaScriptEnabled, tolerate: ["status of 422"] });
    await go(page, "/admin-ui/scripts");
    await page.getByRole("link", { name: "New script" }).first().click();
    await page.getByText("Begin with a ready-made one").click();
    await page.getByRole("link", { name: /^redact/ }).click();
    await page.waitForURL(/example=redact/);
    const code = page.getByLabel("Code", { exact: true });
    await page.waitForFunction(() => document.querySelector("textarea[name=code]")?.value.includes("isCard"));

    await page.getByRole("button", { name: "Run" }).click();
    await page.locator(".diff .added", { hasText: "[e-mail]" }).waitFor();
    assert.ok((await code.inputValue()).includes("isCard"), "what was typed is still there");

    await code.fill(REFUSES.replace("WORD", word));
    await page.getByLabel("Name", { exact: true }).first().fill("");
    await page.getByRole("button", { name: "Create script" }).click();
    await page.getByText("Name must not be empty").first().waitFor();
    assert.ok((await code.inputValue()).includes(word), "kept after a refusal");
    await page.getByLabel("Name", { exact: true }).first().fill(`Words ${way}`);
    await page.getByRole("button", { name: "Create script" }).click();
    await page.waitForURL(/open=\d+/);
    assert.ok(!(await refused()), "it is not in force yet");
    await page.getByRole("button", { name: "Activate" }).click();
    await page.getByRole("button", { name: "Deactivate" }).waitFor();
    assert.ok(await refused());

    await code.fill(REFUSES.replace("WORD", "nothing-of-the-kind"));
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText(/^Version 2, \d+ calls/).waitFor();
    assert.ok(!(await refused()));
    await page.getByText(/^Version 2, .* by admin/).click();
    await page.locator(".diff .removed", { hasText: word }).first().waitFor();
    await page.getByText(/^Version 1, .* by admin/).click();
    await page.getByRole("button", { name: "Roll back to 1" }).click();
    await page.getByText(/^Version 3, \d+ calls/).waitFor();
    assert.ok(await refused());

    await page.getByText("Delete this script").click();
    await page.getByLabel("Name", { exact: true }).last().fill(`Words ${way}`);
    await page.getByRole("button", { name: "Delete script" }).click();
    await page.getByText("The script is gone.").waitFor();
    assert.ok(!(await refused()));
  });
}

test("the editor's colours keep step with the text", async ({ visit }) => {
  const page = await visit({ as: router.admin });
  await go(page, "/admin-ui/scripts?new=1");
  const code = page.getByLabel("Code", { exact: true });
  await code.fill("const answer = 42; // why\n");
  const layer = page.locator(".editor .layer");
  await layer.locator(".tok-keyword", { hasText: "const" }).waitFor();
  await layer.locator(".tok-number", { hasText: "42" }).waitFor();
  await layer.locator(".tok-comment", { hasText: "// why" }).waitFor();
  const [over, under] = [await code.boundingBox(), await layer.boundingBox()];
  assert.ok(Math.abs(over.x - under.x) < 1 && Math.abs(over.y - under.y) < 1, JSON.stringify([over, under]));
});
