//! Goes on with an answer that broke off: what the client has heard so far is put behind the conversation,
//! as the beginning of the model's own turn, and the events of the answer to that become the rest of the
//! first one. Only texts can be gone on with; and only in dialects in which a model takes up a turn that
//! has begun.

use bytes::Bytes;
use domain::Dialect;
use serde_json::{Value, json};

use crate::json;

/// Whether answers of this dialect can be gone on with.
#[must_use]
pub const fn is_possible(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::OpenaiChat | Dialect::AnthropicMessages)
}

/// What a client has heard of an answer.
#[derive(Clone, Debug)]
pub struct Heard {
    dialect: Dialect,
    text: String,
    /// Anthropic's block that is open.
    block: Option<u64>,
    /// There is something else than one text, or the text has ended.
    closed: bool,
}

impl Heard {
    #[must_use]
    pub const fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            text: String::new(),
            block: None,
            closed: false,
        }
    }

    /// The client is handed these events.
    pub fn events(&mut self, events: &[u8]) {
        for data in data_of(events) {
            match self.dialect {
                Dialect::AnthropicMessages => self.messages_event(&data),
                _ => self.chat_chunk(&data),
            }
        }
    }

    fn messages_event(&mut self, data: &Value) {
        match data["type"].as_str() {
            Some("content_block_start") => match data["content_block"]["type"].as_str() {
                Some("text") if self.block.is_none() && self.text.is_empty() => {
                    self.block = data["index"].as_u64();
                }
                _ => self.closed = true,
            },
            Some("content_block_delta") => match data["delta"]["text"].as_str() {
                Some(text) => self.text.push_str(text),
                None => self.closed = true,
            },
            Some("content_block_stop" | "message_delta" | "message_stop" | "error") => {
                self.closed = true;
            }
            _ => {}
        }
    }

    fn chat_chunk(&mut self, data: &Value) {
        let Some(choices) = data["choices"].as_array() else {
            // The end of the stream, or an error.
            self.closed = true;
            return;
        };
        for choice in choices {
            let delta = &choice["delta"];
            let other = choice["index"].as_u64() != Some(0)
                || !choice["finish_reason"].is_null()
                || ["tool_calls", "function_call", "refusal", "audio"]
                    .iter()
                    .any(|name| !delta[*name].is_null());
            self.closed |= other;
            if let Some(text) = delta["content"].as_str() {
                self.text.push_str(text);
            }
        }
    }

    /// The client's request, with what it has heard as the beginning of the answer; and what turns the
    /// events of the new answer into the rest of the old one. `None`: it cannot be gone on with.
    #[must_use]
    pub fn go_on(&self, body: &[u8]) -> Option<(Bytes, Rest)> {
        // A turn that ends with a blank is refused; the model begins its own rest with one.
        let begun = self.text.trim_end();
        let open = self.dialect != Dialect::AnthropicMessages || self.block.is_some();
        if self.closed || begun.is_empty() || !open {
            return None;
        }
        let messages = json::member_at(body, &(0..body.len()), "messages")?;
        let last = json::elements(body, messages).pop()?;
        let turn = json!({"role": "assistant", "content": begun}).to_string();
        let mut longer = Vec::with_capacity(body.len() + turn.len() + 1);
        longer.extend_from_slice(&body[..last.end]);
        longer.push(b',');
        longer.extend_from_slice(turn.as_bytes());
        longer.extend_from_slice(&body[last.end..]);
        let rest = Rest {
            dialect: self.dialect,
            block: self.block.unwrap_or(0),
            shift: None,
            blank_told: begun.len() < self.text.len(),
        };
        Some((longer.into(), rest))
    }
}

/// Turns the events of a second answer into the rest of the first.
#[derive(Clone, Debug)]
pub struct Rest {
    dialect: Dialect,
    /// Anthropic's block that is open at the client.
    block: u64,
    /// How much blocks of the second answer are further on; known with its first.
    shift: Option<u64>,
    /// The client has heard the blank that the second answer begins with.
    blank_told: bool,
}

impl Rest {
    /// The events as the client is to hear them.
    #[must_use]
    pub fn events(&mut self, events: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(events.len());
        for event in split(events) {
            match data(event) {
                None => out.extend_from_slice(event),
                Some(data) => match self.dialect {
                    Dialect::AnthropicMessages => self.messages_event(event, data, &mut out),
                    _ => self.chat_chunk(data, &mut out),
                },
            }
        }
        out.into()
    }

