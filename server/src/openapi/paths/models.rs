//! The endpoints that models' clients use, in short: what goes in and comes out is in the words of their
//! own dialects.

use super::super::{
    Section, Who,
    operation::{Operation, get, post},
    schemas::user::Budget,
};
use crate::proxy;

const REFUSED: &str = "It is refused; the body is an error in the client's dialect.";
const FAILED: &str = "No backend answered; the body is an error in the client's dialect.";

/// A request that is passed on.
fn proxied(path: &str) -> Operation {
    let (summary, form) = match path {
        _ if path.ends_with("count_tokens") => ("Count the tokens of a request", false),
        _ if path.ends_with("/messages") => ("Anthropic's Messages", false),
        _ if path.ends_with("/chat/completions") => ("OpenAI's Chat Completions", false),
        _ if path.ends_with("/completions") => ("OpenAI's Completions", false),
        _ if path.ends_with("/responses") => ("OpenAI's Responses", false),
        _ if path.ends_with("/embeddings") => ("OpenAI's Embeddings", false),
        _ if path.ends_with("/images/generations") => ("Make images", false),
        _ if path.ends_with("/images/edits") => ("Edit images", true),
        _ if path.ends_with("/images/variations") => ("Vary images", true),
        _ if path.ends_with("/audio/speech") => ("Speak", false),
        _ if path.ends_with("/audio/transcriptions") => ("Write down what is said", true),
        _ if path.ends_with("/audio/translations") => ("Translate what is said", true),
        _ if path.ends_with("/moderations") => ("Moderate", false),
        _ => ("Rank again", false),
    };
    let operation = post(path, summary).takes_anything(match form {
        true => "multipart/form-data",
        false => "application/json",
    });
    let operation = operation
        .in_dialect("200", "The answer of a backend.")
        .in_dialect("4XX", REFUSED)
        .in_dialect("5XX", FAILED);
    match path.starts_with("/openai") || path.starts_with("/anthropic") {
        true => operation.about("Only backends that speak the dialect themselves are asked."),
        false => operation,
    }
}

fn listed(path: &str, summary: &str) -> Operation {
    get(path, summary)
        .in_dialect("200", "In the dialect that the client's headers show.")
        .in_dialect("4XX", REFUSED)
}

pub fn sections() -> Vec<Section> {
    let messages = [
        "/v1/messages",
        "/anthropic/v1/messages",
        "/v1/messages/count_tokens",
        "/anthropic/v1/messages/count_tokens",
        "/anthropic/v1/count_tokens",
    ];
    let openai = proxy::openai_paths();
    let openai = || openai.iter().map(|(path, ..)| path.as_str());
    let mut operations: Vec<Operation> = openai().chain(messages).map(proxied).collect();
    operations.extend(
        [
            "/v1/models",
            "/models",
            "/openai/models",
            "/openai/v1/models",
            "/anthropic/v1/models",
        ]
        .map(|path| listed(path, "Models that the caller may use")),
    );
    operations.extend(
        [
            "/v1/models/{name}",
            "/openai/v1/models/{name}",
            "/anthropic/v1/models/{name}",
        ]
        .map(|path| listed(path, "A model; its name may hold slashes")),
    );
    let budget = get("/v1/budget", "What the owner of a key may still spend");
    operations.push(budget.gives::<Budget>().in_dialect("4XX", REFUSED));
    let probes = openai().filter(|path| path.ends_with("/responses"));
    let probes = probes.map(|path| {
        get(path, "Whether a WebSocket is offered, which it is not")
            .in_dialect("405", "Answers are not kept here.")
            .in_dialect("426", "To a client that asks for an upgrade.")
    });
    let probes: Vec<Operation> = probes.collect();
    vec![
        Section {
            tag: "Models",
            about: "For programs that use models, in the dialects of OpenAI and Anthropic.",
            who: Who::Caller,
            operations,
        },
        Section {
            tag: "Models",
            about: "",
            who: Who::Everybody,
            operations: probes,
        },
    ]
}
