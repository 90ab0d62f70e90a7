//! The demo backend: a model that is played, inside the binary, without network, key or cost. It
//! answers both dialects from the request alone, the same each time, and breaks on demand by model
//! name. It exists for trying the router out and for tests; it never stands in for a real model.
//!
//! A word is a token. A tool is called when `tool_choice` demands one, or when the last user text
//! names one; its arguments are made from its schema. A tool's result is quoted back.

mod anthropic_wire;
mod openai_wire;
mod play;

use std::{
    collections::VecDeque,
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use domain::{Dialect, NanoUsd, Price, pricing::Rates};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use tokio::time::Sleep;

use super::{BodyBroken, UpstreamBody, UpstreamResponse};
use crate::transform::UpstreamRequest;

/// The models of the demo backend, and what each does.
pub const MODELS: [(&str, &str); 5] = [
    ("demo", "answers"),
    (
        "demo-429",
        "refuses with 429 and a Retry-After of one second",
    ),
    ("demo-500", "fails with 500"),
    ("demo-slow", "pauses for two seconds, then between words"),
    ("demo-cut", "breaks off in the middle of its answer"),
];

/// What the demo's tokens are said to cost: enough to see a budget move. Nobody is billed.
#[must_use]
pub fn price() -> Price {
    const INPUT: NanoUsd = NanoUsd(150_000_000);
    Rates {
        input: INPUT,
        cache_read: INPUT,
        cache_write_5m: INPUT,
        cache_write_1h: INPUT,
        output: NanoUsd(600_000_000),
    }
    .into()
}

const SLOW_START: Duration = Duration::from_secs(2);
const SLOW_PAUSE: Duration = Duration::from_millis(200);
/// After how many pieces `demo-cut` breaks off.
const CUT_AFTER: usize = 4;

/// Something that the demo's upstream does.
#[derive(Debug)]
enum Act {
    Send(Bytes),
    Pause(Duration),
    Break,
}

/// The body of a scripted answer.
#[derive(Debug)]
pub struct ScriptedBody {
    acts: VecDeque<Act>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl ScriptedBody {
    fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        Self {
            acts: acts.into_iter().collect(),
            pause: None,
        }
    }

    pub(super) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyBroken>>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match self.acts.pop_front() {
                None => return Poll::Ready(None),
                Some(Act::Send(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Act::Break) => return Poll::Ready(Some(Err(BodyBroken))),
                Some(Act::Pause(length)) => {
                    self.pause = Some(Box::pin(tokio::time::sleep(length)));
                }
            }
        }
    }
}

/// Plays an answer.
#[must_use]
pub fn answer(request: &UpstreamRequest<'_>) -> UpstreamResponse {
    let head = &request.client.head;
    let model = request.deployment.model.as_str();
    let dialect = request.dialect;
    match model {
        "demo-429" => {
            return refuse(
                dialect,
                StatusCode::TOO_MANY_REQUESTS,
                "this demo model is always rate limited",
            );
        }
        "demo-500" => {
            return refuse(
                dialect,
                StatusCode::INTERNAL_SERVER_ERROR,
                "this demo model always fails",
            );
        }
        _ => {}
    }
    let body = request.body.clone().into_bytes();
    let Ok(asked) = serde_json::from_slice(&body) else {
        return refuse(
            dialect,
            StatusCode::BAD_REQUEST,
            "the request body is not valid JSON",
        );
    };
    let id = play::id(&body);
    let turn = match play::turn(dialect, &asked) {
        Ok(turn) => turn,
        Err(problem) => return refuse(dialect, StatusCode::BAD_REQUEST, &problem),
    };
    let pieces = match (dialect, head.stream) {
        (Dialect::AnthropicMessages, false) => vec![anthropic_wire::whole(&turn, model, &id)],
        (Dialect::AnthropicMessages, true) => anthropic_wire::stream(&turn, model, &id),
        (_, false) => vec![openai_wire::whole(&turn, model, &id)],
        (_, true) => openai_wire::stream(&turn, model, &id, &asked),
    };
    let content_type = if head.stream {
        "text/event-stream"
    } else {
        "application/json"
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    UpstreamResponse {
        status: StatusCode::OK,
        headers,
        body: UpstreamBody::Scripted(ScriptedBody::new(acts(model, pieces))),
    }
}

fn acts(model: &str, pieces: Vec<String>) -> Vec<Act> {
    let sends = pieces.into_iter().map(|piece| Act::Send(piece.into()));
    match model {
        "demo-slow" => std::iter::once(Act::Pause(SLOW_START))
            .chain(sends.flat_map(|send| [send, Act::Pause(SLOW_PAUSE)]))
            .collect(),
        "demo-cut" => {
            let mut acts: Vec<Act> = sends.collect();
            // A whole answer is one piece; half of it arrives.
            if let [Act::Send(whole)] = acts.as_mut_slice() {
                whole.truncate(whole.len() / 2);
            }
            acts.truncate(CUT_AFTER);
            acts.push(Act::Break);
            acts
        }
        _ => sends.collect(),
    }
}

fn refuse(dialect: Dialect, status: StatusCode, message: &str) -> UpstreamResponse {
    let body = match dialect {
        Dialect::AnthropicMessages => anthropic_wire::error(status, message),
        _ => openai_wire::error(status, message),
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    UpstreamResponse {
        status,
        headers,
        body: UpstreamBody::Scripted(ScriptedBody::new([Act::Send(body.into())])),
    }
}
