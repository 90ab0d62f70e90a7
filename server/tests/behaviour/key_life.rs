//! What becomes of a key: rotated with both secrets working for a while, revoked for good, bound to
//! addresses and backends.

use domain::Dialect;
use http::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, MASTER_KEY, Reply, Setup, TestApp, Upstream, ask, backend, chat_whole, whole,
};

const HOUR: i64 = 3_600_000;

async fn knock(app: &TestApp, key: &str) -> (u16, String) {
    let reply = Reply::of(app.chat(key, ask("demo"))).await;
    match reply.status {
        200 => (200, String::new()),
        status => (status, reply.error_message()),
    }
}

async fn rotate(app: &TestApp, id: i64, overlap: Value) -> String {
    let path = format!("/admin/keys/{id}/rotate");
    let rotated = app.admin(Method::POST, &path, overlap).await;
    rotated["key"].as_str().expect("a key").to_owned()
}

#[tokio::test]
async fn both_secrets_work_until_the_chosen_time() {
    let app = TestApp::demo().await;
    let user = app.user().await;
    let id = app.key_id(&user).await;
    let new = rotate(&app, id, json!({"overlap_seconds": 3600})).await;
    for key in [&user.key, &new] {
        assert_eq!(knock(&app, key).await.0, 200);
    }
    let path = format!("/admin/users/{}/keys", user.id);
    let keys = app.admin(Method::GET, &path, json!({})).await;
    let old = &keys[0]["retiring"]["key"];
    assert!(
        old.as_str()
            .expect("masked")
            .ends_with(&user.key[user.key.len() - 4..])
    );
    // It is one key: what both spent is counted together, under one id.
    let rows = app.ledger().rows().await;
    assert!(rows.iter().all(|row| row.key_id == Some(id)));

    app.clock.advance_ms(HOUR);
    let replaced =
        "this API key was replaced by a new one, and the time for which both worked is over";
    assert_eq!(knock(&app, &user.key).await, (401, replaced.to_owned()));
    assert_eq!(knock(&app, &new).await.0, 200);
    // Without overlap the old one ends at once, and nobody knows it any more.
    let newest = rotate(&app, id, json!({})).await;
    assert_eq!(knock(&app, &new).await, (401, "invalid API key".to_owned()));
    assert_eq!(knock(&app, &newest).await.0, 200);
}

#[tokio::test]
async fn a_rotated_key_keeps_its_limits_and_their_counters() {
    let app = TestApp::demo().await;
    let user = app.user().await;
    let id = app.key_id(&user).await;
    let path = format!("/admin/keys/{id}");
    app.admin(Method::PATCH, &path, json!({"requests_per_minute": 2}))
        .await;
    assert_eq!(knock(&app, &user.key).await.0, 200);
    let new = rotate(&app, id, json!({"overlap_seconds": 60})).await;
    assert_eq!(knock(&app, &new).await.0, 200);
    assert_eq!(knock(&app, &user.key).await.0, 429);
}

#[tokio::test]
async fn a_revoked_key_never_comes_back() {
    let app = TestApp::demo().await;
    let user = app.user().await;
    let id = app.key_id(&user).await;
    let new = rotate(&app, id, json!({"overlap_seconds": 3600})).await;
    app.admin(Method::POST, &format!("/admin/keys/{id}/revoke"), json!({}))
        .await;
    for key in [&user.key, &new] {
        let expected = (401, "this API key was revoked".to_owned());
        assert_eq!(knock(&app, key).await, expected);
    }
    for (method, path, body) in [
        (
            Method::PATCH,
            format!("/admin/keys/{id}"),
            json!({"active": true}),
        ),
        (Method::POST, format!("/admin/keys/{id}/rotate"), json!({})),
        (Method::POST, format!("/admin/keys/{id}/revoke"), json!({})),
    ] {
        let request = app
            .request(method, &path)
            .bearer_auth(MASTER_KEY)
            .json(&body);
        let reply = Reply::of(request).await;
        assert_eq!(reply.status, 409, "{path}: {}", reply.text());
    }
    let path = format!("/admin/users/{}/keys", user.id);
    let keys = app.admin(Method::GET, &path, json!({})).await;
    assert_eq!(keys[0]["status"], "revoked");
}

#[tokio::test]
async fn a_key_is_bound_to_addresses_and_only_trusted_proxies_are_believed() {
    let bound = async |server: &'static str, range: &str, forwarded: Option<&str>| {
        let setup = Setup {
            server,
            ..Setup::default()
        };
        let app = TestApp::start(setup).await;
        let user = app.user().await;
        let path = format!("/admin/keys/{}", app.key_id(&user).await);
        app.admin(Method::PATCH, &path, json!({"allowed_addresses": [range]}))
            .await;
        let mut request = app.chat(&user.key, ask("demo"));
        if let Some(forwarded) = forwarded {
            request = request.header("x-forwarded-for", forwarded);
        }
        let reply = Reply::of(request).await;
        match reply.status {
            200 => String::new(),
            status => {
                assert_eq!(status, 403);
                reply.error_message()
            }
        }
    };
    assert_eq!(bound("", "127.0.0.1", None).await, "");
    let refused = bound("", "203.0.113.0/24", None).await;
    assert_eq!(refused, "this API key may not be used from 127.0.0.1");
    // Anybody can write the header.
    let forged = bound("", "203.0.113.0/24", Some("203.0.113.7")).await;
    assert_eq!(forged, "this API key may not be used from 127.0.0.1");
    let trusting = "trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]";
    assert_eq!(
        bound(trusting, "203.0.113.0/24", Some("203.0.113.7")).await,
        ""
    );
    let through_two = Some("203.0.113.7, 10.1.2.3");
    assert_eq!(bound(trusting, "203.0.113.0/24", through_two).await, "");
    // What a client puts in front of what the proxy appends is not believed.
    let in_front = Some("203.0.113.7, 198.51.100.1");
    let refused = bound(trusting, "203.0.113.0/24", in_front).await;
    assert_eq!(refused, "this API key may not be used from 198.51.100.1");
    let nonsense = bound(trusting, "203.0.113.0/24", Some("unknown")).await;
    assert_eq!(
        nonsense,
        "this API key may not be used from an unknown address"
    );
}

