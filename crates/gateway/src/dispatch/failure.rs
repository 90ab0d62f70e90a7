//! What a failed attempt means: for the next attempt, and for the client if there is none.

use std::time::Duration;

use bytes::Bytes;
use dialects::{RequestError, error::UpstreamError};
use domain::{Dialect, Used};
use http::{HeaderMap, header::RETRY_AFTER};
use secrecy::ExposeSecret as _;

use crate::{
    GatewayError,
    error::{AllFailed, ScriptedError, UpstreamRefusal},
    headers,
    providers::SendError,
    relay::pump::BrokenStream,
    route::{Backend, Candidate},
    settings::BackendKind,
    transform::TransformError,
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
    /// What the upstream may bill for all the same; `None`: nothing.
    pub used: Option<Box<Used>>,
    /// The request cannot be read, as this deployment would need it read.
    pub request: Option<Box<RequestError>>,
    /// What a script has to say to the client.
    pub script: Option<Box<ScriptedError>>,
}

/// The upstream's own answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    error: UpstreamError,
    /// Its body, where it is JSON and in the client's dialect.
    body: Option<Bytes>,
    /// In the client's form.
    headers: HeaderMap,
}

/// Who speaks what, and when; a refusal is put into the client's words by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    pub upstream: Dialect,
    pub client: Dialect,
    /// Milliseconds since 1970.
    pub now: i64,
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
    /// Its credential or address cannot be used; it was not called.
    Misconfigured,
    /// Its dialect cannot say what was asked; it was not called.
    Unsuited,
    /// A script ended the request; it was not called.
    Script,
}

/// Whose fault a failure was, which decides who is left alone for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The deployment would fail the next request as well.
    Deployment,
    /// Out of quota, or refused; another credential may do.
    Credential,
    /// The deployment is well; it refuses this request.
    Request,
    /// It was not called.
    None,
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
    /// Whether the upstream was called at all.
    #[must_use]
    pub const fn was_called(self) -> bool {
        !matches!(
            self,
            Self::Full | Self::Misconfigured | Self::Unsuited | Self::Script
        )
    }

    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::Status(401 | 402 | 429) => Fault::Credential,
            Self::Status(408 | 500..=599)
            | Self::TimedOut
            | Self::Unreachable
            | Self::Unreadable => Fault::Deployment,
            Self::Status(_) => Fault::Request,
            Self::Full | Self::Misconfigured | Self::Unsuited | Self::Script => Fault::None,
        }
    }

    /// Whether the same deployment may answer by another of its backend's keys: quotas, permissions and
    /// catalogues are those of a key.
    #[must_use]
    pub const fn another_credential_may_do(self) -> bool {
        matches!(self, Self::Status(401..=404 | 429))
    }

    #[must_use]
    pub const fn next(self) -> Next {
        match self {
            Self::Status(400 | 413 | 422) | Self::Script => Next::Return,
            Self::Status(408 | 429 | 500..=599)
            | Self::TimedOut
            | Self::Unreachable
            | Self::Unreadable => Next::Retry,
            Self::Status(_) | Self::Full | Self::Misconfigured | Self::Unsuited => Next::Skip,
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
            used: None,
            request: None,
            script: None,
        }
    }

    /// The upstream may bill for `used` all the same.
    #[must_use]
    pub fn billed(self, used: Used) -> Self {
        Self {
            used: Some(Box::new(used)),
            ..self
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
    pub fn refused(
        backend: &Backend,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
        between: Between,
    ) -> Self {
        let Between {
            upstream,
            client,
            now,
        } = between;
        let body = without_credentials(backend, body);
        let error = UpstreamError::read(&body);
        let same_shape = headers::family(upstream) == headers::family(client)
            && backend.settings.kind != BackendKind::Bedrock;
        Self {
            cause: Cause::Status(status),
            message: format!("answered {status}"),
            retry_after: retry_after(headers),
            refusal: Some(Box::new(Refusal {
                body: (same_shape && error.message.is_some()).then(|| Bytes::from(body)),
                error,
                headers: headers::of_refusal(headers, upstream, client, now),
            })),
            used: None,
            request: None,
            script: None,
        }
    }

    /// The message with the upstream's own words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self
            .refusal
            .as_ref()
            .and_then(|r| r.error.message.as_deref())
        {
            Some(words) => format!("{}: {words}", self.message),
            None => self.message.clone(),
        }
    }
}

