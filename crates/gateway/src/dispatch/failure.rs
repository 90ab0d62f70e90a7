//! What a failed attempt means: for the next attempt, and for the client if there is none.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};
use secrecy::ExposeSecret as _;

use crate::{
    GatewayError,
    error::{AllFailed, UpstreamRefusal},
    headers::X_SHOULD_RETRY,
    providers::SendError,
    relay::pump::BrokenStream,
    route::Backend,
};

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub cause: Cause,
    /// Reads after the backend's name.
    pub message: String,
    /// How long the upstream wants to be left alone.
    pub retry_after: Option<Duration>,
    refusal: Option<Box<Refusal>>,
}

/// The upstream's own answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    /// Its own words, where there are any.
    message: Option<String>,
    /// Its body, where it is JSON and so in the client's dialect.
    body: Option<Bytes>,
    retry_after: Option<HeaderValue>,
    should_retry: Option<HeaderValue>,
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The upstream answered with this status.
    Status(u16),
    TimedOut,
    Unreachable,
    /// It answered what is no answer: HTML, half an object, a stream without content.
    Unreadable,
    /// It has no room within its configured limits; it was not called.
    Full,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The client's own fault: any other deployment would say the same.
    Return,
    /// This deployment's credential or catalogue is wrong, or it has no room: the next at once.
    Skip,
    /// It may pass: the next, or this one again if there is no other.
    Retry,
}

impl Cause {
    #[must_use]
    pub const fn next(self) -> Next {
        match self {
            Self::Status(400 | 413 | 422) => Next::Return,
            Self::Status(408 | 429 | 500..=599)
            | Self::TimedOut
            | Self::Unreachable
            | Self::Unreadable => Next::Retry,
            Self::Status(_) | Self::Full => Next::Skip,
        }
    }
}

impl Failure {
    #[must_use]
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self {
            cause,
            message: message.into(),
            retry_after: None,
            refusal: None,
        }
    }

    #[must_use]
    pub fn full(message: &str, retry_after: Option<Duration>) -> Self {
        Self {
            retry_after,
            ..Self::new(Cause::Full, message)
        }
    }

    /// The upstream refused with `status`.
    #[must_use]
    pub fn refused(backend: &Backend, status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let body = without_credentials(backend, body);
        let message = dialects::response::message_of_error(&body);
        let retry_after = headers.get(RETRY_AFTER).cloned();
        Self {
            cause: Cause::Status(status),
            message: format!("answered {status}"),
            retry_after: retry_after
                .as_ref()
                .and_then(|v| v.to_str().ok()?.trim().parse::<f64>().ok())
                .and_then(|s| Duration::try_from_secs_f64(s).ok()),
            refusal: Some(Box::new(Refusal {
                body: message.is_some().then(|| Bytes::from(body)),
                message,
                retry_after,
                should_retry: headers.get(X_SHOULD_RETRY).cloned(),
            })),
        }
    }

    /// The message with the upstream's own words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self.refusal.as_ref().and_then(|r| r.message.as_deref()) {
            Some(words) => format!("{}: {words}", self.message),
            None => self.message.clone(),
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        let cause = match error {
            SendError::Unreachable(_) | SendError::Broken => Cause::Unreachable,
            SendError::Unsendable(_) => Cause::Full,
        };
        Self::new(cause, error.to_string())
    }
}

impl From<BrokenStream> for Failure {
    fn from(broken: BrokenStream) -> Self {
        let cause = if broken.timed_out {
            Cause::TimedOut
        } else {
            Cause::Unreadable
        };
        Self::new(cause, broken.message)
    }
}

/// Some upstreams repeat the key that they refuse.
fn without_credentials(backend: &Backend, body: &[u8]) -> Vec<u8> {
    const SHORTEST: usize = 8;
    let mut text = body.to_vec();
    for key in &backend.settings.api_keys {
        let key = key.expose_secret().as_bytes();
        if key.len() < SHORTEST {
            continue;
        }
        while let Some(at) = memchr::memmem::find(&text, key) {
            text.splice(at..at + key.len(), *b"[redacted]");
        }
    }
    text
}

/// A failure and the deployment whose it is.
#[derive(Clone, Debug)]
pub struct Failed {
    pub backend: String,
    /// As it is sent upstream.
    pub model: String,
    pub failure: Failure,
}

/// What the client is told when every attempt failed. One deployment: its own status and words.
/// Several: what they come down to, naming each with its reason.
#[must_use]
pub fn conclude(mut failed: Vec<Failed>) -> GatewayError {
    failed.dedup_by(|later, first| {
        let same = later.backend == first.backend && later.model == first.model;
        if same {
            // Of several tries at one deployment the last one counts.
            std::mem::swap(&mut later.failure, &mut first.failure);
        }
        same
    });
    let Some(last) = failed.last() else {
        return GatewayError::Internal("no deployment was tried");
    };
    if let ([only], Cause::Status(status)) = (failed.as_slice(), last.failure.cause)
        && status >= 400
    {
        return upstream_error(only, status);
    }
    let limited = |cause| matches!(cause, Cause::Full | Cause::Status(429));
    let kind = if failed.iter().all(|f| limited(f.failure.cause)) {
        AllFailed::RateLimited
    } else {
        match last.failure.cause {
            Cause::TimedOut => AllFailed::TimedOut,
            Cause::Unreachable | Cause::Unreadable => AllFailed::Unreachable,
            Cause::Status(_) | Cause::Full => AllFailed::Unavailable,
        }
    };
    let reasons: Vec<String> = failed
        .iter()
        .map(|f| format!("backend \"{}\" {}", f.backend, f.failure.describe()))
        .collect();
    let lead = match (kind, failed.len()) {
        (AllFailed::RateLimited, 2..) => {
            "all configured backends for this model are rate limited: "
        }
        (_, 2..) => "all configured backends for this model failed: ",
        _ => "",
    };
    GatewayError::AllFailed {
        kind,
        message: format!("{lead}{}", reasons.join("; ")),
        retry_after: match kind {
            AllFailed::RateLimited => failed.iter().filter_map(|f| f.failure.retry_after).min(),
            _ => None,
        },
    }
}

/// The client's own fault, or the only deployment's refusal.
#[must_use]
pub fn upstream_error(failed: &Failed, status: u16) -> GatewayError {
    let refusal = failed.failure.refusal.as_deref();
    GatewayError::Upstream(Box::new(UpstreamRefusal {
        status,
        message: format!(
            "backend \"{}\" {}",
            failed.backend,
            failed.failure.describe()
        ),
        body: refusal.and_then(|r| r.body.clone()),
        retry_after: refusal.and_then(|r| r.retry_after.clone()),
        should_retry: refusal.and_then(|r| r.should_retry.clone()),
    }))
}
