//! Requests and answers of all that the Messages API keeps, for property tests.

use dialects::{
    ir::{
        CacheMark, Candidate, Effort, Media, MediaSource, Message, OutputFormat, Part, Proof,
        Reasoning, Request, Response, Role, ServiceTier, Stop, Tool, ToolCallKind, ToolChoice,
        Usage,
    },
    node::Json,
};
use domain::{Dialect, TokenUsage};
use proptest::{collection::vec, option, prelude::*};

const FAMILY: Dialect = Dialect::AnthropicMessages;

fn json(text: &str) -> Json {
    Json::parse(text).expect("JSON")
}

/// Words with what encoders stumble over.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        Just("\u{2028}\"q\" \\ \t\u{1f469}\u{200d}\u{1f467} x".to_owned()),
        Just("a\n\nevent: ping\ndata: {}\n\nb".to_owned()),
    ]
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_-]{1,20}"
}

fn object() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("{}".to_owned()),
        Just(r#"{"a": 1.50, "b":[12345678901234567890,null]}"#.to_owned()),
        words().prop_map(
            |text| Json::of(&std::collections::BTreeMap::from([("k", text)]))
                .as_str()
                .to_owned()
        ),
    ]
}

fn cache() -> impl Strategy<Value = Option<CacheMark>> {
    option::of(option::of("5m|1h").prop_map(|ttl| CacheMark { ttl }))
}

