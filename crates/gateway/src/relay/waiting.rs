//! What a client hears while there is nothing to tell: comments, or pings in Anthropic's dialect, so that
//! neither it nor anything between takes the connection for dead. Where the first content is slow to
//! come, the answer's head goes out before it; a failure is then told by an event.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use dialects::stream::error_event;
use domain::{Dialect, RequestId};
use http::{
    HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use tokio::time::{Instant, Sleep};

use crate::{GatewayError, ResponseBody, relay::stream::StreamRelay};

/// An answer on its way.
pub type Answering =
    Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, GatewayError>> + Send>>;

/// A stream that says now and then that it is there.
pub struct KeptAlive {
    state: State,
    dialect: Dialect,
    request_id: RequestId,
    every: Duration,
    /// Fires at the earliest when something is to be said; moved on lazily, so that a chunk costs no
    /// timer.
    sleep: Pin<Box<Sleep>>,
    last: Instant,
}

enum State {
    Waiting(Answering),
    Flowing(StreamRelay),
    Done,
}

impl std::fmt::Debug for KeptAlive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptAlive")
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl KeptAlive {
    fn new(state: State, dialect: Dialect, request_id: RequestId, every: Duration) -> Self {
        let now = Instant::now();
        Self {
            state,
            dialect,
            request_id,
            every,
            sleep: Box::pin(tokio::time::sleep_until(now + every)),
            last: now,
        }
    }

    /// A stream that flows already.
    #[must_use]
    pub fn flowing(
        relay: StreamRelay,
        dialect: Dialect,
        request_id: RequestId,
        every: Duration,
    ) -> Self {
        Self::new(State::Flowing(relay), dialect, request_id, every)
    }

    /// The next bytes for the client; `None` at the end.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let next = match &mut self.state {
                State::Done => return Poll::Ready(None),
                State::Flowing(relay) => relay.poll_next(cx),
                State::Waiting(answering) => match answering.as_mut().poll(cx) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(Ok(response)) if response.status().is_success() => {
                        match response.into_body().into_stream() {
                            Ok(relay) => self.state = State::Flowing(relay),
                            // A whole answer, where a stream was asked for, is kept from an earlier request.
                            Err(whole) => {
                                self.state = State::Done;
                                return Poll::Ready(Some(whole));
                            }
                        }
                        continue;
                    }
                    Poll::Ready(Ok(refused)) => {
                        let message = format!("the request was refused with {}", refused.status());
                        Poll::Ready(Some(self.fail(&message)))
                    }
                    Poll::Ready(Err(error)) => Poll::Ready(Some(self.fail(&error.to_string()))),
                },
            };
            if next.is_ready() {
                self.last = Instant::now();
                return next;
            }
            ready!(self.sleep.as_mut().poll(cx));
            let due = self.last + self.every;
            let now = Instant::now();
            if due <= now {
                self.last = now;
                self.sleep.as_mut().reset(now + self.every);
                return Poll::Ready(Some(sign_of_life(self.dialect)));
            }
            self.sleep.as_mut().reset(due);
        }
    }

    fn fail(&mut self, message: &str) -> Bytes {
        self.state = State::Done;
        error_event(self.dialect, message, &self.request_id.to_string())
    }
}

/// Between two events, where a reader of any kind passes it over.
fn sign_of_life(dialect: Dialect) -> Bytes {
    Bytes::from_static(match dialect {
        Dialect::AnthropicMessages => b"event: ping\ndata: {\"type\": \"ping\"}\n\n",
        _ => b": keep-alive\n\n",
    })
}

/// Waits for an answer to a request for a stream. What takes longer than `every` is told so.
///
/// # Errors
/// The request failed before that.
pub async fn answer_in_time(
    mut answering: Answering,
    dialect: Dialect,
    request_id: RequestId,
    every: Duration,
) -> Result<Response<ResponseBody>, GatewayError> {
    if let Ok(answered) = tokio::time::timeout(every, &mut answering).await {
        return answered.map(|response| {
            let (head, body) = response.into_parts();
            Response::from_parts(head, body.kept_alive(dialect, request_id, every))
        });
    }
    let kept_alive = KeptAlive::new(State::Waiting(answering), dialect, request_id, every);
    let mut response = Response::new(ResponseBody::kept(kept_alive));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}
