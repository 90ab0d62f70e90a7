//! The tools of a request and the choice among them. The service wants a definition of some tool
//! wherever the conversation has calls or results, so that those of earlier turns are declared by
//! what is known of them where the client offers none any more.

use std::borrow::Cow;

use domain::Dialect;

use super::{HERE, block::cache_ttl, turns::Conversation};
use crate::{
    anthropic_messages::request::allowed::{self, Allowed},
    bedrock_converse::model::Family,
    claude,
    ir::{Feature, Losses, Refused, Request, Tool, ToolChoice, names::NameRule},
    node::{Json, Kind},
    write::{self, ObjectWriter},
};

/// The one parameter of a function that stands for a custom tool.
pub const CUSTOM_INPUT: &str = "input";

/// Converse's `toolConfig`, never without a tool.
#[derive(Debug)]
pub struct ToolConfig<'r> {
    entries: Vec<Entry<'r>>,
    choice: Option<Choice>,
    /// Claude is to make one call at most.
    one_call: bool,
}

#[derive(Debug)]
enum Entry<'r> {
    Spec {
        name: String,
        description: Option<Cow<'r, str>>,
        schema: Json,
        strict: bool,
    },
    CachePoint {
        ttl: Option<&'r str>,
    },
}

#[derive(Debug)]
enum Choice {
    Auto,
    Any,
    Tool(String),
}

impl<'r> ToolConfig<'r> {
    /// `None`: no tool is offered, and the conversation knows of none.
    pub fn of(
        request: &'r Request,
        family: Family,
        conversation: &Conversation<'_>,
        losses: &mut Losses,
    ) -> Result<Option<Self>, Refused> {
        // The service has no such choice. The calls of the conversation have become text.
        if request.tool_choice == Some(ToolChoice::None) {
            return Ok(None);
        }
        let mut config = Self {
            entries: Vec::new(),
            choice: None,
            one_call: false,
        };
        let allowed = match &request.tool_choice {
            Some(ToolChoice::Other { value, .. }) => allowed::allowed(value),
            _ => None,
        };
        let may = |tool: &&Tool| {
            let Some(allowed) = &allowed else { return true };
            tool.name()
                .is_some_and(|name| allowed.names.iter().any(|n| n == name))
        };
        for tool in request.tools.iter().filter(may) {
            config.offer(tool, request.source, family, losses)?;
        }
        let offered = !config.entries.is_empty();
        config.choice = choice(request, allowed.as_ref(), offered, losses)?;
        if !offered {
            for name in conversation.called() {
                config.entries.push(Entry::Spec {
                    name: name.to_owned(),
                    description: None,
                    schema: open_schema(),
                    strict: false,
                });
            }
        }
        if config.entries.is_empty() {
            return Ok(None);
        }
        if offered && request.parallel_tool_calls == Some(false) {
            config.one_call = family.claude().is_some();
            if !config.one_call {
                losses.cannot(Feature::ParallelOff, HERE, None)?;
            }
        }
        Ok(Some(config))
    }

    fn offer(
        &mut self,
        tool: &'r Tool,
        source: Dialect,
        family: Family,
        losses: &mut Losses,
    ) -> Result<(), Refused> {
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
                for (name, _) in extra {
                    losses.cannot(Feature::ToolExtras, HERE, Some(name))?;
                }
                let strict = *strict == Some(true);
                let keeps = family.claude().is_some() && family.structures_output();
                if strict && !keeps {
                    losses.cannot(Feature::StrictTools, HERE, None)?;
                }
                let mut schema = object_schema(parameters.as_ref());
                // Only Claude keeps to a tool's schema here, and only to one that Anthropic compiles.
                if strict && keeps && source != Dialect::AnthropicMessages {
                    schema = claude::schema::closed(&schema);
                }
                self.spec(
                    name,
                    description.as_deref().map(Cow::Borrowed),
                    schema,
                    strict && keeps,
                );
                if let Some(mark) = cache {
                    // Nova caches messages and instructions, but no tools.
                    if family.claude().is_none() {
                        losses.cannot(Feature::CacheMarks, HERE, None)?;
                    } else {
                        let ttl = cache_ttl(family, mark, losses)?;
                        let ttl = mark.ttl.as_deref().filter(|_| ttl);
                        // A tool that is defined twice is sent once.
                        if matches!(self.entries.last(), Some(Entry::Spec { .. })) {
                            self.entries.push(Entry::CachePoint { ttl });
                        }
                    }
                }
            }
            Tool::Custom {
                name,
                description,
                format,
            } => {
                let description = custom_description(description.as_deref(), format.as_ref());
                self.spec(name, description.map(Cow::Owned), custom_schema(), false);
            }
            Tool::Provider { kind, .. } => {
                losses.cannot(Feature::ProviderTools, HERE, Some(kind))?;
            }
        }
        Ok(())
    }

    fn spec(&mut self, name: &str, description: Option<Cow<'r, str>>, schema: Json, strict: bool) {
        let fitted = NameRule::SHORT.fit(name);
        let known = self
            .entries
            .iter()
            .any(|entry| matches!(entry, Entry::Spec { name, .. } if *name == fitted));
        if !known {
            self.entries.push(Entry::Spec {
                name: fitted,
                description: description.filter(|text| !text.trim().is_empty()),
                schema,
                strict,
            });
        }
    }

    /// Whether the model has to make a call.
    pub const fn forces(&self) -> bool {
        matches!(self.choice, Some(Choice::Any | Choice::Tool(_)))
    }

    /// Claude's own field for at most one call, which Converse's choice has no place for.
    pub fn claude_choice(&self) -> Option<(&'static str, Json)> {
        self.one_call.then(|| {
            let choice = write::object_json(|o| {
                match &self.choice {
                    None | Some(Choice::Auto) => o.put("type", "auto"),
                    Some(Choice::Any) => o.put("type", "any"),
                    Some(Choice::Tool(name)) => {
                        o.put("type", "tool");
                        o.put("name", name);
                    }
                }
                o.put("disable_parallel_tool_use", &true);
            });
            ("tool_choice", choice)
        })
    }

    /// Writes the members of `toolConfig`.
    pub fn write(&self, o: &mut ObjectWriter<'_>) {
        o.array("tools", |a| {
            for entry in &self.entries {
                a.object(|o| match entry {
                    Entry::Spec {
                        name,
                        description,
                        schema,
                        strict,
                    } => o.object("toolSpec", |o| {
                        o.put("name", name);
                        o.opt("description", description.as_deref());
                        o.object("inputSchema", |o| o.raw("json", schema));
                        o.opt("strict", strict.then_some(true));
                    }),
                    Entry::CachePoint { ttl } => o.object("cachePoint", |o| {
                        o.put("type", "default");
                        o.opt("ttl", *ttl);
                    }),
                });
            }
        });
        match &self.choice {
            None => {}
            Some(Choice::Auto) => {
                o.object("toolChoice", |o| o.object("auto", |_| {}));
            }
            Some(Choice::Any) => {
                o.object("toolChoice", |o| o.object("any", |_| {}));
            }
            Some(Choice::Tool(name)) => {
                o.object("toolChoice", |o| o.object("tool", |o| o.put("name", name)));
            }
        }
    }
}

