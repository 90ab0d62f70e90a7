//! A tool's parameters as Anthropic takes them: an object at the root, and no alternatives there. The
//! members of alternatives are offered side by side, and the description says which belong together.

use crate::{
    node::{Json, Kind, Node},
    write::{self, ObjectWriter},
};

const ALTERNATIVES: [&str; 3] = ["anyOf", "oneOf", "allOf"];

/// The `input_schema` of a tool; `None`: it takes nothing. One that fits stays what it was to the byte.
pub(super) fn parameters(schema: Option<&Json>) -> Json {
    let members = schema
        .and_then(|schema| schema.node().object().ok())
        .map(|members| members.rest())
        .unwrap_or_default();
    let fits = members
        .iter()
        .any(|(key, value)| key == "type" && value.as_str() == "\"object\"")
        && !members.iter().any(|(key, _)| is_alternative(key));
    if let (Some(schema), true) = (schema, fits) {
        return schema.clone();
    }
    let mut description: Vec<String> = Vec::new();
    let mut offered: Vec<(String, Json)> = Vec::new();
    for (key, value) in &members {
        match key.as_str() {
            "description" => description.insert(0, value.node().owned().unwrap_or_default()),
            "properties" => offer(&value.node(), &mut offered),
            key if is_alternative(key) => {
                for branch in value.node().array().unwrap_or_default() {
                    if let Some(properties) =
                        branch.object().ok().and_then(|mut b| b.take("properties"))
                    {
                        offer(&properties, &mut offered);
                    }
                }
                description.push(format!("{{{key}: {value}}}"));
            }
            _ => {}
        }
    }
    write::object_json(|o| {
        o.put("type", "object");
        if !description.is_empty() {
            o.put("description", &description.join("\n\n"));
        }
        o.object("properties", |o| put_all(o, &offered));
        for (key, value) in &members {
            let written = matches!(key.as_str(), "type" | "description" | "properties");
            if !written && !is_alternative(key) {
                o.raw(key, value);
            }
        }
    })
}

fn is_alternative(key: &str) -> bool {
    ALTERNATIVES.contains(&key)
}

/// Adds properties that are not offered yet.
fn offer(properties: &Node<'_>, offered: &mut Vec<(String, Json)>) {
    if properties.kind() != Kind::Object {
        return;
    }
    let members = properties.object().map(|o| o.rest()).unwrap_or_default();
    for (name, schema) in members {
        if !offered.iter().any(|(known, _)| *known == name) {
            offered.push((name, schema));
        }
    }
}

fn put_all(o: &mut ObjectWriter<'_>, members: &[(String, Json)]) {
    members.iter().for_each(|(key, value)| o.raw(key, value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_an_object() {
        let cases = [
            (
                r#"{"type":"object" , "x":1.0}"#,
                r#"{"type":"object" , "x":1.0}"#,
            ),
            (
                r#"{"properties":{"a":{}},"required":["a"]}"#,
                r#"{"type":"object","properties":{"a":{}},"required":["a"]}"#,
            ),
            ("{}", r#"{"type":"object","properties":{}}"#),
            ("true", r#"{"type":"object","properties":{}}"#),
            (
                r#"{"type":["object","null"],"properties":{}}"#,
                r#"{"type":"object","properties":{}}"#,
            ),
            (
                r#"{"type":"object","description":"D","anyOf":[{"properties":{"a":{}}},{"properties":{"a":{},"b":{}}}],"$defs":{}}"#,
                r#"{"type":"object","description":"D\n\n{anyOf: [{\"properties\":{\"a\":{}}},{\"properties\":{\"a\":{},\"b\":{}}}]}","properties":{"a":{},"b":{}},"$defs":{}}"#,
            ),
        ];
        for (given, expected) in cases {
            let given = Json::parse(given).expect("JSON");
            assert_eq!(parameters(Some(&given)).as_str(), expected);
        }
        assert_eq!(
            parameters(None).as_str(),
            r#"{"type":"object","properties":{}}"#
        );
    }
}
