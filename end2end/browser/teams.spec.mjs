// Teams: an admin makes one and says who runs it; its owner adds people and keys; its members look.
import assert from "node:assert/strict";
import { errorAt, go, site } from "./site.mjs";

const { router, test } = await site();

const panel = (page) => page.getByRole("complementary");
const works = async (key) => (await router.chat(key, "Hello")).status;

for (const javaScriptEnabled of [true, false]) {
  const way = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

  test(`${way}: a team is made, run by its owner, seen by its members, and deleted by its name`, async ({ visit }) => {
    const name = `Team ${way}`;
    const owner = await router.newSettledUser(`Olga ${way}`);
    const member = await router.newSettledUser(`Max ${way}`);
    const tolerate = ["status of 404", "status of 422", "status of 403"];
    const page = await visit({ as: router.admin, javaScriptEnabled, tolerate });
    await go(page, "/admin-ui/teams");
    await page.getByRole("link", { name: "New team" }).click();
    await panel(page).getByLabel("Name", { exact: true }).fill(name);
    await panel(page).getByLabel("Monthly budget, $").fill("much");
    await panel(page).getByRole("button", { name: "Create team" }).click();
    assert.match(await errorAt(panel(page), "Monthly budget, $"), /^Monthly budget must be an amount/);
    assert.equal(await panel(page).getByLabel("Name", { exact: true }).inputValue(), name);
    await panel(page).getByLabel("Monthly budget, $").fill("5");
    await panel(page).getByRole("button", { name: "Create team" }).click();
    await page.waitForURL(/open=\d+&done=team-created/);
    const id = new URL(page.url()).searchParams.get("open");

    await panel(page).getByLabel("User’s name").fill("nobody of that name");
    await panel(page).getByRole("button", { name: "Add to team" }).click();
    assert.equal(await errorAt(panel(page), "User’s name"), "There is no user of that name.");
    await panel(page).getByLabel("User’s name").fill(owner.name);
    await panel(page).getByLabel("Role").selectOption("owner");
    await panel(page).getByRole("button", { name: "Add to team" }).click();
    await panel(page).getByRole("listitem").filter({ hasText: owner.name }).getByText("Owner").waitFor();

    const theirs = await visit({ as: owner, javaScriptEnabled });
    await go(theirs, "/user-ui/teams");
    await theirs.getByRole("link", { name, exact: true }).click();
    await panel(theirs).getByLabel("User’s name").fill(member.name);
    await panel(theirs).getByRole("button", { name: "Add to team" }).click();
    await panel(theirs).getByRole("listitem").filter({ hasText: member.name }).waitFor();
    await panel(theirs).getByRole("link", { name: "New key of the team" }).click();
    await panel(theirs).getByLabel("Label").fill("Shared");
    await panel(theirs).getByRole("button", { name: "Create key" }).click();
    await theirs.waitForURL("**/reveal/*");
    const key = await theirs.getByLabel("The key").innerText();
    assert.equal(await works(key), 200);
    await theirs.getByRole("link", { name: "I have saved it" }).click();
    await theirs.waitForURL(`/user-ui/keys?team=${id}`);

    const looking = await visit({ as: member, javaScriptEnabled, tolerate });
    await go(looking, `/user-ui/teams?open=${id}`);
    await panel(looking).getByText(owner.name).waitFor();
    assert.equal(await panel(looking).getByRole("button", { name: "Add to team" }).count(), 0);
    await go(looking, `/user-ui/keys?team=${id}`);
    await looking.getByRole("link", { name: "Shared" }).click();
    await panel(looking).getByText("Shared").first().waitFor();
    assert.equal(await panel(looking).getByRole("button").count(), 0, "only to look at");

    const stranger = await router.newSettledUser(`Sam ${way}`);
    const outside = await visit({ as: stranger, javaScriptEnabled, tolerate });
    for (const path of [`/user-ui/teams?open=${id}`, `/user-ui/keys?team=${id}`]) {
      await go(outside, path);
      assert.ok(!(await outside.content()).includes(name), path);
    }

    await go(page, `/admin-ui/teams?open=${id}`);
    await panel(page).getByText("Delete this team").click();
    await panel(page).getByText("With it go its 1 keys").waitFor();
    await panel(page).getByLabel("Name of the team").fill("something");
    await panel(page).getByRole("button", { name: "Delete team and keys" }).click();
    assert.equal(await errorAt(panel(page), "Name of the team"), "Type the name exactly as it is shown.");
    assert.equal(await works(key), 200);
    await panel(page).getByLabel("Name of the team").fill(name);
    await panel(page).getByRole("button", { name: "Delete team and keys" }).click();
    await page.waitForURL("/admin-ui/teams?done=team-deleted");
    assert.equal(await works(key), 401);
  });
}
