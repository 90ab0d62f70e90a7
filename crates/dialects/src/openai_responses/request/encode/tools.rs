//! Writes tools and the choice among them.

use super::{ME, NAMES};
use crate::{
    ir::{Feature, Losses, Refused, Request, Tool, ToolChoice},
    json,
    node::{Json, Kind},
    write::{self, ObjectWriter},
};

/// Writes the array of tools, and tells whether there is one.
pub(super) fn write(
    request: &Request,
    own: bool,
    losses: &mut Losses,
) -> Result<(Vec<u8>, bool), Refused> {
    let mut out = vec![b'['];
    for tool in &request.tools {
        match tool {
            Tool::Function { extra, .. } if !own => {
                for (name, _) in extra {
                    losses.cannot(Feature::ToolExtras, ME, Some(name))?;
                }
            }
            Tool::Provider { family, kind, .. } if *family != ME => {
                losses.cannot(Feature::ProviderTools, ME, Some(kind))?;
                continue;
            }
            _ => {}
        }
        if out.len() > 1 {
            out.push(b',');
        }
        if let Tool::Provider { definition, .. } = tool {
            out.extend_from_slice(definition.as_str().as_bytes());
        } else {
            write::object(&mut out, |o| one(tool, own, o));
        }
    }
    out.push(b']');
    let any = out.len() > 2;
    Ok((out, any))
}

fn one(tool: &Tool, own: bool, o: &mut ObjectWriter<'_>) {
    match tool {
        Tool::Function {
            name,
            description,
            parameters,
            strict,
            extra,
            ..
        } => {
            o.put("type", "function");
            o.put("name", &NAMES.fit(name));
            o.opt(
                "description",
                description.as_deref().filter(|d| !d.is_empty()),
            );
            o.raw("parameters", &schema(parameters.as_ref()));
            // Left out, it means true here and false everywhere else.
            match strict {
                Some(strict) => o.put("strict", strict),
                None if own => {}
                None => o.put("strict", &false),
            }
            for (name, value) in extra.iter().filter(|_| own) {
                o.raw(name, value);
            }
        }
        Tool::Custom {
            name,
            description,
            format,
        } => {
            o.put("type", "custom");
            o.put("name", &NAMES.fit(name));
            o.opt("description", description.as_deref());
            o.opt_raw("format", format.as_ref().map(flat_grammar).as_ref());
        }
        Tool::Provider { .. } => {}
    }
}

/// The schema with `properties`, without which the API refuses that of an object.
fn schema(parameters: Option<&Json>) -> Json {
    let empty = || {
        write::object_json(|o| {
            o.put("type", "object");
            o.object("properties", |_| {});
        })
    };
    let Some(schema) = parameters else {
        return empty();
    };
    let mut plain_object = false;
    for member in json::members(schema.as_str().as_bytes()).map_while(Result::ok) {
        match &*member.key {
            "properties" | "$ref" | "anyOf" | "oneOf" | "allOf" => return schema.clone(),
            "type" => plain_object = true,
            _ => {}
        }
    }
    match schema.node().object() {
        Ok(members) if plain_object => write::object_json(|o| {
            for (name, value) in members.rest() {
                o.raw(&name, &value);
            }
            o.object("properties", |_| {});
        }),
        Ok(members) if members.clone().rest().is_empty() => empty(),
        _ => schema.clone(),
    }
}

/// The grammar of a custom tool, which Chat Completions nests and this dialect has flat.
fn flat_grammar(format: &Json) -> Json {
    let Ok(mut object) = format.node().object() else {
        return format.clone();
    };
    let Some(grammar) = object.take("grammar").filter(|g| g.kind() == Kind::Object) else {
        return format.clone();
    };
    let members = grammar.object().map(crate::node::Object::rest);
    write::object_json(|o| {
        o.put("type", "grammar");
        for (name, value) in members.unwrap_or_default() {
            o.raw(&name, &value);
        }
    })
}

/// `tool_choice`, where the request makes one.
pub(super) fn choice(request: &Request, losses: &mut Losses) -> Result<Option<Json>, Refused> {
    Ok(match &request.tool_choice {
        None => None,
        Some(ToolChoice::Auto) => Some(Json::of("auto")),
        Some(ToolChoice::None) => Some(Json::of("none")),
        Some(ToolChoice::Required) => Some(Json::of("required")),
        Some(ToolChoice::Named(name)) => {
            let custom = request
                .tools
                .iter()
                .any(|tool| matches!(tool, Tool::Custom { .. }) && tool.name() == Some(name));
            Some(write::object_json(|o| {
                o.put("type", if custom { "custom" } else { "function" });
                o.put("name", &NAMES.fit(name));
            }))
        }
        Some(ToolChoice::Other { family, value }) if *family == ME => Some(value.clone()),
        Some(ToolChoice::Other { .. }) => {
            losses.cannot(Feature::ProviderToolChoice, ME, Some("tool_choice"))?;
            None
        }
    })
}
