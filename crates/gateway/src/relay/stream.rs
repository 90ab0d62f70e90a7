//! A stream on its way to the client. It settles exactly once: when the stream ends, when it breaks,
//! or, if neither happens because the client goes away, when it is dropped. Where the upstream is to be
//! heard to its end all the same, dropping it hands it to a task that does that.

use std::{
    future::{Future as _, poll_fn},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use domain::{Outcome, RequestId, Used};
use http::HeaderMap;
use storage::{StoredAnswer, ledger::Commit};
use tokio::time::Instant;

use super::{
    continuation::{Continuation, GoingOn, GoneOn},
    pump::{BrokenStream, Pump, Step},
};
use crate::{
    dispatch::{Answer, Dispatched, StartedStream},
    idempotency::Keep,
    kept_items::Keeper,
    record::CLIENT_CLOSED_REQUEST,
    scripting::{Chain, Scripting},
    settle::{Admission, Settlement},
};

/// The status of a stream, which is told before its end is known.
const STREAM_STATUS: u16 = 200;

/// How often it is noted what a stream has used, for the case that the process is killed.
const NOTE_EVERY: Duration = Duration::from_millis(250);

/// The relay of one stream.
#[derive(Debug)]
pub struct StreamRelay(Option<Box<Relay>>);

#[derive(Debug)]
struct Relay {
    pump: Pump,
    backend: String,
    request_id: RequestId,
    /// Where the items of the answer are kept, if they are.
    keeper: Option<Keeper>,
    /// Keeps the answer for a repeated request.
    keep: Option<Keep>,
    /// Those of the answer.
    headers: HeaderMap,
    admission: Option<Admission>,
    state: State,
    noted_at: Instant,
    /// The upstream is heard to its end even if nobody listens.
    drain: bool,
    client_gone: bool,
    /// How to go on should it break off.
    continuation: Option<Box<Continuation>>,
    /// The scripts that see its events; not there while they run.
    scripts: Option<Box<Chain>>,
}

enum State {
    /// What came while the first content was awaited is handed out before anything else.
    Head(Bytes, Option<Bytes>),
    Flowing,
    /// Scripts look at events.
    Scripting(Scripting, Then),
    /// It broke off, and somebody is looked for who goes on.
    GoingOn(GoingOn),
    /// The answer is complete or broken; its last bytes wait for the ledger.
    Committing {
        last: Bytes,
        commit: Commit,
    },
    Done,
}

/// What comes after events have been handed on.
enum Then {
    Flow,
    /// This is the dialect's own final event.
    End(Bytes),
    /// What scripts make of the final event is the end.
    Ended,
    Broken(BrokenStream),
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Head(..) => "Head",
            Self::Flowing => "Flowing",
            Self::Scripting(..) => "Scripting",
            Self::GoingOn(_) => "GoingOn",
            Self::Committing { .. } => "Committing",
            Self::Done => "Done",
        })
    }
}

impl StreamRelay {
    /// `drain`: the upstream is heard to its end even if the client goes away.
    #[must_use]
    pub fn new(
        started: StartedStream,
        admission: Admission,
        keep: Option<Keep>,
        drain: bool,
        continuation: Option<Box<Continuation>>,
        scripts: Option<Box<Chain>>,
    ) -> Self {
        Self(Some(Box::new(Relay {
            backend: started.backend,
            request_id: started.request_id,
            pump: started.pump,
            keeper: started.keeper,
            drain: drain || keep.is_some(),
            keep,
            headers: started.headers,
            admission: Some(admission),
            state: State::Head(started.head, started.last),
            noted_at: Instant::now(),
            client_gone: false,
            continuation,
            scripts,
        })))
    }