impl From<ScriptedError> for Failure {
    fn from(error: ScriptedError) -> Self {
        let message = format!("was not called, since a script ended the request: {error}");
        Self {
            script: Some(Box::new(error)),
            ..Self::new(Cause::Script, message)
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        let cause = match error {
            SendError::Unreachable(_) | SendError::Broken => Cause::Unreachable,
            SendError::Unsendable(_) => Cause::Misconfigured,
        };
        Self::new(cause, error.to_string())
    }
}

impl From<BrokenStream> for Failure {
    fn from(broken: BrokenStream) -> Self {
        let cause = match broken.status {
            _ if broken.timed_out => Cause::TimedOut,
            // What would have been a refusal, had it come before the stream began.
            Some(status @ 400..=599) => Cause::Status(status),
            _ => Cause::Unreadable,
        };
        let refusal = broken.error.map(|error| {
            Box::new(Refusal {
                error,
                body: None,
                headers: HeaderMap::new(),
            })
        });
        Self {
            refusal,
            ..Self::new(cause, broken.message)
        }
    }
}

impl From<TransformError> for Failure {
    fn from(error: TransformError) -> Self {
        let failure = Self::new(Cause::Unsuited, error.to_string());
        match error {
            TransformError::Refused(_) => failure,
            TransformError::Request(wrong) => Self {
                request: Some(Box::new(wrong)),
                ..failure
            },
        }
    }
}

/// How long the upstream wants to be left alone, in seconds or, more exactly, in milliseconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &http::HeaderName| -> Option<f64> {
        headers.get(name)?.to_str().ok()?.trim().parse().ok()
    };
    number(&headers::RETRY_AFTER_MS)
        .map(|millis| millis / 1000.0)
        .or_else(|| number(&RETRY_AFTER))
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
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

impl Failed {
    #[must_use]
    pub fn of(candidate: &Candidate, failure: Failure) -> Self {
        Self {
            backend: candidate.deployment.backend.name().to_owned(),
            model: candidate.deployment.model.clone(),
            failure,
        }
    }
}

/// What the client is told when every attempt failed. One deployment: its own status and words.
/// Several: what they come down to, naming each with its reason.
#[must_use]
pub fn conclude(mut failed: Vec<Failed>) -> GatewayError {
    let mut by_deployment: Vec<Failed> = Vec::with_capacity(failed.len());
    for later in failed.drain(..) {
        let same = |f: &&mut Failed| f.backend == later.backend && f.model == later.model;
        match by_deployment.iter_mut().find(same) {
            None => by_deployment.push(later),
            // Of several tries at one deployment the last one counts; but that a key is wrong says less
            // than that another one is out of quota.
            Some(first) => {
                let of_key = matches!(later.failure.cause, Cause::Status(401..=404));
                if !(of_key && first.failure.cause == Cause::Status(429)) {
                    first.failure = later.failure;
                }
            }
        }
    }
    let mut failed = by_deployment;
    // What could not be asked says nothing about what could, but when it was all there was.
    if failed.iter().any(|f| f.failure.cause != Cause::Unsuited) {
        failed.retain(|f| f.failure.cause != Cause::Unsuited);
    } else if let Some(first) = failed.into_iter().next() {
        return match first.failure.request {
            Some(wrong) => GatewayError::BadRequest(*wrong),
            None => GatewayError::Untranslatable(first.failure.message),
        };
    } else {
        return GatewayError::Internal("no deployment was tried");
    }
    let scripted = failed.iter().find_map(|f| f.failure.script.clone());
    if let Some(error) = scripted {
        return GatewayError::Scripted(error);
    }
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
            Cause::Status(_)
            | Cause::Full
            | Cause::Misconfigured
            | Cause::Unsuited
            | Cause::Script => AllFailed::Unavailable,
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
        error: refusal.map(|r| r.error.clone()).unwrap_or_default(),
        body: refusal.and_then(|r| r.body.clone()),
        headers: refusal.map(|r| r.headers.clone()).unwrap_or_default(),
    }))
}
