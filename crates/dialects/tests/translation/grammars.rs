//! The grammar checkers of the dialects that clients speak, behind one name.

use domain::Dialect;

#[path = "../grammar/anthropic_messages.rs"]
mod anthropic_messages;
#[path = "../grammar/openai_chat.rs"]
mod openai_chat;
#[path = "../grammar/openai_completions.rs"]
mod openai_completions;
#[path = "../grammar/openai_responses.rs"]
mod openai_responses;

/// Checks a complete stream of `dialect`.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(dialect: Dialect, sse: &str) -> Result<(), String> {
    match dialect {
        Dialect::OpenaiChat => openai_chat::check(sse),
        Dialect::OpenaiCompletions => openai_completions::check(sse),
        Dialect::OpenaiResponses => openai_responses::check(sse),
        Dialect::AnthropicMessages => anthropic_messages::check(sse),
        other => Err(format!("no client speaks {}", other.as_str())),
    }
}
