//! The process may die at any moment: whatever a client has received in full is in the ledger when it
//! is opened again, and what was running says that it was interrupted.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use domain::RequestId;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{MASTER_KEY, Process, Setup, ask, ask_stream, until, within};

const CLIENTS: usize = 8;
const SLOW: usize = 3;
const ROUNDS: usize = 3;

/// What clients have received in full.
type Received = Arc<Mutex<Vec<RequestId>>>;

/// A client that calls without a pause until nobody answers any more.
struct Caller {
    client: reqwest::Client,
    url: String,
    key: String,
}

impl Caller {
    async fn call(&self, path: &str, body: String) -> Option<reqwest::Response> {
        let request = self.client.post(format!("{}{path}", self.url));
        let sent = request
            .bearer_auth(&self.key)
            .body(body)
            .send()
            .await
            .ok()?;
        assert_eq!(sent.status(), 200);
        Some(sent)
    }

    async fn hammer(self, first: usize, received: Received) {
        for turn in first.. {
            let (path, last) = match turn % 3 {
                0 => ("/v1/messages", "{\"type\":\"message_stop\"}\n\n"),
                _ => ("/v1/chat/completions", "data: [DONE]\n\n"),
            };
            let stream = turn % 2 == 0;
            let body = if stream {
                ask_stream("demo")
            } else {
                ask("demo")
            };
            let Some(response) = self.call(path, body).await else {
                return;
            };
            let id = response.headers().get("x-request-id").cloned();
            let whole = match stream {
                true => final_event(response, last).await,
                false => response.bytes().await.is_ok(),
            };
            if !whole {
                return;
            }
            let id = id.as_ref().and_then(|id| id.to_str().ok());
            let id = id.and_then(RequestId::parse).expect("a request id");
            received.lock().expect("no panic elsewhere").push(id);
        }
    }
}

/// Reads until the final event is there; the connection may break right behind it.
async fn final_event(mut response: reqwest::Response, last: &str) -> bool {
    let mut got = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        got.extend_from_slice(&chunk);
        if got.ends_with(last.as_bytes()) {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_received_in_full_is_in_the_ledger() {
    let mut process = Process::start(&Setup::default()).await;
    let request = process.client.post(format!("{}/admin/users", process.url));
    let request = request
        .bearer_auth(MASTER_KEY)
        .json(&json!({"name": "ada"}));
    let made = request.send().await.expect("an answer");
    let made: Value = made.json().await.expect("JSON");
    let key = made["api_key"].as_str().expect("a key");

    let received = Received::default();
    for round in 1..=ROUNDS {
        let caller = || Caller {
            client: process.client.clone(),
            url: process.url.clone(),
            key: key.to_owned(),
        };
        let mut running = JoinSet::new();
        let slow_ended = Arc::new(AtomicUsize::new(0));
        for _ in 0..SLOW {
            let (caller, ended) = (caller(), Arc::clone(&slow_ended));
            running.spawn(async move {
                caller
                    .call("/v1/chat/completions", ask_stream("demo-slow"))
                    .await;
                ended.fetch_add(1, Ordering::SeqCst);
            });
        }
        until("slow requests to be noted as running", async || {
            (process.ledger().open("demo-slow") == SLOW).then_some(())
        })
        .await;
        let count = || received.lock().expect("no panic elsewhere").len();
        let enough = count() + fastrand::usize(50..250);
        for first in 0..CLIENTS {
            running.spawn(caller().hammer(first, Arc::clone(&received)));
        }
        until("answers", async || (count() >= enough).then_some(())).await;
        assert_eq!(slow_ended.load(Ordering::SeqCst), 0, "too slow a machine");
        process.kill_and_restart().await;
        within("the clients' ends", async {
            while let Some(ended) = running.join_next().await {
                ended.expect("no panic");
            }
        })
        .await;

        let rows = process.ledger().rows().await;
        let booked: std::collections::HashMap<&[u8], &str> = rows
            .iter()
            .map(|row| (row.request_id.as_slice(), row.outcome.as_str()))
            .collect();
        for id in received.lock().expect("no panic elsewhere").iter() {
            let outcome = booked.get(id.0.to_be_bytes().as_slice());
            assert_eq!(outcome, Some(&"completed"), "{id} in round {round}");
        }
        let slow = rows.iter().filter(|row| row.request_model == "demo-slow");
        let slow: Vec<&str> = slow.map(|row| row.outcome.as_str()).collect();
        assert_eq!(slow, vec!["interrupted"; SLOW * round]);
        assert_eq!(process.ledger().open("demo-slow"), 0);
        let sums = process.ledger().rollups().await;
        let cost: i64 = rows.iter().filter_map(|row| row.cost_nano).sum();
        assert_eq!((sums.requests, sums.cost_nano), (rows.len() as i64, cost));
    }
}
