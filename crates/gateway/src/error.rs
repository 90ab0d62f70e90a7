//! Everything that can keep a client from its answer, and the one place where it becomes a response
//! in the client's own dialect. Messages say what happened and who can mend it; causes inside the
//! router are logged with the request id and never sent.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use dialects::{ErrorKind, RequestError, WireError, error::UpstreamError};
use domain::{BudgetScope, Dialect, RequestId, budget::BudgetPeriod};
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};

use crate::{
    body::ResponseBody,
    counters::{
        rates::{RateExceeded, RateKind, RatesLeft},
        spend::BudgetExceeded,
        window::Left,
    },
};

/// Why a request got no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GatewayError {
    #[error("no API key: send it as \"Authorization: Bearer <key>\" or \"x-api-key: <key>\"")]
    MissingKey,
    #[error("invalid API key")]
    InvalidKey,
    #[error("this API key is disabled")]
    KeyDisabled,
    #[error("this API key has expired")]
    KeyExpired,
    /// For good.
    #[error("this API key was revoked")]
    KeyRevoked,
    /// The key was rotated and the time is over in which the older one worked too.
    #[error("this API key was replaced by a new one, and the time for which both worked is over")]
    KeyReplaced,
    #[error("the owner of this API key is disabled")]
    UserDisabled,
    #[error("the team that this API key belongs to is disabled")]
    TeamDisabled,
    #[error("{}", wrong_address(*from))]
    AddressNotAllowed { from: Option<IpAddr> },
    #[error("{0}")]
    BadRequest(RequestError),
    /// The body did not arrive whole.
    #[error("the request body could not be read")]
    BodyUnreadable,
    #[error(
        "the request body is larger than {limit} bytes, the limit of this server (server.max_body)"
    )]
    BodyTooLarge { limit: usize },
    #[error("{}", unknown_model(asked, near))]
    UnknownModel { asked: String, near: Vec<String> },
    /// The owner may use some backends, of which none is there, or none at all.
    #[error("no backends are available for your account")]
    NoBackends,
    /// Every deployment that was asked for speaks another dialect in which this cannot be said.
    #[error("{0}")]
    Untranslatable(String),
    #[error("{}", other_dialect(asked, *dialect, *untranslated))]
    OtherDialect {
        asked: String,
        dialect: Dialect,
        untranslated: bool,
    },
    /// Everything that goes by that name has conditions that the request does not meet.
    #[error("nothing that serves \"{asked}\" takes this request: {conditions}")]
    NoneTakes { asked: String, conditions: String },
    #[error(
        "model \"{model}\" of backend \"{backend}\" has no price, so that its use cannot be billed; an administrator has to set models[].price of that backend, or unpriced: allow"
    )]
    Unpriced { backend: String, model: String },
    #[error("{}", over_budget(.0))]
    BudgetExceeded(Box<BudgetExceeded>, Duration),
    #[error("{}", over_limit(*whose, exceeded))]
    RateLimited {
        whose: BudgetScope,
        exceeded: RateExceeded,
    },
    #[error("Idempotency-Key: expected 1 to 255 printable characters")]
    IdempotencyKeyInvalid,
    #[error("this Idempotency-Key was used for another request; use a new key for each request")]
    IdempotencyKeyReused,
    #[error(
        "this request was answered before, but its answer was too large to be kept (server.idempotency_max_answer); use a new Idempotency-Key to send it again"
    )]
    IdempotentAnswerNotKept,
    #[error("the server handles as many requests as it is allowed to (server.max_in_flight)")]
    Overloaded,
    /// The one upstream that was tried refused; its own status and words.
    #[error("{}", .0.message)]
    Upstream(Box<UpstreamRefusal>),
    /// Every deployment that was tried failed.
    #[error("{message}")]
    AllFailed {
        kind: AllFailed,
        message: String,
        retry_after: Option<Duration>,
    },
    /// A script refused the request, failed where the request may not go on without it, or has put other
    /// words in the place of an error's own.
    #[error("{0}")]
    Scripted(Box<ScriptedError>),
    /// The row of this request could not be written.
    #[error("the ledger cannot be written at the moment")]
    LedgerUnavailable,
    #[error("internal error")]
    Internal(&'static str),
}

