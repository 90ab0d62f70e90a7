//! One call of one deployment, up to the point from which it cannot fail unseen any more: the whole
//! answer, or the first content of a stream.

use std::{
    future::poll_fn,
    sync::{Arc, PoisonError},
};

use bytes::{Bytes, BytesMut};
use dialects::{
    Pieces, ResponseError, ResponseHead, StreamReader,
    translate::ClientContext,
    translator::{self, StreamTranslator},
};
use domain::{Dialect, RequestId, ServiceTier, Used};
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use tokio::time::{Instant, timeout};

use dialects::stream::estimate_tokens;

use super::{
    Answer, StartedStream, WholeAnswer,
    failure::{Between, Cause, Failure},
};
use crate::{
    counters::{
        latency::Running,
        rates::{Held, Limited, RateKind, count},
        room::{Line, NoPlace, Place},
        tally::InProgress,
    },
    headers,
    providers::{SendError, UpstreamBody, UpstreamResponse},
    relay::{
        events::{Events, Framing},
        pump::{Pump, Step},
        reader::Reader,
    },
    route::{Candidate, Deployment},
    scripting::Part,
    settings::BackendKind,
    transform::{AnswerForm, ClientRequest, Translation, UpstreamRequest, transform},
};

/// The largest whole answer; beyond images and long texts by far.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// What is kept of an answer with an error status.
const MAX_REFUSAL: usize = 64 * 1024;

/// How much of a stream is held back while its first content is awaited.
const MAX_HEAD: usize = 256 * 1024;

/// Calls a deployment.
///
/// # Errors
/// Whatever keeps it from answering; see [`Failure`].
pub async fn attempt(
    request: &ClientRequest,
    request_id: RequestId,
    candidate: &Candidate,
    place: Option<Place>,
) -> Result<Answer, Failure> {
    let deployment = &candidate.deployment;
    let (scripted, scripts) = match &request.scripts {
        Some(running) => running.on_attempt(request, candidate).await?,
        None => (None, Vec::new()),
    };
    let request = scripted.as_ref().unwrap_or(request);
    let (upstream, form) = transform(request, candidate)?;
    let slot = enter(request, deployment, place)?;
    let timeouts = deployment.backend.settings.timeouts;
    let exchange = Exchange {
        request,
        request_id,
        deployment,
        dialect: upstream.dialect,
        form,
    };
    if request.head.stream {
        // A long stream is no fault: only its pauses are timed.
        let response = exchange.send(upstream).await?;
        return exchange.start_stream(response, slot, scripts).await;
    }
    let whole = async {
        let response = exchange.send(upstream).await?;
        exchange.read_whole(response).await
    };
    let mut whole = timeout(timeouts.total, whole).await.map_err(|_| {
        Failure::new(
            Cause::TimedOut,
            format!("did not complete its answer within {:?}", timeouts.total),
        )
        .billed(exchange.nothing_reported(0))
    })??;
    whole.scripts = scripts;
    slot.settle(whole.used.map_or(0, |used| used.tokens.total()));
    Ok(Answer::Whole(Box::new(whole)))
}

/// The place of a call in its backend's and its model's own limits, until it ends.
#[derive(Debug)]
pub struct Slot {
    _place: Option<Place>,
    _in_progress: InProgress,
    _running: Running,
    held: [Option<Held>; 2],
}

impl Slot {
    /// So many tokens were used.
    pub fn settle(self, tokens: u64) {
        for held in self.held.into_iter().flatten() {
            held.settle(tokens);
        }
    }
}

/// A place among the calls that the backend handles at once, if it has such a limit. Where there is
/// nobody else to ask, `may_wait`, for one to become free.
///
/// # Errors
/// There is none.
pub async fn place(
    deployment: &Deployment,
    line: Line,
    may_wait: bool,
) -> Result<Option<Place>, Failure> {
    let backend = &deployment.backend;
    let Some(room) = &backend.concurrency else {
        return Ok(None);
    };
    if let Some(place) = room.try_enter() {
        return Ok(Some(place));
    }
    let full = |message: &str| Err(Failure::full(message, None));
    let Some(queue) = backend.settings.queue.filter(|_| may_wait) else {
        return full("handles as many calls as it may (max_concurrent)");
    };
    match room.enter(line, queue.max_waiting, queue.max_wait).await {
        Ok(place) => Ok(Some(place)),
        Err(NoPlace::TooMany) => full("has as many calls waiting as may (queue.max_waiting)"),
        Err(NoPlace::TooLong) => full("had no place in time (queue.max_wait)"),
    }
}

