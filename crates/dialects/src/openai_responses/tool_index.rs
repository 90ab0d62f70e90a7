//! How the client knows the tools that the model calls: by namespace and name, as functions or as
//! custom tools. An upstream of another dialect knows one flat list of functions.

use std::collections::HashMap;

use crate::{
    ir::{Request, Tool, ToolCallKind},
    node::Node,
};

/// What differs from a plain function, by the name that the call carries.
#[derive(Debug, Default)]
pub(super) struct ToolIndex(HashMap<String, Known>);

#[derive(Clone, Debug, Default)]
struct Known {
    namespace: Option<String>,
    custom: bool,
}

/// A call as the client reads it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Called<'a> {
    pub namespace: Option<&'a str>,
    pub name: &'a str,
    pub kind: ToolCallKind,
    /// The call came as that of a function and is one of a custom tool, whose text is inside the
    /// arguments.
    pub wrapped: bool,
}

impl ToolIndex {
    pub fn of(request: &Request) -> Self {
        let namespaces = |tool: &Tool| match tool {
            Tool::Function { namespace, .. } => namespace.clone(),
            _ => None,
        };
        let all: Vec<String> = request.tools.iter().filter_map(namespaces).collect();
        let mut known = HashMap::new();
        for tool in &request.tools {
            let Some(name) = tool.name() else { continue };
            let entry = match tool {
                Tool::Function { namespace, .. } => Known {
                    namespace: namespace.clone(),
                    custom: false,
                },
                Tool::Custom { .. } => Known {
                    namespace: all.iter().find(|n| inside(name, n).is_some()).cloned(),
                    custom: true,
                },
                Tool::Provider { .. } => continue,
            };
            if entry.custom || entry.namespace.is_some() {
                known.insert(name.to_owned(), entry);
            }
        }
        Self(known)
    }

    pub fn look_up<'a>(&'a self, name: &'a str, kind: ToolCallKind) -> Called<'a> {
        let known = self.0.get(name);
        let namespace = known.and_then(|k| k.namespace.as_deref());
        let custom = known.is_some_and(|k| k.custom);
        Called {
            namespace,
            name: namespace.and_then(|n| inside(name, n)).unwrap_or(name),
            kind: if custom { ToolCallKind::Custom } else { kind },
            wrapped: custom && kind == ToolCallKind::Function,
        }
    }
}

fn inside<'n>(name: &'n str, namespace: &str) -> Option<&'n str> {
    name.strip_prefix(namespace)?.strip_prefix("__")
}

/// The text of a custom tool's call in the arguments of the function that stood for it. Whatever does
/// not look like that is handed on as it is: the client's tool is to judge it.
pub(super) fn unwrapped(arguments: &str) -> String {
    let input = |text: &str| {
        let mut object = Node::parse(text.as_bytes()).ok()?.object().ok()?;
        object.string("input").ok()?
    };
    input(arguments).unwrap_or_else(|| arguments.to_owned())
}

#[cfg(test)]
mod tests {
    use domain::Dialect;

    use super::*;

    #[test]
    fn calls_are_named_as_the_client_named_the_tools() {
        let mut request = Request::new(Dialect::OpenaiResponses);
        request.tools = vec![
            Tool::Function {
                name: "mcp__git__log".to_owned(),
                description: None,
                parameters: None,
                strict: None,
                cache: None,
                namespace: Some("mcp__git".to_owned()),
                extra: Vec::new(),
            },
            Tool::Custom {
                name: "patch".to_owned(),
                description: None,
                format: None,
            },
        ];
        let index = ToolIndex::of(&request);
        let log = index.look_up("mcp__git__log", ToolCallKind::Function);
        assert_eq!((log.namespace, log.name), (Some("mcp__git"), "log"));
        let patch = index.look_up("patch", ToolCallKind::Function);
        assert!(patch.wrapped && patch.kind == ToolCallKind::Custom);
        assert!(!index.look_up("patch", ToolCallKind::Custom).wrapped);
        let plain = index.look_up("other__x", ToolCallKind::Function);
        assert_eq!((plain.namespace, plain.name), (None, "other__x"));
    }

    #[test]
    fn the_text_of_a_custom_tool_is_taken_out_of_the_arguments() {
        assert_eq!(
            unwrapped(r#"{"input":"*** Begin\n\"x\""}"#),
            "*** Begin\n\"x\""
        );
        assert_eq!(unwrapped("{}"), "{}");
        assert_eq!(unwrapped("no JSON"), "no JSON");
    }
}
