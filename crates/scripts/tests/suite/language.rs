//! What scripts have beside the language.

use serde_json::json;

use crate::{error_of, value_of};

#[tokio::test]
async fn hashes_and_signatures_are_those_of_the_standards() {
    let hex = "const hex = (b) => [...new Uint8Array(b)].map((x) => x.toString(16).padStart(2, '0')).join('');";
    let run = async |body: &str| value_of(&format!("(async () => {{ {hex} {body} }})()")).await;
    let digest =
        "return hex(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc')));";
    assert_eq!(
        run(digest).await,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    let sha1 = "return hex(await crypto.subtle.digest('SHA-1', new TextEncoder().encode('abc')));";
    assert_eq!(run(sha1).await, "a9993e364706816aba3e25717850c26c9cd0d89d");
    // RFC 4231, test case 2.
    let sign = "const e = new TextEncoder();
        const key = await crypto.subtle.importKey('raw', e.encode('Jefe'), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
        const data = e.encode('what do ya want for nothing?');
        const sum = await crypto.subtle.sign('HMAC', key, data);
        const good = await crypto.subtle.verify('HMAC', key, sum, data);
        const bad = await crypto.subtle.verify('HMAC', key, sum, e.encode('other'));
        return [hex(sum), good, bad];";
    assert_eq!(
        run(sign).await,
        json!([
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            true,
            false
        ])
    );
    let uuid = run("return crypto.randomUUID();").await;
    assert_eq!(uuid.as_str().map(str::len), Some(36));
}

#[tokio::test]
async fn text_addresses_and_clones() {
    for (expression, value) in [
        (
            "new TextDecoder().decode(new TextEncoder().encode('grüße 🙂'))",
            json!("grüße 🙂"),
        ),
        ("new TextEncoder().encode('ü').length", json!(2)),
        (
            "new TextDecoder().decode(new Uint8Array([0xff, 65]))",
            json!("\u{fffd}A"),
        ),
        (
            "new URL('../b?x=1#y', 'https://user:pw@example.com:8443/a/c').href",
            json!("https://user:pw@example.com:8443/b?x=1#y"),
        ),
        (
            "(() => { const u = new URL('https://a.example/?q=1'); u.searchParams.append('r', 'ä b'); u.port = '81'; return u.href; })()",
            json!("https://a.example:81/?q=1&r=%C3%A4+b"),
        ),
        ("URL.canParse('nonsense')", json!(false)),
        (
            "[...new URLSearchParams('a=1&b=2&a=3').getAll('a')]",
            json!(["1", "3"]),
        ),
        (
            "(() => { const a = { d: new Date(0), m: new Map([[1, { x: 2 }]]) }; a.self = a; const c = structuredClone(a); return [c !== a, c.self === c, c.d.getTime(), c.m.get(1).x]; })()",
            json!([true, true, 0, 2]),
        ),
        ("atob(btoa('abc'))", json!("abc")),
        ("secrets.get('token')", json!("s3cret")),
        ("secrets.get('none') ?? null", json!(null)),
        (
            "(kv.set('n', { a: 1 }), [kv.get('n'), kv.delete('n'), kv.get('n') ?? null])",
            json!([{"a": 1}, true, null]),
        ),
        ("[1, 2, 3].toReversed().findLast((x) => x > 1)", json!(2)),
        (
            "Object.groupBy([1, 2, 3], (x) => x % 2 ? 'odd' : 'even').odd.length",
            json!(2),
        ),
        (
            "/(?<year>\\d{4})/u.exec('in 2026').groups.year",
            json!("2026"),
        ),
        ("(2n ** 70n).toString()", json!("1180591620717411303424")),
    ] {
        assert_eq!(value_of(expression).await, value, "{expression}");
    }
}

#[tokio::test]
async fn nothing_reaches_outside() {
    for name in [
        "fetch",
        "require",
        "process",
        "Deno",
        "std",
        "os",
        "XMLHttpRequest",
        "WebSocket",
        "setTimeout",
        "setInterval",
        "load",
        "print",
        "scriptArgs",
        "Worker",
        "SharedWorker",
    ] {
        assert_eq!(
            value_of(&format!("typeof globalThis.{name}")).await,
            json!("undefined"),
            "{name}"
        );
    }
    for code in [
        "import fs from 'fs'; export function onRequest() {}",
        "import * as os from 'os'; export function onRequest() {}",
    ] {
        let engine = crate::engine();
        assert!(engine.compile(crate::source(code)).await.is_err(), "{code}");
    }
    error_of("export async function onRequest() { await import('/etc/passwd'); }").await;
}