/// Counts the attempt in the limits of the backend and of the model.
fn enter(
    request: &ClientRequest,
    deployment: &Deployment,
    place: Option<Place>,
) -> Result<Slot, Failure> {
    let backend = &deployment.backend;
    let now = Instant::now();
    let mut window = backend.settings.rate_limit.map(|limit| {
        let window = backend.window.lock();
        (window.unwrap_or_else(PoisonError::into_inner), limit)
    });
    if let Some((window, limit)) = &mut window {
        let limit = u64::from(limit.requests.get());
        window.check(1, limit, now).map_err(|wait| {
            Failure::full("has no calls left in its window (rate_limit)", Some(wait))
        })?;
    }
    let limited = [
        Limited {
            whose: "backend",
            rates: &backend.rates,
            limits: &backend.settings.limits,
        },
        Limited {
            whose: "model",
            rates: &deployment.live.rates,
            limits: &deployment.limits,
        },
    ];
    let tokens = estimate_tokens(request.head.text_bytes)
        + request
            .head
            .max_output_tokens
            .map_or(0, |n| n.min(USUAL_OUTPUT));
    let (held, _) = count(limited, tokens, now).map_err(|(whose, exceeded)| {
        let what = match exceeded.kind {
            RateKind::Requests => "requests_per_minute",
            RateKind::Tokens => "tokens_per_minute",
            RateKind::Parallel => "max_concurrent",
        };
        let message = format!("has no room for this call ({what} of the {whose})");
        Failure::full(&message, Some(exceeded.retry_after))
    })?;
    if let Some((window, _)) = &mut window {
        window.add(1, now);
    }
    Ok(Slot {
        _place: place,
        _in_progress: backend.tally.begin(),
        _running: deployment.live.latency.begin(),
        held,
    })
}

/// Output tokens that a call is counted for until it is known how many it has.
const USUAL_OUTPUT: u64 = 1_024;

/// One call of one deployment.
struct Exchange<'a> {
    request: &'a ClientRequest,
    request_id: RequestId,
    deployment: &'a Arc<Deployment>,
    /// What the upstream is spoken to in.
    dialect: Dialect,
    form: AnswerForm,
}

