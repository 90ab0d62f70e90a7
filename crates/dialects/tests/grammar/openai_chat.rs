//! What the official SDKs rely on in a complete Chat Completions stream: the shape of every chunk, the
//! order of what a candidate says, and that all of it adds up by the accumulator's own rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Checks a complete stream.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(sse: &str) -> Result<(), String> {
    let mut stream = Stream::default();
    let Some(body) = sse.strip_suffix("\n\n") else {
        return Err("it does not end with an empty line".to_owned());
    };
    for event in body.split("\n\n") {
        if stream.done {
            return Err(format!("something follows [DONE]: {event}"));
        }
        for line in event.split('\n') {
            if line.starts_with(':') {
                continue;
            }
            let data = line
                .strip_prefix("data: ")
                .ok_or_else(|| format!("neither data nor a comment: {line}"))?;
            if data == "[DONE]" {
                stream.done = true;
                continue;
            }
            let chunk: Value = serde_json::from_str(data).map_err(|e| format!("{e}: {data}"))?;
            let object = chunk.as_object().ok_or("a chunk is no object")?;
            stream.chunk(object).map_err(|e| format!("{e}: {data}"))?;
        }
    }
    stream.end()
}

#[derive(Default)]
struct Stream {
    same: Option<[Value; 4]>,
    candidates: BTreeMap<u64, Candidate>,
    usage: bool,
    done: bool,
}

#[derive(Default)]
struct Candidate {
    message: Map<String, Value>,
    finish: Option<String>,
}

impl Stream {
    fn chunk(&mut self, chunk: &Map<String, Value>) -> Result<(), String> {
        let same =
            ["id", "object", "created", "model"].map(|k| chunk.get(k).cloned().unwrap_or_default());
        let [id, object, created, model] = &same;
        if !id.as_str().is_some_and(|id| id.starts_with("chatcmpl-"))
            || object != "chat.completion.chunk"
            || !created.is_i64() && !created.is_u64()
            || !model.is_string()
        {
            return Err("id, object, created or model is wrong".to_owned());
        }
        if self.same.get_or_insert_with(|| same.clone()) != &same {
            return Err("id, created or model changes".to_owned());
        }
        if self.usage {
            return Err("a chunk follows the one with the usage".to_owned());
        }
        let choices = chunk
            .get("choices")
            .and_then(Value::as_array)
            .ok_or("no choices")?;
        match chunk.get("usage") {
            None | Some(Value::Null) if choices.is_empty() => Err("it says nothing".to_owned()),
            None | Some(Value::Null) => choices.iter().try_for_each(|c| self.choice(c)),
            Some(_) if !choices.is_empty() => Err("usage beside choices".to_owned()),
            Some(usage) => {
                self.usage = true;
                let number = |name: &str| {
                    usage
                        .get(name)
                        .and_then(Value::as_u64)
                        .ok_or(format!("no {name}"))
                };
                let sum = number("prompt_tokens")?.saturating_add(number("completion_tokens")?);
                if number("total_tokens")? == sum {
                    Ok(())
                } else {
                    Err("the total is not the sum".to_owned())
                }
            }
        }
    }

    fn choice(&mut self, choice: &Value) -> Result<(), String> {
        let index = choice
            .get("index")
            .and_then(Value::as_u64)
            .ok_or("no index")?;
        let delta = choice
            .get("delta")
            .and_then(Value::as_object)
            .ok_or("no delta")?;
        if choice.get("logprobs").is_none() || choice.get("finish_reason").is_none() {
            return Err("logprobs or finish_reason is not there".to_owned());
        }
        let new = !self.candidates.contains_key(&index);
        let role = delta.get("role").and_then(Value::as_str);
        if new != (role == Some("assistant")) {
            return Err("the role comes with the first chunk and no other".to_owned());
        }
        let candidate = self.candidates.entry(index).or_default();
        if candidate.finish.is_some() {
            return Err("it goes on after its finish reason".to_owned());
        }
        check_calls(&candidate.message, delta)?;
        accumulate(&mut candidate.message, delta)?;
        match choice.get("finish_reason").and_then(Value::as_str) {
            None => Ok(()),
            Some(
                reason @ ("stop" | "length" | "tool_calls" | "content_filter" | "function_call"),
            ) => {
                candidate.finish = Some(reason.to_owned());
                Ok(())
            }
            Some(other) => Err(format!("no SDK knows the finish reason {other}")),
        }
    }

