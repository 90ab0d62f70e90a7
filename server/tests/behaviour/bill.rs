//! The bill: upstreams that keep one of their own, and a router that is hung up on, cut off, refused,
//! sent on to others and killed. What an upstream has reported is in the ledger to the nano-dollar, once;
//! what it could not report is there as an estimate; what it has refused costs nothing.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use domain::{Dialect, RequestId};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{
    Answer, LedgerFile, MASTER_KEY, Process, Received, Row, Setup, Upstream, backend,
    converse_backend, converse_events, invoke_backend, invoke_event, load, until, verify, within,
};

const ROUNDS: usize = 4;
const PER_ROUND: usize = 500;
const CLIENTS: usize = 16;
/// The input of the upstream call with the number n is as long as this and n tokens, so that a row
/// tells of which call it is.
const FIRST_INPUT: i64 = 100_000;
const GROUPS: &str = "groups:
  - { name: chat, members: [{ backend: a, model: up-a }, { backend: b, model: up-b }] }
  - { name: messages, members: [{ backend: c, model: up-c }, { backend: a, model: up-a }] }
  - { name: converse, members: [{ backend: d, model: up-d }, { backend: c, model: up-c }] }
  - { name: invoke, members: [{ backend: e, model: up-e }, { backend: a, model: up-a }] }
  - { name: responses, members: [{ backend: f, model: up-f }, { backend: e, model: up-e }] }
  - { name: plain, members: [{ backend: b, model: up-b }, { backend: f, model: up-f }] }
";

const MODELS: [&str; 6] = [
    "chat",
    "messages",
    "converse",
    "invoke",
    "responses",
    "plain",
];

/// What an upstream asks for one call.
#[derive(Clone, Copy, Debug)]
struct Billed {
    input: i64,
    whole: i64,
    /// It has said so, or may have: the usage was on its way before the connection broke.
    reported: bool,
}

/// The upstreams' book. Calls that were refused are not in it.
#[derive(Clone, Default)]
struct Book(Arc<Mutex<Vec<Billed>>>);

impl Book {
    fn calls(&self) -> Vec<Billed> {
        self.0.lock().expect("no panic elsewhere").clone()
    }

