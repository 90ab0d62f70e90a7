//! From one dialect to another: the one place that knows which module speaks which. A request is
//! decoded once and encoded for each upstream that is tried; an answer is decoded from the upstream's
//! dialect and encoded in the client's, whole or event by event. Which upstream is asked, and what
//! happens when it fails, is the caller's business.

use std::sync::Arc;

use bytes::Bytes;
use domain::{Dialect, TokenUsage, Used};

use crate::{
    RequestError, ResponseError, anthropic_messages, bedrock_converse,
    ir::{Delta, Event, Part, PartStart, Refused, Request, Response, ServiceTier, Stop, ToolNames},
    openai_chat, openai_completions, openai_responses,
    sequence::Sequencer,
    sse,
    stream::{BrokenEvent, Metered, Observed, StreamFailure, error_event},
    translate::{ClientContext, Encoded, Target},
};

/// Reads a client's request into the neutral form.
///
/// # Errors
/// It cannot be understood; see [`RequestError`].
pub fn decode_request(dialect: Dialect, body: &[u8]) -> Result<Request, RequestError> {
    match dialect {
        Dialect::OpenaiChat => openai_chat::request::decode(body),
        Dialect::OpenaiCompletions => openai_completions::request::decode(body),
        Dialect::OpenaiResponses => openai_responses::request::decode(body),
        Dialect::AnthropicMessages => anthropic_messages::request::decode(body),
        Dialect::OpenaiEmbeddings | Dialect::OpenaiMedia | Dialect::BedrockConverse => {
            Err(RequestError::Malformed(format!(
                "requests of {} are not translated",
                dialect.as_str()
            )))
        }
    }
}

/// Writes a request for an upstream. `betas` are the values of the client's `anthropic-beta`, which
/// Bedrock takes in the body.
///
/// # Errors
/// The upstream's dialect cannot say it; see [`Refused`].
pub fn encode_request(
    request: &Request,
    dialect: Dialect,
    target: &Target<'_>,
    betas: &[&str],
) -> Result<Encoded, Refused> {
    match dialect {
        Dialect::OpenaiResponses => openai_responses::request::encode(request, target),
        Dialect::AnthropicMessages => anthropic_messages::request::encode(request, target),
        Dialect::BedrockConverse => {
            bedrock_converse::request::encode_with_betas(request, target, betas)
        }
        Dialect::OpenaiChat
        | Dialect::OpenaiCompletions
        | Dialect::OpenaiEmbeddings
        | Dialect::OpenaiMedia => openai_chat::request::encode(request, target),
    }
}

/// A whole answer as the client gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct TranslatedAnswer {
    pub body: Vec<u8>,
    /// `None`: the upstream did not tell.
    pub usage: Option<TokenUsage>,
    /// The service tier that is billed.
    pub tier: domain::ServiceTier,
    /// Bytes of text that the model said, to estimate from.
    pub content_bytes: usize,
}

/// Turns a whole answer of an upstream into the client's dialect.
///
/// # Errors
/// It is no answer; see [`ResponseError`].
pub fn translate_answer(
    from: Dialect,
    body: &[u8],
    names: &ToolNames,
    to: Dialect,
    client: &ClientContext,
) -> Result<TranslatedAnswer, ResponseError> {
    let mut response = match from {
        Dialect::OpenaiResponses => openai_responses::response::decode(body),
        Dialect::AnthropicMessages => anthropic_messages::response::decode(body),
        Dialect::BedrockConverse => bedrock_converse::response::decode(body),
        Dialect::OpenaiChat
        | Dialect::OpenaiCompletions
        | Dialect::OpenaiEmbeddings
        | Dialect::OpenaiMedia => openai_chat::response::decode(body),
    }?;
    rename_calls(&mut response, names);
    let body = match to {
        Dialect::OpenaiCompletions => openai_completions::response::encode(&response, client),
        Dialect::OpenaiResponses => openai_responses::response::encode(&response, client),
        Dialect::AnthropicMessages => anthropic_messages::response::encode(&response, client),
        Dialect::OpenaiChat
        | Dialect::OpenaiEmbeddings
        | Dialect::OpenaiMedia
        | Dialect::BedrockConverse => openai_chat::response::encode(&response, client),
    };
    Ok(TranslatedAnswer {
        usage: response.usage.as_ref().map(|usage| usage.tokens),
        tier: response.service_tier.map(billed).unwrap_or_default(),
        content_bytes: response
            .candidates
            .iter()
            .flat_map(|candidate| &candidate.parts)
            .map(said)
            .sum(),
        body,
    })
}

