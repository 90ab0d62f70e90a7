//! A client's request, from Anthropic's words into the neutral ones. Members that have no neutral form
//! are kept as they came in [`Request::extra`], for upstreams of the same family.

use domain::Dialect;

use super::super::content;
use crate::{
    RequestError,
    ir::{
        Effort, Message, OutputFormat, Part, Reasoning, Request, Role, ServiceTier, Tool,
        ToolChoice,
    },
    node::{Json, Kind, Mismatch, Node, Object},
    write,
};

type Read<T> = Result<T, Mismatch>;

const FAMILY: Dialect = Dialect::AnthropicMessages;

/// Reads the body of `POST /v1/messages` or `/v1/messages/count_tokens`.
///
/// # Errors
/// It is not a JSON object, or a member is not what its place calls for; the message names the member.
pub fn decode(body: &[u8]) -> Result<Request, RequestError> {
    let node = Node::parse(body).map_err(RequestError::Malformed)?;
    if node.kind() != Kind::Object {
        return Err(RequestError::Malformed("expected a JSON object".to_owned()));
    }
    Ok(request(node.object()?)?)
}

fn request(mut body: Object<'_>) -> Read<Request> {
    let mut request = Request::new(FAMILY);
    // Both are the router's: who answers, and in which form.
    let _model = body.take("model");
    let _stream = body.take("stream");
    if let Some(system) = body.take("system") {
        let parts = content::parts(&system)?;
        request.messages.push(Message::new(Role::System, parts));
    }
    for message in body.need("messages")?.array()? {
        request.messages.push(read_message(message.object()?)?);
    }
    for tool in body.array("tools")? {
        request.tools.push(read_tool(&tool)?);
    }
    if let Some(choice) = body.take("tool_choice") {
        read_tool_choice(&choice, &mut request)?;
    }
    request.max_output_tokens = body.u64("max_tokens")?;
    request.temperature = body.f64("temperature")?;
    request.top_p = body.f64("top_p")?;
    request.top_k = body.u64("top_k")?;
    for stop in body.array("stop_sequences")? {
        request.stop.push(stop.owned()?);
    }
    request.cache = content::cache(&mut body)?;
    let mut kept = Vec::new();
    if let Some(thinking) = body.take("thinking") {
        read_thinking(&thinking, &mut request, &mut kept)?;
    }
    if let Some(config) = body.object("output_config")? {
        read_output_config(config, &mut request, &mut kept)?;
    }
    // Its older name, from when it was a beta.
    if let Some(format) = body.take("output_format") {
        let format = read_format(&format)?;
        request.output_format.get_or_insert(format);
    }
    if let Some(metadata) = body.object("metadata")? {
        read_metadata(metadata, &mut request)?;
    }
    if let Some(tier) = body.take("service_tier") {
        match &*tier.string()? {
            "auto" => request.service_tier = Some(ServiceTier::Auto),
            "standard_only" => request.service_tier = Some(ServiceTier::Standard),
            _ => kept.push(("service_tier".to_owned(), tier.json())),
        }
    }
    request.extra = body.rest();
    request.extra.extend(kept);
    Ok(request)
}

fn read_message(mut message: Object<'_>) -> Read<Message> {
    let role = message.need("role")?;
    let role = match &*role.string()? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => return Err(role.expected("\"user\", \"assistant\" or \"system\"")),
    };
    let mut parts = content::parts(&message.need("content")?)?;
    // A system message can also change settings from here on; that is kept as a block of its own.
    if role == Role::System {
        parts.extend(
            message
                .rest()
                .into_iter()
                .map(|(kind, value)| Part::Opaque {
                    family: FAMILY,
                    kind,
                    value,
                }),
        );
    }
    Ok(Message::new(role, parts))
}

