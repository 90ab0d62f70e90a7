//! How much a call used, in one meaning for all dialects.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::pricing::ServiceTier;

/// Tokens of one call, or a sum over calls.
///
/// `input` never contains cached tokens, whatever the dialect reports: OpenAI counts them inside
/// `prompt_tokens`, Anthropic beside `input_tokens`. `reasoning` is a part of `output`, not an
/// addition to it, and is therefore never priced on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUsage {
    pub input: u64,
    pub cache_read: u64,
    /// Written to a cache that lives 5 minutes.
    pub cache_write_5m: u64,
    /// Written to a cache that lives 1 hour.
    pub cache_write_1h: u64,
    pub output: u64,
    /// The part of `output` that the model spent on reasoning, where it is reported.
    pub reasoning: u64,
    /// Searches of the web that the provider made and charges for one by one.
    #[serde(default)]
    pub searches: u64,
    /// Images that were made, where each has a price.
    #[serde(default)]
    pub images: u64,
    /// Milliseconds of audio that were heard, where time has a price.
    #[serde(default)]
    pub audio_ms: u64,
}

/// What one upstream call used, as it is billed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    pub tokens: TokenUsage,
    /// As the upstream says; `Standard` where it says nothing.
    pub tier: ServiceTier,
    /// The upstream did not report all of it; what was missing is an estimate.
    pub estimated: bool,
}

impl Used {
    /// Where the upstream did not say: by the router's own count.
    #[must_use]
    pub fn estimate(input: u64, output: u64) -> Self {
        Self {
            tokens: TokenUsage {
                input,
                output,
                ..TokenUsage::default()
            },
            estimated: true,
            ..Self::default()
        }
    }
}

impl TokenUsage {
    /// All tokens that went in, cached or not.
    #[must_use]
    pub fn total_input(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write_5m)
            .saturating_add(self.cache_write_1h)
    }

    /// All tokens, in and out.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total_input().saturating_add(self.output)
    }
}

impl AddAssign for TokenUsage {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_write_5m = self.cache_write_5m.saturating_add(other.cache_write_5m);
        self.cache_write_1h = self.cache_write_1h.saturating_add(other.cache_write_1h);
        self.output = self.output.saturating_add(other.output);
        self.reasoning = self.reasoning.saturating_add(other.reasoning);
        self.searches = self.searches.saturating_add(other.searches);
        self.images = self.images.saturating_add(other.images);
        self.audio_ms = self.audio_ms.saturating_add(other.audio_ms);
    }
}
