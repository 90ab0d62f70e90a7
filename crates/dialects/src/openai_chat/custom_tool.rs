//! Custom tools take free text. Where an upstream has functions only, they are offered as a function
//! with one text parameter, and its calls are turned back here for the client.

use crate::{
    ir::{Request, Tool, ToolCallKind},
    node::{Json, Node},
};

/// The name of the one parameter.
const INPUT: &str = "input";

/// The parameters of the function that stands for a custom tool.
pub(super) fn parameters() -> Json {
    Json::of(&serde_json::json!({
        "type": "object",
        "properties": {INPUT: {"type": "string", "description": "The tool's input as free text."}},
        "required": [INPUT],
        "additionalProperties": false,
    }))
}

/// The arguments that stand for a free text.
pub(super) fn wrap(input: &str) -> String {
    serde_json::json!({INPUT: input}).to_string()
}

/// The free text in a function's arguments; the arguments themselves where there is none.
pub(super) fn unwrap(arguments: &str) -> String {
    let input = || {
        let node = Node::parse(arguments.as_bytes()).ok()?;
        node.object().ok()?.string(INPUT).ok().flatten()
    };
    input().unwrap_or_else(|| arguments.to_owned())
}

/// Whether the client offered `name` as a custom tool and gets its call as a function's.
pub(super) fn stands_for(request: &Request, name: &str, kind: ToolCallKind) -> bool {
    kind == ToolCallKind::Function
        && request
            .tools
            .iter()
            .any(|tool| matches!(tool, Tool::Custom { name: n, .. } if n == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_text_survives_being_an_argument() {
        assert_eq!(unwrap(&wrap("*** Begin \"x\"\n")), "*** Begin \"x\"\n");
        assert_eq!(unwrap("not json"), "not json");
        assert_eq!(unwrap("{\"other\":1}"), "{\"other\":1}");
    }
}
