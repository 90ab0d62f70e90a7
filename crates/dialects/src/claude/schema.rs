//! JSON Schemas that answers and strict tools are forced to follow, within what Anthropic compiles:
//! closed objects without the keywords that its grammar lacks. Such a keyword moves into the description,
//! where the model reads it, as Anthropic's own SDKs do it; nothing else changes, and a schema that fits
//! stays what it was to the byte.

use crate::{
    node::{Json, Kind, Node},
    write::{self, ObjectWriter},
};

/// Keywords that constrain a value in ways the grammar cannot.
const UNSUPPORTED: [&str; 15] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "contains",
    "minContains",
    "maxContains",
    "patternProperties",
];

/// Formats of strings that it can.
const FORMATS: [&str; 10] = [
    "\"date-time\"",
    "\"time\"",
    "\"date\"",
    "\"duration\"",
    "\"email\"",
    "\"hostname\"",
    "\"uri\"",
    "\"ipv4\"",
    "\"ipv6\"",
    "\"uuid\"",
];

/// Deeper than any schema that a person wrote.
const MAX_DEPTH: usize = 64;

/// A schema within the grammar.
pub(crate) fn closed(schema: &Json) -> Json {
    let mut out = Vec::new();
    if value(&schema.node(), &mut out, 0) {
        let text = std::str::from_utf8(&out).unwrap_or_default();
        return Json::parse(text).unwrap_or_else(|_| schema.clone());
    }
    schema.clone()
}

/// Appends a schema; `true` where it is another than it was.
fn value(node: &Node<'_>, out: &mut Vec<u8>, depth: usize) -> bool {
    let members = (node.kind() == Kind::Object && depth < MAX_DEPTH)
        .then(|| node.object().ok())
        .flatten();
    let Some(members) = members else {
        out.extend_from_slice(node.text().as_bytes());
        return false;
    };
    let members = members.rest();
    let is = |key: &str, text: &str| members.iter().any(|(k, v)| k == key && v.as_str() == text);
    let is_object = is("type", "\"object\"")
        || (!members.iter().any(|(k, _)| k == "type")
            && members.iter().any(|(k, _)| k == "properties"));
    let mut moved: Vec<String> = Vec::new();
    let mut description = None;
    let mut changed = false;
    write::object(out, |o| {
        for (key, member) in &members {
            let node = member.node();
            match key.as_str() {
                "description" => description = node.owned().ok(),
                "additionalProperties" if is_object => {}
                "minItems" if !matches!(member.as_str(), "0" | "1") => {
                    moved.push(format!("{key}: {member}"));
                }
                "format" if !FORMATS.contains(&member.as_str()) => {
                    moved.push(format!("{key}: {member}"));
                }
                key if UNSUPPORTED.contains(&key) => moved.push(format!("{key}: {member}")),
                "oneOf" => {
                    changed = true;
                    list(o, "anyOf", &node, depth);
                }
                "anyOf" | "allOf" => changed |= list(o, key, &node, depth),
                "items" | "not" => changed |= one(o, key, &node, depth),
                "properties" | "$defs" | "definitions" => changed |= map(o, key, &node, depth),
                _ => o.raw(key, member),
            }
        }
        if is_object {
            changed |= !is("additionalProperties", "false");
            o.put("additionalProperties", &false);
        }
        changed |= !moved.is_empty();
        if !moved.is_empty() {
            let moved = format!("{{{}}}", moved.join(", "));
            description = Some(match description.take() {
                Some(text) => format!("{text}\n\n{moved}"),
                None => moved,
            });
        }
        o.opt("description", description);
    });
    changed
}

fn one(o: &mut ObjectWriter<'_>, key: &str, node: &Node<'_>, depth: usize) -> bool {
    let mut out = Vec::new();
    let changed = value(node, &mut out, depth + 1);
    o.raw(key, &rewritten(node, &out, changed));
    changed
}

fn list(o: &mut ObjectWriter<'_>, key: &str, node: &Node<'_>, depth: usize) -> bool {
    let Ok(elements) = node.array() else {
        o.raw(key, &node.json());
        return false;
    };
    let mut changed = false;
    o.array(key, |a| {
        for element in &elements {
            let mut out = Vec::new();
            let other = value(element, &mut out, depth + 1);
            a.raw(&rewritten(element, &out, other));
            changed |= other;
        }
    });
    changed
}

fn map(o: &mut ObjectWriter<'_>, key: &str, node: &Node<'_>, depth: usize) -> bool {
    let Ok(members) = node.object() else {
        o.raw(key, &node.json());
        return false;
    };
    let mut changed = false;
    o.object(key, |o| {
        for (name, member) in members.rest() {
            changed |= one(o, &name, &member.node(), depth + 1);
        }
    });
    changed
}

fn rewritten(node: &Node<'_>, out: &[u8], changed: bool) -> Json {
    let text = std::str::from_utf8(out).unwrap_or_default();
    match Json::parse(text) {
        Ok(json) if changed => json,
        _ => node.json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::parse(text).expect("JSON")
    }

    #[test]
    fn a_schema_that_fits_stays_to_the_byte() {
        let text = r#"{"type": "object","properties":{"a": {"type":"array","items":{"anyOf":[{"type":"null"},{"type":"object","additionalProperties":false}]},"minItems":1}}, "additionalProperties":false}"#;
        assert_eq!(closed(&json(text)).as_str(), text);
        assert_eq!(closed(&json("true")).as_str(), "true");
    }

    #[test]
    fn objects_are_closed_and_constraints_are_told_in_words() {
        let given = json(
            r##"{"type":"object","properties":{"age":{"type":"integer","minimum":0,"maximum":150,"description":"years"},"who":{"$ref":"#/$defs/Who"},"at":{"type":"string","format":"regex"}},"$defs":{"Who":{"type":"object","properties":{"additionalProperties":{"type":"string","maxLength":3}},"additionalProperties":true}},"oneOf":[{"type":"object"}]}"##,
        );
        insta::assert_snapshot!(closed(&given).as_str(), @r##"{"type":"object","properties":{"age":{"type":"integer","description":"years\n\n{minimum: 0, maximum: 150}"},"who":{"$ref":"#/$defs/Who"},"at":{"type":"string","description":"{format: \"regex\"}"}},"$defs":{"Who":{"type":"object","properties":{"additionalProperties":{"type":"string","description":"{maxLength: 3}"}},"additionalProperties":false}},"anyOf":[{"type":"object","additionalProperties":false}],"additionalProperties":false}"##);
    }

    #[test]
    fn no_depth_is_too_deep() {
        let text = format!("{}{{}}{}", r#"{"items":"#.repeat(100), "}".repeat(100));
        assert_eq!(closed(&json(&text)).as_str(), text);
    }
}
