//! An upstream's whole answer into the neutral form. Arguments that are no JSON are kept as they are:
//! the answer is worth more than one call in it.

use domain::Dialect;

use super::super::{content, reasoning, usage::usage, vocabulary};
use crate::{
    ResponseError,
    ir::{Candidate, Media, Part, Response, ToolCallKind, Usage},
    node::{Kind, Mismatch, Node, Object},
};

/// Reads an answer.
///
/// # Errors
/// It is no answer, or says that something failed.
pub fn decode(body: &[u8]) -> Result<Response, ResponseError> {
    let node = Node::parse(body).map_err(ResponseError::Malformed)?;
    read(&node).map_err(|mismatch| ResponseError::Malformed(mismatch.to_string()))?
}

fn read(node: &Node<'_>) -> Result<Result<Response, ResponseError>, Mismatch> {
    let mut o = node.object()?;
    if let Some(error) = o.take("error") {
        return Ok(Err(ResponseError::Reported(error_of(&error).1)));
    }
    let id = o.string("id")?.filter(|id| !id.is_empty());
    let mut candidates = Vec::new();
    for choice in o.need("choices")?.array()? {
        let mut choice = choice.object()?;
        if let Some(error) = choice.take("error") {
            return Ok(Err(ResponseError::Reported(error_of(&error).1)));
        }
        candidates.push(candidate(choice, id.as_deref(), candidates.len())?);
    }
    if candidates.is_empty() {
        return Ok(Err(ResponseError::Malformed(
            "choices: it is empty".to_owned(),
        )));
    }
    let tokens = o
        .take("usage")
        .and_then(|node| usage(node.text().as_bytes()));
    Ok(Ok(Response {
        id,
        created: o.take("created").and_then(|node| node.i64().ok()),
        candidates,
        usage: tokens.map(|tokens| Usage {
            tokens,
            server_tools: None,
            tier: None,
        }),
        service_tier: service_tier(&mut o),
    }))
}

pub(in super::super) fn service_tier(o: &mut Object<'_>) -> Option<crate::ir::ServiceTier> {
    vocabulary::tier_of(&o.string("service_tier").ok().flatten()?)
}

/// Status and message of an error object, or of an error that is only a text.
pub(crate) fn error_of(node: &Node<'_>) -> (u16, String) {
    const NONE: &str = "the upstream reported an error without a message";
    let Ok(mut error) = node.object() else {
        return (500, node.owned().unwrap_or_else(|_| NONE.to_owned()));
    };
    let mut words = Vec::new();
    for name in ["code", "status", "type"] {
        let Some(node) = error.take(name) else {
            continue;
        };
        let number = match node.kind() {
            Kind::Number => node.u64().ok(),
            _ => node.string().ok().and_then(|text| text.parse().ok()),
        };
        if let Some(status) = number.and_then(|n| u16::try_from(n).ok())
            && (400..600).contains(&status)
        {
            words.insert(0, status);
        } else if let Ok(word) = node.string() {
            words.extend(status_of(&word));
        }
    }
    let message = error.string("message").ok().flatten();
    (
        words.first().copied().unwrap_or(500),
        message.unwrap_or_else(|| NONE.to_owned()),
    )
}

fn status_of(word: &str) -> Option<u16> {
    let word = word.to_ascii_lowercase();
    let has = |text: &str| word.contains(text);
    Some(if has("rate_limit") || has("quota") || has("too_many") {
        429
    } else if has("overloaded") {
        529
    } else if has("timeout") {
        504
    } else if has("unavailable") {
        503
    } else if has("context_length") || has("invalid_request") || has("badrequest") {
        400
    } else if has("server_error") || has("internal") {
        500
    } else {
        return None;
    })
}

