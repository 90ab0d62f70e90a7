//! Events into chunks, with the grammar that the SDKs' accumulators check: the role first, list entries
//! with an `index` that is their place, one finish reason a candidate, the usage in a chunk without
//! choices, `[DONE]`. Text goes out as it comes; thinking is kept until its proof, since the entry that
//! holds the proof holds the text too.

use std::{collections::BTreeMap, sync::Arc};

use super::chunk::Chunks;
use crate::{
    ir::{Delta, Event, PartStart, Proof, Stop, ToolCallKind, Usage, event::StreamError},
    node::Json,
    openai_chat::{
        custom_tool, error, reasoning,
        response::{Shape, annotation, completion_id, reason},
        vocabulary,
    },
    translate::ClientContext,
    write::ObjectWriter,
};

/// Writes one stream.
#[derive(Debug)]
pub struct Encoder {
    client: Arc<ClientContext>,
    shape: Shape,
    chunks: Chunks,
    candidates: BTreeMap<u32, Candidate>,
    usage: Option<Usage>,
    over: bool,
}

#[derive(Debug, Default)]
struct Candidate {
    calls: u32,
    refused: bool,
    part: Open,
    /// Entries of `reasoning_details` so far.
    details: u64,
    /// Entries of `annotations` so far.
    annotations: usize,
    /// Characters of text so far.
    characters: usize,
    /// Gemini's signature, which the call behind it carries.
    signature: Option<(Proof, Json)>,
    logprobs: Option<Json>,
}

/// The part that is open.
#[derive(Debug, Default)]
enum Open {
    #[default]
    Nothing,
    Text {
        /// Where it began, in characters.
        start: usize,
        citations: Vec<Json>,
    },
    Thinking {
        text: String,
        proof: Option<Proof>,
    },
    Refusal,
    Call {
        index: u32,
        sent: bool,
        kind: ToolCallKind,
    },
    /// A function that stands for a custom tool: its text is known when the arguments are whole.
    Wrapped {
        index: u32,
        arguments: String,
    },
    /// What this dialect has no place for.
    Unseen,
}

impl Encoder {
    #[must_use]
    pub fn new(client: Arc<ClientContext>) -> Self {
        Self {
            shape: Shape::of(&client),
            chunks: Chunks::new(&client),
            client,
            candidates: BTreeMap::new(),
            usage: None,
            over: false,
        }
    }

