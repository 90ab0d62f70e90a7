//! A whole answer for a client, with every member that the SDKs' strict types call for.

use super::super::{custom_tool, reasoning, usage::write_usage, vocabulary};
use crate::{
    ir::{Candidate, Part, Response, Stop, ToolCallKind},
    json,
    node::Json,
    translate::ClientContext,
    write::{self, ArrayWriter, ObjectWriter},
};

/// Writes an answer.
#[must_use]
pub fn encode(response: &Response, client: &ClientContext) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let shape = Shape::of(client);
    write::object(&mut out, |o| {
        o.put(
            "id",
            &completion_id("chatcmpl-", response.id.as_deref(), client),
        );
        o.put("object", "chat.completion");
        o.put("created", &response.created.unwrap_or(client.created));
        o.put("model", &client.model);
        o.array("choices", |a| {
            for (index, candidate) in response.candidates.iter().enumerate() {
                a.object(|o| choice(index, candidate, client, shape, o));
            }
        });
        if let Some(usage) = &response.usage {
            o.object("usage", |o| write_usage(&usage.tokens, o));
        }
        o.opt(
            "service_tier",
            response.service_tier.map(vocabulary::tier_word),
        );
    });
    out
}

/// The id of an answer in a dialect whose ids begin with `prefix`.
pub(crate) fn completion_id(
    prefix: &str,
    upstream: Option<&str>,
    client: &ClientContext,
) -> String {
    let id = upstream
        .filter(|id| !id.is_empty())
        .unwrap_or(&client.request_id);
    if id.starts_with(prefix) {
        return id.to_owned();
    }
    format!("{prefix}{id}")
}

/// In which of this dialect's shapes the client wants its answer.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Shape {
    /// The client offered `functions`, and reads a call from `function_call`.
    pub(in super::super) legacy_functions: bool,
    /// The client (OpenRouter's `reasoning.exclude`) wants no thinking.
    pub(in super::super) without_thinking: bool,
}

impl Shape {
    pub(in super::super) fn of(client: &ClientContext) -> Self {
        let mut functions = false;
        let mut tools = false;
        for member in json::members(&client.body).map_while(Result::ok) {
            functions |= member.key == "functions";
            tools |= member.key == "tools";
        }
        let request = &client.request;
        let display = request
            .reasoning
            .as_ref()
            .and_then(|r| r.display.as_deref());
        Self {
            legacy_functions: functions && !tools,
            without_thinking: display == Some("omitted"),
        }
    }
}

