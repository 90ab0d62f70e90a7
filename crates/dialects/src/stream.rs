//! Reads a stream while it is handed on: where the answer begins and ends, what was used, and which
//! few bytes must change. One reader per stream, fed event by event.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use domain::{Dialect, ServiceTier, TokenUsage, Used};
use memchr::memmem;

use crate::{
    ErrorKind, WireError, anthropic_messages, json, openai_chat, openai_completions,
    openai_responses, sse,
};

/// A failure that the upstream reported inside its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFailure {
    /// The HTTP status that it would have had, where it tells.
    pub status: Option<u16>,
    pub message: String,
}

/// What one event tells; filled by the dialects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFacts {
    /// The model has said something: from here on no other deployment can take over unseen.
    pub content: bool,
    /// Bytes of output in this event, to estimate tokens from if the usage never comes.
    pub content_bytes: usize,
    /// Where the model's name stands in the data.
    pub model_at: Option<Range<usize>>,
    pub usage: Option<TokenUsage>,
    /// The service tier that is billed, where the event tells it.
    pub tier: Option<ServiceTier>,
    /// The usage is the whole answer's and not an interim figure.
    pub final_usage: bool,
    /// The event carries the usage and nothing else.
    pub usage_only: bool,
    /// The model has said why it stopped.
    pub finished: bool,
    /// The event ends the stream.
    pub terminal: bool,
    pub failure: Option<StreamFailure>,
}

/// What to do with one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The event as the client gets it; `None` where it gets nothing.
    pub forward: Option<Bytes>,
    pub content: bool,
    /// The model has said why it stopped; an OpenAI stream is then complete even without `[DONE]`.
    pub finished: bool,
    pub terminal: bool,
    pub failure: Option<StreamFailure>,
}

/// An event that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of its stream is not valid JSON: {0}")]
pub struct BrokenEvent(pub(crate) String);

impl From<crate::node::Mismatch> for BrokenEvent {
    fn from(mismatch: crate::node::Mismatch) -> Self {
        Self(mismatch.to_string())
    }
}

/// Reads one stream.
#[derive(Debug)]
pub struct StreamReader {
    dialect: Dialect,
    /// The name that the client asked for, as a JSON string.
    asked_model: Vec<u8>,
    wants_usage_chunk: bool,
    metered: Metered,
}

impl StreamReader {
    /// `wants_usage_chunk`: whether the client asked to see the usage; see
    /// [`crate::RequestHead::wants_usage_chunk`].
    #[must_use]
    pub fn new(dialect: Dialect, asked_model: &str, wants_usage_chunk: bool) -> Self {
        Self {
            dialect,
            asked_model: json::encode_string(asked_model).into_bytes(),
            wants_usage_chunk,
            metered: Metered::default(),
        }
    }

    /// Reads one event, as cut by [`sse::EventSplitter`].
    ///
    /// # Errors
    /// See [`BrokenEvent`].
    pub fn event(&mut self, event: Bytes) -> Result<Observed, BrokenEvent> {
        let Some(data) = sse::data(&event) else {
            return Ok(Observed {
                forward: Some(event),
                ..Observed::default()
            });
        };
        let text = data.text();
        let facts = match self.dialect {
            Dialect::AnthropicMessages | Dialect::BedrockConverse => {
                anthropic_messages::stream::read_event(text, self.metered.reported)
            }
            Dialect::OpenaiCompletions => openai_completions::stream::read_event(text),
            Dialect::OpenaiResponses => openai_responses::stream::read_event(text),
            Dialect::OpenaiChat | Dialect::OpenaiEmbeddings | Dialect::OpenaiMedia => {
                openai_chat::stream::read_event(text)
            }
        }
        .map_err(|e| BrokenEvent(e.describe(text)))?;
        if let Some(usage) = facts.usage {
            self.metered.reported = usage;
            self.metered.complete = match self.dialect {
                Dialect::AnthropicMessages => facts.final_usage,
                _ => true,
            };
        }
        self.metered.tier = facts.tier.or(self.metered.tier);
        self.metered.content_bytes += facts.content_bytes;
        let dropped = facts.usage_only && !self.wants_usage_chunk;
        let renamed = facts
            .model_at
            .filter(|at| text[at.clone()] != *self.asked_model)
            .map(|at| match &data {
                sse::Data::Line { at: start, .. } => {
                    let at = start + at.start..start + at.end;
                    let mut out = BytesMut::with_capacity(event.len() + self.asked_model.len());
                    out.extend_from_slice(&event[..at.start]);
                    out.extend_from_slice(&self.asked_model);
                    out.extend_from_slice(&event[at.end..]);
                    out.freeze()
                }
                // Nobody sends an object over several lines; should it happen, the answer matters
                // more than the name in it.
                sse::Data::Joined(_) => event.clone(),
            });
        Ok(Observed {
            forward: (!dropped).then(|| renamed.unwrap_or(event)),
            content: facts.content,
            finished: facts.finished,
            terminal: facts.terminal,
            failure: facts.failure,
        })
    }

