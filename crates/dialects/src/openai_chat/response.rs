//! The usage of a Chat Completions answer.

use domain::TokenUsage;
use serde::Deserialize;

/// `usage` as OpenAI reports it. Cached tokens are a part of `prompt_tokens`.
#[derive(Debug, Default, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionDetails>,
    /// DeepSeek's older name for cached tokens.
    #[serde(default)]
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct CompletionDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

/// Reads a `usage` object; `None` where it is not one.
#[must_use]
pub fn usage(value: &[u8]) -> Option<TokenUsage> {
    let usage: Usage = serde_json::from_slice(value).ok()?;
    let prompt = usage.prompt_tokens?;
    let cached = usage
        .prompt_tokens_details
        .and_then(|d| d.cached_tokens)
        .or(usage.prompt_cache_hit_tokens)
        .unwrap_or(0)
        .min(prompt);
    Some(TokenUsage {
        input: prompt - cached,
        cache_read: cached,
        output: usage.completion_tokens.unwrap_or(0),
        reasoning: usage
            .completion_tokens_details
            .and_then(|d| d.reasoning_tokens)
            .unwrap_or(0),
        ..TokenUsage::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_are_taken_out_of_the_prompt() {
        let got = usage(br#"{"prompt_tokens":1210,"completion_tokens":7,"total_tokens":1217,"prompt_tokens_details":{"cached_tokens":1000,"audio_tokens":null},"completion_tokens_details":{"reasoning_tokens":4}}"#);
        let expected = TokenUsage {
            input: 210,
            cache_read: 1000,
            output: 7,
            reasoning: 4,
            ..TokenUsage::default()
        };
        assert_eq!(got, Some(expected));
    }

    #[test]
    fn null_details_and_embeddings_without_completion_are_fine() {
        let got = usage(br#"{"prompt_tokens":5,"total_tokens":5,"prompt_tokens_details":null}"#);
        assert_eq!(got.map(|u| (u.input, u.output)), Some((5, 0)));
        assert_eq!(usage(b"null"), None);
        assert_eq!(usage(b"{}"), None);
    }
}
