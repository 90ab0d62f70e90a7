//! A configuration file as a tree whose every value knows the line it came from, whatever the
//! format: what is wrong can then be reported where it stands. It does not know which keys exist;
//! that is said where they are read. Numbers stay text, so that prices never pass through a float.

mod interpolate;
mod print;
mod toml_format;
mod yaml_format;

use std::fmt;

pub(super) use interpolate::interpolate;
pub(super) use print::{scalar as scalar_text, to_json, to_yaml};

/// A place in a text, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// A value and where it starts.
#[derive(Clone)]
pub(super) struct Node {
    pub value: Value,
    pub position: Position,
}

/// What a file may hold.
#[derive(Clone)]
pub(super) enum Value {
    Null,
    Scalar { text: String, form: Form },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// How a scalar was written, which decides whether it may be taken for a number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Without quotes: a number, a truth value or, in YAML, a text.
    Plain,
    /// In quotes: a text and nothing else.
    Quoted,
    /// Read from an environment variable: whatever the key wants it to be.
    Interpolated,
    /// An environment variable that is missing, which has been reported already.
    Unset,
}

/// One `key: value`.
#[derive(Clone)]
pub(super) struct Entry {
    pub key: String,
    pub key_position: Position,
    pub node: Node,
}

/// The text does not follow its format's grammar.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub position: Position,
    pub message: String,
}

/// The grammars that are read. JSON is a subset of YAML and has no reader of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Yaml,
    Toml,
}

impl Format {
    /// The format that a file's extension announces; anything unknown is read as YAML.
    pub fn of(path: &std::path::Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("toml") => Self::Toml,
            _ => Self::Yaml,
        }
    }

    /// Reads a whole document. An empty one is [`Value::Null`].
    pub fn parse(self, text: &str) -> Result<Node, SyntaxError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self {
            Self::Yaml => yaml_format::parse(text),
            Self::Toml => toml_format::parse(text),
        }
    }
}

impl Node {
    /// What to call this value in a message, without telling its contents.
    pub fn noun(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Scalar { text, form } => match form {
                Form::Plain if is_boolean(text) => "a truth value",
                Form::Plain if is_number(text) => "a number",
                _ => "a text",
            },
        }
    }

    /// The value under `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Where the value at a key path such as `backends[0].models[2].price` stands, or else the
    /// nearest thing around it that exists.
    pub fn locate(&self, path: &str) -> Position {
        let mut node = self;
        let mut position = self.position;
        for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
            let next = match (&node.value, step.strip_suffix(']')) {
                (Value::List(items), Some(index)) => {
                    index.parse().ok().and_then(|i: usize| items.get(i))
                }
                _ => node.get(step).map(|entry| &entry.node),
            };
            let Some(next) = next else { break };
            position = next.position;
            node = next;
        }
        position
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

pub(super) fn is_boolean(text: &str) -> bool {
    matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
}

/// Whether a plain scalar is a number to YAML's core schema (or to JSON and TOML).
pub(super) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(hex) = digits.strip_prefix("0x") {
        return !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
    }
    let decimal = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    decimal && digits.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_of_a_key_path_is_found_in_every_format() {
        let texts = [
            (
                Format::Yaml,
                "a:\n  - {b: 1}\n  - c: deep\n",
                Position { line: 3, column: 8 },
            ),
            (
                Format::Yaml,
                "{\"a\": [{},\n {\"c\": 1}]}",
                Position { line: 2, column: 8 },
            ),
            (
                Format::Toml,
                "[[a]]\nb = 1\n[[a]]\nc = \"x\"\n",
                Position { line: 4, column: 5 },
            ),
        ];
        for (format, text, expected) in texts {
            let node = format.parse(text).expect("well formed");
            assert_eq!(node.locate("a[1].c"), expected, "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_located_at_what_surrounds_it() {
        let node = Format::Yaml.parse("a:\n  b: 1\n").expect("well formed");
        assert_eq!(node.locate("a.zzz[3].y"), node.locate("a"));
    }

    #[test]
    fn numbers_are_told_from_texts() {
        for number in ["0", "-1", "2.50", "1e3", ".5", "0xff", "+4"] {
            assert!(is_number(number), "{number}");
        }
        for text in [
            "", "0.0.0.0", "30s", "inf", "nan", "64MiB", "-", "1 2", "gpt-4",
        ] {
            assert!(!is_number(text), "{text}");
        }
    }
}
