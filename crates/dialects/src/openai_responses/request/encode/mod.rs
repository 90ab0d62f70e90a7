//! Writes a request for an upstream that speaks the Responses API. It is always stateless: thinking
//! comes back encrypted and is sent along again, unless the client itself wants OpenAI to keep it.

mod content;
mod items;
mod reasoning;
mod tools;

use domain::Dialect;

use self::reasoning::Thinking;
use crate::{
    ir::{
        Feature, Losses, OutputFormat, Refused, Request, Role, ServiceTier, ToolNames,
        names::NameRule,
    },
    ir::{Message, Part},
    node::Json,
    translate::{Encoded, Target},
    write::{self, ObjectWriter},
};

pub(super) const ME: Dialect = Dialect::OpenaiResponses;
const NAMES: NameRule = NameRule::SHORT;

/// The least that the API takes as `max_output_tokens`.
const LEAST_TOKENS: u64 = 16;

/// The longest id of a user that the API takes.
const LONGEST_USER: usize = 64;

/// Writes `request` for `target`.
///
/// # Errors
/// The request asks for something that this upstream cannot do, and that the answer would be wrong
/// without.
pub fn encode(request: &Request, target: &Target<'_>) -> Result<Encoded, Refused> {
    let mut losses = Losses::default();
    let own = request.source == ME;
    report_sampling(request, &mut losses)?;
    let (mut instructions, turns) = instructions(&request.messages);
    let mut input = items::write(turns, own, target.quirks, &mut losses)?;
    // The API wants some input; what would be instructions alone is said there.
    if input == b"[]" && instructions.take().is_some() {
        input = items::write(&request.messages, own, target.quirks, &mut losses)?;
    }
    let (tools, any_tools) = tools::write(request, own, &mut losses)?;
    let choice = tools::choice(request, &mut losses)?.filter(|_| any_tools);
    let format = format(request, &mut losses)?;
    report_cache_marks(request, own, &mut losses)?;
    if !own {
        for (name, _) in &request.extra {
            losses.cannot(Feature::UnknownFields, ME, Some(name))?;
        }
    }
    let reasoning = Thinking::of(request);
    let include = reasoning::include(request, own, reasoning.asked, target.model);

    let mut body = Vec::with_capacity(input.len() + tools.len() + 1024);
    write::object(&mut body, |o| {
        let mut o = Members { o, target };
        o.o.put("model", target.model);
        if let Some(text) = &instructions {
            o.put("instructions", text);
        }
        o.bytes("input", &input);
        if any_tools {
            o.bytes("tools", &tools);
            o.opt_raw("tool_choice", choice.as_ref());
            o.opt("parallel_tool_calls", request.parallel_tool_calls);
        }
        reasoning.write(request, own, &mut o);
        text(request, own, format.as_ref(), &mut o);
        o.opt(
            "max_output_tokens",
            request
                .max_output_tokens
                .map(|n| if own { n } else { n.max(LEAST_TOKENS) }),
        );
        o.opt("temperature", request.temperature);
        o.opt("top_p", request.top_p);
        o.opt("top_logprobs", request.top_logprobs);
        if !include.is_empty() {
            o.put("include", &include);
        }
        o.put("store", &request.store.unwrap_or(false));
        o.opt("service_tier", request.service_tier.map(tier_word));
        o.opt("user", request.user.as_deref().map(user));
        if !request.metadata.is_empty() && target.quirks.takes("metadata") {
            o.o.object("metadata", |o| {
                for (name, value) in &request.metadata {
                    o.put(name, value);
                }
            });
        }
        o.opt("prompt_cache_key", request.prompt_cache_key.as_deref());
        o.opt(
            "prompt_cache_retention",
            request.prompt_cache_retention.as_deref(),
        );
        if own {
            for (name, value) in &request.extra {
                let nested = name.starts_with("reasoning.") || name.starts_with("text.");
                if !nested && name != "include" {
                    o.opt_raw(name, Some(value));
                }
            }
        }
        if target.stream {
            o.o.put("stream", &true);
        }
    });
    Ok(Encoded {
        body,
        losses,
        names: ToolNames::of(request, NAMES),
    })
}

/// Writes the members that the upstream takes.
struct Members<'w, 'o, 't> {
    o: &'w mut ObjectWriter<'o>,
    target: &'t Target<'t>,
}

impl Members<'_, '_, '_> {
    fn put<T: serde::Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        if self.target.quirks.takes(name) {
            self.o.put(name, value);
        }
    }

    fn opt<T: serde::Serialize>(&mut self, name: &str, value: Option<T>) {
        if let Some(value) = value {
            self.put(name, &value);
        }
    }

    fn opt_raw(&mut self, name: &str, value: Option<&Json>) {
        if let Some(value) = value
            && self.target.quirks.takes(name)
        {
            self.o.raw(name, value);
        }
    }

    fn bytes(&mut self, name: &str, value: &[u8]) {
        if self.target.quirks.takes(name) {
            self.o.bytes(name, value);
        }
    }
}

