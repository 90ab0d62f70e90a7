//! Converse's whole answers, decoded. What the service says about itself (metrics, traces of
//! guardrails) is not part of an answer and is left out.

use domain::TokenUsage;

use super::citation;
use crate::{
    ResponseError,
    ir::{
        Candidate, Media, Part, Proof, Response, ServiceTier, Stop, ToolCallKind, Usage,
        request::MediaSource,
    },
    node::{Mismatch, Node, Object},
};

/// Reads an answer with a success status.
///
/// # Errors
/// See [`ResponseError`].
pub fn decode(body: &[u8]) -> Result<Response, ResponseError> {
    let node = Node::parse(body).map_err(ResponseError::Malformed)?;
    read(&node).map_err(|mismatch| {
        // Gateways in front of the service report failures with a success status at times.
        match super::error::message(body) {
            Some(message) => ResponseError::Reported(message),
            None => ResponseError::Malformed(mismatch.to_string()),
        }
    })
}

fn read(node: &Node<'_>) -> Result<Response, Mismatch> {
    let mut answer = node.object()?;
    let mut output = answer.need("output")?.object()?;
    let mut message = output.need("message")?.object()?;
    let mut parts = Vec::new();
    for block in message.array("content")? {
        read_block(block.object()?, &mut parts)?;
    }
    let stop = read_stop(&mut answer)?;
    let called = parts.iter().any(|p| matches!(p, Part::ToolCall { .. }));
    let usage = answer.take("usage").map(|n| read_usage(&n)).transpose()?;
    let service_tier = answer.object("serviceTier")?.map(read_tier).transpose()?;
    Ok(Response {
        id: None,
        created: None,
        candidates: vec![Candidate {
            parts,
            stop: with_calls(stop, called),
            logprobs: None,
        }],
        usage,
        service_tier: service_tier.flatten(),
    })
}

fn read_block(mut block: Object<'_>, parts: &mut Vec<Part>) -> Result<(), Mismatch> {
    if let Some(text) = block.string("text")? {
        parts.push(Part::text(text));
    }
    if let Some(mut call) = block.object("toolUse")? {
        // A tool that the service runs itself (Nova's grounding): its call is not for the client.
        if call.string("type")?.is_none() {
            parts.push(Part::ToolCall {
                id: call.need("toolUseId")?.owned()?,
                name: call.need("name")?.owned()?,
                arguments: call
                    .json("input")
                    .map_or_else(|| "{}".to_owned(), |json| json.as_str().to_owned()),
                kind: ToolCallKind::Function,
                item_id: None,
                cache: None,
            });
        }
    }
    if let Some(mut reasoning) = block.object("reasoningContent")? {
        if let Some(mut text) = reasoning.object("reasoningText")? {
            let signature = text.string("signature")?.filter(|s| !s.is_empty());
            parts.push(Part::Thinking {
                text: text.string("text")?.unwrap_or_default(),
                proof: signature.map(Proof::Signature),
            });
        }
        if let Some(data) = reasoning.string("redactedContent")? {
            parts.push(Part::Thinking {
                text: String::new(),
                proof: Some(Proof::Redacted(data)),
            });
        }
    }
    if let Some(mut cited) = block.object("citationsContent")? {
        let mut text = String::new();
        for content in cited.array("content")? {
            text.push_str(&content.object()?.string("text")?.unwrap_or_default());
        }
        let mut citations = Vec::new();
        for citation in cited.array("citations")? {
            citations.extend(citation::anthropic(&citation)?);
        }
        parts.push(Part::Text {
            text,
            citations,
            cache: None,
        });
    }
    if let Some(mut image) = block.object("image")? {
        let format = image.string("format")?;
        let bytes = match image.object("source")? {
            Some(mut source) => source.string("bytes")?,
            None => None,
        };
        if let (Some(format), Some(data)) = (format, bytes) {
            parts.push(Part::Image(Media::new(MediaSource::Base64 {
                media_type: format!("image/{format}"),
                data,
            })));
        }
    }
    Ok(())
}

fn read_stop(answer: &mut Object<'_>) -> Result<Stop, Mismatch> {
    let fields = answer.take("additionalModelResponseFields");
    let reason = answer.string("stopReason")?.unwrap_or_default();
    Ok(stop(&reason, fields.as_ref()))
}

/// What a stop reason means. Which stop text it was, Converse itself does not say: it is among the
/// model's own `fields`, which the request has asked for.
pub(super) fn stop(reason: &str, fields: Option<&Node<'_>>) -> Stop {
    match reason {
        "end_turn" => Stop::End,
        "tool_use" => Stop::ToolUse,
        "max_tokens" => Stop::MaxTokens,
        "stop_sequence" => Stop::Sequence(
            fields
                .and_then(|fields| fields.object().ok())
                .and_then(|mut fields| fields.string("stop_sequence").ok().flatten()),
        ),
        "guardrail_intervened" | "content_filtered" => Stop::ContentFilter,
        "model_context_window_exceeded" => Stop::ContextWindow,
        other => Stop::Other(other.to_owned()),
    }
}

/// Some models say that they have ended where they wait for results.
pub(super) fn with_calls(stop: Stop, called: bool) -> Stop {
    match stop {
        Stop::End if called => Stop::ToolUse,
        stop => stop,
    }
}

/// Converse counts cached tokens beside the input, as Anthropic does.
pub(super) fn read_usage(usage: &Node<'_>) -> Result<Usage, Mismatch> {
    let mut usage = usage.object()?;
    let written = usage.u64("cacheWriteInputTokens")?.unwrap_or_default();
    let mut hour = 0;
    for detail in usage.array("cacheDetails")? {
        let mut detail = detail.object()?;
        let tokens = detail.u64("inputTokens")?.unwrap_or_default();
        if detail.string("ttl")?.as_deref() == Some("1h") {
            hour += tokens;
        }
    }
    Ok(Usage {
        tokens: TokenUsage {
            input: usage.u64("inputTokens")?.unwrap_or_default(),
            cache_read: usage.u64("cacheReadInputTokens")?.unwrap_or_default(),
            cache_write_5m: written.saturating_sub(hour),
            cache_write_1h: hour,
            output: usage.u64("outputTokens")?.unwrap_or_default(),
            ..TokenUsage::default()
        },
        server_tools: None,
        tier: None,
    })
}

pub(super) fn read_tier(mut tier: Object<'_>) -> Result<Option<ServiceTier>, Mismatch> {
    Ok(match tier.string("type")?.as_deref() {
        Some("default") => Some(ServiceTier::Standard),
        Some("flex") => Some(ServiceTier::Flex),
        Some("priority") => Some(ServiceTier::Priority),
        Some("reserved") => Some(ServiceTier::Scale),
        _ => None,
    })
}
