//! The corpus of scripts that want out or want everything. Each must end within its limits with an error
//! of its kind, and leave the engine as it was.

use std::time::{Duration, Instant};

use scripts::{Engine, EngineSettings, Hook, Limits, ScriptError};
use serde_json::json;

use crate::{program, request};

fn tight() -> Engine {
    let limits = Limits {
        memory: 16 * 1024 * 1024,
        wall: Duration::from_millis(300),
        output: 256 * 1024,
        ..Limits::REQUEST
    };
    Engine::new(EngineSettings {
        request: limits,
        chunk: limits,
        ..EngineSettings::default()
    })
}

/// What each does, in a function that gets the context as `c`.
const CORPUS: &[(&str, &str)] = &[
    ("endless loop", "for (;;) {}"),
    (
        "endless loop in a catch",
        "for (;;) { try { for (;;) {} } catch (_) {} finally { for (;;) {} } }",
    ),
    ("endless recursion", "const f = () => f() + 1; return f();"),
    (
        "recursion that catches",
        "const f = () => { try { f(); } catch (_) { f(); } }; f(); for (;;) {}",
    ),
    (
        "regular expression that explodes",
        "return /^(a+)+$/.test('a'.repeat(40) + '!') || c.nope.nope;",
    ),
    (
        "replacing with one",
        "'a'.repeat(30000).replace(/(a*)*b/g, ''); return c.nope.nope;",
    ),
    ("doubling strings", "let s = 'x'; for (;;) s += s;"),
    ("doubling arrays", "let a = [1]; for (;;) a = a.concat(a);"),
    (
        "a large buffer",
        "return new ArrayBuffer(2 ** 31).byteLength && c.nope.nope;",
    ),
    (
        "many objects",
        "const a = []; for (;;) a.push({ a: [1, 2, 3] });",
    ),
    (
        "typed arrays",
        "const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));",
    ),
    (
        "a long padding",
        "return 'x'.padEnd(2 ** 29, 'y').length && c.nope.nope;",
    ),
    (
        "a long join",
        "return new Array(2 ** 28).join('xxxxxxxx').length && c.nope.nope;",
    ),
    (
        "searching a list without end",
        "return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);",
    ),
    (
        "walking a list without end",
        "Array.prototype.forEach.call({ length: 2 ** 53 - 1 }, () => {}); return 1;",
    ),
    (
        "a sparse list",
        "const a = []; a.length = 2 ** 32 - 1; a.includes(1); a.reverse(); return a.sort();",
    ),
    (
        "copying within one",
        "return Array.prototype.copyWithin.call({ length: 2 ** 53 - 1 }, 1, 0);",
    ),
    (
        "filling one",
        "return Array.prototype.fill.call({ length: 2 ** 53 - 1 }, 1);",
    ),
    ("large numbers", "let n = 3n; for (;;) n = n * n;"),
    ("a large power", "return (2n ** 2n ** 40n).toString();"),
    (
        "iterating without end",
        "for (const x of (function* () { for (;;) yield 1; })()) {}",
    ),
    (
        "spreading without end",
        "return [...(function* () { for (;;) yield 1; })()];",
    ),
    (
        "proxies without end",
        "let p = {}; for (let i = 0; i < 1e5; i += 1) p = new Proxy(p, {}); return p.x;",
    ),
    (
        "a getter on the context",
        "Object.defineProperty(c.request, 'body', { enumerable: true, get() { for (;;) {} } }); return c;",
    ),
    (
        "a getter that throws",
        "Object.defineProperty(c, 'request', { get() { throw new Error('no'); } }); return c;",
    ),
    (
        "a body that writes itself",
        "c.request.body = { toJSON() { for (;;) {} } }; return c;",
    ),
    (
        "a body that holds itself",
        "c.request.body.self = c.request.body; return c;",
    ),
    (
        "a deep body",
        "let b = []; for (let i = 0; i < 1e6; i += 1) b = [b]; c.request.body = b; return c;",
    ),
    (
        "a huge body",
        "c.request.body = { text: 'x'.repeat(1 << 20) }; return c;",
    ),
    (
        "a proxy as the context",
        "return new Proxy(c, { get() { for (;;) {} } });",
    ),
    (
        "an error that explains itself",
        "throw { get message() { for (;;) {} }, toString() { for (;;) {} } };",
    ),
    (
        "an error with a long text",
        "throw new Error('x'.repeat(1 << 22));",
    ),
    ("throwing nothing", "throw undefined;"),
    ("throwing a symbol", "throw Symbol('x');"),
    (
        "a stack trace of one's own",
        "Error.prepareStackTrace = () => { for (;;) {} }; throw new Error('x');",
    ),
    (
        "JSON of great depth",
        "return JSON.parse('['.repeat(1e6)) ;",
    ),
    (
        "a reviver without end",
        "JSON.parse('[1]', () => { for (;;) {} });",
    ),
    ("eval", "return eval('for(;;){}');"),
    (
        "a function from text",
        "return new Function('for(;;){}')();",
    ),
    (
        "sorting by a coin",
        "const a = Array.from({ length: 1e6 }, () => 1); for (;;) a.sort(() => Math.random() - 0.5);",
    ),
    ("the console", "for (;;) console.log('x'.repeat(1000));"),
    (
        "the memory",
        "for (let i = 0; ; i += 1) kv.set('k' + i, 'x'.repeat(1000));",
    ),
    (
        "random bytes",
        "for (;;) crypto.getRandomValues(new Uint8Array(65536));",
    ),
    (
        "many addresses",
        "for (;;) new URL('https://example.com/?a=1').searchParams.append('b', '2');",
    ),
    (
        "calling the router's own functions",
        "for (;;) __router.call('onRequest', JSON.stringify({ request: {} }));",
    ),
];

