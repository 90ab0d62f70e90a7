//! Requests that an administrator has asked to be recorded, so that scripts can be tried with what clients
//! really send. Nothing is recorded unless somebody asked for it; what is stays in memory, is little, and is
//! forgotten after a while.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use domain::{RequestId, Timestamp, script::RecordedRequest};
use http::HeaderName;

use super::{
    running::path,
    wire::{body_json, request_json},
};
use crate::transform::ClientRequest;

/// How long requests are recorded once somebody has asked.
const RECORDS_MS: i64 = 10 * 60_000;
/// How long they are kept after that.
const KEPT_MS: i64 = 60 * 60_000;
/// The newest ones are kept.
const CAPACITY: usize = 20;
/// A longer body is not recorded.
const MAX_BODY: usize = 256 * 1024;

/// What was recorded.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// Milliseconds since 1970 up to which requests are recorded; 0: they are not.
    until: AtomicI64,
    recorded: Mutex<VecDeque<RecordedRequest>>,
}

impl Recorder {
    /// Begins, or stops and forgets.
    pub fn switch(&self, on: bool, now: Timestamp) {
        let until = if on {
            now.0.saturating_add(RECORDS_MS)
        } else {
            0
        };
        self.until.store(until, Ordering::Relaxed);
        if !on {
            self.lock().clear();
        }
    }

    /// Until when requests are recorded; `None`: they are not.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.until.load(Ordering::Relaxed);
        (until > now.0).then_some(Timestamp(until))
    }

    /// The newest first.
    pub fn recorded(&self, now: Timestamp) -> Vec<RecordedRequest> {
        let mut recorded = self.lock();
        recorded.retain(|request| now.millis_since(request.at) < RECORDS_MS + KEPT_MS);
        recorded.iter().rev().cloned().collect()
    }

    /// Looks at a request; one read of memory where nothing is recorded. No credential is kept.
    pub fn see(
        &self,
        now: impl FnOnce() -> Timestamp,
        id: RequestId,
        request: &ClientRequest,
        hidden: Option<&HeaderName>,
    ) {
        if self.until.load(Ordering::Relaxed) == 0 {
            return;
        }
        let now = now();
        if self.until(now).is_none() || request.body.len() > MAX_BODY {
            return;
        }
        // Forms of audio and images are nothing that scripts see.
        let body = body_json(&request.body);
        if body == "null" {
            return;
        }
        let (headers, stream) = (&request.headers, request.head.stream);
        let json = request_json(path(request), headers, hidden, stream, Some(body));
        let mut recorded = self.lock();
        if recorded.len() >= CAPACITY {
            recorded.pop_front();
        }
        recorded.push_back(RecordedRequest {
            id,
            at: now,
            model: request.head.model.clone(),
            json,
        });
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<RecordedRequest>> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
