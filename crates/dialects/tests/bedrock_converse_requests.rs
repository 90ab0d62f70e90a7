//! Whatever a client asks in the neutral form, what is sent to Converse passes the rules of the service:
//! every kind of part, in any order, with blanks, bad ids and odd roles.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[path = "grammar/converse_request.rs"]
mod converse_request;

use dialects::{
    bedrock_converse::request::encode_with_betas,
    ir::{
        CacheMark, Effort, Media, MediaSource, Message, OutputFormat, Part, Proof, Reasoning,
        Request, Role, ServiceTier, Tool, ToolCallKind, ToolChoice,
    },
    node::Json,
    translate::{Quirks, Target},
};
use domain::Dialect;
use proptest::{option, prelude::*};

const MODELS: [&str; 8] = [
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
    "anthropic.claude-opus-4-5-20251101-v1:0",
    "global.anthropic.claude-opus-4-6-v1",
    "anthropic.claude-opus-5",
    "amazon.nova-pro-v1:0",
    "us.amazon.nova-2-lite-v1:0",
    "openai.gpt-oss-120b-1:0",
];

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        3 => "[a-zé ]{1,12}",
        1 => Just(String::new()),
        1 => "[ \n\t]{1,4}",
        1 => "[a-z]{1,5}  \n",
    ]
    .boxed()
}

fn id() -> BoxedStrategy<String> {
    prop_oneof![
        3 => "call_[0-3]",
        1 => "[a-z.:|é]{0,6}",
        1 => Just("x".repeat(90)),
    ]
    .boxed()
}

fn cache() -> BoxedStrategy<Option<CacheMark>> {
    let ttl = prop_oneof![
        Just(None),
        Just(Some("5m".to_owned())),
        Just(Some("1h".to_owned())),
        Just(Some("7d".to_owned())),
    ];
    option::weighted(0.3, ttl.prop_map(|ttl| CacheMark { ttl })).boxed()
}

fn source() -> BoxedStrategy<MediaSource> {
    let media_type = prop::sample::select(vec![
        "image/png",
        "image/jpg",
        "image/webp",
        "image/*",
        "application/pdf",
        "text/plain",
        "text/x-rust",
        "audio/wav",
        "video/mp4",
        "application/zip",
        "application/json; charset=utf-8",
    ]);
    let data = prop::sample::select(vec![
        "aGk=",
        "aGk",
        "iVBORw0KGgo=",
        "aG k=\n",
        "",
        "no!",
        "AAAA",
    ]);
    prop_oneof![
        6 => (media_type, data).prop_map(|(media_type, data)| MediaSource::Base64 {
            media_type: media_type.to_owned(),
            data: data.to_owned(),
        }),
        3 => text().prop_map(MediaSource::Text),
        1 => prop::sample::select(vec!["https://x/y.png", "s3://bucket/y.png", "s3://bucket/y"])
            .prop_map(|url| MediaSource::Url(url.to_owned())),
        1 => prop::sample::select(vec![
            r#"{"type":"content","content":"words"}"#,
            r#"{"type":"content","content":[{"type":"text","text":"a"},{"type":"text","text":" "}]}"#,
            r#"{"type":"content","content":[{"type":"image"}]}"#,
        ]).prop_map(|value| MediaSource::Other {
            family: Dialect::AnthropicMessages,
            value: Json::parse(value).expect("JSON"),
        }),
    ]
    .boxed()
}

fn media() -> BoxedStrategy<Media> {
    let name = option::of(prop_oneof![
        Just("a.pdf".to_owned()),
        Just("ä  b.".to_owned()),
        text()
    ]);
    let detail = option::weighted(0.2, Just("high".to_owned()));
    (
        source(),
        name,
        cache(),
        option::of(text()),
        option::of(any::<bool>()),
        detail,
    )
        .prop_map(|(source, name, cache, context, citations, detail)| Media {
            name,
            cache,
            context,
            citations,
            detail,
            ..Media::new(source)
        })
        .boxed()
}

fn kind() -> BoxedStrategy<ToolCallKind> {
    prop_oneof![4 => Just(ToolCallKind::Function), 1 => Just(ToolCallKind::Custom)].boxed()
}

fn proof() -> BoxedStrategy<Option<Proof>> {
    prop_oneof![
        3 => Just(Some(Proof::Signature("c2ln".to_owned()))),
        1 => Just(Some(Proof::Signature(String::new()))),
        1 => Just(Some(Proof::Redacted("cmVk".to_owned()))),
        1 => Just(Some(Proof::Redacted("no base64!".to_owned()))),
        1 => Just(Some(Proof::Foreign("f".to_owned()))),
        1 => Just(Some(Proof::Encrypted { item_id: None, content: "e".to_owned() })),
        1 => Just(None),
    ]
    .boxed()
}