    /// The next bytes for the client; `None` at the end.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match &mut self.0 {
            Some(relay) => relay.poll_next(cx),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for StreamRelay {
    fn drop(&mut self) {
        let Some(mut relay) = self.0.take() else {
            return;
        };
        let core = relay.admission.as_ref().and_then(Admission::core);
        if let Some(core) = core.filter(|_| relay.drain) {
            relay.client_gone = true;
            core.detached
                .spawn(async move { while poll_fn(|cx| relay.poll_next(cx)).await.is_some() {} });
        }
    }
}

impl Relay {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            match &mut self.state {
                State::Head(head, last) => {
                    let (head, last) = (std::mem::take(head), last.take());
                    // What is kept, and what goes on with something, needs the pieces in order.
                    let head = self.pass(head);
                    let head = self.hand_on(head, last.map_or(Then::Flow, Then::End));
                    if !head.is_empty() {
                        return Poll::Ready(Some(head));
                    }
                }
                State::Scripting(scripting, _) => {
                    let (chain, result) = ready!(scripting.as_mut().poll(cx));
                    self.scripts = Some(chain);
                    let State::Scripting(_, then) =
                        std::mem::replace(&mut self.state, State::Flowing)
                    else {
                        continue;
                    };
                    let out = match (result, then) {
                        (Ok(last), Then::Ended) => {
                            self.end(last);
                            continue;
                        }
                        (Ok(out), then) => {
                            self.keep(&out);
                            self.go(then);
                            out
                        }
                        // A stream that may not go on without a script that fails.
                        (Err(message), _) => {
                            self.pump.leave();
                            let last = self.error_event(&message);
                            self.settle(Outcome::StreamBroken, Some(message), None, last);
                            continue;
                        }
                    };
                    if !out.is_empty() {
                        return Poll::Ready(Some(out));
                    }
                }
                State::GoingOn(going_on) => {
                    let gone_on = ready!(going_on.as_mut().poll(cx));
                    self.go_on(gone_on);
                }
                State::Flowing => {
                    let (out, then) = match ready!(self.pump.poll_step(cx)) {
                        Step::Flow { out, .. } => {
                            self.note();
                            (out, Then::Flow)
                        }
                        Step::End { out, last } => (out, Then::End(last)),
                        Step::Broken { out, broken } => (out, Then::Broken(broken)),
                    };
                    let out = self.pass(out);
                    let out = self.hand_on(out, then);
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
                    // Whoever waits for this answer finds it now.
                    self.keep = None;
                    self.state = State::Done;
                    if !last.is_empty() {
                        return Poll::Ready(Some(last));
                    }
                }
                State::Done => return Poll::Ready(None),
            }
        }
    }

    /// A piece on its way to the client, as it is to be.
    fn pass(&mut self, piece: Bytes) -> Bytes {
        match &mut self.continuation {
            Some(continuation) => continuation.pass(piece),
            None => piece,
        }
    }

    /// What can be handed on at once: a piece, where no script wants to see it first.
    fn hand_on(&mut self, piece: Bytes, then: Then) -> Bytes {
        if let Some(chain) = self.scripts.take_if(|_| !piece.is_empty()) {
            self.state = State::Scripting(chain.run(piece), then);
            return Bytes::new();
        }
        self.keep(&piece);
        self.go(then);
        piece
    }

    fn keep(&mut self, piece: &Bytes) {
        if let Some(keep) = &mut self.keep
            && !piece.is_empty()
        {
            keep.streamed(piece);
        }
    }

    fn go(&mut self, then: Then) {
        match then {
            Then::Flow => self.state = State::Flowing,
            Then::Broken(broken) => self.break_off(broken),
            Then::Ended => {}
            Then::End(last) => {
                let last = match &mut self.continuation {
                    Some(continuation) => continuation.pass_last(last),
                    None => last,
                };
                if let Some(chain) = self.scripts.take_if(|_| !last.is_empty()) {
                    self.state = State::Scripting(chain.run(last), Then::Ended);
                } else {
                    self.end(last);
                }
            }
        }
    }

    fn note(&mut self) {
        let now = self.pump.last_piece();
        if now.saturating_duration_since(self.noted_at) >= NOTE_EVERY
            && let Some(admission) = &self.admission
        {
            self.noted_at = now;
            admission.progressed(&self.pump.usage(admission.input_estimate()));
        }
    }

    fn end(&mut self, last: Bytes) {
        if let Some(keeper) = &self.keeper {
            keeper.keep(&last);
        }
        let answer = self
            .keep
            .as_mut()
            .map(|keep| keep.stream(&self.headers, &last));
        self.settle(Outcome::Completed, None, answer, last);
    }

    fn break_off(&mut self, broken: BrokenStream) {
        let mut settled = false;
        // Nobody pays for the rest of an answer that nobody hears.
        let is_heard = !self.client_gone || self.keep.is_some();
        if let Some(continuation) = self.continuation.take().filter(|_| is_heard)
            && let Some(admission) = self.admission.take()
        {
            let used = self.pump.usage(admission.input_estimate());
            // Who goes on may need the place that this call had.
            self.pump.leave();
            match continuation.go_on(&broken, used, self.request_id, admission) {
                Ok(going_on) => {
                    self.state = State::GoingOn(going_on);
                    return;
                }
                Err(no_more) => {
                    settled = no_more.given_up;
                    self.admission = Some(no_more.admission);
                }
            }
        }
        let message = format!("backend \"{}\" {}", self.backend, broken.message);
        let last = broken.event.unwrap_or_else(|| self.error_event(&message));
        self.settle_as(Outcome::StreamBroken, Some(message), None, last, settled);
    }

    /// Somebody goes on, or nobody.
    fn go_on(&mut self, gone_on: GoneOn) {
        let (admission, continuation, dispatched) = gone_on;
        self.admission = Some(admission);
        let error = match dispatched {
            Ok(Dispatched {
                candidate,
                answer: Answer::Stream(started),
            }) => {
                self.backend = candidate.deployment.backend.name().to_owned();
                self.pump = started.pump;
                self.keeper = started.keeper;
                if let Some(chain) = &mut self.scripts {
                    chain.goes_on_with(started.scripts);
                }
                self.continuation = Some(continuation);
                self.state = State::Head(started.head, started.last);
                return;
            }
            // A stream was asked for.
            Ok(_) => "the answer could not be gone on with".to_owned(),
            Err(error) => error.to_string(),
        };
        let last = self.error_event(&error);
        self.settle_as(Outcome::StreamBroken, Some(error), None, last, true);
    }

    fn settle(
        &mut self,
        outcome: Outcome,
        error: Option<String>,
        answer: Option<Box<StoredAnswer>>,
        last: Bytes,
    ) {
        self.settle_as(outcome, error, answer, last, false);
    }

    /// `settled`: what the last call used has a row of its own.
    fn settle_as(
        &mut self,
        outcome: Outcome,
        error: Option<String>,
        answer: Option<Box<StoredAnswer>>,
        last: Bytes,
        settled: bool,
    ) {
        let Some(admission) = self.admission.take() else {
            self.state = State::Done;
            return;
        };
        let used = match settled {
            true => Used::default(),
            false => self.pump.usage(admission.input_estimate()),
        };
        let (outcome, status) = match (outcome, self.client_gone) {
            (Outcome::Completed, true) => (Outcome::ClientDisconnected, CLIENT_CLOSED_REQUEST),
            (outcome, _) => (outcome, STREAM_STATUS),
        };
        let commit = admission.settle(Settlement {
            outcome,
            status,
            used,
            error,
            answer,
        });
        self.state = State::Committing { last, commit };
    }

    /// A typed error event in the client's dialect.
    fn error_event(&mut self, message: &str) -> Bytes {
        let request_id = self.request_id.to_string();
        self.pump.error_event(message, &request_id)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let Some(admission) = self.admission.take() else {
            return;
        };
        let used = self.pump.usage(admission.input_estimate());
        drop(admission.settle(Settlement {
            outcome: Outcome::ClientDisconnected,
            status: CLIENT_CLOSED_REQUEST,
            used,
            error: None,
            answer: None,
        }));
    }
}
