//! A stream on its way to the client. It settles exactly once: when the stream ends, when it breaks,
//! or, if neither happens because the client goes away, when it is dropped.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use domain::{Outcome, RequestId};
use storage::ledger::Commit;

use super::pump::{BrokenStream, Pump, Step};
use crate::{
    dispatch::StartedStream,
    kept_items::Keeper,
    record::CLIENT_CLOSED_REQUEST,
    settle::{Admission, Settlement},
};

/// The status of a stream, which is told before its end is known.
const STREAM_STATUS: u16 = 200;

/// The relay of one stream.
#[derive(Debug)]
pub struct StreamRelay {
    pump: Pump,
    backend: String,
    request_id: RequestId,
    /// Where the items of the answer are kept, if they are.
    keeper: Option<Keeper>,
    admission: Option<Admission>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// What came while the first content was awaited is handed out before anything else.
    Head(Bytes, Option<Bytes>),
    Flowing,
    /// The answer is complete or broken; its last bytes wait for the ledger.
    Committing {
        last: Bytes,
        commit: Commit,
    },
    Done,
}

impl StreamRelay {
    #[must_use]
    pub fn new(started: StartedStream, admission: Admission) -> Self {
        Self {
            backend: started.backend,
            request_id: started.request_id,
            pump: started.pump,
            keeper: started.keeper,
            admission: Some(admission),
            state: State::Head(started.head, started.last),
        }
    }

    /// The next bytes for the client; `None` at the end.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            match &mut self.state {
                State::Head(head, last) => {
                    let head = std::mem::take(head);
                    match last.take() {
                        Some(last) => self.end(last),
                        None => self.state = State::Flowing,
                    }
                    if !head.is_empty() {
                        return Poll::Ready(Some(head));
                    }
                }
                State::Flowing => {
                    let out = match ready!(self.pump.poll_step(cx)) {
                        Step::Flow { out, .. } => out,
                        Step::End { out, last } => {
                            self.end(last);
                            out
                        }
                        Step::Broken { out, broken } => {
                            self.break_off(broken);
                            out
                        }
                    };
                    if !out.is_empty() {
                        return Poll::Ready(Some(out));
                    }
                }
                State::Committing { last, commit } => {
                    let committed = ready!(Pin::new(commit).poll(cx));
                    let last = match committed {
                        Ok(()) => std::mem::take(last),
                        Err(error) => self.error_event(&error.to_string()),
                    };
                    self.pump.poll_drained(cx);
                    self.state = State::Done;
                    if !last.is_empty() {
                        return Poll::Ready(Some(last));
                    }
                }
                State::Done => return Poll::Ready(None),
            }
        }
    }

    fn end(&mut self, last: Bytes) {
        if let Some(keeper) = &self.keeper {
            keeper.keep(&last);
        }
        self.settle(Outcome::Completed, None, last);
    }

    fn break_off(&mut self, broken: BrokenStream) {
        let message = format!("backend \"{}\" {}", self.backend, broken.message);
        let last = broken.event.unwrap_or_else(|| self.error_event(&message));
        self.settle(Outcome::StreamBroken, Some(message), last);
    }

    fn settle(&mut self, outcome: Outcome, error: Option<String>, last: Bytes) {
        let Some(admission) = self.admission.take() else {
            self.state = State::Done;
            return;
        };
        let (usage, usage_estimated) = self.pump.usage(admission.input_estimate());
        let commit = admission.settle(Settlement {
            outcome,
            status: STREAM_STATUS,
            usage,
            usage_estimated,
            error,
        });
        self.state = State::Committing { last, commit };
    }

    /// A typed error event in the client's dialect.
    fn error_event(&mut self, message: &str) -> Bytes {
        let request_id = self.request_id.to_string();
        self.pump.error_event(message, &request_id)
    }
}

impl Drop for StreamRelay {
    fn drop(&mut self) {
        let Some(admission) = self.admission.take() else {
            return;
        };
        let (usage, usage_estimated) = self.pump.usage(admission.input_estimate());
        drop(admission.settle(Settlement {
            outcome: Outcome::ClientDisconnected,
            status: CLIENT_CLOSED_REQUEST,
            usage,
            usage_estimated,
            error: None,
        }));
    }
}
