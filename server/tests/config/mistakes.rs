//! The exact words for what is wrong in a file.

use insta::assert_snapshot;

use crate::{load, load_named, no_environment, refused};

#[test]
fn mistakes_are_told_with_file_line_key_and_what_would_be_right() {
    assert_snapshot!(refused("backends:\n  - name: a\n    kind: opnai\n"), @r#"llm-router.yaml:3:11: backends[0].kind: unknown kind "opnai"; did you mean "openai"?"#);
    assert_snapshot!(refused("server:\n  prot: 4000\nservre: {}\nxyz: 1\n"), @r#"
    llm-router.yaml:2:3: server.prot: unknown key; did you mean "port"?
    llm-router.yaml:3:1: servre: unknown key; did you mean "server"?
    llm-router.yaml:4:1: xyz: unknown key; the keys here are auth, backends, groups, rewrites, server, database, counters, demo, dashboard, logging, limits, alerts, …
    "#);
    assert_snapshot!(refused("server:\n  port: \"4000\"\n  workers: many\n  max_body: 64 bananas\n  host: example.com\n"), @r#"
    llm-router.yaml:2:9: server.port: expected a whole number from 0 to 65535, found a text; write it without quotes: 4000
    llm-router.yaml:3:12: server.workers: expected a whole number of at least 1, found "many"
    llm-router.yaml:4:13: server.max_body: expected a size such as 512KiB or 64MiB (a plain number is bytes), found "64 bananas"
    llm-router.yaml:5:9: server.host: expected an IP address to listen on, such as 127.0.0.1, 0.0.0.0 or ::, found "example.com"
    "#);
    assert_snapshot!(refused("server: [1]\nbackends: {name: a}\nrewrites: [gpt]\n"), @r#"
    llm-router.yaml:1:9: server: expected a mapping, found a list
    llm-router.yaml:2:11: backends: expected a list, found a mapping
    llm-router.yaml:3:12: rewrites[0]: expected a mapping, found a text
    "#);
    assert_snapshot!(refused("demo:\n  enabled: yes\ndashboard: {time_zone: Europe/Pari, refresh_interval: 0}\nlogging: {level: inof, format: xml}\n"), @r#"
    llm-router.yaml:2:12: demo.enabled: expected true or false, found "yes"
    llm-router.yaml:3:24: dashboard.time_zone: unknown time zone "Europe/Pari"; did you mean "Europe/Paris"?
    llm-router.yaml:3:55: dashboard.refresh_interval: must be at least 1s
    llm-router.yaml:4:18: logging.level: unknown log level "inof"; did you mean "info"?
    llm-router.yaml:4:32: logging.format: unknown log format "xml"; use one of text, json
    "#);
    assert_snapshot!(refused("server: {port: 4000\n"), @r#"llm-router.yaml:1:9: unclosed bracket '{'"#);
    assert_snapshot!(refused("server: {port: 70000, base_path: /llm, public_url: \"ftp://x\", cors_origins: [a]}\n"), @r#"
    llm-router.yaml:1:16: server.port: expected a whole number from 0 to 65535, found "70000"
    llm-router.yaml:1:34: server.base_path: serving under a path is not supported yet; leave it empty
    llm-router.yaml:1:52: server.public_url: expected a URL such as https://api.example.com/v1, found "ftp://x"
    llm-router.yaml:1:78: server.cors_origins[0]: expected an origin such as https://app.example.com, or *, found "a" (relative URL without a base)
    "#);
    assert_snapshot!(refused("database: {url: \"postgres://h/d\"}\ncounters: {url: \"redis://h\"}\n"), @r#"
    llm-router.yaml:1:17: database.url: PostgreSQL is not supported yet; use sqlite://path
    llm-router.yaml:2:17: counters.url: shared counters are not supported yet; use "memory:"
    "#);
    assert_snapshot!(load_named("llm-router.toml", "[server]\nport = 4000\n\n[[backends]]\nname = \"a\"\nkind = \"opnai\"\n", &no_environment()).expect_err("refused"), @r#"llm-router.toml:6:8: backends[0].kind: unknown kind "opnai"; did you mean "openai"?"#);
}

#[test]
fn a_backend_has_what_its_kind_needs_and_nothing_else() {
    assert_snapshot!(refused("backends:\n  - {name: a, kind: openai}\n  - {name: b, kind: openai_compatible}\n  - {kind: anthropic, api_keys: [k]}\n  - {name: c}\n"), @r#"
    llm-router.yaml:2:5: backends[0].api_keys: missing; OpenAI asks for a key
    llm-router.yaml:3:5: backends[1].base_url: missing; kind openai_compatible needs a URL such as https://api.example.com/v1
    llm-router.yaml:4:5: backends[2].name: missing; expected a name without spaces, `/` and `|`
    llm-router.yaml:5:5: backends[3].kind: missing; expected openai, openai_compatible, anthropic, bedrock or demo
    "#);
    assert_snapshot!(refused("backends:\n  - {name: a, kind: bedrock, base_url: http://h, api_keys: [k]}\n  - {name: b, kind: demo, region: eu-west-3, base_url: http://h, models: [{model: m, via: invoke}]}\n"), @r#"
    llm-router.yaml:2:5: backends[0].region: missing; kind bedrock needs a region (here or in AWS_REGION) or an endpoint_url
    llm-router.yaml:2:40: backends[0].base_url: kind bedrock has none; use endpoint_url
    llm-router.yaml:2:60: backends[0].api_keys: kind bedrock takes its credentials from AWS's own chain; remove this key
    llm-router.yaml:3:35: backends[1].region: belongs to kind bedrock only; remove it
    llm-router.yaml:3:56: backends[1].base_url: kind demo answers from inside this program; remove this key
    llm-router.yaml:3:91: backends[1].models[0].via: belongs to kind bedrock only; remove it
    "#);
    assert_snapshot!(refused("backends:\n  - name: a/b\n    kind: anthropic\n    api_keys: [12345]\n    base_url: https://me:hunter2@h\n    timeout: 0\n    headers: {host: x, \"a b\": y}\n    rate_limit: {window: 1m}\n"), @r#"
    llm-router.yaml:2:11: backends[0].name: expected a name without spaces, `/` and `|`, found "a/b"
    llm-router.yaml:4:16: backends[0].api_keys[0]: expected a secret text, found a number; put it in quotes
    llm-router.yaml:5:15: backends[0].base_url: credentials do not belong into a URL; use api_keys or headers
    llm-router.yaml:6:14: backends[0].timeout: must be longer than zero
    llm-router.yaml:7:14: backends[0].headers: expected the name of an HTTP header, found "a b"
    llm-router.yaml:7:14: backends[0].headers: host is written by the router itself; remove it
    llm-router.yaml:8:17: backends[0].rate_limit.requests: missing; expected a whole number from 1 to 4294967295
    "#);
    assert_snapshot!(refused("backends:\n  - name: a\n    kind: anthropic\n    api_keys: [k]\n    models:\n      - {model: m, price: {input: 0.0000000001, output: -1}}\n      - {model: n, price: {input: free}}\n      - {model: 4.1, price: 3}\n"), @r#"
    llm-router.yaml:6:35: backends[0].models[0].price.input: "0.0000000001" is not a price: more than nine decimals: a nano-dollar is the smallest amount; expected US dollars per million tokens, such as 2.50
    llm-router.yaml:6:57: backends[0].models[0].price.output: a price cannot be negative: -1
    llm-router.yaml:7:27: backends[0].models[1].price.output: missing; expected US dollars per million tokens, such as 2.50
    llm-router.yaml:7:35: backends[0].models[1].price.input: "free" is not a price: not a decimal number of dollars; expected US dollars per million tokens, such as 2.50
    llm-router.yaml:8:17: backends[0].models[2].model: expected a model's name, without `|` and without spaces around it, found a number; put it in quotes: "4.1"
    llm-router.yaml:8:29: backends[0].models[2].price: expected a mapping, found a number
    "#);
}

#[test]
fn references_have_to_lead_somewhere() {
    let backends = "backends:\n  - {name: main, kind: anthropic, api_keys: [k], models: [{model: sonnet, aliases: [s]}, {model: opus, aliases: [sonnet, s]}], model_mapping: {x: opsu}}\n  - {name: main, kind: demo}\n  - {name: demo, kind: demo}\n";
    assert_snapshot!(refused(&format!("{backends}groups:\n  - name: g\n    members:\n      - {{backend: mian, model: sonnet}}\n      - {{backend: main, model: sonet}}\n      - {{backend: main, model: s, weight: -1}}\n      - {{backend: main, model: s}}\n  - {{name: g, strategy: least_usage, members: []}}\n  - {{name: h, strategy: wieghted}}\n")), @r#"
    llm-router.yaml:2:114: backends[0].models[1].aliases[0]: "sonnet" is taken already, by backends[0].models[0].model; a name means one model of a backend
    llm-router.yaml:2:122: backends[0].models[1].aliases[1]: "s" is taken already, by backends[0].models[0].aliases[0]; a name means one model of a backend
    llm-router.yaml:2:147: backends[0].model_mapping.x: backend "main" lists no model "opsu"; did you mean "opus"?
    llm-router.yaml:3:12: backends[1].name: a second backend called "main"; the first is backends[0].name
    llm-router.yaml:4:12: backends[2].name: the name demo belongs to the built-in demo backend; choose another, or set demo.enabled to false
    llm-router.yaml:8:19: groups[0].members[0].backend: no backend is called "mian"; did you mean "main"?
    llm-router.yaml:9:32: groups[0].members[1].model: backend "main" lists no model "sonet"; did you mean "sonnet"?
    llm-router.yaml:10:43: groups[0].members[2].weight: expected a whole number from 0 to 4294967295, found "-1"
    llm-router.yaml:11:32: groups[0].members[3].model: main/s is a member of this group already
    llm-router.yaml:12:12: groups[1].name: a second group called "g"; the first is groups[0].name
    llm-router.yaml:12:47: groups[1].members: empty; a group needs at least one
    llm-router.yaml:13:5: groups[2].members: missing; a group needs at least one
    llm-router.yaml:13:25: groups[2].strategy: unknown strategy "wieghted"; did you mean "weighted"?
    "#);
    assert_snapshot!(refused("rewrites:\n  - {source: a, target: b}\n  - {source: b, target: c}\n  - {source: c, target: b}\n  - {source: d, target: d}\n  - {source: a, target: z}\n"), @r#"
    llm-router.yaml:3:25: rewrites[1].target: rewrites go in a circle: b → c → b
    llm-router.yaml:5:25: rewrites[3].target: rewrites go in a circle: d → d
    llm-router.yaml:6:14: rewrites[4].source: a second rewrite called "a"; the first is rewrites[0].source
    "#);
}

#[test]
fn a_group_may_use_the_demo_only_while_it_is_on() {
    let text = "groups: [{name: g, members: [{backend: demo, model: anything}]}]\n";
    assert!(load(text).is_ok());
    assert_snapshot!(refused(&format!("demo: {{enabled: false}}\n{text}")), @r#"llm-router.yaml:2:40: groups[0].members[0].backend: no backend is called "demo""#);
}

/// One wrong key in each mapping that has fixed keys.
#[test]
fn no_section_takes_an_unknown_key() {
    let sections = [
        "{zz: 1}",
        "server: {zz: 1}",
        "database: {zz: 1}",
        "counters: {zz: 1}",
        "auth: {zz: 1}",
        "demo: {zz: 1}",
        "dashboard: {zz: 1}",
        "logging: {zz: 1}",
        "limits: {zz: 1}",
        "routing: {zz: 1}",
        "routing: {breaker: {zz: 1}}",
        "routing: {least_usage: {zz: 1}}",
        "groups: [{name: g, members: [{backend: demo, model: demo, when: {zz: 1}}]}]",
        "backends: [{name: a, kind: demo, zz: 1}]",
        "backends: [{name: a, kind: demo, rate_limit: {requests: 1, zz: 1}}]",
        "backends: [{name: a, kind: demo, models: [{model: m, zz: 1}]}]",
        "backends: [{name: a, kind: demo, models: [{model: m, price: {input: 1, output: 1, zz: 1}}]}]",
        "groups: [{name: g, members: [{backend: demo, model: m}], zz: 1}]",
        "groups: [{name: g, members: [{backend: demo, model: m, zz: 1}]}]",
        "rewrites: [{source: a, target: b, zz: 1}]",
    ];
    for section in sections {
        let error = refused(section);
        assert!(
            error.contains("zz: unknown key") && error.lines().count() == 1,
            "{section}\n{error}"
        );
        assert!(
            load(&section.replace(", zz: 1", "").replace("zz: 1", "")).is_ok(),
            "{section}"
        );
    }
}
