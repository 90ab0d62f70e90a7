//! The grammar of a complete Responses stream, as far as OpenAI's SDKs and Codex rely on it: numbers
//! that count up, items and parts that begin, grow and end in order, and wholes that are the sums of
//! their pieces. It judges what a client gets, so that it is stricter than any client.

use serde_json::Value;

/// Members that each `response` object has, null or not.
const RESPONSE_MEMBERS: [&str; 24] = [
    "id",
    "object",
    "created_at",
    "status",
    "error",
    "incomplete_details",
    "instructions",
    "max_output_tokens",
    "metadata",
    "model",
    "output",
    "parallel_tool_calls",
    "previous_response_id",
    "reasoning",
    "service_tier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
    "truncation",
    "usage",
    "user",
];

/// Checks a whole stream.
pub fn check(sse: &str) -> Result<(), String> {
    let mut checker = Checker::default();
    let body = sse
        .strip_suffix("\n\n")
        .ok_or("the stream does not end with an empty line")?;
    for block in body.split("\n\n") {
        if block.lines().all(|line| line.starts_with(':')) {
            continue;
        }
        let event = frame(block)?;
        checker
            .event(&event)
            .map_err(|wrong| format!("{wrong}, in {event}"))?;
    }
    match checker.phase {
        Phase::Over => Ok(()),
        phase => Err(format!("the stream ends while it is {phase:?}")),
    }
}

/// An event of two lines whose name is the type in its data.
fn frame(block: &str) -> Result<Value, String> {
    let lines: Vec<&str> = block.split('\n').collect();
    let [name, data] = lines[..] else {
        return Err(format!("not a name and data: {block}"));
    };
    let name = name.strip_prefix("event: ").ok_or("no event line")?;
    let data = data.strip_prefix("data: ").ok_or("no data line")?;
    let event: Value = serde_json::from_str(data).map_err(|e| format!("{e} in {data}"))?;
    if event["type"] != name {
        return Err(format!("event line {name}, type {}", event["type"]));
    }
    Ok(event)
}

#[derive(Debug, Default, PartialEq)]
enum Phase {
    #[default]
    Before,
    Created,
    Running,
    /// An `error` has been told, the failed response has not.
    Failing,
    Over,
}

#[derive(Default)]
struct Checker {
    phase: Phase,
    sequence: u64,
    response: Value,
    /// Items that are done.
    done: Vec<Value>,
    open: Option<Item>,
}

struct Item {
    added: Value,
    /// Parts of a message, or of a summary, that are done.
    parts: Vec<Value>,
    part: Option<Part>,
    /// What the deltas of a call add up to, and what it said when it was done.
    arguments: String,
    arguments_done: Option<String>,
}

struct Part {
    kind: String,
    text: String,
    text_done: bool,
    annotations: Vec<Value>,
    logprobs: Vec<Value>,
}

fn ensure(holds: bool, wrong: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(wrong.to_owned()) }
}

fn text<'v>(event: &'v Value, name: &str) -> Result<&'v str, String> {
    event[name]
        .as_str()
        .ok_or_else(|| format!("{name} is no string"))
}

fn list(event: &Value, name: &str) -> Result<Vec<Value>, String> {
    event[name]
        .as_array()
        .cloned()
        .ok_or_else(|| format!("{name} is no array"))
}

impl Checker {
    fn event(&mut self, event: &Value) -> Result<(), String> {
        ensure(
            event["sequence_number"] == self.sequence,
            &format!("expected sequence_number {}", self.sequence),
        )?;
        self.sequence += 1;
        let kind = text(event, "type")?;
        match (&self.phase, kind) {
            (Phase::Before, "response.created") => {
                self.first(&event["response"])?;
                self.phase = Phase::Created;
            }
            (Phase::Created, "response.in_progress") => {
                self.same_response(&event["response"], "in_progress")?;
                self.phase = Phase::Running;
            }
            (Phase::Running, "error") => {
                text(event, "message")?;
                self.phase = Phase::Failing;
            }
            (Phase::Running | Phase::Failing, "response.failed") => {
                let response = &event["response"];
                self.same_response(response, "failed")?;
                text(&response["error"], "message")?;
                text(&response["error"], "code")?;
                self.phase = Phase::Over;
            }
            (Phase::Running, "response.completed" | "response.incomplete") => {
                self.last(&event["response"], kind == "response.incomplete")?;
                self.phase = Phase::Over;
            }
            (Phase::Running, "response.output_item.added") => self.added(event)?,
            (Phase::Running, "response.output_item.done") => self.item_done(event)?,
            (Phase::Running, kind) => self.inside(kind, event)?,
            (phase, kind) => return Err(format!("{kind} while it is {phase:?}")),
        }
        Ok(())
    }

    fn first(&mut self, response: &Value) -> Result<(), String> {
        self.response = response.clone();
        self.same_response(response, "in_progress")?;
        ensure(response["output"] == Value::Array(vec![]), "output at once")?;
        ensure(response["usage"].is_null(), "usage at once")
    }

