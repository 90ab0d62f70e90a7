//! The conversation. Results of tools become parts of user messages, one message for each run of them;
//! the older `function_call` and the role `function` become calls and results with ids made up.

use std::collections::HashSet;

use domain::Dialect;

use super::super::super::{content, reasoning};
use crate::{
    ir::{CacheMark, Message, Part, Role, ToolCallKind},
    node::{Kind, Mismatch, Node, Object},
};

pub(super) fn read(node: &Node<'_>) -> Result<Vec<Message>, Mismatch> {
    let elements = node.array()?;
    if elements.is_empty() {
        return Err(node.expected("an array with at least one message"));
    }
    let mut reader = Reader::default();
    for (index, element) in elements.iter().enumerate() {
        reader.message(element.object()?, index)?;
    }
    Ok(reader.messages)
}

#[derive(Default)]
struct Reader {
    messages: Vec<Message>,
    /// The last message is made of results, and takes more of them.
    in_results: bool,
    /// The ids of calls of custom tools: their results say not what they are of.
    custom: HashSet<String>,
    /// Calls of the older kind that wait for their result: function and id.
    functions: Vec<(String, String)>,
}

impl Reader {
    fn message(&mut self, mut o: Object<'_>, index: usize) -> Result<(), Mismatch> {
        let role = o.need("role")?;
        let name = o.take("name");
        let mark = content::cache_mark(&mut o)?;
        let role = match &*role.string()? {
            "system" => Role::System,
            "developer" => Role::Developer,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "tool" => {
                let id = o.need("tool_call_id")?.owned()?;
                return self.result(o, id, mark);
            }
            "function" => {
                let name = name.map(|n| n.owned()).transpose()?.unwrap_or_default();
                let id = self.waiting(&name, index);
                return self.result(o, id, mark);
            }
            _ => {
                return Err(
                    role.expected("one of system, developer, user, assistant, tool and function")
                );
            }
        };
        let mut parts = if role == Role::Assistant {
            self.assistant(&mut o, index)?
        } else {
            content::read(&o.need("content")?)?
        };
        if let Some(mark) = mark {
            content::mark_last(&mut parts, mark);
        }
        self.in_results = false;
        self.messages.push(Message {
            role,
            parts,
            name: name.map(|n| n.owned()).transpose()?,
        });
        Ok(())
    }

    fn result(
        &mut self,
        mut o: Object<'_>,
        id: String,
        cache: Option<CacheMark>,
    ) -> Result<(), Mismatch> {
        let parts = o
            .take("content")
            .map_or(Ok(Vec::new()), |c| content::read(&c))?;
        let kind = if self.custom.contains(&id) {
            ToolCallKind::Custom
        } else {
            ToolCallKind::Function
        };
        let result = Part::ToolResult {
            id,
            parts,
            is_error: o.bool("is_error").ok().flatten().unwrap_or(false),
            kind,
            cache,
        };
        match self.messages.last_mut() {
            Some(last) if self.in_results => last.parts.push(result),
            _ => self.messages.push(Message::new(Role::User, vec![result])),
        }
        self.in_results = true;
        Ok(())
    }

    fn waiting(&mut self, name: &str, index: usize) -> String {
        match self
            .functions
            .iter()
            .position(|(function, _)| function == name)
        {
            Some(at) => self.functions.remove(at).1,
            None => function_call_id(index),
        }
    }

    fn assistant(&mut self, o: &mut Object<'_>, index: usize) -> Result<Vec<Part>, Mismatch> {
        let mut parts = reasoning::take(o)?;
        if let Some(node) = o.take("content") {
            parts.extend(content::read(&node)?);
        }
        annotate(o, &mut parts)?;
        if let Some(refusal) = o.string("refusal")?
            && !refusal.is_empty()
        {
            parts.push(Part::Refusal(refusal));
        }
        if let Some(audio) = o.json("audio") {
            parts.push(Part::Opaque {
                family: Dialect::OpenaiChat,
                kind: "audio".to_owned(),
                value: audio,
            });
        }
        for node in o.array("tool_calls")? {
            tool_call(&node, &mut parts)?;
            if let Some(Part::ToolCall {
                id,
                kind: ToolCallKind::Custom,
                ..
            }) = parts.last()
            {
                self.custom.insert(id.clone());
            }
        }
        if let Some(mut call) = o.object("function_call")? {
            let name = call.need("name")?.owned()?;
            let id = function_call_id(index);
            self.functions.push((name.clone(), id.clone()));
            parts.push(Part::ToolCall {
                id,
                name,
                arguments: arguments(call.take("arguments"))?,
                kind: ToolCallKind::Function,
                item_id: None,
                cache: None,
            });
        }
        Ok(parts)
    }
}

/// The older kind of call has no id; its message's place makes one that is the same in every turn.
fn function_call_id(index: usize) -> String {
    format!("call_function_{index}")
}

/// Sources that an answer named, when a client gives the answer back whole.
fn annotate(o: &mut Object<'_>, parts: &mut [Part]) -> Result<(), Mismatch> {
    let annotations = o.array("annotations")?;
    let text = parts.iter_mut().rev().find_map(|part| match part {
        Part::Text { citations, .. } => Some(citations),
        _ => None,
    });
    if let Some(citations) = text {
        citations.extend(annotations.iter().map(|node| node.json()));
    }
    Ok(())
}

fn tool_call(node: &Node<'_>, parts: &mut Vec<Part>) -> Result<(), Mismatch> {
    let mut call = node.object()?;
    let id = call.need("id")?.owned()?;
    if let Some(extra) = call.json("extra_content") {
        parts.push(reasoning::of_extra_content(extra));
    }
    let cache = content::cache_mark(&mut call)?;
    let (name, arguments, kind) = if let Some(mut custom) = call.object("custom")? {
        let input = custom.string("input")?.unwrap_or_default();
        (custom.need("name")?.owned()?, input, ToolCallKind::Custom)
    } else {
        let mut function = call.need("function")?.object()?;
        let arguments = arguments(function.take("arguments"))?;
        (
            function.need("name")?.owned()?,
            arguments,
            ToolCallKind::Function,
        )
    };
    parts.push(Part::ToolCall {
        id,
        name,
        arguments,
        kind,
        item_id: None,
        cache,
    });
    Ok(())
}

/// Arguments as text. Models leave them out for functions without parameters, and some programs send
/// them as the object that they are.
fn arguments(node: Option<Node<'_>>) -> Result<String, Mismatch> {
    let Some(node) = node else {
        return Ok("{}".to_owned());
    };
    if node.kind() == Kind::Object {
        return Ok(node.text().to_owned());
    }
    let text = node.string()?;
    let object = Node::parse(text.as_bytes()).is_ok_and(|json| json.kind() == Kind::Object);
    if object {
        return Ok(text.into_owned());
    }
    if text.trim().is_empty() || text.trim() == "null" {
        return Ok("{}".to_owned());
    }
    // A call that was cut off, or that a model got wrong: the conversation goes on with it all the same.
    Ok(serde_json::json!({"_raw": text}).to_string())
}
