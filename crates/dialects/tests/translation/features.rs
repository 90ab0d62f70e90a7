//! Each thing in the table of features, put into a request. What becomes of it is not judged here.

use dialects::ir::{
    CacheMark, Effort, Feature, Media, MediaSource, Message, OutputFormat, Part, Proof, Reasoning,
    Request, Role, ServiceTier, Tool, ToolCallKind, ToolChoice,
};
use dialects::node::Json;
use domain::Dialect;

fn json(text: &str) -> Json {
    Json::parse(text).expect("JSON")
}

fn user(part: Part) -> Message {
    Message::new(Role::User, vec![part])
}

fn base64(media_type: &str, data: &str) -> Media {
    Media::new(MediaSource::Base64 {
        media_type: media_type.to_owned(),
        data: data.to_owned(),
    })
}

fn url() -> Media {
    Media::new(MediaSource::Url("https://example.com/a".to_owned()))
}

fn pdf() -> Media {
    Media {
        name: Some("a.pdf".to_owned()),
        ..base64("application/pdf", "JVBERi0=")
    }
}

/// A tool that is called, and its result.
fn call_and_result(request: &mut Request, kind: ToolCallKind, part: Part, is_error: bool) {
    let arguments = match kind {
        ToolCallKind::Function => "{\"a\":1}".to_owned(),
        ToolCallKind::Custom => "free text".to_owned(),
    };
    let id = format!("call_{}", request.messages.len());
    let call = Part::ToolCall {
        id: id.clone(),
        name: "f".to_owned(),
        arguments,
        kind,
        item_id: None,
        cache: None,
    };
    let result = Part::ToolResult {
        id,
        parts: vec![part],
        is_error,
        kind,
        cache: None,
    };
    request
        .messages
        .push(Message::new(Role::Assistant, vec![call]));
    request.messages.push(user(result));
}

fn function(strict: Option<bool>, extra: Vec<(String, Json)>) -> Tool {
    Tool::Function {
        name: "f".to_owned(),
        description: Some("does it".to_owned()),
        parameters: Some(json(
            r#"{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false}"#,
        )),
        strict,
        cache: None,
        namespace: None,
        extra,
    }
}

fn thinks(request: &mut Request, reasoning: Reasoning) {
    request.max_output_tokens = Some(8000);
    request.reasoning = Some(Reasoning {
        enabled: Some(true),
        ..reasoning
    });
}

fn thought(request: &mut Request, text: &str, proof: Option<Proof>) {
    let text = text.to_owned();
    let parts = vec![Part::Thinking { text, proof }, Part::text("Yes.")];
    request.messages.push(Message::new(Role::Assistant, parts));
    request.messages.push(user(Part::text("And?")));
}