/// Walks over what says of itself that it is long; QuickJS has to look at the clock in all of them.
const WALKS: &[&str] = &[
    "Array.from(long)",
    "Array.prototype.at.call(long, 5) || c.nope.nope",
    "Array.prototype.concat.call([], spread)",
    "Array.prototype.copyWithin.call(long, 1, 0)",
    "Array.prototype.every.call(long, () => true)",
    "Array.prototype.fill.call(long, 1)",
    "Array.prototype.filter.call(long, () => true)",
    "Array.prototype.find.call(long, () => false)",
    "Array.prototype.findLast.call(long, () => false)",
    "Array.prototype.flat.call(long)",
    "Array.prototype.flatMap.call(long, () => [])",
    "Array.prototype.includes.call(long, 1)",
    "Array.prototype.indexOf.call(long, 1)",
    "Array.prototype.join.call(long)",
    "Array.prototype.lastIndexOf.call(long, 1)",
    "Array.prototype.map.call(long, (x) => x)",
    "Array.prototype.reduce.call(long, (a) => a, 0)",
    "Array.prototype.reduceRight.call(long, (a) => a, 0)",
    "Array.prototype.reverse.call(long)",
    "Array.prototype.shift.call(long)",
    "Array.prototype.slice.call(long, 1)",
    "Array.prototype.some.call(long, () => false)",
    "Array.prototype.sort.call(long)",
    "Array.prototype.splice.call(long, 0, 1)",
    "Array.prototype.toLocaleString.call(long)",
    "Array.prototype.toReversed.call(long)",
    "Array.prototype.toSorted.call(long)",
    "Array.prototype.toSpliced.call(long, 0, 1)",
    "Array.prototype.unshift.call(long, 1)",
    "Array.prototype.with.call(long, 0, 1)",
    "Uint8Array.from(long)",
    "new Uint8Array(long)",
    "new Uint8Array(1).set(long)",
    "Reflect.apply(Math.max, null, long)",
    "Math.max.apply(null, long)",
    "String.raw({ raw: long })",
    "JSON.stringify(list)",
    "Object.keys(list).length || c.nope.nope",
    "list.join()",
    "String(list)",
    "list.toLocaleString()",
    "structuredClone(list).join()",
    "[...list]",
    "new Set(list)",
    "Object.assign({}, list).x.y",
    "list.concat(list)",
    "list.sort()",
    "list.lastIndexOf(1)",
    "list.flat()",
    "list.reverse()",
    "list.toSorted()",
    "list.splice(0, 5).x.y",
    "list.shift().x.y",
    "'x'.repeat(1e6).split('').join().split('').join('yyyyyyyyyyyyy').split('')",
    "'x'.repeat(1e6).replaceAll('', 'yyyyyyyyyyyyyyyyyyyyyy')",
    "'ab'.repeat(1e6).localeCompare('ab'.repeat(1e6)) || c.nope.nope",
    "'x'.repeat(4e6).normalize('NFKD').nope.nope",
    "parseInt('9'.repeat(1e6)).nope.nope",
    "BigInt('9'.repeat(1e6))",
    "(9n ** 300000n).toString().nope.nope",
];

