//! The examples that forerunners' documentation gives start a router that serves, as they are.

use std::sync::Arc;

use domain::clock::SystemClock;
use http::Method;
use server::{
    config::{Config, Environment, Overrides},
    serve::Server,
};

use crate::support::{Reply, ask};

/// Starts a server with a file or variables of a forerunner's, and asks it for a model.
async fn asked(
    file: Option<(&str, &str)>,
    environment: &[(&str, &str)],
    path: &str,
    key: &str,
    model: &str,
) -> (u16, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("router.db").display().to_string();
    let mut variables = environment.to_vec();
    variables.push(("LLM_ROUTER_DB", &database));
    let mut overrides = Overrides {
        port: Some(0),
        host: Some([127, 0, 0, 1].into()),
        ..Overrides::default()
    };
    if let Some((name, text)) = file {
        let path = folder.path().join(name);
        // Where the log of this one goes is beside the point.
        std::fs::write(&path, text).expect("written");
        overrides.config = Some(path);
    }
    let environment = Environment::from_iter(variables);
    let loaded = Config::load_in(folder.path(), &overrides, &environment).expect("a configuration");
    let server = Server::start(loaded, Arc::new(SystemClock))
        .await
        .expect("a server");
    let address = server.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    let client = crate::support::client();
    let health = client.request(Method::GET, format!("http://{address}/health"));
    assert_eq!(Reply::of(health).await.status, 200);
    let request = client.request(Method::POST, format!("http://{address}{path}"));
    let request = request
        .bearer_auth(key)
        .header("content-type", "application/json");
    let reply = Reply::of(request.body(ask(model))).await;
    drop(stop);
    running.await.expect("no panic");
    (reply.status, reply.text().to_owned())
}

#[tokio::test]
async fn documented_examples_of_forerunners_serve_unchanged() {
    // No provider can be reached here: what can be seen is that the right ones were asked for.
    let native = include_str!("../forerunners/native_endpoints.json");
    let file = Some(("config.json", native));
    let (status, text) = asked(file, &[], "/openai/chat/completions", "RANDOM", "abc").await;
    assert_eq!(status, 502, "{text}");
    assert!(
        text.contains("openai-1") && text.contains("openai-2"),
        "{text}"
    );
    assert!(!text.contains("anthropic"), "{text}");

    let groups = include_str!("../forerunners/usage_groups.yaml");
    let file = Some(("config.yaml", groups));
    let path = "/v1/chat/completions";
    let (status, text) = asked(file, &[], path, "your-api-key-here", "fast-model").await;
    assert_eq!(status, 502, "{text}");
    assert!(
        text.contains("openai") && text.contains("openrouter"),
        "{text}"
    );
    let (status, _) = asked(file, &[], path, "another-key", "fast-model").await;
    assert_eq!(status, 401);

    let services = r#"[
      {"name": "primary-cerebras", "backend_type": "cerebras", "base_url": "https://api.cerebras.ai/v1",
       "api_key": "your_cerebras_key", "priority": 0, "rate_limit_requests": 100, "rate_limit_window": 60},
      {"name": "fallback-openai", "backend_type": "openai", "base_url": "https://api.openai.com/v1",
       "api_key": "sk-your_openai_key", "priority": 1, "rate_limit_requests": 50, "rate_limit_window": 60}
    ]"#;
    let variables = [
        ("ROUTER_SERVICES", services),
        ("AUTH_KEY_01", "sk-user1-key"),
        ("AUTH_KEY_02", "sk-user2-key"),
    ];
    // Which models they have they could not say yet.
    let (status, _) = asked(None, &variables, path, "sk-user2-key", "llama3.1-8b").await;
    assert_eq!(status, 404);

    let variables = [
        ("MASTER_KEY", "sk-admin-secret"),
        ("AWS_REGION", "eu-west-3"),
        ("AWS_PROFILE", "default"),
        ("LLM_ROUTER_WORKERS", "1"),
        ("MAX_CONCURRENT", "20"),
        ("ADMIN_USER", "admin"),
        ("UI_REFRESH_INTERVAL", "30"),
    ];
    let (status, text) = asked(
        None,
        &variables,
        "/v1/messages",
        "sk-admin-secret",
        "claude-opus",
    )
    .await;
    assert!((500..600).contains(&status), "{status}: {text}");
    assert!(text.contains("bedrock"), "{text}");

    let variables = [
        ("SERVER_PORT", "3000"),
        ("ADMIN_PASSWORD", "your_secure_password"),
        (
            "CORS_ORIGINS",
            "http://localhost:5173,http://localhost:3001",
        ),
        ("MASTER_KEY", "sk-master-0123456789"),
    ];
    let (status, text) = asked(None, &variables, path, "sk-master-0123456789", "demo").await;
    assert_eq!(status, 200, "{text}");
}
