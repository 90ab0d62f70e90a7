//! What a model answers on the playground, put together from the events of a stream or from a whole
//! answer of Chat Completions.

use domain::NanoUsd;
use leptos::serde_json::{self, Value};
use serde::{Deserialize, Serialize};

/// One model's answer, as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    pub model: String,
    /// More is to come.
    pub running: bool,
    /// The HTTP status; 0 before there is one.
    pub status: u16,
    pub text: String,
    /// What the model thought before, where it tells.
    pub reasoning: String,
    /// Calls of tools: name and arguments.
    pub calls: Vec<(String, String)>,
    /// Why there is no answer, or no end of it.
    pub error: Option<String>,
    pub request_id: Option<String>,
    /// Of the response, those that say something about it.
    pub headers: Vec<(String, String)>,
    pub receipt: Option<Receipt>,
}

/// What the ledger says of the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Cached ones included.
    pub input: u64,
    pub cached: u64,
    pub output: u64,
    pub estimated: bool,
    /// `None`: the model has no price.
    pub cost: Option<NanoUsd>,
    /// Milliseconds.
    pub first_chunk_ms: Option<u32>,
    pub duration_ms: u32,
    /// Who answered.
    pub backend: Option<String>,
    /// How many calls that took.
    pub attempts: u32,
}

impl Answered {
    #[must_use]
    pub fn of(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            running: true,
            ..Self::default()
        }
    }

    /// Takes the head of the response.
    pub fn take_head(&mut self, status: u16, headers: impl Iterator<Item = (String, String)>) {
        self.status = status;
        for (name, value) in headers {
            if name == "x-request-id" {
                self.request_id = Some(value.clone());
            }
            let own = name.starts_with("x-provider")
                || name.starts_with("x-llm-router")
                || name.starts_with("x-ratelimit")
                || name == "x-request-id"
                || name == "retry-after";
            if own {
                self.headers.push((name, value));
            }
        }
        self.headers.sort();
    }

    /// Takes a whole answer, or why there is none.
    pub fn take_body(&mut self, body: &[u8]) {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            self.error = Some(format!("The server answered with HTTP {}.", self.status));
            return;
        };
        if !self.take_error(&body) {
            self.take(&body["choices"][0]["message"]);
        }
    }

    /// Takes the data of one event of a stream.
    pub fn take_event(&mut self, data: &str) {
        let Ok(event) = serde_json::from_str::<Value>(data) else {
            return;
        };
        if !self.take_error(&event) {
            self.take(&event["choices"][0]["delta"]);
        }
    }

    fn take_error(&mut self, value: &Value) -> bool {
        let error = &value["error"];
        if error.is_null() {
            return false;
        }
        let message = error["message"].as_str().or(error.as_str());
        self.error = Some(message.unwrap_or("The request failed.").to_owned());
        true
    }

    fn take(&mut self, part: &Value) {
        if let Some(text) = part["content"].as_str() {
            self.text.push_str(text);
        }
        let thought = part["reasoning_content"].as_str();
        if let Some(thought) = thought.or(part["reasoning"].as_str()) {
            self.reasoning.push_str(thought);
        }
        for (position, call) in part["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let index = call["index"].as_u64().and_then(|n| usize::try_from(n).ok());
            let index = index.unwrap_or(position);
            // A provider's own numbers are no reason to make room without end.
            if index > 1_000 {
                continue;
            }
            if self.calls.len() <= index {
                self.calls.resize(index + 1, Default::default());
            }
            let (name, arguments) = &mut self.calls[index];
            name.push_str(call["function"]["name"].as_str().unwrap_or_default());
            arguments.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
    }
}

/// Cuts a stream of server-sent events into the data of its events.
#[derive(Debug, Default)]
pub struct Events {
    buffer: Vec<u8>,
}

impl Events {
    /// The data of the events that are complete with these bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        self.buffer.extend_from_slice(bytes);
        let mut complete = Vec::new();
        while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let event = String::from_utf8_lossy(&event);
            let data = event.lines().filter_map(|line| line.strip_prefix("data:"));
            let data: Vec<&str> = data.map(str::trim_start).collect();
            if !data.is_empty() {
                complete.push(data.join("\n"));
            }
        }
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_put_together_however_it_is_cut() {
        let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"Hé\"}}]}\n\n: alive\n\n\
                      data: {\"choices\":[{\"delta\":{\"content\":\"llo\",\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}}]}\n\n\
                      data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}}]}}]}\n\n\
                      data: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n";
        for size in [1, 2, 7, 1_000] {
            let (mut events, mut answer) = (Events::default(), Answered::of("m"));
            for piece in stream.as_bytes().chunks(size) {
                for data in events.push(piece) {
                    answer.take_event(&data);
                }
            }
            assert_eq!(answer.text, "Héllo", "{size}");
            assert_eq!(answer.calls, [("f".to_owned(), "{}".to_owned())]);
            assert_eq!(answer.error, None);
        }
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        let mut answer = Answered::of("m");
        let headers = [("x-request-id", "r"), ("date", "d"), ("retry-after", "5")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        answer.take_head(429, headers.into_iter());
        answer.take_body(br#"{"error":{"message":"Monthly budget exceeded"}}"#);
        assert_eq!(answer.error.as_deref(), Some("Monthly budget exceeded"));
        assert_eq!(answer.request_id.as_deref(), Some("r"));
        assert_eq!(answer.headers.len(), 2);
        answer.take_body(b"<html>");
        assert!(answer.error.expect("words").contains("429"));
    }
}
