// A company's first days with the router, so that pages have something to show: people, keys, calls in both
// dialects, a model that fails, a budget that is nearly used up.

const QUESTIONS = [
  "Summarise the minutes of today’s stand-up in three points.",
  "Translate this release note into French, and keep the product names as they are.",
  "Which of these invoices are overdue, and by how many days?",
  "Write a unit test for the parser of dates, with the edge cases around leap years.",
  "Explain this stack trace to somebody who has never seen the code base before.",
];

// Answers with the people and keys that a page can be opened for. `slow`: some answers take seconds, as real ones do.
export async function seed(router, { slow = false } = {}) {
  const ada = await router.newSettledUser("Ada Lovelace", { email: "ada@example.com", monthly_budget: 20, soft_monthly_budget: 0.00001 });
  const grace = await router.newUser("Grace Hopper", { email: "grace@example.com", monthly_budget: 50 });
  const bot = await router.newUser("Support bot", { daily_budget: 5, monthly_budget: 100 });
  const alan = await router.newUser("Alan Turing", { email: "alan@example.com" });
  const longNamed = await router.newUser("Department-of-Very-Long-Compound-Names-and-Abbreviations-in-Full");
  const key = (user, label, more = {}) => router.manage("POST", `/admin/users/${user.id}/keys`, { label, ...more });
  const laptop = await key(ada, "Laptop", { requests_per_minute: 60, allowed_models: ["demo", "demo-slow", "demo-500"] });
  const ci = await key(grace, "CI");
  const old = await key(grace, "Old notebook");
  await router.manage("PATCH", `/admin/keys/${old.id}`, { active: false });
  await router.manage("PATCH", `/admin/users/${alan.id}`, { active: false });

  const callers = [laptop.key, ci.key, bot.api_key, bot.api_key, ada.api_key, longNamed.api_key];
  const call = (n) => {
    const text = `${QUESTIONS[n % QUESTIONS.length]} ${"Here is more of the text. ".repeat((n * 7) % 23)}`;
    const key = callers[n % callers.length];
    return n % 3 === 0 ? router.messages(key, text) : router.chat(key, text);
  };
  for (let n = 0; n < 24; n += 1) await call(n);
  await router.chat(bot.api_key, QUESTIONS[2], { model: "demo-500" });
  await router.chat(laptop.key, QUESTIONS[3], { model: "demo-500" });
  await router.messages(ci.key, QUESTIONS[4], { model: "demo-429" });
  await router.messages(bot.api_key, QUESTIONS[0], { stream: true });
  for (const n of [9, 8, 12, 7]) await call(n);
  if (slow) await Promise.all([laptop.key, ci.key, bot.api_key].map((key, n) => router.chat(key, QUESTIONS[n], { model: "demo-slow" })));
  const team = await router.manage("POST", "/admin/teams", { name: "Research", monthly_budget: 40, soft_monthly_budget: 30, parallel: 8 });
  await router.manage("POST", `/admin/teams/${team.id}/members`, { user_id: ada.id, role: "owner" });
  await router.manage("POST", `/admin/teams/${team.id}/members`, { user_id: grace.id });
  await router.manage("POST", `/admin/teams/${team.id}/keys`, { label: "Nightly batch" });
  await nearlyUseUp(router, ada);
  const { rows } = await router.manage("GET", "/admin/analytics/requests?limit=1");
  return { ada, grace, admin: router.admin, oldKey: laptop, team, request: rows[0], ...await configure(router, grace) };
}

// What an admin has made beside the configuration file.
async function configure(router, grace) {
  const backend = await router.manage("POST", "/admin/backends", {
    name: "acme", kind: "openai_compatible", base_url: "https://llm.acme.example/v1", api_keys: ["sk-acme-0123456789"],
    models: [
      { model: "acme-large", aliases: ["large"], price: { input: 2, output: 8 } },
      { model: "acme-small", price: { input: 0.2, output: 0.8 } },
    ],
    rate_limit: { requests: 120, window: "60s" }, max_concurrent: 8, priority: 2,
  });
  const demo = (await router.manage("GET", "/admin/backends")).find(({ name }) => name === "demo");
  const group = await router.manage("POST", "/admin/groups", {
    name: "best", strategy: "weighted",
    members: [
      { backend: "acme", model: "acme-large", weight: 3 },
      { backend: "demo", model: "demo", weight: 1 },
      { backend: "acme", model: "acme-small", priority: 1, when: { max_input_tokens: 8000 } },
    ],
  });
  await router.manage("POST", "/admin/rewrites", { source: "gpt-4o", target: "best" });
  for (const { id } of [backend, demo]) {
    await router.manage("POST", "/admin/permissions", { user_id: grace.id, backend_id: id });
  }
  const priced = (await router.manage("GET", "/admin/prices")).find(({ model }) => model === "acme-large");
  await router.manage("PUT", `/admin/prices/${priced.deployment_id}`, { input: 1.5, output: 6, cache_read: 0.15 });
  const code = (word) => `export function onRequest(context) {\n  context.request.headers["x-team"] = "${word}";\n  return context;\n}\n`;
  const script = await router.manage("POST", "/admin/scripts", { name: "Team header", script_type: "global", script_code: code("one"), is_active: true });
  await router.manage("PUT", `/admin/scripts/${script.id}`, { script_code: code("research") });
  await router.manage("PUT", "/admin/script-secrets/gateway-key", { value: "0123456789" });
  await router.manage("POST", "/admin/tokens", { name: "Prometheus", scope: "read" });
  return { backend, group, priced, script };
}

// A call is refused when it might cost more than is left, so this budget is set once its money is spent.
async function nearlyUseUp(router, { id }) {
  const { daily_spend: spent } = (await router.manage("GET", "/admin/users")).find((user) => user.id === id);
  await router.manage("PATCH", `/admin/users/${id}`, { daily_budget: Number((spent * 1.15).toFixed(6)) });
}