    /// What all `response` objects of a stream have in common.
    fn same_response(&self, response: &Value, status: &str) -> Result<(), String> {
        for name in RESPONSE_MEMBERS {
            ensure(
                response.get(name).is_some(),
                &format!("the response lacks {name}"),
            )?;
        }
        ensure(response["object"] == "response", "object is not response")?;
        ensure(
            response["status"] == status,
            &format!("status is not {status}"),
        )?;
        ensure(!text(response, "id")?.is_empty(), "an empty id")?;
        for name in ["id", "model", "created_at", "tools", "instructions"] {
            ensure(
                response[name] == self.response[name],
                &format!("{name} has changed"),
            )?;
        }
        ensure(
            response["error"].is_null() == (status != "failed"),
            "error and status differ",
        )?;
        ensure(
            response["incomplete_details"].is_null() == (status != "incomplete"),
            "incomplete_details and status differ",
        )
    }

    fn last(&self, response: &Value, incomplete: bool) -> Result<(), String> {
        ensure(self.open.is_none(), "an item is still open")?;
        let status = if incomplete {
            "incomplete"
        } else {
            "completed"
        };
        self.same_response(response, status)?;
        if incomplete {
            text(&response["incomplete_details"], "reason")?;
        }
        ensure(
            list(response, "output")? == self.done,
            "the output is not what the items were",
        )?;
        let usage = &response["usage"];
        if usage.is_null() {
            return Ok(());
        }
        let number = |value: &Value| value.as_u64().ok_or("usage has no number".to_owned());
        let input = number(&usage["input_tokens"])?;
        let output = number(&usage["output_tokens"])?;
        ensure(
            number(&usage["total_tokens"])? == input + output,
            "the total is no sum",
        )?;
        let cached = number(&usage["input_tokens_details"]["cached_tokens"])?;
        let written = number(&usage["input_tokens_details"]["cache_write_tokens"])?;
        ensure(cached + written <= input, "more cached than went in")?;
        number(&usage["output_tokens_details"]["reasoning_tokens"])?;
        Ok(())
    }

    fn added(&mut self, event: &Value) -> Result<(), String> {
        ensure(self.open.is_none(), "two items at once")?;
        ensure(
            event["output_index"] == self.done.len(),
            "output_index does not count up",
        )?;
        let item = &event["item"];
        text(item, "type")?;
        if let Some(id) = item["id"].as_str() {
            let used = self.done.iter().any(|done| done["id"] == id);
            ensure(!id.is_empty() && !used, "the item's id is used twice")?;
        }
        match text(item, "type")? {
            "message" => {
                ensure(item["role"] == "assistant", "not the assistant's")?;
                ensure(list(item, "content")?.is_empty(), "content at once")?;
                ensure(item["status"] == "in_progress", "done at once")?;
            }
            "reasoning" => ensure(list(item, "summary")?.is_empty(), "a summary at once")?,
            "function_call" => {
                ensure(!text(item, "name")?.is_empty(), "no name")?;
                ensure(!text(item, "call_id")?.is_empty(), "no call_id")?;
                ensure(text(item, "arguments")?.is_empty(), "arguments at once")?;
            }
            "custom_tool_call" => ensure(text(item, "input")?.is_empty(), "input at once")?,
            _ => {}
        }
        self.open = Some(Item {
            added: item.clone(),
            parts: Vec::new(),
            part: None,
            arguments: String::new(),
            arguments_done: None,
        });
        Ok(())
    }

    fn item_done(&mut self, event: &Value) -> Result<(), String> {
        let open = self.open.take().ok_or("no item is open")?;
        ensure(
            event["output_index"] == self.done.len(),
            "another output_index",
        )?;
        let item = &event["item"];
        for name in ["id", "type", "role", "call_id", "name", "namespace"] {
            ensure(
                item[name] == open.added[name],
                &format!("the item's {name} has changed"),
            )?;
        }
        ensure(open.part.is_none(), "a part is still open")?;
        match text(item, "type")? {
            "message" => {
                ensure(
                    list(item, "content")? == open.parts,
                    "the content is not what its parts were",
                )?;
                ensure(
                    matches!(text(item, "status")?, "completed" | "incomplete"),
                    "not done",
                )?;
            }
            "reasoning" => ensure(
                list(item, "summary")? == open.parts,
                "the summary is not what its parts were",
            )?,
            "function_call" => {
                ensure(
                    item["arguments"].as_str() == open.arguments_done.as_deref(),
                    "other arguments",
                )?;
                ensure(item["status"] == "completed", "not done")?;
                let arguments = open.arguments_done.unwrap_or_default();
                ensure(!arguments.is_empty(), "arguments are no JSON")?;
            }
            "custom_tool_call" => ensure(
                item["input"].as_str() == open.arguments_done.as_deref(),
                "other input",
            )?,
            _ => {}
        }
        self.done.push(item.clone());
        Ok(())
    }

