//! The words of this dialect that mean the same as other words elsewhere: finish reasons and service
//! tiers.

use crate::ir::{ServiceTier, Stop};

/// What a finish reason means. `matched` is the stop text where the server names it (vLLM's
/// `stop_reason`, SGLang's `matched_stop`), `calls` and `refused` say what the answer holds: servers
/// say `stop` where they mean tool calls, and the other way round.
pub(crate) fn stop_of(
    reason: Option<&str>,
    matched: Option<String>,
    calls: bool,
    refused: bool,
) -> Stop {
    match reason {
        Some("length" | "max_tokens") => Stop::MaxTokens,
        Some("content_filter") => Stop::ContentFilter,
        // Mistral's word.
        Some("model_length") => Stop::ContextWindow,
        _ if calls => Stop::ToolUse,
        _ if refused => Stop::Refusal,
        Some("stop_sequence") => Stop::Sequence(matched),
        None | Some("stop" | "end_turn" | "eos" | "tool_calls" | "function_call") => {
            matched.map_or(Stop::End, |text| Stop::Sequence(Some(text)))
        }
        Some(other) => Stop::Other(other.to_owned()),
    }
}

/// The finish reason. The SDKs know five words only, and wait for tool results where they read
/// `tool_calls`, so that it is said exactly where there are calls. A refusal whose words are in
/// `refusal` ends in `stop`, as OpenAI's own does.
pub(crate) const fn finish_reason(stop: &Stop, calls: bool, refused: bool) -> &'static str {
    match stop {
        Stop::MaxTokens | Stop::ContextWindow => "length",
        Stop::ContentFilter => "content_filter",
        Stop::Refusal if !refused => "content_filter",
        _ if calls => "tool_calls",
        _ => "stop",
    }
}

/// What a service tier means.
pub(crate) fn tier_of(word: &str) -> Option<ServiceTier> {
    Some(match word {
        "auto" => ServiceTier::Auto,
        "default" => ServiceTier::Standard,
        "flex" => ServiceTier::Flex,
        "priority" => ServiceTier::Priority,
        "scale" => ServiceTier::Scale,
        _ => return None,
    })
}

/// The word for a service tier.
pub(crate) const fn tier_word(tier: ServiceTier) -> &'static str {
    match tier {
        ServiceTier::Auto => "auto",
        ServiceTier::Standard => "default",
        ServiceTier::Flex => "flex",
        ServiceTier::Priority => "priority",
        ServiceTier::Scale => "scale",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_holds_weighs_more_than_the_word_stop() {
        assert_eq!(stop_of(Some("stop"), None, true, false), Stop::ToolUse);
        assert_eq!(stop_of(Some("tool_calls"), None, false, false), Stop::End);
        assert_eq!(stop_of(Some("stop"), None, false, true), Stop::Refusal);
        assert_eq!(stop_of(Some("length"), None, true, false), Stop::MaxTokens);
        assert_eq!(
            stop_of(Some("stop"), Some("END".to_owned()), false, false),
            Stop::Sequence(Some("END".to_owned()))
        );
        assert_eq!(
            stop_of(Some("abort"), None, false, false),
            Stop::Other("abort".to_owned())
        );
    }

    #[test]
    fn only_words_that_the_sdks_know_are_said() {
        let other = Stop::Other("abort".to_owned());
        assert_eq!(finish_reason(&other, false, false), "stop");
        assert_eq!(finish_reason(&Stop::ToolUse, false, false), "stop");
        assert_eq!(finish_reason(&Stop::End, true, false), "tool_calls");
        assert_eq!(finish_reason(&Stop::MaxTokens, true, false), "length");
        assert_eq!(finish_reason(&Stop::Refusal, false, true), "stop");
        assert_eq!(
            finish_reason(&Stop::Refusal, false, false),
            "content_filter"
        );
        assert_eq!(finish_reason(&Stop::ContextWindow, false, false), "length");
    }
}
