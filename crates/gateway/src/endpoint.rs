//! What a client can ask for: one variant for each kind of path, with the dialect that it speaks.

use domain::Dialect;

/// An endpoint that is proxied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    ChatCompletions,
    Completions,
    Responses,
    Embeddings,
    Messages,
    /// How many tokens a request of the Messages API would be.
    CountTokens,
    /// Passed through to backends of the OpenAI dialect, by its path below `/v1`.
    Media(&'static str),
}

impl Endpoint {
    /// What clients of this endpoint speak.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::ChatCompletions => Dialect::OpenaiChat,
            Self::Completions => Dialect::OpenaiCompletions,
            Self::Responses => Dialect::OpenaiResponses,
            Self::Embeddings => Dialect::OpenaiEmbeddings,
            Self::Messages | Self::CountTokens => Dialect::AnthropicMessages,
            Self::Media(_) => Dialect::OpenaiMedia,
        }
    }

    /// The path that an upstream of `dialect` offers it under, below its base URL.
    #[must_use]
    pub const fn upstream_path(self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::Media(path), Dialect::OpenaiMedia) => path,
            (Self::CountTokens, _) => "/v1/messages/count_tokens",
            (_, Dialect::OpenaiCompletions) => "/completions",
            (_, Dialect::OpenaiResponses) => "/responses",
            (_, Dialect::OpenaiEmbeddings) => "/embeddings",
            (_, Dialect::AnthropicMessages) => "/v1/messages",
            (_, Dialect::OpenaiChat | Dialect::OpenaiMedia | Dialect::BedrockConverse) => {
                "/chat/completions"
            }
        }
    }
}
