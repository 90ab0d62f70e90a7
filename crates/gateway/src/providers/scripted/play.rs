//! What the demo says: a turn made from the request, whatever dialect it is in.

use std::hash::{DefaultHasher, Hash, Hasher};

use domain::Dialect;
use serde_json::{Map, Value, json};

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Turn {
    pub text: String,
    pub tool: Option<ToolCall>,
    /// `max_tokens` was reached.
    pub cut_short: bool,
    pub input_tokens: usize,
    pub output_tokens: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct ToolCall {
    pub name: String,
    pub arguments: Value,
}

/// An id that the same request always gets.
pub(super) fn id(body: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Plays the answer to `request`.
pub(super) fn turn(dialect: Dialect, request: &Value) -> Result<Turn, String> {
    let messages = request["messages"]
        .as_array()
        .filter(|messages| !messages.is_empty())
        .ok_or("messages: expected at least one message")?;
    for (at, message) in messages.iter().enumerate() {
        if !message["role"].is_string() {
            return Err(format!("messages.{at}.role: this field is required"));
        }
    }
    let mut words = text_of(&request["system"]).split_whitespace().count();
    words += messages
        .iter()
        .map(|m| text_of(&m["content"]).split_whitespace().count() + 1)
        .sum::<usize>();
    let last = messages.last().unwrap_or(&Value::Null);
    let result = tool_result(last);
    let asked = messages
        .iter()
        .rev()
        .find(|m| m["role"] == "user")
        .map(|m| text_of(&m["content"]))
        .unwrap_or_default();
    let tool = match result {
        Some(_) => None,
        None => chosen_tool(dialect, request, &asked),
    };
    let text = match (&tool, result) {
        (Some(_), _) => String::new(),
        (None, Some(result)) => {
            format!(
                "This is the demo backend of LLM Router, not a real model. The tool said: {result}"
            )
        }
        (None, None) => {
            format!("This is the demo backend of LLM Router, not a real model. You said: {asked}")
        }
    };
    let said = text.split_whitespace().count()
        + tool.as_ref().map_or(0, |t| {
            t.arguments.to_string().split_whitespace().count() + 1
        });
    let limit = request["max_completion_tokens"]
        .as_u64()
        .or(request["max_tokens"].as_u64())
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(usize::MAX);
    let cut_short = tool.is_none() && said > limit;
    let text = if cut_short {
        text.split_inclusive(' ').take(limit).collect()
    } else {
        text
    };
    Ok(Turn {
        text,
        tool,
        cut_short,
        input_tokens: words,
        output_tokens: if cut_short { limit } else { said },
    })
}

/// The text of a message's content: a string, or an array of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect::<Vec<_>>()
            .join(" "),
        _ => String::new(),
    }
}

/// The result of a tool, where the conversation ends with one.
fn tool_result(last: &Value) -> Option<String> {
    if last["role"] == "tool" {
        return Some(text_of(&last["content"]));
    }
    let parts = last["content"].as_array()?;
    let result = parts.iter().find(|part| part["type"] == "tool_result")?;
    Some(text_of(&result["content"]))
}

/// The tool that this request has called, if any: name and arguments.
fn chosen_tool(dialect: Dialect, request: &Value, asked: &str) -> Option<ToolCall> {
    let tools: Vec<(&str, &Value)> = request["tools"]
        .as_array()?
        .iter()
        .filter_map(|tool| match dialect {
            Dialect::AnthropicMessages => Some((tool["name"].as_str()?, &tool["input_schema"])),
            _ => {
                let function = &tool["function"];
                Some((function["name"].as_str()?, &function["parameters"]))
            }
        })
        .collect();
    let choice = &request["tool_choice"];
    let kind = choice.as_str().or(choice["type"].as_str());
    let named = choice["name"]
        .as_str()
        .or(choice["function"]["name"].as_str());
    let chosen = match (kind, named) {
        (Some("none"), _) => None,
        (_, Some(name)) => tools.iter().find(|(n, _)| *n == name),
        (Some("required" | "any"), None) => tools.first(),
        _ => tools.iter().find(|(name, _)| asked.contains(name)),
    };
    chosen.map(|(name, schema)| ToolCall {
        name: (*name).to_owned(),
        arguments: sample(schema, 0),
    })
}

/// A value that fits a JSON schema: required properties only, the first of an enumeration.
fn sample(schema: &Value, depth: usize) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    let kind = schema["type"].as_str().or(schema["type"][0].as_str());
    match kind {
        Some("string") => json!("demo"),
        Some("integer") => json!(1),
        Some("number") => json!(1.5),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some("array") => json!([]),
        _ if depth < 8 => {
            let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
            let members: Map<String, Value> = required
                .iter()
                .filter_map(Value::as_str)
                .map(|name| {
                    (
                        name.to_owned(),
                        sample(&schema["properties"][name], depth + 1),
                    )
                })
                .collect();
            Value::Object(members)
        }
        _ => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(extra: Value) -> Value {
        let mut request = json!({"model": "demo", "messages": [{"role": "user", "content": "please get_weather now"}]});
        if let (Some(request), Value::Object(extra)) = (request.as_object_mut(), extra) {
            request.extend(extra);
        }
        request
    }

    #[test]
    fn a_tool_is_called_when_it_is_named_or_demanded() {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}, "days": {"type": "integer"}}, "required": ["city", "unit"]});
        let tools = json!([{"type": "function", "function": {"name": "get_weather", "parameters": schema}}]);
        let turn = |extra| turn(Dialect::OpenaiChat, &ask(extra)).expect("a turn");
        let called = turn(json!({"tools": tools})).tool.expect("a call");
        assert_eq!(
            (called.name.as_str(), called.arguments),
            ("get_weather", json!({"city": "demo", "unit": "C"}))
        );
        assert_eq!(
            turn(json!({"tools": tools, "tool_choice": "none"})).tool,
            None
        );
        let hello = json!([{"role": "user", "content": "hello"}]);
        assert_eq!(turn(json!({"tools": tools, "messages": hello})).tool, None);
        assert!(
            turn(json!({"tools": tools, "messages": hello, "tool_choice": "required"}))
                .tool
                .is_some()
        );
    }

    #[test]
    fn a_result_is_quoted_and_a_limit_is_kept() {
        let messages = json!([{"role": "user", "content": "x"}, {"role": "user", "content": [{"type": "tool_result", "content": "21 degrees"}]}]);
        let answer = turn(
            Dialect::AnthropicMessages,
            &ask(json!({"messages": messages})),
        )
        .expect("a turn");
        assert!(
            answer.text.ends_with("The tool said: 21 degrees"),
            "{}",
            answer.text
        );
        let short = turn(Dialect::OpenaiChat, &ask(json!({"max_tokens": 3}))).expect("a turn");
        assert_eq!(
            (short.text.as_str(), short.output_tokens, short.cut_short),
            ("This is the ", 3, true)
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for messages in [json!([]), json!([{"content": "x"}]), json!(["x"])] {
            assert!(turn(Dialect::OpenaiChat, &json!({"messages": messages})).is_err());
        }
    }
}