fn choice(
    request: &Request,
    allowed: Option<&Allowed>,
    offered: bool,
    losses: &mut Losses,
) -> Result<Option<Choice>, Refused> {
    let is_provided = |wanted: &str| {
        request
            .tools
            .iter()
            .any(|tool| matches!(tool, Tool::Provider { .. }) && tool.name() == Some(wanted))
    };
    match &request.tool_choice {
        Some(ToolChoice::Other { .. })
            if allowed.is_none_or(|allowed| allowed.required && !offered) =>
        {
            losses.cannot(Feature::ProviderToolChoice, HERE, Some("tool_choice"))?;
        }
        Some(ToolChoice::Named(name)) if is_provided(name) => {
            losses.cannot(Feature::ProviderToolChoice, HERE, Some(name))?;
        }
        Some(ToolChoice::Required) if !offered && !request.tools.is_empty() => {
            losses.cannot(Feature::ProviderToolChoice, HERE, Some("tool_choice"))?;
        }
        _ => {}
    }
    Ok(match &request.tool_choice {
        Some(ToolChoice::Auto) if offered => Some(Choice::Auto),
        Some(ToolChoice::Required) if offered => Some(Choice::Any),
        Some(ToolChoice::Other { .. }) if offered => allowed.map(|allowed| {
            if allowed.required {
                Choice::Any
            } else {
                Choice::Auto
            }
        }),
        Some(ToolChoice::Named(name)) if offered => Some(Choice::Tool(NameRule::SHORT.fit(name))),
        _ => None,
    })
}

fn open_schema() -> Json {
    write::object_json(|o| {
        o.put("type", "object");
        o.object("properties", |_| {});
    })
}

fn custom_schema() -> Json {
    write::object_json(|o| {
        o.put("type", "object");
        o.object("properties", |o| {
            o.object(CUSTOM_INPUT, |o| o.put("type", "string"));
        });
        o.put("required", &[CUSTOM_INPUT]);
    })
}

/// The description, with the grammar that the text has to follow, since nothing here enforces it.
fn custom_description(description: Option<&str>, format: Option<&Json>) -> Option<String> {
    let grammar = format.and_then(|format| {
        let mut format = format.node().object().ok()?;
        // The grammar stands beside its type, or in an object of its own.
        let mut grammar = format.object("grammar").ok().flatten().unwrap_or(format);
        let definition = grammar.string("definition").ok().flatten()?;
        let syntax = grammar.string("syntax").ok().flatten().unwrap_or_default();
        Some(format!(
            "The text in \"{CUSTOM_INPUT}\" follows this {syntax} grammar:\n{definition}"
        ))
    });
    let said: Vec<&str> = description.into_iter().chain(grammar.as_deref()).collect();
    (!said.is_empty()).then(|| said.join("\n\n"))
}

/// The schema, as one of an object, which the service insists on.
fn object_schema(parameters: Option<&Json>) -> Json {
    let Some(schema) = parameters.filter(|schema| schema.node().kind() == Kind::Object) else {
        return open_schema();
    };
    let Ok(mut members) = schema.node().object() else {
        return schema.clone();
    };
    let kind = members.take("type");
    if kind.is_some_and(|kind| kind.string().is_ok_and(|kind| kind == "object")) {
        return schema.clone();
    }
    let rest = members.rest();
    write::object_json(|o| {
        o.put("type", "object");
        for (name, value) in &rest {
            o.raw(name, value);
        }
    })
}
