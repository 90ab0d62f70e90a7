//! The conversation as an upstream gets it. Results of tools come as messages of their own directly
//! behind the calls, which is where OpenAI insists on them; what a result holds besides text follows
//! in a message of the user.

use std::borrow::Cow;

use domain::Dialect;
use serde::Serialize;

use super::{
    Context, RULE,
    content::{Content, Piece},
    tools,
};
use crate::{
    anthropic_messages::plain,
    ir::{Feature, Message, Part, Refused, Role, ToolCallKind},
    node::Json,
    openai_chat::{custom_tool, reasoning},
    translate::ReasoningField,
};

/// What a result that is an error begins with; there is no member that says so.
const ERROR: &str = "[tool error]";

#[derive(Debug, Serialize)]
pub(super) struct WireMessage<'a> {
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<reasoning::Entry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<&'a Json>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<&'a Json>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

impl<'a> WireMessage<'a> {
    fn new(context: &Context<'a>, role: &'static str, content: Content<'a>) -> Self {
        Self {
            role: context.quirks().role(role),
            name: None,
            tool_call_id: None,
            content,
            refusal: None,
            reasoning_content: None,
            reasoning: None,
            reasoning_details: Vec::new(),
            audio: None,
            annotations: Vec::new(),
            tool_calls: Vec::new(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Call<'a> {
    id: String,
    #[serde(flatten)]
    called: Called<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<Json>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Called<'a> {
    Function { function: Function<'a> },
    Custom { custom: Custom<'a> },
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: String,
    arguments: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
struct Custom<'a> {
    name: String,
    input: &'a str,
}

pub(super) fn wire<'a>(context: &mut Context<'a>) -> Result<Vec<WireMessage<'a>>, Refused> {
    let mut out = Vec::with_capacity(context.request.messages.len());
    for run in runs(&context.request.messages) {
        if let [message] = run
            && message.role == Role::Assistant
        {
            out.extend(assistant(context, message)?);
        } else {
            input(context, run, &mut out)?;
        }
    }
    Ok(out)
}

/// Each message of the assistant, and all that stands between two of them.
fn runs(messages: &[Message]) -> impl Iterator<Item = &[Message]> {
    messages.chunk_by(|a, b| a.role != Role::Assistant && b.role != Role::Assistant)
}

/// What the assistant is told at one time: first the results that it waits for, then the rest.
fn input<'a>(
    context: &mut Context<'a>,
    run: &'a [Message],
    out: &mut Vec<WireMessage<'a>>,
) -> Result<(), Refused> {
    let mut attached = Vec::new();
    for part in run.iter().flat_map(|message| &message.parts) {
        if let Part::ToolResult { .. } = part {
            out.extend(result(context, part, &mut attached)?);
        }
    }
    if !attached.is_empty() {
        let mut content = content(context);
        content.append(&mut attached);
        out.push(WireMessage::new(context, "user", content));
    }
    for message in run {
        let mut content = content(context);
        let mut results = false;
        for part in &message.parts {
            results |= matches!(part, Part::ToolResult { .. });
            if !content.add(context, part)? {
                strange(context, part)?;
            }
        }
        if results && content.is_empty() {
            continue;
        }
        let role = match message.role {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User | Role::Assistant => "user",
        };
        out.push(WireMessage {
            name: message.name.as_deref(),
            ..WireMessage::new(context, role, content)
        });
    }
    Ok(())
}

fn content<'a>(context: &Context<'_>) -> Content<'a> {
    Content::new(context.quirks().reasoning == ReasoningField::Content && !context.same_dialect())
}

/// A part that has no business in a message of this side.
fn strange(context: &mut Context<'_>, part: &Part) -> Result<(), Refused> {
    match part {
        Part::Opaque { kind, .. } => context.cannot(Feature::ProviderBlocks, Some(kind)),
        Part::Thinking { .. } => context.cannot(Feature::Thinking, None),
        _ => Ok(()),
    }
}

fn result<'a>(
    context: &mut Context<'a>,
    part: &'a Part,
    attached: &mut Vec<Piece<'a>>,
) -> Result<Option<WireMessage<'a>>, Refused> {
    let Part::ToolResult {
        id,
        parts,
        is_error,
        cache,
        ..
    } = part
    else {
        return Ok(None);
    };
    context.marks(cache.as_ref())?;
    let id = RULE.fit(id);
    let mut text = content(context);
    let mut media = content(context);
    for part in parts {
        let place = if is_text(part) { &mut text } else { &mut media };
        if !place.add(context, part)? {
            strange(context, part)?;
        }
    }
    if !media.is_empty() {
        if text.is_empty() {
            text.text("The result is in the next message of the user.");
        }
        let mut label = content(context);
        label.text(format!("From the result of the tool call {id}:"));
        attached.append(&mut label.into_pieces());
        attached.append(&mut media.into_pieces());
    }
    if *is_error {
        text.prefix(ERROR);
    }
    Ok(Some(WireMessage {
        tool_call_id: Some(id),
        ..WireMessage::new(context, "tool", text)
    }))
}

