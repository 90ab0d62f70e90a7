//! An error before it is put into a client's dialect.

use domain::Dialect;

use crate::{anthropic_messages, openai_chat};

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
    pub param: Option<&'static str>,
    pub request_id: String,
}

impl WireError {
    /// The body in the client's dialect.
    #[must_use]
    pub fn render(&self, dialect: Dialect) -> Vec<u8> {
        match dialect {
            Dialect::OpenaiChat => openai_chat::error::render(self),
            Dialect::AnthropicMessages => anthropic_messages::error::render(self),
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
            request_id: "req_1".to_owned(),
        };
        let text = |dialect| String::from_utf8(error.render(dialect)).unwrap_or_default();
        insta::assert_snapshot!(text(Dialect::OpenaiChat), @r#"{"error":{"code":"insufficient_quota","message":"Daily budget exceeded: $1.00 / $1.00","param":null,"type":"insufficient_quota"}}"#);
        insta::assert_snapshot!(text(Dialect::AnthropicMessages), @r#"{"error":{"details":{"error_code":"enforced_spend_limit_reached"},"message":"Daily budget exceeded: $1.00 / $1.00","type":"rate_limit_error"},"request_id":"req_1","type":"error"}"#);
    }
}