    /// A typed error event of the router's own; nothing follows it.
    #[must_use]
    pub fn error_event(&self, message: &str, request_id: &str) -> Bytes {
        error_event(self.dialect, message, request_id)
    }

    /// What was used so far: as reported, or, where the upstream has not told, `input_estimate`
    /// tokens of input and the output counted from the text received.
    #[must_use]
    pub fn usage(&self, input_estimate: u64) -> Used {
        self.metered.usage(input_estimate)
    }
}

/// A typed error event of the router's own for a client of `dialect`; nothing follows it.
#[must_use]
pub fn error_event(dialect: Dialect, message: &str, request_id: &str) -> Bytes {
    let error = WireError {
        status: 502,
        kind: ErrorKind::BadGateway,
        message: message.to_owned(),
        param: None,
        code: None,
        request_id: request_id.to_owned(),
    };
    match dialect {
        Dialect::AnthropicMessages | Dialect::BedrockConverse => {
            anthropic_messages::stream::error_event(&error.render(dialect))
        }
        Dialect::OpenaiResponses => openai_responses::stream::error_event(&error.render(dialect)),
        Dialect::OpenaiChat
        | Dialect::OpenaiCompletions
        | Dialect::OpenaiEmbeddings
        | Dialect::OpenaiMedia => openai_chat::stream::error_event(&error.render(dialect)),
    }
}

/// What a stream has used, as far as it has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metered {
    /// As the upstream has reported it so far.
    pub reported: TokenUsage,
    /// The tier that is billed, as the upstream has told it so far.
    pub tier: Option<ServiceTier>,
    /// The report is the whole answer's and not an interim one.
    pub complete: bool,
    /// How much the model has said, in bytes of text.
    pub content_bytes: usize,
}

impl Metered {
    /// What was used so far: as reported, or, where the upstream has not told, `input_estimate`
    /// tokens of input and the output counted from the text received.
    pub fn usage(&self, input_estimate: u64) -> Used {
        let mut tokens = self.reported;
        if !self.complete {
            if tokens.total_input() == 0 {
                tokens.input = input_estimate;
            }
            tokens.output = tokens.output.max(estimate_tokens(self.content_bytes));
        }
        Used {
            tokens,
            tier: self.tier.unwrap_or_default(),
            estimated: !self.complete,
        }
    }
}

/// The tier that a JSON string names, as the upstream says what is billed; capacity that was bought in
/// advance (`scale`, `reserved`) is not billed by the token.
pub(crate) fn tier(value: &[u8]) -> Option<ServiceTier> {
    Some(match value {
        br#""batch""# => ServiceTier::Batch,
        br#""flex""# => ServiceTier::Flex,
        br#""priority""# | br#""fast""# | br#""ultrafast""# => ServiceTier::Priority,
        value if value.starts_with(b"\"") => ServiceTier::Standard,
        _ => return None,
    })
}

