//! Answers of the Messages API, read ([`decode()`]) and written ([`encode()`]), and their usage. What an
//! answer costs is not known here.

mod decode;
mod encode;

use domain::{ServiceTier, TokenUsage};
use serde::Deserialize;

pub use decode::decode;
pub(super) use decode::{refusal, service_tier, stop};
pub use encode::encode;
pub(super) use encode::{message_id, stop_reason, tier_word, tool_use_id, write_usage};

/// `usage` as Anthropic reports it. Cached tokens stand beside `input_tokens`; in a stream the
/// figures are cumulative, and an event names only those that it knows.
#[derive(Debug, Default, Deserialize)]
struct Usage {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation: Option<CacheCreation>,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
    #[serde(default)]
    server_tool_use: Option<ServerToolUse>,
}

/// What is charged by the call. Fetching pages and running code in the provider's sandbox is not.
#[derive(Debug, Default, Deserialize)]
struct ServerToolUse {
    #[serde(default)]
    web_search_requests: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct OutputDetails {
    #[serde(default)]
    thinking_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct CacheCreation {
    #[serde(default)]
    ephemeral_5m_input_tokens: Option<u64>,
    #[serde(default)]
    ephemeral_1h_input_tokens: Option<u64>,
}

/// Reads a `usage` object over what earlier events told; `None` where it is not one.
#[must_use]
pub fn usage(value: &[u8], before: TokenUsage) -> Option<TokenUsage> {
    let usage: Usage = serde_json::from_slice(value).ok()?;
    let mut total = before;
    total.input = usage.input_tokens.unwrap_or(before.input);
    total.output = usage.output_tokens.unwrap_or(before.output);
    total.cache_read = usage.cache_read_input_tokens.unwrap_or(before.cache_read);
    total.reasoning = usage
        .output_tokens_details
        .and_then(|details| details.thinking_tokens)
        .unwrap_or(before.reasoning);
    total.searches = usage
        .server_tool_use
        .and_then(|tools| tools.web_search_requests)
        .unwrap_or(before.searches);
    let one_hour = usage
        .cache_creation
        .as_ref()
        .and_then(|c| c.ephemeral_1h_input_tokens);
    let five_minutes = usage
        .cache_creation
        .as_ref()
        .and_then(|c| c.ephemeral_5m_input_tokens);
    match (usage.cache_creation_input_tokens, five_minutes, one_hour) {
        // Without the split all writes live five minutes, the API's default.
        (Some(all), None, None) => {
            total.cache_write_1h = before.cache_write_1h.min(all);
            total.cache_write_5m = all - total.cache_write_1h;
        }
        (all, five, one) => {
            total.cache_write_1h = one.unwrap_or(before.cache_write_1h);
            total.cache_write_5m = five
                .or(all.map(|all| all.saturating_sub(total.cache_write_1h)))
                .unwrap_or(before.cache_write_5m);
        }
    }
    Some(total)
}

/// The tier that a `usage` object says is billed.
#[must_use]
pub fn tier(usage: &[u8]) -> Option<ServiceTier> {
    let member = crate::json::members(usage)
        .map_while(Result::ok)
        .find(|member| member.key == "service_tier")?;
    crate::stream::tier(&usage[member.value])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_writes_are_told_apart_by_their_life() {
        let got = usage(br#"{"input_tokens":10,"cache_creation_input_tokens":240,"cache_read_input_tokens":1000,"output_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":40}}"#, TokenUsage::default());
        let expected = TokenUsage {
            input: 10,
            cache_read: 1000,
            cache_write_5m: 200,
            cache_write_1h: 40,
            output: 1,
            ..TokenUsage::default()
        };
        assert_eq!(got, Some(expected));
        let later = usage(br#"{"output_tokens":7}"#, expected);
        assert_eq!(
            later,
            Some(TokenUsage {
                output: 7,
                ..expected
            })
        );
        let repeated = usage(
            br#"{"output_tokens":7,"input_tokens":10,"cache_creation_input_tokens":240,"cache_read_input_tokens":1000}"#,
            expected,
        );
        assert_eq!(
            repeated,
            Some(TokenUsage {
                output: 7,
                ..expected
            })
        );
    }

    #[test]
    fn without_the_split_writes_live_five_minutes() {
        let got = usage(br#"{"input_tokens":10,"cache_creation_input_tokens":200,"cache_read_input_tokens":null}"#, TokenUsage::default());
        assert_eq!(
            got.map(|u| (u.cache_write_5m, u.cache_write_1h)),
            Some((200, 0))
        );
    }
}
