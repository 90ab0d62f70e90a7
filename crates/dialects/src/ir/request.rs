//! A request in neutral form.

use domain::Dialect;

use super::Proof;
use crate::node::Json;

/// What a client asks of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The dialect it came in.
    pub source: Dialect,
    /// System texts too, wherever they stood: a leading run of [`Role::System`] and
    /// [`Role::Developer`] is what Anthropic calls `system` and OpenAI Responses `instructions`.
    pub messages: Vec<Message>,
    pub tools: Vec<Tool>,
    pub tool_choice: Option<ToolChoice>,
    /// `Some(false)`: at most one call in an answer.
    pub parallel_tool_calls: Option<bool>,
    /// The most tokens of the answer, thinking included.
    pub max_output_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub seed: Option<i64>,
    pub presence_penalty: Option<f64>,
    pub frequency_penalty: Option<f64>,
    /// As OpenAI has it: `{"<token>": <bias>}`.
    pub logit_bias: Option<Json>,
    /// Log probabilities of the answer's tokens.
    pub logprobs: Option<bool>,
    /// How many alternatives for each token.
    pub top_logprobs: Option<u64>,
    /// How many answers (`n`).
    pub candidates: Option<u64>,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
    pub reasoning: Option<Reasoning>,
    pub output_format: Option<OutputFormat>,
    /// OpenAI's `verbosity`: low, medium, high.
    pub verbosity: Option<String>,
    pub service_tier: Option<ServiceTier>,
    /// Who the end user is, as an opaque id (`user`, `safety_identifier`, `metadata.user_id`).
    pub user: Option<String>,
    /// Free labels, OpenAI's `metadata` and Converse's `requestMetadata`.
    pub metadata: Vec<(String, String)>,
    /// OpenAI's `prompt_cache_key`.
    pub prompt_cache_key: Option<String>,
    /// OpenAI's `prompt_cache_retention`: `in_memory` or `24h`.
    pub prompt_cache_retention: Option<String>,
    /// Anthropic's automatic cache mark of the whole request.
    pub cache: Option<CacheMark>,
    /// Whether the provider may keep the answer (OpenAI's `store`).
    pub store: Option<bool>,
    /// Members that have no neutral form, by their name in the source dialect. Only an encoder of the
    /// same family may write them; for any other they are [`super::Feature::UnknownFields`].
    pub extra: Vec<(String, Json)>,
}

impl Request {
    #[must_use]
    pub fn new(source: Dialect) -> Self {
        Self {
            source,
            messages: Vec::new(),
            tools: Vec::new(),
            tool_choice: None,
            parallel_tool_calls: None,
            max_output_tokens: None,
            temperature: None,
            top_p: None,
            top_k: None,
            seed: None,
            presence_penalty: None,
            frequency_penalty: None,
            logit_bias: None,
            logprobs: None,
            top_logprobs: None,
            candidates: None,
            stop: Vec::new(),
            reasoning: None,
            output_format: None,
            verbosity: None,
            service_tier: None,
            user: None,
            metadata: Vec::new(),
            prompt_cache_key: None,
            prompt_cache_retention: None,
            cache: None,
            store: None,
            extra: Vec::new(),
        }
    }

    /// The system and developer messages before the first turn, and everything from there on.
    #[must_use]
    pub fn split_instructions(&self) -> (&[Message], &[Message]) {
        let first_turn = self
            .messages
            .iter()
            .position(|m| !m.role.instructs())
            .unwrap_or(self.messages.len());
        self.messages.split_at(first_turn)
    }
}

/// Whose turn it is. Tool results are parts of [`Role::User`] messages, as Anthropic and Bedrock have
/// it; decoders of dialects with a `tool` role put them there (one message per run of results), and
/// encoders take them apart again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
}

impl Role {
    /// Whether it is the operator who speaks, and not a side of the conversation.
    #[must_use]
    pub const fn instructs(self) -> bool {
        matches!(self, Self::System | Self::Developer)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub role: Role,
    pub parts: Vec<Part>,
    /// OpenAI's `name` of the speaker.
    pub name: Option<String>,
}

impl Message {
    #[must_use]
    pub const fn new(role: Role, parts: Vec<Part>) -> Self {
        Self {
            role,
            parts,
            name: None,
        }
    }
}

/// A piece of a message, in requests and answers alike.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text {
        text: String,
        /// Anthropic's citations or OpenAI's annotations, each as it came; the family they belong to is
        /// that of the message's source.
        citations: Vec<Json>,
        cache: Option<CacheMark>,
    },
    Image(Media),
    Document(Media),
    Audio(Media),
    Video(Media),
    ToolCall {
        /// As the client or the upstream named it; encoders make it fit their target's pattern.
        id: String,
        name: String,
        /// A JSON object as text for [`ToolCallKind::Function`] (never empty: `{}`), free text for
        /// [`ToolCallKind::Custom`].
        arguments: String,
        kind: ToolCallKind,
        /// The id of the item that carried the call (OpenAI Responses' `fc_…`), beside the call's own.
        item_id: Option<String>,
        cache: Option<CacheMark>,
    },
    ToolResult {
        id: String,
        /// Text, image and document parts.
        parts: Vec<Part>,
        is_error: bool,
        kind: ToolCallKind,
        cache: Option<CacheMark>,
    },
    /// What the model thought. `text` may be empty where only the proof was sent.
    Thinking {
        text: String,
        proof: Option<Proof>,
    },
    /// A refusal in the model's words.
    Refusal(String),
    /// A block of one family that has no neutral form (a server tool's call and result, a search
    /// result, a compaction). `kind` is its `type`, or its key for Bedrock.
    Opaque {
        family: Dialect,
        kind: String,
        value: Json,
    },
}

