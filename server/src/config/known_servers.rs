//! How well-known servers of OpenAI's dialect differ from OpenAI, by the host of their base URL. What a
//! backend's own configuration says comes on top. Sources: each provider's API reference and, where
//! these are silent, what their clients had to work around.

use dialects::translate::{MaxTokensField, Quirks, ReasoningField};

struct Server {
    /// The host, or what it ends with after a dot.
    host: &'static str,
    max_tokens: MaxTokensField,
    reasoning: ReasoningField,
    /// It knows the role `developer`.
    developer: bool,
    unsupported: &'static [&'static str],
}

const SERVERS: [Server; 12] = [
    Server {
        host: "openai.com",
        max_tokens: MaxTokensField::Completion,
        reasoning: ReasoningField::None,
        developer: true,
        unsupported: &[],
    },
    Server {
        host: "azure.com",
        max_tokens: MaxTokensField::Completion,
        reasoning: ReasoningField::None,
        developer: true,
        unsupported: &[],
    },
    Server {
        host: "openrouter.ai",
        max_tokens: MaxTokensField::Plain,
        reasoning: ReasoningField::Reasoning,
        developer: true,
        unsupported: &[],
    },
    Server {
        host: "groq.com",
        max_tokens: MaxTokensField::Completion,
        reasoning: ReasoningField::Reasoning,
        developer: false,
        unsupported: &[
            "logprobs",
            "top_logprobs",
            "logit_bias",
            "store",
            "top_k",
            "reasoning_details",
        ],
    },
    Server {
        host: "cerebras.ai",
        max_tokens: MaxTokensField::Completion,
        reasoning: ReasoningField::Reasoning,
        developer: true,
        unsupported: &[
            "presence_penalty",
            "frequency_penalty",
            "logit_bias",
            "store",
        ],
    },
    Server {
        host: "mistral.ai",
        max_tokens: MaxTokensField::Plain,
        reasoning: ReasoningField::None,
        developer: false,
        // It refuses members that it does not know, and tells the usage of a stream unasked.
        unsupported: &[
            "stream_options",
            "user",
            "seed",
            "logprobs",
            "top_logprobs",
            "logit_bias",
            "store",
            "service_tier",
            "top_k",
            "prompt_cache_key",
        ],
    },
    Server {
        host: "deepseek.com",
        max_tokens: MaxTokensField::Plain,
        reasoning: ReasoningField::Content,
        developer: false,
        unsupported: &["parallel_tool_calls", "store", "seed"],
    },
    Server {
        host: "deepinfra.com",
        max_tokens: MaxTokensField::Plain,
        reasoning: ReasoningField::Content,
        developer: false,
        unsupported: &["store"],
    },
    Server {
        host: "together.xyz",
        max_tokens: MaxTokensField::Plain,
        reasoning: ReasoningField::Reasoning,
        developer: false,
        unsupported: &["store", "parallel_tool_calls", "reasoning_details"],
    },
    Server {
        host: "together.ai",
        max_tokens: MaxTokensField::Plain,
        reasoning: ReasoningField::Reasoning,
        developer: false,
        unsupported: &["store", "parallel_tool_calls", "reasoning_details"],
    },
    Server {
        host: "googleapis.com",
        max_tokens: MaxTokensField::Plain,
        reasoning: ReasoningField::None,
        developer: false,
        unsupported: &["store", "logit_bias", "seed", "top_k"],
    },
    Server {
        host: "dashscope.aliyuncs.com",
        max_tokens: MaxTokensField::Plain,
        reasoning: ReasoningField::Content,
        developer: false,
        unsupported: &["store"],
    },
];

/// What is known of the server at `base_url`; of others nothing is presumed.
#[must_use]
pub fn quirks_of(base_url: &::url::Url) -> Quirks {
    let host = base_url.host_str().unwrap_or_default();
    let known = SERVERS.iter().find(|server| {
        host.strip_suffix(server.host)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    let Some(server) = known else {
        return Quirks {
            reasoning: match base_url.port() {
                // Ollama's own port.
                Some(11434) => ReasoningField::Reasoning,
                _ => ReasoningField::Content,
            },
            ..Quirks::default()
        };
    };
    Quirks {
        role_rewrites: if server.developer {
            Vec::new()
        } else {
            vec![("developer".to_owned(), "system".to_owned())]
        },
        unsupported_params: server.unsupported.iter().map(|p| (*p).to_owned()).collect(),
        max_tokens: server.max_tokens,
        reasoning: server.reasoning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_their_host_alone() {
        let of = |url: &str| quirks_of(&url.parse().expect("a URL"));
        assert_eq!(
            of("https://api.deepseek.com/v1").role("developer"),
            "system"
        );
        assert_eq!(
            of("https://x.openai.azure.com/openai/v1").max_tokens,
            MaxTokensField::Completion
        );
        assert_eq!(
            of("https://notdeepseek.com/v1"),
            of("http://localhost:8000/v1")
        );
        assert_eq!(
            of("http://localhost:11434/v1").reasoning,
            ReasoningField::Reasoning
        );
        assert!(!of("https://api.mistral.ai/v1").takes("stream_options"));
    }
}
