//! Writes messages as items: words in `message` items, calls, results and thinking in items of their
//! own, in the order in which they were said.

use super::{ME, NAMES, content};
use crate::{
    ir::{CacheMark, Feature, Losses, Message, Part, Proof, Refused, Role, ToolCallKind},
    translate::Quirks,
    write::{self, ObjectWriter},
};

/// Writes the array of items.
pub(super) fn write(
    messages: &[Message],
    own: bool,
    quirks: &Quirks,
    losses: &mut Losses,
) -> Result<Vec<u8>, Refused> {
    let mut items = Items {
        out: vec![b'['],
        content: Vec::new(),
        role: "user",
        own,
        quirks,
        losses,
    };
    for message in messages {
        items.message(message)?;
    }
    items.out.push(b']');
    Ok(items.out)
}

/// The mark of a part.
pub(super) fn mark(part: &Part) -> Option<&CacheMark> {
    match part {
        Part::Text { cache, .. }
        | Part::ToolCall { cache, .. }
        | Part::ToolResult { cache, .. } => cache.as_ref(),
        Part::Image(media) | Part::Document(media) | Part::Audio(media) | Part::Video(media) => {
            media.cache.as_ref()
        }
        Part::Thinking { .. } | Part::Refusal(_) | Part::Opaque { .. } => None,
    }
}

struct Items<'a> {
    out: Vec<u8>,
    /// The parts of the message that is being gathered.
    content: Vec<u8>,
    role: &'static str,
    /// The request came in this dialect.
    own: bool,
    quirks: &'a Quirks,
    losses: &'a mut Losses,
}

impl Items<'_> {
    fn message(&mut self, message: &Message) -> Result<(), Refused> {
        if message.name.is_some() {
            self.losses.cannot(Feature::SpeakerName, ME, None)?;
        }
        self.role = match message.role {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        for part in &message.parts {
            self.part(part, message.role)?;
        }
        self.flush();
        Ok(())
    }

    fn part(&mut self, part: &Part, role: Role) -> Result<(), Refused> {
        match part {
            Part::ToolCall {
                id,
                name,
                arguments,
                kind,
                item_id,
                ..
            } => {
                self.flush();
                self.call(id, name, arguments, *kind, item_id.as_deref());
            }
            Part::ToolResult {
                id,
                parts,
                is_error,
                kind,
                ..
            } => {
                self.flush();
                self.result(id, parts, *is_error, *kind)?;
            }
            Part::Thinking { text, proof } => self.thinking(text, proof.as_ref())?,
            Part::Opaque {
                family: ME, value, ..
            } => {
                self.flush();
                self.separate();
                self.out.extend_from_slice(value.as_str().as_bytes());
            }
            Part::Refusal(words) => {
                let kind = if role == Role::Assistant {
                    ("refusal", "refusal")
                } else {
                    ("input_text", "text")
                };
                self.content_part(|o| {
                    o.put("type", kind.0);
                    o.put(kind.1, words);
                });
            }
            Part::Text { .. }
            | Part::Image(_)
            | Part::Document(_)
            | Part::Audio(_)
            | Part::Video(_)
            | Part::Opaque { .. } => {
                let mut out = std::mem::take(&mut self.content);
                let written = content::write(part, role, self.own, &mut out, self.losses);
                self.content = out;
                written?;
            }
        }
        Ok(())
    }

    fn content_part(&mut self, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        separate(&mut self.content);
        write::object(&mut self.content, fill);
    }

    fn separate(&mut self) {
        if self.out.last() != Some(&b'[') {
            self.out.push(b',');
        }
    }

    /// Ends the message that is being gathered. One without content is left out, which the API refuses.
    fn flush(&mut self) {
        if self.content.is_empty() {
            return;
        }
        self.separate();
        self.out
            .extend_from_slice(b"{\"type\":\"message\",\"role\":");
        let role = self.quirks.role(self.role);
        self.out.extend_from_slice(quoted(role).as_bytes());
        self.out.extend_from_slice(b",\"content\":[");
        self.out.append(&mut self.content);
        self.out.extend_from_slice(b"]}");
    }

    fn call(
        &mut self,
        id: &str,
        name: &str,
        arguments: &str,
        kind: ToolCallKind,
        item_id: Option<&str>,
    ) {
        self.separate();
        let (word, prefix, place) = match kind {
            ToolCallKind::Function => ("function_call", "fc", "arguments"),
            ToolCallKind::Custom => ("custom_tool_call", "ctc", "input"),
        };
        write::object(&mut self.out, |o| {
            o.put("type", word);
            // The API takes only ids of its own making.
            o.opt("id", item_id.filter(|id| id.starts_with(prefix)));
            o.put("call_id", &NAMES.fit(id));
            o.put("name", &NAMES.fit(name));
            o.put(place, arguments);
        });
    }

    fn result(
        &mut self,
        id: &str,
        parts: &[Part],
        is_error: bool,
        kind: ToolCallKind,
    ) -> Result<(), Refused> {
        let mut listed = Vec::new();
        // A text alone is written as such, which all compatible servers take.
        let alone = match parts {
            [] => Some(""),
            [Part::Text { text, .. } | Part::Refusal(text)] => Some(text.as_str()),
            _ => None,
        };
        // There is no member that says that it is an error.
        let alone = alone.map(|text| match (is_error, text) {
            (false, text) => text.to_owned(),
            (true, "") => "Error".to_owned(),
            (true, text) => format!("Error: {text}"),
        });
        if alone.is_none() {
            if is_error {
                write::object(&mut listed, |o| {
                    o.put("type", "input_text");
                    o.put("text", "Error:");
                });
            }
            for part in parts {
                content::write(part, Role::User, self.own, &mut listed, self.losses)?;
            }
        }
        self.separate();
        let word = match kind {
            ToolCallKind::Function => "function_call_output",
            ToolCallKind::Custom => "custom_tool_call_output",
        };
        write::object(&mut self.out, |o| {
            o.put("type", word);
            o.put("call_id", &NAMES.fit(id));
            match &alone {
                Some(text) => o.put("output", text),
                None => o.list("output", &listed),
            }
        });
        Ok(())
    }

    fn thinking(&mut self, text: &str, proof: Option<&Proof>) -> Result<(), Refused> {
        let (item_id, encrypted) = match proof {
            Some(Proof::Encrypted { item_id, content }) => {
                (item_id.as_deref(), Some(content.as_str()))
            }
            Some(_) => return self.losses.cannot(Feature::ForeignProof, ME, None),
            // Compatible servers show thinking as it is, and take it back.
            None if self.own => (None, None),
            None => return self.losses.cannot(Feature::Thinking, ME, None),
        };
        self.flush();
        self.separate();
        write::object(&mut self.out, |o| {
            o.put("type", "reasoning");
            o.opt("id", item_id.filter(|id| id.starts_with("rs")));
            o.array("summary", |a| {
                if !text.is_empty() {
                    a.object(|o| {
                        o.put("type", "summary_text");
                        o.put("text", text);
                    });
                }
            });
            o.opt("encrypted_content", encrypted);
        });
        Ok(())
    }
}

pub(super) fn separate(out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b',');
    }
}

fn quoted(text: &str) -> String {
    crate::json::encode_string(text)
}
