//! A whole answer for an Anthropic client, with every member that the SDKs' strict validation asks for.

use domain::{Dialect, TokenUsage};

use super::super::block;
use crate::{
    ir::{Candidate, Part, Response, ServiceTier, Stop, Usage, names::NameRule},
    translate::ClientContext,
    write::{self, ArrayWriter, ObjectWriter},
};

/// Writes a message. There is one answer only; further candidates have no place.
#[must_use]
pub fn encode(response: &Response, client: &ClientContext) -> Vec<u8> {
    let none = Candidate {
        parts: Vec::new(),
        stop: Stop::End,
        logprobs: None,
    };
    let answer = response.candidates.first().unwrap_or(&none);
    let calls = answer
        .parts
        .iter()
        .any(|part| matches!(part, Part::ToolCall { .. }));
    let (reason, sequence) = stop_reason(&answer.stop, calls);
    let mut body = Vec::new();
    write::object(&mut body, |o| {
        o.put("id", &message_id(response.id.as_deref(), client));
        o.put("type", "message");
        o.put("role", "assistant");
        o.put("model", &client.model);
        o.array("content", |a| {
            answer.parts.iter().for_each(|part| write_part(a, part));
        });
        o.put("stop_reason", reason);
        o.put("stop_sequence", &sequence);
        let none = Usage::default();
        let usage = response.usage.as_ref().unwrap_or(&none);
        o.object("usage", |o| {
            write_usage(o, &usage.tokens);
            o.opt_raw("server_tool_use", usage.server_tools.as_ref());
            o.opt("service_tier", tier_word(response.service_tier));
        });
    });
    body
}

fn write_part(a: &mut ArrayWriter<'_>, part: &Part) {
    match part {
        Part::Text {
            text, citations, ..
        } => {
            let ours: Vec<_> = citations
                .iter()
                .filter(|c| block::is_location(c))
                .cloned()
                .collect();
            if !text.is_empty() || !ours.is_empty() {
                block::text(a, text, &ours, None);
            }
        }
        Part::Refusal(text) => block::text(a, text, &[], None),
        Part::Thinking { text, proof } => block::thinking(a, text, proof.as_ref()),
        Part::ToolCall {
            id,
            name,
            arguments,
            kind,
            ..
        } => {
            let input = block::input(arguments, *kind);
            block::call(a, &tool_use_id(id), name, &input, None);
        }
        Part::Opaque { family, value, .. } if *family == Dialect::AnthropicMessages => {
            a.raw(value);
        }
        // Another family's blocks, and what no model answers with: there are no such blocks here.
        Part::Opaque { .. }
        | Part::ToolResult { .. }
        | Part::Image(_)
        | Part::Document(_)
        | Part::Audio(_)
        | Part::Video(_) => {}
    }
}

/// An id as Anthropic's look: `msg_` and the upstream's own, or the request's.
pub(in super::super) fn message_id(id: Option<&str>, client: &ClientContext) -> String {
    let id = id.filter(|id| !id.is_empty()).unwrap_or(&client.request_id);
    let id = NameRule::LONG.fit(id);
    if id.starts_with("msg_") {
        id
    } else {
        format!("msg_{id}")
    }
}

/// An id of a call that the client can give back to any Anthropic server.
pub(in super::super) fn tool_use_id(id: &str) -> String {
    NameRule::LONG.fit(id)
}

/// `stop_reason` and `stop_sequence`. An answer that calls a tool and says no more is waiting for it,
/// whatever word the upstream ended with.
pub(in super::super) fn stop_reason(stop: &Stop, calls: bool) -> (&'static str, Option<&str>) {
    let reason = match stop {
        Stop::End if calls => "tool_use",
        Stop::Sequence(text) => return ("stop_sequence", text.as_deref()),
        Stop::MaxTokens => "max_tokens",
        // Agents would wait for calls that are not there.
        Stop::ToolUse if !calls => "end_turn",
        Stop::ToolUse => "tool_use",
        Stop::ContentFilter | Stop::Refusal => "refusal",
        Stop::Pause => "pause_turn",
        Stop::ContextWindow => "model_context_window_exceeded",
        Stop::Other(word) if word == "compaction" => "compaction",
        Stop::Other(_) if calls => "tool_use",
        Stop::End | Stop::Other(_) => "end_turn",
    };
    (reason, None)
}

/// The counts of a `usage`; cached tokens stand beside `input_tokens`.
pub(in super::super) fn write_usage(o: &mut ObjectWriter<'_>, tokens: &TokenUsage) {
    o.put("input_tokens", &tokens.input);
    let written = tokens.cache_write_5m.saturating_add(tokens.cache_write_1h);
    o.put("cache_creation_input_tokens", &written);
    o.put("cache_read_input_tokens", &tokens.cache_read);
    o.object("cache_creation", |o| {
        o.put("ephemeral_5m_input_tokens", &tokens.cache_write_5m);
        o.put("ephemeral_1h_input_tokens", &tokens.cache_write_1h);
    });
    o.put("output_tokens", &tokens.output);
    if tokens.reasoning > 0 {
        o.object("output_tokens_details", |o| {
            o.put("thinking_tokens", &tokens.reasoning);
        });
    }
}

/// Anthropic's word for the tier of an answer.
pub(in super::super) const fn tier_word(tier: Option<ServiceTier>) -> Option<&'static str> {
    match tier {
        Some(ServiceTier::Priority | ServiceTier::Scale) => Some("priority"),
        Some(ServiceTier::Standard | ServiceTier::Flex) => Some("standard"),
        Some(ServiceTier::Auto) | None => None,
    }
}
