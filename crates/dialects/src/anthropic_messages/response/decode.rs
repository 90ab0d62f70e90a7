//! A whole answer of an Anthropic upstream, into neutral words.

use domain::TokenUsage;

use super::super::content;
use crate::{
    ResponseError,
    ir::{Candidate, Part, Response, ServiceTier, Stop, Usage},
    node::{Mismatch, Node, Object},
    response::message_of_error,
};

/// Reads the body of an answer with a success status.
///
/// # Errors
/// It is not a message, or it reports an error.
pub fn decode(body: &[u8]) -> Result<Response, ResponseError> {
    let malformed = |mismatch: Mismatch| ResponseError::Malformed(mismatch.to_string());
    let node = Node::parse(body).map_err(ResponseError::Malformed)?;
    let mut message = node.object().map_err(malformed)?;
    if message.take("error").is_some() {
        let told = message_of_error(body).unwrap_or_default();
        return Err(ResponseError::Reported(told));
    }
    read(&mut message).map_err(malformed)
}

fn read(message: &mut Object<'_>) -> Result<Response, Mismatch> {
    let mut parts = content::parts(&message.need("content")?)?;
    let reason = message.string("stop_reason")?;
    let sequence = message.string("stop_sequence")?;
    parts.extend(refusal(message)?.map(Part::Refusal));
    let mut response = Response {
        id: message.string("id")?,
        candidates: vec![Candidate {
            parts,
            stop: stop(reason.as_deref(), sequence),
            logprobs: None,
        }],
        ..Response::default()
    };
    if let Some(node) = message.take("usage") {
        let mut usage = node.object()?;
        response.service_tier = service_tier(&mut usage)?;
        response.usage = Some(Usage {
            tokens: super::usage(node.text().as_bytes(), TokenUsage::default())
                .ok_or_else(|| node.expected("numbers of tokens"))?,
            server_tools: usage.json("server_tool_use"),
            tier: None,
        });
    }
    Ok(response)
}

/// Anthropic's words for why an answer ended.
pub(in super::super) fn stop(reason: Option<&str>, sequence: Option<String>) -> Stop {
    match reason {
        None | Some("end_turn") => Stop::End,
        Some("stop_sequence") => Stop::Sequence(sequence),
        Some("max_tokens") => Stop::MaxTokens,
        Some("tool_use") => Stop::ToolUse,
        Some("pause_turn") => Stop::Pause,
        Some("refusal") => Stop::Refusal,
        Some("model_context_window_exceeded") => Stop::ContextWindow,
        Some(other) => Stop::Other(other.to_owned()),
    }
}

/// What Anthropic says about a refusal, which stands beside the content and would else be lost.
pub(in super::super) fn refusal(holder: &mut Object<'_>) -> Result<Option<String>, Mismatch> {
    let Some(mut details) = holder.object("stop_details")? else {
        return Ok(None);
    };
    Ok(details
        .string("explanation")?
        .filter(|words| !words.trim().is_empty()))
}

/// The tier that a usage names. A batch's is none that the other dialects know.
pub(in super::super) fn service_tier(
    usage: &mut Object<'_>,
) -> Result<Option<ServiceTier>, Mismatch> {
    Ok(match usage.string("service_tier")?.as_deref() {
        Some("standard") => Some(ServiceTier::Standard),
        Some("priority") => Some(ServiceTier::Priority),
        _ => None,
    })
}
