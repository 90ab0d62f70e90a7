//! Reads what an item of the model holds: calls, thinking, words. The same items come back from
//! clients in the next request, so that one reader serves both.

use domain::Dialect;

use crate::{
    ir::{Part, Proof, ToolCallKind},
    node::{Json, Kind, Mismatch, Node, Object},
    write,
};

type Read<T> = Result<T, Mismatch>;

/// The full name of a function that belongs to a namespace.
pub(super) fn full_name(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) if !namespace.is_empty() => format!("{namespace}__{name}"),
        _ => name.to_owned(),
    }
}

/// A `function_call` or `custom_tool_call`.
pub(super) fn call(mut item: Object<'_>, kind: ToolCallKind) -> Read<Part> {
    let namespace = item.string("namespace")?;
    let name = full_name(namespace.as_deref(), &item.need("name")?.string()?);
    let arguments = match kind {
        ToolCallKind::Custom => item.string("input")?.unwrap_or_default(),
        ToolCallKind::Function => match item.take("arguments") {
            Some(node) if node.kind() == Kind::String => node.owned()?,
            // Some servers send the object itself.
            Some(node) if node.kind() == Kind::Object => node.text().to_owned(),
            Some(node) => return Err(node.expected("the arguments as a string of JSON")),
            None => String::new(),
        },
    };
    Ok(Part::ToolCall {
        id: item.need("call_id")?.owned()?,
        name,
        arguments: match kind {
            ToolCallKind::Function if arguments.trim().is_empty() => "{}".to_owned(),
            _ => arguments,
        },
        kind,
        item_id: item.string("id")?,
        cache: None,
    })
}

/// A `reasoning` item; `None` where it holds nothing that could be read or given back.
pub(super) fn thinking(mut item: Object<'_>) -> Read<Option<Part>> {
    let item_id = item.string("id")?;
    let mut text = joined(item.array("summary")?)?;
    if text.is_empty() {
        text = joined(item.array("content")?)?;
    }
    let encrypted = item.string("encrypted_content")?.filter(|e| !e.is_empty());
    let (proof, text) = proof_of(encrypted, item_id, text);
    Ok((proof.is_some() || !text.is_empty()).then_some(Part::Thinking { text, proof }))
}

/// The proof in an `encrypted_content`, ours or OpenAI's, and the text that belongs to it.
pub(super) fn proof_of(
    encrypted: Option<String>,
    item_id: Option<String>,
    summary: String,
) -> (Option<Proof>, String) {
    let Some(content) = encrypted else {
        return (None, summary);
    };
    match Proof::unseal(&content) {
        // The sealed text is the one that was signed; the summary may have been changed since.
        Some((proof, text)) => (Some(proof), text.unwrap_or(summary)),
        None => (Some(Proof::Encrypted { item_id, content }), summary),
    }
}

fn joined(parts: Vec<Node<'_>>) -> Read<String> {
    let mut texts = Vec::with_capacity(parts.len());
    for part in parts {
        match part.kind() {
            Kind::String => texts.push(part.owned()?),
            _ => texts.push(part.object()?.string("text")?.unwrap_or_default()),
        }
    }
    Ok(texts.join("\n\n"))
}

/// An `output_text` or a `refusal` of the model with its log probabilities; `None`: of an unknown kind.
pub(super) fn words(part: &Node<'_>) -> Read<Option<(Part, Option<Json>)>> {
    let mut object = part.object()?;
    match &*object.need("type")?.string()? {
        "output_text" | "text" => {
            let citations = object.array("annotations")?;
            let logprobs = object.take("logprobs").filter(|l| l.text() != "[]");
            let text = Part::Text {
                text: object.string("text")?.unwrap_or_default(),
                citations: citations.iter().map(Node::json).collect(),
                cache: None,
            };
            Ok(Some((text, logprobs.map(|node| neutral_logprobs(&node)))))
        }
        "refusal" => {
            let words = object.string("refusal")?.unwrap_or_default();
            Ok(Some((Part::Refusal(words), None)))
        }
        _ => Ok(None),
    }
}

/// A list of log probabilities in the form of a Chat Completions choice, which the neutral form has.
pub(super) fn neutral_logprobs(list: &Node<'_>) -> Json {
    write::object_json(|o| {
        o.raw("content", &list.json());
        o.null("refusal");
    })
}

/// The way back; `None` where there is no list.
pub(super) fn listed_logprobs(logprobs: &Json) -> Option<Json> {
    let node = logprobs.node();
    match node.kind() {
        Kind::Array => Some(node.json()),
        Kind::Object => {
            let list = node.object().ok()?.take("content")?;
            (list.kind() == Kind::Array).then(|| list.json())
        }
        _ => None,
    }
}

/// An item that only this dialect knows.
pub(super) fn opaque(kind: &str, item: &Node<'_>) -> Part {
    Part::Opaque {
        family: Dialect::OpenaiResponses,
        kind: kind.to_owned(),
        value: item.json(),
    }
}
