//! What the Bedrock runtime refuses in the body of Converse and ConverseStream, by AWS's service model
//! and by what the live service and Claude behind it were seen to refuse. It looks at the form only;
//! it does not know what a request meant to say.

use std::collections::HashSet;

use base64::Engine as _;
use serde_json::Value;

type Check = Result<(), String>;

/// Whether the service would take `body`.
pub fn check(body: &[u8]) -> Check {
    let body: Value = serde_json::from_slice(body).map_err(|e| format!("not JSON: {e}"))?;
    const KNOWN: [&str; 12] = [
        "messages",
        "system",
        "inferenceConfig",
        "toolConfig",
        "guardrailConfig",
        "additionalModelRequestFields",
        "promptVariables",
        "additionalModelResponseFieldPaths",
        "requestMetadata",
        "performanceConfig",
        "serviceTier",
        "outputConfig",
    ];
    for (name, value) in body.as_object().ok_or("the body is no object")? {
        ensure(KNOWN.contains(&name.as_str()), || {
            format!("extraneous key [{name}]")
        })?;
        ensure(!value.is_null(), || format!("{name} is null"))?;
    }
    if let Some(system) = body.get("system") {
        let system = list(system, "system")?;
        ensure(!system.is_empty(), || "system is empty".to_owned())?;
        let mut last = "";
        for block in system {
            let (kind, value) = only(block, "system")?;
            match kind {
                "text" => not_blank(value, "system")?,
                "cachePoint" => cache_point(value, last)?,
                other => return Err(format!("system: {other}")),
            }
            last = kind;
        }
    }
    let messages = list(&body["messages"], "messages")?;
    let has_tools = Messages::default().check(messages)?;
    tools(&body["toolConfig"], has_tools)?;
    inference(&body)?;
    thinking(&body, messages)?;
    if let Some(labels) = body.get("requestMetadata") {
        let labels = labels.as_object().ok_or("requestMetadata")?;
        ensure((1..=16).contains(&labels.len()), || {
            "requestMetadata: how many".to_owned()
        })?;
        for (key, value) in labels {
            let value = value.as_str().ok_or("requestMetadata: no string")?;
            ensure(!key.is_empty() && label(key) && label(value), || {
                format!("label {key}: {value}")
            })?;
        }
    }
    if let Some(tier) = body.get("serviceTier") {
        let tier = tier["type"].as_str().unwrap_or_default();
        ensure(
            ["default", "flex", "priority", "reserved"].contains(&tier),
            || format!("tier {tier}"),
        )?;
    }
    output(&body)
}

#[derive(Default)]
struct Messages<'b> {
    pending: Vec<&'b str>,
    ids: HashSet<&'b str>,
    documents: HashSet<&'b str>,
    tools: bool,
}

impl<'b> Messages<'b> {
    /// Whether there are blocks of tools.
    fn check(mut self, messages: &'b [Value]) -> Result<bool, String> {
        ensure(!messages.is_empty(), || "messages is empty".to_owned())?;
        let mut last = "assistant";
        for (n, message) in messages.iter().enumerate() {
            let role = message["role"].as_str().unwrap_or_default();
            ensure(matches!(role, "user" | "assistant"), || {
                format!("role {role}")
            })?;
            ensure(role != last, || {
                format!("{n}: roles must alternate, the user first")
            })?;
            last = role;
            let content = list(&message["content"], "content")?;
            ensure(!content.is_empty(), || format!("{n}: content is empty"))?;
            self.results(role, content)
                .map_err(|e| format!("{n}: {e}"))?;
            self.content(role, content)
                .map_err(|e| format!("{n}: {e}"))?;
        }
        ensure(self.pending.is_empty(), || {
            "a call is open at the end".to_owned()
        })?;
        if last == "assistant" {
            let end = messages.last().and_then(|m| {
                m["content"]
                    .as_array()?
                    .iter()
                    .rev()
                    .find_map(|b| b["text"].as_str())
            });
            ensure(end.is_none_or(|text| text.trim_end() == text), || {
                "the prefill ends with blanks".to_owned()
            })?;
        }
        Ok(self.tools)
    }

