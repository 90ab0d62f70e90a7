//! What the behaviours stand on: the server under test, in this process or as the real binary, an
//! upstream that does as it is told, the ledger as another program would read it. Nothing here
//! asserts a behaviour.

use std::time::Duration;

use domain::Dialect;

mod answer;
mod app;
mod bodies;
mod converse;
mod ledger_file;
mod openid;
mod process;
mod setup;
mod sign_in;
mod upstream;

pub use answer::{Answer, Line};
pub use app::{Reply, TestApp, User, client, load, verify};
pub use bodies::{ask, ask_stream, chat_whole, events, whole};
pub use converse::{converse_backend, converse_events, invoke_backend, invoke_event};
pub use ledger_file::{LedgerFile, Row};
pub use openid::{Asked, CLIENT_ID, CLIENT_SECRET, OpenIdProvider, signed};
pub use process::Process;
pub use setup::{ADMIN_PASSWORD, MASTER_KEY, Setup, backend};
pub use sign_in::Session;
pub use upstream::{Received, Upstream};

/// Both dialects, for behaviours that each of them has.
pub const DIALECTS: [Dialect; 2] = [Dialect::OpenaiChat, Dialect::AnthropicMessages];

/// Far longer than anything here takes; who waits that long waits for what never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Awaits `event`, and fails where it does not come.
pub async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain: {what}"),
    }
}

/// Asks again and again until there is an answer, and fails where none comes.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    within(what, async {
        loop {
            if let Some(value) = ask().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

/// An address on which nobody listens.
pub async fn closed_port() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let address = listener.and_then(|l| l.local_addr()).expect("a free port");
    format!("http://{address}/v1")
}