    fn end(&self) -> Result<(), String> {
        if !self.done {
            return Err("there is no [DONE]".to_owned());
        }
        if self.candidates.is_empty() {
            return Err("there is no candidate".to_owned());
        }
        for candidate in self.candidates.values() {
            let finish = candidate
                .finish
                .as_deref()
                .ok_or("a candidate has no finish reason")?;
            let calls = candidate
                .message
                .get("tool_calls")
                .and_then(Value::as_array);
            if finish == "tool_calls" && calls.is_none() {
                return Err("tool_calls without any".to_owned());
            }
            if finish == "stop" && calls.is_some() {
                return Err("stop, although there are tool calls".to_owned());
            }
            for call in calls
                .into_iter()
                .flatten()
                .filter(|c| c["type"] == "function")
            {
                let text = call["function"]["arguments"].as_str().unwrap_or_default();
                if finish == "tool_calls"
                    && !serde_json::from_str::<Value>(text).is_ok_and(|v| v.is_object())
                {
                    return Err(format!("the arguments are no object: {text}"));
                }
            }
        }
        Ok(())
    }
}

/// A call says what it is when it begins, and only then; calls are numbered as they come.
fn check_calls(message: &Map<String, Value>, delta: &Map<String, Value>) -> Result<(), String> {
    let known = message
        .get("tool_calls")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    for call in delta
        .get("tool_calls")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let index = call
            .get("index")
            .and_then(Value::as_u64)
            .ok_or("a call without index")?;
        let index = usize::try_from(index).map_err(|e| e.to_string())?;
        let begins = call.get("id").is_some();
        if begins {
            let kind = call.get("type").and_then(Value::as_str).unwrap_or_default();
            let name = call
                .get(kind)
                .and_then(|c| c.get("name"))
                .and_then(Value::as_str);
            let id = call.get("id").and_then(Value::as_str).unwrap_or_default();
            if index != known || id.is_empty() || name.is_none_or(str::is_empty) {
                return Err("a call begins out of order, or without id, type or name".to_owned());
            }
        } else if index + 1 != known {
            return Err("a call goes on that is not the last".to_owned());
        }
    }
    Ok(())
}

/// The accumulator of the official SDKs (`accumulate_delta`).
fn accumulate(into: &mut Map<String, Value>, delta: &Map<String, Value>) -> Result<(), String> {
    for (key, value) in delta {
        let entries = value.as_array().into_iter().flatten();
        let place = match into.get_mut(key) {
            Some(place) if !place.is_null() => place,
            _ => {
                for (position, entry) in entries.enumerate() {
                    if entry.get("index").and_then(Value::as_u64) != u64::try_from(position).ok() {
                        return Err(format!("an entry of {key} without its index"));
                    }
                }
                into.insert(key.clone(), value.clone());
                continue;
            }
        };
        if key == "index" || key == "type" {
            *place = value.clone();
            continue;
        }
        match (place, value) {
            (Value::String(text), Value::String(more)) => text.push_str(more),
            (Value::Object(inner), Value::Object(more)) => accumulate(inner, more)?,
            (Value::Array(list), Value::Array(more)) => {
                for entry in more {
                    let entry = entry.as_object().ok_or("an entry is no object")?;
                    let index = entry.get("index").and_then(Value::as_u64);
                    let index = index.and_then(|i| usize::try_from(i).ok());
                    let index = index.ok_or_else(|| format!("an entry of {key} without index"))?;
                    let next = list.len();
                    match list.get_mut(index) {
                        Some(Value::Object(known)) => accumulate(known, entry)?,
                        None if index == next => list.push(Value::Object(entry.clone())),
                        _ => return Err(format!("an entry of {key} in the wrong place")),
                    }
                }
            }
            (_, Value::Null) => {}
            _ => return Err(format!("{key} does not add up")),
        }
    }
    Ok(())
}
