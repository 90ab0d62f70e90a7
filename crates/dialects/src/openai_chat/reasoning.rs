//! What the model thought, in the places that Chat Completions servers have for it:
//! `reasoning_content` or `reasoning` for the text, `reasoning_details` in OpenRouter's form for text
//! with its proof, LiteLLM's `thinking_blocks`, Mistral's content chunks, Gemini's `extra_content`.
//!
//! Reading is lenient: an entry that makes no sense is passed over, since an answer or a conversation
//! is worth more than one note in it.

use serde::Serialize;

use crate::{
    ir::{Part, Proof},
    node::{Json, Kind, Mismatch, Node, Object},
};

const ANTHROPIC: &str = "anthropic-claude-v1";
const OPENAI: &str = "openai-responses-v1";
const UNKNOWN: &str = "unknown";

/// One entry of `reasoning_details`.
#[derive(Debug)]
pub(super) struct Detail {
    pub(super) text: String,
    pub(super) proof: Option<Proof>,
    pub(super) index: Option<u64>,
    summary: bool,
}

impl Detail {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        let mut entry = node.object().ok()?;
        let mut string = |name| entry.string(name).ok().flatten();
        let kind = string("type").unwrap_or_default();
        // A client that adds up the entries of a stream by index may have made one of two.
        let (text, summary) = match (string("text"), string("summary")) {
            (Some(text), _) => (text, false),
            (None, summary) => (summary.unwrap_or_default(), kind == "reasoning.summary"),
        };
        let format = string("format").unwrap_or_default();
        let id = string("id");
        let proof = match (string("signature"), string("data")) {
            (Some(value), _) if !value.is_empty() => Some(proof_of(&format, value, id, false)),
            (_, Some(value)) if !value.is_empty() => Some(proof_of(&format, value, id, true)),
            _ => None,
        };
        let index = entry.u64("index").ok().flatten();
        (!text.is_empty() || proof.is_some()).then_some(Self {
            text,
            proof,
            index,
            summary,
        })
    }

    /// How it relates to `last`; `said` tells whether a text is all that `last` has said so far.
    pub(super) fn relation(&self, last: Last, said: impl Fn(&str) -> bool) -> Relation {
        if last.proven {
            return Relation::New;
        }
        let same_index = self.index.is_some() && last.index == self.index;
        let alone = self.index.is_none() || last.index.is_none();
        match &self.proof {
            Some(Proof::Redacted(_)) => Relation::New,
            Some(_) if self.text.is_empty() => {
                if last.summary || same_index || alone {
                    Relation::More
                } else {
                    Relation::New
                }
            }
            Some(_) if said(&self.text) => Relation::Whole,
            None if self.index.is_some() && last.index.is_none() && said(&self.text) => {
                Relation::Whole
            }
            _ if same_index => Relation::More,
            _ => Relation::New,
        }
    }

    pub(super) const fn as_last(&self) -> Last {
        Last {
            index: self.index,
            summary: self.summary,
            proven: self.proof.is_some(),
        }
    }
}

/// How an entry relates to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// It begins a part of its own.
    New,
    /// It goes on.
    More,
    /// It says once more, whole, what has come in pieces, and adds its proof.
    Whole,
}

/// What the entry before was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Last {
    pub(super) index: Option<u64>,
    pub(super) summary: bool,
    pub(super) proven: bool,
}

fn proof_of(format: &str, value: String, item_id: Option<String>, encrypted: bool) -> Proof {
    if let Some((proof, _)) = Proof::unseal(&value) {
        return proof;
    }
    if format.contains("anthropic") {
        if encrypted {
            Proof::Redacted(value)
        } else {
            Proof::Signature(value)
        }
    } else if format.contains("openai") {
        Proof::Encrypted {
            item_id,
            content: value,
        }
    } else {
        Proof::Foreign(value)
    }
}

/// Takes all thinking out of a message.
pub(super) fn take(message: &mut Object<'_>) -> Result<Vec<Part>, Mismatch> {
    let details = message.take("reasoning_details");
    let blocks = message.take("thinking_blocks");
    let text = [message.take("reasoning_content"), message.take("reasoning")]
        .into_iter()
        .flatten()
        .filter(|node| node.kind() == Kind::String)
        .map(|node| node.owned())
        .find(|text| !matches!(text, Ok(text) if text.is_empty()))
        .transpose()?;
    let mut parts = details.as_ref().map(read_details).unwrap_or_default();
    if parts.is_empty() {
        parts = blocks.as_ref().map(read_blocks).unwrap_or_default();
    }
    let Some(text) = text else { return Ok(parts) };
    let silent = |part: &Part| matches!(part, Part::Thinking { text, .. } if text.is_empty());
    if parts.iter().all(silent) {
        match parts.first_mut() {
            Some(Part::Thinking {
                text: place,
                proof: Some(Proof::Encrypted { .. } | Proof::Foreign(_)),
            }) => *place = text,
            _ => parts.insert(0, Part::Thinking { text, proof: None }),
        }
    }
    Ok(parts)
}