/// Puts the feature into a request.
pub fn ask(feature: Feature, request: &mut Request) {
    let family = request.source;
    let mark = |ttl: Option<&str>| {
        Some(CacheMark {
            ttl: ttl.map(str::to_owned),
        })
    };
    match feature {
        Feature::Instructions => {
            let said = Message::new(Role::System, vec![Part::text("Be brief.")]);
            request.messages.insert(0, said);
        }
        Feature::MidSystem | Feature::DeveloperRole => {
            let at = if feature == Feature::MidSystem {
                request.messages.len()
            } else {
                0
            };
            let role = if at == 0 {
                Role::Developer
            } else {
                Role::System
            };
            let said = Message::new(role, vec![Part::text("Be brief.")]);
            request.messages.insert(at, said);
        }
        Feature::SpeakerName => request.messages[0].name = Some("ann".to_owned()),
        Feature::Prefill => {
            let begun = Message::new(Role::Assistant, vec![Part::text("The answer is ")]);
            request.messages.push(begun);
        }
        Feature::ImageData => request
            .messages
            .push(user(Part::Image(base64("image/png", "aGk=")))),
        Feature::ImageUrl => request.messages.push(user(Part::Image(url()))),
        Feature::ImageDetail => {
            let detail = Some("high".to_owned());
            let media = Media {
                detail,
                ..base64("image/png", "aGk=")
            };
            request.messages.push(user(Part::Image(media)));
        }
        Feature::DocumentData => request.messages.push(user(Part::Document(pdf()))),
        Feature::DocumentText => {
            let media = Media::new(MediaSource::Text("what it says".to_owned()));
            request.messages.push(user(Part::Document(media)));
        }
        Feature::DocumentUrl => request.messages.push(user(Part::Document(url()))),
        Feature::DocumentContext => {
            let context = Some("of 1999".to_owned());
            let media = Media { context, ..pdf() };
            request.messages.push(user(Part::Document(media)));
        }
        Feature::File => {
            // OpenAI's two dialects share their files.
            let family = match family {
                Dialect::AnthropicMessages => family,
                _ => Dialect::BedrockConverse,
            };
            let id = "file_1".to_owned();
            let media = Media::new(MediaSource::File { family, id });
            request.messages.push(user(Part::Document(media)));
        }
        Feature::Audio => request
            .messages
            .push(user(Part::Audio(base64("audio/wav", "aGk=")))),
        Feature::Video => request
            .messages
            .push(user(Part::Video(base64("video/mp4", "aGk=")))),
        Feature::Tools => {
            request.tools.push(function(None, Vec::new()));
            call_and_result(request, ToolCallKind::Function, Part::text("7"), false);
        }
        Feature::StrictTools => request.tools.push(function(Some(true), Vec::new())),
        Feature::CustomTools => {
            request.tools.push(Tool::Custom {
                name: "f".to_owned(),
                description: None,
                format: None,
            });
            call_and_result(request, ToolCallKind::Custom, Part::text("7"), false);
        }
        Feature::ProviderTools | Feature::ProviderToolChoice => {
            request.tools.push(function(None, Vec::new()));
            request.tools.push(Tool::Provider {
                family,
                kind: "web_search".to_owned(),
                name: Some("web_search".to_owned()),
                definition: json(r#"{"type":"web_search"}"#),
            });
            if feature == Feature::ProviderToolChoice {
                request.tool_choice = Some(ToolChoice::Other {
                    family,
                    value: json(r#"{"type":"web_search"}"#),
                });
            }
        }
        Feature::ProviderBlocks => {
            let block = Part::Opaque {
                family,
                kind: "web_search_call".to_owned(),
                value: json(r#"{"type":"web_search_call"}"#),
            };
            let parts = vec![block, Part::text("Found.")];
            request.messages.push(Message::new(Role::Assistant, parts));
            request.messages.push(user(Part::text("And?")));
        }
        Feature::ToolExtras => {
            let extra = vec![("defer_loading".to_owned(), json("true"))];
            request.tools.push(function(None, extra));
        }
        Feature::ToolChoiceNone => {
            request.tools.push(function(None, Vec::new()));
            request.tool_choice.get_or_insert(ToolChoice::None);
        }
        Feature::ToolChoiceForced => {
            request.tools.push(function(None, Vec::new()));
            let forced = ToolChoice::Named("f".to_owned());
            request.tool_choice.get_or_insert(forced);
        }
        Feature::ParallelOff => {
            request.tools.push(function(None, Vec::new()));
            request.parallel_tool_calls = Some(false);
        }
        Feature::ToolResultImage | Feature::ToolResultDocument | Feature::ToolResultError => {
            request.tools.push(function(None, Vec::new()));
            let part = match feature {
                Feature::ToolResultImage => Part::Image(base64("image/png", "aGk=")),
                Feature::ToolResultDocument => Part::Document(pdf()),
                _ => Part::text("no such file"),
            };
            let is_error = feature == Feature::ToolResultError;
            call_and_result(request, ToolCallKind::Function, part, is_error);
        }
        Feature::Thinking => thought(request, "Hm.", None),
        Feature::ForeignProof => {
            thought(
                request,
                "Hm.",
                Some(Proof::Foreign("somebody's".to_owned())),
            );
        }
        Feature::Effort => thinks(
            request,
            Reasoning {
                effort: Some(Effort::High),
                ..Reasoning::default()
            },
        ),
        Feature::ThinkingBudget => thinks(
            request,
            Reasoning {
                budget_tokens: Some(2048),
                ..Reasoning::default()
            },
        ),
        Feature::ThinkingDisplay => thinks(
            request,
            Reasoning {
                budget_tokens: Some(2048),
                display: Some("summarized".to_owned()),
                summary: Some("auto".to_owned()),
                ..Reasoning::default()
            },
        ),
        Feature::CacheMarks | Feature::CacheTtl => {
            let ttl = (feature == Feature::CacheTtl).then_some("1h");
            request.messages.push(user(Part::Text {
                text: "much".to_owned(),
                citations: Vec::new(),
                cache: mark(ttl),
            }));
        }
        Feature::PromptCacheKey => request.prompt_cache_key = Some("key".to_owned()),
        Feature::Citations => {
            let text = Part::Text {
                text: "It is so.".to_owned(),
                citations: vec![json(
                    r#"{"type":"url_citation","url":"https://example.com"}"#,
                )],
                cache: None,
            };
            request
                .messages
                .push(Message::new(Role::Assistant, vec![text]));
            request.messages.push(user(Part::text("And?")));
        }
        Feature::JsonSchema => {
            request.output_format = Some(OutputFormat::JsonSchema {
                name: Some("answer".to_owned()),
                description: None,
                schema: json(
                    r#"{"type":"object","properties":{},"required":[],"additionalProperties":false}"#,
                ),
                strict: Some(true),
            });
        }
        Feature::JsonObject => request.output_format = Some(OutputFormat::JsonObject),
        Feature::OutputGrammar => {
            request.output_format = Some(OutputFormat::Other {
                family,
                value: json(r#"{"type":"grammar","grammar":"x"}"#),
            });
        }
        Feature::Stop => request.stop = vec!["END".to_owned()],
        Feature::MaxTokens => request.max_output_tokens = Some(777),
        Feature::Temperature => request.temperature = Some(0.5),
        Feature::TopP => request.top_p = Some(0.25),
        Feature::TopK => request.top_k = Some(7),
        Feature::Seed => request.seed = Some(7),
        Feature::Penalties => request.presence_penalty = Some(0.5),
        Feature::LogitBias => request.logit_bias = Some(json(r#"{"50256":-100}"#)),
        Feature::Logprobs => (request.logprobs, request.top_logprobs) = (Some(true), Some(2)),
        Feature::Candidates => request.candidates = Some(2),
        Feature::Verbosity => request.verbosity = Some("low".to_owned()),
        Feature::ServiceTier => request.service_tier = Some(ServiceTier::Flex),
        Feature::User => request.user = Some("u-1".to_owned()),
        Feature::Metadata => request.metadata = vec![("team".to_owned(), "red".to_owned())],
        Feature::Store => request.store = Some(true),
        Feature::UnknownFields => request.extra = vec![("new_thing".to_owned(), json("1"))],
    }
}
