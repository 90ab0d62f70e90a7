//! A whole answer in neutral form.

use domain::TokenUsage;

use super::{Part, ServiceTier};
use crate::node::Json;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The upstream's id of the answer.
    pub id: Option<String>,
    /// Seconds since 1970.
    pub created: Option<i64>,
    /// One, unless the request asked for more.
    pub candidates: Vec<Candidate>,
    /// `None` where the upstream told none.
    pub usage: Option<Usage>,
    pub service_tier: Option<ServiceTier>,
}

/// One of the answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// In the order in which the model said them.
    pub parts: Vec<Part>,
    pub stop: Stop,
    /// OpenAI's `logprobs`, as they came.
    pub logprobs: Option<Json>,
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The model had said all.
    End,
    /// One of the request's stop texts; which one, where the upstream says so.
    Sequence(Option<String>),
    MaxTokens,
    /// It waits for the results of its tool calls.
    ToolUse,
    /// A filter of the provider cut it off.
    ContentFilter,
    /// The model refused, as Anthropic reports it.
    Refusal,
    /// A long turn was interrupted and can be continued (Anthropic's `pause_turn`).
    Pause,
    /// The context window is full.
    ContextWindow,
    /// A reason that only its own family knows, as it came.
    Other(String),
}

/// What was used. The tokens are what is billed and what the client is told, each dialect in its own
/// way of counting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub tokens: TokenUsage,
    /// Anthropic's `server_tool_use` (searches and the like), as it came.
    pub server_tools: Option<Json>,
    /// The tier that is billed, where the upstream tells it with the usage.
    pub tier: Option<ServiceTier>,
}