/// An upstream's refusal, as the client gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamRefusal {
    pub status: u16,
    /// For the ledger and the log: with the backend's name.
    pub message: String,
    /// What it said.
    pub error: UpstreamError,
    /// Its own body, where the client speaks the same dialect and the body is JSON.
    pub body: Option<Bytes>,
    /// What of its headers is for the client, in the client's form.
    pub headers: HeaderMap,
}

/// What a script has to say to a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ScriptedError {
    /// 400 to 599.
    pub status: u16,
    pub message: String,
    /// What was there before a script had its say, such as when to come again.
    pub headers: HeaderMap,
}

impl ScriptedError {
    /// The kind that clients map to their own errors.
    const fn kind(&self) -> ErrorKind {
        match self.status {
            401 => ErrorKind::InvalidKey,
            403 => ErrorKind::Forbidden,
            404 => ErrorKind::ModelNotFound,
            413 => ErrorKind::TooLarge,
            429 => ErrorKind::RateLimited,
            502 => ErrorKind::BadGateway,
            503 => ErrorKind::Unavailable,
            504 => ErrorKind::Timeout,
            500.. => ErrorKind::Internal,
            _ => ErrorKind::InvalidRequest,
        }
    }
}

/// What the failures of all deployments come down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllFailed {
    RateLimited,
    TimedOut,
    Unreachable,
    Unavailable,
}

fn unknown_model(asked: &str, near: &[String]) -> String {
    let mut message = format!("model \"{asked}\" is not available for your account");
    match near {
        [] => message.push_str("; GET /v1/models lists those that are"),
        names => {
            message.push_str("; did you mean ");
            message.push_str(
                &names
                    .iter()
                    .map(|n| format!("\"{n}\""))
                    .collect::<Vec<_>>()
                    .join(" or "),
            );
            message.push('?');
        }
    }
    message
}

fn other_dialect(asked: &str, dialect: Dialect, untranslated: bool) -> String {
    let what = match dialect {
        Dialect::OpenaiEmbeddings => "embeddings",
        Dialect::OpenaiMedia => "this endpoint",
        Dialect::AnthropicMessages => "the Messages API on this path, which never translates",
        _ => "the OpenAI API on this path, which never translates",
    };
    let translatable = !matches!(dialect, Dialect::OpenaiEmbeddings | Dialect::OpenaiMedia);
    let hint = if untranslated && translatable {
        "; the same path without its prefix does"
    } else {
        ""
    };
    format!("model \"{asked}\" is served by backends without {what}{hint}")
}

fn over_budget(e: &BudgetExceeded) -> String {
    let title = e.period.title();
    let mut message = format!("{title} budget exceeded: {} / {}", e.spent, e.limit);
    if e.spent < e.limit {
        message.push_str(&format!(
            " is spent, and this call may cost up to {}",
            e.estimate
        ));
        if e.reserved.0 > 0 {
            message.push_str(&format!(" while calls under way may cost {}", e.reserved));
        }
    }
    let resets = jiff::Timestamp::from_millisecond(e.resets_at.0)
        .map(|at| at.to_string())
        .unwrap_or_default();
    let period = match e.period {
        BudgetPeriod::Monthly => "month",
        BudgetPeriod::Daily => "day",
    };
    let whose = match e.scope {
        BudgetScope::User(_) => "the owner's",
        BudgetScope::Team(_) => "the team's",
        BudgetScope::Key(_) => "the key's",
    };
    message.push_str(&format!(
        " ({whose} budget for the {period}; it resets at {resets})"
    ));
    if e.may_pass {
        message.push_str("; there may be room again when a call has ended");
    }
    message
}