fn part() -> BoxedStrategy<Part> {
    let plain = (text(), cache()).prop_map(|(text, cache)| Part::Text {
        text,
        citations: Vec::new(),
        cache,
    });
    let arguments = prop_oneof![
        3 => Just(r#"{"a":1}"#.to_owned()),
        1 => Just(String::new()),
        1 => Just("[1]".to_owned()),
        1 => Just("{oops".to_owned()),
    ];
    let call =
        (id(), id(), arguments, kind(), cache()).prop_map(|(id, name, arguments, kind, cache)| {
            Part::ToolCall {
                id,
                name,
                arguments,
                kind,
                item_id: None,
                cache,
            }
        });
    let inner = prop_oneof![
        3 => (text(), cache()).prop_map(|(text, cache)| Part::Text { text, citations: Vec::new(), cache }),
        1 => media().prop_map(Part::Image),
        1 => media().prop_map(Part::Document),
        1 => media().prop_map(Part::Audio),
    ];
    let result = (
        id(),
        prop::collection::vec(inner, 0..3),
        any::<bool>(),
        kind(),
        cache(),
    )
        .prop_map(|(id, parts, is_error, kind, cache)| Part::ToolResult {
            id,
            parts,
            is_error,
            kind,
            cache,
        });
    prop_oneof![
        6 => plain,
        1 => media().prop_map(Part::Image),
        1 => media().prop_map(Part::Document),
        1 => media().prop_map(Part::Audio),
        1 => media().prop_map(Part::Video),
        5 => call,
        5 => result,
        2 => (text(), proof()).prop_map(|(text, proof)| Part::Thinking { text, proof }),
        1 => text().prop_map(Part::Refusal),
        1 => Just(Part::Opaque {
            family: Dialect::AnthropicMessages,
            kind: "server_tool_use".to_owned(),
            value: Json::of("x"),
        }),
    ]
    .boxed()
}

fn message() -> BoxedStrategy<Message> {
    let role = prop_oneof![
        1 => Just(Role::System),
        1 => Just(Role::Developer),
        5 => Just(Role::User),
        5 => Just(Role::Assistant),
    ];
    (
        role,
        prop::collection::vec(part(), 0..4),
        option::weighted(0.1, Just("bob".to_owned())),
    )
        .prop_map(|(role, parts, name)| Message {
            name,
            ..Message::new(role, parts)
        })
        .boxed()
}

fn tool() -> BoxedStrategy<Tool> {
    let schema = option::of(
        prop::sample::select(vec![
            r#"{"type":"object","properties":{}}"#,
            r#"{"properties":{"a":{}}}"#,
            r#"{"type":["object","null"]}"#,
            r#"{"type":"string"}"#,
            "true",
            "{}",
        ])
        .prop_map(|text| Json::parse(text).expect("JSON")),
    );
    prop_oneof![
        5 => (id(), option::of(text()), schema, option::of(any::<bool>()), cache()).prop_map(
            |(name, description, parameters, strict, cache)| Tool::Function {
                name,
                description,
                parameters,
                strict,
                cache,
                namespace: None,
                extra: Vec::new(),
            }
        ),
        1 => (id(), option::of(text())).prop_map(|(name, description)| Tool::Custom {
            name,
            description,
            format: Some(Json::parse(r#"{"type":"grammar","syntax":"lark","definition":"start: x"}"#).expect("JSON")),
        }),
        1 => Just(Tool::Provider {
            family: Dialect::AnthropicMessages,
            kind: "web_search_20250305".to_owned(),
            name: Some("web_search".to_owned()),
            definition: Json::of("x"),
        }),
    ]
    .boxed()
}

fn reasoning() -> BoxedStrategy<Option<Reasoning>> {
    let effort = prop::sample::select(vec![
        Effort::None,
        Effort::Minimal,
        Effort::Low,
        Effort::Medium,
        Effort::High,
        Effort::XHigh,
        Effort::Max,
    ]);
    let budget = prop::sample::select(vec![1u64, 1024, 2000, 32_000]);
    option::of(
        (
            option::of(any::<bool>()),
            option::of(effort),
            option::of(budget),
            any::<bool>(),
        )
            .prop_map(|(enabled, effort, budget_tokens, adaptive)| Reasoning {
                enabled,
                effort,
                budget_tokens,
                adaptive,
                ..Reasoning::default()
            }),
    )
    .boxed()
}

fn request() -> BoxedStrategy<Request> {
    let choice = option::of(prop_oneof![
        3 => Just(ToolChoice::Auto),
        1 => Just(ToolChoice::None),
        1 => Just(ToolChoice::Required),
        1 => Just(ToolChoice::Named("call_1".to_owned())),
    ]);
    let sampling = (
        option::of(0.0..2.0f64),
        option::of(0.0..1.0f64),
        option::of(1u64..50),
        prop::collection::vec(text(), 0..3),
        option::of(prop::sample::select(vec![
            1u64, 900, 1024, 1025, 4000, 64_000,
        ])),
    );
    let output = option::of(prop_oneof![
        Just(OutputFormat::JsonObject),
        Just(OutputFormat::JsonSchema {
            name: Some("n".to_owned()),
            description: None,
            schema: Json::parse(r#"{"type":"object"}"#).expect("JSON"),
            strict: Some(true),
        }),
    ]);
    let labels = prop::collection::vec(("[a-z{]{0,3}", "[a-z\"é]{0,4}"), 0..3);
    let about = (
        labels,
        option::of("[a-z{]{1,4}"),
        cache(),
        option::of(prop::sample::select(vec![
            ServiceTier::Auto,
            ServiceTier::Standard,
            ServiceTier::Flex,
            ServiceTier::Priority,
            ServiceTier::Scale,
        ])),
        option::of(any::<bool>()),
    );
    let source = prop::sample::select(vec![Dialect::OpenaiChat, Dialect::AnthropicMessages]);
    (
        source,
        prop::collection::vec(message(), 0..8),
        prop::collection::vec(tool(), 0..3),
        choice,
        reasoning(),
        sampling,
        output,
        about,
    )
        .prop_map(
            |(source, messages, tools, tool_choice, reasoning, sampling, output_format, about)| {
                let (temperature, top_p, top_k, stop, max_output_tokens) = sampling;
                let (metadata, user, cache, service_tier, parallel_tool_calls) = about;
                Request {
                    messages,
                    tools,
                    tool_choice,
                    reasoning,
                    temperature,
                    top_p,
                    top_k,
                    stop,
                    max_output_tokens,
                    output_format,
                    metadata,
                    user,
                    cache,
                    service_tier,
                    parallel_tool_calls,
                    ..Request::new(source)
                }
            },
        )
        .boxed()
}

fn all_texts(request: &Request) -> Vec<String> {
    let texts = request.messages.iter().flat_map(|message| &message.parts);
    texts
        .filter_map(|part| match part {
            Part::Text { text, .. } | Part::Refusal(text) => Some(text.trim().to_owned()),
            _ => None,
        })
        .filter(|text| !text.is_empty())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sent_is_what_the_service_takes(request in request(), model in prop::sample::select(MODELS.to_vec()), interleaved in any::<bool>()) {
        let quirks = Quirks::default();
        let target = Target { model, stream: false, quirks: &quirks, default_max_output_tokens: 4096 };
        let betas: &[&str] = if interleaved { &["interleaved-thinking-2025-05-14"] } else { &[] };
        if let Ok(encoded) = encode_with_betas(&request, &target, betas) {
            let body = String::from_utf8_lossy(&encoded.body).into_owned();
            if let Err(problem) = converse_request::check(&encoded.body) {
                prop_assert!(false, "{problem}\n{body}");
            }
            // Nothing that was said is lost.
            for text in all_texts(&request) {
                let said = serde_json::to_string(&text).expect("a string");
                prop_assert!(body.contains(said.trim_matches('"')), "{text:?} is not in {body}");
            }
            // The same request is the same bytes: caches depend on it.
            let again = encode_with_betas(&request, &target, betas).expect("as before");
            prop_assert_eq!(again, encoded);
        }
    }
}

#[test]
fn most_of_these_requests_are_sent() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let quirks = Quirks::default();
    let sent = (0..500)
        .filter(|n| {
            let request = request()
                .new_tree(&mut runner)
                .expect("a request")
                .current();
            let model = MODELS[n % MODELS.len()];
            let target = Target {
                model,
                stream: true,
                quirks: &quirks,
                default_max_output_tokens: 4096,
            };
            encode_with_betas(&request, &target, &[]).is_ok()
        })
        .count();
    assert!(sent > 100, "the property would say little: {sent} of 500");
}