    fn messages_event(&mut self, event: &[u8], mut data: Value, out: &mut Vec<u8>) {
        let kind = data["type"].as_str().unwrap_or_default().to_owned();
        let mut put = |kind: &str, data: &Value| {
            out.extend_from_slice(format!("event: {kind}\ndata: {data}\n\n").as_bytes());
        };
        match kind.as_str() {
            // It has begun long ago.
            "message_start" => return,
            "content_block_start" if self.shift.is_none() => {
                if data["content_block"]["type"] == "text" {
                    self.shift = Some(self.block);
                    return;
                }
                let stop = json!({"type": "content_block_stop", "index": self.block});
                put("content_block_stop", &stop);
                self.shift = Some(self.block + 1);
            }
            "content_block_delta" => {
                if let Some(text) = data.pointer_mut("/delta/text")
                    && let Some(said) = text.as_str()
                {
                    *text = self.without_blank(said).into();
                }
            }
            // The model had nothing to add: the block that is open ends.
            "message_delta" if self.shift.is_none() => {
                let stop = json!({"type": "content_block_stop", "index": self.block});
                put("content_block_stop", &stop);
                self.shift = Some(self.block + 1);
            }
            _ => {}
        }
        match data["index"].as_u64() {
            Some(index) => {
                data["index"] = (index + self.shift.unwrap_or(self.block)).into();
                put(&kind, &data);
            }
            None => out.extend_from_slice(event),
        }
    }

    fn chat_chunk(&mut self, mut data: Value, out: &mut Vec<u8>) {
        // By index would panic for what is no object, and add what is not there.
        let choices = data.get_mut("choices").and_then(Value::as_array_mut);
        let mut says = choices.as_ref().is_none_or(|choices| choices.is_empty());
        for choice in choices.into_iter().flatten() {
            says |= !choice["finish_reason"].is_null();
            let Some(delta) = choice.get_mut("delta").and_then(Value::as_object_mut) else {
                continue;
            };
            delta.remove("role");
            if let Some(text) = delta.get("content").and_then(Value::as_str) {
                let text = self.without_blank(text);
                if text.is_empty() {
                    delta.remove("content");
                } else {
                    delta.insert("content".to_owned(), text.into());
                }
            }
            says |= !delta.is_empty();
        }
        // What only says who speaks has been said.
        if says {
            out.extend_from_slice(format!("data: {data}\n\n").as_bytes());
        }
    }

    fn without_blank(&mut self, text: &str) -> String {
        if !self.blank_told {
            return text.to_owned();
        }
        let rest = text.trim_start();
        self.blank_told = rest.is_empty();
        rest.to_owned()
    }
}

/// The events of a piece, each with the empty line behind it.
fn split(events: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = events;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let ends = [&b"\n\n"[..], b"\r\n\r\n"];
        let end = ends
            .iter()
            .filter_map(|end| Some(memchr::memmem::find(rest, end)? + end.len()))
            .min()
            .unwrap_or(rest.len());
        let (event, others) = rest.split_at(end);
        rest = others;
        Some(event)
    })
}

/// What an event carries, if it is JSON.
fn data(event: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(event).ok()?;
    let data: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(str::trim_start)
        .collect();
    serde_json::from_str(&data.join("\n")).ok()
}