    /// Answers a call: refuses it, breaks off, or serves it to its end.
    fn answer(&self, request: &Received) -> Answer {
        match fastrand::u8(..100) {
            0..8 => return Answer::error(429, "{}").header("retry-after", "0"),
            8..14 => return Answer::error(503, "{}"),
            _ => {}
        }
        let (mut cached, mut output) = (fastrand::i64(0..5_000), fastrand::i64(200..2_000));
        if request.path.ends_with("/embeddings") {
            (cached, output) = (0, 0);
        }
        let mut book = self.0.lock().expect("no panic elsewhere");
        let input = FIRST_INPUT + i64::try_from(book.len()).expect("few calls");
        // Where nothing is cut there is nothing behind which it could be.
        let cut = |length: usize| {
            let at = (fastrand::u8(..100) < 12).then(|| fastrand::usize(0..length));
            at.unwrap_or(length)
        };
        let stream =
            request.path.ends_with("-stream") || request.text().contains(r#""stream":true"#);
        let (kind, frames, telling) = if stream {
            streamed(&request.path, input, cached, output)
        } else {
            (
                "application/json",
                halves(&request.path, input, cached, output),
                1,
            )
        };
        let sent = cut(frames.len());
        book.push(Billed {
            input: input * 2_500,
            whole: input * 2_500 + cached * 1_250 + output * 10_000,
            reported: sent > telling,
        });
        match sent == frames.len() {
            true if stream => Answer::stream(kind, frames),
            true => Answer::json(frames.concat()),
            false => Answer::cut(kind, frames.into_iter().take(sent)),
        }
    }
}

/// A whole answer in two parts, neither of which is one.
fn halves(path: &str, input: i64, cached: i64, output: i64) -> Vec<Vec<u8>> {
    let body = if path.ends_with("/embeddings") {
        json!({
            "object": "list", "model": "up",
            "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}],
            "usage": {"prompt_tokens": input, "total_tokens": input},
        })
    } else if path.ends_with("/responses") {
        responses_object(input, cached, output, "completed")
    } else if path.ends_with("/completions") && !path.ends_with("/chat/completions") {
        json!({
            "id": "c", "object": "text_completion", "created": 1, "model": "up",
            "choices": [{"index": 0, "finish_reason": "stop", "text": "Hello there", "logprobs": null}],
            "usage": openai_usage(input, cached, output),
        })
    } else if path.ends_with("/converse") {
        json!({
            "output": {"message": {"role": "assistant", "content": [{"text": "Hello there"}]}},
            "stopReason": "end_turn",
            "usage": {
                "inputTokens": input, "outputTokens": output, "cacheReadInputTokens": cached,
                "totalTokens": input + cached + output,
            },
            "metrics": {"latencyMs": 1},
        })
    } else if path.ends_with("/messages") || path.ends_with("/invoke") {
        json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "up",
            "content": [{"type": "text", "text": "Hello there"}], "stop_reason": "end_turn",
            "usage": {
                "input_tokens": input, "cache_read_input_tokens": cached, "output_tokens": output,
            },
        })
    } else {
        json!({
            "id": "c", "object": "chat.completion", "created": 1, "model": "up",
            "choices": [{
                "index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": "Hello there"},
            }],
            "usage": openai_usage(input, cached, output),
        })
    };
    let body = body.to_string().into_bytes();
    let (first, second) = body.split_at(body.len() / 2);
    vec![first.to_vec(), second.to_vec()]
}

/// A response of the Responses API.
fn responses_object(input: i64, cached: i64, output: i64, status: &str) -> Value {
    let complete = status == "completed";
    json!({
        "id": "resp_1", "object": "response", "created_at": 1, "model": "up", "status": status,
        "output": if complete { json!([{
            "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "Hello there", "annotations": []}],
        }]) } else { json!([]) },
        "usage": if complete { json!({
            "input_tokens": input + cached, "output_tokens": output,
            "total_tokens": input + cached + output,
            "input_tokens_details": {"cached_tokens": cached},
            "output_tokens_details": {"reasoning_tokens": 0},
        }) } else { Value::Null },
    })
}

fn openai_usage(input: i64, cached: i64, output: i64) -> Value {
    json!({
        "prompt_tokens": input + cached, "completion_tokens": output,
        "total_tokens": input + cached + output,
        "prompt_tokens_details": {"cached_tokens": cached},
    })
}