    /// The answers of this turn are those to the calls of the turn before, no more and no fewer.
    fn results(&mut self, role: &str, content: &'b [Value]) -> Check {
        let answered: Vec<&str> = content
            .iter()
            .filter_map(|block| block["toolResult"]["toolUseId"].as_str())
            .collect();
        if role == "assistant" {
            return ensure(answered.is_empty(), || {
                "a result of the assistant".to_owned()
            });
        }
        let pending = std::mem::take(&mut self.pending);
        for id in &pending {
            ensure(answered.contains(id), || format!("no toolResult for {id}"))?;
        }
        ensure(answered.len() == pending.len(), || {
            "a result without a call".to_owned()
        })?;
        let rest = content
            .iter()
            .skip_while(|b| b.get("toolResult").is_some() || b.get("cachePoint").is_some());
        ensure(
            rest.into_iter().all(|b| b.get("toolResult").is_none()),
            || "a result behind something else".to_owned(),
        )
    }

    fn content(&mut self, role: &str, content: &'b [Value]) -> Check {
        let mut last = "";
        for block in content {
            let (kind, value) = only(block, "content")?;
            match kind {
                "text" => not_blank(value, "content")?,
                "cachePoint" => cache_point(value, last)?,
                "image" | "document" | "audio" | "video" => {
                    ensure(role == "user", || format!("{kind} of the assistant"))?;
                    self.media(kind, value)?;
                    let said = content.iter().any(|b| b.get("text").is_some());
                    ensure(kind != "document" || said, || {
                        "a document without a text".to_owned()
                    })?;
                }
                "toolUse" => {
                    ensure(role == "assistant", || "a call of the user".to_owned())?;
                    self.tools = true;
                    let id = name(&value["toolUseId"])?;
                    name(&value["name"])?;
                    ensure(value["input"].is_object(), || {
                        "the input is no object".to_owned()
                    })?;
                    ensure(self.ids.insert(id), || format!("{id} twice"))?;
                    self.pending.push(id);
                }
                "toolResult" => {
                    self.tools = true;
                    name(&value["toolUseId"])?;
                    if let Some(status) = value.get("status") {
                        let status = status.as_str().unwrap_or_default();
                        ensure(matches!(status, "success" | "error"), || {
                            format!("status {status}")
                        })?;
                    }
                    for inner in list(&value["content"], "toolResult.content")? {
                        let (kind, value) = only(inner, "toolResult")?;
                        match kind {
                            "text" => ensure(value.is_string(), || "no text".to_owned())?,
                            "image" | "document" | "video" => self.media(kind, value)?,
                            other => return Err(format!("{other} in a toolResult")),
                        }
                    }
                }
                "reasoningContent" => {
                    ensure(role == "assistant", || "the user thinks".to_owned())?;
                    match only(value, "reasoningContent")? {
                        ("reasoningText", text) => {
                            let signature = text["signature"].as_str().unwrap_or_default();
                            ensure(text["text"].is_string(), || "no text".to_owned())?;
                            ensure(!signature.is_empty(), || "no signature".to_owned())?;
                        }
                        ("redactedContent", data) => base64(data)?,
                        (other, _) => return Err(format!("reasoning by {other}")),
                    }
                }
                other => return Err(format!("content by {other}")),
            }
            last = kind;
        }
        ensure(last != "reasoningContent", || {
            "a turn ends with thinking".to_owned()
        })
    }

