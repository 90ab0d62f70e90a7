//! `Idempotency-Key`: the same request under the same key is answered again, for a day, and billed
//! once. Answers are written with the row of their request, so that not even a crash makes a second
//! bill of it; reading them is the one place where the proxied path asks the database, and only for
//! clients who send the header.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use dialects::Pieces;
use domain::{KeyId, RequestId, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use sha2::{Digest as _, Sha256};
use storage::{Database, StoredAnswer};
use tokio::sync::Notify;

use crate::{GatewayError, ResponseBody, authenticate::Caller, transform::ClientRequest};

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is that of an earlier request.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// How long an answer is kept, in milliseconds.
pub const KEPT_FOR_MS: i64 = 24 * 3_600_000;

/// The longest key, in bytes.
const MAX_KEY: usize = 255;

/// Whose key, and which.
type Place = (Option<KeyId>, String);

/// Requests with a key that are running.
#[derive(Debug)]
pub struct Idempotency {
    running: Mutex<HashMap<Place, Running>>,
    max_answer: usize,
}

#[derive(Debug)]
struct Running {
    fingerprint: [u8; 32],
    ended: Arc<Notify>,
}

/// What to do with a request.
#[derive(Debug)]
pub enum Begun {
    /// It is the first of its key.
    First(Keep),
    /// It was answered before.
    Again(Box<StoredAnswer>),
}

/// The key of a request, if it has one.
///
/// # Errors
/// The key is empty or too long.
pub fn key_of(headers: &HeaderMap) -> Result<Option<&str>, GatewayError> {
    let Some(value) = headers.get(&IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some(key)),
        _ => Err(GatewayError::IdempotencyKeyInvalid),
    }
}

/// What makes two requests the same: what is asked, and by which path.
fn fingerprint(request: &ClientRequest) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(format!("{:?}\n", request.endpoint));
    hash.update(request.query.as_deref().unwrap_or_default());
    hash.update(b"\n");
    hash.update(&request.body);
    hash.finalize().into()
}

impl Idempotency {
    #[must_use]
    pub fn new(max_answer: usize) -> Self {
        Self {
            running: Mutex::default(),
            max_answer,
        }
    }

    /// Begins a request. One that is running under the same key is waited for.
    ///
    /// # Errors
    /// The key was used for another request, its answer is not kept, or the database failed.
    pub async fn begin(
        self: &Arc<Self>,
        database: &Database,
        caller: &Caller,
        key: &str,
        request: &ClientRequest,
        request_id: RequestId,
        now: Timestamp,
    ) -> Result<Begun, GatewayError> {
        let place: Place = (caller.key_id(), key.to_owned());
        let fingerprint = fingerprint(request);
        let keep = loop {
            let ended = {
                let mut running = self.lock();
                match running.get(&place) {
                    Some(other) if other.fingerprint != fingerprint => {
                        return Err(GatewayError::IdempotencyKeyReused);
                    }
                    Some(other) => Arc::clone(&other.ended),
                    None => {
                        let ended = Arc::default();
                        running.insert(place.clone(), Running { fingerprint, ended });
                        break Keep {
                            idempotency: Arc::clone(self),
                            place,
                            fingerprint,
                            request_id,
                            created_at: now,
                            streamed: Vec::new(),
                            overflowed: false,
                        };
                    }
                }
            };
            let waiting = ended.notified();
            tokio::pin!(waiting);
            waiting.as_mut().enable();
            // It may have ended before this began to listen.
            if self.lock().contains_key(&place) {
                waiting.await;
            }
        };
        let since = Timestamp(now.0 - KEPT_FOR_MS);
        let known = database
            .idempotent_answer(caller.key_id(), key, since)
            .await
            .map_err(|error| {
                tracing::error!(error = %error, "failed to look for an idempotent answer");
                GatewayError::LedgerUnavailable
            })?;
        match known {
            None => Ok(Begun::First(keep)),
            Some(answer) if answer.fingerprint != fingerprint => {
                Err(GatewayError::IdempotencyKeyReused)
            }
            Some(StoredAnswer { body: None, .. }) => Err(GatewayError::IdempotentAnswerNotKept),
            Some(answer) => Ok(Begun::Again(Box::new(answer))),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Place, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the answer of a request that is running. Dropping it lets those go on who wait for it.
#[derive(Debug)]
pub struct Keep {
    idempotency: Arc<Idempotency>,
    place: Place,
    fingerprint: [u8; 32],
    request_id: RequestId,
    created_at: Timestamp,
    streamed: Vec<u8>,
    overflowed: bool,
}

impl Drop for Keep {
    fn drop(&mut self) {
        if let Some(running) = self.idempotency.lock().remove(&self.place) {
            running.ended.notify_waiters();
        }
    }
}

impl Keep {
    /// A whole answer.
    #[must_use]
    pub fn whole(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &Pieces,
    ) -> Box<StoredAnswer> {
        let body =
            (body.len() <= self.idempotency.max_answer).then(|| body.clone().into_bytes().to_vec());
        self.answer(status.as_u16(), headers, body)
    }

    /// A piece of a streamed answer.
    pub fn streamed(&mut self, piece: &Bytes) {
        self.overflowed |= self.streamed.len() + piece.len() > self.idempotency.max_answer;
        if self.overflowed {
            self.streamed = Vec::new();
        } else {
            self.streamed.extend_from_slice(piece);
        }
    }

    /// The streamed answer, of which `last` is the end.
    #[must_use]
    pub fn stream(&mut self, headers: &HeaderMap, last: &Bytes) -> Box<StoredAnswer> {
        self.streamed(last);
        let body = (!self.overflowed).then(|| std::mem::take(&mut self.streamed));
        self.answer(StatusCode::OK.as_u16(), headers, body)
    }

    fn answer(&self, status: u16, headers: &HeaderMap, body: Option<Vec<u8>>) -> Box<StoredAnswer> {
        let headers: serde_json::Map<String, serde_json::Value> = headers
            .iter()
            .filter_map(|(name, value)| {
                Some((name.to_string(), value.to_str().ok()?.to_owned().into()))
            })
            .collect();
        let (key_id, idempotency_key) = self.place.clone();
        Box::new(StoredAnswer {
            key_id,
            idempotency_key,
            fingerprint: self.fingerprint,
            created_at: self.created_at,
            request_id: self.request_id,
            status,
            headers: serde_json::Value::from(headers).to_string(),
            body,
        })
    }
}

/// The answer of an earlier request, as it was.
#[must_use]
pub fn replay(answer: StoredAnswer) -> Response<ResponseBody> {
    let body = answer.body.unwrap_or_default();
    let mut response = Response::new(ResponseBody::full(body.into()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers: HashMap<String, String> =
        serde_json::from_str(&answer.headers).unwrap_or_default();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    let id = HeaderValue::try_from(answer.request_id.to_string());
    if let Ok(id) = id {
        let headers = response.headers_mut();
        headers.insert(crate::headers::REQUEST_ID, id.clone());
        headers.insert(crate::headers::X_REQUEST_ID, id);
    }
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