/// A stream, and which of its frames tells the whole usage.
fn streamed(
    path: &str,
    input: i64,
    cached: i64,
    output: i64,
) -> (&'static str, Vec<Vec<u8>>, usize) {
    const EVENTS: &str = "text/event-stream";
    if path.ends_with("converse-stream") {
        let usage = json!({
            "inputTokens": input, "outputTokens": output, "cacheReadInputTokens": cached,
            "totalTokens": input + cached + output,
        });
        let frames = converse_events(&["Hel", "lo ", "there"], &usage);
        let telling = frames.len() - 1;
        return ("application/vnd.amazon.eventstream", frames, telling);
    }
    let mut frames = Vec::new();
    let invoke = path.ends_with("/invoke-with-response-stream");
    let mut event = |name: &str, mut data: Value| {
        data["type"] = name.into();
        frames.push(match invoke {
            true => invoke_event(&data),
            false => format!("event: {name}\ndata: {data}\n\n").into_bytes(),
        });
    };
    if path.ends_with("/responses") {
        let at = |mut data: Value| {
            data["output_index"] = 0.into();
            data["item_id"] = "msg_1".into();
            data["content_index"] = 0.into();
            data
        };
        let begun = responses_object(input, cached, output, "in_progress");
        event(
            "response.created",
            json!({"response": begun, "sequence_number": 0}),
        );
        let item = json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []});
        event(
            "response.output_item.added",
            json!({"output_index": 0, "item": item, "sequence_number": 1}),
        );
        let part = json!({"type": "output_text", "text": "", "annotations": []});
        event(
            "response.content_part.added",
            at(json!({"part": part, "sequence_number": 2})),
        );
        for (number, text) in ["Hel", "lo ", "there"].into_iter().enumerate() {
            event(
                "response.output_text.delta",
                at(json!({"delta": text, "sequence_number": 3 + number})),
            );
        }
        event(
            "response.output_text.done",
            at(json!({"text": "Hello there", "sequence_number": 6})),
        );
        let part = json!({"type": "output_text", "text": "Hello there", "annotations": []});
        event(
            "response.content_part.done",
            at(json!({"part": part, "sequence_number": 7})),
        );
        let done = responses_object(input, cached, output, "completed");
        let item = done["output"][0].clone();
        event(
            "response.output_item.done",
            json!({"output_index": 0, "item": item, "sequence_number": 8}),
        );
        event(
            "response.completed",
            json!({"response": done, "sequence_number": 9}),
        );
        return (EVENTS, frames, 9);
    }
    if path.ends_with("/messages") || invoke {
        event(
            "message_start",
            json!({"message": {
                "id": "m", "type": "message", "role": "assistant", "model": "up", "content": [],
                "usage": {"input_tokens": input, "cache_read_input_tokens": cached, "output_tokens": 1},
            }}),
        );
        event(
            "content_block_start",
            json!({"index": 0, "content_block": {"type": "text", "text": ""}}),
        );
        for text in ["Hel", "lo ", "there"] {
            event(
                "content_block_delta",
                json!({"index": 0, "delta": {"type": "text_delta", "text": text}}),
            );
        }
        event("content_block_stop", json!({"index": 0}));
        event(
            "message_delta",
            json!({
                "delta": {"stop_reason": "end_turn", "stop_sequence": null},
                "usage": {"output_tokens": output},
            }),
        );
        event("message_stop", json!({}));
        let kind = match invoke {
            true => "application/vnd.amazon.eventstream",
            false => EVENTS,
        };
        return (kind, frames, 6);
    }
    let plain = !path.ends_with("/chat/completions");
    let mut chunk = |choices: Value, usage: Value| {
        let data = json!({
            "id": "c", "created": 1, "model": "up", "choices": choices, "usage": usage,
            "object": if plain { "text_completion" } else { "chat.completion.chunk" },
        });
        frames.push(format!("data: {data}\n\n").into_bytes());
    };
    for text in ["Hel", "lo ", "there"] {
        let said = match plain {
            true => json!([{"index": 0, "text": text, "finish_reason": null}]),
            false => json!([{"index": 0, "delta": {"content": text}, "finish_reason": null}]),
        };
        chunk(said, Value::Null);
    }
    let stop = match plain {
        true => json!([{"index": 0, "text": "", "finish_reason": "stop"}]),
        false => json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]),
    };
    chunk(stop, Value::Null);
    chunk(json!([]), openai_usage(input, cached, output));
    frames.push(b"data: [DONE]\n\n".to_vec());
    (EVENTS, frames, 4)
}

/// What the clients know.
#[derive(Default)]
struct Known {
    begun: AtomicUsize,
    /// Answers that were read to their end.
    whole: Mutex<Vec<RequestId>>,
}

struct Caller {
    client: reqwest::Client,
    url: String,
    key: String,
    known: Arc<Known>,
}

impl Caller {
    /// Calls until `last` requests were begun, or nobody answers any more.
    async fn work(self, last: usize) {
        while self.known.begun.fetch_add(1, Ordering::SeqCst) < last {
            if self.call().await.is_none() {
                return;
            }
        }
    }

