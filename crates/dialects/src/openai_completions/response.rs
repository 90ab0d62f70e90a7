//! Whole answers: the text of each candidate, and nothing of what it thought or called.

use crate::{
    ir::{Candidate, Part, Response},
    openai_chat::{
        response::{candidate_text, completion_id},
        usage::write_usage,
        vocabulary,
    },
    translate::ClientContext,
    write::{self, ObjectWriter},
};

/// Writes an answer.
#[must_use]
pub fn encode(response: &Response, client: &ClientContext) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    write::object(&mut out, |o| {
        o.put(
            "id",
            &completion_id("cmpl-", response.id.as_deref(), client),
        );
        o.put("object", "text_completion");
        o.put("created", &response.created.unwrap_or(client.created));
        o.put("model", &client.model);
        o.array("choices", |a| {
            for (index, candidate) in response.candidates.iter().enumerate() {
                a.object(|o| choice(index, candidate, o));
            }
        });
        if let Some(usage) = &response.usage {
            o.object("usage", |o| write_usage(&usage.tokens, o));
        }
    });
    out
}

fn choice(index: usize, candidate: &Candidate, o: &mut ObjectWriter<'_>) {
    let mut text = candidate_text(candidate);
    let mut refused = false;
    for part in &candidate.parts {
        if let Part::Refusal(words) = part {
            text.push_str(words);
            refused = true;
        }
    }
    o.put("text", &text);
    o.put("index", &index);
    let columns = candidate
        .logprobs
        .as_ref()
        .and_then(|l| super::logprobs::columns(l, 0));
    match columns {
        Some(columns) => o.raw("logprobs", &columns),
        None => o.null("logprobs"),
    }
    o.put(
        "finish_reason",
        vocabulary::finish_reason(&candidate.stop, false, refused),
    );
}
