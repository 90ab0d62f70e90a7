//! A request for an Anthropic upstream, whatever dialect it came in. Everything that can fail is
//! decided first; the body is then written in one go.

use domain::Dialect;

use super::{
    super::block,
    message,
    parts::{Admission, is_blank},
    sampling::{self, Sampling},
    thinking::{self, Conversation, Mode, Plan},
    tools,
    turns::{self, Turns},
};
use crate::{
    claude::{Claude, schema},
    ir::{
        CacheMark, Feature, Losses, Message, OutputFormat, Part, Refused, Request, ToolNames,
        names::NameRule,
    },
    node::Json,
    translate::{Encoded, Target},
    write::{self, ObjectWriter},
};

const TARGET: Dialect = Dialect::AnthropicMessages;

const JSON_ONLY: &str = "Answer with one JSON object and nothing else: no words around it and no \
                         code fence.";

/// Writes the body of `POST /v1/messages`.
///
/// # Errors
/// It asks for something that Anthropic does not have and that the answer would not be right without.
pub fn encode(request: &Request, target: &Target<'_>) -> Result<Encoded, Refused> {
    let claude = Claude::named(target.model).unwrap_or(Claude::UNKNOWN);
    let mut losses = Losses::default();
    sampling::placeless(request, &mut losses)?;
    let (instructions, messages) = request.split_instructions();
    let admission = Admission::of(request);
    let mut system = system_texts(instructions, &mut losses)?;
    let mut turns = if messages.is_empty() {
        // Instructions alone are a question elsewhere; here somebody has to ask.
        let asked = system.pop().map(|said| said.text.into_owned());
        Turns(vec![turns::first_turn_of(asked.into_iter().collect())])
    } else {
        Turns::of(messages, admission, claude.mid_system(), &mut losses)?
    };
    let offers = tools::offers(request, claude, &mut losses)?;
    let conversation = Conversation {
        forced: offers.forced(),
        prefilled: turns.prefilled(),
        unthought_calls: turns.unthought_calls(),
    };
    let default = target.default_max_output_tokens;
    let plan = thinking::plan(request, claude, default, conversation, &mut losses)?;
    if !plan.mode.thinks() {
        turns.drop_thinking_at_the_end();
    }
    let sent = sampling::sampling(request, claude, plan.mode.thinks(), &mut losses)?;
    let format = output_format(request, claude, &mut system, &mut losses)?;
    let stops = sampling::stops(request, &mut losses)?;
    let user = sampling::user(request, &mut losses)?;

    let mut body = Vec::new();
    write::object(&mut body, |o| {
        o.put("model", target.model);
        o.put("max_tokens", &plan.max_tokens);
        write_system(o, &system);
        o.array("messages", |a| {
            turns.0.iter().for_each(|turn| message::write(a, turn))
        });
        offers.write(o, request.parallel_tool_calls);
        write_thinking(o, &plan);
        write_output_config(o, request, &plan, format.as_ref());
        write_sampling(o, sent);
        if !stops.is_empty() {
            o.put("stop_sequences", &stops);
        }
        write_metadata(o, request, user);
        let tier = request.service_tier.and_then(sampling::service_tier);
        o.opt("service_tier", tier);
        block::cache(o, request.cache.as_ref());
        if request.source == TARGET {
            let rest = request
                .extra
                .iter()
                .filter(|(key, _)| key != "output_config");
            rest.for_each(|(key, value)| o.raw(key, value));
        }
        if target.stream {
            o.put("stream", &true);
        }
    });
    Ok(Encoded {
        body,
        losses,
        names: ToolNames::of(request, NameRule::LONG),
    })
}

/// A text of the system's.
#[derive(Clone, Debug)]
struct Said<'r> {
    text: std::borrow::Cow<'r, str>,
    cache: Option<&'r CacheMark>,
}

