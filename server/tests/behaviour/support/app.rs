//! The server under test, in this process: its own folder, database, port and clock.

use std::{net::SocketAddr, path::Path, sync::Arc};

use bytes::Bytes;
use domain::{Dialect, RequestId, Timestamp, clock::FixedClock};
use http::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, redirect::Policy};
use serde_json::{Value, json};
use server::{
    config::{Config, Environment, Loaded, Overrides},
    serve::{Server, database_options},
    state::AppState,
};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{LedgerFile, MASTER_KEY, Setup, Upstream, backend, within};

/// Noon in the middle of a month: no period ends while a test runs.
const NOON: Timestamp = Timestamp(1_795_003_200_000);

/// A user made for a test.
#[derive(Clone, Debug)]
pub struct User {
    pub id: i64,
    pub name: String,
    pub key: String,
    /// Has to be changed at the first sign-in.
    pub password: String,
}

/// The server. Its folder goes with it.
pub struct TestApp {
    pub address: SocketAddr,
    pub clock: Arc<FixedClock>,
    pub state: AppState,
    pub folder: TempDir,
    client: Client,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl TestApp {
    /// Starts a server with the demo backend only.
    pub async fn demo() -> Self {
        Self::start(Setup::default()).await
    }

    /// Starts a server with `backends`.
    pub async fn with(backends: impl IntoIterator<Item = String>) -> Self {
        Self::start(Setup::backends(backends)).await
    }

    /// Starts a server with one backend, `main`, and the upstream behind it.
    pub async fn one(dialect: Dialect) -> (Self, Upstream) {
        let upstream = Upstream::start().await;
        let app = Self::with([backend(dialect, "main", &upstream.url(), "")]).await;
        (app, upstream)
    }

    pub async fn start(setup: Setup) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        setup.write(folder.path());
        Self::launch(folder).await
    }

    async fn launch(folder: TempDir) -> Self {
        let loaded = load(folder.path());
        let clock = Arc::new(FixedClock::new(NOON));
        let server = Server::start(loaded, Arc::clone(&clock) as Arc<_>).await;
        let server = server.expect("a server that starts");
        let (address, state) = (server.address(), server.state().clone());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async {
            // Dropped with the test: stop as well.
            let _ = stopped.await;
        }));
        Self {
            address,
            clock,
            state,
            folder,
            client: client(),
            stop: Some(stop),
            running,
        }
    }

    /// Stops the server and starts it again on what it left behind.
    pub async fn restart(mut self) -> Self {
        self.tell_to_stop();
        within("the end of the server", self.running)
            .await
            .expect("an end without panic");
        Self::launch(self.folder).await
    }

    pub fn tell_to_stop(&mut self) {
        drop(self.stop.take());
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.request(method, url)
    }

    pub fn post(&self, path: &str, key: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self.request(Method::POST, path).bearer_auth(key);
        request
            .header("content-type", "application/json")
            .body(body)
    }

    /// `POST /v1/chat/completions`, not sent yet.
    pub fn chat(&self, key: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.post("/v1/chat/completions", key, body)
    }

    /// `POST /v1/messages`, not sent yet.
    pub fn messages(&self, key: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.post("/v1/messages", key, body)
    }

    /// A request in either dialect, not sent yet.
    pub fn ask(
        &self,
        dialect: Dialect,
        key: &str,
        body: impl Into<reqwest::Body>,
    ) -> RequestBuilder {
        match dialect {
            Dialect::OpenaiChat => self.chat(key, body),
            _ => self.messages(key, body),
        }
    }

    /// `GET` with a key.
    pub async fn get(&self, path: &str, key: &str) -> Reply {
        Reply::of(self.request(Method::GET, path).bearer_auth(key)).await
    }

    /// A call of the admin's API, which must succeed.
    pub async fn admin(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.request(method, path).bearer_auth(MASTER_KEY);
        let reply = Reply::of(request.json(&body)).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.json()
    }

    /// A new user without limits.
    pub async fn user(&self) -> User {
        self.user_with("ada", json!({})).await
    }

    /// A new user; `more` are further members of the request.
    pub async fn user_with(&self, name: &str, mut more: Value) -> User {
        more["name"] = name.into();
        let made = self.admin(Method::POST, "/admin/users", more).await;
        let text = |member: &str| made[member].as_str().expect(member).to_owned();
        User {
            id: made["id"].as_i64().expect("an id"),
            name: name.to_owned(),
            key: text("api_key"),
            password: text("password"),
        }
    }

    /// The id of a user's only key.
    pub async fn key_id(&self, user: &User) -> i64 {
        let path = format!("/admin/users/{}/keys", user.id);
        let keys = self.admin(Method::GET, &path, json!({})).await;
        assert_eq!(keys.as_array().map(Vec::len), Some(1));
        keys[0]["id"].as_i64().expect("an id")
    }

    pub fn ledger(&self) -> LedgerFile {
        LedgerFile::in_folder(self.folder.path())
    }
}

/// Reads the configuration that a [`Setup`] has written.
pub fn load(folder: &Path) -> Loaded {
    let overrides = Overrides {
        config: Some(Setup::file(folder)),
        ..Overrides::default()
    };
    let loaded = Config::load(&overrides, &Environment::default());
    loaded.unwrap_or_else(|errors| panic!("{errors}"))
}

/// What `llm-router ledger verify` finds.
pub async fn verify(config: &Config) -> storage::verify::Verified {
    let opened = storage::Database::open_read_only(&database_options(config)).await;
    let database = opened.expect("a database to read");
    let verified = database.verify_ledger(&jiff::tz::TimeZone::UTC).await;
    verified.expect("books")
}

/// A client that follows no redirect and decodes nothing.
pub fn client() -> Client {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is a client of the server under test"
    )]
    let builder = Client::builder();
    let builder = builder.redirect(Policy::none()).no_gzip().no_brotli();
    builder.no_proxy().build().expect("a client")
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub async fn of(request: RequestBuilder) -> Self {
        let sent = within("an answer", request.send()).await;
        Self::rest_of(sent.expect("an answer")).await
    }

    pub async fn rest_of(response: reqwest::Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: within("the end of an answer", response.bytes())
                .await
                .expect("a whole answer"),
        }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// A header as text; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str());
        value.transpose().expect("text").unwrap_or_default()
    }

    pub fn request_id(&self) -> RequestId {
        RequestId::parse(self.header("x-request-id")).expect("a request id")
    }

    /// The message of an error, which both dialects have in the same place.
    pub fn error_message(&self) -> String {
        let error = &self.json()["error"]["message"];
        error.as_str().expect("an error's message").to_owned()
    }
}
