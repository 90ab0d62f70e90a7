//! Tools, and the choice among them.

use domain::Dialect;

use super::super::super::content;
use crate::{
    ir::{Request, Tool, ToolChoice},
    node::{Kind, Mismatch, Node, Object},
};

pub(super) fn read(o: &mut Object<'_>, request: &mut Request) -> Result<(), Mismatch> {
    for node in o.array("tools")? {
        request.tools.push(tool(&node)?);
    }
    for node in o.array("functions")? {
        request.tools.push(function(node.object()?)?);
    }
    request.tool_choice = match (o.take("tool_choice"), o.take("function_call")) {
        (Some(node), _) => Some(choice(&node)?),
        (None, Some(node)) => Some(legacy_choice(&node)?),
        (None, None) => None,
    };
    request.parallel_tool_calls = o.bool("parallel_tool_calls")?;
    Ok(())
}

fn tool(node: &Node<'_>) -> Result<Tool, Mismatch> {
    let mut o = node.object()?;
    let kind = o.string("type")?;
    match kind.as_deref() {
        None | Some("function") => {
            let mark = content::cache_mark(&mut o)?;
            let mut tool = function(o.need("function")?.object()?)?;
            if let Tool::Function { cache, .. } = &mut tool
                && mark.is_some()
            {
                *cache = mark;
            }
            Ok(tool)
        }
        Some("custom") => {
            let mut custom = o.need("custom")?.object()?;
            Ok(Tool::Custom {
                name: custom.need("name")?.owned()?,
                description: custom.string("description")?,
                format: custom.json("format"),
            })
        }
        Some(kind) => Ok(Tool::Provider {
            family: Dialect::OpenaiChat,
            kind: kind.to_owned(),
            name: o.string("name")?,
            definition: node.json(),
        }),
    }
}

fn function(mut o: Object<'_>) -> Result<Tool, Mismatch> {
    let parameters = match o.take("parameters") {
        Some(node) if node.kind() == Kind::Object => Some(node.json()),
        Some(node) => return Err(node.expected("a JSON Schema as an object")),
        None => None,
    };
    Ok(Tool::Function {
        name: o.need("name")?.owned()?,
        description: o.string("description")?,
        parameters,
        strict: o.bool("strict")?,
        cache: content::cache_mark(&mut o)?,
        namespace: None,
        extra: o.rest(),
    })
}

fn choice(node: &Node<'_>) -> Result<ToolChoice, Mismatch> {
    if node.kind() == Kind::String {
        return match &*node.string()? {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            // The latter is Mistral's word.
            "required" | "any" => Ok(ToolChoice::Required),
            _ => Err(node.expected("none, auto, required or an object that names a tool")),
        };
    }
    let mut o = node.object()?;
    let kind = o.string("type")?;
    match kind.as_deref() {
        None | Some("function") => Ok(ToolChoice::Named(named(&mut o, "function")?)),
        Some("custom") => Ok(ToolChoice::Named(named(&mut o, "custom")?)),
        Some(_) => Ok(ToolChoice::Other {
            family: Dialect::OpenaiChat,
            value: node.json(),
        }),
    }
}

fn named(o: &mut Object<'_>, member: &'static str) -> Result<String, Mismatch> {
    o.need(member)?.object()?.need("name")?.owned()
}

fn legacy_choice(node: &Node<'_>) -> Result<ToolChoice, Mismatch> {
    if node.kind() == Kind::Object {
        return Ok(ToolChoice::Named(node.object()?.need("name")?.owned()?));
    }
    choice(node)
}
