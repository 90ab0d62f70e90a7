//! What a file says, in whichever format, and which file is read.

use std::{path::Path, time::Duration};

use domain::{NanoUsd, Price, pricing::Rates};
use insta::assert_snapshot;
use secrecy::ExposeSecret;
use server::config::{
    BackendKind, Config, ConfigErrors, Environment, Loaded, Overrides, Strategy, Via,
};

use crate::{in_directory, load_named, no_environment, refused};

const ARCHITECTURE: &str = r#"
server:   { host: 0.0.0.0, port: 4000, base_path: "", public_url: null }
database: { url: "sqlite://data/llm-router.db" }
counters: { url: "memory:" }
auth:     { enabled: true, master_key: "${MASTER_KEY}", public_models: false }
demo:     { enabled: true }
backends:
  - name: openai-main
    kind: openai
    base_url: https://api.openai.com/v1
    api_keys: ["${OPENAI_API_KEY}"]
    priority: 1
    timeout: 30s
    max_retries: 3
    rate_limit: { requests: 100, window: 60s }
    model_mapping: { abc: gpt-4o }
    unpriced: refuse
    models:
      - { model: gpt-4o, aliases: [gpt4], price: { input: 2.50, cache_read: 1.25, output: 10.00 } }
  - name: bedrock-eu
    kind: bedrock
    region: eu-west-3
    models:
      - { model: eu.anthropic.claude-sonnet-4-6, via: invoke, aliases: [claude-sonnet-4-6], price: { input: 3.00, cache_read: 0.30, cache_write_5m: 3.75, cache_write_1h: 6.00, output: 15.00 } }
groups:
  - name: fast
    strategy: weighted
    members:
      - { backend: openai-main, model: gpt4, weight: 3 }
      - { backend: bedrock-eu, model: claude-sonnet-4-6, weight: 1, priority: 1 }
rewrites: [{ source: gpt-4, target: fast, force: false }]
"#;

#[test]
fn a_whole_file_is_read() {
    let environment =
        Environment::from_iter([("MASTER_KEY", "sk-master"), ("OPENAI_API_KEY", "sk-up")]);
    let Loaded {
        config, warnings, ..
    } = load_named("llm-router.yaml", ARCHITECTURE, &environment).expect("valid");
    assert_eq!(
        config
            .auth
            .master_key
            .as_ref()
            .map(|key| key.expose_secret()),
        Some("sk-master")
    );
    let [openai, bedrock] = config.backends.as_slice() else {
        panic!("two backends: {config:?}")
    };
    assert_eq!(openai.upstream.kind(), BackendKind::OpenAi);
    assert_eq!(openai.api_keys[0].expose_secret(), "sk-up");
    assert_eq!(openai.timeout, Duration::from_secs(30));
    assert_eq!(
        openai.rate_limit.map(|limit| limit.requests.get()),
        Some(100)
    );
    assert_eq!(openai.model_mapping["abc"], "gpt-4o");
    assert_eq!(
        openai.models[0].price,
        Some(Price::from(Rates {
            input: NanoUsd(2_500_000_000),
            cache_read: NanoUsd(1_250_000_000),
            // What is not listed costs as much as input.
            cache_write_5m: NanoUsd(2_500_000_000),
            cache_write_1h: NanoUsd(2_500_000_000),
            output: NanoUsd(10_000_000_000),
        }))
    );
    assert_eq!(bedrock.models[0].via, Some(Via::Invoke));
    assert_eq!(config.groups[0].strategy, Strategy::Weighted);
    assert_eq!(config.groups[0].members[0].weight, 3);
    assert_eq!(config.rewrites[0].target, "fast");
    assert_snapshot!(warnings.join("\n"), @"");
}