impl Part {
    /// A text without marks.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text {
            text: text.into(),
            citations: Vec::new(),
            cache: None,
        }
    }
}

/// Whether a tool takes a JSON object or free text (OpenAI's custom tools).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ToolCallKind {
    #[default]
    Function,
    Custom,
}

/// An image, a document, a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    pub source: MediaSource,
    /// A document's title or a file's name.
    pub name: Option<String>,
    /// OpenAI's `detail` of an image.
    pub detail: Option<String>,
    /// Anthropic's `context` of a document.
    pub context: Option<String>,
    /// Anthropic: the answer may cite this document.
    pub citations: Option<bool>,
    pub cache: Option<CacheMark>,
}

impl Media {
    #[must_use]
    pub const fn new(source: MediaSource) -> Self {
        Self {
            source,
            name: None,
            detail: None,
            context: None,
            citations: None,
            cache: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum MediaSource {
    /// Standard base64 with padding. The type is a proper one: `image/jpg` has become `image/jpeg`.
    Base64 {
        media_type: String,
        data: String,
    },
    Url(String),
    /// A document that is text.
    Text(String),
    /// A file kept at the provider of this family; no other can read it.
    File {
        family: Dialect,
        id: String,
    },
    /// Anything else of one family (`s3Location`, documents made of content blocks), as it came.
    Other {
        family: Dialect,
        value: Json,
    },
}

/// The prompt up to here shall be cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheMark {
    /// `5m` or `1h`; `None`: the provider's default.
    pub ttl: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Tool {
    Function {
        name: String,
        description: Option<String>,
        /// A JSON Schema; `None`: no parameters.
        parameters: Option<Json>,
        strict: Option<bool>,
        cache: Option<CacheMark>,
        /// OpenAI Responses: the namespace that the function belongs to.
        namespace: Option<String>,
        /// Members of the definition that have no neutral form (`defer_loading`, `input_examples`), by
        /// their name in the source dialect.
        extra: Vec<(String, Json)>,
    },
    /// OpenAI's custom tool: free text in, bound by a grammar or not.
    Custom {
        name: String,
        description: Option<String>,
        format: Option<Json>,
    },
    /// A tool that the provider runs itself (web search, code interpreter, …).
    Provider {
        family: Dialect,
        /// Its `type`.
        kind: String,
        name: Option<String>,
        definition: Json,
    },
}

impl Tool {
    /// The name that a call of it carries.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Function { name, .. } | Self::Custom { name, .. } => Some(name),
            Self::Provider { name, .. } => name.as_deref(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum ToolChoice {
    Auto,
    None,
    /// Some tool, whichever.
    Required,
    Named(String),
    /// A choice that only one family knows (a provider's tool, a list of allowed tools).
    Other {
        family: Dialect,
        value: Json,
    },
}

/// How much the model shall think.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reasoning {
    /// `Some(false)`: not at all. `None`: as the other members say, or by the model's default.
    pub enabled: Option<bool>,
    pub effort: Option<Effort>,
    /// Tokens (Anthropic's `budget_tokens`).
    pub budget_tokens: Option<u64>,
    /// Anthropic's `adaptive`: the model decides.
    pub adaptive: bool,
    /// OpenAI Responses' `summary`: auto, concise, detailed.
    pub summary: Option<String>,
    /// Anthropic's `display`: summarized, omitted.
    pub display: Option<String>,
    /// OpenAI Responses: the encrypted reasoning is to be part of the answer.
    pub include_encrypted: bool,
}

/// From least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

impl Effort {
    /// The word that all dialects use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::None,
            Self::Minimal,
            Self::Low,
            Self::Medium,
            Self::High,
            Self::XHigh,
            Self::Max,
        ]
        .into_iter()
        .find(|effort| effort.as_str() == word)
    }

    /// The budget that stands for this effort where the target counts tokens: a share of the room for
    /// the answer, at least what Anthropic asks for. `None`: no thinking, or no room for it.
    #[must_use]
    pub fn budget(self, max_output_tokens: u64) -> Option<u64> {
        const LEAST: u64 = 1024;
        let percent = match self {
            Self::None => return None,
            Self::Minimal => 10,
            Self::Low => 20,
            Self::Medium => 50,
            Self::High => 80,
            Self::XHigh | Self::Max => 95,
        };
        let budget = (max_output_tokens / 100 * percent).max(LEAST);
        (budget < max_output_tokens).then_some(budget)
    }

    /// The effort that a budget amounts to where the target knows efforts only.
    #[must_use]
    pub const fn of_budget(tokens: u64) -> Self {
        match tokens {
            0 => Self::None,
            1..4096 => Self::Low,
            4096..16384 => Self::Medium,
            _ => Self::High,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum OutputFormat {
    Text,
    /// Any JSON object.
    JsonObject,
    JsonSchema {
        name: Option<String>,
        description: Option<String>,
        schema: Json,
        strict: Option<bool>,
    },
    /// A format that only OpenAI knows (a grammar), as it came.
    Other {
        family: Dialect,
        value: Json,
    },
}

/// How urgent the call is. The words of the dialects differ; these are their meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceTier {
    /// Whatever the account has bought.
    Auto,
    /// Never more than the ordinary tier.
    Standard,
    Flex,
    Priority,
    /// Provisioned capacity.
    Scale,
}