    fn media(&mut self, kind: &str, value: &'b Value) -> Check {
        let formats: &[&str] = match kind {
            "image" => &["png", "jpeg", "gif", "webp"],
            "document" => &[
                "pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md",
            ],
            "audio" => &[
                "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a",
                "mpeg", "mpga", "pcm", "webm",
            ],
            _ => &[
                "mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp",
            ],
        };
        let format = value["format"].as_str().unwrap_or_default();
        ensure(formats.contains(&format), || {
            format!("{kind} format {format:?}")
        })?;
        match only(&value["source"], "source")? {
            ("bytes", data) => base64(data)?,
            ("s3Location", at) => {
                ensure(
                    at["uri"].as_str().is_some_and(|u| u.starts_with("s3://")),
                    || "uri".to_owned(),
                )?;
            }
            ("content", texts) if kind == "document" => {
                ensure(!list(texts, "source")?.is_empty(), || {
                    "an empty document".to_owned()
                })?;
            }
            (other, _) => return Err(format!("{kind} source {other}")),
        }
        if kind == "document" {
            let name = value["name"].as_str().unwrap_or_default();
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-_()[] ".contains(c);
            let fits = (1..=200).contains(&name.len())
                && name.chars().all(allowed)
                && !name.contains("  ");
            ensure(fits, || format!("document name {name:?}"))?;
            ensure(self.documents.insert(name), || {
                format!("document name {name:?} twice")
            })?;
        }
        Ok(())
    }
}

fn tools(config: &Value, needed: bool) -> Check {
    if config.is_null() {
        return ensure(!needed, || "toolConfig must be defined".to_owned());
    }
    let mut names = HashSet::new();
    let mut last = "";
    for tool in list(&config["tools"], "tools")? {
        let (kind, value) = only(tool, "tools")?;
        match kind {
            "toolSpec" => {
                let name = name(&value["name"])?;
                ensure(names.insert(name), || format!("tool {name} twice"))?;
                if let Some(description) = value.get("description") {
                    not_blank(description, "description")?;
                }
                let kind = &value["inputSchema"]["json"]["type"];
                ensure(kind == "object", || format!("a schema of {kind}"))?;
            }
            "cachePoint" => cache_point(value, last)?,
            other => return Err(format!("tool by {other}")),
        }
        last = kind;
    }
    ensure(!names.is_empty(), || "tools is empty".to_owned())?;
    if let Some(choice) = config.get("toolChoice") {
        match only(choice, "toolChoice")? {
            ("auto" | "any", _) => {}
            ("tool", tool) => {
                name(&tool["name"])?;
            }
            (other, _) => return Err(format!("toolChoice {other}")),
        }
    }
    Ok(())
}

fn inference(body: &Value) -> Check {
    let Some(config) = body.get("inferenceConfig") else {
        return Ok(());
    };
    for (key, value) in config.as_object().ok_or("inferenceConfig")? {
        let fits = match key.as_str() {
            "maxTokens" => value.as_u64().is_some_and(|n| n >= 1),
            "temperature" | "topP" => value.as_f64().is_some_and(|n| (0.0..=1.0).contains(&n)),
            "stopSequences" => list(value, key)?
                .iter()
                .all(|s| s.as_str().is_some_and(|s| !s.is_empty())),
            _ => false,
        };
        ensure(fits, || format!("inferenceConfig.{key}: {value}"))?;
    }
    Ok(())
}

