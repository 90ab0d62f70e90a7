//! What the environment and the command line say on top of a file, or without one.

use std::time::Duration;

use insta::assert_snapshot;
use secrecy::ExposeSecret;
use server::config::{BackendKind, Config, Environment, Loaded, Overrides, Unpriced, Upstream};

use crate::{in_directory, load_named, no_environment, with_environment};

#[test]
fn the_command_line_precedes_the_environment_which_precedes_the_file() {
    let text = "server: {host: 127.0.0.1, port: 1}\n";
    let load = |cli: &Overrides, environment: &Environment| {
        let directory = in_directory(&[("llm-router.yaml", text)]);
        Config::load_in(directory.path(), cli, environment)
            .expect("valid")
            .config
            .server
            .listen()
            .to_string()
    };
    let environment = Environment::from_iter([
        ("PORT", "2"),
        ("SERVER_PORT", "3"),
        ("LLM_ROUTER_HOST", "::1"),
    ]);
    let cli = Overrides {
        port: Some(4),
        ..Overrides::default()
    };
    assert_eq!(
        load(&Overrides::default(), &no_environment()),
        "127.0.0.1:1"
    );
    assert_eq!(load(&Overrides::default(), &environment), "[::1]:2");
    assert_eq!(load(&cli, &environment), "[::1]:4");
    // A machine's name is not an address to listen on.
    let host = Environment::from_iter([("HOST", "laptop")]);
    assert_eq!(load(&Overrides::default(), &host), "127.0.0.1:1");
    // What Kubernetes sets beside a service called llm-router is not a port.
    let kubernetes =
        Environment::from_iter([("LLM_ROUTER_PORT", "tcp://10.0.0.1:4000"), ("PORT", "5")]);
    assert_eq!(load(&Overrides::default(), &kubernetes), "127.0.0.1:5");
}

