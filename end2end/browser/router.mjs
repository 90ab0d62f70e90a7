// The router under test: the built binary with a database of its own in a temporary folder, and what
// programs do with it (the admin's API, calls in both dialects). What a browser does is in site.mjs.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";

const BINARY = process.env.LLM_ROUTER_BIN;
const MASTER_KEY = "sk-master-for-browser-tests";
const START_MS = 30_000;

// Starts a router. `settings` are added to its configuration file: a section's keys to those given here, a list as it is.
export async function startRouter(settings = {}) {
  if (!BINARY) throw new Error("LLM_ROUTER_BIN names no binary; run end2end/browser.sh");
  const folder = mkdtempSync(join(tmpdir(), "llm-router-browser-"));
  const config = {
    server: { host: "127.0.0.1", port: 0 },
    database: { url: `sqlite://${folder}/llm-router.db` },
    auth: { master_key: MASTER_KEY },
    dashboard: { time_zone: zoneAtNoon(), refresh_interval: "1h" },
  };
  for (const [section, values] of Object.entries(settings)) {
    config[section] = Array.isArray(values) ? values : { ...config[section], ...values };
  }
  writeFileSync(join(folder, "llm-router.json"), JSON.stringify(config));
  // Nothing else of the environment: a developer's OPENAI_API_KEY would make a backend.
  const env = { PATH: process.env.PATH, HOME: folder };
  const child = spawn(BINARY, ["serve", "--config", "llm-router.json"], { cwd: folder, env });
  const router = new Router(folder, child);
  process.once("exit", () => router.abandon());
  await router.started();
  return router;
}

class Router {
  #child;
  #folder;
  #output = "";

  constructor(folder, child) {
    this.#folder = folder;
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => { this.#output += text; });
    }
  }

  // Resolves when the banner is there, which also has the admin's password and a first key.
  async started() {
    const deadline = AbortSignal.timeout(START_MS);
    const said = (pattern) => this.#output.match(pattern)?.[1];
    while (!said(/(Bearer \S+?)'/)) {
      const news = [once(this.#child.stdout, "data", { signal: deadline }), once(this.#child, "exit", { signal: deadline })];
      await Promise.race(news).catch(() => {});
      if (deadline.aborted || this.#child.exitCode !== null) throw new Error(`the router did not start:\n${this.#output}`);
    }
    this.url = said(/listening on (http:\/\/\S+)/);
    this.admin = { name: said(/sign in as\s+(\S+)/), password: said(/with the password\s+(\S+)/) };
    this.firstKey = said(/Bearer (\S+?)'/);
  }

  // What the router has printed, its log included.
  get output() { return this.#output; }

  // Whether anything that the router has written down holds this text: the database, its log, what it printed.
  hasStored(text) {
    const written = readdirSync(this.#folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath ?? entry.path, entry.name)));
    return [...written, Buffer.from(this.#output)].some((bytes) => bytes.includes(text));
  }

  // A call of the admin's API, which has to succeed.
  async manage(method, path, body) {
    const headers = { authorization: `Bearer ${MASTER_KEY}`, "content-type": "application/json" };
    const answer = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  // A user with a key: { id, name, password, api_key }. The password has to be changed at the first sign-in.
  newUser(name, more = {}) { return this.manage("POST", "/admin/users", { name, ...more }); }

  // A user who has chosen their own password: { id, name, password, api_key }.
  async newSettledUser(name, more = {}) {
    const user = await this.newUser(name, more);
    const password = `${user.password}-own`;
    const cookie = await this.#signIn(user);
    const changed = await this.#post("/_fn/account/password", { current: user.password, password, repeat: password }, cookie);
    if (!changed.ok) throw new Error(`the password was not changed: ${changed.status} ${await changed.text()}`);
    return { ...user, password };
  }

  async #signIn({ name, password }) {
    const answer = await this.#post("/_fn/sign-in", { name, password, next: "" });
    if (!answer.ok) throw new Error(`${name} cannot sign in: ${answer.status} ${await answer.text()}`);
    return answer.headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; ");
  }

  #post(path, fields, cookie = "") {
    return fetch(this.url + path, { method: "POST", headers: { cookie }, body: new URLSearchParams(fields), redirect: "manual" });
  }

  // POST /v1/chat/completions
  chat(key, text, more = {}) {
    return this.#call("/v1/chat/completions", { authorization: `Bearer ${key}` }, text, more);
  }

  // POST /v1/messages
  messages(key, text, more = {}) {
    const headers = { "x-api-key": key, "anthropic-version": "2023-06-01" };
    return this.#call("/v1/messages", headers, text, { max_tokens: 1_000, ...more });
  }

  async #call(path, headers, text, more) {
    const body = JSON.stringify({ model: "demo", messages: [{ role: "user", content: text }], ...more });
    const answer = await fetch(this.url + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
    return { status: answer.status, text: await answer.text() };
  }

  async stop() {
    const ended = this.#child.exitCode ?? once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  // For when the tests themselves have failed.
  abandon() {
    if (this.#child.exitCode === null) this.#child.kill("SIGKILL");
  }
}

// A zone in which it is about noon: "today" and "this month" then stay the same while a test runs.
function zoneAtNoon() {
  const east = 12 - new Date().getUTCHours();
  if (east === 0) return "UTC";
  // The signs of these names are those of POSIX, west is positive.
  return east > 0 ? `Etc/GMT-${east}` : `Etc/GMT+${-east}`;
}
