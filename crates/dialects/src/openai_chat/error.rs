//! Errors as OpenAI's SDKs expect them: `{"error":{"message","type","param","code"}}`. The SDKs pick
//! the exception from the status; `type` and `code` are for programs that look closer.

use serde_json::json;

use crate::error::{ErrorKind, WireError};

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
        ErrorKind::Upstream => ("upstream_error", None),
    }
}

/// The body of an error response.
#[must_use]
pub fn render(error: &WireError) -> Vec<u8> {
    let (kind, code) = type_and_code(error.kind);
    json!({"error": {"message": error.message, "type": kind, "param": error.param, "code": code}})
        .to_string()
        .into_bytes()
}
