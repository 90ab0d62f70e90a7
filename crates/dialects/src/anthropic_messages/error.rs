//! Errors as Anthropic's SDKs expect them:
//! `{"type":"error","error":{"type","message"},"request_id"}`. The names are those of Anthropic's
//! API reference, "Errors".

use serde_json::json;

use crate::error::{ErrorKind, WireError};

const fn error_type(error: &WireError) -> &'static str {
    match error.kind {
        ErrorKind::InvalidRequest | ErrorKind::Unpriced => "invalid_request_error",
        ErrorKind::MissingKey | ErrorKind::InvalidKey => "authentication_error",
        ErrorKind::Forbidden => "permission_error",
        ErrorKind::ModelNotFound | ErrorKind::NotFound => "not_found_error",
        ErrorKind::TooLarge => "request_too_large",
        ErrorKind::BudgetExceeded | ErrorKind::RateLimited => "rate_limit_error",
        ErrorKind::Timeout => "timeout_error",
        ErrorKind::Internal | ErrorKind::BadGateway | ErrorKind::Unavailable => "api_error",
        ErrorKind::Upstream => type_of_status(error.status),
    }
}

/// The type of an upstream's error, by its status.
pub(super) const fn type_of_status(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        400..500 => "invalid_request_error",
        _ => "api_error",
    }
}

/// The status that an error of this type would have had outside a stream.
pub(super) fn status_of_type(kind: &str) -> u16 {
    match kind {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => 500,
    }
}

/// The body of an error response.
#[must_use]
pub fn render(error: &WireError) -> Vec<u8> {
    let mut inner = json!({"type": error_type(error), "message": error.message});
    // The SDKs choose their spend-limit exception by this code.
    if error.kind == ErrorKind::BudgetExceeded {
        inner["details"] = json!({"error_code": "enforced_spend_limit_reached"});
    }
    json!({"type": "error", "error": inner, "request_id": error.request_id})
        .to_string()
        .into_bytes()
}