/// A tier as it is billed; capacity that was bought in advance is not billed by the token.
const fn billed(tier: ServiceTier) -> domain::ServiceTier {
    match tier {
        ServiceTier::Auto | ServiceTier::Standard | ServiceTier::Scale => {
            domain::ServiceTier::Standard
        }
        ServiceTier::Flex => domain::ServiceTier::Flex,
        ServiceTier::Priority => domain::ServiceTier::Priority,
    }
}

/// Calls get the client's own names back, and an answer that calls a tool says so: some servers of the
/// OpenAI dialect end it with `stop`.
fn rename_calls(response: &mut Response, names: &ToolNames) {
    for candidate in &mut response.candidates {
        let mut calls = false;
        for part in &mut candidate.parts {
            if let Part::ToolCall { name, .. } = part {
                *name = names.original(std::mem::take(name));
                calls = true;
            }
        }
        if calls && candidate.stop == Stop::End {
            candidate.stop = Stop::ToolUse;
        }
    }
}

fn said(part: &Part) -> usize {
    match part {
        Part::Text { text, .. } | Part::Thinking { text, .. } | Part::Refusal(text) => text.len(),
        Part::ToolCall {
            name, arguments, ..
        } => name.len() + arguments.len(),
        _ => 0,
    }
}

#[derive(Debug)]
enum Decoder {
    Chat(openai_chat::stream::Decoder),
    Responses(openai_responses::stream::Decoder),
    Messages(anthropic_messages::stream::Decoder),
    Converse(bedrock_converse::stream::Decoder),
}

impl Decoder {
    fn new(dialect: Dialect) -> Self {
        match dialect {
            Dialect::OpenaiResponses => Self::Responses(Default::default()),
            Dialect::AnthropicMessages => Self::Messages(Default::default()),
            Dialect::BedrockConverse => Self::Converse(Default::default()),
            Dialect::OpenaiChat
            | Dialect::OpenaiCompletions
            | Dialect::OpenaiEmbeddings
            | Dialect::OpenaiMedia => Self::Chat(Default::default()),
        }
    }

    fn event(
        &mut self,
        name: Option<&str>,
        data: &[u8],
        out: &mut Vec<Event>,
    ) -> Result<(), BrokenEvent> {
        match self {
            Self::Chat(decoder) => decoder.event(name, data, out),
            Self::Responses(decoder) => decoder.event(name, data, out),
            Self::Messages(decoder) => decoder.event(name, data, out),
            Self::Converse(decoder) => decoder.event(name, data, out),
        }
    }

    fn end(&mut self, out: &mut Vec<Event>) -> bool {
        match self {
            Self::Chat(decoder) => decoder.end(out),
            Self::Responses(decoder) => decoder.end(out),
            Self::Messages(decoder) => decoder.end(out),
            Self::Converse(decoder) => decoder.end(out),
        }
    }
}

#[derive(Debug)]
enum Encoder {
    Chat(openai_chat::stream::Encoder),
    Completions(openai_completions::stream::Encoder),
    Responses(Box<openai_responses::stream::Encoder>),
    Messages(anthropic_messages::stream::Encoder),
}

impl Encoder {
    fn new(dialect: Dialect, client: Arc<ClientContext>) -> Self {
        match dialect {
            Dialect::OpenaiCompletions => {
                Self::Completions(openai_completions::stream::Encoder::new(client))
            }
            Dialect::OpenaiResponses => {
                Self::Responses(Box::new(openai_responses::stream::Encoder::new(client)))
            }
            Dialect::AnthropicMessages => {
                Self::Messages(anthropic_messages::stream::Encoder::new(client))
            }
            Dialect::OpenaiChat
            | Dialect::OpenaiEmbeddings
            | Dialect::OpenaiMedia
            | Dialect::BedrockConverse => Self::Chat(openai_chat::stream::Encoder::new(client)),
        }
    }

    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        match self {
            Self::Chat(encoder) => encoder.event(event, out),
            Self::Completions(encoder) => encoder.event(event, out),
            Self::Responses(encoder) => encoder.event(event, out),
            Self::Messages(encoder) => encoder.event(event, out),
        }
    }
}

/// Translates one stream, event by event. Its memory does not grow with the stream's length, but for what
/// the Responses API repeats at the end and for parts that have to wait for others ([`crate::sequence`]).
#[derive(Debug)]
pub struct StreamTranslator {
    decoder: Decoder,
    sequencer: Sequencer,
    encoder: Encoder,
    names: ToolNames,
    to: Dialect,
    request_id: String,
    /// The client has been told that the upstream failed.
    failed: bool,
    metered: Metered,
    /// Candidates that have called a tool.
    calling: Vec<u32>,
    decoded: Vec<Event>,
    ordered: Vec<Event>,
}

