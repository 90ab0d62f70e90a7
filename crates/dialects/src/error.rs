//! An error before it is put into a client's dialect.

use std::borrow::Cow;

use domain::Dialect;

use crate::{anthropic_messages, node::Node, openai_chat, response::message_of_error};

/// What went wrong, as far as a client's program can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    InvalidRequest,
    MissingKey,
    InvalidKey,
    Forbidden,
    ModelNotFound,
    NotFound,
    TooLarge,
    BudgetExceeded,
    RateLimited,
    /// The model has no price, so that its use cannot be billed.
    Unpriced,
    Internal,
    /// No upstream could be reached, or none gave an answer that can be read.
    BadGateway,
    Unavailable,
    Timeout,
    /// The upstream's own refusal, with the upstream's own status.
    Upstream,
}

/// An error on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    pub status: u16,
    pub kind: ErrorKind,
    /// For people; never holds a key or a URL with credentials.
    pub message: String,
    /// The member of the request that is wrong.
    pub param: Option<Cow<'static, str>>,
    /// OpenAI's `code` where it says more than [`ErrorKind`] does.
    pub code: Option<Cow<'static, str>>,
    pub request_id: String,
}

/// OpenAI's code for a prompt that does not fit; clients shorten the conversation when they see it.
pub const CONTEXT_LENGTH_EXCEEDED: &str = "context_length_exceeded";

/// What Anthropic says of such a prompt; agents look for these words.
const PROMPT_TOO_LONG: &str = "prompt is too long";

/// How the providers say that a prompt does not fit.
const TOO_LONG: [&str; 7] = [
    CONTEXT_LENGTH_EXCEEDED,
    PROMPT_TOO_LONG,
    "input is too long",
    "maximum context length",
    "context window",
    "exceeds the maximum number of tokens",
    "too many input tokens",
];

/// What an upstream's error response says, whatever its dialect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamError {
    /// In its own words; `None` where the body has none.
    pub message: Option<String>,
    /// OpenAI's `code`, as a client of that family gets it.
    pub code: Option<String>,
    /// OpenAI's `param`.
    pub param: Option<String>,
}

impl UpstreamError {
    /// Reads the body of an error response, in any of the usual shapes.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        let message = message_of_error(body);
        let mut error = Node::parse(body)
            .ok()
            .and_then(|node| node.object().ok())
            .and_then(|mut body| body.object("error").ok().flatten());
        let mut field = |name| {
            error
                .as_mut()
                .and_then(|error| error.string(name).ok().flatten())
        };
        let code = field("code");
        let param = field("param");
        let too_long = message.as_deref().is_some_and(is_too_long);
        Self {
            code: code.or_else(|| too_long.then(|| CONTEXT_LENGTH_EXCEEDED.to_owned())),
            param,
            message,
        }
    }

    /// What an error inside a stream says.
    #[must_use]
    pub fn of_message(message: String) -> Self {
        Self {
            code: is_too_long(&message).then(|| CONTEXT_LENGTH_EXCEEDED.to_owned()),
            message: Some(message),
            param: None,
        }
    }

    /// The words for a client of `dialect`: the upstream's own, with those in front that Anthropic's
    /// clients know a prompt by that does not fit.
    #[must_use]
    pub fn words(&self, dialect: Dialect) -> Option<String> {
        let message = self.message.as_deref()?;
        let too_long = self.code.as_deref() == Some(CONTEXT_LENGTH_EXCEEDED);
        Some(
            if dialect == Dialect::AnthropicMessages
                && too_long
                && !message.to_lowercase().contains(PROMPT_TOO_LONG)
            {
                format!("{PROMPT_TOO_LONG}: {message}")
            } else {
                message.to_owned()
            },
        )
    }
}

fn is_too_long(message: &str) -> bool {
    let message = message.to_lowercase();
    TOO_LONG.iter().any(|words| message.contains(words))
}

impl WireError {
    /// The body in the client's dialect.
    #[must_use]
    pub fn render(&self, dialect: Dialect) -> Vec<u8> {
        match dialect {
            Dialect::AnthropicMessages => anthropic_messages::error::render(self),
            _ => openai_chat::error::render(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_has_its_own_shape() {
        let error = WireError {
            status: 429,
            kind: ErrorKind::BudgetExceeded,
            message: "Daily budget exceeded: $1.00 / $1.00".to_owned(),
            param: None,
            code: None,
            request_id: "req_1".to_owned(),
        };
        let text = |dialect| String::from_utf8(error.render(dialect)).unwrap_or_default();
        insta::assert_snapshot!(text(Dialect::OpenaiChat), @r#"{"error":{"code":"insufficient_quota","message":"Daily budget exceeded: $1.00 / $1.00","param":null,"type":"insufficient_quota"}}"#);
        insta::assert_snapshot!(text(Dialect::AnthropicMessages), @r#"{"error":{"details":{"error_code":"enforced_spend_limit_reached"},"message":"Daily budget exceeded: $1.00 / $1.00","type":"rate_limit_error"},"request_id":"req_1","type":"error"}"#);
    }

    #[test]
    fn a_prompt_that_does_not_fit_is_known_in_any_words() {
        let anthropic = UpstreamError::read(
            br#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
        );
        assert_eq!(anthropic.code.as_deref(), Some(CONTEXT_LENGTH_EXCEEDED));
        let bedrock =
            UpstreamError::read(br#"{"message":"Input is too long for requested model."}"#);
        assert_eq!(bedrock.code.as_deref(), Some(CONTEXT_LENGTH_EXCEEDED));
        assert_eq!(
            bedrock.words(Dialect::AnthropicMessages).as_deref(),
            Some("prompt is too long: Input is too long for requested model.")
        );
        let other = UpstreamError::read(
            br#"{"error":{"message":"no such tool","type":"invalid_request_error","param":"tools","code":null}}"#,
        );
        assert_eq!(other.code, None);
        assert_eq!(other.param.as_deref(), Some("tools"));
        assert_eq!(UpstreamError::read(b"<html>"), UpstreamError::default());
    }
}
