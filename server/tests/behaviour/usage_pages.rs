//! The pages of usage and requests, with their CSV files and the live tail: the same numbers everywhere, and
//! nothing of others for users, whichever ids they try.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    ADMIN_PASSWORD, Reply, Session, TestApp, User, ask, ask_stream, verify, within,
};

struct House {
    app: TestApp,
    ada: User,
    bob: User,
    as_ada: Session,
    as_admin: Session,
}

impl House {
    /// Ada made three requests, one of which failed; Bob made one.
    async fn build() -> Self {
        let app = TestApp::demo().await;
        let ada = app.user().await;
        let bob = app.user_with("bob", json!({})).await;
        for body in [ask("demo"), ask_stream("demo"), ask("demo-500")] {
            Reply::of(app.chat(&ada.key, body)).await;
        }
        Reply::of(app.chat(&bob.key, ask("demo"))).await;
        Self {
            as_ada: app.sign_in_first(&ada).await,
            as_admin: app.sign_in("admin", ADMIN_PASSWORD).await,
            app,
            ada,
            bob,
        }
    }

    async fn call(&self, session: &Session, path: &str, query: &str) -> Reply {
        let name = if path.ends_with("get") { "id" } else { "query" };
        let call = self.app.call(&format!("/_fn/{path}"), &[(name, query)]);
        Reply::of(call.header("cookie", &session.0)).await
    }

    async fn file(&self, session: &Session, path: &str) -> Vec<Vec<String>> {
        let request = self.app.request(Method::GET, path);
        let reply = Reply::of(request.header("cookie", &session.0)).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        assert!(reply.header("content-type").starts_with("text/csv"));
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(&reply.body[..]);
        let rows = reader.records().map(|row| {
            let row = row.expect("a row");
            row.iter().map(str::to_owned).collect()
        });
        rows.collect()
    }

    async fn page(&self, session: &Session, path: &str) -> Reply {
        let request = self.app.request(Method::GET, path);
        let request = request.header("accept", "text/html");
        Reply::of(request.header("cookie", &session.0)).await
    }
}

