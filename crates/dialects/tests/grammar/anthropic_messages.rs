//! The rules of a complete Messages stream that Anthropic's SDKs and agents rely on, checked event by
//! event. A stream that ends in an `error` event is complete as well; one that is cut off is not.

use std::collections::HashSet;

use serde_json::Value;

/// Checks a whole stream.
///
/// # Errors
/// The rule that is broken, with the number of the event (from 1) and its data.
pub fn check(sse: &str) -> Result<(), String> {
    let mut stream = Stream::default();
    let body = sse
        .strip_suffix("\n\n")
        .ok_or("the last event is not ended by a blank line")?;
    for (n, block) in body.split("\n\n").enumerate() {
        stream
            .event(block)
            .map_err(|why| format!("event {}: {why}: {block}", n + 1))?;
    }
    if !stream.over {
        return Err("the stream ends without message_stop".to_owned());
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Stream {
    started: bool,
    delta_seen: bool,
    over: bool,
    next_index: u64,
    open: Option<Block>,
    calls: bool,
    /// A call's input is no object, which only a limit of tokens excuses.
    cut_input: bool,
    ids: HashSet<String>,
}

#[derive(Debug)]
struct Block {
    kind: String,
    json: String,
    text: bool,
    signed: bool,
}

fn require(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}

impl Stream {
    fn event(&mut self, block: &str) -> Result<(), String> {
        if block.starts_with(':') {
            return require(!block.contains('\n'), "a comment stands alone");
        }
        require(!self.over, "nothing follows the end")?;
        let mut lines = block.split('\n');
        let name = lines.next().and_then(|line| line.strip_prefix("event: "));
        let name = name.ok_or("the first line names the event")?;
        let data = lines.next().and_then(|line| line.strip_prefix("data: "));
        let data = data.ok_or("the second line is the data")?;
        require(lines.next().is_none(), "there are two lines")?;
        let data: Value = serde_json::from_str(data).map_err(|e| e.to_string())?;
        require(data["type"] == name, "the data's type is the event's name")?;
        match name {
            "message_start" => self.message_start(&data["message"]),
            "content_block_start" => self.block_start(&data),
            "content_block_delta" => self.block_delta(&data),
            "content_block_stop" => self.block_stop(&data),
            "message_delta" => self.message_delta(&data),
            "message_stop" => {
                require(self.delta_seen, "message_delta comes before message_stop")?;
                self.over = true;
                Ok(())
            }
            "ping" => require(self.started, "message_start comes first"),
            "error" => {
                self.over = true;
                require(data["error"]["type"].is_string(), "an error has a type")?;
                require(data["error"]["message"].is_string(), "and a message")
            }
            _ => Err("no SDK knows this event".to_owned()),
        }
    }

    fn message_start(&mut self, message: &Value) -> Result<(), String> {
        require(!self.started, "there is one message_start")?;
        self.started = true;
        let id = message["id"].as_str().unwrap_or_default();
        require(id.starts_with("msg_"), "the id begins with msg_")?;
        require(message["type"] == "message", "it is a message")?;
        require(message["role"] == "assistant", "of the assistant")?;
        require(message["model"].is_string(), "with a model")?;
        require(
            message["content"] == Value::Array(Vec::new()),
            "still empty",
        )?;
        for member in ["stop_reason", "stop_sequence"] {
            require(message.get(member) == Some(&Value::Null), "not yet stopped")?;
        }
        counts(&message["usage"], &["input_tokens", "output_tokens"])
    }

    fn block_start(&mut self, data: &Value) -> Result<(), String> {
        require(
            self.started && !self.delta_seen,
            "blocks stand in the message",
        )?;
        require(self.open.is_none(), "blocks do not overlap")?;
        require(data["index"] == self.next_index, "indices count from 0")?;
        let block = &data["content_block"];
        let kind = block["type"].as_str().ok_or("a block has a type")?;
        match kind {
            "text" => require(block["text"] == "", "text begins empty")?,
            "thinking" => {
                require(block["thinking"] == "", "thinking begins empty")?;
                require(block["signature"] == "", "and unsigned")?;
            }
            "redacted_thinking" => require(block["data"].is_string(), "it is whole")?,
            "tool_use" => {
                self.calls = true;
                require(
                    block["input"] == serde_json::json!({}),
                    "input begins empty",
                )?;
                let text = |member: &str| block[member].as_str().unwrap_or_default();
                require(!text("name").is_empty(), "a call has a name")?;
                let id = text("id");
                let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
                require(!id.is_empty() && id.bytes().all(fits), "and an id")?;
                require(self.ids.insert(id.to_owned()), "of its own")?;
            }
            _ => {}
        }
        self.open = Some(Block {
            kind: kind.to_owned(),
            json: String::new(),
            text: false,
            signed: false,
        });
        Ok(())
    }

    fn block_delta(&mut self, data: &Value) -> Result<(), String> {
        require(
            data["index"] == self.next_index,
            "deltas name the open block",
        )?;
        let block = self.open.as_mut().ok_or("deltas stand in a block")?;
        let delta = &data["delta"];
        let kind = delta["type"].as_str().unwrap_or_default();
        match (kind, block.kind.as_str()) {
            ("text_delta", "text") => {
                block.text = true;
                require(delta["text"].is_string(), "a text delta has text")
            }
            ("citations_delta", "text") => {
                block.text = true;
                require(delta["citation"].is_object(), "a citation is an object")
            }
            ("thinking_delta", "thinking") => {
                require(!block.signed, "the signature comes last")?;
                require(delta["thinking"].is_string(), "a thinking delta has text")
            }
            ("signature_delta", "thinking") => {
                require(!block.signed, "there is one signature")?;
                block.signed = true;
                require(delta["signature"].is_string(), "a signature is a string")
            }
            ("input_json_delta", "tool_use" | "server_tool_use" | "mcp_tool_use") => {
                let json = delta["partial_json"].as_str();
                block.json.push_str(json.ok_or("partial_json is a string")?);
                Ok(())
            }
            _ => Err("this delta does not belong into this block".to_owned()),
        }
    }

    fn block_stop(&mut self, data: &Value) -> Result<(), String> {
        require(
            data["index"] == self.next_index,
            "stops name the open block",
        )?;
        let block = self.open.take().ok_or("stops end a block")?;
        self.next_index += 1;
        require(block.kind != "text" || block.text, "no text is blank")?;
        if !block.json.is_empty() {
            let input: Result<Value, _> = serde_json::from_str(&block.json);
            self.cut_input |= !input.is_ok_and(|i| i.is_object());
        }
        Ok(())
    }

    fn message_delta(&mut self, data: &Value) -> Result<(), String> {
        require(self.started, "message_start comes first")?;
        require(self.open.is_none(), "every block is stopped")?;
        require(!self.delta_seen, "there is one message_delta")?;
        self.delta_seen = true;
        let reason = data["delta"]["stop_reason"].as_str();
        const REASONS: [&str; 8] = [
            "end_turn",
            "max_tokens",
            "stop_sequence",
            "tool_use",
            "pause_turn",
            "compaction",
            "refusal",
            "model_context_window_exceeded",
        ];
        require(
            reason.is_some_and(|r| REASONS.contains(&r)),
            "the reason is one of the API's",
        )?;
        require(
            reason != Some("end_turn") || !self.calls,
            "an answer with calls does not end the turn",
        )?;
        let limits = [Some("max_tokens"), Some("model_context_window_exceeded")];
        require(
            !self.cut_input || limits.contains(&reason),
            "a call's input is an object",
        )?;
        let sequence = data["delta"].get("stop_sequence");
        require(
            matches!(sequence, Some(Value::Null | Value::String(_))),
            "stop_sequence is there",
        )?;
        counts(
            &data["usage"],
            &[
                "input_tokens",
                "output_tokens",
                "cache_creation_input_tokens",
                "cache_read_input_tokens",
            ],
        )
    }
}

fn counts(usage: &Value, names: &[&str]) -> Result<(), String> {
    for name in names {
        require(usage[name].is_u64(), &format!("usage has {name}"))?;
    }
    Ok(())
}
