//! The `response` object around the output. Strict clients expect most of the request to be repeated
//! in it; that part is written once and copied, since a stream carries the object three times.

use domain::TokenUsage;

use crate::{
    ir::{ServiceTier, Stop, Usage},
    json,
    node::{Json, Kind, Node},
    translate::ClientContext,
    write::{self, ObjectWriter},
};

use super::request::tier_word;

/// What every `response` object of one answer has in common.
#[derive(Debug)]
pub(super) struct Shell {
    pub id: String,
    pub created: i64,
    pub tier: Option<ServiceTier>,
    /// What the ids of items are made of.
    stem: String,
    /// Members that repeat the request, without braces.
    echo: Vec<u8>,
}

/// How far the answer has come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Status<'a> {
    InProgress,
    Ended(&'a Stop),
    Failed { code: &'a str, message: &'a str },
}

impl Shell {
    pub fn new(client: &ClientContext) -> Self {
        let stem = stem(&client.request_id);
        Self {
            id: format!("resp_{stem}"),
            created: client.created,
            tier: None,
            stem,
            echo: echo(client),
        }
    }

    /// Takes over what the upstream says of itself.
    pub fn adopt(&mut self, id: Option<&str>, created: Option<i64>, tier: Option<ServiceTier>) {
        if let Some(id) = id.filter(|id| id.starts_with("resp_")) {
            id.clone_into(&mut self.id);
        }
        self.created = created.unwrap_or(self.created);
        self.tier = tier;
    }

    /// The id of the item at `index`, which is the upstream's where that has the right form.
    pub fn item_id(&self, prefix: &str, index: u32, given: Option<&str>) -> String {
        match given {
            Some(id) if id.starts_with(prefix) => id.to_owned(),
            _ => format!("{prefix}_{}{index}", self.stem),
        }
    }

    /// Appends the object. `output` are the items with their commas.
    pub fn write(
        &self,
        out: &mut Vec<u8>,
        status: Status<'_>,
        output: &[u8],
        usage: Option<&Usage>,
    ) {
        write::object(out, |o| {
            o.put("id", &self.id);
            o.put("object", "response");
            o.put("created_at", &self.created);
            o.put("status", status.word());
            match status {
                Status::Failed { code, message } => o.object("error", |o| {
                    o.put("code", code);
                    o.put("message", message);
                }),
                _ => o.null("error"),
            }
            match status.incomplete() {
                Some(reason) => o.object("incomplete_details", |o| o.put("reason", reason)),
                None => o.null("incomplete_details"),
            }
            o.list("output", output);
            match usage {
                Some(usage) => o.object("usage", |o| write_usage(o, &usage.tokens)),
                None => o.null("usage"),
            }
            o.put("service_tier", &self.tier.map(tier_word));
            o.members(&self.echo);
        });
    }
}

impl Status<'_> {
    pub fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Failed { .. } => "failed",
            Self::Ended(_) if self.incomplete().is_some() => "incomplete",
            Self::Ended(_) => "completed",
        }
    }

    /// Why there is less than the whole answer.
    fn incomplete(self) -> Option<&'static str> {
        let Self::Ended(stop) = self else { return None };
        match stop {
            Stop::MaxTokens | Stop::ContextWindow => Some("max_output_tokens"),
            Stop::ContentFilter | Stop::Refusal => Some("content_filter"),
            Stop::Other(reason) => ["max_messages", "steered"]
                .into_iter()
                .find(|known| known == reason),
            Stop::End | Stop::Sequence(_) | Stop::ToolUse | Stop::Pause => None,
        }
    }
}

/// OpenAI counts cached tokens among those that went in.
fn write_usage(o: &mut ObjectWriter<'_>, tokens: &TokenUsage) {
    o.put("input_tokens", &tokens.total_input());
    o.object("input_tokens_details", |o| {
        o.put("cached_tokens", &tokens.cache_read);
        let written = tokens.cache_write_5m.saturating_add(tokens.cache_write_1h);
        o.put("cache_write_tokens", &written);
    });
    o.put("output_tokens", &tokens.output);
    o.object("output_tokens_details", |o| {
        o.put("reasoning_tokens", &tokens.reasoning);
    });
    o.put("total_tokens", &tokens.total());
}

/// What is left of a request's id for ids that clients check the alphabet and the length of.
fn stem(request_id: &str) -> String {
    let id = request_id.strip_prefix("req_").unwrap_or(request_id);
    let stem: String = id
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(40)
        .collect();
    if stem.is_empty() {
        "0".to_owned()
    } else {
        stem
    }
}

/// Members that are repeated as they came, and what stands for those that did not.
const REPEATED: [(&str, &str); 20] = [
    ("background", "false"),
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", "null"),
    ("prompt_cache_retention", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("store", "false"),
    ("temperature", "1.0"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", r#""auto""#),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "1.0"),
    ("truncation", r#""disabled""#),
    ("user", "null"),
    ("metadata", "{}"),
];

fn echo(client: &ClientContext) -> Vec<u8> {
    let mut sent: Vec<(&str, &[u8])> = REPEATED
        .iter()
        .map(|(name, default)| (*name, default.as_bytes()))
        .collect();
    for member in json::members(&client.body).map_while(Result::ok) {
        let Some(value) = client.body.get(member.value) else {
            continue;
        };
        if let Some((_, place)) = sent.iter_mut().find(|(name, _)| *name == member.key)
            && value != b"null"
        {
            *place = value;
        }
    }
    let mut out = Vec::new();
    write::object(&mut out, |o| {
        o.put("model", &client.model);
        for (name, value) in sent {
            match name {
                "tools" => {
                    match Node::parse(value).and_then(|n| n.array().map_err(|e| e.to_string())) {
                        Ok(tools) => o.array("tools", |a| {
                            for tool in &tools {
                                a.raw(&whole_tool(tool));
                            }
                        }),
                        Err(_) => o.bytes("tools", b"[]"),
                    }
                }
                _ => o.bytes(name, value),
            }
        }
    });
    // Without the braces, to stand among other members.
    out.pop();
    if !out.is_empty() {
        out.remove(0);
    }
    out
}

/// A function with the members that OpenAI adds to it and that its SDKs read without asking.
fn whole_tool(tool: &Node<'_>) -> Json {
    let members = match tool.object() {
        Ok(object) if tool.kind() == Kind::Object => object.rest(),
        _ => return tool.json(),
    };
    let has = |name: &str| members.iter().any(|(n, _)| n == name);
    let function = members
        .iter()
        .any(|(name, value)| name == "type" && value.as_str() == "\"function\"");
    if !function || (has("parameters") && has("strict")) {
        return tool.json();
    }
    write::object_json(|o| {
        for (name, value) in &members {
            o.raw(name, value);
        }
        if !has("parameters") {
            o.null("parameters");
        }
        if !has("strict") {
            o.put("strict", &true);
        }
    })
}
