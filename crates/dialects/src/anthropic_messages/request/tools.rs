//! Tools and the choice among them. Anthropic's own tools go as they came; what other providers run
//! themselves cannot be called here.

use domain::Dialect;

use super::{
    super::block,
    allowed::{self, Allowed},
    parameters,
};
use crate::{
    claude::{Claude, schema},
    ir::{
        CacheMark, Feature, Losses, Message, Part, Refused, Request, Tool, ToolChoice,
        names::NameRule,
    },
    node::Json,
    write::{self, ArrayWriter, ObjectWriter},
};

const TARGET: Dialect = Dialect::AnthropicMessages;

/// A tool as it is sent.
#[derive(Clone, Debug)]
pub(super) enum Offer<'r> {
    Function {
        name: String,
        description: Option<&'r str>,
        input_schema: Json,
        strict: Option<bool>,
        cache: Option<&'r CacheMark>,
        extra: &'r [(String, Json)],
    },
    /// Anthropic's own.
    Provider(&'r Json),
}

/// Which tools, and which of them.
#[derive(Clone, Debug)]
pub(super) struct Offers<'r> {
    pub tools: Vec<Offer<'r>>,
    pub choice: Option<Choice<'r>>,
}

#[derive(Clone, Debug)]
pub(super) enum Choice<'r> {
    Word(&'static str),
    Named(String),
    Other(&'r Json),
}

/// # Errors
/// The table of features says that the request is refused.
pub(super) fn offers<'r>(
    request: &'r Request,
    claude: Claude,
    losses: &mut Losses,
) -> Result<Offers<'r>, Refused> {
    let allowed = match &request.tool_choice {
        Some(ToolChoice::Other { family, value }) if *family != TARGET => allowed::allowed(value),
        _ => None,
    };
    let mut tools = Vec::with_capacity(request.tools.len());
    for tool in &request.tools {
        let may = allowed.as_ref().is_none_or(|allowed| {
            tool.name()
                .is_some_and(|name| allowed.names.iter().any(|n| n == name))
        });
        if may {
            tools.extend(offer(tool, request.source, claude, losses)?);
        }
    }
    let choice = choice(request, allowed.as_ref(), tools.is_empty(), losses)?;
    if tools.is_empty() && request.source != TARGET {
        // Anthropic takes no calls of tools that are not offered; with the choice `none` they stay what
        // they are, a matter of the past.
        let past = called(&request.messages);
        if !past.is_empty() {
            return Ok(Offers {
                tools: past,
                choice: Some(Choice::Word("none")),
            });
        }
    }
    let choice = match choice {
        None if request.parallel_tool_calls == Some(false) => Some(Choice::Word("auto")),
        choice => choice,
    };
    Ok(Offers {
        choice: choice.filter(|_| !tools.is_empty()),
        tools,
    })
}

fn offer<'r>(
    tool: &'r Tool,
    source: Dialect,
    claude: Claude,
    losses: &mut Losses,
) -> Result<Option<Offer<'r>>, Refused> {
    match tool {
        Tool::Function {
            name,
            description,
            parameters,
            strict,
            cache,
            namespace,
            extra,
        } => {
            let own = source == TARGET;
            if !own {
                for (name, _) in extra {
                    losses.cannot(Feature::ToolExtras, TARGET, Some(name))?;
                }
            }
            if namespace.is_some() {
                losses.cannot(Feature::ToolExtras, TARGET, Some("namespace"))?;
            }
            let strict = match strict {
                Some(true) if !own && !claude.structured_output() => {
                    losses.cannot(Feature::StrictTools, TARGET, None)?;
                    None
                }
                // Not being strict is the default.
                Some(false) if !own => None,
                strict => *strict,
            };
            let mut input_schema = parameters::parameters(parameters.as_ref());
            if strict == Some(true) && !own {
                input_schema = schema::closed(&input_schema);
            }
            Ok(Some(Offer::Function {
                name: NameRule::LONG.fit(name),
                description: description.as_deref().filter(|d| !d.trim().is_empty()),
                input_schema,
                strict,
                cache: cache.as_ref(),
                extra: if own { extra } else { &[] },
            }))
        }
        Tool::Custom {
            name, description, ..
        } => Ok(Some(Offer::Function {
            name: NameRule::LONG.fit(name),
            description: description.as_deref().filter(|d| !d.trim().is_empty()),
            input_schema: free_text(),
            strict: None,
            cache: None,
            extra: &[],
        })),
        Tool::Provider {
            family,
            kind,
            definition,
            ..
        } => {
            if *family == TARGET {
                return Ok(Some(Offer::Provider(definition)));
            }
            losses.cannot(Feature::ProviderTools, TARGET, Some(kind))?;
            Ok(None)
        }
    }
}

