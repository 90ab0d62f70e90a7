//! Who may call: each reason to be refused has words of its own, and a change is in force before the
//! admin who made it is told so.

use domain::Dialect;
use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, DIALECTS, MASTER_KEY, Reply, Setup, TestApp, User, ask, whole};

/// How the server answers a key.
async fn knock(app: &TestApp, key: &str) -> Result<(), String> {
    let reply = Reply::of(app.chat(key, ask("demo"))).await;
    let models = app.get("/v1/models", key).await;
    assert_eq!(reply.status, models.status);
    match reply.status {
        200 => Ok(()),
        401 => {
            assert_eq!(models.error_message(), reply.error_message());
            Err(reply.error_message())
        }
        status => panic!("{status}: {}", reply.text()),
    }
}

fn refused(words: &str) -> Result<(), String> {
    Err(words.to_owned())
}

#[tokio::test]
async fn each_reason_has_its_own_words_and_holds_at_once() {
    let app = TestApp::demo().await;
    let user = app.user().await;
    let key = format!("/admin/keys/{}", app.key_id(&user).await);
    let owner = format!("/admin/users/{}", user.id);
    assert_eq!(knock(&app, &user.key).await, Ok(()));
    assert_eq!(
        knock(&app, "sk-lr-unknown").await,
        refused("invalid API key")
    );
    for (path, words) in [
        (&key, "this API key is disabled"),
        (&owner, "the owner of this API key is disabled"),
    ] {
        let set = |active: bool| app.admin(Method::PATCH, path, json!({"is_active": active}));
        set(false).await;
        assert_eq!(knock(&app, &user.key).await, refused(words));
        set(true).await;
        assert_eq!(knock(&app, &user.key).await, Ok(()));
    }
    app.admin(Method::DELETE, &key, json!({})).await;
    assert_eq!(knock(&app, &user.key).await, refused("invalid API key"));
}

#[tokio::test]
async fn a_key_can_be_named_by_itself_and_dies_with_its_owner() {
    let app = TestApp::demo().await;
    let user = app.user().await;
    let path = format!("/admin/keys/{}", user.key);
    app.admin(Method::PATCH, &path, json!({"active": false}))
        .await;
    assert_eq!(
        knock(&app, &user.key).await,
        refused("this API key is disabled")
    );
    app.admin(Method::PATCH, &path, json!({"active": true}))
        .await;
    assert_eq!(knock(&app, &user.key).await, Ok(()));
    app.admin(
        Method::DELETE,
        &format!("/admin/users/{}", user.id),
        json!({}),
    )
    .await;
    assert_eq!(knock(&app, &user.key).await, refused("invalid API key"));
}

async fn second_key(app: &TestApp, user: &User, body: Value) -> String {
    let path = format!("/admin/users/{}/keys", user.id);
    let made = app.admin(Method::POST, &path, body).await;
    made["key"].as_str().expect("a key").to_owned()
}

#[tokio::test]
async fn a_key_expires() {
    let app = TestApp::demo().await;
    let user = app.user().await;
    let in_an_hour = domain::clock::Clock::now(&*app.clock).0 + 3_600_000;
    let key = second_key(&app, &user, json!({"expires_at": in_an_hour})).await;
    assert_eq!(knock(&app, &key).await, Ok(()));
    app.clock.advance_ms(3_600_000);
    assert_eq!(knock(&app, &key).await, refused("this API key has expired"));
    assert_eq!(knock(&app, &user.key).await, Ok(()));
}

#[tokio::test]
async fn a_missing_key_is_told_how_to_send_one() {
    let app = TestApp::demo().await;
    for dialect in DIALECTS {
        let path = match dialect {
            Dialect::OpenaiChat => "/v1/chat/completions",
            _ => "/v1/messages",
        };
        let nothing = app.request(Method::POST, path);
        let empty = app.request(Method::POST, path).header("x-api-key", "");
        let basic = app
            .request(Method::POST, path)
            .basic_auth("ada", Some("pw"));
        for request in [nothing, empty, basic] {
            let reply = Reply::of(request.body(ask("demo"))).await;
            assert_eq!(reply.status, 401);
            assert_eq!(
                reply.error_message(),
                "no API key: send it as \"Authorization: Bearer <key>\" or \"x-api-key: <key>\""
            );
            let error = &reply.json()["error"];
            match dialect {
                Dialect::OpenaiChat => assert_eq!(error["code"], "missing_api_key"),
                _ => assert_eq!(error["type"], "authentication_error"),
            }
        }
    }
    assert!(app.ledger().rows().await.is_empty());
}

#[tokio::test]
async fn a_key_comes_in_either_header_or_in_a_configured_one() {
    let setup = Setup {
        auth: "header_name: X-Our-Key",
        ..Setup::default()
    };
    let app = TestApp::start(setup).await;
    let user = app.user().await;
    for path in ["/v1/chat/completions", "/v1/messages"] {
        for key in [user.key.as_str(), MASTER_KEY] {
            let ways = [
                ("authorization", format!("Bearer {key}")),
                ("authorization", format!("bearer  {key} ")),
                ("x-api-key", key.to_owned()),
                ("x-our-key", key.to_owned()),
                ("x-our-key", format!("Bearer {key}")),
            ];
            for (name, value) in ways {
                let request = app.request(Method::POST, path).header(name, &value);
                let reply = Reply::of(request.body(ask("demo"))).await;
                assert_eq!(reply.status, 200, "{path} {name} {}", reply.text());
            }
        }
    }
    let rows = app.ledger().rows().await;
    let of_the_master = rows.iter().filter(|row| row.user_id.is_none());
    assert_eq!((rows.len(), of_the_master.count()), (20, 10));
}