impl Exchange<'_> {
    /// Sends the request; an answer with an error status is a failure.
    async fn send(&self, upstream: UpstreamRequest<'_>) -> Result<UpstreamResponse, Failure> {
        let backend = &self.deployment.backend;
        let limit = backend.settings.timeouts.first_byte;
        let response = timeout(limit, backend.provider.send(upstream))
            .await
            .map_err(|_| {
                Failure::new(Cause::TimedOut, format!("did not answer within {limit:?}"))
                    .billed(self.nothing_reported(0))
            })?
            .map_err(|error| {
                // A connection that broke after the request was sent says nothing of what the upstream did.
                let sent = matches!(error, SendError::Broken);
                let failure = Failure::from(error);
                match sent {
                    true => failure.billed(self.nothing_reported(0)),
                    false => failure,
                }
            })?;
        if response.status.is_success() {
            return Ok(response);
        }
        let status = response.status.as_u16();
        let body = read_body(response.body, MAX_REFUSAL, backend.settings.timeouts.idle)
            .await
            .unwrap_or_default();
        let between = Between {
            upstream: self.dialect,
            client: self.request.head.dialect,
            now: self.request_id.unix_millis(),
        };
        Err(Failure::refused(
            backend,
            status,
            &response.headers,
            &body,
            between,
        ))
    }

    async fn read_whole(&self, response: UpstreamResponse) -> Result<WholeAnswer, Failure> {
        let idle = self.deployment.backend.settings.timeouts.idle;
        let body = read_body(response.body, MAX_ANSWER, idle)
            .await
            .map_err(|broken| {
                broken
                    .failure
                    .billed(self.nothing_reported(broken.received))
            })?;
        // All that was announced has come, and it is no answer: nothing to bill.
        let unreadable = |error: ResponseError| {
            Failure::new(Cause::Unreadable, format!("cannot be understood: {error}"))
        };
        let (body, usage, tier, content_bytes) = match &self.form {
            AnswerForm::Native { .. } if !is_json(self.request, &response.headers) => {
                let usage = dialects::response::usage_of_events(&body);
                (Pieces::from(body), usage, ServiceTier::default(), 0)
            }
            AnswerForm::Native { .. } => {
                let head = ResponseHead::read(self.dialect, &body).map_err(unreadable)?;
                let body = head.forward(&body, &self.request.head.model);
                // Pictures and vectors are long, and no text.
                let said = match self.dialect {
                    Dialect::OpenaiMedia | Dialect::OpenaiEmbeddings => 0,
                    _ => body.len(),
                };
                (body, head.usage, head.tier, said)
            }
            AnswerForm::Translated(translation) => {
                let answer = translator::translate_answer(
                    translation.from,
                    &body,
                    &translation.names,
                    self.request.head.dialect,
                    &self.client(translation),
                )
                .map_err(unreadable)?;
                let body = Bytes::from(answer.body);
                if let Some(keeper) = self.request.keeper() {
                    keeper.keep(&body);
                }
                (body.into(), answer.usage, answer.tier, answer.content_bytes)
            }
        };
        Ok(WholeAnswer {
            status: response.status,
            headers: self.answer_headers(response.headers, "application/json"),
            body,
            used: usage.map(|tokens| Used {
                tokens,
                tier,
                estimated: false,
            }),
            content_bytes,
            scripts: Vec::new(),
        })
    }

    /// What a call has used of which the upstream has told nothing, but sent so many bytes.
    fn nothing_reported(&self, received: usize) -> Used {
        nothing_reported(self.request, received)
    }

    fn client(&self, translation: &Translation) -> ClientContext {
        translation.client(
            self.request,
            &self.request_id.to_string(),
            self.request_id.unix_millis() / 1000,
        )
    }

    /// The headers for the client; those of a translated answer are the router's own.
    fn answer_headers(&self, upstream: HeaderMap, content_type: &'static str) -> HeaderMap {
        let client = self.request.head.dialect;
        let same = || -> HeaderMap {
            headers::for_client(&upstream)
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        };
        let (mut headers, dropped) = match &self.form {
            AnswerForm::Native { dropped } => (same(), dropped),
            AnswerForm::Translated(translation) => {
                let family = headers::family(translation.from) == headers::family(client);
                let headers = match family {
                    true => same(),
                    false => headers::translated(&upstream, client, self.request_id.unix_millis()),
                };
                (headers, &translation.dropped)
            }
        };
        // Bedrock frames its streams in a way of its own, which has been taken off.
        let framed = self.deployment.backend.settings.kind == BackendKind::Bedrock;
        if framed || matches!(self.form, AnswerForm::Translated(_)) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if !dropped.is_empty() {
            headers.insert(headers::X_DROPPED, headers::printable(dropped));
        }
        headers
    }
}

/// What a call has used of which the upstream has told nothing, but sent so many bytes.
pub(crate) fn nothing_reported(request: &ClientRequest, received: usize) -> Used {
    Used::estimate(
        estimate_tokens(request.head.text_bytes),
        estimate_tokens(received),
    )
}

/// Whether an answer is JSON: all are, but for recordings, pictures and plain transcripts.
fn is_json(request: &ClientRequest, headers: &HeaderMap) -> bool {
    request.head.dialect != Dialect::OpenaiMedia
        || headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_none_or(|value| value.contains("json"))
}

/// A body that did not arrive whole.
#[derive(Debug)]
pub(crate) struct BrokenBody {
    pub failure: Failure,
    /// Bytes that did arrive.
    pub received: usize,
}

