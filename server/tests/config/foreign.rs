//! Files of other routers, read as they are, and what is told of what they hold besides.

use std::time::Duration;

use insta::assert_snapshot;
use secrecy::ExposeSecret as _;
use server::config::{BackendConfig, Config, Environment, Overrides, Strategy, Unpriced};

use crate::{in_directory, load_named, no_environment, with_environment};

/// As their own documentation has it.
const NATIVE_ENDPOINTS: &str = include_str!("../forerunners/native_endpoints.json");

fn words(backend: &BackendConfig) -> String {
    let keys: Vec<&str> = backend.api_keys.iter().map(|k| k.expose_secret()).collect();
    let models: Vec<&str> = backend.models.iter().map(|m| m.model.as_str()).collect();
    format!(
        "{} {:?} priority {} timeout {:?} retries {} keys {keys:?} models {models:?} mapping {:?} any {} {:?}\n",
        backend.name,
        backend.upstream,
        backend.priority,
        backend.timeout,
        backend.max_retries,
        backend.model_mapping,
        backend.any_model,
        backend.unpriced,
    )
}

#[test]
fn native_endpoints_are_backends_that_take_any_model_without_a_key_of_ours() {
    let loaded = load_named("config.json", "", &no_environment());
    assert!(loaded.is_ok(), "an empty directory");
    let directory = in_directory(&[("llm_router_config.json", NATIVE_ENDPOINTS)]);
    let loaded = Config::load_in(directory.path(), &Overrides::default(), &no_environment());
    let loaded = loaded.expect("a configuration");
    let config = &loaded.config;
    assert!(!config.auth.enabled);
    let files = config.logging.files.as_ref().expect("log files");
    assert_eq!(files.directory, std::path::Path::new("logs"));
    assert_eq!(config.server.listen().to_string(), "127.0.0.1:8000");
    let told: String = config.backends.iter().map(words).collect();
    assert_snapshot!(told, @r#"
    openai-1 OpenAi { base_url: https://api.openai.com/v1 } priority 1 timeout 30s retries 3 keys ["sk-your-primary-openai-api-key-here"] models [] mapping {"abc": "def"} any true Allow
    openai-2 OpenAi { base_url: https://api.openai.com/v1 } priority 2 timeout 30s retries 3 keys ["sk-your-backup-openai-api-key-here"] models [] mapping {} any true Allow
    anthropic-1 Anthropic { base_url: https://api.anthropic.com } priority 1 timeout 30s retries 3 keys ["sk-ant-your-primary-anthropic-api-key-here"] models [] mapping {} any true Allow
    anthropic-2 Anthropic { base_url: https://api.anthropic.com } priority 2 timeout 30s retries 3 keys ["sk-ant-your-backup-anthropic-api-key-here"] models [] mapping {} any true Allow
    "#);
    // Where the port is given otherwise, that holds.
    let environment = Environment::from_iter([("PORT", "9000")]);
    let loaded = Config::load_in(directory.path(), &Overrides::default(), &environment);
    assert_eq!(loaded.expect("a configuration").config.server.port, 9000);
}

/// What is left out is what that router did.
#[test]
fn a_native_endpoint_needs_only_its_key() {
    let text = r#"{"anthropic": {"api_key": "sk-ant-x"}, "openai": {"api_key": "sk-x", "base_url": "https://llm.example.com/v1", "model_mapping": {}}}"#;
    let loaded = load_named("llm-router.json", text, &no_environment()).expect("a configuration");
    let told: String = loaded.config.backends.iter().map(words).collect();
    assert_snapshot!(told, @r#"
    openai-priority-1 OpenAiCompatible { base_url: https://llm.example.com/v1 } priority 1 timeout 30s retries 3 keys ["sk-x"] models [] mapping {} any true Allow
    anthropic-priority-1 Anthropic { base_url: https://api.anthropic.com } priority 1 timeout 30s retries 3 keys ["sk-ant-x"] models [] mapping {} any true Allow
    "#);
}

#[test]
fn two_native_endpoints_of_one_priority_are_an_error() {
    let text = "{\"openai\": [\n{\"api_key\": \"a\", \"provider_name\": \"x\"},\n{\"api_key\": \"b\", \"provider_name\": \"y\", \"priority\": 1}]}";
    let refused = load_named("llm-router.json", text, &no_environment()).expect_err("a refusal");
    assert_snapshot!(refused, @"llm-router.json:3:1: openai[1].priority: 1 is the priority of openai[0] already");
}

#[test]
fn groups_balanced_by_usage_keep_their_names_weights_and_key() {
    let text = r#"
port: 8080
api_key: "your-api-key-here"
log_level: debug
groups:
  - name: "gpt-4-turbo"
    models:
      - weight: 1
        provider: "openai"
        name: "gpt-4-turbo-preview"
      - weight: 2
        provider: "openai"
        name: "gpt-4"
  - name: "fast-model"
    models:
      - provider: "openai"
        name: "gpt-4"
      - weight: 2
        provider: "openrouter"
        name: "openai/gpt-3.5-turbo"
providers:
  - name: "openai"
    base_url: "https://api.openai.com/v1"
    api_keys: ["sk-your-openai-key-here", "sk-two"]
  - name: "openrouter"
    base_url: "https://openrouter.ai/api/v1"
    api_keys:
      - "sk-your-openrouter-key-here"
error_penalty: 7
"#;
    let loaded = load_named("llm-router.yaml", text, &no_environment()).expect("a configuration");
    let config = &loaded.config;
    assert_eq!(config.server.port, 8080);
    assert_eq!(
        config.auth.static_keys[0].key.expose_secret(),
        "your-api-key-here"
    );
    assert_eq!(
        (config.routing.error_penalty, config.routing.request_penalty),
        (7, 500)
    );
    let told: String = config.backends.iter().map(words).collect();
    assert_snapshot!(told, @r#"
    openai OpenAi { base_url: https://api.openai.com/v1 } priority 1 timeout 600s retries 2 keys ["sk-your-openai-key-here", "sk-two"] models ["gpt-4-turbo-preview", "gpt-4"] mapping {} any false Allow
    openrouter OpenAiCompatible { base_url: https://openrouter.ai/api/v1 } priority 1 timeout 600s retries 2 keys ["sk-your-openrouter-key-here"] models ["openai/gpt-3.5-turbo"] mapping {} any false Allow
    "#);
    for (group, weights) in config.groups.iter().zip([[1, 2], [0, 2]]) {
        assert_eq!(group.strategy, Strategy::LeastUsage);
        let of_members: Vec<u32> = group.members.iter().map(|m| m.weight).collect();
        assert_eq!(of_members, weights);
    }
    assert!(
        loaded
            .warnings
            .iter()
            .any(|w| w.ends_with(":4:1: log_level is not carried over")),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn litellms_models_become_backends_and_groups() {
    let text = r#"
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o
      api_base: https://eu.example.com/openai
      api_key: os.environ/AZURE_KEY
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_API_KEY
      rpm: 60
      weight: 3
      temperature: 0
    model_info: {input_cost_per_token: 2.5e-06, output_cost_per_token: 1e-05}
  - model_name: claude
    litellm_params: {model: anthropic/claude-sonnet-4-6, api_key: sk-ant-x}
  - model_name: claude
    litellm_params: {model: bedrock/eu.anthropic.claude-sonnet-4-6, aws_region_name: eu-west-3}
  - model_name: groq/*
    litellm_params: {model: groq/*, api_key: k-groq}
  - model_name: some
    litellm_params: {model: openai/gpt-*}
  - model_name: odd
    litellm_params: {model: nobody/x}
router_settings:
  routing_strategy: latency-based-routing
  num_retries: 4
  model_group_alias: {gpt-4: gpt-4o}
  fallbacks: [{gpt-4o: [claude]}]
  redis_host: localhost
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
  database_url: postgres://x
"#;
    let directory = in_directory(&[("config.yaml", text)]);
    let file = directory.path().join("config.yaml");
    let overrides = Overrides {
        config: Some(file.clone()),
        ..Overrides::default()
    };
    let environment = Environment::from_iter([
        ("AZURE_KEY", "k-azure"),
        ("OPENAI_API_KEY", "k-openai"),
        ("LITELLM_MASTER_KEY", "sk-master-0123456789"),
    ]);
    let loaded = Config::load(&overrides, &environment).expect("a configuration");
    let config = &loaded.config;
    let told: String = config.backends.iter().map(words).collect();
    assert_snapshot!(told, @r#"
    azure OpenAiCompatible { base_url: https://eu.example.com/openai } priority 1 timeout 600s retries 4 keys ["k-azure"] models ["gpt-4o"] mapping {} any false Allow
    openai OpenAi { base_url: https://api.openai.com/v1 } priority 1 timeout 600s retries 4 keys ["k-openai"] models ["gpt-4o"] mapping {} any false Allow
    anthropic Anthropic { base_url: https://api.anthropic.com } priority 1 timeout 600s retries 4 keys ["sk-ant-x"] models ["claude-sonnet-4-6"] mapping {} any false Allow
    bedrock Bedrock { region: Some("eu-west-3"), endpoint_url: None, profile: None } priority 1 timeout 600s retries 4 keys [] models ["eu.anthropic.claude-sonnet-4-6"] mapping {} any false Allow
    groq OpenAiCompatible { base_url: https://api.groq.com/openai/v1 } priority 1 timeout 600s retries 4 keys ["k-groq"] models [] mapping {} any true Allow
    "#);
    let groups = config.groups.iter().map(|group| {
        let members: Vec<String> = group
            .members
            .iter()
            .map(|m| format!("{}/{} w{} p{}", m.backend, m.model, m.weight, m.priority))
            .collect();
        format!("{} {:?} {members:?}\n", group.name, group.strategy)
    });
    assert_snapshot!(groups.collect::<String>(), @r#"
    gpt-4o LeastLatency ["azure/gpt-4o w1 p0", "openai/gpt-4o w1 p0", "anthropic/claude-sonnet-4-6 w1 p1", "bedrock/eu.anthropic.claude-sonnet-4-6 w1 p1"]
    claude LeastLatency ["anthropic/claude-sonnet-4-6 w1 p0", "bedrock/eu.anthropic.claude-sonnet-4-6 w1 p0"]
    "#);
    assert_eq!(config.rewrites[0].source, "gpt-4");
    let key = config.auth.master_key.as_ref().expect("a master key");
    assert_eq!(key.expose_secret(), "sk-master-0123456789");
    let name = format!("{}:", file.display());
    let notes: Vec<String> = loaded
        .warnings
        .iter()
        .map(|w| w.replace(&name, ""))
        .collect();
    assert_snapshot!(notes.join("\n"), @r"
    5:7: model_list[0]: azure is asked as a server of OpenAI's dialect; its api_base has to be the one that ends in /openai/v1
    14:7: model_list[1].litellm_params.temperature is not carried over
    23:21: model_list[5]: the wildcard openai/gpt-* is not carried over
    25:21: model_list[6]: provider nobody is not known here; left out
    31:3: router_settings.redis_host is not carried over
    34:3: general_settings.database_url is not carried over
    ");
    let openai = config
        .backends
        .iter()
        .find(|b| b.name == "openai")
        .expect("openai");
    assert!(openai.models[0].price.is_some());
    assert_eq!(openai.unpriced, Unpriced::Allow);
    assert_eq!(openai.timeout, Duration::from_secs(600));

    // Written down, it reads as the same, with the variables' names in it.
    let imported = Config::import(&overrides, &no_environment()).expect("an import");
    let yaml = imported.document.to_yaml();
    assert!(yaml.contains("\"${AZURE_KEY}\""), "{yaml}");
    assert_eq!(imported.notes.len(), notes.len());
    let again = load_named("llm-router.yaml", &yaml, &environment).expect("what was written");
    assert_eq!(format!("{:?}", again.config), format!("{config:?}"));
}

#[test]
fn variables_alone_are_enough() {
    let loaded = with_environment([
        (
            "ROUTER_SERVICES",
            r#"[{"name": "primary-cerebras", "backend_type": "cerebras", "base_url": "https://api.cerebras.ai/v1", "api_key": "k", "priority": 0, "rate_limit_requests": 100, "rate_limit_window": 60}]"#,
        ),
        ("AUTH_KEY_02", "sk-user2-key"),
        ("ENABLE_AUTH", "true"),
    ]);
    let config = loaded.expect("a configuration").config;
    assert_eq!(config.backends[0].name, "primary-cerebras");
    assert_eq!(config.auth.static_keys.len(), 1);
}
