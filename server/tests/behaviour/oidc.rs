//! Signing in by an OpenID provider: who gets in as whom, and everything that must not get in.

use control::ProfileInput;
use domain::{Role, UserId};
use http::Method;
use serde_json::{Value, json};

use crate::support::{
    Asked, CLIENT_ID, CLIENT_SECRET, MASTER_KEY, OpenIdProvider, Reply, Session, Setup, TestApp,
    signed,
};

struct House {
    app: TestApp,
    provider: OpenIdProvider,
}

impl House {
    /// `more` are further keys of `auth.oidc`, each with a comma before it.
    async fn with(more: &str) -> Self {
        Self::on("", more).await
    }

    async fn on(server: &'static str, more: &str) -> Self {
        let provider = OpenIdProvider::start().await;
        let auth = format!(
            "oidc: {{ issuer: {:?}, client_id: {CLIENT_ID}, client_secret: {CLIENT_SECRET:?}, \
             name: Example ID{more} }}",
            provider.issuer()
        );
        let setup = Setup {
            server,
            auth: auth.leak(),
            ..Setup::default()
        };
        let app = TestApp::start(setup).await;
        Self { app, provider }
    }

    /// Presses the button: the session, and what the provider is asked.
    async fn start(&self, next: &str) -> (Session, Asked) {
        let path = format!("/auth/oidc/start?next={}", app::url::encode(next));
        let reply = Reply::of(self.app.request(Method::GET, &path)).await;
        let location = reply.header("location");
        let provider = format!("{}/authorize?", self.provider.issuer());
        assert!(location.starts_with(&provider), "{location}");
        (cookie_of(&reply), Asked::of(location))
    }

    /// Comes back from the provider.
    async fn back(&self, session: &Session, query: &str) -> Reply {
        let path = format!("/auth/oidc/callback?{query}");
        let request = self.app.request(Method::GET, &path);
        let reply = Reply::of(request.header("cookie", &session.0)).await;
        assert_eq!(reply.header("cache-control"), "no-store");
        reply
    }

    /// What a good ID token says of `subject`.
    fn claims(&self, asked: &Asked, subject: &str) -> Value {
        let now = self.app.state.control.now().0 / 1000;
        json!({
            "iss": self.provider.issuer(), "sub": subject, "aud": CLIENT_ID,
            "iat": now, "exp": now + 300, "nonce": asked.get("nonce"),
        })
    }

    /// The whole way, for somebody of whom the provider says this.
    async fn sign_in(&self, subject: &str, userinfo: Value) -> Reply {
        let (session, asked) = self.start("").await;
        let query = self.consent(&asked, subject, userinfo);
        self.back(&session, &query).await
    }

    fn consent(&self, asked: &Asked, subject: &str, mut userinfo: Value) -> String {
        userinfo["sub"] = subject.into();
        let claims = self.claims(asked, subject);
        self.provider
            .consent_with(asked, &claims, userinfo, |key, header, claims| {
                signed(key, &header, claims)
            })
    }

    /// The way of somebody whose ID token a test has spoilt.
    async fn spoilt(&self, spoil: impl FnOnce(&mut Value)) -> Reply {
        let (session, asked) = self.start("").await;
        let mut claims = self.claims(&asked, "mallory");
        spoil(&mut claims);
        let userinfo = json!({"sub": claims["sub"]});
        let query = self
            .provider
            .consent_with(&asked, &claims, userinfo, |key, header, claims| {
                signed(key, &header, claims)
            });
        self.back(&session, &query).await
    }