/// Reads a whole body of at most `limit` bytes.
///
/// # Errors
/// It is larger, breaks off, or pauses for longer than `idle`.
pub(crate) async fn read_body(
    mut body: UpstreamBody,
    limit: usize,
    idle: std::time::Duration,
) -> Result<Bytes, BrokenBody> {
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    loop {
        let received = first.len() + more.len();
        let broken = |cause, message| BrokenBody {
            failure: Failure::new(cause, message),
            received,
        };
        let piece = timeout(idle, poll_fn(|cx| body.poll_piece(cx)))
            .await
            .map_err(|_| broken(Cause::TimedOut, format!("sent nothing for {idle:?}")))?;
        let piece = match piece {
            None => break,
            Some(piece) => piece.map_err(|e| broken(Cause::Unreadable, e.to_string()))?,
        };
        if received + piece.len() > limit {
            let message = format!("sent more than {limit} bytes");
            return Err(broken(Cause::Unreadable, message));
        }
        if first.is_empty() && more.is_empty() {
            first = piece;
        } else {
            more.extend_from_slice(&std::mem::take(&mut first));
            more.extend_from_slice(&piece);
        }
    }
    Ok(if more.is_empty() {
        first
    } else {
        more.freeze()
    })
}

/// How the events of a stream are framed; `None` where it is no stream.
fn framing(headers: &HeaderMap, dialect: Dialect) -> Option<Framing> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("text/event-stream")
        .trim_start()
        .to_ascii_lowercase();
    if kind.starts_with("text/event-stream") {
        Some(Framing::ServerSentEvents)
    } else if kind.starts_with("application/vnd.amazon.eventstream") {
        Some(match dialect {
            Dialect::BedrockConverse => Framing::Converse,
            _ => Framing::InvokeModel,
        })
    } else {
        None
    }
}

impl Exchange<'_> {
    async fn start_stream(
        &self,
        response: UpstreamResponse,
        slot: Slot,
        scripts: Vec<Part>,
    ) -> Result<Answer, Failure> {
        let framing = framing(&response.headers, self.dialect).ok_or_else(|| {
            Failure::new(
                Cause::Unreadable,
                "answered a streaming request with something else than a stream",
            )
        })?;
        let head = &self.request.head;
        let reader = match &self.form {
            AnswerForm::Native { .. } => Reader::Native(StreamReader::new(
                head.dialect,
                &head.model,
                head.wants_usage_chunk,
            )),
            AnswerForm::Translated(translation) => {
                Reader::Translated(Box::new(StreamTranslator::new(
                    translation.from,
                    translation.names.clone(),
                    head.dialect,
                    Arc::new(self.client(translation)),
                )))
            }
        };
        let idle = self.deployment.backend.settings.timeouts.idle;
        let events = Events::new(framing);
        let mut pump = Pump::new(response.body, events, reader, idle, slot);
        let mut held = BytesMut::new();
        let last = loop {
            match poll_fn(|cx| pump.poll_step(cx)).await {
                Step::Flow { out, content } => {
                    held.extend_from_slice(&out);
                    if content || held.len() > MAX_HEAD {
                        break None;
                    }
                }
                Step::End { out, last } => {
                    held.extend_from_slice(&out);
                    break Some(last);
                }
                Step::Broken { broken, .. } => {
                    let used = pump.used_before_failure(&broken, self.request.head.text_bytes);
                    let failure = Failure::from(broken);
                    return Err(match used {
                        Some(used) => failure.billed(used),
                        None => failure,
                    });
                }
            }
        };
        Ok(Answer::Stream(Box::new(StartedStream {
            backend: self.deployment.backend.name().to_owned(),
            request_id: self.request_id,
            headers: self.answer_headers(response.headers, "text/event-stream"),
            head: held.freeze(),
            last,
            pump,
            keeper: match &self.form {
                AnswerForm::Native { .. } => None,
                AnswerForm::Translated(_) => self.request.keeper().cloned(),
            },
            scripts,
        })))
    }
}