/// What Claude refuses beside thinking.
fn thinking(body: &Value, messages: &[Value]) -> Check {
    let more = &body["additionalModelRequestFields"];
    let thinking = &more["thinking"];
    let kind = thinking["type"].as_str().unwrap_or_default();
    let config = &body["inferenceConfig"];
    if kind == "enabled" {
        let budget = thinking["budget_tokens"].as_u64().unwrap_or_default();
        let interleaved = more["anthropic_beta"]
            .to_string()
            .contains("interleaved-thinking");
        let room = config["maxTokens"].as_u64().unwrap_or(u64::MAX);
        ensure(budget >= 1024, || format!("a budget of {budget}"))?;
        ensure(interleaved || budget < room, || {
            format!("a budget of {budget} in {room}")
        })?;
        let calls = messages.len().checked_sub(2).and_then(|n| messages.get(n));
        let answers = messages
            .last()
            .is_some_and(|m| m["content"][0].get("toolResult").is_some());
        let thought = calls.is_some_and(|m| m["content"][0].get("reasoningContent").is_some());
        ensure(!answers || thought, || "calls without thinking".to_owned())?;
    }
    if matches!(kind, "enabled" | "adaptive") {
        ensure(config.get("temperature").is_none(), || {
            "temperature beside thinking".to_owned()
        })?;
        ensure(config["topP"].as_f64().is_none_or(|p| p >= 0.95), || {
            "top_p beside thinking".to_owned()
        })?;
        ensure(more.get("top_k").is_none(), || {
            "top_k beside thinking".to_owned()
        })?;
        let choice = &body["toolConfig"]["toolChoice"];
        ensure(choice.is_null() || choice.get("auto").is_some(), || {
            "a forced call".to_owned()
        })?;
        ensure(messages.last().is_some_and(|m| m["role"] == "user"), || {
            "a prefill".to_owned()
        })?;
    }
    Ok(())
}

fn output(body: &Value) -> Check {
    let Some(format) = body
        .get("outputConfig")
        .and_then(|config| config.get("textFormat"))
    else {
        return Ok(());
    };
    ensure(format["type"] == "json_schema", || {
        "textFormat.type".to_owned()
    })?;
    let schema = format["structure"]["jsonSchema"]["schema"]
        .as_str()
        .unwrap_or_default();
    serde_json::from_str::<Value>(schema)
        .map(|_| ())
        .map_err(|e| format!("schema: {e}"))
}

fn cache_point(value: &Value, last: &str) -> Check {
    ensure(value["type"] == "default", || "cachePoint.type".to_owned())?;
    if let Some(ttl) = value.get("ttl") {
        ensure(ttl == "5m" || ttl == "1h", || format!("ttl {ttl}"))?;
    }
    let allowed = !matches!(last, "" | "cachePoint" | "reasoningContent");
    ensure(allowed, || format!("a cache point behind {last:?}"))
}

fn name(value: &Value) -> Result<&str, String> {
    let name = value.as_str().unwrap_or_default();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    let fits = (1..=64).contains(&name.len()) && name.bytes().all(allowed);
    ensure(fits, || format!("name {name:?}"))?;
    Ok(name)
}

fn label(text: &str) -> bool {
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ":_@$#=/+,-.".contains(c);
    text.len() <= 256 && text.chars().all(allowed)
}

fn base64(value: &Value) -> Check {
    let data = value.as_str().unwrap_or_default();
    ensure(!data.is_empty(), || "no bytes".to_owned())?;
    // The bits behind the last whole byte may be anything.
    let lenient = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    lenient
        .decode(data)
        .map(|_| ())
        .map_err(|e| format!("{data:.20}: {e}"))
}

fn not_blank(value: &Value, place: &str) -> Check {
    let text = value.as_str().unwrap_or_default();
    ensure(!text.trim().is_empty(), || format!("{place}: a blank text"))
}

fn list<'v>(value: &'v Value, place: &str) -> Result<&'v [Value], String> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| format!("{place} is no list"))
}

/// The one member of a union.
fn only<'v>(value: &'v Value, place: &str) -> Result<(&'v str, &'v Value), String> {
    let object = value
        .as_object()
        .ok_or_else(|| format!("{place}: no object"))?;
    let mut members = object.iter();
    match (members.next(), members.next()) {
        (Some((key, value)), None) => Ok((key, value)),
        _ => Err(format!("{place}: a union with {} members", object.len())),
    }
}

fn ensure(fits: bool, otherwise: impl FnOnce() -> String) -> Check {
    if fits { Ok(()) } else { Err(otherwise()) }
}
