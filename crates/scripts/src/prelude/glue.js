// What stands between the router and a script's hooks. It is evaluated before the script and keeps
// what it needs of the built-in objects to itself, so that a script which changes them harms itself only.
(function (native) {
  "use strict";
  const { parse, stringify } = JSON;
  const { isArray } = Array;
  const { defineProperty, freeze, keys, create } = Object;
  const { apply } = Reflect;
  const weakAdd = WeakSet.prototype.add;
  const weakHas = WeakSet.prototype.has;
  const text = String;
  const fail = (message) => { throw new TypeError(message); };

  // What a script calls to end a request with a status and a message of its own.
  const refusals = new WeakSet();
  class Refusal extends Error {
    constructor(status, message) {
      super(message);
      this.name = "Refusal";
      this.status = status;
      apply(weakAdd, refusals, [this]);
    }
  }
  const refuse = (status, message) => {
    const code = Number(status);
    if (!(code >= 400 && code <= 599)) fail("refuse(status, message): the status must be 400 to 599");
    throw new Refusal(code | 0, message === undefined ? "refused" : text(message));
  };

  const shown = (value) => {
    if (typeof value === "string") return value;
    if (value instanceof Error) return text(value);
    if (typeof value === "object" && value !== null) {
      try {
        const json = stringify(value);
        if (json !== undefined) return json;
      } catch (_) {}
    }
    try { return text(value); } catch (_) { return "(not printable)"; }
  };
  const log = (level) => (...values) => {
    let line = "";
    for (let i = 0; i < values.length; i += 1) line += (i === 0 ? "" : " ") + shown(values[i]);
    native.log(level, line);
  };
  const fixed = (name, value) =>
    defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  fixed("console", {
    log: log("log"), info: log("info"), debug: log("debug"), warn: log("warn"), error: log("error"), trace: log("debug"),
  });
  fixed("refuse", refuse);
  fixed("secrets", freeze({ get: (name) => native.secret(text(name)) }));
  fixed("kv", freeze({
    get(key) {
      const value = native.kvGet(text(key));
      return value === undefined ? undefined : parse(value);
    },
    set(key, value) {
      const json = stringify(value);
      if (json === undefined) fail("kv.set: the value cannot be written as JSON");
      native.kvSet(text(key), json);
    },
    delete: (key) => native.kvDelete(text(key)),
  }));
  // QuickJS does not look at the clock while it walks through a list in these. No list of that length fits
  // into the memory that a script has, so that nothing is lost.
  const tooLong = (list) =>
    list !== undefined && list !== null && typeof list !== "string" && list.length > 8_000_000;
  const quick = ["constructor", "push", "pop", "at", "keys", "values", "entries"];
  for (const name of Object.getOwnPropertyNames(Array.prototype)) {
    const own = Array.prototype[name];
    if (typeof own !== "function" || quick.includes(name)) continue;
    const bounded = {
      [name](...args) {
        if (tooLong(this)) fail(`${name}: the list is too long`);
        if (name === "concat") {
          for (let i = 0; i < args.length; i += 1) {
            if (typeof args[i] === "object" && tooLong(args[i])) fail("concat: the list is too long");
          }
        }
        return apply(own, this, args);
      },
    };
    defineProperty(Array.prototype, name, { value: bounded[name], writable: true, configurable: true });
  }
  for (const [holder, name] of [[Array, "from"], [String, "raw"]]) {
    const own = holder[name];
    const bounded = {
      [name](first, ...args) {
        const list = name === "raw" ? first?.raw : first;
        if (tooLong(list)) fail(`${name}: the list is too long`);
        return apply(own, this, [first, ...args]);
      },
    };
    defineProperty(holder, name, { value: bounded[name], writable: true, configurable: true });
  }

  // Larger parts are evaluated when they are used.
  const lazy = (part, names) => {
    let loaded;
    for (const name of names) {
      defineProperty(globalThis, name, {
        configurable: true,
        enumerable: false,
        get() {
          loaded ??= native.load(part)(native);
          fixed(name, loaded[name]);
          return loaded[name];
        },
        set(value) { fixed(name, value); },
      });
    }
  };
  lazy("encoding", ["TextEncoder", "TextDecoder"]);
  lazy("url", ["URL", "URLSearchParams"]);
  lazy("crypto", ["crypto"]);
  lazy("clone", ["structuredClone"]);

  // The calls. A hook sees a `context` that is parsed anew for each call; `state` lasts as long as the
  // request.
  return function (hooks) {
    const state = create(null);
    let base;
    let pending;
    const contextOf = (json) => {
      const context = parse(json);
      context.state = state;
      return context;
    };
    const json = (value) => {
      const written = stringify(value);
      return written === undefined ? "null" : written;
    };
    // A body may come back as a value or as the text of one.
    const body = (value) => (typeof value === "string" ? json(parse(value)) : json(value));
    const part = (result, name) => {
      if (typeof result !== "object") fail(`expected the context or nothing, got ${typeof result}`);
      const value = result[name];
      if (typeof value !== "object" || value === null) fail(`what was returned has no ${name}`);
      return value;
    };
    const sameOr = (before, after) => (before === after ? "null" : after);

    const exchange = (name) => ({
      before(context) {
        const it = context[name];
        return { body: json(it.body), headers: json(it.headers), status: it.status };
      },
      after(result, before) {
        const it = part(result, name);
        const headers = sameOr(before.headers, json(it.headers));
        const after = it.body === undefined || it.body === null ? before.body : body(it.body);
        const status = name === "response" && it.status !== before.status ? Number(it.status) | 0 : null;
        if (headers === "null" && after === before.body && status === null) return undefined;
        const changed = after === before.body ? "" : `,"before":${before.body},"body":${after}`;
        return `{"status":${json(status)},"headers":${headers}${changed}}`;
      },
    });
    const ways = {
      onRequest: exchange("request"),
      onResponse: exchange("response"),
      onRoute: {
        before() {},
        after(result) {
          const list = isArray(result) ? result : result.candidates;
          if (!isArray(list)) fail("onRoute must return the candidates or nothing");
          const order = [];
          for (let i = 0; i < list.length; i += 1) {
            const index = typeof list[i] === "number" ? list[i] : list[i].index;
            order[i] = Number(index) | 0;
          }
          return json(order);
        },
      },
      onError: {
        before(context) { return json(context.error); },
        after(result, before) {
          const after = json(part(result, "error"));
          return after === before ? undefined : after;
        },
      },
    };

    const event = (it) => {
      if (typeof it !== "object" || it === null) fail("an event must be {event, data}");
      const data = typeof it.data === "string" ? it.data : json(it.data);
      return [it.event === undefined || it.event === null ? null : text(it.event), data];
    };
    const chunkOf = (name, data) => {
      const first = data.length > 0 ? data[0] : "";
      if (first === "{" || first === "[") {
        try {
          return { event: name, data: parse(data) };
        } catch (_) {
          // "[DONE]" looks like a list and is none.
        }
      }
      return { event: name, data };
    };

    return freeze({
      hooks() {
        const there = [];
        for (const name of ["onRequest", "onResponse", "onChunk", "onRoute", "onError"]) {
          if (typeof hooks[name] === "function") there[there.length] = name;
        }
        return json(there);
      },
      call(name, input) {
        const context = contextOf(input);
        const way = ways[name];
        pending = way.before(context);
        return apply(hooks[name], undefined, [context]);
      },
      finish(name, result) {
        if (result === undefined || result === null) return undefined;
        return ways[name].after(result, pending);
      },
      base(input) { base = contextOf(input); },
      chunk(name, data) {
        base.chunk = chunkOf(name, data);
        pending = stringify(base.chunk);
        return apply(hooks.onChunk, undefined, [base]);
      },
      // Undefined keeps the event; a list of pairs, possibly empty, replaces it.
      finishChunk(result) {
        if (result === undefined) return undefined;
        if (result === null || result === false) return "[]";
        if (isArray(result)) {
          const list = [];
          for (let i = 0; i < result.length; i += 1) list[i] = event(result[i]);
          return json(list);
        }
        if (typeof result !== "object") fail(`expected the context, events or nothing, got ${typeof result}`);
        const it = result.chunk;
        if (it === undefined || it === null || it === false) return "[]";
        if (isArray(it)) {
          const list = [];
          for (let i = 0; i < it.length; i += 1) list[i] = event(it[i]);
          return json(list);
        }
        return stringify(it) === pending ? undefined : json([event(it)]);
      },
      describe(error) {
        if (typeof error === "object" && error !== null) {
          if (apply(weakHas, refusals, [error])) {
            return json({ refusal: { status: error.status, message: text(error.message) } });
          }
          let stack = "";
          try { stack = text(error.stack ?? ""); } catch (_) {}
          return json({ message: shown(error), stack });
        }
        return json({ message: shown(error), stack: "" });
      },
    });
  };
})