fn ids(log: &Value) -> Vec<String> {
    let rows = log["rows"].as_array().expect("rows").iter();
    rows.map(|row| row["request_id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn the_file_the_page_and_the_report_say_the_same() {
    let house = House::build().await;
    let log = house
        .call(&house.as_admin, "admin/logs/list", "")
        .await
        .json();
    assert_eq!(log["total"], 4);
    let file = house.file(&house.as_admin, "/admin-ui/logs.csv").await;
    let in_file: Vec<String> = file[1..].iter().map(|row| row[0].clone()).collect();
    assert_eq!(in_file, ids(&log));
    let page = house.page(&house.as_admin, "/admin-ui/logs").await;
    for id in ids(&log) {
        assert!(
            page.text().contains(&format!("/admin-ui/logs/{id}")),
            "{id}"
        );
    }

    let report = house
        .call(&house.as_admin, "admin/usage", "range=today&group=user")
        .await;
    let report = report.json();
    let total = &report["report"]["total"];
    assert_eq!(
        (&total["requests"], &total["errors"]),
        (&json!(4), &json!(1))
    );
    let usage = house
        .file(
            &house.as_admin,
            "/admin-ui/usage.csv?range=today&group=user",
        )
        .await;
    let last = usage.last().expect("a total");
    assert_eq!((last[0].as_str(), last[3].as_str()), ("total", "4"));
    let spent = |rows: &[Vec<String>], column: usize| -> i64 {
        let nano = |text: &String| domain::NanoUsd::parse_usd(text).map_or(0, |amount| amount.0);
        rows.iter().map(|row| nano(&row[column])).sum()
    };
    let whole = total["cost"].as_i64().expect("an amount");
    assert!(whole > 0);
    assert_eq!(spent(&usage[1..usage.len() - 1], 2), whole);
    assert_eq!(spent(&usage[usage.len() - 1..], 2), whole);
    assert_eq!(spent(&file[1..], 15), whole);

    let verified = verify(&house.app.state.config).await;
    assert_eq!(verified.differences, []);
}

#[tokio::test]
async fn filters_narrow_the_page_and_the_file_alike() {
    let house = House::build().await;
    let key = house.app.key_id(&house.bob).await;
    for (query, count) in [
        (format!("user={}", house.ada.id), 3),
        (format!("key={key}"), 1),
        ("result=failed".to_owned(), 1),
        ("result=completed".to_owned(), 3),
        ("stream=yes".to_owned(), 1),
        ("model=demo-500".to_owned(), 1),
        ("q=demo-5".to_owned(), 1),
        ("q=no+such+thing".to_owned(), 0),
        ("team=1".to_owned(), 0),
        ("from=2020-01-01&to=2020-01-02".to_owned(), 0),
    ] {
        let log = house.call(&house.as_admin, "admin/logs/list", &query).await;
        assert_eq!(ids(&log.json()).len(), count, "{query}");
        let path = format!("/admin-ui/logs.csv?{query}");
        let file = house.file(&house.as_admin, &path).await;
        assert_eq!(file.len() - 1, count, "{query}");
    }
    // A pasted id is found whatever the dates are.
    let all = house
        .call(&house.as_admin, "admin/logs/list", "")
        .await
        .json();
    let id = ids(&all).pop().expect("an id");
    let query = format!("from=2020-01-01&to=2020-01-02&q={id}");
    let found = house.call(&house.as_admin, "admin/logs/list", &query).await;
    assert_eq!(ids(&found.json()), [id]);
}

#[tokio::test]
async fn a_user_sees_nothing_of_others_whichever_ids_they_try() {
    let house = House::build().await;
    let all = house
        .call(&house.as_admin, "admin/logs/list", "")
        .await
        .json();
    let rows = all["rows"].as_array().expect("rows");
    let bobs = rows.iter().find(|row| row["user"] == "bob").expect("one");
    let bobs = bobs["request_id"].as_str().expect("an id").to_owned();
    let key = house.app.key_id(&house.bob).await;
    for query in [
        String::new(),
        format!("user={}", house.bob.id),
        format!("key={key}"),
        format!("q={bobs}"),
        "range=all&team=1&backend=1".to_owned(),
    ] {
        let log = house.call(&house.as_ada, "me/logs/list", &query).await;
        assert!(!log.text().contains(&bobs), "{query}");
        assert!(!log.text().contains("\"bob\""), "{query}");
        let file = house
            .file(&house.as_ada, &format!("/user-ui/logs.csv?{query}"))
            .await;
        assert!(file.iter().all(|row| row[0] != bobs), "{query}");
        let report = house.call(&house.as_ada, "me/usage", &query).await.json();
        let requests = report["report"]["total"]["requests"].as_u64();
        assert!(requests.is_some_and(|n| n <= 3), "{query}");
    }
    assert_eq!(
        house.call(&house.as_ada, "me/logs/get", &bobs).await.status,
        404
    );
    assert_eq!(
        house
            .call(&house.as_ada, "admin/logs/get", &bobs)
            .await
            .status,
        403
    );
    let page = house
        .page(&house.as_ada, &format!("/user-ui/logs/{bobs}"))
        .await;
    assert_eq!(page.status, 404);
    assert!(!page.text().contains("demo-500"));
    let detail = house
        .call(&house.as_admin, "admin/logs/get", &bobs)
        .await
        .json();
    assert_eq!(detail["summary"]["user"], "bob");
    // The bill of the call is what the row says.
    let call = &detail["calls"][0];
    let lines = call["price"].as_array().expect("lines");
    let sum: i64 = lines
        .iter()
        .filter_map(|line| line["amount"].as_i64())
        .sum();
    assert_eq!(Some(sum), call["cost"].as_i64());
}

#[tokio::test]
async fn the_tail_brings_new_rows_that_fit_and_goes_on_from_where_it_broke() {
    let house = House::build().await;
    let newest = house
        .call(&house.as_admin, "admin/logs/list", "")
        .await
        .json();
    let newest = newest["newest"].as_i64().expect("a number");
    let open = |session: &Session, path: String| {
        let request = house.app.request(Method::GET, &path);
        request.header("cookie", &session.0).send()
    };
    let path = format!("/admin-ui/logs.events?user={}&after={newest}", house.bob.id);
    let mut all = open(&house.as_admin, path).await.expect("an answer");
    let path = format!("/user-ui/logs.events?user={}&after=0", house.bob.id);
    let mut own = open(&house.as_ada, path).await.expect("an answer");
    Reply::of(house.app.chat(&house.ada.key, ask("demo"))).await;
    Reply::of(house.app.chat(&house.bob.key, ask("demo"))).await;

    let mut text = String::new();
    while !text.contains("event: row") {
        let piece = within("a row", all.chunk()).await.expect("a stream");
        text.push_str(std::str::from_utf8(&piece.expect("no end")).expect("text"));
    }
    assert!(
        text.contains("\"user\":\"bob\"") && !text.contains("\"user\":\"ada\""),
        "{text}"
    );

    // Ada gets her own, and nobody else's.
    let mut text = String::new();
    while text.matches("event: row").count() < 4 {
        let piece = within("rows", own.chunk()).await.expect("a stream");
        text.push_str(std::str::from_utf8(&piece.expect("no end")).expect("text"));
    }
    assert!(!text.contains("\"user\":\"bob\""), "{text}");
    let mut last = text.lines().filter_map(|line| line.strip_prefix("id: "));
    let last = last.next_back().expect("an id").to_owned();
    drop(own);
    Reply::of(house.app.chat(&house.ada.key, ask_stream("demo"))).await;
    let request = house
        .app
        .request(Method::GET, "/user-ui/logs.events?after=0");
    let request = request.header("cookie", &house.as_ada.0);
    let again = request.header("last-event-id", last).send().await;
    let mut again = again.expect("an answer");
    let piece = within("a row", again.chunk()).await.expect("a stream");
    let piece = piece.expect("no end");
    let text = std::str::from_utf8(&piece).expect("text");
    assert_eq!(text.matches("event: row").count(), 1, "{text}");
    assert!(text.contains("\"stream\":true"));
}

#[tokio::test]
async fn an_open_tail_does_not_hold_up_the_end_of_the_server() {
    let house = House::build().await;
    let request = house.app.request(Method::GET, "/admin-ui/logs.events");
    let request = request.header("cookie", &house.as_admin.0);
    let mut tail = request.send().await.expect("an answer");
    within("a sign of life", tail.chunk())
        .await
        .expect("a stream");
    let mut app = house.app;
    app.tell_to_stop();
    let ended = async { while let Ok(Some(_)) = tail.chunk().await {} };
    within("the end of the tail", ended).await;
}
