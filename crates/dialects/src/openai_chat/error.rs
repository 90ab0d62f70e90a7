//! Errors as OpenAI's SDKs expect them: `{"error":{"message","type","param","code"}}`. The SDKs pick
//! the exception from the status; `type` and `code` are for programs that look closer.

use serde_json::json;

use crate::{
    error::{ErrorKind, WireError},
    ir::event::StreamError,
};

const fn type_and_code(kind: ErrorKind) -> (&'static str, Option<&'static str>) {
    match kind {
        ErrorKind::InvalidRequest => ("invalid_request_error", None),
        ErrorKind::MissingKey => ("invalid_request_error", Some("missing_api_key")),
        ErrorKind::InvalidKey => ("invalid_request_error", Some("invalid_api_key")),
        ErrorKind::Forbidden => ("permission_error", Some("permission_denied")),
        ErrorKind::ModelNotFound => ("invalid_request_error", Some("model_not_found")),
        ErrorKind::NotFound => ("invalid_request_error", Some("not_found")),
        ErrorKind::TooLarge => ("invalid_request_error", Some("request_too_large")),
        ErrorKind::BudgetExceeded => ("insufficient_quota", Some("insufficient_quota")),
        ErrorKind::RateLimited => ("rate_limit_exceeded", Some("rate_limit_exceeded")),
        ErrorKind::Unpriced => ("invalid_request_error", Some("model_not_priced")),
        ErrorKind::Internal => ("server_error", Some("internal_error")),
        ErrorKind::BadGateway => ("connection_error", Some("bad_gateway")),
        ErrorKind::Unavailable => ("service_unavailable", Some("service_unavailable")),
        ErrorKind::Timeout => ("timeout_error", Some("timeout")),
        // By its status; see below.
        ErrorKind::Upstream => ("server_error", None),
    }
}

/// OpenAI's own words for the refusals of an upstream of another family.
const fn type_of_status(status: u16) -> (&'static str, Option<&'static str>) {
    match status {
        401 => ("authentication_error", Some("invalid_api_key")),
        402 => ("insufficient_quota", Some("insufficient_quota")),
        403 => ("permission_error", Some("permission_denied")),
        404 => ("invalid_request_error", Some("model_not_found")),
        429 => ("rate_limit_exceeded", Some("rate_limit_exceeded")),
        400..=499 => ("invalid_request_error", None),
        529 => ("server_error", Some("overloaded")),
        _ => ("server_error", None),
    }
}

/// The body of an error response.
#[must_use]
pub fn render(error: &WireError) -> Vec<u8> {
    let (kind, code) = match error.kind {
        ErrorKind::Upstream => type_of_status(error.status),
        kind => type_and_code(kind),
    };
    let code = error.code.as_deref().or(code);
    json!({"error": {"message": error.message, "type": kind, "param": error.param, "code": code}})
        .to_string()
        .into_bytes()
}

/// The body of an error event: a failure that an upstream has reported inside its stream.
pub(crate) fn of_stream(failure: &StreamError, request_id: &str) -> Vec<u8> {
    render(&WireError {
        status: failure.status,
        kind: match failure.status {
            429 => ErrorKind::RateLimited,
            400 | 413 | 422 => ErrorKind::InvalidRequest,
            503 | 529 => ErrorKind::Unavailable,
            408 | 504 => ErrorKind::Timeout,
            _ => ErrorKind::Upstream,
        },
        message: failure.message.clone(),
        param: None,
        code: None,
        request_id: request_id.to_owned(),
    })
}
