//! Keys, teams and budgets as the dashboards manage them: who may do what, and what is refused where.

use http::Method;
use serde_json::{Value, json};

use crate::support::{ADMIN_PASSWORD, Reply, Session, TestApp, User, ask};

struct House {
    app: TestApp,
    admin: Session,
}

impl House {
    async fn build() -> Self {
        let app = TestApp::demo().await;
        let admin = app.sign_in("admin", ADMIN_PASSWORD).await;
        Self { app, admin }
    }

    async fn user(&self, name: &str, terms: Value) -> (User, Session) {
        let user = self.app.user_with(name, terms).await;
        let session = self.app.sign_in_first(&user).await;
        (user, session)
    }

    async fn call(&self, who: &Session, function: &str, form: &[(&str, &str)]) -> Reply {
        let call = self.app.call(&format!("/_fn/{function}"), form);
        Reply::of(call.header("cookie", &who.0)).await
    }

    async fn read(&self, who: &Session, function: &str, form: &[(&str, &str)]) -> Value {
        let reply = self.call(who, function, form).await;
        assert_eq!(reply.status, 200, "{function}: {}", reply.text());
        reply.json()
    }

    async fn labels(&self, who: &Session, show: &str, sort: &str) -> Vec<String> {
        let form = [
            ("search", ""),
            ("show", show),
            ("sort", sort),
            ("page", "1"),
        ];
        let list = self.read(who, "me/keys/list", &form).await;
        let rows = list["keys"]["rows"].as_array().cloned().unwrap_or_default();
        rows.iter()
            .map(|row| {
                row["summary"]["key"]["label"]
                    .as_str()
                    .unwrap_or("")
                    .to_owned()
            })
            .collect()
    }

    /// Makes a key on the user's own page.
    async fn key(&self, who: &Session, label: &str, more: &[(&str, &str)]) -> Reply {
        let form = [&[("label", label), ("expires_in_days", "0")], more].concat();
        self.call(who, "me/keys/create", &form).await
    }
}

#[tokio::test]
async fn a_users_keys_stay_within_their_budget_and_are_found_by_state() {
    let house = House::build().await;
    let (user, ada) = house.user("ada", json!({"daily_budget": 2})).await;
    let above = house.key(&ada, "greedy", &[("daily_budget", "2.01")]).await;
    assert_eq!(above.status, 422, "{}", above.text());
    assert!(above.text().contains("daily_budget") && above.text().contains("above_owner"));
    for (label, more) in [("b", ("daily_budget", "2")), ("a", ("parallel", "3"))] {
        let made = house.key(&ada, label, &[more, ("tags", "vip")]).await;
        assert_eq!(made.status, 200, "{}", made.text());
    }
    assert_eq!(house.labels(&ada, "", "label").await, ["a", "b", "default"]);

    let form = [("search", "b"), ("show", ""), ("sort", ""), ("page", "1")];
    let list = house.read(&ada, "me/keys/list", &form).await;
    let key = &list["keys"]["rows"][0]["summary"]["key"];
    assert_eq!((&key["label"], &key["tags"]), (&json!("b"), &json!([])));
    let id = key["id"].to_string();
    let edit = |budget: &'static str| {
        [
            ("id", id.clone()),
            ("label", "b2".to_owned()),
            ("expires_in_days", "30".to_owned()),
            ("monthly_budget", budget.to_owned()),
            ("allowed_addresses", "203.0.113.0/24".to_owned()),
        ]
    };
    let form = edit("5");
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let changed = house.call(&ada, "me/keys/update", &form).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let found = house.read(&ada, "me/keys/get", &[("id", &id)]).await;
    let key = &found["key"]["summary"]["key"];
    assert_eq!(key["label"], "b2");
    assert_eq!(key["access"]["addresses"], json!(["203.0.113.0/24"]));
    assert!(found["key"]["expires"].is_string());

    // Nobody else reaches it.
    let (_, bob) = house.user("bob", json!({})).await;
    for function in ["get", "update", "rotate", "revoke", "set-active", "delete"] {
        let form = [
            ("id", id.as_str()),
            ("label", "x"),
            ("grace", "0"),
            ("active", "false"),
        ];
        let function = format!("me/keys/{function}");
        let refused = house.call(&bob, &function, &form).await;
        assert_eq!(refused.status, 404, "{function}: {}", refused.text());
    }

    house.call(&ada, "me/keys/revoke", &[("id", &id)]).await;
    assert_eq!(house.labels(&ada, "revoked", "").await, ["b2"]);
    assert_eq!(house.labels(&ada, "active", "").await, ["a", "default"]);
    assert!(house.labels(&ada, "unused", "").await.is_empty());
    let key = Reply::of(house.app.chat(&user.key, ask("demo"))).await;
    assert_eq!(key.status, 200);
    house.app.clock.advance_ms(91 * 86_400_000);
    // The first key was used; that is written down from time to time, and counts from its creation here.
    assert!(
        house
            .labels(&ada, "unused", "")
            .await
            .contains(&"a".to_owned())
    );
    let again = house
        .call(&ada, "me/keys/rotate", &[("id", &id), ("grace", "0")])
        .await;
    assert_eq!(again.status, 409, "revoked is for good: {}", again.text());
}

