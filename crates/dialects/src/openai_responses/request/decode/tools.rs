//! Reads the tools and the choice among them. Functions of a namespace become functions with the
//! namespace in front of their names; a list of allowed tools becomes the list of tools.

use domain::Dialect;

use crate::{
    ir::{Request, Tool, ToolChoice},
    node::{Kind, Mismatch, Node, Object},
    openai_responses::item::full_name,
};

type Read<T> = Result<T, Mismatch>;

pub(super) fn read(list: Vec<Node<'_>>) -> Read<Vec<Tool>> {
    let mut tools = Vec::with_capacity(list.len());
    for node in list {
        let mut o = node.object()?;
        let kind = o.need("type")?.owned()?;
        if kind == "namespace" {
            let namespace = o.need("name")?.owned()?;
            for inner in o.array("tools")? {
                tools.push(tool(&inner, Some(&namespace))?);
            }
        } else {
            tools.push(tool(&node, None)?);
        }
    }
    Ok(tools)
}

fn tool(node: &Node<'_>, namespace: Option<&str>) -> Read<Tool> {
    let mut o = node.object()?;
    let kind = o.need("type")?.owned()?;
    match kind.as_str() {
        "function" => function(o, namespace),
        "custom" => Ok(Tool::Custom {
            name: full_name(namespace, &o.need("name")?.string()?),
            description: o.string("description")?,
            format: o.json("format"),
        }),
        _ => Ok(Tool::Provider {
            family: Dialect::OpenaiResponses,
            name: o.string("name")?,
            kind,
            definition: node.json(),
        }),
    }
}

fn function(mut o: Object<'_>, namespace: Option<&str>) -> Read<Tool> {
    // The form of Chat Completions, which some clients send here too.
    if let Some(inner) = o.take("function") {
        o = inner.object()?;
    }
    let name = o.need("name")?;
    let parameters = o.take("parameters");
    if let Some(schema) = &parameters
        && schema.kind() != Kind::Object
    {
        return Err(schema.expected("a JSON Schema as an object"));
    }
    Ok(Tool::Function {
        name: full_name(namespace, &name.string()?),
        description: o.string("description")?,
        parameters: parameters.map(|schema| schema.json()),
        strict: o.bool("strict")?,
        cache: None,
        namespace: namespace.map(str::to_owned),
        extra: o.rest(),
    })
}

/// Reads `tool_choice`.
pub(super) fn choose(node: &Node<'_>, request: &mut Request) -> Read<()> {
    if node.kind() == Kind::String {
        request.tool_choice = Some(mode(node)?);
        return Ok(());
    }
    let mut o = node.object()?;
    let kind = o.need("type")?.owned()?;
    let choice = match kind.as_str() {
        "function" | "custom" => ToolChoice::Named(named(&mut o)?),
        "allowed_tools" => {
            let choice = mode(&o.need("mode")?)?;
            let mut names = Vec::new();
            let mut kinds = Vec::new();
            for allowed in o.array("tools")? {
                let mut allowed = allowed.object()?;
                let kind = allowed.need("type")?.owned()?;
                match kind.as_str() {
                    "function" | "custom" => names.push(named(&mut allowed)?),
                    _ => kinds.push(kind),
                }
            }
            // What is not allowed need not be offered: the model cannot call it either way.
            request.tools.retain(|tool| match tool {
                Tool::Provider { kind, .. } => kinds.contains(kind),
                Tool::Function { name, .. } | Tool::Custom { name, .. } => names.contains(name),
            });
            choice
        }
        _ => ToolChoice::Other {
            family: Dialect::OpenaiResponses,
            value: node.json(),
        },
    };
    request.tool_choice = Some(choice);
    Ok(())
}

fn named(o: &mut Object<'_>) -> Read<String> {
    let namespace = o.string("namespace")?;
    if let Some(inner) = o.take("function") {
        return inner.object()?.need("name")?.owned();
    }
    Ok(full_name(namespace.as_deref(), &o.need("name")?.string()?))
}

fn mode(node: &Node<'_>) -> Read<ToolChoice> {
    match &*node.string()? {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        "required" => Ok(ToolChoice::Required),
        _ => Err(node.expected("auto, none, required or an object that names a tool")),
    }
}
