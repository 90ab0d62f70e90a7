//! The usage of an answer. OpenAI counts cached tokens inside the prompt; the neutral form counts them
//! beside it.

use domain::TokenUsage;
use serde::Deserialize;

use crate::write::ObjectWriter;

/// `usage` as OpenAI reports it. Cached tokens are a part of `prompt_tokens`.
#[derive(Debug, Default, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    total_tokens: Option<u64>,
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
    /// OpenRouter's, and ours.
    #[serde(default)]
    cache_write_tokens: Option<u64>,
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
    let details = usage.prompt_tokens_details.unwrap_or_default();
    let cached = details
        .cached_tokens
        .or(usage.prompt_cache_hit_tokens)
        .unwrap_or(0)
        .min(prompt);
    let written = details.cache_write_tokens.unwrap_or(0).min(prompt - cached);
    let said = usage.completion_tokens.unwrap_or(0);
    // Gemini and xAI count reasoning in the total only.
    let output = match (usage.completion_tokens, usage.total_tokens) {
        (Some(_), Some(total)) => said.max(total.saturating_sub(prompt)),
        _ => said,
    };
    let reasoning = usage
        .completion_tokens_details
        .and_then(|d| d.reasoning_tokens)
        .unwrap_or(output - said);
    Some(TokenUsage {
        input: prompt - cached - written,
        cache_read: cached,
        cache_write_5m: written,
        output,
        reasoning,
        ..TokenUsage::default()
    })
}

/// Fills a `usage` object with all that the SDKs' types call for.
pub(crate) fn write_usage(tokens: &TokenUsage, o: &mut ObjectWriter<'_>) {
    o.put("prompt_tokens", &tokens.total_input());
    o.put("completion_tokens", &tokens.output);
    o.put("total_tokens", &tokens.total());
    o.object("prompt_tokens_details", |o| {
        o.put("cached_tokens", &tokens.cache_read);
        o.put("audio_tokens", &0);
        let written = tokens.cache_write_5m.saturating_add(tokens.cache_write_1h);
        o.opt("cache_write_tokens", (written > 0).then_some(written));
    });
    o.object("completion_tokens_details", |o| {
        o.put("reasoning_tokens", &tokens.reasoning);
        o.put("audio_tokens", &0);
        o.put("accepted_prediction_tokens", &0);
        o.put("rejected_prediction_tokens", &0);
    });
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

    #[test]
    fn reasoning_that_only_the_total_knows_is_output() {
        let got = usage(br#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":45}"#);
        assert_eq!(got.map(|u| (u.output, u.reasoning)), Some((35, 30)));
        let beside = usage(br#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":25,"completion_tokens_details":{"reasoning_tokens":10}}"#);
        assert_eq!(beside.map(|u| (u.output, u.reasoning)), Some((15, 10)));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let tokens = TokenUsage {
            input: 10,
            cache_read: 1000,
            cache_write_5m: 200,
            output: 7,
            reasoning: 3,
            ..TokenUsage::default()
        };
        let mut out = Vec::new();
        crate::write::object(&mut out, |o| write_usage(&tokens, o));
        assert_eq!(usage(&out), Some(tokens));
    }
}