fn system_texts<'r>(
    instructions: &'r [Message],
    losses: &mut Losses,
) -> Result<Vec<Said<'r>>, Refused> {
    let mut texts = Vec::new();
    for part in instructions.iter().flat_map(|message| &message.parts) {
        match part {
            Part::Text { text, cache, .. } if !is_blank(text) => texts.push(Said {
                text: text.into(),
                cache: cache.as_ref(),
            }),
            Part::Text { .. } => {}
            _ => losses.cannot(
                Feature::UnknownFields,
                TARGET,
                Some("other than text in system"),
            )?,
        }
    }
    Ok(texts)
}

fn output_format(
    request: &Request,
    claude: Claude,
    system: &mut Vec<Said<'_>>,
    losses: &mut Losses,
) -> Result<Option<Json>, Refused> {
    let mut instruct = |text: String| {
        system.push(Said {
            text: text.into(),
            cache: None,
        });
    };
    match &request.output_format {
        None | Some(OutputFormat::Text) => Ok(None),
        Some(OutputFormat::JsonObject) => {
            instruct(JSON_ONLY.to_owned());
            Ok(None)
        }
        Some(OutputFormat::JsonSchema { schema, .. }) if !claude.structured_output() => {
            instruct(format!("{JSON_ONLY} It follows this JSON Schema: {schema}"));
            Ok(None)
        }
        Some(OutputFormat::JsonSchema { schema, .. }) => {
            let schema = if request.source == TARGET {
                schema.clone()
            } else {
                schema::closed(schema)
            };
            Ok(Some(write::object_json(|o| {
                o.put("type", "json_schema");
                o.raw("schema", &schema);
            })))
        }
        Some(OutputFormat::Other { family, value }) if *family == TARGET => Ok(Some(value.clone())),
        Some(OutputFormat::Other { .. }) => {
            losses.cannot(Feature::OutputGrammar, TARGET, None)?;
            Ok(None)
        }
    }
}

fn write_system(o: &mut ObjectWriter<'_>, system: &[Said<'_>]) {
    match system {
        [] => {}
        [Said { text, cache: None }] => o.put("system", text),
        several => o.array("system", |a| {
            for said in several {
                block::text(a, &said.text, &[], said.cache);
            }
        }),
    }
}

fn write_thinking(o: &mut ObjectWriter<'_>, plan: &Plan) {
    let (word, budget) = match plan.mode {
        Mode::Unsaid => return,
        Mode::Disabled => ("disabled", None),
        Mode::Adaptive => ("adaptive", None),
        Mode::Budget(tokens) => ("enabled", Some(tokens)),
    };
    o.object("thinking", |o| {
        o.put("type", word);
        o.opt("budget_tokens", budget);
        o.opt("display", plan.display.as_deref());
    });
}

fn write_output_config(
    o: &mut ObjectWriter<'_>,
    request: &Request,
    plan: &Plan,
    format: Option<&Json>,
) {
    let kept = request
        .extra
        .iter()
        .find(|(key, _)| key == "output_config" && request.source == TARGET)
        .and_then(|(_, value)| value.node().object().ok())
        .map(|members| members.rest())
        .unwrap_or_default();
    if plan.effort.is_none() && format.is_none() && kept.is_empty() {
        return;
    }
    o.object("output_config", |o| {
        o.opt("effort", plan.effort);
        o.opt_raw("format", format);
        kept.iter().for_each(|(key, value)| o.raw(key, value));
    });
}

fn write_sampling(o: &mut ObjectWriter<'_>, sent: Sampling) {
    o.opt("temperature", sent.temperature);
    o.opt("top_p", sent.top_p);
    o.opt("top_k", sent.top_k);
}

fn write_metadata(o: &mut ObjectWriter<'_>, request: &Request, user: Option<&str>) {
    let labels: &[_] = if request.source == TARGET {
        &request.metadata
    } else {
        &[]
    };
    if user.is_none() && labels.is_empty() {
        return;
    }
    o.object("metadata", |o| {
        o.opt("user_id", user);
        labels.iter().for_each(|(key, value)| o.put(key, value));
    });
}