#[test]
fn yaml_json_and_toml_of_one_shape_mean_the_same() {
    let yaml = "
server: { port: 4001, max_body: 1MiB }
backends:
  - { name: a, kind: openai_compatible, base_url: http://h/v1/, api_keys: [k], timeout: 5, models: [{ model: m, price: { input: 0.1, output: 2.50 } }] }
";
    let json = r#"{
	"server": {"port": 4001, "max_body": "1MiB"},
	"backends": [{"name": "a", "kind": "openai_compatible", "base_url": "http://h/v1", "api_keys": ["k"], "timeout": "5s",
		"models": [{"model": "m", "price": {"input": 0.1, "output": 2.50}}]}]
}"#;
    let toml = r#"
[server]
port = 4001
max_body = 1_048_576

[[backends]]
name = "a"
kind = "openai_compatible"
base_url = "http://h/v1"
api_keys = ["k"]
timeout = 5
[[backends.models]]
model = "m"
price = { input = 0.1, output = 2.50 }
"#;
    let read = |name, text| {
        let loaded = load_named(name, text, &no_environment()).expect("valid");
        format!("{:#?}", loaded.config)
    };
    let yaml = read("llm-router.yaml", yaml);
    assert_eq!(yaml, read("llm-router.json", json));
    assert_eq!(yaml, read("llm-router.toml", toml));
    assert!(
        yaml.contains("100000000"),
        "0.1 USD is exactly 100,000,000 nano-USD: {yaml}"
    );
}

#[test]
fn variables_in_texts() {
    let text = "auth:\n  master_key: \"${SOME_KEY}\"\nserver:\n  port: ${SOME_PORT:-4321}\n  public_url: \"${SOME_URL:-}\"\n";
    assert_snapshot!(refused(text), @r#"llm-router.yaml:2:15: auth.master_key: the environment variable SOME_KEY is not set; set it, or write ${SOME_KEY:-default} to do without"#);
    let environment = Environment::from_iter([("SOME_KEY", "12345")]);
    let config = load_named("llm-router.yaml", text, &environment)
        .expect("valid")
        .config;
    assert_eq!(
        config
            .auth
            .master_key
            .map(|key| key.expose_secret().to_owned())
            .as_deref(),
        Some("12345")
    );
    assert_eq!(config.server.port, 4321);
    assert_eq!(config.server.public_url, None);
}

#[test]
fn the_file_is_found_or_named() {
    let directory = in_directory(&[
        ("llm-router.json", "{\"server\": {\"port\": 1}}"),
        ("llm-router.toml", "[server]\nport = 2\n"),
        ("other.yaml", "server: {port: 3}\n"),
    ]);
    let port = |config: Option<&Path>, environment: &Environment| {
        let cli = Overrides {
            config: config.map(Path::to_owned),
            ..Overrides::default()
        };
        Config::load_in(directory.path(), &cli, environment)
    };
    let found = port(None, &no_environment()).expect("valid");
    assert_eq!(found.config.server.port, 1);
    assert_eq!(found.source, Some(directory.path().join("llm-router.json")));
    assert!(
        found.warnings[0].contains("llm-router.toml is not read"),
        "{:?}",
        found.warnings
    );

    let other = directory.path().join("other.yaml");
    let named = Environment::from_iter([("LLM_ROUTER_CONFIG", other.to_str().expect("UTF-8"))]);
    assert_eq!(port(None, &named).expect("valid").config.server.port, 3);
    let toml = directory.path().join("llm-router.toml");
    assert_eq!(
        port(Some(&toml), &named).expect("valid").config.server.port,
        2
    );
    let missing = port(Some(&directory.path().join("none.yaml")), &no_environment());
    assert!(
        matches!(missing, Err(ConfigErrors::Unreadable { .. })),
        "{missing:?}"
    );
}

#[test]
fn secrets_are_never_printed() {
    let text = "auth: {master_key: s3cr3t-a, admin_password: s3cr3t-b}\nbackends: [{name: a, kind: anthropic, api_keys: [s3cr3t-c], headers: {x-key: s3cr3t-d}}]\n";
    let environment = Environment::from_iter([("AUTH_KEY", "s3cr3t-e")]);
    let loaded = load_named("llm-router.yaml", text, &environment).expect("valid");
    assert!(!format!("{loaded:?} {environment:?}").contains("s3cr3t"));
    // And not in messages either, however wrong they are.
    let wrong = refused(
        "auth:\n  master_key: [s3cr3t]\n  admin_password: \" s3cr3t\"\nbackends: [{name: a, kind: anthropic, api_keys: {s3cr3t: 1}, headers: {x-a: \"s3cr3t\\n\"}}]\n",
    );
    assert_eq!(wrong.lines().count(), 4, "{wrong}");
    assert!(!wrong.contains("s3cr3t"), "{wrong}");
}