impl StreamTranslator {
    /// From an upstream of dialect `from` to a client of dialect `to`.
    #[must_use]
    pub fn new(from: Dialect, names: ToolNames, to: Dialect, client: Arc<ClientContext>) -> Self {
        Self {
            decoder: Decoder::new(from),
            sequencer: Sequencer::default(),
            request_id: client.request_id.clone(),
            encoder: Encoder::new(to, client),
            names,
            to,
            failed: false,
            metered: Metered::default(),
            calling: Vec::new(),
            decoded: Vec::new(),
            ordered: Vec::new(),
        }
    }

    /// Reads one event of the upstream.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn event(&mut self, event: &[u8]) -> Result<Observed, BrokenEvent> {
        let Some(data) = sse::data(event) else {
            return self.hand_on(vec![Event::Ping]);
        };
        let mut decoded = std::mem::take(&mut self.decoded);
        self.decoder
            .event(sse::name(event), data.text(), &mut decoded)?;
        self.hand_on(decoded)
    }

    /// The upstream has closed its stream; `None` where the answer is not complete.
    ///
    /// # Errors
    /// Its parts overlap without end.
    pub fn end(&mut self) -> Result<Option<Observed>, BrokenEvent> {
        let mut decoded = std::mem::take(&mut self.decoded);
        if !self.decoder.end(&mut decoded) {
            return Ok(None);
        }
        self.hand_on(decoded).map(Some)
    }

    /// An error event of the router's own, in the client's dialect.
    #[must_use]
    pub fn error_event(&mut self, status: u16, message: &str) -> Bytes {
        let error = Event::Error(crate::ir::event::StreamError {
            status,
            message: message.to_owned(),
        });
        let mut out = Vec::new();
        self.encoder.event(&error, &mut out);
        if out.is_empty() && !self.failed {
            // The encoder had ended the answer, but its last event was not sent: the error takes its place.
            return error_event(self.to, message, &self.request_id);
        }
        out.into()
    }

    fn hand_on(&mut self, mut decoded: Vec<Event>) -> Result<Observed, BrokenEvent> {
        let mut ordered = std::mem::take(&mut self.ordered);
        for event in decoded.drain(..) {
            self.sequencer
                .event(event, &mut ordered)
                .map_err(|e| BrokenEvent(e.to_string()))?;
        }
        self.decoded = decoded;
        let mut observed = Observed::default();
        let mut out = Vec::new();
        for mut event in ordered.drain(..) {
            self.observe(&mut event, &mut observed);
            self.encoder.event(&event, &mut out);
        }
        self.ordered = ordered;
        observed.forward = (!out.is_empty()).then(|| out.into());
        Ok(observed)
    }

    fn observe(&mut self, event: &mut Event, observed: &mut Observed) {
        match event {
            Event::PartStart { at, part } => match part {
                PartStart::ToolCall { name, .. } => {
                    *name = self.names.original(std::mem::take(name));
                    self.metered.content_bytes += name.len();
                    self.calling.push(at.candidate);
                    observed.content = true;
                }
                PartStart::Opaque { .. } => observed.content = true,
                PartStart::Text | PartStart::Thinking | PartStart::Refusal => {}
            },
            Event::Delta { delta, .. } => {
                observed.content = true;
                self.metered.content_bytes += match delta {
                    Delta::Text(text)
                    | Delta::Thinking(text)
                    | Delta::Refusal(text)
                    | Delta::Arguments(text) => text.len(),
                    Delta::Proof(_) | Delta::Citation(_) | Delta::Logprobs(_) => 0,
                };
            }
            Event::Stop { candidate, stop } => {
                observed.content = true;
                observed.finished = true;
                // Some servers of the OpenAI dialect end a call with `stop`.
                if *stop == Stop::End && self.calling.contains(candidate) {
                    *stop = Stop::ToolUse;
                }
            }
            Event::Usage { usage, total } => {
                self.metered.reported = usage.tokens;
                self.metered.tier = usage.tier.map(billed).or(self.metered.tier);
                self.metered.complete |= *total;
            }
            Event::Error(error) => {
                self.failed = true;
                observed.failure = Some(StreamFailure {
                    status: Some(error.status),
                    message: error.message.clone(),
                });
            }
            Event::End => observed.terminal = true,
            Event::Start { service_tier, .. } => {
                self.metered.tier = service_tier.map(billed).or(self.metered.tier);
            }
            Event::PartEnd { .. } | Event::Ping => {}
        }
    }

    /// See [`crate::StreamReader::usage`].
    #[must_use]
    pub fn usage(&self, input_estimate: u64) -> Used {
        self.metered.usage(input_estimate)
    }
}
