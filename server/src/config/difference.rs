//! The configuration file as it was read, before variables were put in: to see what has changed between
//! two of them, and to write one down. Secrets are never part of what is told.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use super::document::{Node, Position, Value, scalar_text, to_yaml};

/// A file, in our own shape.
#[derive(Clone)]
pub struct Document(pub(super) Node);

impl Default for Document {
    fn default() -> Self {
        Self(Node {
            value: Value::Map(Vec::new()),
            position: Position { line: 1, column: 1 },
        })
    }
}

/// It may hold secrets.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Document")
    }
}

/// A value that is not the same in two files.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Difference {
    /// Such as `backends[openai-main].timeout`.
    pub key: String,
    /// `None`: it was not there.
    pub before: Option<String>,
    /// `None`: it is not there any more.
    pub after: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (None, Some(after)) => write!(f, "+ {}: {after}", self.key),
            (Some(before), None) => write!(f, "- {}: {before}", self.key),
            (before, after) => write!(
                f,
                "~ {}: {} → {}",
                self.key,
                before.as_deref().unwrap_or_default(),
                after.as_deref().unwrap_or_default()
            ),
        }
    }
}

/// Members whose values are not told.
const SECRETS: [&str; 8] = [
    "api_keys",
    "keys",
    "master_key",
    "admin_password",
    "webhook_secret",
    "webhook_url",
    "headers",
    "client_secret",
];

impl Document {
    /// Whether nothing stands in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.0.value {
            Value::Null => true,
            Value::Map(entries) => entries.is_empty(),
            _ => false,
        }
    }

    /// Whether it names backends; else the environment's variables make them.
    #[must_use]
    pub fn has_backends(&self) -> bool {
        let backends = self.0.get("backends").map(|entry| &entry.node.value);
        matches!(backends, Some(Value::List(items)) if !items.is_empty())
    }

    /// The file as YAML. With its secrets: it is for whoever has the file already.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        to_yaml(&self.0)
    }

    /// What is different in `after`, in the order of the keys.
    #[must_use]
    pub fn differences(&self, after: &Self) -> Vec<Difference> {
        let (before, after) = (flat(&self.0), flat(&after.0));
        let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
        keys.sort();
        keys.dedup();
        keys.into_iter()
            .filter(|key| before.get(*key) != after.get(*key))
            .map(|key| {
                let shown = |value: Option<&String>| {
                    value.map(|text| match is_secret(key) {
                        true => "[secret]".to_owned(),
                        false => text.clone(),
                    })
                };
                Difference {
                    key: key.clone(),
                    before: shown(before.get(key)),
                    after: shown(after.get(key)),
                }
            })
            .collect()
    }
}

fn is_secret(key: &str) -> bool {
    key.split(['.', '['])
        .any(|step| SECRETS.contains(&step.trim_end_matches(']')))
}

/// Every value by its path. Elements of lists go by their names, so that one that moved is the same.
fn flat(root: &Node) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    walk(root, String::new(), &mut found);
    found
}

fn walk(node: &Node, path: String, found: &mut BTreeMap<String, String>) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                let dot = if path.is_empty() { "" } else { "." };
                walk(&entry.node, format!("{path}{dot}{}", entry.key), found);
            }
        }
        Value::List(items) if items.iter().any(|item| matches!(item.value, Value::Map(_))) => {
            for (number, item) in items.iter().enumerate() {
                let mut step = path.clone();
                let _ = write!(step, "[{}]", name_of(item).unwrap_or(number.to_string()));
                walk(item, step, found);
            }
        }
        // Nothing at all.
        _ if path.is_empty() => {}
        _ => {
            found.insert(path, scalar_text(node));
        }
    }
}

/// What an element of a list is known by.
fn name_of(item: &Node) -> Option<String> {
    let text = |key: &str| match &item.get(key)?.node.value {
        Value::Scalar { text, .. } => Some(text.clone()),
        _ => None,
    };
    match (text("backend"), text("model")) {
        (Some(backend), Some(model)) => Some(format!("{backend}/{model}")),
        (_, Some(model)) => Some(model),
        _ => text("name").or(text("source")).or(text("tier")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document::Format;

    fn document(text: &str) -> Document {
        Document(Format::Yaml.parse(text).expect("YAML"))
    }

    #[test]
    fn what_changed_is_told_by_name_and_secrets_are_not() {
        let before = document(
            "server: {port: 4000}\nbackends:\n  - {name: a, timeout: 30s, api_keys: [sk-1]}\n  - {name: b, priority: 1}\n",
        );
        let after = document(
            "server: {port: 4000}\nbackends:\n  - {name: b, priority: 2}\n  - {name: a, timeout: 30s, api_keys: [sk-2]}\n  - {name: c, kind: demo}\n",
        );
        let told = before.differences(&after);
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "~ backends[a].api_keys: [secret] → [secret]",
                "~ backends[b].priority: 1 → 2",
                "+ backends[c].kind: demo",
                "+ backends[c].name: c",
            ]
        );
        assert_eq!(before.differences(&before), []);
        let none = Document::default();
        assert_eq!(none.differences(&before).len(), 6);
    }
}
