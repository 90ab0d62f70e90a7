//! Writes a tree as YAML, for people to read and to go on with.

use super::{Form, Node, Value, is_boolean, is_number};

/// The tree as YAML text.
pub fn to_yaml(node: &Node) -> String {
    let mut out = String::new();
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => write(&mut out, node, 0),
        _ => {
            out.push_str(&scalar(node));
            out.push('\n');
        }
    }
    out
}

/// The tree as JSON. Whole numbers and truth values stay what they are; numbers with a point become texts, so
/// that none passes through a float.
pub fn to_json(node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        Value::Null => Json::Null,
        Value::Map(entries) => {
            let members = entries.iter();
            Json::Object(members.map(|e| (e.key.clone(), to_json(&e.node))).collect())
        }
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Scalar { text, form } if *form == Form::Plain => match text.as_str() {
            "null" | "~" => Json::Null,
            _ if is_boolean(text) => Json::Bool(text.eq_ignore_ascii_case("true")),
            _ => match text.parse::<i64>() {
                Ok(number) => Json::from(number),
                Err(_) => Json::from(text.as_str()),
            },
        },
        Value::Scalar { text, .. } => Json::from(text.as_str()),
    }
}

/// Writes the members of a mapping, or the elements of a list, each on lines of its own.
fn write(out: &mut String, node: &Node, indent: usize) {
    match &node.value {
        Value::Map(entries) => {
            for (number, entry) in entries.iter().enumerate() {
                // The first stands behind a list's dash.
                if number > 0 || !out.ends_with("- ") {
                    out.extend(std::iter::repeat_n(' ', indent));
                }
                out.push_str(&text(&entry.key, true));
                out.push(':');
                if is_block(&entry.node) {
                    out.push('\n');
                    write(out, &entry.node, indent + 2);
                } else {
                    out.push(' ');
                    out.push_str(&scalar(&entry.node));
                    out.push('\n');
                }
            }
        }
        Value::List(items) => {
            for item in items {
                out.extend(std::iter::repeat_n(' ', indent));
                out.push_str("- ");
                if is_block(item) {
                    write(out, item, indent + 2);
                } else {
                    out.push_str(&scalar(item));
                    out.push('\n');
                }
            }
        }
        Value::Null | Value::Scalar { .. } => {}
    }
}

/// Whether it takes lines of its own. Lists of plain values are written in one.
fn is_block(node: &Node) -> bool {
    match &node.value {
        Value::Map(entries) => !entries.is_empty(),
        Value::List(items) => items
            .iter()
            .any(|item| matches!(item.value, Value::Map(_) | Value::List(_))),
        Value::Null | Value::Scalar { .. } => false,
    }
}

/// A value on one line.
pub fn scalar(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Map(entries) => {
            let members = entries
                .iter()
                .map(|e| format!("{}: {}", text(&e.key, true), scalar(&e.node)));
            let members: Vec<String> = members.collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(scalar).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Scalar { text: value, form } => match form {
            Form::Plain => text(value, true),
            Form::Quoted | Form::Interpolated | Form::Unset => text(value, false),
        },
    }
}

/// In quotes where it needs them: JSON's strings are YAML's too. `plain`: a number stays one.
fn text(value: &str, plain: bool) -> String {
    let safe_byte = |b: u8| b.is_ascii_alphanumeric() || b"_-./+".contains(&b);
    let starts_well =
        value.starts_with(|c: char| c.is_ascii_alphanumeric()) || (plain && is_number(value));
    let word = !value.is_empty() && starts_well && value.bytes().all(safe_byte);
    let reserved = is_boolean(value)
        || ["null", "yes", "no", "on", "off", "y", "n"]
            .contains(&value.to_ascii_lowercase().as_str());
    let looks_like_another = is_number(value) || reserved;
    if word && (plain || !looks_like_another) {
        return value.to_owned();
    }
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document::Format;

    #[test]
    fn what_is_written_reads_as_the_same() {
        let text = "a: 1\nb: {c: '1', d: 'true', e: 'a: b', f: [x, 'y z', 2.50], g: null, h: ''}\n\
                    l:\n  - {m: n, o: [{p: q}]}\n  - z\nu: \"${NAME}\"\nempty: {}\nnone: []\n'odd key': -1\n";
        let node = Format::Yaml.parse(text).expect("YAML");
        let written = to_yaml(&node);
        let again = Format::Yaml.parse(&written).expect("what was written");
        assert_eq!(to_yaml(&again), written);
        assert_eq!(
            written,
            "a: 1\nb:\n  c: \"1\"\n  d: \"true\"\n  e: \"a: b\"\n  f: [x, \"y z\", 2.50]\n  g: null\n  h: \"\"\n\
             l:\n  - m: n\n    o:\n      - p: q\n  - z\nu: \"${NAME}\"\nempty: {}\nnone: []\n\"odd key\": -1\n"
        );
    }
}
