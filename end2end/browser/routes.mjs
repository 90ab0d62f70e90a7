// Every page there is, with everything on it: what the specs for accessibility and layout go through, and the pictures.
// A page that is added to the application belongs here as well.
import { go } from "./site.mjs";

// `as` is who looks at it, `make` brings the page there where an address alone does not. `status` is the
// document's, 200 unless given.
export function routes({ ada, grace, admin, oldKey, team, request, backend, group, priced, script }) {
  return [
    { name: "login", path: "/login" },
    { name: "login-refused", path: "/login?refused=disabled" },
    { name: "status", path: "/web", as: ada },
    { name: "status-analytics", path: "/web?tab=analytics", as: ada, make: unfoldAll },
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
    { name: "key-folded", path: `/admin-ui/keys?open=${oldKey.id}`, as: admin, make: unfold },
    { name: "key-new-folded", path: "/admin-ui/keys?new=1", as: admin, make: unfold },
    { name: "teams", path: "/admin-ui/teams", as: admin },
    { name: "teams-none", path: "/admin-ui/teams?q=no-such-team", as: admin },
    { name: "team-new", path: "/admin-ui/teams?new=1", as: admin },
    { name: "team", path: `/admin-ui/teams?open=${team.id}`, as: admin, make: unfold },
    { name: "budgets", path: "/admin-ui/budgets", as: admin },
    { name: "budgets-none", path: "/admin-ui/budgets?q=no-such-budget", as: admin },
    { name: "budgets-folded", path: "/admin-ui/budgets?q=Ada", as: admin, make: unfold },
    { name: "budget", path: `/admin-ui/budgets?of=user-${ada.id}`, as: admin },
    { name: "admin-playground", path: "/admin-ui/playground", as: admin, make: askTwo },
    { name: "reveal", path: "/user-ui/keys?new=1", as: ada, make: createKey },
    { name: "reveal-gone", path: "/admin-ui/reveal/none", as: admin, status: 410 },
    { name: "usage", path: "/admin-ui/usage?range=24h", as: admin },
    { name: "usage-latency", path: "/admin-ui/usage?range=24h&chart=latency", as: admin },
    { name: "requests", path: "/admin-ui/logs", as: admin },
    { name: "request", path: `/admin-ui/logs/${request.id}`, as: admin },
    { name: "requests-none", path: "/admin-ui/logs?q=no-such-model", as: admin },
    { name: "my-usage-over-time", path: "/user-ui/usage", as: ada },
    { name: "my-history", path: "/user-ui/history", as: ada },
    { name: "my-requests", path: "/user-ui/logs", as: ada },
    { name: "backends", path: "/admin-ui/backends", as: admin },
    { name: "backend-new", path: "/admin-ui/backends?new=1", as: admin },
    { name: "backend-new-folded", path: "/admin-ui/backends?new=1&kind=openai_compatible", as: admin, make: unfoldAll },
    { name: "backend", path: `/admin-ui/backends?open=${backend.id}`, as: admin, make: unfoldAll },
    { name: "prices", path: "/admin-ui/models", as: admin },
    { name: "prices-none", path: "/admin-ui/models?q=no-such-model", as: admin },
    { name: "price", path: `/admin-ui/models?open=${priced.deployment_id}`, as: admin, make: unfoldAll },
    { name: "routing", path: "/admin-ui/routing?model=best&dialect=openai&input_tokens=1000", as: admin },
    { name: "group-new", path: "/admin-ui/routing?new=1", as: admin, make: unfoldAll },
    { name: "group", path: `/admin-ui/routing?open=${group.id}`, as: admin, make: unfoldAll },
    { name: "scripts", path: "/admin-ui/scripts", as: admin },
    { name: "script-new", path: "/admin-ui/scripts?new=1&example=redact", as: admin, make: unfoldAll },
    { name: "script", path: `/admin-ui/scripts?open=${script.id}`, as: admin, make: unfoldAll },
    { name: "permissions", path: "/admin-ui/permissions", as: admin },
    { name: "permission", path: `/admin-ui/permissions?open=${grace.id}`, as: admin },
    { name: "audit", path: "/admin-ui/audit", as: admin, make: unfoldAll },
    { name: "tokens", path: "/admin-ui/tokens", as: admin },
    { name: "token-new", path: "/admin-ui/tokens?new=1", as: admin },
    { name: "forbidden", path: "/admin-ui/users", as: ada, status: 403 },
    { name: "my-usage", path: "/user-ui", as: ada, make: openNumbers },
    { name: "my-keys", path: "/user-ui/keys", as: ada },
    { name: "my-key-new", path: "/user-ui/keys?new=1", as: ada },
    { name: "my-key", path: `/user-ui/keys?open=${oldKey.id}`, as: ada, make: openDanger },
    { name: "connect", path: "/user-ui/connect", as: ada, make: unfold },
    { name: "models", path: "/user-ui/models", as: ada },
    { name: "models-none", path: "/user-ui/models?q=no-such-model", as: ada },
    { name: "playground", path: "/user-ui/playground", as: ada, make: unfold },
    { name: "playground-answers", path: "/user-ui/playground", as: ada, make: askTwo },
    { name: "my-teams", path: "/user-ui/teams", as: ada },
    { name: "my-team", path: `/user-ui/teams?open=${team.id}`, as: ada },
    { name: "my-team-keys", path: `/user-ui/keys?team=${team.id}`, as: ada },
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
const openDanger = (page) => page.locator("details.danger summary").last().click();
const unfoldAll = (page) => page.evaluate(() => document.querySelectorAll("main details").forEach((details) => { details.open = true; }));
// All that is folded away, of the panel or of the page.
const unfold = (page) => page.evaluate(() => {
  for (const details of document.querySelectorAll("details.more, details.snippet")) details.open = true;
});

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

async function askTwo(page) {
  await page.getByLabel("Beside it").selectOption("demo-500");
  await page.getByLabel("Message").fill("How are you?");
  await page.getByRole("button", { name: "As code" }).click();
  await page.getByRole("button", { name: "Send" }).click();
  for (const answer of await page.locator(".answer").all()) await answer.getByText(/^(Done|Failed)$/).waitFor();
  await page.locator("pre[data-client=curl]").waitFor();
  // A button that the mouse rests on is fading to another colour.
  await page.mouse.move(0, 0);
}
