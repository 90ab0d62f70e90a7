//! Draws a stream from an upstream and reads it event by event. Used twice: while the first content
//! is awaited, when a failure can still fall back, and afterwards, when it is relayed.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use dialects::error::UpstreamError;
use domain::{TokenUsage, Used};
use tokio::time::{Instant, Sleep};

use super::{events::Events, reader::Reader};
use crate::{dispatch::attempt::Slot, providers::UpstreamBody};

/// What the upstream's next piece amounts to.
#[derive(Debug)]
pub enum Step {
    /// Events to hand on; `content` says that the model has spoken.
    Flow { out: Bytes, content: bool },
    /// The end: `out`, and then `last`, the dialect's own final event.
    End { out: Bytes, last: Bytes },
    /// The stream broke.
    Broken { out: Bytes, broken: BrokenStream },
}

/// How a stream broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenStream {
    /// Reads after the backend's name: "broke off its answer".
    pub message: String,
    pub timed_out: bool,
    /// The HTTP status that the upstream's own error would have had.
    pub status: Option<u16>,
    /// What that error says.
    pub error: Option<UpstreamError>,
    /// The upstream's own error event, in the client's dialect.
    pub event: Option<Bytes>,
}

impl BrokenStream {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            timed_out: false,
            status: None,
            error: None,
            event: None,
        }
    }
}

/// A stream being drawn.
#[derive(Debug)]
pub struct Pump {
    upstream: UpstreamBody,
    events: Events,
    reader: Reader,
    /// The model has said why it stopped; an upstream that then just hangs up has ended its answer.
    finished: bool,
    idle_timeout: Duration,
    /// Fires at the earliest when the upstream may have been idle for too long; moved on lazily, so
    /// that a chunk costs no timer.
    idle: Pin<Box<Sleep>>,
    last_piece: Instant,
    /// The call's place in the upstream's limits, until the stream ends.
    slot: Option<Slot>,
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Pump {
    /// Gives up the call's place in the upstream's limits.
    pub fn leave(&mut self) {
        if let Some(slot) = self.slot.take() {
            slot.settle(self.reader.usage(0).tokens.total());
        }
    }

    #[must_use]
    pub fn new(
        upstream: UpstreamBody,
        events: Events,
        reader: Reader,
        idle_timeout: Duration,
        slot: Slot,
    ) -> Self {
        let now = Instant::now();
        Self {
            upstream,
            events,
            reader,
            finished: false,
            idle_timeout,
            idle: Box::pin(tokio::time::sleep_until(now + idle_timeout)),
            last_piece: now,
            slot: Some(slot),
        }
    }

    /// A typed error event, in the client's dialect.
    #[must_use]
    pub fn error_event(&mut self, message: &str, request_id: &str) -> Bytes {
        self.reader.error_event(message, request_id)
    }

    /// When something came last.
    #[must_use]
    pub const fn last_piece(&self) -> Instant {
        self.last_piece
    }

    /// See [`dialects::StreamReader::usage`].
    #[must_use]
    pub fn usage(&self, input_estimate: u64) -> Used {
        self.reader.usage(input_estimate)
    }

    /// What a stream may be billed for that has failed before its first content. An upstream that says
    /// itself that it failed bills for what it has reported; one that goes silent has read
    /// `text_bytes` of input.
    #[must_use]
    pub fn used_before_failure(&self, broken: &BrokenStream, text_bytes: usize) -> Option<Used> {
        let refused = broken.error.is_some();
        let estimate = match refused {
            true => 0,
            false => dialects::stream::estimate_tokens(text_bytes),
        };
        let used = self.usage(estimate);
        (used.tokens != TokenUsage::default()).then_some(used)
    }

    /// Draws on until there is something to do.
    pub fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        loop {
            // Events left from the last piece come first.
            if let Some(step) = self.read_events() {
                return Poll::Ready(step);
            }
            let Poll::Ready(piece) = self.upstream.poll_piece(cx) else {
                ready!(self.poll_idle(cx));
                let mut broken =
                    BrokenStream::new(format!("sent nothing for {:?}", self.idle_timeout));
                broken.timed_out = true;
                return Poll::Ready(Step::Broken {
                    out: Bytes::new(),
                    broken,
                });
            };
            let broken = match piece {
                Some(Ok(piece)) => {
                    self.last_piece = Instant::now();
                    match self.events.push(piece) {
                        Ok(()) => continue,
                        Err(error) => BrokenStream::new(format!("cannot be read: {error}")),
                    }
                }
                Some(Err(error)) => BrokenStream::new(error.to_string()),
                None => match self.reader.end(self.finished) {
                    Some(last) => {
                        return Poll::Ready(Step::End {
                            out: Bytes::new(),
                            last,
                        });
                    }
                    None => BrokenStream::new("ended its answer before it was complete"),
                },
            };
            return Poll::Ready(Step::Broken {
                out: Bytes::new(),
                broken,
            });
        }
    }

    /// Reads the whole events that have arrived; `None` when there are none.
    fn read_events(&mut self) -> Option<Step> {
        let mut out = Joined::default();
        let mut content = false;
        let mut any = false;
        loop {
            let read = match self.events.next_event() {
                Ok(None) => break,
                Ok(Some(event)) => self.reader.event(event).map_err(|e| e.to_string()),
                Err(error) => Err(error),
            };
            any = true;
            let observed = match read {
                Ok(observed) => observed,
                Err(error) => {
                    return Some(Step::Broken {
                        out: out.into_bytes(),
                        broken: BrokenStream::new(format!("sent what cannot be read: {error}")),
                    });
                }
            };
            if let Some(failure) = observed.failure {
                return Some(Step::Broken {
                    out: out.into_bytes(),
                    broken: BrokenStream {
                        message: format!("failed in mid-answer: {}", failure.message),
                        timed_out: false,
                        status: failure.status,
                        error: Some(UpstreamError::of_message(failure.message)),
                        event: observed.forward,
                    },
                });
            }
            content |= observed.content;
            self.finished |= observed.finished;
            let forward = observed.forward.unwrap_or_default();
            if observed.terminal {
                return Some(Step::End {
                    out: out.into_bytes(),
                    last: forward,
                });
            }
            out.push(forward);
        }
        any.then(|| Step::Flow {
            out: out.into_bytes(),
            content,
        })
    }

    /// Ready when the upstream has been idle for too long.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.idle.as_mut().poll(cx));
            let due = self.last_piece + self.idle_timeout;
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            self.idle.as_mut().reset(due);
        }
    }

    /// Reads what little is left behind the final event, so that the connection can be used again.
    /// True when the upstream's answer is wholly read, or will not be.
    pub fn poll_drained(&mut self, cx: &mut Context<'_>) -> bool {
        matches!(
            self.upstream.poll_piece(cx),
            Poll::Ready(None | Some(Err(_)))
        )
    }
}

/// Bytes put together; a single piece is not copied.
#[derive(Default)]
struct Joined {
    first: Bytes,
    more: BytesMut,
}

impl Joined {
    fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
        } else if self.more.is_empty() && self.first.is_empty() {
            self.first = piece;
        } else {
            if self.more.is_empty() {
                self.more.reserve(2 * (self.first.len() + piece.len()));
                self.more.extend_from_slice(&self.first);
            }
            self.more.extend_from_slice(&piece);
        }
    }

    fn into_bytes(self) -> Bytes {
        if self.more.is_empty() {
            self.first
        } else {
            self.more.freeze()
        }
    }
}
