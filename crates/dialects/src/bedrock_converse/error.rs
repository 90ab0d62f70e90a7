//! Errors of the Bedrock runtime: the header `x-amzn-errortype` with `{"message"}`, and exceptions
//! inside a stream. What each means is by AWS's API reference, "Converse", "Errors"; the numbers are
//! the statuses that a client of any dialect can act on.

use crate::{ErrorKind, json};

/// What an error response of the service says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    pub status: u16,
    pub kind: ErrorKind,
    pub message: String,
    /// The prompt is longer than the model's context window, whatever the exception is called.
    pub context_window_exceeded: bool,
}

impl ServiceError {
    /// Reads an error response. `error_type` is the header `x-amzn-errortype`.
    #[must_use]
    pub fn read(status: u16, error_type: Option<&str>, body: &[u8]) -> Self {
        let named = error_type
            .map(str::to_owned)
            .or_else(|| field(body, &["__type", "code"]));
        let name = named.as_deref().map(bare_name).unwrap_or_default();
        let message = message(body).unwrap_or_else(|| {
            if name.is_empty() {
                format!("Bedrock answered with status {status}")
            } else {
                name.to_owned()
            }
        });
        let context_window_exceeded = is_context_window(&message);
        let (status, kind) = meaning(name, status);
        Self {
            status,
            kind,
            message,
            context_window_exceeded,
        }
    }
}

/// A failure inside a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamException {
    /// As the service calls it: `throttlingException`.
    pub name: String,
    pub message: String,
}

impl StreamException {
    /// Reads an exception's payload.
    #[must_use]
    pub fn read(name: &str, payload: &[u8]) -> Self {
        let message = message(payload)
            .or_else(|| field(payload, &["originalMessage"]))
            .unwrap_or_else(|| name.to_owned());
        Self {
            name: name.to_owned(),
            message,
        }
    }

    /// A failure that has a code only.
    #[must_use]
    pub fn of_code(code: &str, message: String) -> Self {
        Self {
            name: code.to_owned(),
            message: if message.is_empty() {
                code.to_owned()
            } else {
                message
            },
        }
    }

    /// The status that it would have had as a response.
    #[must_use]
    pub fn status(&self) -> u16 {
        match plain(&self.name).as_str() {
            // The model broke while it was answering; 424, which the service sends for it otherwise,
            // means nothing to clients.
            "modelstreamerror" => 500,
            _ => meaning(&self.name, 500).0,
        }
    }

    /// Anthropic's name for such an error (API reference, "Errors").
    #[must_use]
    pub fn anthropic_type(&self) -> &'static str {
        match self.status() {
            400 | 413 | 422 => "invalid_request_error",
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            408 => "timeout_error",
            429 => "rate_limit_error",
            503 => "overloaded_error",
            _ => "api_error",
        }
    }
}

/// Whether an event of this name is an exception.
#[must_use]
pub fn is_exception(event: &str) -> bool {
    event.ends_with("Exception")
}

/// `ThrottlingException` of `ThrottlingException:http://internal.amazon.com/coral/` and
/// `com.amazonaws.bedrock#ThrottlingException`.
fn bare_name(error_type: &str) -> &str {
    let name = error_type.split(':').next().unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default().trim()
}

/// The name in lower case and without `Exception`: the header begins with a capital, the stream's
/// event does not.
fn plain(name: &str) -> String {
    name.trim_end_matches("Exception").to_ascii_lowercase()
}

fn meaning(name: &str, status: u16) -> (u16, ErrorKind) {
    match plain(name).as_str() {
        // A quota that is used up is refused with 400, and a model that is still being loaded is
        // throttled; both are over after a while, as a client understands 429.
        "throttling" | "servicequotaexceeded" | "modelnotready" => (429, ErrorKind::RateLimited),
        "validation" if status == 413 => (413, ErrorKind::TooLarge),
        "validation" => (400, ErrorKind::InvalidRequest),
        "accessdenied" => (403, ErrorKind::Forbidden),
        "unrecognizedclient"
        | "invalidsignature"
        | "expiredtoken"
        | "incompletesignature"
        | "missingauthenticationtoken"
        | "notauthorized" => {
            let status = if matches!(status, 401 | 403) {
                status
            } else {
                403
            };
            (status, ErrorKind::InvalidKey)
        }
        "resourcenotfound" => (404, ErrorKind::ModelNotFound),
        "modeltimeout" => (408, ErrorKind::Timeout),
        "serviceunavailable" => (503, ErrorKind::Unavailable),
        "internalserver" | "internalfailure" => (500, ErrorKind::Upstream),
        _ => (
            status,
            match status {
                429 => ErrorKind::RateLimited,
                408 | 504 => ErrorKind::Timeout,
                413 => ErrorKind::TooLarge,
                503 => ErrorKind::Unavailable,
                _ => ErrorKind::Upstream,
            },
        ),
    }
}