#[test]
fn every_variable_reaches_its_setting() {
    let config = with_environment([
        ("LLM_ROUTER_WORKERS", "3"),
        ("CORS_ORIGINS", "https://a.example, http://b.example:8080"),
        ("LLM_ROUTER_DB", "/var/lib/r.db"),
        ("MASTER_KEY", "sk-m"),
        ("ADMIN_USER", "root"),
        ("ADMIN_PASSWORD", "correct horse"),
        ("AUTH_HEADER_NAME", "X-Router-Key"),
        ("AUTH_KEY", "k0"),
        ("AUTH_KEY_02", "k2"),
        ("AUTH_KEY_99", "k99"),
        ("UI_REFRESH_INTERVAL", "5"),
        ("RUST_LOG", "debug"),
        ("REQUEST_TIMEOUT", "60"),
        ("MAX_CONCURRENT", "7"),
        ("ANTHROPIC_API_KEY", "k"),
    ])
    .expect("valid")
    .config;
    assert_eq!(config.server.workers.map(std::num::NonZero::get), Some(3));
    assert_eq!(config.server.cors_origins.len(), 2);
    assert_eq!(config.database.url.as_str(), "sqlite:///var/lib/r.db");
    assert_eq!(config.auth.admin_user, "root");
    assert_eq!(
        config
            .auth
            .admin_password
            .map(|p| p.expose_secret().to_owned())
            .as_deref(),
        Some("correct horse")
    );
    assert_eq!(
        config
            .auth
            .header_name
            .as_ref()
            .map(http::HeaderName::as_str),
        Some("x-router-key")
    );
    let labels: Vec<&str> = config
        .auth
        .static_keys
        .iter()
        .map(|key| key.label.as_str())
        .collect();
    assert_eq!(labels, ["AUTH_KEY", "AUTH_KEY_02", "AUTH_KEY_99"]);
    assert_eq!(config.dashboard.refresh_interval, Duration::from_secs(5));
    assert_eq!(config.logging.level.as_str(), "debug");
    assert_eq!(config.backends[0].timeout, Duration::from_secs(60));
    assert_eq!(
        config.backends[0]
            .max_concurrent
            .map(std::num::NonZero::get),
        Some(7)
    );
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    assert_snapshot!(with_environment([
        ("PORT", "http"),
        ("ENABLE_AUTH", "maybe"),
        ("REQUEST_TIMEOUT", "long"),
        ("CORE_DB_PATH", "postgres://h/d"),
        ("MASTER_KEY", "same"),
        ("AUTH_KEY_01", "same"),
        ("OLLAMA_BASE_URL", "localhost:11434"),
    ]).expect_err("refused"), @r#"
    environment variable ENABLE_AUTH: auth.enabled: expected true or false, found "maybe"
    environment variable AUTH_KEY_01: has the same value as the master key; each key needs its own
    environment variable REQUEST_TIMEOUT: expected a duration such as 500ms, 30s or 2m (a plain number is seconds), found "long"
    environment variable OLLAMA_BASE_URL: expected a URL such as https://api.example.com/v1, found "localhost:11434"
    environment variable PORT: server.port: expected a whole number from 0 to 65535, found "http"
    environment variable CORE_DB_PATH: database.url: PostgreSQL is not supported yet; use sqlite://path
    "#);
}

#[test]
fn without_authentication_only_this_machine_can_reach_the_server() {
    let off = |host: Option<&str>, file: &str| {
        let directory = in_directory(&[("llm-router.yaml", file)]);
        let cli = Overrides {
            host: host.map(|host| host.parse().expect("an address")),
            ..Overrides::default()
        };
        let environment = Environment::from_iter([("ENABLE_AUTH", "false")]);
        let prefix = format!("{}/", directory.path().display());
        Config::load_in(directory.path(), &cli, &environment)
            .map(|loaded| {
                format!(
                    "{}\n{}",
                    loaded.config.server.listen(),
                    loaded.warnings.join("\n")
                )
            })
            .unwrap_or_else(|errors| errors.to_string().replace(&prefix, ""))
    };
    assert_snapshot!(off(None, ""), @r#"127.0.0.1:4000"#);
    assert_snapshot!(off(Some("::1"), ""), @r#"[::1]:4000"#);
    assert_snapshot!(off(Some("0.0.0.0"), ""), @r#"command line, --host: server.host: 0.0.0.0 can be reached by others while auth.enabled is false; use 127.0.0.1, or set auth.allow_public to true"#);
    assert_snapshot!(off(None, "server:\n  host: 10.0.0.1\n"), @r#"llm-router.yaml:2:9: server.host: 10.0.0.1 can be reached by others while auth.enabled is false; use 127.0.0.1, or set auth.allow_public to true"#);
    assert_snapshot!(off(None, "server: {host: 10.0.0.1}\nauth: {allow_public: true}\n"), @r#"
    10.0.0.1:4000
    authentication is off and 10.0.0.1 is not a loopback address: everyone who reaches it can use it
    "#);
}

#[test]
fn keys_in_the_environment_make_backends_where_the_file_has_none() {
    let Loaded {
        config, warnings, ..
    } = with_environment([
        ("OPENAI_API_KEY", "k1"),
        ("ANTHROPIC_API_KEY", "k2"),
        ("CEREBRAS_API_KEY", "k"),
        ("DEEPINFRA_TOKEN", "k"),
        ("OLLAMA_BASE_URL", "http://localhost:11434/v1"),
        ("OPENROUTER_API_KEY", "k"),
        ("GROQ_API_KEY", "k"),
        ("MISTRAL_API_KEY", "k"),
        ("DEEPSEEK_API_KEY", "k"),
        ("TOGETHER_API_KEY", "k"),
        ("GEMINI_API_KEY", ""),
    ])
    .expect("valid");
    let names: Vec<&str> = config
        .backends
        .iter()
        .map(|backend| backend.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "openai",
            "anthropic",
            "cerebras",
            "deepinfra",
            "ollama",
            "openrouter",
            "groq",
            "mistral",
            "deepseek",
            "together"
        ]
    );
    assert_eq!(config.backends[1].upstream.kind(), BackendKind::Anthropic);
    assert_eq!(config.backends[1].api_keys[0].expose_secret(), "k2");
    let ollama = &config.backends[4];
    assert_eq!(ollama.unpriced, Unpriced::Allow);
    assert!(ollama.api_keys.is_empty());
    assert_eq!(
        warnings.len(),
        7,
        "every backend whose prices are not built in, but for ollama: {warnings:?}"
    );

    let file = "backends: [{name: mine, kind: demo}]\n";
    let environment = Environment::from_iter([("OPENAI_API_KEY", "k"), ("ROUTER_SERVICES", "[]")]);
    let Loaded {
        config, warnings, ..
    } = load_named("llm-router.yaml", file, &environment).expect("valid");
    assert_eq!(config.backends.len(), 1);
    assert!(
        warnings[0].contains("ROUTER_SERVICES is ignored"),
        "{warnings:?}"
    );
}

#[test]
fn router_services_describe_backends() {
    let services = r#"[
      {"name": "primary", "backend_type": "cerebras", "api_key": "c$${k}", "priority": 0, "rate_limit_requests": 100, "rate_limit_window": 30},
      {"name": "second", "backend_type": "vllm", "base_url": "http://gpu:8000/v1", "rate_limit_requests": 0}
    ]"#;
    let config = with_environment([("ROUTER_SERVICES", services), ("OPENAI_API_KEY", "k")])
        .expect("valid")
        .config;
    let [primary, second] = config.backends.as_slice() else {
        panic!("two backends: {config:?}")
    };
    assert_eq!(primary.priority, 0);
    assert_eq!(
        primary.api_keys[0].expose_secret(),
        "c$${k}",
        "taken literally"
    );
    assert_eq!(
        primary.rate_limit.map(|limit| limit.window),
        Some(Duration::from_secs(30))
    );
    let Upstream::OpenAiCompatible { base_url } = &primary.upstream else {
        panic!("{:?}", primary.upstream)
    };
    assert_eq!(base_url.as_str(), "https://api.cerebras.ai/v1");
    assert_eq!(second.rate_limit, None);
    // That list has no place for prices.
    assert!(
        config
            .backends
            .iter()
            .all(|b| b.unpriced == Unpriced::Allow)
    );

    let wrong = "[{\"name\": \"a\", \"backend_type\": \"cerebas\"},\n {\"name\": \"a\", \"backend_type\": \"groq\", \"prio\": 1}]";
    assert_snapshot!(with_environment([("ROUTER_SERVICES", wrong)]).expect_err("refused"), @r#"
    ROUTER_SERVICES:1:2: [0].base_url: missing; backend_type "cerebas" has no address of its own; did you mean the backend_type "cerebras"?
    ROUTER_SERVICES:2:11: [1].name: a second backend called "a"; the first is [0].name
    ROUTER_SERVICES:2:40: [1].prio: unknown key; did you mean "priority"?
    "#);
    assert_snapshot!(with_environment([("ROUTER_SERVICES", "{}")]).expect_err("refused"), @r#"ROUTER_SERVICES:1:1: expected a list, found a mapping"#);
}

#[test]
fn credentials_of_aws_offer_claude_under_the_forerunners_names() {
    let loaded = with_environment([("AWS_ACCESS_KEY_ID", "AKIA"), ("OPENAI_API_KEY", "k")]);
    let config = loaded.expect("a configuration").config;
    let names: Vec<&str> = config.backends.iter().map(|b| b.name.as_str()).collect();
    assert_eq!(names, ["openai", "bedrock"]);
    let bedrock = &config.backends[1];
    let aliases: Vec<&str> = bedrock
        .models
        .iter()
        .flat_map(|model| &model.aliases)
        .map(String::as_str)
        .collect();
    assert_eq!(
        aliases,
        [
            "claude-opus",
            "claude-opus-4-6",
            "claude-sonnet-4-6",
            "claude-sonnet-4-5-20250929",
            "claude-haiku-4-5-20251001"
        ]
    );
    for model in &bedrock.models {
        assert!(model.model.starts_with("eu."), "{}", model.model);
        // Each has a list price, or nobody could use it.
        assert!(
            server::settings::is_listed(&bedrock.upstream, &model.model),
            "{}",
            model.model
        );
    }
    let american = with_environment([("AWS_PROFILE", "default"), ("AWS_REGION", "us-east-1")]);
    let config = american.expect("a configuration").config;
    assert!(config.backends[0].models[0].model.starts_with("us."));
    // Whoever names models wants these and no others; and a region alone is no credential.
    let named = r#"{"a": {"bedrock_id": "x", "input_price": 1, "output_price": 2}}"#;
    let own = with_environment([("AWS_PROFILE", "default"), ("LLM_ROUTER_MODELS", named)]);
    assert_eq!(
        own.expect("a configuration").config.backends[0]
            .models
            .len(),
        1
    );
    let region = with_environment([("AWS_REGION", "eu-west-3")]);
    assert!(region.expect("a configuration").config.backends.is_empty());
}
