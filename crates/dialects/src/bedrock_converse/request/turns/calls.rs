//! Calls of tools and their results: each result goes to the call it answers, under ids that the service
//! takes, and what answers nothing is said in words.

use std::borrow::Cow;

use super::{Speaker, arranging::Arranging};
use crate::{
    anthropic_messages::plain,
    bedrock_converse::request::{block::Block, tools::CUSTOM_INPUT},
    ir::{CacheMark, Part, Refused, ToolCallKind, names::NameRule},
    node::{Json, Kind, Node},
    write,
};

/// A call that waits for its answer.
#[derive(Debug)]
pub(super) struct Call<'r> {
    /// As the client has it.
    pub(super) id: &'r str,
    /// As the service gets it.
    pub(super) sent: String,
    pub(super) answered: bool,
}

impl<'r> Arranging<'r, '_> {
    pub(super) fn call(&mut self, id: &'r str, name: &str, input: Json) {
        let mut sent = NameRule::SHORT.fit(id);
        let mut again = 2;
        while !self.ids.insert(sent.clone()) {
            sent = NameRule::SHORT.fit(&format!("{id}_{again}"));
            again += 1;
        }
        let block = Block::ToolUse {
            id: sent.clone(),
            name: NameRule::SHORT.fit(name),
            input,
        };
        self.say(Speaker::Assistant, block);
        self.pending.push(Call {
            id,
            sent,
            answered: false,
        });
    }

    pub(super) fn result(
        &mut self,
        id: &str,
        parts: &'r [Part],
        is_error: bool,
        cache: Option<&'r CacheMark>,
    ) -> Result<(), Refused> {
        let inner = parts.iter().find_map(|part| match part {
            Part::Text { cache, .. } => cache.as_ref(),
            Part::Image(media) | Part::Document(media) => media.cache.as_ref(),
            _ => None,
        });
        // The service takes cache points beside results, not inside them.
        let cache = cache.or(inner);
        let call = self
            .pending
            .iter_mut()
            .find(|call| call.id == id && !call.answered);
        let Some(call) = call.filter(|_| !self.calls_as_text) else {
            // Nobody asked for it, as far as the service can see.
            self.say(Speaker::User, result_text(id, &texts(parts), is_error));
            for part in parts {
                match part {
                    Part::Image(_) | Part::Document(_) | Part::Audio(_) | Part::Video(_) => {
                        self.user_part(part)?;
                    }
                    // Its words are among the result's; what else it asked for is noted here.
                    Part::Opaque { kind, .. } => {
                        self.found(part, kind)?;
                    }
                    _ => {}
                }
            }
            return self.mark_turn(Speaker::User, cache);
        };
        call.answered = true;
        let sent = call.sent.clone();
        let mut content = Vec::new();
        let mut beside = Vec::new();
        for part in parts {
            match part {
                Part::Text { text, .. } | Part::Refusal(text) => {
                    if !text.trim().is_empty() {
                        content.push(Block::Text(Cow::Borrowed(text)));
                    }
                }
                Part::Image(media) => content.push(self.media.image(media, self.losses)?),
                Part::Document(media) => content.extend(self.media.document(media, self.losses)?),
                Part::Video(media) => content.push(self.media.video(media, self.losses)?),
                Part::Audio(_) => beside.push(part),
                Part::Opaque { kind, .. } => {
                    let found = self.found(part, kind)?;
                    content.extend(found.map(|text| Block::Text(Cow::Owned(text))));
                }
                Part::ToolCall { .. } | Part::ToolResult { .. } | Part::Thinking { .. } => {}
            }
        }
        self.turn(Speaker::User).results.push(Block::ToolResult {
            id: sent,
            content,
            is_error,
        });
        let mut results = std::mem::take(&mut self.turn(Speaker::User).results);
        let marked = self.mark(&mut results, cache);
        self.turn(Speaker::User).results = results;
        marked?;
        beside.into_iter().try_for_each(|part| self.user_part(part))
    }
}

/// A call's arguments as the object that the service wants.
pub(super) fn input(arguments: &str, kind: ToolCallKind) -> Json {
    let wrapped = |name: &str| write::object_json(|o| o.put(name, arguments));
    if kind == ToolCallKind::Custom {
        return wrapped(CUSTOM_INPUT);
    }
    if arguments.trim().is_empty() {
        return write::object_json(|_| {});
    }
    match Node::parse(arguments.as_bytes()) {
        Ok(node) if node.kind() == Kind::Object => node.json(),
        _ => wrapped("_raw"),
    }
}

pub(super) fn texts(parts: &[Part]) -> String {
    let texts: Vec<Cow<'_, str>> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Text { text, .. } | Part::Refusal(text) => Some(Cow::Borrowed(text.as_str())),
            part => plain::search_result(part).map(|found| Cow::Owned(found.text)),
        })
        .collect();
    texts.join("\n")
}

pub(super) fn call_text<'r>(id: &str, name: &str, arguments: &str) -> Block<'r> {
    Block::Text(Cow::Owned(format!(
        "[Call {id} of the tool {name}: {arguments}]"
    )))
}

pub(super) fn result_text<'r>(id: &str, text: &str, is_error: bool) -> Block<'r> {
    let what = if is_error { "Error" } else { "Result" };
    Block::Text(Cow::Owned(format!("[{what} of the call {id}: {text}]")))
}