fn candidate(
    mut choice: Object<'_>,
    id: Option<&str>,
    position: usize,
) -> Result<Candidate, Mismatch> {
    let mut message = choice.need("message")?.object()?;
    let mut parts = reasoning::take(&mut message)?;
    if let Some(node) = message.take("content") {
        parts.extend(content::read(&node)?);
    }
    annotate(&mut message, &mut parts)?;
    for image in message.array("images")? {
        // OpenRouter's place for pictures that a model has made.
        if let Ok(source) = super::super::content::image(&image) {
            parts.push(Part::Image(Media::new(source)));
        }
    }
    if let Some(refusal) = message.string("refusal")?
        && !refusal.is_empty()
    {
        parts.push(Part::Refusal(refusal));
    }
    if let Some(value) = message.json("audio") {
        parts.push(Part::Opaque {
            family: Dialect::OpenaiChat,
            kind: "audio".to_owned(),
            value,
        });
    }
    let mut calls = 0;
    for node in message.array("tool_calls")? {
        let made_up = made_up_id(id, position, calls);
        call(node.object()?, made_up, &mut parts)?;
        calls += 1;
    }
    if let Some(function) = message.object("function_call")? {
        let made_up = made_up_id(id, position, calls);
        parts.push(function_part(function, made_up)?);
        calls += 1;
    }
    let refused = parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let matched = matched_text(&mut choice);
    let reason = choice.string("finish_reason")?;
    Ok(Candidate {
        stop: vocabulary::stop_of(reason.as_deref(), matched, calls > 0, refused),
        logprobs: choice
            .take("logprobs")
            .filter(|node| node.kind() == Kind::Object)
            .map(|node| node.json()),
        parts,
    })
}

/// The stop text, where a server names it; vLLM gives a token's number in the same place.
pub(in super::super) fn matched_text(choice: &mut Object<'_>) -> Option<String> {
    [choice.take("stop_reason"), choice.take("matched_stop")]
        .into_iter()
        .flatten()
        .find_map(|node| node.owned().ok())
}

/// An id for a call without one: the same whenever this answer is read, and another in the next answer,
/// since ids must not repeat in a conversation.
pub(in super::super) fn made_up_id(answer: Option<&str>, candidate: usize, call: usize) -> String {
    let answer: String = answer
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let tail = answer
        .get(answer.len().saturating_sub(40)..)
        .unwrap_or_default();
    format!("call_{tail}_{candidate}_{call}")
}

fn annotate(message: &mut Object<'_>, parts: &mut [Part]) -> Result<(), Mismatch> {
    let annotations = message.array("annotations")?;
    if let Some(Part::Text { citations, .. }) = parts
        .iter_mut()
        .rev()
        .find(|part| matches!(part, Part::Text { .. }))
    {
        citations.extend(annotations.iter().map(|node| node.json()));
    }
    Ok(())
}

fn call(mut o: Object<'_>, made_up: String, parts: &mut Vec<Part>) -> Result<(), Mismatch> {
    let id = o
        .string("id")?
        .filter(|id| !id.is_empty())
        .unwrap_or(made_up);
    if let Some(extra) = o.json("extra_content") {
        parts.push(reasoning::of_extra_content(extra));
    }
    parts.push(match o.object("custom")? {
        Some(mut custom) => Part::ToolCall {
            id,
            name: custom.need("name")?.owned()?,
            arguments: custom.string("input")?.unwrap_or_default(),
            kind: ToolCallKind::Custom,
            item_id: None,
            cache: None,
        },
        None => function_part(o.need("function")?.object()?, id)?,
    });
    Ok(())
}

fn function_part(mut function: Object<'_>, id: String) -> Result<Part, Mismatch> {
    let arguments = match function.take("arguments") {
        None => String::new(),
        Some(node) if node.kind() == Kind::Object => node.text().to_owned(),
        Some(node) => node.owned()?,
    };
    let empty = arguments.trim().is_empty() || arguments.trim() == "null";
    Ok(Part::ToolCall {
        id,
        name: function.need("name")?.owned()?,
        arguments: if empty { "{}".to_owned() } else { arguments },
        kind: ToolCallKind::Function,
        item_id: None,
        cache: None,
    })
}
