//! What status pages and other systems read of the router.

use domain::Dialect;
use http::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, MASTER_KEY, Reply, Setup, TestApp, Upstream, ask, ask_stream, backend, chat_whole,
    events, whole,
};

const CHAT: Dialect = Dialect::OpenaiChat;

async fn get(app: &TestApp, path: &str) -> Value {
    let reply = app.get(path, MASTER_KEY).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.json()
}

/// Two backends; the first has answered a call whole, streamed one, and failed one over to the second;
/// and it refuses one for want of quota.
async fn busy() -> TestApp {
    let [first, second] = [Upstream::start().await, Upstream::start().await];
    let setup = Setup {
        rest: "groups:\n  - { name: team, members: [{ backend: first, model: up-first }, { backend: second, model: up-second }] }\n",
        ..Setup::backends([
            backend(
                CHAT,
                "first",
                &first.url(),
                "rate_limit: { requests: 4, window: 60s }, ",
            ),
            backend(CHAT, "second", &second.url(), "priority: 2, "),
        ])
    };
    let app = TestApp::start(setup).await;
    let user = app.user().await;
    first.then(Answer::json(chat_whole("up-first", 100, 40, 10)));
    first.then(Answer::events(events(CHAT, "up-first")));
    first.then(Answer::error(503, "{}"));
    first.then(Answer::error(429, "{}").header("retry-after", "60"));
    second.always(|_| Answer::json(whole(CHAT, "up-second")));
    for body in [
        ask("team"),
        ask_stream("team"),
        ask("team"),
        ask("team"),
        ask("team"),
    ] {
        let reply = Reply::of(app.chat(&user.key, body)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    app
}

/// One backend, which has failed once, behind the given `dashboard` section.
async fn failed_once(rest: &'static str) -> (TestApp, Upstream) {
    let upstream = Upstream::start().await;
    let setup = Setup {
        rest,
        ..Setup::backends([backend(CHAT, "first", &upstream.url(), "")])
    };
    let app = TestApp::start(setup).await;
    let user = app.user().await;
    upstream.then(Answer::error(503, "{}"));
    let reply = Reply::of(app.chat(&user.key, ask("up-first"))).await;
    assert!(reply.status >= 500, "{}", reply.text());
    (app, upstream)
}

#[tokio::test]
async fn status_is_shown_to_strangers_only_where_that_is_set() {
    let anonymous = async |app: &TestApp| Reply::of(app.request(Method::GET, "/status")).await;

    let (app, _upstream) = failed_once("").await;
    assert_eq!(anonymous(&app).await.status, 401);
    let closed = Reply::of(app.call("/_fn/status", &[])).await;
    assert_eq!(closed.status, 401, "{}", closed.text());

    let (app, upstream) = failed_once("dashboard: { public_status: true }\n").await;
    let reply = anonymous(&app).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let shown = reply.json();
    assert_eq!(
        shown["config"]["openai"]["providers"],
        json!([{ "name": "first", "priority": 1 }])
    );
    let statistics = &shown["statistics"]["providers"]["first"];
    assert_eq!(statistics["total_requests"], 1);
    assert!(statistics["last_error_time"].is_string());
    assert!(statistics.get("last_error").is_none());
    for hidden in [upstream.url().as_str(), "sk-", "up-first", "http"] {
        assert!(!reply.text().contains(hidden), "{hidden}: {}", reply.text());
    }

    // A credential is judged, not overlooked; and an administrator still sees all.
    assert_eq!(app.get("/status", "sk-wrong").await.status, 401);
    let wrong = app
        .request(Method::GET, "/status")
        .header("x-api-key", "sk-wrong");
    assert_eq!(Reply::of(wrong).await.status, 401);
    let whole = get(&app, "/status").await;
    assert_eq!(
        whole["config"]["openai"]["providers"][0]["base_url"],
        upstream.url()
    );
    assert!(whole["statistics"]["providers"]["first"]["last_error"].is_string());
    // The page for people shows as little.
    let stranger = async |path: &str, form: &[(&str, &str)]| {
        Reply::of(app.call(&format!("/_fn/{path}"), form)).await
    };
    let day = [("hours", "24"), ("measure", "requests")];
    let page = Reply::of(app.request(Method::GET, "/web")).await;
    let shown = [
        stranger("status", &[]).await,
        stranger("status/activity", &day).await,
        page,
    ];
    for reply in &shown {
        assert_eq!(reply.status, 200, "{}", reply.text());
        for hidden in [upstream.url().as_str(), "sk-", "up-first", "503"] {
            assert!(!reply.text().contains(hidden), "{hidden}: {}", reply.text());
        }
    }
    let status = shown[0].json();
    assert_eq!(status["backends"][0]["name"], "first");
    assert_eq!(status["backends"][0]["state"], "failing");
    assert!(shown[1].text().contains("<svg"), "{}", shown[1].text());
    assert!(shown[2].text().contains("Some backends fail"));
    // The other pages stay the administrators'.
    for path in ["/metrics", "/backend/info", "/analytics/summary"] {
        assert_eq!(
            Reply::of(app.request(Method::GET, path)).await.status,
            401,
            "{path}"
        );
    }
}

#[tokio::test]
async fn status_tells_what_each_backend_did() {
    let app = busy().await;
    let status = get(&app, "/status").await;
    let openai = &status["config"]["openai"];
    assert_eq!(
        (&openai["enabled"], &openai["provider_count"]),
        (&json!(true), &json!(2))
    );
    assert_eq!(openai["providers"][0]["name"], "first");
    assert_eq!(status["config"]["anthropic"]["enabled"], false);
    let first = &status["statistics"]["providers"]["first"];
    assert_eq!(first["total_requests"], 4);
    assert_eq!(first["in_progress_requests"], 0);
    assert_eq!(first["success_rate"], 0.5);
    assert_eq!(first["last_error"], "answered 429");
    let limits = &first["rate_limits"];
    assert_eq!(
        (&limits["total"], &limits["recent"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&limits["cooldown_count"], &limits["in_cooldown"]),
        (&json!(1), &json!(true))
    );
    let remaining = limits["cooldown_remaining_seconds"]
        .as_f64()
        .expect("a number");
    assert!((50.0..=60.0).contains(&remaining), "{remaining}");
    assert!(limits["last_cooldown_start_time"].is_string());
    assert_eq!(first["non_streaming"]["requests"], 1);
    assert_eq!(first["streaming"]["requests"], 1);
    assert!(first["streaming"]["average_total_latency_ms"].is_number());

    let metrics = app.get("/metrics", MASTER_KEY).await;
    assert!(metrics.header("content-type").starts_with("text/plain"));
    for line in [
        "llm_router_provider_requests_total{provider_type=\"openai\",provider=\"first\"} 4",
        "llm_router_provider_requests_failed_total{provider_type=\"openai\",provider=\"first\"} 2",
        &format!(
            "llm_router_provider_cached_tokens_total{{provider_type=\"openai\",provider=\"first\"}} {}",
            40 + cached_of_stream()
        ),
        "llm_router_provider_rate_limits_total{provider_type=\"openai\",provider=\"first\"} 1",
        "llm_router_provider_in_cooldown{provider_type=\"openai\",provider=\"second\"} 0",
        "llm_router_requests_total{provider_type=\"openai\"} 7",
    ] {
        assert!(
            metrics.text().lines().any(|l| l == line),
            "{line}\n{}",
            metrics.text()
        );
    }
    // Each figure is announced once.
    let mut announced: Vec<&str> = metrics
        .text()
        .lines()
        .filter(|l| l.starts_with("# TYPE"))
        .collect();
    let all = announced.len();
    announced.sort_unstable();
    announced.dedup();
    assert_eq!(announced.len(), all);
}

#[tokio::test]
async fn the_routers_own_pages_tell_failovers_and_windows() {
    let app = busy().await;
    let stats = get(&app, "/router/stats").await;
    assert_eq!(stats["total_requests"], 5);
    // One failed, one was refused; the last found the window full or the key resting.
    assert_eq!(stats["total_failovers"], 2);
    assert_eq!(stats["failover_rate"], 0.4);
    assert_eq!(stats["configured_services"], 3);
    assert_eq!(stats["service_order"], json!(["first", "second", "demo"]));
    assert_eq!(stats["service_stats"]["first"]["failures"], 2);
    let window = &stats["rate_limiting"]["first"];
    assert_eq!(window["rate_limit"], "4/60s");
    assert_eq!(
        (&window["current_requests"], &window["remaining_quota"]),
        (&json!(4), &json!(0))
    );
    assert_eq!(window["is_rate_limited"], true);
    let limits = get(&app, "/router/rate-limits").await;
    assert_eq!(limits["rate_limits"]["first"]["rate_limit"], "4/60s");
    assert_eq!(limits["rate_limits"]["second"]["is_rate_limited"], false);
    let health = get(&app, "/router/health").await;
    assert_eq!(health["status"], "degraded", "{health}");
    assert_eq!(health["services"]["second"]["status"], "healthy");
    assert_eq!(health["services"]["first"]["status"], "unhealthy");
    let info = get(&app, "/backend/info").await;
    assert_eq!(info["services"][0]["models"], json!(["up-first"]));

    app.admin(Method::POST, "/router/reset-stats", json!({}))
        .await;
    let stats = get(&app, "/router/stats").await;
    assert_eq!(
        (&stats["total_requests"], &stats["total_failovers"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(
        stats["rate_limiting"]["first"]["remaining_quota"], 0,
        "that is no statistic"
    );
}

#[tokio::test]
async fn analytics_are_zero_filled_and_say_what_they_expect() {
    let app = busy().await;
    let rows = get(&app, "/analytics/requests?interval=hour&hours=3").await;
    let rows = rows.as_array().expect("rows");
    assert_eq!(rows.len(), 4, "the hour that has begun as well");
    assert_eq!(
        rows[0],
        json!({"timestamp": "2026-11-18T09:00:00Z", "count": 0})
    );
    assert_eq!(
        rows[3],
        json!({"timestamp": "2026-11-18T12:00:00Z", "count": 5})
    );
    let minutes = get(
        &app,
        "/analytics/requests?interval=minute&hours=1&provider_type=openai",
    )
    .await;
    let minutes = minutes.as_array().expect("rows");
    assert_eq!(minutes.len(), 61);
    assert_eq!(minutes[60]["count"], 5);
    let none = get(&app, "/analytics/requests?provider_type=anthropic").await;
    assert!(
        none.as_array()
            .expect("rows")
            .iter()
            .all(|row| row["count"] == 0)
    );
    let tokens = get(&app, "/analytics/tokens?interval=day&hours=24").await;
    let today = tokens
        .as_array()
        .expect("rows")
        .last()
        .expect("today")
        .clone();
    assert_eq!(
        today["cached_tokens"].as_u64(),
        Some(40 + 3 * cached_of_whole() + cached_of_stream())
    );
    assert_eq!(
        today["total_tokens"].as_u64(),
        Some(
            today["input_tokens"].as_u64().unwrap_or(0)
                + today["output_tokens"].as_u64().unwrap_or(0)
        )
    );
    let summary = get(&app, "/analytics/summary?hours=1").await;
    assert_eq!(summary.as_array().map(Vec::len), Some(2));
    let first = &summary[0];
    assert_eq!(
        (&first["provider_name"], &first["request_count"]),
        (&json!("first"), &json!(2))
    );
    assert_eq!(
        (&first["streaming_count"], &first["non_streaming_count"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(first["min_timestamp"], "2026-11-18T12:00:00Z");
    let since = get(&app, "/analytics/summary?from_utc=2026-11-18T11:00:00").await;
    assert_eq!(since, summary);
    for (wrong, expected) in [
        ("requests?interval=week", "minute, hour or day"),
        ("requests?hours=0", "from 1 to 720"),
        ("tokens?hours=721", "from 1 to 720"),
        ("tokens?provider_type=azure", "openai, anthropic"),
        ("summary?hours=1&from_utc=2026-11-18T11:00:00Z", "not both"),
        ("summary?from_utc=yesterday", "2026-"),
    ] {
        let reply = app.get(&format!("/analytics/{wrong}"), MASTER_KEY).await;
        assert_eq!(reply.status, 400, "{wrong}");
        assert!(reply.text().contains(expected), "{wrong}: {}", reply.text());
    }
}

/// What the usual answers of an upstream read from its cache.
fn cached_of_whole() -> u64 {
    let body: Value = serde_json::from_str(&whole(CHAT, "m")).expect("JSON");
    body["usage"]["prompt_tokens_details"]["cached_tokens"]
        .as_u64()
        .unwrap_or(0)
}

fn cached_of_stream() -> u64 {
    let all = events(CHAT, "m").concat();
    let usage = all.lines().filter_map(|line| {
        let event: Value = serde_json::from_str(line.strip_prefix("data: ")?).ok()?;
        event["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64()
    });
    usage.max().unwrap_or(0)
}

#[tokio::test]
async fn keys_are_shown_masked_with_what_they_were_used_for() {
    let setup = Setup {
        auth: "keys: [sk-from-the-file-0123456789], ",
        ..Setup::default()
    };
    let app = TestApp::start(setup).await;
    let key = "sk-from-the-file-0123456789";
    for model in ["demo", "demo", "demo-500"] {
        Reply::of(app.chat(key, ask(model))).await;
    }
    let status = get(&app, "/auth/status").await;
    assert_eq!(
        (&status["auth_enabled"], &status["active_keys"]),
        (&json!(true), &status["total_keys"])
    );
    let metrics = get(&app, "/auth/metrics").await;
    assert!(!metrics.to_string().contains(key));
    let rows = metrics["keys"].as_array().expect("keys");
    let row = rows
        .iter()
        .find(|row| row["label"] == "auth.keys[0]")
        .expect("the key");
    assert_eq!(
        (&row["total_requests"], &row["failed_requests"]),
        (&json!(3), &json!(1))
    );
    assert!(
        row["key"]
            .as_str()
            .is_some_and(|masked| masked.contains('…'))
    );
    app.clock.advance_ms(1);
    app.admin(Method::POST, "/auth/reset-metrics", json!({}))
        .await;
    let metrics = get(&app, "/auth/metrics").await;
    assert_eq!(metrics["total_requests"], 0);
    let reloaded = app
        .admin(Method::POST, "/auth/reload-keys", json!({}))
        .await;
    assert_eq!(reloaded["active_keys"], status["active_keys"]);
}

#[tokio::test]
async fn the_log_of_requests_is_filtered_and_paged() {
    let app = busy().await;
    let log = get(&app, "/admin/analytics/requests?limit=2").await;
    assert_eq!(
        (&log["total"], &log["limit"], &log["offset"]),
        (&json!(5), &json!(2), &json!(0))
    );
    let rows = log["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["routed_model"], "up-second");
    assert_eq!(rows[0]["local_date"], "2026-11-18");
    let failed_over = get(&app, "/admin/analytics/requests?offset=2&limit=1").await;
    let row = &failed_over["rows"][0];
    assert_eq!(row["attempts"], 2);
    assert_eq!(row["route"]["attempts"][0]["error"], "answered 503");
    for (filter, count) in [
        ("q=TEA", 5),
        ("q=up-first", 2),
        ("q=100%25", 0),
        ("date=2026-11-18", 5),
        ("date=2026-11-17", 0),
        ("month=2026-11&endpoint=/v1/chat/completions", 5),
        ("endpoint=/v1/messages", 0),
        ("userId=999", 0),
        ("detailLogged=true", 0),
    ] {
        let log = get(&app, &format!("/admin/analytics/requests?{filter}")).await;
        assert_eq!(log["total"], count, "{filter}");
    }
    for wrong in ["date=today", "month=13", "endpoint=/x"] {
        let reply = app
            .get(&format!("/admin/analytics/requests?{wrong}"), MASTER_KEY)
            .await;
        assert_eq!(reply.status, 400, "{wrong}");
    }
    let usage = get(&app, "/admin/analytics/usage?month=2026-11").await;
    assert_eq!(usage["total_requests"], 5);
    assert_eq!(usage["by_model"][0]["model"], "team");
    let summary = get(&app, "/admin/dashboard/summary").await;
    assert_eq!(summary["today"]["total_requests"], 5);
    assert_eq!(
        (&summary["backends"], &summary["resting_backends"]),
        (&json!(3), &json!(1))
    );
}