/// Tokens in so many bytes of text: four bytes a token, the usual rule for English text, rounded up.
#[must_use]
pub fn estimate_tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}

/// What stands behind each occurrence of a key (given with its quotes), from the first byte of the
/// value on. An escaped quote inside a string never looks like a key.
pub(crate) fn values<'t>(text: &'t [u8], key: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
    memmem::find_iter(text, key).filter_map(move |at| {
        let rest = text[at + key.len()..].trim_ascii_start();
        Some(rest.strip_prefix(b":")?.trim_ascii_start())
    })
}

/// The summed lengths of the strings that stand behind any of `keys` in `text`.
pub(crate) fn count_strings(text: &[u8], keys: &[&[u8]]) -> usize {
    keys.iter()
        .flat_map(|key| values(text, key))
        .filter_map(|value| value.strip_prefix(b"\""))
        .map(string_len)
        .sum()
}

/// The length of a string's content whose opening quote has been read.
fn string_len(text: &[u8]) -> usize {
    let mut from = 0;
    while let Some(found) = memchr::memchr(b'"', &text[from..]) {
        let quote = from + found;
        let backslashes = text[..quote]
            .iter()
            .rev()
            .take_while(|b| **b == b'\\')
            .count();
        if backslashes % 2 == 0 {
            return quote;
        }
        from = quote + 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(
        dialect: Dialect,
        wants_usage: bool,
        events: &[&str],
    ) -> (String, Vec<Observed>, StreamReader) {
        let mut reader = StreamReader::new(dialect, "asked", wants_usage);
        let mut out = String::new();
        let mut seen = Vec::new();
        for event in events {
            let observed = reader
                .event(Bytes::from((*event).to_owned()))
                .expect("a readable event");
            if let Some(forward) = &observed.forward {
                out.push_str(std::str::from_utf8(forward).expect("UTF-8"));
            }
            seen.push(observed);
        }
        (out, seen, reader)
    }

    const CHAT: [&str; 5] = [
        "data: {\"id\":\"1\",\"model\":\"up\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n",
        "data: {\"id\":\"1\",\"model\":\"up\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\\\"bc\"},\"finish_reason\":null}],\"usage\":null}\n\n",
        "data: {\"id\":\"1\",\"model\":\"up\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
        "data: {\"id\":\"1\",\"model\":\"up\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n",
        "data: [DONE]\n\n",
    ];

    #[test]
    fn a_chat_stream_is_renamed_and_metered() {
        let (out, seen, reader) = run(Dialect::OpenaiChat, true, &CHAT);
        assert_eq!(out, CHAT.concat().replace("\"up\"", "\"asked\""));
        let content: Vec<bool> = seen.iter().map(|o| o.content).collect();
        assert_eq!(content, [false, true, true, false, false]);
        assert!(seen[4].terminal && seen[..4].iter().all(|o| !o.terminal));
        let used = reader.usage(100);
        let tokens = used.tokens;
        assert_eq!((tokens.input, tokens.output, used.estimated), (9, 2, false));
    }

    #[test]
    fn a_usage_chunk_that_nobody_asked_for_is_kept_back() {
        let (out, _, reader) = run(Dialect::OpenaiChat, false, &CHAT);
        assert_eq!(
            out,
            [CHAT[0], CHAT[1], CHAT[2], CHAT[4]]
                .concat()
                .replace("\"up\"", "\"asked\"")
        );
        assert_eq!(reader.usage(100).tokens.input, 9);
    }

    #[test]
    fn a_usage_chunk_with_an_empty_choice_is_kept_back_too() {
        let usage = "data: {\"model\":\"asked\",\"choices\":[{\"index\":0,\"delta\":{}}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n";
        let (out, _, reader) = run(Dialect::OpenaiChat, false, &[usage]);
        assert_eq!(out, "");
        assert_eq!(reader.usage(100).tokens.output, 2);
        // What says something besides is never held back.
        let opening = usage.replace("{}", "{\"role\":\"assistant\"}");
        let (out, ..) = run(Dialect::OpenaiChat, false, &[opening.as_str()]);
        assert_eq!(out, opening);
    }

    #[test]
    fn a_stream_cut_off_is_estimated_from_what_came() {
        let (_, _, reader) = run(Dialect::OpenaiChat, false, &CHAT[..2]);
        let used = reader.usage(100);
        let tokens = used.tokens;
        // a\"bc: five bytes as they stand on the wire
        assert_eq!(
            (tokens.input, tokens.output, used.estimated),
            (100, 2, true)
        );
    }

    const MESSAGES: [&str; 6] = [
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"up\",\"content\":[],\"usage\":{\"input_tokens\":10,\"cache_creation_input_tokens\":200,\"cache_read_input_tokens\":1000,\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"12345678\"}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":7}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ];

    #[test]
    fn a_messages_stream_is_renamed_and_metered() {
        let (out, seen, reader) = run(Dialect::AnthropicMessages, true, &MESSAGES);
        assert_eq!(out, MESSAGES.concat().replace("\"up\"", "\"asked\""));
        let content: Vec<bool> = seen.iter().map(|o| o.content).collect();
        assert_eq!(content, [false, false, false, true, true, false]);
        let used = reader.usage(0);
        let expected = TokenUsage {
            input: 10,
            cache_read: 1000,
            cache_write_5m: 200,
            output: 7,
            ..TokenUsage::default()
        };
        assert_eq!((used.tokens, used.estimated), (expected, false));
        let (_, _, cut) = run(Dialect::AnthropicMessages, true, &MESSAGES[..4]);
        let so_far = Used {
            tokens: TokenUsage {
                output: 2,
                ..expected
            },
            estimated: true,
            ..Used::default()
        };
        assert_eq!(cut.usage(0), so_far);
    }

    #[test]
    fn failures_inside_a_stream_are_noticed() {
        let mut reader = StreamReader::new(Dialect::OpenaiChat, "m", true);
        let event =
            Bytes::from_static(b"data: {\"error\":{\"message\":\"broke\",\"code\":500}}\n\n");
        let observed = reader.event(event).expect("readable");
        assert_eq!(
            observed.failure.map(|f| f.message).as_deref(),
            Some("broke")
        );
        assert!(
            reader
                .event(Bytes::from_static(b"data: {oops\n\n"))
                .is_err()
        );
        let mut reader = StreamReader::new(Dialect::AnthropicMessages, "m", true);
        let event = Bytes::from_static(b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n");
        let observed = reader.event(event).expect("readable");
        assert_eq!(
            observed.failure.map(|f| f.message).as_deref(),
            Some("Overloaded")
        );
    }

    #[test]
    fn blanks_in_the_json_change_nothing() {
        let spaced: Vec<String> = CHAT
            .iter()
            .map(|e| e.replace("\":", "\": ").replace(",\"", ", \""))
            .collect();
        let events: Vec<&str> = spaced.iter().map(String::as_str).collect();
        let (_, seen, _) = run(Dialect::OpenaiChat, true, &events);
        let content: Vec<bool> = seen.iter().map(|o| o.content).collect();
        assert_eq!(content, [false, true, true, false, false]);
        assert!(seen[2].finished && !seen[1].finished);
        let (_, _, cut) = run(Dialect::OpenaiChat, false, &events[..2]);
        assert_eq!(cut.usage(100).tokens.output, 2);
    }

    #[test]
    fn comments_and_unknown_events_pass() {
        for event in [
            ": keep-alive\n\n",
            "event: new\ndata: {\"type\":\"new\"}\n\n",
        ] {
            let (out, seen, _) = run(Dialect::AnthropicMessages, true, &[event]);
            assert_eq!(out, event);
            assert!(!seen[0].content && !seen[0].terminal);
        }
    }
}
