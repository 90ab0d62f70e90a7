//! The OpenAPI document, the pages that show it, and errors that are as it says.

use http::Method;
use serde_json::{Value, json};

use crate::support::{MASTER_KEY, Reply, TestApp};

/// Every `$ref` in a value.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(
                members
                    .get("$ref")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            );
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_holds_all_that_it_refers_to() {
    let app = TestApp::demo().await;
    let reply = Reply::of(app.request(Method::GET, "/openapi.json")).await;
    assert_eq!(reply.header("content-type"), "application/json");
    let document = reply.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn its_pages_reach_nobody_else() {
    let app = TestApp::demo().await;
    let get = async |path: &str| Reply::of(app.request(Method::GET, path)).await;
    let docs = get("/docs").await;
    assert_eq!(
        (docs.status, docs.header("location")),
        (308, "/docs/index.html")
    );
    for path in ["/docs/index.html", "/redoc"] {
        let page = get(path).await;
        assert_eq!(page.status, 200, "{path}");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("http"), "{path}: {policy}");
        // Whatever a page loads stands in such an attribute.
        for attribute in ["src=\"", "href=\""] {
            for address in page.text().split(attribute).skip(1) {
                let foreign = address.starts_with("http") || address.starts_with("//");
                assert!(!foreign, "{path}: {}", &address[..40]);
            }
        }
    }
    let start = get("/docs/swagger-initializer.js").await;
    assert!(start.text().contains("/openapi.json"), "{}", start.text());
    assert!(!start.text().contains("petstore"), "{}", start.text());
    assert_eq!(get("/docs/nothing.js").await.status, 404);
    assert_eq!(
        get("/redoc/reference.css").await.header("content-type"),
        "text/css"
    );
}

#[tokio::test]
async fn mistakes_in_paths_and_queries_are_told_as_json() {
    let app = TestApp::demo().await;
    let paths = [
        "/admin/teams/none",
        "/admin/users/99999999999999999999/keys",
        "/admin/scripts/type/%FF",
        "/admin/analytics/requests?limit=many",
        "/admin/audit?page=-1",
    ];
    for path in paths {
        let reply = app.get(path, MASTER_KEY).await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.text());
        assert!(
            reply.json()["error"].is_string(),
            "{path}: {}",
            reply.text()
        );
    }
    let reply = Reply::of(
        app.request(Method::POST, "/admin/users")
            .bearer_auth(MASTER_KEY)
            .json(&json!([])),
    );
    let reply = reply.await;
    assert_eq!(reply.status, 400);
    assert!(reply.json()["error"].is_string(), "{}", reply.text());
}