fn free_text() -> Json {
    write::object_json(|o| {
        o.put("type", "object");
        o.object("properties", |o| {
            o.object("input", |o| o.put("type", "string"));
        });
        o.array("required", |a| a.put("input"));
        o.put("additionalProperties", &false);
    })
}

fn choice<'r>(
    request: &'r Request,
    allowed: Option<&Allowed>,
    nothing_offered: bool,
    losses: &mut Losses,
) -> Result<Option<Choice<'r>>, Refused> {
    let Some(choice) = &request.tool_choice else {
        return Ok(None);
    };
    let lost_tool = |name: Option<&str>| {
        request.tools.iter().any(|tool| {
            matches!(tool, Tool::Provider { family, .. } if *family != TARGET)
                && name.is_none_or(|name| tool.name() == Some(name))
        })
    };
    Ok(match choice {
        ToolChoice::Auto => Some(Choice::Word("auto")),
        ToolChoice::None => Some(Choice::Word("none")),
        ToolChoice::Required => {
            if nothing_offered && lost_tool(None) {
                losses.cannot(Feature::ProviderToolChoice, TARGET, Some("tool_choice"))?;
            }
            Some(Choice::Word("any"))
        }
        ToolChoice::Named(name) => {
            if lost_tool(Some(name)) {
                losses.cannot(Feature::ProviderToolChoice, TARGET, Some("tool_choice"))?;
            }
            Some(Choice::Named(NameRule::LONG.fit(name)))
        }
        ToolChoice::Other { .. } if allowed.is_some_and(|a| a.required) => {
            Some(Choice::Word("any"))
        }
        ToolChoice::Other { .. } if allowed.is_some() => Some(Choice::Word("auto")),
        ToolChoice::Other { family, value } => {
            if *family != TARGET {
                losses.cannot(Feature::ProviderToolChoice, TARGET, Some("tool_choice"))?;
                return Ok(None);
            }
            Some(Choice::Other(value))
        }
    })
}

/// The tools that were called in the conversation, each once.
fn called(messages: &[Message]) -> Vec<Offer<'_>> {
    let mut names: Vec<&str> = Vec::new();
    for part in messages.iter().flat_map(|message| &message.parts) {
        if let Part::ToolCall { name, .. } = part
            && !names.contains(&name.as_str())
        {
            names.push(name);
        }
    }
    names
        .into_iter()
        .map(|name| Offer::Function {
            name: NameRule::LONG.fit(name),
            description: None,
            input_schema: parameters::parameters(None),
            strict: None,
            cache: None,
            extra: &[],
        })
        .collect()
}

impl Offers<'_> {
    /// Some tool has to be called.
    pub(super) fn forced(&self) -> bool {
        matches!(
            self.choice,
            Some(Choice::Word("any") | Choice::Named(_) | Choice::Other(_))
        )
    }

    pub(super) fn write(&self, o: &mut ObjectWriter<'_>, parallel: Option<bool>) {
        if !self.tools.is_empty() {
            o.array("tools", |a| {
                self.tools.iter().for_each(|tool| tool.write(a))
            });
        }
        let Some(choice) = &self.choice else { return };
        if let Choice::Other(value) = choice {
            return o.raw("tool_choice", value);
        }
        o.object("tool_choice", |o| {
            match choice {
                Choice::Word(word) => o.put("type", word),
                Choice::Named(name) => {
                    o.put("type", "tool");
                    o.put("name", name);
                }
                Choice::Other(_) => {}
            }
            let callable = !matches!(choice, Choice::Word("none"));
            if callable && let Some(parallel) = parallel {
                o.put("disable_parallel_tool_use", &!parallel);
            }
        });
    }
}

impl Offer<'_> {
    fn write(&self, a: &mut ArrayWriter<'_>) {
        match self {
            Self::Provider(definition) => a.raw(definition),
            Self::Function {
                name,
                description,
                input_schema,
                strict,
                cache,
                extra,
            } => a.object(|o| {
                o.put("name", name);
                o.opt("description", *description);
                o.raw("input_schema", input_schema);
                o.opt("strict", *strict);
                extra.iter().for_each(|(key, value)| o.raw(key, value));
                block::cache(o, *cache);
            }),
        }
    }
}