/// All that a candidate says to be read.
pub(crate) fn candidate_text(candidate: &Candidate) -> String {
    candidate
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

fn choice(
    index: usize,
    candidate: &Candidate,
    client: &ClientContext,
    shape: Shape,
    o: &mut ObjectWriter<'_>,
) {
    let parts = &candidate.parts;
    let calls = parts
        .iter()
        .any(|part| matches!(part, Part::ToolCall { .. }));
    let refusal: String = parts
        .iter()
        .filter_map(|part| match part {
            Part::Refusal(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    o.put("index", &index);
    o.object("message", |o| {
        o.put("role", "assistant");
        let text = candidate_text(candidate);
        if text.is_empty() && (calls || !refusal.is_empty()) {
            o.null("content");
        } else {
            o.put("content", &text);
        }
        o.put(
            "refusal",
            &(!refusal.is_empty()).then_some(refusal.as_str()),
        );
        if !shape.without_thinking {
            thinking(parts, o);
        }
        annotations(parts, o);
        media(parts, o);
        if calls {
            tool_calls(parts, client, shape, o);
        }
    });
    match &candidate.logprobs {
        Some(logprobs) => o.raw("logprobs", logprobs),
        None => o.null("logprobs"),
    }
    let reason = reason(&candidate.stop, calls, !refusal.is_empty(), shape);
    o.put("finish_reason", reason);
}

pub(in super::super) const fn reason(
    stop: &Stop,
    calls: bool,
    refused: bool,
    shape: Shape,
) -> &'static str {
    let calls_end_it = matches!(stop, Stop::End | Stop::ToolUse);
    if calls && calls_end_it && shape.legacy_functions {
        return "function_call";
    }
    vocabulary::finish_reason(stop, calls, refused)
}

fn thinking(parts: &[Part], o: &mut ObjectWriter<'_>) {
    let mut said = String::new();
    let mut entries = Vec::new();
    let mut proven = false;
    let mut rest = parts.iter().peekable();
    while let Some(part) = rest.next() {
        let Part::Thinking { text, proof } = part else {
            continue;
        };
        // The call behind it carries it.
        if matches!(rest.peek(), Some(Part::ToolCall { .. }))
            && reasoning::extra_content_of(part).is_some()
        {
            continue;
        }
        said.push_str(text);
        proven |= proof.is_some();
        let index = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        entries.extend(reasoning::details(text, proof.as_ref(), index));
    }
    if !said.is_empty() {
        o.put("reasoning_content", &said);
    }
    if proven {
        o.put("reasoning_details", &entries);
    }
}

/// The sources of all texts, with the places of the texts that name them.
fn annotations(parts: &[Part], o: &mut ObjectWriter<'_>) {
    let mut at = 0;
    let mut found = Vec::new();
    for part in parts {
        let Part::Text {
            text, citations, ..
        } = part
        else {
            continue;
        };
        let end = at + text.chars().count();
        found.extend(
            citations
                .iter()
                .filter_map(|c| annotation(c, at, end, None)),
        );
        at = end;
    }
    if !found.is_empty() {
        o.put("annotations", &found);
    }
}

/// A source as `url_citation`, which is the only kind here; `None` for one without a URL. `start` and
/// `end`: the text that names it, in characters, where the citation itself does not say.
pub(in super::super) fn annotation(
    citation: &Json,
    start: usize,
    end: usize,
    index: Option<usize>,
) -> Option<Json> {
    let mut outer = citation.node().object().ok()?;
    let mut o = outer.object("url_citation").ok().flatten().unwrap_or(outer);
    let url = o.string("url").ok()??;
    let title = o.string("title").ok().flatten();
    let mut place = |name, known: usize| {
        let said = o.u64(name).ok().flatten();
        said.unwrap_or(u64::try_from(known).unwrap_or(u64::MAX))
    };
    let (start, end) = (place("start_index", start), place("end_index", end));
    Some(write::object_json(|o| {
        o.opt("index", index);
        o.put("type", "url_citation");
        o.object("url_citation", |o| {
            o.put("start_index", &start);
            o.put("end_index", &end);
            o.put("title", title.as_deref().unwrap_or(&url));
            o.put("url", &url);
        });
    }))
}

/// Pictures in OpenRouter's place, and OpenAI's recording.
fn media(parts: &[Part], o: &mut ObjectWriter<'_>) {
    let urls: Vec<String> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Image(image) => super::super::media::url_of(&image.source).map(Into::into),
            _ => None,
        })
        .collect();
    if !urls.is_empty() {
        o.array("images", |a| {
            for url in &urls {
                a.put(&serde_json::json!({"type": "image_url", "image_url": {"url": url}}));
            }
        });
    }
    for part in parts {
        if let Part::Opaque {
            family: domain::Dialect::OpenaiChat,
            kind,
            value,
        } = part
            && kind == "audio"
        {
            o.raw("audio", value);
        }
    }
}

fn tool_calls(parts: &[Part], client: &ClientContext, shape: Shape, o: &mut ObjectWriter<'_>) {
    if shape.legacy_functions {
        let first = parts.iter().find_map(|part| match part {
            Part::ToolCall {
                name, arguments, ..
            } => Some((name, arguments)),
            _ => None,
        });
        if let Some((name, arguments)) = first {
            o.object("function_call", |o| {
                o.put("name", name);
                o.put("arguments", arguments);
            });
        }
        return;
    }
    o.array("tool_calls", |a| {
        let mut before = None;
        for part in parts {
            if let Part::ToolCall { .. } = part {
                let extra = before.and_then(reasoning::extra_content_of);
                tool_call(part, extra.as_ref(), client, a);
            }
            before = Some(part);
        }
    });
}

fn tool_call(part: &Part, extra: Option<&Json>, client: &ClientContext, a: &mut ArrayWriter<'_>) {
    let Part::ToolCall {
        id,
        name,
        arguments,
        kind,
        ..
    } = part
    else {
        return;
    };
    a.object(|o| {
        o.put("id", id);
        if *kind == ToolCallKind::Custom || custom_tool::stands_for(&client.request, name, *kind) {
            o.put("type", "custom");
            o.object("custom", |o| {
                o.put("name", name);
                match kind {
                    ToolCallKind::Custom => o.put("input", arguments),
                    ToolCallKind::Function => o.put("input", &custom_tool::unwrap(arguments)),
                }
            });
        } else {
            o.put("type", "function");
            o.object("function", |o| {
                o.put("name", name);
                o.put("arguments", whole(arguments));
            });
        }
        o.opt_raw("extra_content", extra);
    });
}

/// Arguments are never the empty string, which programs hand to their JSON parser.
fn whole(arguments: &str) -> &str {
    if arguments.is_empty() {
        "{}"
    } else {
        arguments
    }
}