fn read_tool(node: &Node<'_>) -> Read<Tool> {
    let mut tool = node.object()?;
    let kind = tool.string("type")?;
    let name = tool.string("name")?;
    match (kind.as_deref(), name) {
        (None | Some("custom"), Some(name)) => Ok(Tool::Function {
            name,
            description: tool.string("description")?,
            parameters: read_schema(&mut tool)?,
            strict: tool.bool("strict")?,
            cache: content::cache(&mut tool)?,
            namespace: None,
            extra: tool.rest(),
        }),
        (None | Some("custom"), None) => Err(tool.expected("a tool with a name")),
        (Some(kind), name) => Ok(Tool::Provider {
            family: FAMILY,
            kind: kind.to_owned(),
            name,
            definition: node.json(),
        }),
    }
}

fn read_schema(tool: &mut Object<'_>) -> Read<Option<Json>> {
    match tool.take("input_schema") {
        Some(schema) if schema.kind() != Kind::Object => {
            Err(schema.expected("a JSON Schema as an object"))
        }
        schema => Ok(schema.map(|schema| schema.json())),
    }
}

fn read_tool_choice(node: &Node<'_>, request: &mut Request) -> Read<()> {
    let mut choice = node.object()?;
    let kind = choice.need("type")?.string()?;
    request.tool_choice = Some(match &*kind {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(choice.need("name")?.owned()?),
        _ => ToolChoice::Other {
            family: FAMILY,
            value: node.json(),
        },
    });
    request.parallel_tool_calls = choice
        .bool("disable_parallel_tool_use")?
        .map(|disabled| !disabled);
    Ok(())
}

fn read_thinking(
    node: &Node<'_>,
    request: &mut Request,
    kept: &mut Vec<(String, Json)>,
) -> Read<()> {
    let mut thinking = node.object()?;
    let kind = thinking.need("type")?.string()?;
    let mut reasoning = Reasoning {
        display: thinking.string("display")?,
        ..Reasoning::default()
    };
    match &*kind {
        "enabled" => {
            reasoning.enabled = Some(true);
            reasoning.budget_tokens = thinking.u64("budget_tokens")?;
        }
        "adaptive" => {
            reasoning.enabled = Some(true);
            reasoning.adaptive = true;
        }
        "disabled" => reasoning.enabled = Some(false),
        _ => {
            kept.push(("thinking".to_owned(), node.json()));
            return Ok(());
        }
    }
    request.reasoning = Some(reasoning);
    Ok(())
}

fn read_output_config(
    mut config: Object<'_>,
    request: &mut Request,
    kept: &mut Vec<(String, Json)>,
) -> Read<()> {
    let mut rest = Vec::new();
    if let Some(effort) = config.take("effort") {
        match Effort::parse(&effort.string()?) {
            Some(word) => request.reasoning.get_or_insert_default().effort = Some(word),
            None => rest.push(("effort".to_owned(), effort.json())),
        }
    }
    if let Some(format) = config.take("format") {
        request.output_format = Some(read_format(&format)?);
    }
    rest.extend(config.rest());
    if !rest.is_empty() {
        let value = write::object_json(|o| rest.iter().for_each(|(key, value)| o.raw(key, value)));
        kept.push(("output_config".to_owned(), value));
    }
    Ok(())
}

fn read_format(node: &Node<'_>) -> Read<OutputFormat> {
    let mut format = node.object()?;
    let kind = format.need("type")?.string()?;
    Ok(match &*kind {
        "json_schema" => OutputFormat::JsonSchema {
            name: format.string("name")?,
            description: None,
            schema: format.need("schema")?.json(),
            strict: None,
        },
        _ => OutputFormat::Other {
            family: FAMILY,
            value: node.json(),
        },
    })
}

fn read_metadata(mut metadata: Object<'_>, request: &mut Request) -> Read<()> {
    request.user = metadata.string("user_id")?;
    for (key, value) in metadata.rest() {
        let text = value.node().owned();
        let text = text.unwrap_or_else(|_| value.as_str().to_owned());
        request.metadata.push((key, text));
    }
    Ok(())
}
