(function (native) {
  "use strict";
  class URLSearchParams {
    #pairs = [];
    #changed;
    constructor(init = "", changed) {
      this.#changed = typeof changed === "function" ? changed : () => {};
      if (typeof init === "string") this.#pairs = JSON.parse(native.queryParse(init.replace(/^\?/, "")));
      else if (init instanceof URLSearchParams) this.#pairs = [...init];
      else if (init && typeof init[Symbol.iterator] === "function") {
        this.#pairs = [...init].map(([name, value]) => [String(name), String(value)]);
      } else this.#pairs = Object.entries(init ?? {}).map(([name, value]) => [name, String(value)]);
    }
    get size() { return this.#pairs.length; }
    get(name) { return this.#pairs.find(([key]) => key === String(name))?.[1] ?? null; }
    getAll(name) { return this.#pairs.filter(([key]) => key === String(name)).map(([, value]) => value); }
    has(name, value) {
      return this.#pairs.some(([key, v]) => key === String(name) && (value === undefined || v === String(value)));
    }
    append(name, value) { this.#pairs.push([String(name), String(value)]); this.#changed(this); }
    set(name, value) {
      const at = this.#pairs.findIndex(([key]) => key === String(name));
      if (at < 0) this.#pairs.push([String(name), String(value)]);
      else {
        this.#pairs[at][1] = String(value);
        this.#pairs = this.#pairs.filter(([key], i) => i <= at || key !== String(name));
      }
      this.#changed(this);
    }
    delete(name) { this.#pairs = this.#pairs.filter(([key]) => key !== String(name)); this.#changed(this); }
    sort() {
      this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      this.#changed(this);
    }
    forEach(call, self) { for (const [name, value] of this.#pairs) call.call(self, value, name, this); }
    *entries() { for (const pair of this.#pairs) yield [...pair]; }
    *keys() { for (const [name] of this.#pairs) yield name; }
    *values() { for (const [, value] of this.#pairs) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    toString() { return native.queryString(JSON.stringify(this.#pairs)); }
  }
  const parts = ["href", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"];
  class URL {
    #it;
    #query;
    constructor(url, base) {
      this.#it = URL.#parse(url, base);
      if (this.#it === undefined) throw new TypeError(`invalid URL: ${url}`);
      this.#requery();
    }
    static #parse(url, base) {
      const parsed = native.urlParse(String(url), base === undefined ? undefined : String(base));
      return parsed === undefined ? undefined : JSON.parse(parsed);
    }
    #requery() {
      this.#query = new URLSearchParams(this.#it.search, (query) => this.#write("search", query.toString()));
    }
    #write(part, value) {
      const written = native.urlSet(this.#it.href, part, String(value));
      if (written !== undefined) this.#it = JSON.parse(written);
      else if (part === "href") throw new TypeError(`invalid URL: ${value}`);
    }
    static canParse(url, base) { return URL.#parse(url, base) !== undefined; }
    static parse(url, base) { return URL.canParse(url, base) ? new URL(url, base) : null; }
    get origin() { return this.#it.origin; }
    get searchParams() { return this.#query; }
    toString() { return this.#it.href; }
    toJSON() { return this.#it.href; }
    static {
      for (const part of parts) {
        Object.defineProperty(URL.prototype, part, {
          configurable: true,
          enumerable: true,
          get() { return this.#it[part]; },
          set(value) {
            this.#write(part, value);
            if (part === "search" || part === "href") this.#requery();
          },
        });
      }
    }
  }
  return { URL, URLSearchParams };
})
