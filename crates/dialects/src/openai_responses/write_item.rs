//! Writes the items of an answer, finished ones or ones that have only begun.

use crate::{
    ir::{Proof, ToolCallKind},
    write,
};

use super::tool_index::Called;

pub(super) fn text_part(out: &mut Vec<u8>, text: &str, annotations: &[u8], logprobs: &[u8]) {
    write::object(out, |o| {
        o.put("type", "output_text");
        o.put("text", text);
        o.list("annotations", annotations);
        o.list("logprobs", logprobs);
    });
}

pub(super) fn refusal_part(out: &mut Vec<u8>, words: &str) {
    write::object(out, |o| {
        o.put("type", "refusal");
        o.put("refusal", words);
    });
}

pub(super) fn summary_part(out: &mut Vec<u8>, text: &str) {
    write::object(out, |o| {
        o.put("type", "summary_text");
        o.put("text", text);
    });
}

/// `content` are its parts with their commas.
pub(super) fn message(out: &mut Vec<u8>, id: &str, status: &str, content: &[u8]) {
    write::object(out, |o| {
        o.put("type", "message");
        o.put("id", id);
        o.put("status", status);
        o.put("role", "assistant");
        o.list("content", content);
    });
}

pub(super) fn reasoning(out: &mut Vec<u8>, id: &str, text: &str, proof: Option<&Proof>) {
    let mut summary = Vec::new();
    if !text.is_empty() {
        summary_part(&mut summary, text);
    }
    write::object(out, |o| {
        o.put("type", "reasoning");
        o.put("id", id);
        o.list("summary", &summary);
        match proof {
            Some(Proof::Encrypted { content, .. }) => o.put("encrypted_content", content),
            // The text is what the signature is over, so that it travels inside.
            Some(proof) => o.put(
                "encrypted_content",
                &proof.seal((!text.is_empty()).then_some(text)),
            ),
            None => {}
        }
    });
}

pub(super) fn call(
    out: &mut Vec<u8>,
    id: &str,
    call_id: &str,
    called: &Called<'_>,
    arguments: &str,
    status: &str,
) {
    let (word, place) = match called.kind {
        ToolCallKind::Function => ("function_call", "arguments"),
        ToolCallKind::Custom => ("custom_tool_call", "input"),
    };
    write::object(out, |o| {
        o.put("type", word);
        o.put("id", id);
        o.put("status", status);
        o.put("call_id", call_id);
        o.put("name", called.name);
        o.opt("namespace", called.namespace);
        o.put(place, arguments);
    });
}
