//! Reads the list of items. Thinking, words and calls of the model that follow each other are one turn
//! of it; results that follow each other are one message of the user.

use super::{content, tools};
use crate::{
    ir::{Message, Part, Role, Tool, ToolCallKind},
    node::{Kind, Mismatch, Node, Object},
    openai_responses::item,
};

type Read<T> = Result<T, Mismatch>;

/// Reads `input`: a text of the user, or items. Tools that are announced inside of it go to `listed`.
pub(super) fn read(
    input: &Node<'_>,
    messages: &mut Vec<Message>,
    listed: &mut Vec<Tool>,
) -> Read<()> {
    match input.kind() {
        Kind::String => {
            let text = Part::text(input.owned()?);
            messages.push(Message::new(Role::User, vec![text]));
            Ok(())
        }
        Kind::Array => {
            let mut turns = Turns {
                messages,
                assistant_open: false,
                results_open: false,
            };
            let items = input.array()?;
            if items.is_empty() {
                return Err(input.expected("at least one item"));
            }
            for node in items {
                read_item(&node, &mut turns, listed)?;
            }
            Ok(())
        }
        _ => Err(input.expected("a string or an array of items")),
    }
}

/// The messages so far, and which of the last one's may grow.
struct Turns<'m> {
    messages: &'m mut Vec<Message>,
    assistant_open: bool,
    results_open: bool,
}

impl Turns<'_> {
    fn assistant(&mut self, parts: Vec<Part>) {
        match self.messages.last_mut() {
            Some(last) if self.assistant_open => last.parts.extend(parts),
            _ => self.messages.push(Message::new(Role::Assistant, parts)),
        }
        (self.assistant_open, self.results_open) = (true, false);
    }

    fn result(&mut self, part: Part) {
        match self.messages.last_mut() {
            Some(last) if self.results_open => last.parts.push(part),
            _ => self.messages.push(Message::new(Role::User, vec![part])),
        }
        (self.assistant_open, self.results_open) = (false, true);
    }

    fn message(&mut self, role: Role, parts: Vec<Part>) {
        self.messages.push(Message::new(role, parts));
        (self.assistant_open, self.results_open) = (false, false);
    }
}

fn read_item(node: &Node<'_>, turns: &mut Turns<'_>, listed: &mut Vec<Tool>) -> Read<()> {
    let mut o = node.object()?;
    let kind = match o.string("type")? {
        Some(kind) => kind,
        // The short form of a message, and of a reference.
        None => {
            let mut look = o.clone();
            match (look.take("role"), look.take("id")) {
                (None, Some(_)) => "item_reference",
                _ => "message",
            }
        }
        .to_owned(),
    };
    match kind.as_str() {
        "message" => message(o, turns),
        "function_call" => {
            turns.assistant(vec![item::call(o, ToolCallKind::Function)?]);
            Ok(())
        }
        "custom_tool_call" => {
            turns.assistant(vec![item::call(o, ToolCallKind::Custom)?]);
            Ok(())
        }
        "function_call_output" => result(o, ToolCallKind::Function, turns),
        "custom_tool_call_output" => result(o, ToolCallKind::Custom, turns),
        "reasoning" => {
            if let Some(part) = item::thinking(o)? {
                turns.assistant(vec![part]);
            }
            Ok(())
        }
        "item_reference" => Err(node.expected(
            "the item itself, since this backend keeps no state that a reference could point to",
        )),
        // Codex announces tools as an item.
        "additional_tools" => {
            listed.extend(tools::read(o.array("tools")?)?);
            Ok(())
        }
        other => {
            let part = item::opaque(other, node);
            if other.ends_with("_output") || other.ends_with("_response") {
                turns.result(part);
            } else {
                turns.assistant(vec![part]);
            }
            Ok(())
        }
    }
}

fn message(mut o: Object<'_>, turns: &mut Turns<'_>) -> Read<()> {
    let role = o.need("role")?;
    let word = role.string()?;
    let parts = match o.take("content") {
        None => Vec::new(),
        Some(node) => content::read(&node)?,
    };
    match &*word {
        "user" => turns.message(Role::User, parts),
        "system" => turns.message(Role::System, parts),
        "developer" => turns.message(Role::Developer, parts),
        "assistant" => turns.assistant(parts),
        _ => return Err(role.expected("user, assistant, system or developer")),
    }
    Ok(())
}

fn result(mut o: Object<'_>, kind: ToolCallKind, turns: &mut Turns<'_>) -> Read<()> {
    let id = o.need("call_id")?.owned()?;
    let parts = match o.take("output") {
        None => Vec::new(),
        Some(output) => match output.kind() {
            Kind::String | Kind::Array => content::read(&output)?,
            // Not the API's, but clear enough.
            _ => vec![Part::text(output.text())],
        },
    };
    turns.result(Part::ToolResult {
        id,
        parts,
        is_error: false,
        kind,
        cache: None,
    });
    Ok(())
}