fn read_details(node: &Node<'_>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut last = Last::default();
    for entry in node.array().unwrap_or_default() {
        let Some(detail) = Detail::read(&entry) else {
            continue;
        };
        if let Some(Part::Thinking { text, proof }) = parts.last_mut() {
            let relation = detail.relation(last, |whole| text == whole);
            if relation == Relation::More {
                text.push_str(&detail.text);
            }
            if relation != Relation::New {
                last = detail.as_last();
                *proof = detail.proof;
                continue;
            }
        }
        last = detail.as_last();
        parts.push(Part::Thinking {
            text: detail.text,
            proof: detail.proof,
        });
    }
    parts
}

fn read_blocks(node: &Node<'_>) -> Vec<Part> {
    node.array()
        .unwrap_or_default()
        .iter()
        .filter_map(|block| read_block(block.object().ok()?).ok().flatten())
        .collect()
}

/// A block of thinking: Anthropic's as LiteLLM hands it on, or Mistral's.
pub(super) fn read_block(mut block: Object<'_>) -> Result<Option<Part>, Mismatch> {
    if let Some(data) = block.string("data")? {
        let proof = proof_of(ANTHROPIC, data, None, true);
        return Ok(Some(Part::Thinking {
            text: String::new(),
            proof: Some(proof),
        }));
    }
    let mut text = String::new();
    if let Some(thinking) = block.take("thinking") {
        if thinking.kind() == Kind::Array {
            for chunk in thinking.array()? {
                text.push_str(&chunk.object()?.string("text")?.unwrap_or_default());
            }
        } else {
            text = thinking.owned()?;
        }
    }
    let proof = block
        .string("signature")?
        .filter(|signature| !signature.is_empty())
        .map(|signature| proof_of(ANTHROPIC, signature, None, false));
    Ok((!text.is_empty() || proof.is_some()).then_some(Part::Thinking { text, proof }))
}

/// The entries of `reasoning_details` for one part of thinking; `index` is the first one's place in the
/// list, by which the SDKs add up streams.
pub(super) fn details<'a>(text: &'a str, proof: Option<&'a Proof>, index: u64) -> Vec<Entry<'a>> {
    let entry = |kind, format, index| Entry {
        kind,
        text: None,
        summary: None,
        signature: None,
        data: None,
        id: None,
        format,
        index,
    };
    let of_text = |format, signature| Entry {
        text: Some(text),
        signature,
        ..entry("reasoning.text", format, index)
    };
    let encrypted = |format, data: &'a str, id| {
        let mut entries = Vec::new();
        if !text.is_empty() {
            entries.push(Entry {
                summary: Some(text),
                ..entry("reasoning.summary", format, index)
            });
        }
        let index = index + u64::from(!text.is_empty());
        entries.push(Entry {
            data: Some(data),
            id,
            ..entry("reasoning.encrypted", format, index)
        });
        entries
    };
    match proof {
        None if text.is_empty() => Vec::new(),
        None => vec![of_text(UNKNOWN, None)],
        Some(Proof::Signature(signature)) => vec![of_text(ANTHROPIC, Some(signature))],
        Some(Proof::Redacted(data)) => encrypted(ANTHROPIC, data, None),
        Some(Proof::Encrypted { item_id, content }) => {
            encrypted(OPENAI, content, item_id.as_deref())
        }
        Some(Proof::Foreign(value)) if text.is_empty() => encrypted(UNKNOWN, value, None),
        Some(Proof::Foreign(value)) => vec![of_text(UNKNOWN, Some(value))],
    }
}

/// See [`details`].
#[derive(Debug, Serialize)]
pub(super) struct Entry<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    format: &'static str,
    index: u64,
}

/// A thought signature that belongs to the tool call behind it, in the neutral form.
pub(super) fn of_extra_content(extra: Json) -> Part {
    Part::Thinking {
        text: String::new(),
        proof: Some(Proof::Foreign(extra.as_str().to_owned())),
    }
}

/// What [`of_extra_content`] read, to be written back on the call.
pub(super) fn extra_content(text: &str, proof: Option<&Proof>) -> Option<Json> {
    let Some(Proof::Foreign(value)) = proof else {
        return None;
    };
    if !text.is_empty() || !value.starts_with('{') {
        return None;
    }
    Json::parse(value).ok()
}

/// The same for a part.
pub(super) fn extra_content_of(part: &Part) -> Option<Json> {
    match part {
        Part::Thinking { text, proof } => extra_content(text, proof.as_ref()),
        _ => None,
    }
}