/// Whether a message says that the prompt does not fit into the model's context window. The service has
/// no code for it, and each model its own words.
#[must_use]
pub fn is_context_window(message: &str) -> bool {
    const WORDS: [&str; 9] = [
        "input is too long",
        "prompt is too long",
        "too many input tokens",
        "maximum context length",
        "context window",
        "exceed context limit",
        "exceeds the maximum number of tokens",
        "input tokens exceeded",
        "input length exceeds",
    ];
    let message = message.to_ascii_lowercase();
    WORDS.iter().any(|words| message.contains(words))
}

pub(super) fn message(body: &[u8]) -> Option<String> {
    field(body, &["message", "Message", "errorMessage"])
}

fn field(body: &[u8], names: &[&str]) -> Option<String> {
    json::members(body)
        .map_while(Result::ok)
        .filter(|member| names.contains(&&*member.key))
        .find_map(|member| json::decode_string(body.get(member.value)?).map(|s| s.into_owned()))
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_by_their_type() {
        let cases = [
            (
                429,
                "ThrottlingException:http://internal.amazon.com/coral/",
                429,
                ErrorKind::RateLimited,
            ),
            (
                400,
                "ServiceQuotaExceededException",
                429,
                ErrorKind::RateLimited,
            ),
            (
                400,
                "com.amazonaws.bedrock#ValidationException",
                400,
                ErrorKind::InvalidRequest,
            ),
            (403, "AccessDeniedException", 403, ErrorKind::Forbidden),
            (
                403,
                "UnrecognizedClientException",
                403,
                ErrorKind::InvalidKey,
            ),
            (
                404,
                "ResourceNotFoundException",
                404,
                ErrorKind::ModelNotFound,
            ),
            (408, "ModelTimeoutException", 408, ErrorKind::Timeout),
            (424, "ModelErrorException", 424, ErrorKind::Upstream),
            (500, "InternalServerException", 500, ErrorKind::Upstream),
            (
                503,
                "ServiceUnavailableException",
                503,
                ErrorKind::Unavailable,
            ),
            (502, "", 502, ErrorKind::Upstream),
        ];
        for (status, name, expected, kind) in cases {
            let error = ServiceError::read(status, Some(name), br#"{"message":"why"}"#);
            assert_eq!((error.status, error.kind), (expected, kind), "{name}");
            assert_eq!(error.message, "why");
        }
    }

    #[test]
    fn the_message_is_found_under_either_name_and_the_type_in_the_body() {
        let body = br#"{"__type":"com.amazon.coral#ThrottlingException","Message":"slow down"}"#;
        let error = ServiceError::read(400, None, body);
        assert_eq!((error.status, &*error.message), (429, "slow down"));
        let error = ServiceError::read(503, Some("ServiceUnavailableException"), b"<html>");
        assert_eq!(error.message, "ServiceUnavailableException");
        let error = ServiceError::read(502, None, b"");
        assert_eq!(error.message, "Bedrock answered with status 502");
    }

    #[test]
    fn a_prompt_that_is_too_long_is_recognised() {
        let too_long = |message: &str| {
            let body = serde_json::json!({ "message": message }).to_string();
            ServiceError::read(400, Some("ValidationException"), body.as_bytes())
                .context_window_exceeded
        };
        assert!(too_long("Input is too long for requested model."));
        assert!(too_long(
            "The model returned the following errors: prompt is too long: 204000 tokens > 200000 maximum"
        ));
        assert!(too_long(
            "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"
        ));
        assert!(!too_long("The messages field is empty."));
    }

    #[test]
    fn exceptions_of_streams_have_a_status_and_a_name_at_anthropic() {
        let cases = [
            ("throttlingException", 429, "rate_limit_error"),
            ("validationException", 400, "invalid_request_error"),
            ("serviceUnavailableException", 503, "overloaded_error"),
            ("modelStreamErrorException", 500, "api_error"),
            ("internalServerException", 500, "api_error"),
            ("modelTimeoutException", 408, "timeout_error"),
            ("somethingNewException", 500, "api_error"),
        ];
        for (name, status, anthropic) in cases {
            let exception = StreamException::read(name, br#"{"message":"m"}"#);
            assert_eq!(exception.status(), status, "{name}");
            assert_eq!(exception.anthropic_type(), anthropic, "{name}");
            assert_eq!(exception.message, "m");
        }
        let bare = StreamException::read("throttlingException", b"{}");
        assert_eq!(bare.message, "throttlingException");
    }
}