#[tokio::test]
async fn owners_run_their_team_members_look_and_strangers_see_nothing() {
    let house = House::build().await;
    let form = [
        ("name", "research"),
        ("monthly_budget", "5"),
        ("parallel", "2"),
    ];
    let made = house.call(&house.admin, "admin/teams/create", &form).await;
    let page = made.header("location").to_owned();
    assert!(
        page.starts_with("/admin-ui/teams?open="),
        "{page} {}",
        made.text()
    );
    let id: String = page
        .chars()
        .skip(21)
        .take_while(char::is_ascii_digit)
        .collect();
    let (_, owner) = house.user("olga", json!({})).await;
    let (_, member) = house.user("max", json!({})).await;
    let (_, stranger) = house.user("sam", json!({})).await;

    let join = |name: &'static str, role: &'static str| {
        [
            ("team", id.clone()),
            ("member", name.to_owned()),
            ("role", role.to_owned()),
        ]
    };
    let add = async |who: &Session, house_of: &str, name: &'static str, role: &'static str| {
        let form = join(name, role);
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        let reply = house
            .call(who, &format!("{house_of}/teams/set-member"), &form)
            .await;
        (reply.status, reply.text().to_owned())
    };
    assert_eq!(add(&house.admin, "admin", "olga", "owner").await.0, 200);
    assert_eq!(add(&owner, "me", "max", "member").await.0, 200);
    let (status, text) = add(&owner, "me", "nobody", "member").await;
    assert_eq!(status, 422, "{text}");
    assert!(text.contains("NoSuchUser"), "{text}");
    assert_eq!(add(&member, "me", "sam", "owner").await.0, 403);
    assert_eq!(add(&stranger, "me", "sam", "owner").await.0, 404);

    let seen = house.read(&member, "me/teams/get", &[("id", &id)]).await;
    assert_eq!(seen["may_run"], false);
    assert_eq!(seen["members"].as_array().map(Vec::len), Some(2));
    let hidden = house.call(&stranger, "me/teams/get", &[("id", &id)]).await;
    assert_eq!(hidden.status, 404);

    let key = [("team", id.as_str())];
    assert_eq!(house.key(&member, "no", &key).await.status, 403);
    assert_eq!(house.key(&stranger, "no", &key).await.status, 404);
    let above = [("team", id.as_str()), ("monthly_budget", "6")];
    assert_eq!(house.key(&owner, "no", &above).await.status, 422);
    assert_eq!(house.key(&owner, "ours", &key).await.status, 200);
    let form = [
        ("search", ""),
        ("show", ""),
        ("sort", ""),
        ("page", "1"),
        ("team", id.as_str()),
    ];
    let list = house.read(&member, "me/keys/list", &form).await;
    let row = &list["keys"]["rows"][0]["summary"]["key"];
    assert_eq!(row["label"], "ours");
    let key_id = row["id"].to_string();
    let looks = house.read(&member, "me/keys/get", &[("id", &key_id)]).await;
    assert_eq!(looks["may_change"], false);
    let ends = house
        .call(&member, "me/keys/revoke", &[("id", &key_id)])
        .await;
    assert_eq!(ends.status, 403);
    assert_eq!(
        house.call(&stranger, "me/keys/list", &form).await.status,
        404
    );

    let wrong = [("id", id.as_str()), ("confirm", "Research!")];
    let refused = house.call(&house.admin, "admin/teams/delete", &wrong).await;
    assert_eq!(refused.status, 422);
    let right = [("id", id.as_str()), ("confirm", "research")];
    house.call(&house.admin, "admin/teams/delete", &right).await;
    let gone = house.call(&owner, "me/teams/get", &[("id", &id)]).await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn budgets_of_users_teams_and_keys_are_one_list_and_change_in_place() {
    let house = House::build().await;
    let (ada, _) = house.user("ada", json!({"monthly_budget": "0.0001"})).await;
    house.user("bob", json!({"daily_budget": 100})).await;
    house.user("eve", json!({})).await;
    let team = json!({"name": "research", "soft_monthly_budget": 3});
    house.app.admin(Method::POST, "/admin/teams", team).await;
    let names = async |show: &str| {
        let form = [("search", ""), ("show", show), ("page", "1")];
        let list = house.read(&house.admin, "admin/budgets/list", &form).await;
        let rows = list["budgets"]["rows"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        rows.iter()
            .map(|row| row["name"].as_str().unwrap_or("").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["ada", "bob", "research"]);
    assert!(names("near").await.is_empty());
    while Reply::of(house.app.chat(&ada.key, ask("demo")))
        .await
        .status
        == 200
    {}
    assert_eq!(names("near").await, ["ada"]);
    assert_eq!(
        names("").await,
        ["ada", "bob", "research"],
        "the nearest first"
    );
    assert!(names("everyone").await.contains(&"eve".to_owned()));

    let of = format!("user-{}", ada.id);
    let history = house
        .read(&house.admin, "admin/budgets/history", &[("of", &of)])
        .await;
    let spent = history["months"][0]["spend"].clone();
    assert!(spent.as_i64() > Some(0), "{history}");
    assert_eq!(history["days"].as_array().map(Vec::len), Some(30));

    let reset = [("of", of.as_str()), ("period", "monthly")];
    house
        .read(&house.admin, "admin/budgets/reset", &reset)
        .await;
    assert!(names("near").await.is_empty());
    assert_eq!(
        Reply::of(house.app.chat(&ada.key, ask("demo")))
            .await
            .status,
        200
    );

    let wrong = [("of", of.as_str()), ("monthly_budget", "much")];
    let refused = house.call(&house.admin, "admin/budgets/set", &wrong).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("much"), "what was typed is kept");
    let set = [("of", of.as_str()), ("daily_budget", "7")];
    house.read(&house.admin, "admin/budgets/set", &set).await;
    let form = [("id", ada.id.to_string())];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let user = house.read(&house.admin, "admin/users/get", &form).await;
    let budget = &user["row"]["summary"]["user"]["budget"];
    assert_eq!(
        (&budget["daily"], &budget["monthly"]),
        (&json!(7_000_000_000_i64), &json!(0))
    );
    assert_eq!(user["keys"], json!(["default"]));
    house
        .read(&house.admin, "admin/budgets/clear", &[("of", &of)])
        .await;
    assert_eq!(names("").await, ["bob", "research"]);

    let key = house.app.key_id(&ada).await;
    let of = format!("key-{key}");
    let set = [("of", of.as_str()), ("soft_daily_budget", "1")];
    house.read(&house.admin, "admin/budgets/set", &set).await;
    assert_eq!(names("").await, ["bob", "default", "research"]);
}