#[tokio::test]
async fn without_authentication_anybody_may_call() {
    let setup = Setup {
        auth: "enabled: false",
        ..Setup::default()
    };
    let app = TestApp::start(setup).await;
    let request = app.request(Method::POST, "/v1/messages");
    let reply = Reply::of(request.body(ask("demo"))).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    // The admin's API is not part of that.
    let users = app.request(Method::GET, "/admin/users");
    assert_eq!(Reply::of(users).await.status, 401);
}

#[tokio::test]
async fn the_third_request_of_a_minute_is_too_many_for_two() {
    for dialect in DIALECTS {
        let (app, upstream) = TestApp::one(dialect).await;
        upstream.always(move |_| Answer::json(whole(dialect, "up-main")));
        let user = app.user().await;
        let path = format!("/admin/keys/{}", app.key_id(&user).await);
        let limit = json!({"requests_per_minute": 2});
        app.admin(Method::PATCH, &path, limit).await;
        let call = || Reply::of(app.ask(dialect, &user.key, ask("asked")));
        assert_eq!([call().await.status, call().await.status], [200, 200]);
        let refused = call().await;
        assert_eq!(refused.status, 429);
        let wait: u64 = refused.header("retry-after").parse().expect("seconds");
        assert!((50..=60).contains(&wait), "{wait}");
        let expected =
            format!("this API key may make 2 requests per minute; try again in {wait} s");
        assert_eq!(refused.error_message(), expected);
        // Other keys have windows of their own, and a higher limit holds at once.
        let other = second_key(&app, &user, json!({})).await;
        let others = Reply::of(app.ask(dialect, &other, ask("asked"))).await;
        assert_eq!(others.status, 200);
        let limit = json!({"requests_per_minute": 3});
        app.admin(Method::PATCH, &path, limit).await;
        assert_eq!([call().await.status, call().await.status], [200, 429]);
        assert_eq!(upstream.received().len(), 4);
    }
}

#[tokio::test]
async fn a_default_limit_is_for_keys_without_one() {
    let setup = Setup {
        rest: "limits: { requests_per_minute: 1 }\n",
        ..Setup::default()
    };
    let app = TestApp::start(setup).await;
    let user = app.user().await;
    let own = second_key(&app, &user, json!({"requests_per_minute": 2})).await;
    let call = |key: &str| {
        let request = app.chat(key, ask("demo"));
        async { Reply::of(request).await.status }
    };
    assert_eq!([call(&user.key).await, call(&user.key).await], [200, 429]);
    assert_eq!(
        [call(&own).await, call(&own).await, call(&own).await],
        [200, 200, 429]
    );
    assert_eq!([call(MASTER_KEY).await, call(MASTER_KEY).await], [200, 200]);
}

fn names(models: &Value) -> Vec<&str> {
    let data = models["data"].as_array().expect("a list");
    data.iter()
        .filter_map(|model| model["id"].as_str())
        .collect()
}

#[tokio::test]
async fn a_key_sees_and_uses_the_models_that_it_is_allowed() {
    let app = TestApp::demo().await;
    let user = app.user().await;
    let allowed = json!({"allowed_models": ["demo", "demo-cut"]});
    let key = second_key(&app, &user, allowed).await;
    let all = app.get("/v1/models", &user.key).await.json();
    assert_eq!(
        names(&all),
        ["demo", "demo-429", "demo-500", "demo-cut", "demo-slow"]
    );
    assert_eq!(
        (&all["object"], &all["data"][0]["object"]),
        (&json!("list"), &json!("model"))
    );
    let few = app.get("/v1/models", &key).await.json();
    assert_eq!(names(&few), ["demo", "demo-cut"]);

    let anthropic = app
        .request(Method::GET, "/v1/models?limit=1000")
        .header("anthropic-version", "2023-06-01")
        .header("x-api-key", &key);
    let list = Reply::of(anthropic).await.json();
    assert_eq!(names(&list), ["demo", "demo-cut"]);
    assert_eq!(
        (&list["last_id"], &list["data"][0]["type"]),
        (&json!("demo-cut"), &json!("model"))
    );

    assert_eq!(app.get("/v1/models/demo", &key).await.json()["id"], "demo");
    assert_eq!(app.get("/v1/models/demo-slow", &key).await.status, 404);
    for model in ["demo-slow", "demo/demo-slow", "demo-slow|demo-429"] {
        let reply = Reply::of(app.chat(&key, ask(model))).await;
        assert_eq!(reply.status, 404, "{model}: {}", reply.text());
        assert!(
            !reply.text().contains("did you mean \"demo-slow\""),
            "{}",
            reply.text()
        );
    }
    // Of several names the first that is allowed is taken.
    let reply = Reply::of(app.chat(&key, ask("demo-slow|demo"))).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn the_list_of_models_is_public_where_the_operator_says_so() {
    let closed = TestApp::demo().await;
    let list = |app: &TestApp| Reply::of(app.request(Method::GET, "/v1/models"));
    assert_eq!(list(&closed).await.status, 401);
    let setup = Setup {
        auth: "public_models: true",
        ..Setup::default()
    };
    let open = TestApp::start(setup).await;
    assert_eq!(names(&list(&open).await.json()).len(), 5);
    assert_eq!(open.get("/v1/models", "sk-wrong").await.status, 401);
    let call = open.request(Method::POST, "/v1/chat/completions");
    assert_eq!(Reply::of(call.body(ask("demo"))).await.status, 401);
}
