//! Tools, and the choice among them. Both of the members about the choice are refused without tools.

use domain::Dialect;
use serde::Serialize;

use super::{Context, Members, RULE, content::Ephemeral};
use crate::{
    ir::{Feature, Refused, Tool, ToolChoice},
    node::Json,
    openai_chat::custom_tool,
    write,
};

/// The members about tools.
pub(super) struct Tools<'a> {
    tools: Vec<Json>,
    choice: Option<Choice<'a>>,
    parallel: Option<bool>,
}

impl Tools<'_> {
    pub(super) fn write(&self, o: &mut Members<'_, '_>) {
        if self.tools.is_empty() {
            return;
        }
        o.put("tools", &self.tools);
        o.opt("tool_choice", self.choice.as_ref());
        o.opt("parallel_tool_calls", self.parallel);
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Choice<'a> {
    Word(&'static str),
    AsItCame(&'a Json),
    Named(serde_json::Value),
}

pub(super) fn wire<'a>(context: &mut Context<'a>) -> Result<Tools<'a>, Refused> {
    let request = context.request;
    let mut tools = Vec::with_capacity(request.tools.len());
    for tool in &request.tools {
        tools.extend(definition(context, tool)?);
    }
    Ok(Tools {
        choice: choice(context)?,
        tools,
        parallel: request.parallel_tool_calls,
    })
}

fn definition(context: &mut Context<'_>, tool: &Tool) -> Result<Option<Json>, Refused> {
    match tool {
        Tool::Function {
            name,
            description,
            parameters,
            strict,
            cache,
            extra,
            ..
        } => {
            let same = context.same_dialect();
            context.marks(cache.as_ref())?;
            for (name, _) in extra.iter().filter(|_| !same) {
                context.cannot(Feature::ToolExtras, Some(name))?;
            }
            Ok(Some(write::object_json(|o| {
                o.put("type", "function");
                o.object("function", |o| {
                    o.put("name", &RULE.fit(name));
                    o.opt("description", description.as_deref());
                    o.opt_raw("parameters", parameters.as_ref());
                    o.opt("strict", *strict);
                    for (name, value) in extra.iter().filter(|_| same) {
                        o.raw(name, value);
                    }
                });
                o.opt(
                    "cache_control",
                    cache.as_ref().filter(|_| same).map(Ephemeral::of),
                );
            })))
        }
        Tool::Custom {
            name,
            description,
            format,
        } => {
            let kept = keeps_custom(context);
            Ok(Some(write::object_json(|o| {
                let kind = if kept { "custom" } else { "function" };
                o.put("type", kind);
                o.object(kind, |o| {
                    o.put("name", &RULE.fit(name));
                    o.opt("description", description.as_deref());
                    if kept {
                        o.opt_raw("format", format.as_ref().map(nested).as_ref());
                    } else {
                        o.raw("parameters", &custom_tool::parameters());
                    }
                });
            })))
        }
        Tool::Provider {
            family,
            kind,
            definition,
            ..
        } => {
            if *family == Dialect::OpenaiChat && context.same_dialect() {
                return Ok(Some(definition.clone()));
            }
            context.cannot(Feature::ProviderTools, Some(kind))?;
            Ok(None)
        }
    }
}

/// Whether custom tools are sent as such: OpenAI's own models know them, nobody else's do.
pub(super) fn keeps_custom(context: &Context<'_>) -> bool {
    context.is_openai() || context.same_dialect()
}

/// A custom tool's grammar stands one level deeper here than in the Responses API.
fn nested(format: &Json) -> Json {
    let flat = || {
        let mut o = format.node().object().ok()?;
        if o.string("type").ok()??.as_str() != "grammar" || o.take("grammar").is_some() {
            return None;
        }
        let (definition, syntax) = (o.json("definition")?, o.json("syntax")?);
        Some(write::object_json(|o| {
            o.put("type", "grammar");
            o.object("grammar", |o| {
                o.raw("definition", &definition);
                o.raw("syntax", &syntax);
            });
        }))
    };
    flat().unwrap_or_else(|| format.clone())
}

fn choice<'a>(context: &mut Context<'a>) -> Result<Option<Choice<'a>>, Refused> {
    let Some(choice) = &context.request.tool_choice else {
        return Ok(None);
    };
    Ok(Some(match choice {
        ToolChoice::Auto => Choice::Word("auto"),
        ToolChoice::None => Choice::Word("none"),
        ToolChoice::Required => Choice::Word("required"),
        ToolChoice::Named(name) => {
            let tool = context
                .request
                .tools
                .iter()
                .find(|t| t.name() == Some(name));
            let kind = match tool {
                Some(Tool::Provider { .. }) => {
                    context.cannot(Feature::ProviderToolChoice, Some(name))?;
                    return Ok(None);
                }
                Some(Tool::Custom { .. }) if keeps_custom(context) => "custom",
                _ => "function",
            };
            Choice::Named(serde_json::json!({"type": kind, kind: {"name": RULE.fit(name)}}))
        }
        ToolChoice::Other { family, value } => {
            if *family == Dialect::OpenaiChat && context.same_dialect() {
                return Ok(Some(Choice::AsItCame(value)));
            }
            if let Some(allowed) = allowed_tools(value) {
                return Ok(Some(Choice::Named(allowed)));
            }
            context.cannot(Feature::ProviderToolChoice, None)?;
            return Ok(None);
        }
    }))
}

/// The Responses API's list of allowed functions, in the form of this one.
fn allowed_tools(value: &Json) -> Option<serde_json::Value> {
    let mut o = value.node().object().ok()?;
    if o.string("type").ok()??.as_str() != "allowed_tools" {
        return None;
    }
    let mode = o.string("mode").ok().flatten();
    let mut tools = Vec::new();
    for tool in o.array("tools").ok()? {
        let mut tool = tool.object().ok()?;
        if tool.string("type").ok()??.as_str() != "function" {
            return None;
        }
        let name = RULE.fit(&tool.string("name").ok()??);
        tools.push(serde_json::json!({"type": "function", "function": {"name": name}}));
    }
    Some(serde_json::json!({
        "type": "allowed_tools",
        "allowed_tools": {"mode": mode.as_deref().unwrap_or("auto"), "tools": tools},
    }))
}