fn citation() -> Json {
    json(r#"{"type":"char_location","cited_text":"x","document_index":0}"#)
}

fn text() -> impl Strategy<Value = Part> {
    (words(), cache(), any::<bool>()).prop_map(|(text, cache, cited)| Part::Text {
        text,
        citations: cited.then(citation).into_iter().collect(),
        cache,
    })
}

fn media() -> impl Strategy<Value = Part> {
    let image = prop_oneof![
        Just(MediaSource::Base64 {
            media_type: "image/png".to_owned(),
            data: "aGk=".to_owned()
        }),
        Just(MediaSource::Url("https://example.com/a.png".to_owned())),
        Just(MediaSource::File {
            family: FAMILY,
            id: "file_1".to_owned()
        }),
    ];
    let document = prop_oneof![
        Just(MediaSource::Base64 {
            media_type: "application/pdf".to_owned(),
            data: "JVBERg==".to_owned()
        }),
        words().prop_map(MediaSource::Text),
        Just(MediaSource::Other {
            family: FAMILY,
            value: json(r#"{"type":"content","content":"x"}"#)
        }),
    ];
    prop_oneof![
        (image, cache()).prop_map(|(source, cache)| Part::Image(Media {
            cache,
            ..Media::new(source)
        })),
        (
            document,
            option::of(words()),
            option::of(words()),
            option::of(any::<bool>()),
            cache()
        )
            .prop_map(|(source, name, context, citations, cache)| {
                Part::Document(Media {
                    name,
                    context,
                    citations,
                    cache,
                    ..Media::new(source)
                })
            }),
    ]
}

pub fn proof() -> impl Strategy<Value = Proof> {
    prop_oneof![
        "[a-zA-Z0-9+/]{1,20}=".prop_map(Proof::Signature),
        Just(Proof::Encrypted {
            item_id: Some("rs_1".to_owned()),
            content: "gAAAA".to_owned()
        }),
        Just(Proof::Foreign("x".to_owned())),
    ]
}

fn thinking(proof: impl Strategy<Value = Proof>) -> impl Strategy<Value = Part> {
    prop_oneof![
        (words(), proof).prop_map(|(text, proof)| Part::Thinking {
            text,
            proof: Some(proof)
        }),
        "[a-zA-Z0-9+/]{1,20}=".prop_map(|data| Part::Thinking {
            text: String::new(),
            proof: Some(Proof::Redacted(data))
        }),
    ]
}

fn opaque() -> impl Strategy<Value = Part> {
    Just(Part::Opaque {
        family: FAMILY,
        kind: "web_search_tool_result".to_owned(),
        value: json(r#"{"type":"web_search_tool_result","tool_use_id":"s","content":[]}"#),
    })
}

fn call(id: String, name: String, arguments: String, cache: Option<CacheMark>) -> Part {
    Part::ToolCall {
        id,
        name,
        arguments,
        kind: ToolCallKind::Function,
        item_id: None,
        cache,
    }
}

/// A user's words, the assistant's thoughts, words and calls, and their results.
fn round(n: usize) -> impl Strategy<Value = Vec<Message>> {
    let result = (
        vec(prop_oneof![text(), media()], 0..3),
        any::<bool>(),
        cache(),
    );
    let calls = vec((name(), object(), cache(), result), 0..3);
    (
        vec(prop_oneof![text(), media(), opaque()], 1..3),
        vec(
            thinking("[a-zA-Z0-9+/]{1,20}=".prop_map(Proof::Signature)),
            0..2,
        ),
        vec(prop_oneof![text(), opaque()], 1..3),
        calls,
    )
        .prop_map(move |(asked, thoughts, said, calls)| {
            let mut answer = thoughts;
            if !calls.is_empty() && answer.is_empty() {
                // A budget of thinking is taken behind calls that were thought about only.
                answer.push(Part::Thinking {
                    text: "Hm.".to_owned(),
                    proof: Some(Proof::Signature("c2ln".to_owned())),
                });
            }
            answer.extend(said);
            let mut results = Vec::new();
            for (k, (name, arguments, cache, (parts, is_error, mark))) in
                calls.into_iter().enumerate()
            {
                let id = format!("toolu_{n}_{k}");
                answer.push(call(id.clone(), name, arguments, cache));
                results.push(Part::ToolResult {
                    id,
                    parts,
                    is_error,
                    kind: ToolCallKind::Function,
                    cache: mark,
                });
            }
            let mut messages = vec![
                Message::new(Role::User, asked),
                Message::new(Role::Assistant, answer),
            ];
            if !results.is_empty() {
                messages.push(Message::new(Role::User, results));
            }
            messages
        })
}

/// Whole rounds with a question behind them; where a round ends in results, the next question joins
/// their turn.
fn conversation() -> impl Strategy<Value = Vec<Message>> {
    let rounds = (round(0), round(1), vec(text(), 1..3), 0..3usize);
    rounds.prop_map(|(first, second, question, n)| {
        let mut messages: Vec<Message> = Vec::new();
        let question = vec![Message::new(Role::User, question)];
        let all = [first, second].into_iter().take(n).chain([question]);
        for message in all.flatten() {
            match messages.last_mut() {
                Some(last) if last.role == message.role => last.parts.extend(message.parts),
                _ => messages.push(message),
            }
        }
        messages
    })
}

fn tool() -> impl Strategy<Value = Tool> {
    let schema = json(r#"{"type": "object", "properties": {"a": {"type": "integer"}}}"#);
    prop_oneof![
        (
            name(),
            option::of(words()),
            option::of(any::<bool>()),
            cache(),
            any::<bool>()
        )
            .prop_map(
                move |(name, description, strict, cache, deferred)| Tool::Function {
                    name,
                    description,
                    parameters: Some(schema.clone()),
                    strict,
                    cache,
                    namespace: None,
                    extra: deferred
                        .then(|| ("defer_loading".to_owned(), json("true")))
                        .into_iter()
                        .collect(),
                }
            ),
        Just(Tool::Provider {
            family: FAMILY,
            kind: "bash_20250124".to_owned(),
            name: Some("bash".to_owned()),
            definition: json(r#"{"type":"bash_20250124","name":"bash"}"#),
        }),
    ]
}

fn reasoning() -> impl Strategy<Value = Option<Reasoning>> {
    let display = || option::of("summarized|omitted");
    let efforts = [Effort::Low, Effort::Medium, Effort::High, Effort::Max];
    prop_oneof![
        Just(None),
        (1024..4000u64, display()).prop_map(|(budget, display)| Some(Reasoning {
            enabled: Some(true),
            budget_tokens: Some(budget),
            display,
            ..Reasoning::default()
        })),
        (prop::sample::select(efforts.to_vec()), display()).prop_map(|(effort, display)| {
            Some(Reasoning {
                enabled: Some(true),
                effort: Some(effort),
                adaptive: true,
                display,
                ..Reasoning::default()
            })
        }),
        Just(Some(Reasoning {
            enabled: Some(false),
            ..Reasoning::default()
        })),
    ]
}

fn choice() -> impl Strategy<Value = (Option<ToolChoice>, Option<bool>)> {
    prop_oneof![
        Just((None, None)),
        Just((Some(ToolChoice::None), None)),
        option::of(any::<bool>()).prop_map(|parallel| (Some(ToolChoice::Auto), parallel)),
    ]
}

/// A request that Claude Sonnet 4.6 can be given as it is.
pub fn request() -> impl Strategy<Value = Request> {
    (
        (vec(text_block(), 0..3), conversation()),
        (vec(tool(), 1..4), choice()),
        (reasoning(), 0..=2u8),
        option::of(any::<bool>()),
        (vec("[a-z]{1,5}", 0..3), option::of(name()), cache()),
        option::of(prop_oneof![
            Just(ServiceTier::Auto),
            Just(ServiceTier::Standard)
        ]),
    )
        .prop_map(
            |(
                (system, messages),
                (tools, (choice, parallel)),
                (reasoning, sampled),
                schema,
                (stop, user, cache),
                tier,
            )| {
                let mut request = Request::new(FAMILY);
                if !system.is_empty() {
                    request.messages.push(Message::new(Role::System, system));
                }
                request.messages.extend(messages);
                request.tools = tools;
                request.tool_choice = choice;
                request.parallel_tool_calls = parallel;
                request.max_output_tokens = Some(4096);
                let thinks = reasoning.as_ref().is_some_and(|r| r.enabled == Some(true));
                if !thinks {
                    request.temperature = (sampled == 1).then_some(0.5);
                    request.top_p = (sampled == 2).then_some(0.5);
                    request.top_k = (sampled > 0).then_some(5);
                }
                request.reasoning = reasoning;
                request.output_format = schema.map(|_| OutputFormat::JsonSchema {
                    name: None,
                    description: None,
                    schema: json(r#"{"type":"object","minProperties": 1}"#),
                    strict: None,
                });
                request.stop = stop;
                request.user = user;
                request.cache = cache;
                request.service_tier = tier;
                request.extra = vec![("inference_geo".to_owned(), json("\"eu\""))];
                request
            },
        )
}

fn text_block() -> impl Strategy<Value = Part> {
    (words(), cache()).prop_map(|(text, cache)| Part::Text {
        text,
        citations: Vec::new(),
        cache,
    })
}

/// An answer as an Anthropic client can be given it.
pub fn response() -> impl Strategy<Value = Response> {
    let said = (words(), any::<bool>()).prop_map(|(text, cited)| Part::Text {
        text,
        citations: cited.then(citation).into_iter().collect(),
        cache: None,
    });
    let stops = prop_oneof![
        Just(Stop::End),
        Just(Stop::MaxTokens),
        Just(Stop::Refusal),
        Just(Stop::Pause),
        Just(Stop::ContextWindow),
        option::of(words()).prop_map(Stop::Sequence),
        Just(Stop::Other("compaction".to_owned())),
    ];
    (
        vec(prop_oneof![said, thinking(proof()), opaque()], 0..5),
        vec((name(), object()), 0..3),
        stops,
        [0..5000u64, 0..5000, 0..5000, 0..5000, 0..5000, 0..50],
        option::of(prop_oneof![
            Just(ServiceTier::Standard),
            Just(ServiceTier::Priority)
        ]),
        any::<bool>(),
    )
        .prop_map(|(mut parts, calls, stop, counts, service_tier, searched)| {
            let called = !calls.is_empty();
            for (n, (name, arguments)) in calls.into_iter().enumerate() {
                parts.push(call(format!("toolu_{n}"), name, arguments, None));
            }
            let [
                input,
                cache_read,
                cache_write_5m,
                cache_write_1h,
                output,
                reasoning,
            ] = counts;
            Response {
                id: Some("msg_1".to_owned()),
                created: None,
                candidates: vec![Candidate {
                    parts,
                    stop: if called { Stop::ToolUse } else { stop },
                    logprobs: None,
                }],
                usage: Some(Usage {
                    tokens: TokenUsage {
                        input,
                        cache_read,
                        cache_write_5m,
                        cache_write_1h,
                        output,
                        reasoning,
                        searches: u64::from(searched),
                        ..TokenUsage::default()
                    },
                    server_tools: searched.then(|| json(r#"{"web_search_requests":1}"#)),
                    tier: None,
                }),
                service_tier,
            }
        })
}
