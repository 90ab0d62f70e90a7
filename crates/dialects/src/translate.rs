//! What a translation needs besides the request: about the upstream ([`Target`]) and about the client
//! ([`ClientContext`]).

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;

use crate::ir::{Losses, Request, ToolNames};

/// The upstream that a request is encoded for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The model by the upstream's name.
    pub model: &'a str,
    pub stream: bool,
    pub quirks: &'a Quirks,
    /// For dialects that insist on a limit when the client has named none.
    pub default_max_output_tokens: u64,
}

/// How a compatible server differs from the one it is compatible with. Data of its configuration, so
/// that a new server needs no code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// Role as this crate would send it → role that the server takes (`developer` → `system`).
    pub role_rewrites: Vec<(String, String)>,
    /// Members of a request that the server refuses; left out before sending.
    pub unsupported_params: Vec<String>,
    pub max_tokens: MaxTokensField,
    pub reasoning: ReasoningField,
}

impl Quirks {
    /// What the server calls `role`.
    #[must_use]
    pub fn role<'r>(&'r self, role: &'r str) -> &'r str {
        self.role_rewrites
            .iter()
            .find(|(from, _)| from == role)
            .map_or(role, |(_, to)| to)
    }

    #[must_use]
    pub fn takes(&self, param: &str) -> bool {
        !self.unsupported_params.iter().any(|p| p == param)
    }
}

impl Quirks {
    /// What is known besides of a model by its name, whoever serves it: OpenAI's reasoning models take
    /// their limit under its newer name and refuse to be told how to sample, and those before them know
    /// no effort.
    #[must_use]
    pub fn for_model(&self, model: &str) -> Cow<'_, Self> {
        let name = model.rsplit('/').next().unwrap_or(model);
        let is = |families: &[&str]| families.iter().any(|family| name.starts_with(family));
        let mut quirks = Cow::Borrowed(self);
        if is(&["gpt-5", "o1", "o3", "o4"]) && !name.contains("chat") {
            let own = quirks.to_mut();
            own.max_tokens = MaxTokensField::Completion;
            own.unsupported_params
                .extend(["temperature", "top_p", "top_k"].map(str::to_owned));
        } else if is(&["gpt-4", "gpt-3.5", "chatgpt-"]) {
            let own = quirks.to_mut();
            own.unsupported_params
                .extend(["reasoning_effort", "top_k"].map(str::to_owned));
        }
        quirks
    }

    /// The members of `body` that the server does not take.
    #[must_use]
    pub fn unsupported_of(&self, body: &[u8]) -> Vec<String> {
        if self.unsupported_params.is_empty() {
            return Vec::new();
        }
        crate::json::members(body)
            .map_while(Result::ok)
            .filter(|member| !self.takes(&member.key))
            .map(|member| member.key.into_owned())
            .collect()
    }
}

/// Under which name a Chat Completions server takes the limit of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaxTokensField {
    /// `max_completion_tokens`, OpenAI's own.
    Completion,
    /// `max_tokens`, which most others know only.
    #[default]
    Plain,
}

/// Where a Chat Completions server puts, and takes back, what the model thought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReasoningField {
    /// `reasoning_content`: DeepSeek, Qwen, vLLM, SGLang, llama.cpp.
    #[default]
    Content,
    /// `reasoning` (and `reasoning_details`): OpenRouter, Groq, Cerebras, Ollama, newer vLLM.
    Reasoning,
    /// It takes none back: OpenAI.
    None,
}

/// A request as an upstream gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    pub body: Vec<u8>,
    pub losses: Losses,
    pub names: ToolNames,
}

/// The client that an answer is encoded for.
#[derive(Clone, Debug)]
pub struct ClientContext {
    /// The model as the client named it; every answer carries this name.
    pub model: String,
    /// Where an id has to be made up, it is made of this.
    pub request_id: String,
    /// When the answer began, in seconds since 1970; for dialects that tell the time where the upstream
    /// has not.
    pub created: i64,
    /// The client wants the usage of a stream in a chunk of its own (Chat Completions and Completions).
    pub wants_usage: bool,
    /// What was asked.
    pub request: Arc<Request>,
    /// The same as it came, for answers that repeat parts of it (Responses).
    pub body: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openais_models_are_known_by_name_wherever_they_are() {
        let quirks = Quirks::default();
        let gpt5 = quirks.for_model("openai/gpt-5-mini");
        assert_eq!(gpt5.max_tokens, MaxTokensField::Completion);
        assert!(!gpt5.takes("temperature") && gpt5.takes("reasoning_effort"));
        let gpt4o = quirks.for_model("gpt-4o-mini");
        assert!(gpt4o.takes("temperature") && !gpt4o.takes("reasoning_effort"));
        assert_eq!(*quirks.for_model("qwen3-32b"), quirks);
        assert_eq!(*quirks.for_model("gpt-oss-120b"), quirks);
    }
}
