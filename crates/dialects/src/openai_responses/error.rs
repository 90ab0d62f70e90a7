//! Errors of the Responses API: whole ones look as in Chat Completions, those inside a stream are an
//! `error` event and a failed response, whose codes are words of the API reference.

use crate::error::WireError;

/// The body of an error response.
#[must_use]
pub fn render(error: &WireError) -> Vec<u8> {
    crate::openai_chat::error::render(error)
}

/// The code that stands for a status inside a stream. Programs retry on the first two and give up on
/// the last.
pub(super) const fn code_of_status(status: u16) -> &'static str {
    match status {
        429 => "rate_limit_exceeded",
        400 | 404 | 413 | 422 => "invalid_prompt",
        _ => "server_error",
    }
}

/// The HTTP status that a code inside a stream would have had.
pub(crate) fn status_of_code(code: &str) -> u16 {
    match code {
        "rate_limit_exceeded" | "insufficient_quota" | "rate_limit_error" => 429,
        "server_is_overloaded" | "slow_down" => 503,
        "invalid_prompt"
        | "invalid_request_error"
        | "context_length_exceeded"
        | "bio_policy"
        | "cyber_policy"
        | "misalignment_policy_violation"
        | "failed_to_download_image"
        | "empty_image_file"
        | "unsupported_image_media_type" => 400,
        code if code.starts_with("invalid_") || code.starts_with("image_") => 400,
        _ => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_statuses_agree() {
        for status in [400, 429, 500] {
            assert_eq!(status_of_code(code_of_status(status)), status);
        }
        assert_eq!(status_of_code("invalid_image_url"), 400);
        assert_eq!(status_of_code("slow_down"), 503);
        assert_eq!(status_of_code("vector_store_timeout"), 500);
    }
}
