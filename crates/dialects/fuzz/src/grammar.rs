//! The rules that the tests of `dialects` have, used here as they are: of a complete stream, those that
//! the official clients rely on, and of a request to Bedrock, those by which it refuses one.

use domain::Dialect;

use crate::converse_stream;

#[path = "../../tests/grammar/anthropic_messages.rs"]
mod anthropic_messages;
#[path = "../../tests/grammar/converse_request.rs"]
mod converse_request;
#[path = "../../tests/grammar/openai_chat.rs"]
mod openai_chat;
#[path = "../../tests/grammar/openai_completions.rs"]
mod openai_completions;
#[path = "../../tests/grammar/openai_responses.rs"]
mod openai_responses;

pub use converse_request::check as check_converse_request;

/// Checks a complete stream; `None` where there are no rules for the dialect.
#[must_use]
pub fn check(dialect: Dialect, sse: &str) -> Option<Result<(), String>> {
    match dialect {
        Dialect::OpenaiChat => Some(openai_chat::check(sse)),
        Dialect::OpenaiCompletions => Some(openai_completions::check(sse)),
        Dialect::OpenaiResponses => Some(openai_responses::check(sse)),
        Dialect::AnthropicMessages => Some(anthropic_messages::check(sse)),
        Dialect::BedrockConverse => Some(converse_stream::check(sse)),
        Dialect::OpenaiEmbeddings | Dialect::OpenaiMedia => None,
    }
}