    async fn whoami(&self, reply: &Reply) -> Value {
        let session = cookie_of(reply);
        let call = self.app.call("/_fn/whoami", &[]);
        let reply = Reply::of(call.header("cookie", &session.0)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    async fn users(&self) -> Vec<Value> {
        let users = self.app.admin(Method::GET, "/admin/users", json!({})).await;
        users.as_array().cloned().expect("users")
    }

    async fn user(&self, name: &str) -> Value {
        let mut users = self.users().await.into_iter();
        let found = users.find(|user| user["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}"))
    }

    async fn change(&self, name: &str, change: Value) {
        let path = format!("/admin/users/{}", self.user(name).await["id"]);
        self.app.admin(Method::PATCH, &path, change).await;
    }

    /// Back at the sign-in page, which says why, and nobody has come to be.
    async fn assert_refused(&self, reply: &Reply, why: &str, what: &str) {
        assert_eq!(reply.status, 303, "{what}");
        let location = reply.header("location");
        let refused = format!("/login?refused={why}");
        assert!(
            location == refused || location.starts_with(&format!("{refused}&")),
            "{what}: {location}"
        );
        let session = cookie_of(reply);
        let call = self.app.call("/_fn/whoami", &[]);
        let whoami = Reply::of(call.header("cookie", &session.0)).await;
        assert_eq!(whoami.status, 401, "{what}");
    }
}

/// The session's cookie; where none is set, one that opens nothing.
fn cookie_of(reply: &Reply) -> Session {
    Session(
        reply
            .header("set-cookie")
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned(),
    )
}

async fn page(app: &TestApp, path: &str) -> String {
    let request = app.request(Method::GET, path).header("accept", "text/html");
    let reply = Reply::of(request).await;
    assert_eq!(reply.status, 200, "{path}");
    reply.text().to_owned()
}

#[tokio::test]
async fn somebody_new_gets_an_account_without_a_password_and_keeps_it() {
    let house = House::on("public_url: 'https://router.example/llm'", "").await;
    let (_, asked) = house.start("").await;
    assert_eq!(
        asked.get("redirect_uri"),
        "https://router.example/llm/auth/oidc/callback"
    );
    assert_eq!(asked.get("scope"), "openid profile email");

    let ada =
        json!({"preferred_username": "ada", "email": "ada@example.com", "email_verified": true});
    let first = house.sign_in("s-1", ada).await;
    assert_eq!((first.status, first.header("location")), (303, "/user-ui"));
    let me = house.whoami(&first).await;
    assert_eq!((&me["name"], &me["role"]), (&json!("ada"), &json!("user")));
    assert_eq!(me["must_change_password"], false);
    assert_eq!(house.user("ada").await["email"], "ada@example.com");

    // Another name at the provider is the same person here; another subject is not, by whatever name.
    let again = house
        .sign_in("s-1", json!({"preferred_username": "countess"}))
        .await;
    assert_eq!(house.whoami(&again).await["name"], "ada");
    let other = house
        .sign_in("s-2", json!({"preferred_username": "ADA"}))
        .await;
    assert_eq!(house.whoami(&other).await["name"], "ADA-2");
    let posing = house
        .sign_in("s-3", json!({"preferred_username": "admin"}))
        .await;
    let me = house.whoami(&posing).await;
    assert_eq!(
        (&me["name"], &me["role"]),
        (&json!("admin-2"), &json!("user"))
    );

    // There is no password to guess, and none to begin with.
    for password in ["", "ada", "password"] {
        let form = [("name", "ada"), ("password", password), ("next", "")];
        let reply = Reply::of(house.app.call("/_fn/sign-in", &form)).await;
        assert_eq!(reply.status, 422);
    }
    // The provider was asked about itself once.
    assert_eq!(house.provider.asked_for("/jwks"), 1);
}

#[tokio::test]
async fn the_button_is_there_where_a_provider_is() {
    let house = House::with("").await;
    let login = page(&house.app, "/login?next=%2Fuser-ui%2Fkeys").await;
    assert!(login.contains("Sign in with Example ID"));
    assert!(login.contains("/auth/oidc/start?next=%2Fuser-ui%2Fkeys"));
    let refused = page(&house.app, "/login?refused=disabled").await;
    assert!(refused.contains("Your account here is disabled"));
    let forged = page(&house.app, "/login?refused=call-this-number").await;
    assert!(!forged.contains("role=\"alert\"") || !forged.contains("call-this-number<"));

    let without = TestApp::demo().await;
    assert!(!page(&without, "/login").await.contains("Sign in with"));
    for path in ["/auth/oidc/start", "/auth/oidc/callback?code=x&state=y"] {
        let reply = Reply::of(without.request(Method::GET, path)).await;
        assert_eq!(reply.status, 404, "{path}");
    }
}

#[tokio::test]
async fn roles_follow_the_claim_at_each_sign_in() {
    let rule = ", role_claim: realm.groups, role_map: { ops: admin, staff: viewer }";
    let house = House::with(rule).await;
    let groups =
        |groups: &[&str]| json!({"preferred_username": "grace", "realm": {"groups": groups}});
    let admin = house.sign_in("g", groups(&["x", "staff", "ops"])).await;
    assert_eq!(admin.header("location"), "/admin-ui");
    let read = |reply: &Reply, function: &str| {
        let form = [("search", ""), ("show", ""), ("sort", ""), ("page", "1")];
        let call = house.app.call(function, &form);
        call.header("cookie", cookie_of(reply).0)
    };
    assert_eq!(
        Reply::of(read(&admin, "/_fn/admin/users/list"))
            .await
            .status,
        200
    );
    let told = house
        .app
        .get("/admin/audit?action=sign_in", MASTER_KEY)
        .await
        .json();
    assert_eq!(told["rows"][0]["actor"]["name"], "grace");
    assert_eq!(told["rows"][0]["action"], "sign_in");
    assert!(
        told["rows"][0]["after"]
            .to_string()
            .contains(&house.provider.issuer())
    );
    let told = house.app.get("/admin/audit?search=grace", MASTER_KEY).await;
    assert!(told.text().contains("user.create"));

    let viewer = house.sign_in("g", groups(&["staff"])).await;
    assert_eq!(house.whoami(&viewer).await["role"], "viewer");
    let user = house.sign_in("g", groups(&[])).await;
    assert_eq!(
        (
            user.header("location"),
            house.user("grace").await["role"].clone()
        ),
        ("/user-ui", json!("user"))
    );
    // What she has open from before opens no more than that either.
    assert_eq!(
        Reply::of(read(&admin, "/_fn/admin/users/list"))
            .await
            .status,
        403
    );
    let told = house
        .app
        .get("/admin/audit?action=user.update", MASTER_KEY)
        .await
        .json();
    assert_eq!(told["rows"][0]["actor"]["name"], "OpenID Connect");

    // The last admin is not taken away; they have another way in, or another admin makes one.
    house.sign_in("g", groups(&["ops"])).await;
    house.change("admin", json!({"active": false})).await;
    let last = house.sign_in("g", groups(&["staff"])).await;
    house
        .assert_refused(&last, "last-admin", "the last admin")
        .await;
    assert_eq!(house.user("grace").await["role"], "admin");
}

#[tokio::test]
async fn without_a_rule_administrators_decide_about_roles() {
    let house = House::with("").await;
    let grace = || json!({"preferred_username": "grace", "groups": ["admin"], "role": "admin"});
    let first = house.sign_in("g", grace()).await;
    assert_eq!(house.whoami(&first).await["role"], "user");
    let control = &house.app.state.control;
    let master = control.master(MASTER_KEY).expect("the master key");
    let admin = master.admin().expect("an admin");
    let id = house.user("grace").await["id"].as_i64().expect("an id");
    let viewer = ProfileInput {
        name: "grace".to_owned(),
        email: None,
        role: Role::Viewer,
    };
    let changed = control.update_profile(&admin, UserId(id), viewer).await;
    changed.expect("another role");
    let second = house.sign_in("g", grace()).await;
    assert_eq!(house.whoami(&second).await["role"], "viewer");
}

#[tokio::test]
async fn a_sign_in_is_finished_once_in_its_session_and_in_time() {
    let house = House::with("").await;
    // Another state than the one that was begun with, or none.
    let (session, asked) = house.start("").await;
    let query = house.consent(&asked, "a", json!({}));
    let forged = query.replace(asked.get("state"), "another");
    let reply = house.back(&session, &forged).await;
    house.assert_refused(&reply, "expired", "wrong state").await;
    // That was its one try.
    let reply = house.back(&session, &query).await;
    house
        .assert_refused(&reply, "expired", "after a wrong state")
        .await;
    let (session, _) = house.start("").await;
    let reply = house.back(&session, "code=code-1").await;
    house.assert_refused(&reply, "expired", "no state").await;

    // Another browser.
    let (_, asked) = house.start("").await;
    let (stranger, _) = house.start("").await;
    let query = house.consent(&asked, "a", json!({}));
    let reply = house.back(&stranger, &query).await;
    house
        .assert_refused(&reply, "expired", "another session")
        .await;
    let reply = house.back(&Session(String::new()), &query).await;
    house.assert_refused(&reply, "expired", "no session").await;

    // The same once more; and its code with a state that is right.
    let (session, asked) = house.start("").await;
    let query = house.consent(&asked, "a", json!({}));
    let good = house.back(&session, &query).await;
    assert_eq!(good.header("location"), "/user-ui");
    let reply = house.back(&cookie_of(&good), &query).await;
    assert_eq!(reply.header("location"), "/login?refused=expired");
    let code = query.split('&').next().expect("a code");
    let (session, asked) = house.start("").await;
    let query = format!("{code}&state={}", asked.get("state"));
    let reply = house.back(&session, &query).await;
    house
        .assert_refused(&reply, "unproven", "a replayed code")
        .await;

    // Too late.
    let (session, asked) = house.start("").await;
    let query = house.consent(&asked, "a", json!({}));
    house.app.clock.advance_ms(10 * 60_000 + 1);
    let reply = house.back(&session, &query).await;
    house.assert_refused(&reply, "expired", "too late").await;

    // Not at all; some providers leave the state out then.
    let (session, asked) = house.start("").await;
    let refused = "error=access_denied&error_description=x";
    let with_state = format!("{refused}&state={}", asked.get("state"));
    let reply = house.back(&session, &with_state).await;
    house
        .assert_refused(&reply, "cancelled", "refused there")
        .await;
    let (session, _) = house.start("").await;
    let reply = house.back(&session, refused).await;
    house
        .assert_refused(&reply, "cancelled", "without a state")
        .await;
    assert_eq!(
        house.users().await.len(),
        2,
        "the admin, and who got in once"
    );
}

#[tokio::test]
async fn what_the_provider_has_not_signed_for_this_sign_in_is_worth_nothing() {
    let house = House::with("").await;
    type Spoil = fn(&mut Value);
    let spoils: [(&str, Spoil); 8] = [
        ("another nonce", |c| c["nonce"] = "another".into()),
        ("no nonce", |c| {
            drop(c.as_object_mut().expect("claims").remove("nonce"))
        }),
        ("expired", |c| {
            c["exp"] = (c["iat"].as_i64().expect("a time") - 1).into()
        }),
        ("another client", |c| c["aud"] = "another".into()),
        ("another client too", |c| {
            c["aud"] = json!([CLIENT_ID, "another"])
        }),
        ("made for another client", |c| c["azp"] = "another".into()),
        ("another provider", |c| {
            c["iss"] = "https://evil.example".into()
        }),
        ("of another token", |c| {
            c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA".into()
        }),
    ];
    for (what, spoil) in spoils {
        let reply = house.spoilt(spoil).await;
        house.assert_refused(&reply, "unproven", what).await;
    }

    // Signed by somebody else, by the client's secret, or by nobody.
    let forge = async |what: &str, forge: &dyn Fn(Value, &Value) -> String| {
        let (session, asked) = house.start("").await;
        let claims = house.claims(&asked, "mallory");
        let userinfo = json!({"sub": "mallory"});
        let query = house
            .provider
            .consent_with(&asked, &claims, userinfo, |_, header, claims| {
                forge(header, claims)
            });
        let reply = house.back(&session, &query).await;
        house.assert_refused(&reply, "unproven", what).await;
    };
    let other = p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("a key");
    forge("another key", &|header, claims| {
        signed(&other, &header, claims)
    })
    .await;
    forge("no signature", &|mut header, claims| {
        header["alg"] = "none".into();
        let token = signed(&other, &header, claims);
        token[..=token.rfind('.').expect("a dot")].to_owned()
    })
    .await;
    forge("the client's secret", &|mut header, claims| {
        header["alg"] = "HS256".into();
        let token = signed(&other, &header, claims);
        let text = token.rsplit_once('.').expect("a dot").0.to_owned();
        hs256(&text)
    })
    .await;

    // What is told beside the token has to be about the same person, and the answer from the same provider.
    let (session, asked) = house.start("").await;
    let claims = house.claims(&asked, "mallory");
    let another = json!({"sub": "admin"});
    let query = house
        .provider
        .consent_with(&asked, &claims, another, |key, header, claims| {
            signed(key, &header, claims)
        });
    let reply = house.back(&session, &query).await;
    house
        .assert_refused(&reply, "unproven", "another subject")
        .await;
    let (session, asked) = house.start("").await;
    let query = house.consent(&asked, "mallory", json!({}));
    let query = query.split("&iss=").next().expect("a query").to_owned();
    let reply = house
        .back(&session, &format!("{query}&iss=https://evil.example"))
        .await;
    house
        .assert_refused(&reply, "unproven", "another issuer")
        .await;
    assert_eq!(house.users().await.len(), 1, "nobody has come to be");
}

/// A token signed by the client's secret.
fn hs256(text: &str) -> String {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mac = Hmac::<sha2::Sha256>::new_from_slice(CLIENT_SECRET.as_bytes());
    let mut mac = mac.expect("a key");
    mac.update(text.as_bytes());
    let signature = BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{text}.{signature}")
}

#[tokio::test]
async fn who_is_disabled_unknown_or_not_let_in_stays_outside() {
    let house = House::with("").await;
    house
        .sign_in("a", json!({"preferred_username": "ada"}))
        .await;
    house.change("ada", json!({"active": false})).await;
    let reply = house.sign_in("a", json!({})).await;
    house.assert_refused(&reply, "disabled", "disabled").await;

    let house = House::with(", create_users: false").await;
    let reply = house
        .sign_in("a", json!({"preferred_username": "ada"}))
        .await;
    house.assert_refused(&reply, "unknown", "unknown").await;
    assert_eq!(house.users().await.len(), 1);

    let rule = ", default_role: none, role_claim: groups, role_map: { staff: user }";
    let house = House::with(rule).await;
    let reply = house.sign_in("a", json!({"groups": ["guests"]})).await;
    house.assert_refused(&reply, "not-allowed", "no role").await;
    let reply = house.sign_in("a", json!({"groups": ["staff"]})).await;
    assert_eq!(reply.header("location"), "/user-ui");

    let house = House::with(", allowed_domains: [example.com]").await;
    for (email, verified) in [("a@example.com", false), ("a@evil.example", true)] {
        let userinfo = json!({"email": email, "email_verified": verified});
        let reply = house.sign_in("a", userinfo).await;
        house.assert_refused(&reply, "not-allowed", email).await;
    }
    let userinfo = json!({"email": "a@example.com", "email_verified": "true"});
    let reply = house.sign_in("a", userinfo).await;
    assert_eq!(house.whoami(&reply).await["name"], "a@example.com");
}

#[tokio::test]
async fn an_address_opens_an_account_only_where_that_is_allowed_and_it_is_verified() {
    let mail = |verified: bool| json!({"email": "Ada@example.com", "email_verified": verified});
    let member = json!({"email": "ada@example.com"});
    let house = House::with("").await;
    house.app.user_with("ada", member.clone()).await;
    let reply = house.sign_in("a", mail(true)).await;
    assert_eq!(house.whoami(&reply).await["name"], "Ada@example.com");

    let house = House::with(", link_by_email: true").await;
    let ada = house.app.user_with("ada", member.clone()).await;
    let reply = house.sign_in("unverified", mail(false)).await;
    assert_ne!(house.whoami(&reply).await["name"], "ada");
    let reply = house.sign_in("a", mail(true)).await;
    let me = house.whoami(&reply).await;
    assert_eq!(
        (&me["name"], &me["must_change_password"]),
        (&json!("ada"), &json!(false))
    );
    // The password that an administrator has seen and nobody has used is gone.
    let form = [
        ("name", "ada"),
        ("password", ada.password.as_str()),
        ("next", ""),
    ];
    assert_eq!(
        Reply::of(house.app.call("/_fn/sign-in", &form))
            .await
            .status,
        422
    );
    let told = house
        .app
        .get("/admin/audit?action=user.link_identity", MASTER_KEY)
        .await;
    assert_eq!(told.json()["rows"][0]["subject"]["id"], ada.id.to_string());
    // The address goes to another person at the provider; the account does not.
    let reply = house.sign_in("b", mail(true)).await;
    assert_ne!(house.whoami(&reply).await["name"], "ada");

    // Two with the same address: nobody knows who is meant.
    let house = House::with(", link_by_email: true").await;
    for name in ["one", "two"] {
        house.app.user_with(name, member.clone()).await;
    }
    let reply = house.sign_in("a", mail(true)).await;
    assert_eq!(house.whoami(&reply).await["name"], "Ada@example.com");
}

#[tokio::test]
async fn the_way_leads_to_pages_of_this_router_only() {
    let house = House::with("").await;
    let go = async |next: &str| {
        let (session, asked) = house.start(next).await;
        let query = house.consent(&asked, "a", json!({}));
        house
            .back(&session, &query)
            .await
            .header("location")
            .to_owned()
    };
    assert_eq!(go("/user-ui/usage?days=7").await, "/user-ui/usage?days=7");
    for hostile in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/x\r\nset-cookie: a=b",
        "user-ui",
    ] {
        assert_eq!(go(hostile).await, "/user-ui", "{hostile:?}");
    }
    // Nor by way of the sign-in page.
    let (session, asked) = house.start("//evil.example").await;
    let query = format!("error=access_denied&state={}", asked.get("state"));
    let reply = house.back(&session, &query).await;
    assert_eq!(reply.header("location"), "/login?refused=cancelled");
}

#[tokio::test]
async fn a_provider_may_change_its_keys_and_be_away() {
    let house = House::with("").await;
    house
        .sign_in("a", json!({"preferred_username": "ada"}))
        .await;
    house.provider.rotate();
    house.app.clock.advance_ms(60_000);
    let reply = house.sign_in("a", json!({})).await;
    assert_eq!(house.whoami(&reply).await["name"], "ada");
    assert_eq!(house.provider.asked_for("/jwks"), 2);

    house.provider.fail();
    house.app.clock.advance_ms(3_600_000);
    let path = "/auth/oidc/start?next=%2Fuser-ui%2Fkeys";
    let reply = Reply::of(house.app.request(Method::GET, path)).await;
    let back = "/login?refused=unreachable&next=%2Fuser-ui%2Fkeys";
    assert_eq!((reply.status, reply.header("location")), (303, back));
}
