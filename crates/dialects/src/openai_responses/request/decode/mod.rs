//! Reads a Responses request. What needs OpenAI's own memory (earlier answers, conversations, stored
//! prompts) is refused: it is only read here when another provider is to answer.

mod content;
mod items;
mod tools;

use domain::Dialect;

use crate::{
    RequestError,
    ir::{Effort, Message, OutputFormat, Part, Reasoning, Request, Role, ServiceTier},
    node::{Json, Kind, Mismatch, Node, Object},
};

type Read<T> = Result<T, Mismatch>;

const ENCRYPTED: &str = "reasoning.encrypted_content";
const LOGPROBS: &str = "message.output_text.logprobs";

/// Reads a request.
///
/// # Errors
/// It is not JSON, or says something that cannot be understood or answered here; the message names
/// the place.
pub fn decode(body: &[u8]) -> Result<Request, RequestError> {
    let mut o = Node::parse(body)
        .map_err(RequestError::Malformed)?
        .object()?;
    refuse_memory(&mut o)?;
    let mut request = Request::new(Dialect::OpenaiResponses);
    // The caller has read both.
    let _ = (o.take("model"), o.take("stream"));
    if let Some(instructions) = o.take("instructions") {
        read_instructions(&instructions, &mut request)?;
    }
    let input = o.take("input").ok_or(RequestError::Missing("input"))?;
    let mut listed = Vec::new();
    items::read(&input, &mut request.messages, &mut listed)?;
    request.tools = tools::read(o.array("tools")?)?;
    request.tools.append(&mut listed);
    if let Some(choice) = o.take("tool_choice") {
        tools::choose(&choice, &mut request)?;
    }
    request.parallel_tool_calls = o.bool("parallel_tool_calls")?;
    request.max_output_tokens = o.u64("max_output_tokens")?;
    request.temperature = o.f64("temperature")?;
    request.top_p = o.f64("top_p")?;
    request.top_logprobs = o.u64("top_logprobs")?.filter(|n| *n > 0);
    request.store = o.bool("store")?;
    request.prompt_cache_key = o.string("prompt_cache_key")?;
    request.prompt_cache_retention = o.string("prompt_cache_retention")?;
    request.service_tier = read_tier(&mut o)?;
    request.user = match o.string("user")? {
        Some(user) => Some(user),
        None => o.string("safety_identifier")?,
    };
    if let Some(metadata) = o.object("metadata")? {
        for (name, value) in metadata.rest() {
            let node = value.node();
            let text = match node.kind() {
                Kind::String => node.owned()?,
                _ => value.as_str().to_owned(),
            };
            request.metadata.push((name, text));
        }
    }
    let includes = read_include(o.array("include")?, &mut request)?;
    let mut extra = Vec::new();
    if let Some(reasoning) = o.object("reasoning")? {
        read_reasoning(reasoning, &mut request, &mut extra)?;
    }
    if let Some(text) = o.object("text")? {
        read_text(text, &mut request, &mut extra)?;
    }
    if includes.encrypted {
        request.reasoning.get_or_insert_default().include_encrypted = true;
    }
    request.extra = o.rest();
    request.extra.append(&mut extra);
    if !includes.others.is_empty() {
        request
            .extra
            .push(("include".to_owned(), Json::of(&includes.others)));
    }
    Ok(request)
}

/// What only OpenAI's own storage can answer.
fn refuse_memory(o: &mut Object<'_>) -> Result<(), RequestError> {
    let gone = |field, expected| Err(RequestError::Wrong { field, expected });
    if o.take("previous_response_id").is_some() {
        return gone(
            "previous_response_id",
            "no value, since this backend keeps no state; send the whole conversation in input",
        );
    }
    if o.take("conversation").is_some() {
        return gone(
            "conversation",
            "no value, since this backend keeps no state; send the whole conversation in input",
        );
    }
    if o.take("prompt").is_some() {
        return gone(
            "prompt",
            "no value, since this backend keeps no prompts; send instructions and input",
        );
    }
    Ok(())
}

/// `instructions` lead the conversation; the encoder puts a leading system text back there.
fn read_instructions(node: &Node<'_>, request: &mut Request) -> Result<(), RequestError> {
    if node.kind() == Kind::Array {
        let mut tools = Vec::new();
        items::read(node, &mut request.messages, &mut tools)?;
        request.tools.append(&mut tools);
        return Ok(());
    }
    let text = node.owned()?;
    if !text.is_empty() {
        let message = Message::new(Role::System, vec![Part::text(text)]);
        request.messages.push(message);
    }
    Ok(())
}

fn read_tier(o: &mut Object<'_>) -> Read<Option<ServiceTier>> {
    let Some(node) = o.take("service_tier") else {
        return Ok(None);
    };
    Ok(tier(&node.string()?))
}

/// A tier by its word. Those beyond `priority` are faster still and sold under names of their own.
pub(in crate::openai_responses) fn tier(word: &str) -> Option<ServiceTier> {
    match word {
        "auto" => Some(ServiceTier::Auto),
        "default" => Some(ServiceTier::Standard),
        "flex" => Some(ServiceTier::Flex),
        "priority" | "fast" | "ultrafast" => Some(ServiceTier::Priority),
        "scale" => Some(ServiceTier::Scale),
        _ => None,
    }
}

#[derive(Default)]
struct Includes {
    encrypted: bool,
    others: Vec<String>,
}

fn read_include(list: Vec<Node<'_>>, request: &mut Request) -> Read<Includes> {
    let mut includes = Includes::default();
    for entry in list {
        match &*entry.string()? {
            ENCRYPTED => includes.encrypted = true,
            LOGPROBS => request.logprobs = Some(true),
            other => includes.others.push(other.to_owned()),
        }
    }
    Ok(includes)
}

fn read_reasoning(
    mut o: Object<'_>,
    request: &mut Request,
    extra: &mut Vec<(String, Json)>,
) -> Read<()> {
    let mut reasoning = Reasoning::default();
    if let Some(effort) = o.take("effort") {
        let word = effort.string()?;
        let known = Effort::parse(&word)
            .ok_or_else(|| effort.expected("none, minimal, low, medium, high, xhigh or max"))?;
        reasoning.effort = Some(known);
        reasoning.enabled = Some(known != Effort::None);
    }
    let older = o.string("generate_summary")?;
    reasoning.summary = o.string("summary")?.or(older);
    // Under a path of its own, so that it is named in full where it has to be left out.
    extra.extend(nested("reasoning", o));
    if reasoning != Reasoning::default() {
        request.reasoning = Some(reasoning);
    }
    Ok(())
}

fn read_text(
    mut o: Object<'_>,
    request: &mut Request,
    extra: &mut Vec<(String, Json)>,
) -> Read<()> {
    request.verbosity = o.string("verbosity")?;
    if let Some(node) = o.take("format") {
        let mut format = node.object()?;
        let kind = format.need("type")?.owned()?;
        request.output_format = Some(match kind.as_str() {
            "text" => OutputFormat::Text,
            "json_object" => OutputFormat::JsonObject,
            "json_schema" => OutputFormat::JsonSchema {
                name: format.string("name")?,
                description: format.string("description")?,
                schema: format.need("schema")?.json(),
                strict: format.bool("strict")?,
            },
            _ => OutputFormat::Other {
                family: Dialect::OpenaiResponses,
                value: node.json(),
            },
        });
    }
    extra.extend(nested("text", o));
    Ok(())
}

fn nested(place: &str, rest: Object<'_>) -> Vec<(String, Json)> {
    rest.rest()
        .into_iter()
        .map(|(name, value)| (format!("{place}.{name}"), value))
        .collect()
}
