//! What each dialect has room for in an answer, written down once more: an answer that passes through
//! a dialect comes out as [`through`] says. What a client reads of an upstream of another dialect is
//! what is left after both.

use dialects::ir::{Candidate, Part, Proof, Response, Stop, names::NameRule};
use domain::{Dialect, TokenUsage};

/// All that an upstream can be.
pub const UPSTREAMS: [Dialect; 4] = [
    Dialect::OpenaiChat,
    Dialect::OpenaiResponses,
    Dialect::AnthropicMessages,
    Dialect::BedrockConverse,
];

/// All that a client can speak.
pub const CLIENTS: [Dialect; 4] = [
    Dialect::OpenaiChat,
    Dialect::OpenaiCompletions,
    Dialect::OpenaiResponses,
    Dialect::AnthropicMessages,
];

/// The answer of an upstream of dialect `from` as a client that speaks `to` has to read it.
pub fn expected(answer: &Response, from: Dialect, to: Dialect) -> Response {
    let mut said = through(from, answer);
    for candidate in &mut said.candidates {
        if candidate.stop == Stop::End && calls(candidate) {
            candidate.stop = Stop::ToolUse;
        }
    }
    through(to, &said)
}

/// The same where the answer comes as a whole.
pub fn expected_whole(answer: &Response, from: Dialect, to: Dialect) -> Response {
    let said = expected(&in_order(from, answer), from, from);
    through(to, &in_order(to, &said))
}

/// A message of Chat Completions has a place for each kind of thing, and no order among them.
fn in_order(dialect: Dialect, answer: &Response) -> Response {
    let mut out = answer.clone();
    if matches!(dialect, Dialect::OpenaiChat | Dialect::OpenaiCompletions) {
        for candidate in &mut out.candidates {
            candidate.parts.sort_by_key(|part| match part {
                Part::Thinking { .. } => 0,
                Part::Text { .. } => 1,
                Part::Refusal(_) => 2,
                _ => 3,
            });
        }
    }
    out
}

/// What is left of an answer that is said in `dialect`.
pub fn through(dialect: Dialect, answer: &Response) -> Response {
    let mut out = answer.clone();
    for candidate in &mut out.candidates {
        candidate.stop = stop(dialect, candidate);
        let parts = std::mem::take(&mut candidate.parts);
        candidate.parts = merged(parts.into_iter().filter_map(|p| part(dialect, p)).collect());
    }
    if let Some(usage) = &mut out.usage {
        usage.tokens = tokens(dialect, usage.tokens);
    }
    out
}

fn part(dialect: Dialect, part: Part) -> Option<Part> {
    match (dialect, part) {
        (Dialect::OpenaiCompletions, Part::Text { text, .. } | Part::Refusal(text)) => {
            Some(Part::text(text))
        }
        (Dialect::OpenaiCompletions, _) => None,
        // A refusal is a text there.
        (Dialect::AnthropicMessages | Dialect::BedrockConverse, Part::Refusal(text)) => {
            Some(Part::text(text))
        }
        // The service knows Anthropic's proofs only.
        (Dialect::BedrockConverse, Part::Thinking { text, proof }) => Some(Part::Thinking {
            text,
            proof: proof.filter(|proof| matches!(proof, Proof::Signature(_) | Proof::Redacted(_))),
        }),
        (
            Dialect::AnthropicMessages,
            Part::ToolCall {
                id,
                name,
                arguments,
                kind,
                item_id,
                cache,
            },
        ) => Some(Part::ToolCall {
            id: NameRule::LONG.fit(&id),
            name,
            arguments,
            kind,
            item_id,
            cache,
        }),
        (_, part) => Some(part),
    }
}

fn calls(candidate: &Candidate) -> bool {
    let call = |part: &Part| matches!(part, Part::ToolCall { .. });
    candidate.parts.iter().any(call)
}

fn stop(dialect: Dialect, candidate: &Candidate) -> Stop {
    let calls = calls(candidate);
    let refused = candidate
        .parts
        .iter()
        .any(|p| matches!(p, Part::Refusal(_)));
    let ended = if calls { Stop::ToolUse } else { Stop::End };
    match (dialect, &candidate.stop) {
        (Dialect::OpenaiChat | Dialect::OpenaiCompletions, stop) => match stop {
            Stop::MaxTokens | Stop::ContextWindow => Stop::MaxTokens,
            Stop::ContentFilter => Stop::ContentFilter,
            // Their word for a refusal without words of its own.
            Stop::Refusal if !refused => Stop::ContentFilter,
            _ if dialect == Dialect::OpenaiCompletions => Stop::End,
            _ if calls => Stop::ToolUse,
            _ if refused => Stop::Refusal,
            _ => Stop::End,
        },
        (Dialect::OpenaiResponses, stop) => match stop {
            Stop::MaxTokens | Stop::ContextWindow => Stop::MaxTokens,
            Stop::ContentFilter | Stop::Refusal => Stop::ContentFilter,
            _ => ended,
        },
        (Dialect::AnthropicMessages, stop) => match stop {
            Stop::End | Stop::ToolUse | Stop::Other(_) => ended,
            Stop::ContentFilter => Stop::Refusal,
            stop => stop.clone(),
        },
        (_, stop) => match stop {
            Stop::End | Stop::Pause | Stop::Refusal => ended,
            stop => stop.clone(),
        },
    }
}

/// Texts that follow each other are one, whatever the number of blocks; what is empty is nothing.
pub fn merged(parts: Vec<Part>) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::new();
    for part in parts {
        match (out.last_mut(), part) {
            (_, Part::Text { text, .. } | Part::Refusal(text)) if text.is_empty() => {}
            (_, Part::Thinking { text, proof: None }) if text.is_empty() => {}
            (Some(Part::Text { text, .. }), Part::Text { text: more, .. })
            | (Some(Part::Refusal(text)), Part::Refusal(more))
            | (
                Some(Part::Thinking { text, proof: None }),
                Part::Thinking {
                    text: more,
                    proof: None,
                },
            ) => text.push_str(&more),
            (_, part) => out.push(part),
        }
    }
    out
}

fn tokens(dialect: Dialect, tokens: TokenUsage) -> TokenUsage {
    match dialect {
        Dialect::AnthropicMessages => tokens,
        Dialect::BedrockConverse => TokenUsage {
            reasoning: 0,
            ..tokens
        },
        // One number for all that was written to a cache.
        _ => TokenUsage {
            cache_write_5m: tokens.cache_write_5m + tokens.cache_write_1h,
            cache_write_1h: 0,
            ..tokens
        },
    }
}