    async fn call(&self) -> Option<()> {
        let mut model = *fastrand::choice(&MODELS).expect("some");
        let mut stream = fastrand::bool();
        let (path, body) = match fastrand::u8(..8) {
            0..2 => (
                "/v1/responses",
                json!({"model": model, "stream": stream, "input": "Say hello", "store": false}),
            ),
            2 => (
                "/v1/completions",
                json!({"model": model, "stream": stream, "prompt": "Say hello", "max_tokens": 3_000}),
            ),
            3 => {
                // Two kinds of backends have them.
                (model, stream) = ("plain", false);
                (
                    "/v1/embeddings",
                    json!({"model": model, "input": "Say hello"}),
                )
            }
            turn => (
                ["/v1/chat/completions", "/v1/messages"][usize::from(turn % 2)],
                json!({
                    "model": model, "stream": stream, "max_tokens": 3_000,
                    "messages": [{"role": "user", "content": "Say hello"}],
                }),
            ),
        };
        let request = self.client.post(format!("{}{path}", self.url)).json(&body);
        let mut response = request.bearer_auth(&self.key).send().await.ok()?;
        let status = response.status().as_u16();
        assert!([200, 429, 502, 503].contains(&status), "{path}: {status}");
        let id = response.headers().get("x-request-id").cloned();
        if stream && fastrand::u8(..4) == 0 {
            for _ in 0..fastrand::usize(0..9) {
                let chunk = response.chunk().await.ok().flatten();
                if chunk.is_none() {
                    break;
                }
            }
            // And hangs up.
            return Some(());
        }
        let Ok(body) = response.text().await else {
            // Cut off or killed: the next call tells which.
            return Some(());
        };
        if status == 200 && !body.contains(r#""error":{"#) {
            let id = id.as_ref().and_then(|id| id.to_str().ok());
            let id = id.and_then(RequestId::parse).expect("a request id");
            self.known
                .whole
                .lock()
                .expect("no panic elsewhere")
                .push(id);
        }
        Some(())
    }
}

/// Compares the ledger with the upstreams' book.
fn compare(rows: &[Row], calls: &[Billed], whole: &[RequestId], cut_short: usize) {
    let mut seen = HashSet::new();
    let (mut exact, mut estimated) = (0, 0);
    for row in rows.iter().filter(|row| row.cost_nano.unwrap_or(0) > 0) {
        let cost = row.cost_nano.expect("a price");
        let number = usize::try_from(row.input_tokens - FIRST_INPUT).ok();
        let call = number.map(|number| {
            assert!(seen.insert(number), "billed twice: {row:?}");
            calls[number]
        });
        match call {
            Some(call) if !row.usage_estimated => {
                assert!(call.reported, "{row:?}");
                assert_eq!(cost, call.whole, "{row:?}");
                exact += 1;
            }
            // The input was reported; of the output at least what was sent is counted.
            Some(call) => {
                assert!(cost >= call.input && cost <= call.whole, "{row:?} {call:?}");
                estimated += 1;
            }
            None => {
                assert!(row.usage_estimated, "{row:?}");
                estimated += 1;
            }
        }
    }
    // Each call that was answered is one row; a kill may have come before a call got through.
    let billed = exact + estimated;
    let most = calls.len() + cut_short;
    assert!(
        (calls.len()..=most).contains(&billed),
        "{billed} rows of {} calls",
        calls.len()
    );
    // An answer that came whole was told whole.
    let of = |id: &RequestId| {
        let id = id.0.to_be_bytes();
        rows.iter().find(|row| row.is_final && row.request_id == id)
    };
    for id in whole {
        let row = of(id).unwrap_or_else(|| panic!("no row of {id:?}"));
        assert!(!row.usage_estimated, "{row:?}");
        assert!(row.cost_nano.unwrap_or(0) > 0, "{row:?}");
    }
    assert!(exact >= whole.len());
    // Every kind of backend and every dialect is among those that were billed exactly.
    let exact = || {
        rows.iter()
            .filter(|row| row.is_final && !row.usage_estimated)
    };
    for model in ["up-a", "up-b", "up-c", "up-d", "up-e", "up-f"] {
        assert!(exact().any(|row| row.upstream_model == model), "{model}");
    }
    for dialect in Dialect::ALL {
        let passed_through = matches!(dialect, Dialect::OpenaiMedia | Dialect::BedrockConverse);
        assert!(
            passed_through || exact().any(|row| row.dialect == dialect.as_str()),
            "{dialect:?}"
        );
    }
}

