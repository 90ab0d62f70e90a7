// Every page there is, with everything on it: what the specs for accessibility and layout go through, and the pictures.
// A page that is added to the application belongs here as well.
import { go } from "./site.mjs";

// `as` is who looks at it, `make` brings the page there where an address alone does not. `status` is the
// document's, 200 unless given.
export function routes({ ada, admin, oldKey }) {
  return [
    { name: "login", path: "/login" },
    { name: "not-found", path: "/nowhere", status: 404 },
    { name: "overview", path: "/admin-ui", as: admin, make: openNumbers },
    { name: "overview-requests", path: "/admin-ui?chart=requests", as: admin },
    { name: "users", path: "/admin-ui/users", as: admin },
    { name: "users-none", path: "/admin-ui/users?q=nobody-at-all", as: admin },
    { name: "user-new", path: "/admin-ui/users?new=1", as: admin },
    { name: "user-new-wrong", path: "/admin-ui/users?new=1", as: admin, make: sendWrongUser },
    { name: "user", path: `/admin-ui/users?open=${ada.id}`, as: admin, make: openDanger },
    { name: "keys", path: "/admin-ui/keys", as: admin },
    { name: "keys-none", path: "/admin-ui/keys?q=no-such-key", as: admin },
    { name: "key-new", path: "/admin-ui/keys?new=1", as: admin },
    { name: "key", path: `/admin-ui/keys?open=${oldKey.id}`, as: admin, make: openDanger },
    { name: "reveal", path: "/user-ui/keys?new=1", as: ada, make: createKey },
    { name: "reveal-gone", path: "/admin-ui/reveal/none", as: admin, status: 410 },
    { name: "usage", path: "/admin-ui/usage?range=24h", as: admin },
    { name: "usage-latency", path: "/admin-ui/usage?range=24h&chart=latency", as: admin },
    { name: "requests", path: "/admin-ui/logs", as: admin },
    { name: "requests-none", path: "/admin-ui/logs?q=no-such-model", as: admin },
    { name: "my-usage-over-time", path: "/user-ui/usage", as: ada },
    { name: "my-history", path: "/user-ui/history", as: ada },
    { name: "my-requests", path: "/user-ui/logs", as: ada },
    { name: "forbidden", path: "/admin-ui/users", as: ada, status: 403 },
    { name: "my-usage", path: "/user-ui", as: ada, make: openNumbers },
    { name: "my-keys", path: "/user-ui/keys", as: ada },
    { name: "my-key-new", path: "/user-ui/keys?new=1", as: ada },
    { name: "my-key", path: `/user-ui/keys?open=${oldKey.id}`, as: ada, make: openDanger },
    { name: "account", path: "/account", as: ada },
    { name: "account-done", path: "/account?done=password-changed", as: ada },
  ];
}

// Brings a page to a route and answers with the document's status.
export async function reach(page, route) {
  const answer = await go(page, route.path);
  await route.make?.(page);
  return answer.status();
}

// The status that a route's document should have.
export const expected = (route) => route.status ?? 200;

const openNumbers = (page) => page.getByText("The numbers").click();
const openDanger = (page) => page.locator("details.danger summary").click();

async function sendWrongUser(page) {
  await page.getByLabel("Name", { exact: true }).fill("Grace");
  await page.getByLabel("Daily budget, $").fill("two");
  await page.getByRole("button", { name: "Create user" }).click();
  await page.locator("[aria-invalid=true]").waitFor();
}

async function createKey(page) {
  await page.getByLabel("Label", { exact: true }).fill("Notebook");
  await page.getByRole("button", { name: "Create key" }).click();
  await page.waitForURL("**/reveal/*");
  await page.locator("html[data-hydrated]").waitFor({ state: "attached" });
}