/// Whose limit or budget it is, as a sentence calls it.
const fn bearer(scope: BudgetScope) -> &'static str {
    match scope {
        BudgetScope::Key(_) => "this API key",
        BudgetScope::User(_) => "the owner of this API key",
        BudgetScope::Team(_) => "the team of this API key",
    }
}

fn wrong_address(from: Option<IpAddr>) -> String {
    let from = from.map_or("an unknown address".to_owned(), |from| from.to_string());
    format!("this API key may not be used from {from}")
}

fn over_limit(whose: BudgetScope, exceeded: &RateExceeded) -> String {
    let (bearer, limit) = (bearer(whose), exceeded.limit);
    if let Some(tokens) = exceeded.too_large {
        return format!(
            "this request is about {tokens} tokens, and {bearer} may use {limit} tokens per minute"
        );
    }
    let wait = seconds(exceeded.retry_after);
    match exceeded.kind {
        RateKind::Requests => {
            format!("{bearer} may make {limit} requests per minute; try again in {wait} s")
        }
        RateKind::Tokens => {
            format!("{bearer} may use {limit} tokens per minute; try again in {wait} s")
        }
        RateKind::Parallel => {
            format!("{bearer} may have {limit} requests running at the same time")
        }
    }
}

const NO: HeaderValue = HeaderValue::from_static("false");