/// Those need promises.
const ASYNC: &[(&str, &str)] = &[
    (
        "a promise that is never settled",
        "await new Promise(() => {});",
    ),
    (
        "promises without end",
        "const f = () => Promise.resolve().then(f); await f();",
    ),
    (
        "more and more promises",
        "const f = () => { Promise.resolve().then(f); Promise.resolve().then(f); }; f(); await new Promise(() => {});",
    ),
    ("awaiting without end", "for (;;) await null;"),
    (
        "a thenable without end",
        "await { then(go) { for (;;) {} } };",
    ),
    (
        "microtasks",
        "const f = () => queueMicrotask(f); f(); await new Promise(() => {});",
    ),
    (
        "asynchronous iteration",
        "for await (const x of (async function* () { for (;;) yield 1; })()) {}",
    ),
    (
        "all of too many",
        "await Promise.all(Array.from({ length: 1e7 }, async () => { for (;;) await 1; }));",
    ),
    (
        "a finaliser that loops",
        "try { await null; throw 1; } finally { for (;;) {} }",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_corpus_is_contained() {
    let engine = tight();
    let well = program(
        &engine,
        "export const onRequest = (c) => { c.request.body.ok = 1; return c; };",
    )
    .await;
    let input = request(&json!({"model": "gpt"})).to_string();
    let scripts = CORPUS
        .iter()
        .map(|(name, body)| (name, format!("export function onRequest(c) {{ {body} }}")))
        .chain(ASYNC.iter().map(|(name, body)| {
            (
                name,
                format!("export async function onRequest(c) {{ {body} }}"),
            )
        }));
    let walks = WALKS.iter().map(|walk| {
        let lists = "const long = { length: 2 ** 53 - 1 }, list = []; list.length = 2 ** 32 - 1;
            const spread = { length: 2 ** 53 - 1, [Symbol.isConcatSpreadable]: true };";
        // What ends in time without an error is fine too.
        let code =
            format!("export function onRequest(c) {{ {lists} {walk}; throw new Error('ended'); }}");
        (walk, code)
    });
    let scripts = scripts.chain(walks);
    let mut wrong: Vec<String> = Vec::new();
    for (name, code) in scripts {
        let program = program(&engine, &code).await;
        let mut session = engine.open(&program);
        let began = Instant::now();
        let called = session.call(Hook::Request, input.clone()).await;
        let took = began.elapsed();
        let caged = match &called.output {
            Err(ScriptError::Engine(_)) | Ok(_) => false,
            Err(error) => error.is_fault() && took < Duration::from_millis(1_500),
        };
        if !caged {
            wrong.push(format!("{name} in {took:?}: {:?}", called.output));
        }
        if took > Duration::from_millis(1_500) {
            continue;
        }
        // The engine has lost nothing by it.
        let mut session = engine.open(&well);
        let called = session.call(Hook::Request, input.clone()).await;
        assert!(
            matches!(called.output, Ok(Some(_))),
            "after {name}: {called:?}"
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_stands_outside_of_the_hooks_is_caged_too() {
    let engine = tight();
    for code in [
        "for (;;) {}",
        "await new Promise(() => {});",
        "let s = 'x'; for (;;) s += s;",
    ] {
        let compiled = engine.compile(crate::source(code)).await;
        assert!(compiled.is_err(), "{code}");
    }
}

#[tokio::test]
async fn each_limit_has_a_name() {
    let engine = tight();
    let input = request(&json!({})).to_string();
    let error = async |body: &str| {
        let code = format!("export async function onRequest(c) {{ {body} }}");
        let program = program(&engine, &code).await;
        let mut session = engine.open(&program);
        session
            .call(Hook::Request, input.clone())
            .await
            .output
            .expect_err(body)
    };
    assert_eq!(error("for (;;) {}").await, ScriptError::OutOfTime(300));
    assert_eq!(
        error("const a = []; for (;;) a.push(new Array(1000).fill(1.5));").await,
        ScriptError::OutOfMemory(16 * 1024 * 1024)
    );
    assert_eq!(
        error("await new Promise(() => {});").await,
        ScriptError::NeverSettled
    );
    assert_eq!(
        error("c.request.body = 'x'.repeat(1 << 20); c.request.body = [c.request.body]; return c;")
            .await,
        ScriptError::TooLarge(256 * 1024)
    );
    let few = Engine::new(EngineSettings {
        request: Limits {
            steps: 100_000,
            ..Limits::REQUEST
        },
        ..EngineSettings::default()
    });
    let program = program(&few, "export function onRequest() { for (;;) {} }").await;
    let called = few.open(&program).call(Hook::Request, input.clone()).await;
    assert_eq!(called.output, Err(ScriptError::OutOfSteps));
}

#[tokio::test]
async fn changing_the_built_in_objects_harms_only_the_script() {
    let code = "const evil = () => { throw new Error('evil'); };
        JSON.parse = JSON.stringify = evil;
        Array.isArray = Object.keys = evil;
        Array.prototype.push = Array.prototype.map = evil;
        Reflect.apply = evil;
        Function.prototype.call = Function.prototype.apply = evil;
        WeakSet.prototype.has = () => true;
        Object.prototype.status = 599;
        Object.prototype.refusal = { status: 599, message: 'forged' };
        try { globalThis.__router = null; } catch (_) {}
        try { Object.defineProperty(globalThis, '__router', { value: null }); } catch (_) {}
        delete globalThis.__router;
        export function onRequest(c) { c.request.body.ok = true; return c; }
        export function onError() { throw new Error('own'); }";
    assert_eq!(
        crate::body_after(code, json!({"model": "gpt"})).await,
        Some(json!({"model": "gpt", "ok": true}))
    );
    let engine = crate::engine();
    let program = program(&engine, code).await;
    let called = engine
        .open(&program)
        .call(Hook::Error, "{\"error\":{}}".to_owned())
        .await;
    assert!(
        matches!(called.output, Err(ScriptError::Thrown { .. })),
        "{called:?}"
    );
}