fn is_text(part: &Part) -> bool {
    match part {
        Part::Text { .. } => true,
        Part::Document(document) => plain::document(&document.source).is_some(),
        part => plain::search_result(part).is_some(),
    }
}

fn assistant<'a>(
    context: &mut Context<'a>,
    message: &'a Message,
) -> Result<Option<WireMessage<'a>>, Refused> {
    let mut wire = WireMessage::new(context, "assistant", content(context));
    wire.name = message.name.as_deref();
    let mut thought = String::new();
    let mut parts = message.parts.iter().peekable();
    // A signature that the call behind it carries.
    let mut signature = None;
    while let Some(part) = parts.next() {
        match part {
            Part::ToolCall {
                id,
                name,
                arguments,
                kind,
                cache,
                ..
            } => {
                context.marks(cache.as_ref())?;
                wire.tool_calls.push(Call {
                    id: RULE.fit(id),
                    called: called(context, name, arguments, *kind),
                    extra_content: signature.take(),
                });
            }
            Part::Thinking { text, proof } => {
                let call_follows = matches!(parts.peek(), Some(Part::ToolCall { .. }));
                let carried = reasoning::extra_content_of(part).filter(|_| {
                    call_follows && !context.is_openai() && context.quirks().takes("extra_content")
                });
                if carried.is_some() {
                    signature = carried;
                } else {
                    thinking(context, text, proof.as_ref(), &mut wire)?;
                    thought.push_str(text);
                }
            }
            Part::Refusal(text) if context.is_openai() || context.same_dialect() => {
                wire.refusal.get_or_insert_default().push_str(text);
            }
            Part::Refusal(text) => wire.content.text(text),
            Part::Opaque {
                family: Dialect::OpenaiChat,
                kind,
                value,
            } if kind == "audio" && context.same_dialect() => wire.audio = Some(value),
            part => {
                if let Part::Text { citations, .. } = part
                    && context.same_dialect()
                {
                    wire.annotations.extend(citations);
                }
                if !wire.content.add(context, part)? {
                    strange(context, part)?;
                }
            }
        }
    }
    let thought = Some(thought).filter(|text| !text.is_empty());
    match context.quirks().reasoning {
        ReasoningField::Content => wire.reasoning_content = thought,
        ReasoningField::Reasoning => wire.reasoning = thought,
        ReasoningField::None => {}
    }
    let said = !wire.tool_calls.is_empty() || wire.refusal.is_some() || wire.audio.is_some();
    wire.content.nullable = said;
    Ok((said || !wire.content.is_empty()).then_some(wire))
}

/// Notes what of a part of thinking does not reach the upstream, and keeps the proofs that do.
fn thinking<'a>(
    context: &mut Context<'a>,
    text: &'a str,
    proof: Option<&'a crate::ir::Proof>,
    wire: &mut WireMessage<'a>,
) -> Result<(), Refused> {
    let field = context.quirks().reasoning;
    if proof.is_some() {
        // OpenRouter gives proofs in this member, and wants them back in it.
        if field == ReasoningField::Reasoning && context.quirks().takes("reasoning_details") {
            let index = u64::try_from(wire.reasoning_details.len()).unwrap_or(u64::MAX);
            let details = reasoning::details(text, proof, index);
            wire.reasoning_details.extend(details);
        } else {
            context.cannot(Feature::ForeignProof, None)?;
        }
    } else if field == ReasoningField::None && !text.is_empty() {
        context.cannot(Feature::Thinking, None)?;
    }
    Ok(())
}

fn called<'a>(
    context: &Context<'_>,
    name: &str,
    arguments: &'a str,
    kind: ToolCallKind,
) -> Called<'a> {
    let name = RULE.fit(name);
    match kind {
        ToolCallKind::Custom if tools::keeps_custom(context) => Called::Custom {
            custom: Custom {
                name,
                input: arguments,
            },
        },
        ToolCallKind::Custom => Called::Function {
            function: Function {
                name,
                arguments: custom_tool::wrap(arguments).into(),
            },
        },
        ToolCallKind::Function => Called::Function {
            function: Function {
                name,
                arguments: match arguments {
                    "" => "{}".into(),
                    arguments => arguments.into(),
                },
            },
        },
    }
}
