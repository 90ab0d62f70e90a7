//! Configuration files of other routers, read as if they were our own: the tree is put into our shape,
//! its values keep the lines they came from, and what has no counterpart here is told. What stands in
//! such a file is its users' promise to their clients, so that what it leaves out is what that router
//! did, and not our default.

mod litellm;
mod native_endpoints;
mod usage_groups;

use super::document::{Entry, Form, Node, Position, Value};

/// A tree in our own shape.
pub(super) struct Adopted {
    pub root: Node,
    /// What could not be carried over, each with the place of what it is about.
    pub notes: Vec<(Position, String)>,
    pub problems: Vec<(Position, String)>,
}

/// What another router's file says in our words; `None`: it is none that is known.
pub(super) fn adopt(root: &Node) -> Option<Adopted> {
    if native_endpoints::is_one(root) {
        return Some(native_endpoints::adopt(root));
    }
    if litellm::is_one(root) {
        return Some(litellm::adopt(root));
    }
    if usage_groups::is_one(root) {
        return Some(usage_groups::adopt(root));
    }
    None
}

impl Adopted {
    fn at(root: &Node) -> Self {
        Self {
            root: map(root.position),
            notes: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn note(&mut self, at: Position, text: impl Into<String>) {
        self.notes.push((at, text.into()));
    }

    /// Notes each member of `node` that is none of `known`.
    fn note_others(&mut self, node: &Node, path: &str, known: &[&str]) {
        for entry in entries(node) {
            if !known.contains(&entry.key.as_str()) {
                let dot = if path.is_empty() { "" } else { "." };
                let text = format!("{path}{dot}{} is not carried over", entry.key);
                self.note(entry.key_position, text);
            }
        }
    }
}

fn map(position: Position) -> Node {
    Node {
        value: Value::Map(Vec::new()),
        position,
    }
}

fn list(position: Position, items: Vec<Node>) -> Node {
    Node {
        value: Value::List(items),
        position,
    }
}

/// A word, number or truth value of ours.
fn plain(position: Position, text: impl Into<String>) -> Node {
    Node {
        value: Value::Scalar {
            text: text.into(),
            form: Form::Plain,
        },
        position,
    }
}

/// A text of ours.
fn quoted(position: Position, text: impl Into<String>) -> Node {
    Node {
        value: Value::Scalar {
            text: text.into(),
            form: Form::Quoted,
        },
        position,
    }
}

/// Sets a member of a mapping.
fn set(node: &mut Node, key: &str, value: Node) {
    if let Value::Map(entries) = &mut node.value {
        entries.push(Entry {
            key: key.to_owned(),
            key_position: value.position,
            node: value,
        });
    }
}

/// Takes members over under other names, as far as they are there and not null.
fn take(from: &Node, to: &mut Node, names: &[(&str, &str)]) {
    for (theirs, ours) in names {
        if let Some(value) = given(from, theirs) {
            set(to, ours, value.clone());
        }
    }
}

/// The value under `key`, if it is there and not null.
fn given<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let node = &node.get(key)?.node;
    (!matches!(node.value, Value::Null)).then_some(node)
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    match &given(node, key)?.value {
        Value::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

/// The elements of a list; a single value counts as a list of one.
fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        Value::Null => &[],
        _ => std::slice::from_ref(node),
    }
}

fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}

/// What kind of backend an address of the OpenAI dialect is.
fn openai_kind(base_url: Option<&str>) -> &'static str {
    let own = base_url.is_none_or(|url| url.contains("://api.openai.com"));
    if own { "openai" } else { "openai_compatible" }
}
