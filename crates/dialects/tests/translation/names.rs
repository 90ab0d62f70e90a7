//! Names that no upstream would take, and custom tools that most do not have: the upstream gets what it
//! takes, and its calls come back under the client's own names and in the client's own form.

use std::sync::Arc;

use dialects::{
    ir::{Part, Request, Response, Stop, Tool, ToolCallKind, Usage},
    sse,
    translator::{StreamTranslator, translate_answer},
};
use domain::Dialect;
use serde_json::Value;

use crate::{
    answers, heard,
    requests::{self, SOURCES},
    rules::UPSTREAMS,
    upstream::{self, Manner},
};

const CUSTOM: &str = "apply.patch";
const FREE: &str = "*** Begin \"x\"\n\u{2028}";

fn request(client: Dialect) -> Request {
    let function = |name: &str| Tool::Function {
        name: name.to_owned(),
        description: None,
        parameters: None,
        strict: None,
        cache: None,
        namespace: None,
        extra: Vec::new(),
    };
    let long = "x".repeat(130);
    let mut request = requests::plain(client);
    request.tools = ["plain", "mcp.server/read", "mcp/server.read", &long]
        .into_iter()
        .map(function)
        .collect();
    if client != Dialect::AnthropicMessages {
        request.tools.push(Tool::Custom {
            name: CUSTOM.to_owned(),
            description: None,
            format: None,
        });
    }
    request
}

/// The names in the definitions of a body, in their order.
fn offered(target: Dialect, body: &[u8]) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).expect("JSON");
    let at = match target {
        Dialect::BedrockConverse => "/toolConfig/tools",
        _ => "/tools",
    };
    let tools = body.pointer(at).and_then(Value::as_array).expect("tools");
    let name = |tool: &Value| {
        ["/name", "/function/name", "/custom/name", "/toolSpec/name"]
            .iter()
            .find_map(|at| tool.pointer(at)?.as_str().map(str::to_owned))
    };
    tools.iter().filter_map(name).collect()
}

/// An upstream that calls each of them.
fn calling(target: Dialect, names: &[String]) -> Response {
    let call = |(n, name): (usize, &String)| {
        // Only the Responses API of these has custom tools of its own.
        let custom = n == 4;
        let free = custom && target == Dialect::OpenaiResponses;
        Part::ToolCall {
            id: format!("call_{n}"),
            name: name.clone(),
            arguments: match (custom, free) {
                (_, true) => FREE.to_owned(),
                (true, false) => serde_json::json!({"input": FREE}).to_string(),
                _ => "{\"a\":1}".to_owned(),
            },
            kind: if free {
                ToolCallKind::Custom
            } else {
                ToolCallKind::Function
            },
            item_id: None,
            cache: None,
        }
    };
    Response {
        candidates: vec![dialects::ir::Candidate {
            parts: names.iter().enumerate().map(call).collect(),
            stop: Stop::ToolUse,
            logprobs: None,
        }],
        usage: Some(Usage::default()),
        ..Response::default()
    }
}

fn called(answer: &Response) -> Vec<(String, String, ToolCallKind)> {
    let parts = answer.candidates[0].parts.iter();
    parts
        .filter_map(|part| match part {
            Part::ToolCall {
                name,
                arguments,
                kind,
                ..
            } => Some((name.clone(), arguments.clone(), *kind)),
            _ => None,
        })
        .collect()
}

#[test]
fn calls_come_back_under_the_names_of_the_client() {
    for target in UPSTREAMS {
        for client in SOURCES.into_iter().filter(|client| *client != target) {
            let request = request(client);
            let encoded = requests::encode(&request, target).expect("it can be asked");
            let names = offered(target, &encoded.body);
            let pair = format!("{target:?} to {client:?}");
            assert_eq!(names.len(), request.tools.len(), "{pair}");
            for (n, name) in names.iter().enumerate() {
                let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
                assert!(
                    name.len() <= 128 && name.bytes().all(fits),
                    "{pair}: {name}"
                );
                assert!(!names[..n].contains(name), "{pair}: {name} twice");
            }
            let answer = calling(target, &names);
            let expected: Vec<_> = request
                .tools
                .iter()
                .map(|tool| match tool {
                    Tool::Custom { name, .. } => {
                        (name.clone(), FREE.to_owned(), ToolCallKind::Custom)
                    }
                    tool => {
                        let name = tool.name().expect("a name").to_owned();
                        (name, "{\"a\":1}".to_owned(), ToolCallKind::Function)
                    }
                })
                .collect();
            let context = upstream::client_of(request);
            let body = answers::body(target, &answer);
            let got = translate_answer(target, &body, &encoded.names, client, &context);
            let got = answers::read(client, &got.expect("it is an answer").body);
            assert_eq!(called(&got), expected, "{pair}");

            let manner = Manner {
                piece: 2,
                interleaved: false,
                brief: false,
            };
            let stream = upstream::stream(target, &answer, manner);
            let mut translator =
                StreamTranslator::new(target, encoded.names, client, Arc::new(context));
            let mut out = Vec::new();
            for event in heard::split(&stream) {
                assert!(sse::data(&event).is_some());
                let observed = translator.event(&event).expect("it can be read");
                out.extend(observed.forward.into_iter().flatten());
            }
            let observed = translator
                .end()
                .expect("it can be read")
                .expect("it is complete");
            out.extend(observed.forward.into_iter().flatten());
            assert_eq!(
                called(&heard::read(client, &out)),
                expected,
                "{pair}, streamed"
            );
        }
    }
}
