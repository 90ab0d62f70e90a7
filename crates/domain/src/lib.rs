//! Pure types and rules that every other crate speaks: ids, money, pricing, usage, budgets, the
//! ledger row and what the dashboards report.
//!
//! Nothing here does I/O or knows a framework, so that the same types compile to
//! wasm and cross to the browser. Rules that need a clock or a time zone sit behind the `time`
//! feature.

pub mod access;
pub mod account;
pub mod audit;
pub mod budget;
#[cfg(feature = "time")]
pub mod clock;
pub mod configured;
pub mod ids;
pub mod ledger;
pub mod limits;
pub mod money;
pub mod notes;
pub mod page;
#[cfg(feature = "time")]
pub mod period;
pub mod permission;
pub mod pricing;
pub mod report;
pub mod request_log;
pub mod routing;
pub mod script;
pub mod status;
pub mod team;
pub mod usage;
pub mod usage_report;
pub mod validation;

pub use account::{KeyOwner, Role, User, VirtualKey};
pub use budget::{BudgetLimits, BudgetScope};
pub use ids::{BackendId, DeploymentId, KeyId, PriceId, RequestId, TeamId, TokenId, UserId};
pub use ledger::{LedgerRow, Outcome};
pub use limits::RateLimits;
pub use money::NanoUsd;
pub use pricing::{Price, ServiceTier};
pub use usage::{TokenUsage, Used};

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z. The unit of every time in the
/// database and in what crosses to the browser.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The start of the UTC hour that this point lies in; rollups are kept per UTC hour.
    #[must_use]
    pub fn hour(self) -> Self {
        Self(self.0 - self.0.rem_euclid(3_600_000))
    }

    /// Milliseconds from `earlier` to `self`; 0 when the clock went backwards.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).max(0)
    }
}

/// The wire format that a client or an upstream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// OpenAI Chat Completions, `POST /v1/chat/completions`.
    OpenaiChat,
    /// OpenAI's older Completions, `POST /v1/completions`.
    OpenaiCompletions,
    /// OpenAI Responses, `POST /v1/responses`.
    OpenaiResponses,
    /// OpenAI Embeddings, `POST /v1/embeddings`.
    OpenaiEmbeddings,
    /// OpenAI's images, audio, moderations, and the reranking that compatible servers offer: passed
    /// through, never translated.
    OpenaiMedia,
    /// Anthropic Messages, `POST /v1/messages`.
    AnthropicMessages,
    /// Amazon Bedrock's Converse and ConverseStream; of upstreams only.
    BedrockConverse,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::OpenaiChat,
        Self::OpenaiCompletions,
        Self::OpenaiResponses,
        Self::OpenaiEmbeddings,
        Self::OpenaiMedia,
        Self::AnthropicMessages,
        Self::BedrockConverse,
    ];

    /// The name used in the ledger, in logs and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai_chat",
            Self::OpenaiCompletions => "openai_completions",
            Self::OpenaiResponses => "openai_responses",
            Self::OpenaiEmbeddings => "openai_embeddings",
            Self::OpenaiMedia => "openai_media",
            Self::AnthropicMessages => "anthropic_messages",
            Self::BedrockConverse => "bedrock_converse",
        }
    }

    /// Reads what [`Dialect::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.as_str() == text)
    }
}