fn data_of(events: &[u8]) -> impl Iterator<Item = Value> {
    // What is no JSON, such as `[DONE]`, is the end.
    split(events)
        .filter(|event| event.windows(5).any(|window| window == b"data:"))
        .map(|event| data(event).unwrap_or(Value::Null))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(delta: Value, finish: Value) -> String {
        let chunk =
            json!({"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
        format!("data: {chunk}\n\n")
    }

    fn messages(mut data: Value, kind: &str) -> String {
        data["type"] = kind.into();
        format!("event: {kind}\ndata: {data}\n\n")
    }

    const CHAT: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}"#;

    #[test]
    fn what_is_no_chunk_goes_through_as_it_is() {
        let mut heard = Heard::new(Dialect::OpenaiChat);
        heard.events(chat(json!({"content": "Hello"}), Value::Null).as_bytes());
        let (_, mut rest) = heard.go_on(CHAT.as_bytes()).expect("a text");
        for odd in [
            r"1",
            r#"{"error":{"message":"x"}}"#,
            r#"{"usage":{"total_tokens":3}}"#,
        ] {
            let event = format!("data: {odd}\n\n");
            assert_eq!(rest.events(event.as_bytes()), event);
        }
        // Nothing that can be said, and nothing to fall over.
        let event = "data: {\"choices\":[\"x\",{\"index\":0}]}\n\n";
        assert_eq!(rest.events(event.as_bytes()), "");
    }

    #[test]
    fn a_chat_goes_on_where_it_broke_off() {
        let mut heard = Heard::new(Dialect::OpenaiChat);
        heard.events(chat(json!({"role": "assistant", "content": ""}), Value::Null).as_bytes());
        heard.events(chat(json!({"content": "Hello "}), Value::Null).as_bytes());
        let (body, mut rest) = heard.go_on(CHAT.as_bytes()).expect("a text");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(
            body["messages"][1],
            json!({"role": "assistant", "content": "Hello"})
        );
        assert_eq!(
            (&body["model"], &body["stream"]),
            (&json!("m"), &json!(true))
        );
        let first = chat(json!({"role": "assistant", "content": ""}), Value::Null);
        assert_eq!(
            rest.events(first.as_bytes()),
            "",
            "it has been said who speaks"
        );
        let piece = chat(json!({"content": " wor"}), Value::Null)
            + &chat(json!({"content": " ld"}), Value::Null);
        let expected = chat(json!({"content": "wor"}), Value::Null)
            + &chat(json!({"content": " ld"}), Value::Null);
        assert_eq!(rest.events(piece.as_bytes()), expected);
        let end = chat(json!({}), json!("stop")) + "data: [DONE]\n\n";
        assert_eq!(rest.events(end.as_bytes()), end);
    }

    #[test]
    fn a_message_goes_on_in_the_block_that_is_open() {
        let mut heard = Heard::new(Dialect::AnthropicMessages);
        let start = messages(json!({"message": {"id": "a"}}), "message_start")
            + &messages(
                json!({"index": 0, "content_block": {"type": "text", "text": ""}}),
                "content_block_start",
            )
            + &messages(json!({}), "ping")
            + &messages(
                json!({"index": 0, "delta": {"type": "text_delta", "text": "one"}}),
                "content_block_delta",
            );
        heard.events(start.as_bytes());
        let (_, mut rest) = heard.go_on(CHAT.as_bytes()).expect("a text");
        assert_eq!(
            rest.events(
                (messages(json!({"message": {"id": "b"}}), "message_start")
                    + &messages(
                        json!({"index": 0, "content_block": {"type": "text", "text": ""}}),
                        "content_block_start"
                    ))
                    .as_bytes()
            ),
            ""
        );
        let delta = messages(
            json!({"index": 0, "delta": {"type": "text_delta", "text": " two"}}),
            "content_block_delta",
        );
        assert_eq!(rest.events(delta.as_bytes()), delta);
        // What comes behind it is a block further on only if the first was another.
        let tool = messages(
            json!({"index": 1, "content_block": {"type": "tool_use"}}),
            "content_block_start",
        );
        assert_eq!(rest.events(tool.as_bytes()), tool);
        let end = messages(
            json!({"delta": {"stop_reason": "end_turn"}}),
            "message_delta",
        ) + &messages(json!({}), "message_stop");
        assert_eq!(rest.events(end.as_bytes()), end);
        // A second answer that begins with a tool, and one that has nothing to add.
        let (_, mut rest) = heard.go_on(CHAT.as_bytes()).expect("a text");
        let tool = messages(
            json!({"index": 0, "content_block": {"type": "tool_use"}}),
            "content_block_start",
        );
        let expected = messages(json!({"index": 0}), "content_block_stop")
            + &messages(
                json!({"index": 1, "content_block": {"type": "tool_use"}}),
                "content_block_start",
            );
        assert_eq!(rest.events(tool.as_bytes()), expected);
        let (_, mut rest) = heard.go_on(CHAT.as_bytes()).expect("a text");
        let ended = String::from_utf8(rest.events(end.as_bytes()).to_vec()).expect("text");
        assert_eq!(
            ended,
            messages(json!({"index": 0}), "content_block_stop") + &end
        );
    }

    #[test]
    fn what_is_more_than_a_text_or_has_ended_is_not_gone_on_with() {
        let text = chat(json!({"content": "x"}), Value::Null);
        for more in [
            chat(json!({"tool_calls": [{"index": 0}]}), Value::Null),
            chat(json!({}), json!("stop")),
            "data: [DONE]\n\n".to_owned(),
            text.replace("\"index\":0", "\"index\":1"),
        ] {
            let mut heard = Heard::new(Dialect::OpenaiChat);
            heard.events((text.clone() + &more).as_bytes());
            assert!(heard.go_on(CHAT.as_bytes()).is_none(), "{more}");
        }
        let block = |kind: &str| {
            messages(
                json!({"index": 0, "content_block": {"type": kind, "text": ""}}),
                "content_block_start",
            )
        };
        let delta = messages(
            json!({"index": 0, "delta": {"type": "text_delta", "text": "x"}}),
            "content_block_delta",
        );
        let stop = messages(json!({"index": 0}), "content_block_stop");
        for events in [
            block("thinking"),
            block("text") + &delta + &stop,
            block("text"),
            block("text") + &delta + &block("tool_use"),
        ] {
            let mut heard = Heard::new(Dialect::AnthropicMessages);
            heard.events(events.as_bytes());
            assert!(heard.go_on(CHAT.as_bytes()).is_none(), "{events}");
        }
    }
}