    /// Appends what the client gets of `event`.
    pub fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start {
                id,
                created,
                service_tier,
            } => {
                let tier = service_tier.map(vocabulary::tier_word);
                self.start(id.as_deref(), *created, tier);
                self.opened(0, out);
            }
            Event::PartStart { at, part } => self.part_start(at.candidate, part, out),
            Event::Delta { at, delta } => self.delta(at.candidate, delta, out),
            Event::PartEnd { at } => self.part_end(at.candidate, out),
            Event::Stop { candidate, stop } => self.stop(*candidate, stop, out),
            Event::Usage { usage, .. } => self.usage = Some(usage.clone()),
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Error(failure) => self.fail(failure, out),
            Event::End => self.end(out),
        }
    }

    fn start(&mut self, id: Option<&str>, created: Option<i64>, tier: Option<&str>) {
        let client = &self.client;
        self.chunks.begin(|o| {
            o.put("id", &completion_id("chatcmpl-", id, client));
            o.put("object", "chat.completion.chunk");
            o.put("created", &created.unwrap_or(client.created));
            o.put("model", &client.model);
            o.opt("service_tier", tier);
        });
    }

    /// The candidate's state; its first chunk, with the role, goes out when it is first asked for.
    fn opened(&mut self, candidate: u32, out: &mut Vec<u8>) {
        self.start(None, None, None);
        if self.candidates.contains_key(&candidate) {
            return;
        }
        self.candidates.insert(candidate, Candidate::default());
        self.chunk(candidate, out, |o| {
            o.put("role", "assistant");
            o.put("content", "");
        });
    }

    fn chunk(&self, candidate: u32, out: &mut Vec<u8>, delta: impl FnOnce(&mut ObjectWriter<'_>)) {
        self.choice(candidate, None, None, out, delta);
    }

    fn choice(
        &self,
        candidate: u32,
        logprobs: Option<&Json>,
        finish_reason: Option<&str>,
        out: &mut Vec<u8>,
        delta: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        self.chunks.choice(out, |o| {
            o.put("index", &candidate);
            o.object("delta", delta);
            match logprobs {
                Some(logprobs) => o.raw("logprobs", logprobs),
                None => o.null("logprobs"),
            }
            o.put("finish_reason", &finish_reason);
        });
    }

    fn part_start(&mut self, candidate: u32, part: &PartStart, out: &mut Vec<u8>) {
        self.opened(candidate, out);
        if !matches!(part, PartStart::ToolCall { .. }) {
            self.spend_signature(candidate, out);
        }
        let Some(state) = self.candidates.get_mut(&candidate) else {
            return;
        };
        state.part = match part {
            PartStart::Text => Open::Text {
                start: state.characters,
                citations: Vec::new(),
            },
            PartStart::Thinking => Open::Thinking {
                text: String::new(),
                proof: None,
            },
            PartStart::Refusal => {
                state.refused = true;
                Open::Refusal
            }
            PartStart::Opaque { .. } => Open::Unseen,
            PartStart::ToolCall { id, name, kind, .. } => {
                let index = state.calls;
                state.calls += 1;
                let signature = state.signature.take().map(|(_, json)| json);
                let wrapped = custom_tool::stands_for(&self.client.request, name, *kind);
                let legacy = self.shape.legacy_functions;
                state.part = match (wrapped, legacy && index > 0) {
                    // There is room for one call only.
                    (_, true) => Open::Unseen,
                    (true, _) => Open::Wrapped {
                        index,
                        arguments: String::new(),
                    },
                    (false, _) => Open::Call {
                        index,
                        sent: false,
                        kind: *kind,
                    },
                };
                if legacy {
                    if index == 0 {
                        self.chunk(candidate, out, |o| function_call(o, Some(name), ""));
                    }
                    return;
                }
                let custom = wrapped || *kind == ToolCallKind::Custom;
                return self.chunk(candidate, out, |o| {
                    o.array("tool_calls", |a| {
                        a.object(|o| {
                            o.put("index", &index);
                            o.put("id", id);
                            let kind = if custom { "custom" } else { "function" };
                            o.put("type", kind);
                            o.object(kind, |o| {
                                o.put("name", name);
                                o.put(if custom { "input" } else { "arguments" }, "");
                            });
                            o.opt_raw("extra_content", signature.as_ref());
                        });
                    });
                });
            }
        };
    }

    fn delta(&mut self, candidate: u32, delta: &Delta, out: &mut Vec<u8>) {
        self.opened(candidate, out);
        let Some(state) = self.candidates.get_mut(&candidate) else {
            return;
        };
        match (delta, &mut state.part) {
            (Delta::Text(text), _) => {
                state.characters += text.chars().count();
                let logprobs = state.logprobs.take();
                self.choice(candidate, logprobs.as_ref(), None, out, |o| {
                    o.put("content", text);
                });
            }
            (Delta::Refusal(text), _) => {
                let logprobs = state.logprobs.take();
                self.choice(candidate, logprobs.as_ref(), None, out, |o| {
                    o.put("refusal", text);
                });
            }
            (Delta::Thinking(text), Open::Thinking { text: said, .. })
                if !self.shape.without_thinking =>
            {
                said.push_str(text);
                self.chunk(candidate, out, |o| o.put("reasoning_content", text));
            }
            (Delta::Proof(proof), Open::Thinking { proof: place, .. }) => {
                *place = Some(proof.clone());
            }
            (Delta::Arguments(text), Open::Wrapped { arguments, .. }) => arguments.push_str(text),
            (Delta::Arguments(text), Open::Call { index, sent, kind }) => {
                *sent |= !text.is_empty();
                let (index, kind) = (*index, *kind);
                self.arguments(candidate, index, kind, text, out);
            }
            (Delta::Citation(citation), Open::Text { citations, .. }) => {
                citations.push(citation.clone());
            }
            (Delta::Logprobs(logprobs), _) => {
                let earlier = state.logprobs.replace(logprobs.clone());
                if let Some(earlier) = earlier {
                    self.choice(candidate, Some(&earlier), None, out, |_| {});
                }
            }
            _ => {}
        }
    }

    fn arguments(
        &self,
        candidate: u32,
        index: u32,
        kind: ToolCallKind,
        text: &str,
        out: &mut Vec<u8>,
    ) {
        if self.shape.legacy_functions {
            return self.chunk(candidate, out, |o| function_call(o, None, text));
        }
        let (kind, member) = match kind {
            ToolCallKind::Function => ("function", "arguments"),
            ToolCallKind::Custom => ("custom", "input"),
        };
        self.chunk(candidate, out, |o| {
            o.array("tool_calls", |a| {
                a.object(|o| {
                    o.put("index", &index);
                    o.object(kind, |o| o.put(member, text));
                });
            });
        });
    }

    fn part_end(&mut self, candidate: u32, out: &mut Vec<u8>) {
        let Some(state) = self.candidates.get_mut(&candidate) else {
            return;
        };
        match std::mem::take(&mut state.part) {
            Open::Nothing | Open::Refusal | Open::Unseen => {}
            Open::Text { start, citations } => {
                let end = state.characters;
                let mut found = Vec::new();
                for citation in &citations {
                    let index = Some(state.annotations);
                    if let Some(entry) = annotation(citation, start, end, index) {
                        found.push(entry);
                        state.annotations += 1;
                    }
                }
                if !found.is_empty() {
                    self.chunk(candidate, out, |o| o.put("annotations", &found));
                }
            }
            Open::Thinking { text, proof } => {
                let Some(proof) = proof else { return };
                match reasoning::extra_content(&text, Some(&proof)) {
                    Some(json) => state.signature = Some((proof, json)),
                    None => self.details(candidate, &text, &proof, out),
                }
            }
            Open::Call { index, sent, kind } => {
                if !sent && kind == ToolCallKind::Function {
                    self.arguments(candidate, index, kind, "{}", out);
                }
            }
            Open::Wrapped { index, arguments } => {
                let input = custom_tool::unwrap(&arguments);
                self.arguments(candidate, index, ToolCallKind::Custom, &input, out);
            }
        }
        self.flush_logprobs(candidate, out);
    }

    fn details(&mut self, candidate: u32, text: &str, proof: &Proof, out: &mut Vec<u8>) {
        let Some(state) = self.candidates.get_mut(&candidate) else {
            return;
        };
        if self.shape.without_thinking {
            return;
        }
        let entries = reasoning::details(text, Some(proof), state.details);
        state.details += u64::try_from(entries.len()).unwrap_or(0);
        self.chunk(candidate, out, |o| o.put("reasoning_details", &entries));
    }

    /// A signature behind which no call has come.
    fn spend_signature(&mut self, candidate: u32, out: &mut Vec<u8>) {
        let signature = self
            .candidates
            .get_mut(&candidate)
            .and_then(|state| state.signature.take());
        if let Some((proof, _)) = signature {
            self.details(candidate, "", &proof, out);
        }
    }

    fn flush_logprobs(&mut self, candidate: u32, out: &mut Vec<u8>) {
        let logprobs = self
            .candidates
            .get_mut(&candidate)
            .and_then(|state| state.logprobs.take());
        if let Some(logprobs) = logprobs {
            self.choice(candidate, Some(&logprobs), None, out, |_| {});
        }
    }

    fn stop(&mut self, candidate: u32, stop: &Stop, out: &mut Vec<u8>) {
        self.opened(candidate, out);
        self.spend_signature(candidate, out);
        self.flush_logprobs(candidate, out);
        let Some(state) = self.candidates.get(&candidate) else {
            return;
        };
        let reason = reason(stop, state.calls > 0, state.refused, self.shape);
        self.choice(candidate, None, Some(reason), out, |_| {});
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.over = true;
        self.start(None, None, None);
        let usage = self.usage.as_ref().map(|usage| &usage.tokens);
        self.chunks.end(usage, out);
    }

    fn fail(&mut self, failure: &StreamError, out: &mut Vec<u8>) {
        self.over = true;
        out.extend_from_slice(&super::error_event(&error::of_stream(
            failure,
            &self.client.request_id,
        )));
    }
}

fn function_call(o: &mut ObjectWriter<'_>, name: Option<&str>, arguments: &str) {
    o.object("function_call", |o| {
        o.opt("name", name);
        o.put("arguments", arguments);
    });
}
