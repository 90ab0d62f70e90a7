//! Whatever is sent, the answer says what is wrong and where, in the dialect of the endpoint, and the
//! server goes on.

use domain::Dialect;
use http::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{
    Answer, DIALECTS, MASTER_KEY, Reply, Setup, TestApp, Upstream, ask, backend, whole, within,
};

/// The shape that the SDKs of a dialect read.
fn assert_shape(dialect: Dialect, reply: &Reply) {
    let body = reply.json();
    assert_eq!(reply.header("content-type"), "application/json");
    assert!(body["error"]["message"].is_string() && body["error"]["type"].is_string());
    match dialect {
        Dialect::OpenaiChat => {
            let error = body["error"].as_object().expect("an object");
            assert!(error.contains_key("param") && error.contains_key("code"));
        }
        _ => {
            assert_eq!(body["type"], "error");
            assert_eq!(body["request_id"], reply.header("request-id"));
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said() {
    let deep = format!(
        "{}{}",
        r#"{"model":"demo","messages":["#,
        "[".repeat(100_000)
    );
    let invalid = |what: &str| format!("the request body is not valid JSON: {what}");
    let cases: [(&[u8], String); 18] = [
        (
            b"",
            invalid("expected a JSON object at line 1, column 1, where the body ends"),
        ),
        (
            b"{",
            invalid("expected a key in double quotes at line 1, column 2, where the body ends"),
        ),
        (
            b"[]",
            invalid("expected a JSON object at line 1, column 1, where something else stands"),
        ),
        (
            b"null",
            invalid("expected a JSON object at line 1, column 1, where something else stands"),
        ),
        (
            b"\"x\"",
            invalid("expected a JSON object at line 1, column 1, where something else stands"),
        ),
        (
            b"<html>",
            invalid("expected a JSON object at line 1, column 1, where something else stands"),
        ),
        (
            b"{\"model\":\"demo\",\n \"messages\":[}",
            invalid(
                "expected the bracket that closes the innermost container at line 2, column 14, where something else stands",
            ),
        ),
        (
            b"{\"model\":\"demo\",\n\n\"messages\":[]",
            invalid("expected ',' or '}' at line 3, column 14, where the body ends"),
        ),
        (
            b"{\"model\":\"demo\",\"messages\":[]} x",
            invalid(
                "expected the end of the body at line 1, column 32, where something else stands",
            ),
        ),
        (
            deep.as_bytes(),
            invalid(
                "expected fewer than 128 nested containers at line 1, column 155, where something else stands",
            ),
        ),
        (
            b"{\"messages\":[]}",
            "model: this field is required".to_owned(),
        ),
        (
            b"{\"model\":\"demo\"}",
            "messages: this field is required".to_owned(),
        ),
        (
            b"{\"model\":7,\"messages\":[]}",
            "model: expected a model's name as a string".to_owned(),
        ),
        (
            b"{\"model\":\"\xff\",\"messages\":[]}",
            "model: expected a model's name as a string".to_owned(),
        ),
        (
            b"{\"model\":\"a\\u0000\",\"messages\":[]}",
            "model: expected a model's name as a string".to_owned(),
        ),
        (
            b"{\"model\":\"demo\",\"messages\":{}}",
            "messages: expected an array of messages".to_owned(),
        ),
        (
            b"{\"model\":\"demo\",\"messages\":[],\"stream\":\"yes\"}",
            "stream: expected true or false".to_owned(),
        ),
        (
            b"{\"model\":\"demo\",\"messages\":[],\"max_tokens\":\"many\"}",
            "max_tokens: expected a whole number of tokens".to_owned(),
        ),
    ];
    let app = TestApp::demo().await;
    for dialect in DIALECTS {
        for (body, message) in &cases {
            let reply = Reply::of(app.ask(dialect, MASTER_KEY, body.to_vec())).await;
            assert_eq!((reply.status, &reply.error_message()), (400, message));
            assert_shape(dialect, &reply);
        }
        // What only the upstream can judge is the upstream's to refuse.
        let body = r#"{"model":"demo","messages":["x"]}"#;
        let reply = Reply::of(app.ask(dialect, MASTER_KEY, body)).await;
        assert_eq!(
            (reply.status, reply.error_message().as_str()),
            (400, "messages.0.role: this field is required")
        );
    }
    let wrong = Reply::of(app.chat(MASTER_KEY, &b"{\"model\":7,\"messages\":[]}"[..])).await;
    assert_eq!(wrong.json()["error"]["param"], "model");
    assert_eq!(
        Reply::of(app.chat(MASTER_KEY, ask("demo"))).await.status,
        200
    );
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_however_it_is_sent() {
    let setup = Setup {
        server: "max_body: 1KiB",
        ..Setup::default()
    };
    let app = TestApp::start(setup).await;
    let message =
        "the request body is larger than 1024 bytes, the limit of this server (server.max_body)";
    let large = ask("demo").replace("Say hello", &"x".repeat(2_000));
    for dialect in DIALECTS {
        let reply = Reply::of(app.ask(dialect, MASTER_KEY, large.clone())).await;
        assert_eq!(
            (reply.status, reply.error_message().as_str()),
            (413, message)
        );
        assert_shape(dialect, &reply);
    }
    // Without a length, as a stream of chunks.
    let mut request = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {MASTER_KEY}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    for piece in large.as_bytes().chunks(100) {
        let piece = std::str::from_utf8(piece).expect("ASCII");
        request.push_str(&format!("{:x}\r\n{piece}\r\n", piece.len()));
    }
    request.push_str("0\r\n\r\n");
    let mut socket = TcpStream::connect(app.address).await.expect("connected");
    socket.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    let read = socket.read_to_string(&mut answer);
    within("an answer", read).await.expect("text");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains(message), "{answer}");
    // At the limit it is let in.
    let padding = 1_024 - ask("demo").len();
    let fits = ask("demo") + &" ".repeat(padding);
    assert_eq!(Reply::of(app.chat(MASTER_KEY, fits)).await.status, 200);
}

#[tokio::test]
async fn an_unknown_model_is_answered_with_those_that_are_near() {
    let app = TestApp::demo().await;
    for dialect in DIALECTS {
        let ask = |model| Reply::of(app.ask(dialect, MASTER_KEY, ask(model)));
        let near = ask("demo-slo").await;
        let message = near.error_message();
        assert_eq!(near.status, 404);
        let start =
            "model \"demo-slo\" is not available for your account; did you mean \"demo-slow\"";
        assert!(message.starts_with(start), "{message}");
        assert_shape(dialect, &near);
        let far = ask("zzz").await;
        let expected =
            "model \"zzz\" is not available for your account; GET /v1/models lists those that are";
        assert_eq!((far.status, far.error_message().as_str()), (404, expected));
    }
    let reply = app.get("/v1/models/zzz", MASTER_KEY).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (404, &"model_not_found".into())
    );
}

#[tokio::test]
async fn nothing_is_translated_on_a_path_that_promises_the_upstreams_own_dialect() {
    let upstream = Upstream::start().await;
    for (dialect, other_path) in DIALECTS
        .into_iter()
        .zip(["/anthropic/v1/messages", "/openai/v1/chat/completions"])
    {
        let app = TestApp::with([backend(dialect, "main", &upstream.url(), "")]).await;
        let request = app
            .request(Method::POST, other_path)
            .bearer_auth(MASTER_KEY)
            .body(ask("asked"));
        let reply = Reply::of(request).await;
        assert_eq!(reply.status, 400);
        assert!(
            reply
                .error_message()
                .ends_with("the same path without its prefix does"),
            "{}",
            reply.text()
        );
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let app = TestApp::demo().await;
    let cases = [
        (Method::GET, "/v1/nothing", 404, Dialect::OpenaiChat),
        (
            Method::POST,
            "/v1/messages/nothing",
            404,
            Dialect::AnthropicMessages,
        ),
        (
            Method::POST,
            "/anthropic/nothing",
            404,
            Dialect::AnthropicMessages,
        ),
        (
            Method::GET,
            "/v1/chat/completions",
            405,
            Dialect::OpenaiChat,
        ),
        (Method::PUT, "/v1/messages", 405, Dialect::AnthropicMessages),
        (Method::DELETE, "/v1/models", 405, Dialect::OpenaiChat),
    ];
    for (method, path, status, dialect) in cases {
        let reply = Reply::of(app.request(method, path)).await;
        assert_eq!(reply.status, status, "{path}");
        assert!(reply.error_message().contains(path), "{}", reply.text());
        let anthropic = dialect == Dialect::AnthropicMessages;
        assert_eq!(reply.json()["type"] == "error", anthropic, "{path}");
    }
    // Claude Code asks this of any base URL before it begins.
    let probe = Reply::of(app.request(Method::HEAD, "/api/hello")).await;
    assert_eq!(probe.status, 404);
}

#[tokio::test]
async fn bytes_that_are_no_http_hurt_nobody() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::json(whole(Dialect::OpenaiChat, "up-main")));
    let garbage: [&[u8]; 4] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ];
    for bytes in garbage {
        let mut socket = TcpStream::connect(app.address).await.expect("connected");
        socket.write_all(bytes).await.expect("written");
        socket.shutdown().await.expect("the end");
        let mut answer = Vec::new();
        // Refused in words or hung up on: either is well.
        let _ = within("an end", socket.read_to_end(&mut answer)).await;
    }
    assert_eq!(
        Reply::of(app.chat(MASTER_KEY, ask("asked"))).await.status,
        200
    );
}