/// Whole seconds, rounded up: who waits that long is let in.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl GatewayError {
    /// The HTTP status that the client gets.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::MissingKey
            | Self::InvalidKey
            | Self::KeyDisabled
            | Self::KeyExpired
            | Self::KeyRevoked
            | Self::KeyReplaced
            | Self::UserDisabled
            | Self::TeamDisabled => 401,
            Self::AddressNotAllowed { .. } | Self::NoBackends => 403,
            Self::IdempotencyKeyReused | Self::IdempotentAnswerNotKept => 409,
            Self::BadRequest(_)
            | Self::BodyUnreadable
            | Self::IdempotencyKeyInvalid
            | Self::OtherDialect { .. }
            | Self::NoneTakes { .. }
            | Self::Untranslatable(_)
            | Self::Unpriced { .. } => 400,
            Self::BodyTooLarge { .. } => 413,
            Self::UnknownModel { .. } => 404,
            Self::BudgetExceeded(..) | Self::RateLimited { .. } => 429,
            Self::Overloaded | Self::LedgerUnavailable => 503,
            Self::Upstream(refusal) => refusal.status,
            Self::Scripted(error) => error.status,
            Self::AllFailed { kind, .. } => match kind {
                AllFailed::RateLimited => 429,
                AllFailed::TimedOut => 504,
                AllFailed::Unreachable => 502,
                AllFailed::Unavailable => 503,
            },
            Self::Internal(_) => 500,
        }
    }

    const fn kind(&self) -> ErrorKind {
        match self {
            Self::MissingKey => ErrorKind::MissingKey,
            Self::InvalidKey
            | Self::KeyDisabled
            | Self::KeyExpired
            | Self::KeyRevoked
            | Self::KeyReplaced
            | Self::UserDisabled
            | Self::TeamDisabled => ErrorKind::InvalidKey,
            Self::AddressNotAllowed { .. } | Self::NoBackends => ErrorKind::Forbidden,
            Self::BadRequest(_)
            | Self::BodyUnreadable
            | Self::IdempotencyKeyInvalid
            | Self::IdempotencyKeyReused
            | Self::IdempotentAnswerNotKept
            | Self::OtherDialect { .. }
            | Self::NoneTakes { .. }
            | Self::Untranslatable(_) => ErrorKind::InvalidRequest,
            Self::Unpriced { .. } => ErrorKind::Unpriced,
            Self::BodyTooLarge { .. } => ErrorKind::TooLarge,
            Self::UnknownModel { .. } => ErrorKind::ModelNotFound,
            // Coming again helps, unlike where the budget is used up.
            Self::BudgetExceeded(refused, _) if refused.may_pass => ErrorKind::RateLimited,
            Self::BudgetExceeded(..) => ErrorKind::BudgetExceeded,
            Self::RateLimited { .. } => ErrorKind::RateLimited,
            Self::Overloaded | Self::LedgerUnavailable => ErrorKind::Unavailable,
            Self::Upstream(_) => ErrorKind::Upstream,
            Self::Scripted(error) => error.kind(),
            Self::AllFailed { kind, .. } => match kind {
                AllFailed::RateLimited => ErrorKind::RateLimited,
                AllFailed::TimedOut => ErrorKind::Timeout,
                AllFailed::Unreachable => ErrorKind::BadGateway,
                AllFailed::Unavailable => ErrorKind::Unavailable,
            },
            Self::Internal(_) => ErrorKind::Internal,
        }
    }

    /// The body in the client's dialect.
    #[must_use]
    pub fn body(&self, dialect: Dialect, request_id: RequestId) -> Vec<u8> {
        if let Self::Upstream(refusal) = self
            && let Some(body) = &refusal.body
        {
            return body.to_vec();
        }
        let mut error = WireError {
            status: self.status(),
            kind: self.kind(),
            message: self.to_string(),
            param: None,
            code: None,
            request_id: request_id.to_string(),
        };
        match self {
            Self::BadRequest(RequestError::Mismatch(mismatch)) if !mismatch.path.is_empty() => {
                error.param = Some(mismatch.path.clone().into());
            }
            Self::BadRequest(wrong) => error.param = wrong.field().map(Into::into),
            Self::UnknownModel { .. } => error.param = Some("model".into()),
            Self::Upstream(refusal) => {
                error.message = refusal.error.words(dialect).unwrap_or(error.message);
                error.param = refusal.error.param.clone().map(Into::into);
                error.code = refusal.error.code.clone().map(Into::into);
            }
            _ => {}
        }
        error.render(dialect)
    }

    /// The response in the client's dialect.
    #[must_use]
    pub fn into_response(self, dialect: Dialect, request_id: RequestId) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::full(self.body(dialect, request_id).into()));
        *response.status_mut() =
            StatusCode::from_u16(self.status()).unwrap_or(StatusCode::BAD_GATEWAY);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self {
            // Waiting refills a budget, but hardly while a program waits.
            Self::BudgetExceeded(refused, retry_after) => {
                headers.insert(RETRY_AFTER, seconds(retry_after).into());
                if !refused.may_pass {
                    headers.insert(crate::headers::X_SHOULD_RETRY, NO);
                }
            }
            Self::RateLimited { exceeded, .. } => {
                let wait = exceeded.retry_after;
                headers.insert(RETRY_AFTER, seconds(wait).into());
                if let Ok(millis) = u64::try_from(wait.as_nanos().div_ceil(1_000_000)) {
                    headers.insert(crate::headers::RETRY_AFTER_MS, millis.into());
                }
                if exceeded.too_large.is_some() {
                    headers.insert(crate::headers::X_SHOULD_RETRY, NO);
                }
                let left = Some(Left {
                    limit: exceeded.limit,
                    remaining: 0,
                    reset: wait,
                });
                let left = match exceeded.kind {
                    RateKind::Requests => RatesLeft {
                        requests: left,
                        ..RatesLeft::default()
                    },
                    RateKind::Tokens => RatesLeft {
                        tokens: left,
                        ..RatesLeft::default()
                    },
                    RateKind::Parallel => RatesLeft::default(),
                };
                let now = request_id.unix_millis();
                headers.extend(crate::headers::of_caller(&left, dialect, now));
            }
            // SDKs try again on 409 by themselves, which changes nothing.
            Self::IdempotencyKeyReused | Self::IdempotentAnswerNotKept => {
                headers.insert(crate::headers::X_SHOULD_RETRY, NO);
            }
            Self::AllFailed {
                retry_after: Some(wait),
                ..
            } => {
                headers.insert(RETRY_AFTER, seconds(wait).into());
            }
            Self::Upstream(refusal) => headers.extend(refusal.headers),
            Self::Scripted(error) => headers.extend(error.headers),
            _ => {}
        }
        response
    }
}