/// Waits until nothing is noted as running and no row comes any more.
async fn settled(ledger: &LedgerFile) {
    until("the end of all requests", async || {
        let mut running = 0;
        for model in MODELS {
            running += ledger.open(model);
        }
        (running == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_is_the_upstreams_bill() {
    let book = Book::default();
    let mut upstreams = Vec::new();
    for _ in 0..6 {
        let upstream = Upstream::start().await;
        let book = book.clone();
        upstream.always(move |request| book.answer(request));
        upstreams.push(upstream);
    }
    let retries = "max_retries: 1, ";
    let (chat, messages) = (Dialect::OpenaiChat, Dialect::AnthropicMessages);
    let setup = Setup {
        rest: GROUPS,
        ..Setup::backends([
            backend(chat, "a", &upstreams[0].url(), retries),
            backend(chat, "b", &upstreams[1].url(), retries),
            backend(messages, "c", &upstreams[2].url(), retries),
            converse_backend("d", upstreams[3].url().trim_end_matches("/v1"), retries),
            invoke_backend("e", upstreams[4].url().trim_end_matches("/v1"), retries),
            backend(chat, "f", &upstreams[5].url(), retries)
                .replace("kind: openai_compatible", "kind: openai"),
        ])
    };
    let mut process = Process::start(&setup).await;
    let request = process.client.post(format!("{}/admin/users", process.url));
    let request = request
        .bearer_auth(MASTER_KEY)
        .json(&json!({"name": "ada", "monthly_budget": 1_000_000}));
    let made: Value = request
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let key = made["api_key"].as_str().expect("a key");

    let known = Arc::new(Known::default());
    for round in 1..=ROUNDS {
        let mut running = JoinSet::new();
        for _ in 0..CLIENTS {
            let caller = Caller {
                client: process.client.clone(),
                url: process.url.clone(),
                key: key.to_owned(),
                known: Arc::clone(&known),
            };
            running.spawn(caller.work(round * PER_ROUND));
        }
        if round < ROUNDS {
            // In the middle of the last calls of the round.
            let enough = round * PER_ROUND - fastrand::usize(1..50);
            until("calls", async || {
                (known.begun.load(Ordering::SeqCst) >= enough).then_some(())
            })
            .await;
            process.kill_and_restart().await;
        }
        within("the clients", running.join_all()).await;
        // Those that saw the kill left calls that they had begun to count.
        known.begun.store(round * PER_ROUND, Ordering::SeqCst);
    }
    settled(&process.ledger()).await;
    process.terminate();
    assert!(process.ended().await.success());

    let rows = process.ledger().rows().await;
    let whole = known.whole.lock().expect("no panic elsewhere").clone();
    assert!(whole.len() > ROUNDS * PER_ROUND / 2, "{}", whole.len());
    // A kill cuts short at most the one call that each client had running.
    compare(&rows, &book.calls(), &whole, (ROUNDS - 1) * CLIENTS);
    let sum: i64 = rows.iter().filter_map(|row| row.cost_nano).sum();
    assert_eq!(process.ledger().rollups().await.cost_nano, sum);
    let config = load(process.folder.path()).config;
    assert_eq!(verify(&config).await.differences, []);
}