    fn inside(&mut self, kind: &str, event: &Value) -> Result<(), String> {
        let index = self.done.len();
        let item = self.open.as_mut().ok_or("no item is open")?;
        ensure(event["output_index"] == index, "another output_index")?;
        ensure(event["item_id"] == item.added["id"], "another item_id")?;
        let of = text(&item.added, "type")?.to_owned();
        let rest = kind.strip_prefix("response.").ok_or("an unknown event")?;
        let (owner, place) = match rest {
            "output_text.delta"
            | "output_text.done"
            | "output_text.annotation.added"
            | "refusal.delta"
            | "refusal.done"
            | "content_part.added"
            | "content_part.done" => ("message", "content_index"),
            "reasoning_summary_part.added"
            | "reasoning_summary_part.done"
            | "reasoning_summary_text.delta"
            | "reasoning_summary_text.done" => ("reasoning", "summary_index"),
            "function_call_arguments.delta" | "function_call_arguments.done" => {
                ("function_call", "")
            }
            "custom_tool_call_input.delta" | "custom_tool_call_input.done" => {
                ("custom_tool_call", "")
            }
            _ => return Err("an unknown event".to_owned()),
        };
        ensure(of == owner, &format!("{kind} inside of a {of}"))?;
        if !place.is_empty() {
            ensure(
                event[place] == item.parts.len(),
                &format!("another {place}"),
            )?;
        }
        match rest {
            "content_part.added" | "reasoning_summary_part.added" => {
                ensure(item.part.is_none(), "two parts at once")?;
                item.part = Some(Part::begin(&event["part"])?);
            }
            "content_part.done" | "reasoning_summary_part.done" => {
                let part = item.part.take().ok_or("no part is open")?;
                part.end(&event["part"])?;
                item.parts.push(event["part"].clone());
            }
            "function_call_arguments.delta" | "custom_tool_call_input.delta" => {
                ensure(item.arguments_done.is_none(), "more after its end")?;
                item.arguments.push_str(text(event, "delta")?);
            }
            "function_call_arguments.done" => {
                ensure(item.arguments_done.is_none(), "done twice")?;
                let whole = text(event, "arguments")?;
                ensure(whole == item.arguments, "not the sum of its deltas")?;
                item.arguments_done = Some(whole.to_owned());
            }
            "custom_tool_call_input.done" => {
                ensure(item.arguments_done.is_none(), "done twice")?;
                let whole = text(event, "input")?;
                ensure(whole == item.arguments, "not the sum of its deltas")?;
                item.arguments_done = Some(whole.to_owned());
            }
            _ => item
                .part
                .as_mut()
                .ok_or("no part is open")?
                .grow(rest, event)?,
        }
        Ok(())
    }
}

impl Part {
    fn begin(part: &Value) -> Result<Self, String> {
        let kind = text(part, "type")?.to_owned();
        let words = text(part, if kind == "refusal" { "refusal" } else { "text" })?;
        ensure(words.is_empty(), "text at once")?;
        Ok(Self {
            kind,
            text: String::new(),
            text_done: false,
            annotations: Vec::new(),
            logprobs: Vec::new(),
        })
    }

    fn grow(&mut self, event: &str, data: &Value) -> Result<(), String> {
        ensure(!self.text_done, "more after its end")?;
        let (kind, step) = event.split_once('.').unwrap_or_default();
        let of = match kind {
            "refusal" => "refusal",
            "output_text" => "output_text",
            _ => "summary_text",
        };
        ensure(self.kind == of, "of another kind than its part")?;
        match step {
            "delta" => {
                let delta = text(data, "delta")?;
                ensure(!delta.is_empty(), "an empty delta")?;
                self.text.push_str(delta);
                if of == "output_text" {
                    self.logprobs.extend(list(data, "logprobs")?);
                }
            }
            "annotation.added" => {
                ensure(
                    data["annotation_index"] == self.annotations.len(),
                    "annotation_index does not count up",
                )?;
                text(&data["annotation"], "type")?;
                self.annotations.push(data["annotation"].clone());
            }
            _ => {
                let place = if of == "refusal" { "refusal" } else { "text" };
                ensure(text(data, place)? == self.text, "not the sum of its deltas")?;
                if of == "output_text" {
                    let all = list(data, "logprobs")?;
                    ensure(all.starts_with(&self.logprobs), "other logprobs")?;
                    self.logprobs = all;
                }
                self.text_done = true;
            }
        }
        Ok(())
    }

    fn end(self, part: &Value) -> Result<(), String> {
        ensure(self.text_done, "its text is not done")?;
        ensure(part["type"] == self.kind.as_str(), "of another kind")?;
        let place = if self.kind == "refusal" {
            "refusal"
        } else {
            "text"
        };
        ensure(text(part, place)? == self.text, "another text")?;
        if self.kind == "output_text" {
            ensure(
                list(part, "annotations")? == self.annotations,
                "other annotations",
            )?;
            ensure(list(part, "logprobs")? == self.logprobs, "other logprobs")?;
        }
        Ok(())
    }
}
