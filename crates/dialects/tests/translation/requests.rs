//! Requests as they are written for every upstream, and what is found of them in what was written.

use dialects::{
    ir::{Feature, Message, Part, Refused, Request, Role, Tool, ToolCallKind},
    translate::{Encoded, MaxTokensField, Quirks, ReasoningField, Target},
    translator::{decode_request, encode_request},
};
use domain::Dialect;

/// The dialects that requests come in.
pub const SOURCES: [Dialect; 3] = [
    Dialect::OpenaiChat,
    Dialect::OpenaiResponses,
    Dialect::AnthropicMessages,
];

pub const TARGETS: [Dialect; 4] = crate::rules::UPSTREAMS;

/// A request that asks for nothing in particular.
pub fn plain(source: Dialect) -> Request {
    let mut request = Request::new(source);
    let asked = vec![Part::text("What is it?")];
    request.messages.push(Message::new(Role::User, asked));
    request
}

/// Writes it for a model that has all that its dialect has.
///
/// # Errors
/// It is refused.
pub fn encode(request: &Request, target: Dialect) -> Result<Encoded, Refused> {
    let quirks = quirks(target);
    encode_request(request, target, &target_of(target, &quirks), &[])
}

pub fn quirks(target: Dialect) -> Quirks {
    let openai = target == Dialect::OpenaiResponses;
    Quirks {
        max_tokens: MaxTokensField::Completion,
        reasoning: if openai {
            ReasoningField::None
        } else {
            ReasoningField::Reasoning
        },
        ..Quirks::default()
    }
}

pub fn target_of(target: Dialect, quirks: &Quirks) -> Target<'_> {
    Target {
        model: match target {
            Dialect::AnthropicMessages => "claude-sonnet-4-5",
            Dialect::BedrockConverse => "anthropic.claude-sonnet-4-5-20250929-v1:0",
            _ => "gpt-5",
        },
        stream: false,
        quirks,
        default_max_output_tokens: 4096,
    }
}

/// What the target's own decoder reads of a body; Converse's requests nobody decodes.
pub fn read_back(target: Dialect, body: &[u8]) -> Option<Request> {
    (target != Dialect::BedrockConverse)
        .then(|| decode_request(target, body).expect("what we write can be read"))
}

/// Whether the feature is in the body as the request has it.
///
/// # Errors
/// It is not, or something else is.
pub fn found(
    feature: Feature,
    request: &Request,
    target: Dialect,
    body: &[u8],
) -> Result<(), String> {
    let Some(got) = read_back(target, body) else {
        return Ok(());
    };
    let same = match feature {
        Feature::Instructions | Feature::MidSystem | Feature::Prefill => {
            texts(&got) == texts(request)
        }
        Feature::DeveloperRole => got.messages[0].role == Role::Developer,
        Feature::SpeakerName => got.messages[0].name == request.messages[0].name,
        Feature::ImageDetail
        | Feature::ImageData
        | Feature::ImageUrl
        | Feature::DocumentData
        | Feature::DocumentText
        | Feature::DocumentUrl
        | Feature::DocumentContext
        | Feature::Audio
        | Feature::CacheMarks
        | Feature::CacheTtl => last_part(&got) == last_part(request),
        Feature::ToolResultImage | Feature::ToolResultDocument | Feature::ToolResultError => {
            calls(&got) == calls(request) && last_part(&got) == last_part(request)
        }
        Feature::Tools | Feature::CustomTools => {
            calls(&got) == calls(request)
                && last_part(&got) == last_part(request)
                && tools(&got, request)
        }
        Feature::StrictTools => tools(&got, request),
        Feature::ToolChoiceNone | Feature::ToolChoiceForced => {
            got.tool_choice == request.tool_choice
        }
        Feature::ParallelOff => got.parallel_tool_calls == Some(false),
        Feature::Effort => effort(&got) == effort(request),
        Feature::ThinkingBudget => budget(&got) == budget(request),
        Feature::ThinkingDisplay => display(&got, target) == display(request, target),
        Feature::PromptCacheKey => got.prompt_cache_key == request.prompt_cache_key,
        Feature::JsonSchema | Feature::JsonObject => got.output_format == request.output_format,
        Feature::Stop => got.stop == request.stop,
        Feature::MaxTokens => got.max_output_tokens == request.max_output_tokens,
        Feature::Temperature => got.temperature == request.temperature,
        Feature::TopP => got.top_p == request.top_p,
        Feature::TopK => got.top_k == request.top_k,
        Feature::Seed => got.seed == request.seed,
        Feature::Penalties => got.presence_penalty == request.presence_penalty,
        Feature::LogitBias => got.logit_bias == request.logit_bias,
        Feature::Logprobs => got.top_logprobs == request.top_logprobs && got.logprobs == Some(true),
        Feature::Candidates => got.candidates == request.candidates,
        Feature::Verbosity => got.verbosity == request.verbosity,
        Feature::ServiceTier => got.service_tier == request.service_tier,
        Feature::User => got.user == request.user,
        Feature::Metadata => got.metadata == request.metadata,
        Feature::Store => got.store == request.store,
        other => return Err(format!("nobody knows how to find {}", other.name())),
    };
    if same {
        return Ok(());
    }
    Err(format!(
        "it is not found: {}",
        String::from_utf8_lossy(body)
    ))
}

pub fn all_parts(request: &Request) -> impl Iterator<Item = &Part> {
    request.messages.iter().flat_map(|message| &message.parts)
}

fn texts(request: &Request) -> Vec<(Role, String)> {
    let text = |part: &Part| match part {
        Part::Text { text, .. } => Some(text.trim_end().to_owned()),
        _ => None,
    };
    let messages = request.messages.iter();
    messages
        .flat_map(|m| m.parts.iter().filter_map(text).map(|text| (m.role, text)))
        .collect()
}

fn last_part(request: &Request) -> Option<Part> {
    let mut part = all_parts(request).last().cloned();
    // A name that the target insists on is made up where the client gave none.
    if let Some(Part::Document(media) | Part::Image(media)) = &mut part {
        media.name = None;
    }
    if let Some(Part::ToolResult { parts, .. }) = &mut part {
        for part in parts {
            if let Part::Document(media) = part {
                media.name = None;
            }
        }
    }
    part
}

type Called = (String, String, String, ToolCallKind);

fn calls(request: &Request) -> Vec<Called> {
    all_parts(request)
        .filter_map(|part| match part {
            Part::ToolCall {
                id,
                name,
                arguments,
                kind,
                ..
            } => Some((id.clone(), name.clone(), arguments.clone(), *kind)),
            _ => None,
        })
        .collect()
}

/// The Responses API takes a schema for a strict one unless it is told otherwise.
fn tools(got: &Request, asked: &Request) -> bool {
    let said = |request: &Request| {
        let mut tools = request.tools.clone();
        for tool in &mut tools {
            if let Tool::Function { strict, .. } = tool {
                *strict = strict.filter(|strict| *strict);
            }
        }
        tools
    };
    said(got) == said(asked)
}

fn effort(request: &Request) -> Option<dialects::ir::Effort> {
    request.reasoning.as_ref()?.effort
}

fn budget(request: &Request) -> Option<u64> {
    request.reasoning.as_ref()?.budget_tokens
}

/// OpenAI asks for a summary, Anthropic for a display.
fn display(request: &Request, target: Dialect) -> Option<String> {
    let reasoning = request.reasoning.as_ref()?;
    match target {
        Dialect::OpenaiResponses => reasoning.summary.clone(),
        _ => reasoning.display.clone(),
    }
}