#[tokio::test]
async fn the_admins_api_says_what_is_wrong_too() {
    let app = TestApp::demo().await;
    let cases = [
        (Method::POST, "/admin/users", "{", 400),
        (Method::POST, "/admin/users", "[]", 400),
        (Method::POST, "/admin/users", r#"{"name":""}"#, 400),
        (
            Method::POST,
            "/admin/users",
            r#"{"name":"x","monthly_budget":-1}"#,
            400,
        ),
        (Method::POST, "/admin/users", r#"{"name":"admin"}"#, 409),
        (
            Method::PATCH,
            "/admin/users/999",
            r#"{"monthly_budget":1}"#,
            404,
        ),
        (Method::PATCH, "/admin/users/1", "{}", 400),
        (Method::DELETE, "/admin/users/999", "", 404),
        (Method::PATCH, "/admin/keys/999", r#"{"active":false}"#, 404),
        (Method::DELETE, "/admin/keys/sk-unknown", "", 404),
        (Method::GET, "/admin/users/999/keys", "", 404),
    ];
    for (method, path, body, status) in cases {
        let request = app
            .request(method.clone(), path)
            .bearer_auth(MASTER_KEY)
            .header("content-type", "application/json")
            .body(body);
        let reply = Reply::of(request).await;
        assert_eq!(
            reply.status,
            status,
            "{method} {path} {body}: {}",
            reply.text()
        );
        let error = &reply.json()["error"];
        assert!(
            error.as_str().is_some_and(|error| !error.is_empty()),
            "{path}"
        );
    }
}

/// A refusal that comes before the body has been read must not cost the client its connection.
#[tokio::test]
async fn a_connection_survives_a_body_that_nobody_wanted() {
    let app = TestApp::demo().await;
    let mut connection = TcpStream::connect(app.address).await.expect("connected");
    let head = "POST /v1/nothing-here HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n";
    connection.write_all(head.as_bytes()).await.expect("sent");
    connection.write_all(b"{\"a\":").await.expect("sent");
    let next = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    connection.write_all(next.as_bytes()).await.expect("sent");
    let mut answers = String::new();
    let read = connection.read_to_string(&mut answers);
    within("two answers", read).await.expect("answers");
    assert!(answers.starts_with("HTTP/1.1 404 "), "{answers}");
    assert!(answers.contains("HTTP/1.1 200 OK"), "{answers}");
    assert!(answers.contains("\"healthy\""), "{answers}");
}