/// What the dialect has no member for at all.
fn report_sampling(request: &Request, losses: &mut Losses) -> Result<(), Refused> {
    let nonzero = |penalty: Option<f64>| penalty.is_some_and(|p| p != 0.0);
    let biased = |bias: &Json| bias.as_str().len() > 2;
    let lost = [
        (
            request.candidates.is_some_and(|n| n > 1),
            Feature::Candidates,
        ),
        (
            request.logit_bias.as_ref().is_some_and(biased),
            Feature::LogitBias,
        ),
        (!request.stop.is_empty(), Feature::Stop),
        (request.seed.is_some(), Feature::Seed),
        (request.top_k.is_some(), Feature::TopK),
        (
            nonzero(request.presence_penalty) || nonzero(request.frequency_penalty),
            Feature::Penalties,
        ),
    ];
    for (asked, feature) in lost {
        if asked {
            losses.cannot(feature, ME, None)?;
        }
    }
    Ok(())
}

/// The marks of another dialect; this one's own are written where they stood.
fn report_cache_marks(request: &Request, own: bool, losses: &mut Losses) -> Result<(), Refused> {
    if own {
        return Ok(());
    }
    let mut marks = Vec::new();
    marks.extend(request.cache.as_ref());
    for tool in &request.tools {
        if let crate::ir::Tool::Function { cache, .. } = tool {
            marks.extend(cache.as_ref());
        }
    }
    for part in request.messages.iter().flat_map(|m| &m.parts) {
        marks.extend(items::mark(part));
        if let Part::ToolResult { parts, .. } = part {
            marks.extend(parts.iter().filter_map(items::mark));
        }
    }
    if !marks.is_empty() {
        losses.cannot(Feature::CacheMarks, ME, None)?;
    }
    if marks.iter().any(|mark| mark.ttl.is_some()) {
        losses.cannot(Feature::CacheTtl, ME, None)?;
    }
    Ok(())
}

/// A leading system text is what the API calls `instructions`; everything else is input.
fn instructions(messages: &[Message]) -> (Option<String>, &[Message]) {
    let Some((first, rest)) = messages.split_first() else {
        return (None, messages);
    };
    if first.role != Role::System || first.name.is_some() {
        return (None, messages);
    }
    let mut texts = Vec::with_capacity(first.parts.len());
    for part in &first.parts {
        match part {
            Part::Text { text, .. } if text.is_empty() => {}
            Part::Text { text, .. } => texts.push(text.as_str()),
            _ => return (None, messages),
        }
    }
    ((!texts.is_empty()).then(|| texts.join("\n\n")), rest)
}

/// Members inside another one that came in this dialect; see the decoder.
fn nested<'r>(
    request: &'r Request,
    own: bool,
    prefix: &'r str,
) -> impl Iterator<Item = (&'r str, &'r Json)> {
    request
        .extra
        .iter()
        .filter(move |_| own)
        .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value)))
}

/// `text.format`; `None` where it is the default.
fn format(request: &Request, losses: &mut Losses) -> Result<Option<Json>, Refused> {
    Ok(match &request.output_format {
        None => None,
        Some(OutputFormat::Text) => Some(write::object_json(|o| o.put("type", "text"))),
        Some(OutputFormat::JsonObject) => {
            Some(write::object_json(|o| o.put("type", "json_object")))
        }
        Some(OutputFormat::JsonSchema {
            name,
            description,
            schema,
            strict,
        }) => Some(write::object_json(|o| {
            o.put("type", "json_schema");
            let name = name.as_deref().filter(|n| !n.is_empty());
            o.put("name", &NAMES.fit(name.unwrap_or("response")));
            o.opt("description", description.as_deref());
            o.raw("schema", schema);
            o.opt("strict", *strict);
        })),
        Some(OutputFormat::Other { family, value }) if *family == ME => Some(value.clone()),
        Some(OutputFormat::Other { .. }) => {
            losses.cannot(Feature::OutputGrammar, ME, Some("response_format"))?;
            None
        }
    })
}

fn text(request: &Request, own: bool, format: Option<&Json>, o: &mut Members<'_, '_, '_>) {
    let extra = || nested(request, own, "text.");
    let verbosity = request
        .verbosity
        .as_deref()
        .filter(|_| o.target.quirks.takes("verbosity"));
    let some = format.is_some() || verbosity.is_some() || extra().next().is_some();
    if !some || !o.target.quirks.takes("text") {
        return;
    }
    o.o.object("text", |o| {
        o.opt_raw("format", format);
        o.opt("verbosity", verbosity);
        for (name, value) in extra() {
            o.raw(name, value);
        }
    });
}

/// A tier in OpenAI's words.
pub(in crate::openai_responses) const fn tier_word(tier: ServiceTier) -> &'static str {
    match tier {
        ServiceTier::Auto => "auto",
        ServiceTier::Standard => "default",
        ServiceTier::Flex => "flex",
        ServiceTier::Priority => "priority",
        ServiceTier::Scale => "scale",
    }
}

/// An id of the user that the API takes: some clients put a whole JSON object there.
fn user(id: &str) -> String {
    if id.chars().count() <= LONGEST_USER {
        id.to_owned()
    } else {
        NAMES.fit(id)
    }
}