#[tokio::test]
async fn a_key_reaches_the_backends_that_it_is_allowed() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    first.always(|_| Answer::json(chat_whole("up-a", 10, 0, 5)));
    second.always(|_| Answer::json(whole(Dialect::AnthropicMessages, "up-b")));
    let app = TestApp::with([
        backend(Dialect::OpenaiChat, "a", &first.url(), ""),
        backend(Dialect::AnthropicMessages, "b", &second.url(), ""),
    ])
    .await;
    let user = app.user().await;
    let path = format!("/admin/keys/{}", app.key_id(&user).await);
    app.admin(
        Method::PATCH,
        &path,
        json!({"allowed_backends": ["b"], "tags": ["ci"]}),
    )
    .await;
    let reply = Reply::of(app.chat(&user.key, ask("asked"))).await;
    assert_eq!((reply.status, reply.header("x-provider")), (200, "b"));
    assert_eq!(
        Reply::of(app.chat(&user.key, ask("up-a"))).await.status,
        404
    );
    let models = app.get("/v1/models", &user.key).await.json();
    let names: Vec<&str> = models["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|model| model["id"].as_str())
        .collect();
    assert_eq!(names, ["asked", "up-b"]);
}

#[tokio::test]
async fn mistakes_in_a_key_are_told_by_their_field() {
    let app = TestApp::demo().await;
    let user = app.user().await;
    let path = format!("/admin/users/{}/keys", user.id);
    for (body, words) in [
        (
            json!({"allowed_addresses": ["10.0.0.0/99"]}),
            "Allowed addresses must be addresses",
        ),
        (
            json!({"daily_budget": -1}),
            "Daily budget must not be negative",
        ),
        (
            json!({"soft_monthly_budget": "two"}),
            "Monthly warning must be an amount",
        ),
        (
            json!({"tags": ["x".repeat(51)]}),
            "Tags must have at most 50 characters",
        ),
        (json!({"expires_at": 5}), "Expiry must lie in the future"),
    ] {
        let request = app.request(Method::POST, &path).bearer_auth(MASTER_KEY);
        let reply = Reply::of(request.json(&body)).await;
        let message = reply.json()["error"].as_str().expect("words").to_owned();
        assert_eq!(reply.status, 400, "{body}: {message}");
        assert!(message.starts_with(words), "{message}");
    }
}

#[tokio::test]
async fn a_users_key_is_regenerated_and_the_old_one_ends_at_once() {
    let app = TestApp::demo().await;
    let ada = app.user().await;
    let path = format!("/admin/users/{}", ada.id);
    let regenerate = format!("{path}/regenerate-api-key");
    let made = app.admin(Method::POST, &regenerate, json!({})).await;
    let new = made["api_key"].as_str().expect("a key");
    assert_eq!(made["key_id"], app.key_id(&ada).await);
    let status = async |key: &str| Reply::of(app.chat(key, ask("demo"))).await.status;
    assert_eq!((status(new).await, status(&ada.key).await), (200, 401));
    // Who has none that works gets one.
    let key = format!("/admin/keys/{}", made["key_id"]);
    app.admin(Method::DELETE, &key, json!({})).await;
    let made = app.admin(Method::POST, &regenerate, json!({})).await;
    assert_eq!(status(made["api_key"].as_str().expect("a key")).await, 200);
}

#[tokio::test]
async fn a_user_is_shown_and_replaced_in_a_forerunners_words() {
    let app = TestApp::demo().await;
    let ada = app.user().await;
    let path = format!("/admin/users/{}", ada.id);
    let body = json!({"name": "Ada L.", "email": "ada@example.com", "is_active": false});
    let changed = app.admin(Method::PUT, &path, body).await;
    let shown = app.admin(Method::GET, &path, json!({})).await;
    assert_eq!(changed, shown);
    for (member, expected) in [
        ("name", json!("Ada L.")),
        ("email", json!("ada@example.com")),
        ("is_active", json!(false)),
        ("active", json!(false)),
    ] {
        assert_eq!(shown[member], expected, "{member}");
    }
    let cleared = app.admin(Method::PUT, &path, json!({"email": null})).await;
    assert_eq!(
        (&cleared["email"], &cleared["name"]),
        (&json!(null), &json!("Ada L."))
    );
}
