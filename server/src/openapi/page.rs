//! `GET /redoc`: the document as one page to read, without a script. The theme is that of the dashboards.

use std::fmt::Write as _;

use app::theme::Theme;
use axum::{
    http::{
        HeaderMap,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

use super::AS_JSON;

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; \
    base-uri 'none'; form-action 'none'";

const STYLE: &str = include_str!("reference.css");

/// Methods in the order in which they are listed.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// `GET /redoc`
pub async fn reference(headers: HeaderMap) -> Response {
    let cookies = headers
        .get(COOKIE)
        .and_then(|cookies| cookies.to_str().ok());
    let theme = cookies.map(Theme::of_cookies).unwrap_or_default();
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, page(&AS_JSON, theme)).into_response()
}

/// `GET /redoc/reference.css`
pub async fn style() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/css"), (CACHE_CONTROL, "no-cache")];
    (headers, STYLE)
}

/// Text between tags or in an attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A sentence with `code` in it.
fn sentence(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(n, part)| match n % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    });
    parts.collect()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn members<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let found = value.pointer(pointer).and_then(Value::as_object);
    found.into_iter().flat_map(Map::iter)
}

fn items<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    let found = value.get(member).and_then(Value::as_array);
    found.into_iter().flatten()
}

/// An id for links within the page.
fn anchor(of: &str) -> String {
    let characters = of.chars().map(|c| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '-',
    });
    characters.collect()
}

struct Listed<'a> {
    path: &'a str,
    method: &'static str,
    operation: &'a Value,
}

fn page(document: &Value, theme: Theme) -> String {
    let mut html = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        html,
        "<!DOCTYPE html><html lang=\"en\" data-theme=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>API reference – LLM Router</title>\
         <link rel=\"icon\" href=\"/favicon.svg\">\
         <link rel=\"stylesheet\" href=\"/pkg/llm-router.css\">\
         <link rel=\"stylesheet\" href=\"/redoc/reference.css\"></head><body>",
        theme.as_str()
    );
    let mut listed = Vec::new();
    for (path, item) in members(document, "/paths") {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                listed.push(Listed {
                    path,
                    method,
                    operation,
                });
            }
        }
    }
    html.push_str("<nav class=\"reference-nav\" aria-label=\"Parts of the reference\"><ul>");
    for tag in items(document, "tags") {
        let name = text(tag, "name");
        let _ = write!(
            html,
            "<li><a href=\"#{}\">{}</a></li>",
            anchor(name),
            escaped(name)
        );
    }
    html.push_str("<li><a href=\"#schemas\">Schemas</a></li></ul></nav><main class=\"reference\">");
    let _ = write!(
        html,
        "<h1>API reference</h1><p>LLM Router {}. {}</p><p>The same as <a href=\"/openapi.json\">JSON</a> \
         and in <a href=\"/docs\">Swagger UI</a>, from which one can ask.</p>",
        escaped(text(
            document.get("info").unwrap_or(&Value::Null),
            "version"
        )),
        sentence(text(
            document.get("info").unwrap_or(&Value::Null),
            "description"
        ))
    );
    for tag in items(document, "tags") {
        let name = text(tag, "name");
        let _ = write!(
            html,
            "<section><h2 id=\"{}\">{}</h2><p>{}</p>",
            anchor(name),
            escaped(name),
            sentence(text(tag, "description"))
        );
        let of_tag = |listed: &&Listed| items(listed.operation, "tags").any(|tag| tag == name);
        for listed in listed.iter().filter(of_tag) {
            operation(&mut html, document, listed);
        }
        html.push_str("</section>");
    }
    html.push_str("<section><h2 id=\"schemas\">Schemas</h2>");
    for (name, schema) in members(document, "/components/schemas") {
        let _ = write!(
            html,
            "<h3 id=\"schema-{}\">{}</h3>",
            anchor(name),
            escaped(name)
        );
        schema_table(&mut html, schema);
    }
    html.push_str("</section></main></body></html>");
    html
}

fn operation(html: &mut String, document: &Value, listed: &Listed) {
    let Listed {
        path,
        method,
        operation,
    } = listed;
    let _ = write!(
        html,
        "<details id=\"{}\"><summary><span class=\"method\" data-method=\"{method}\">{}</span> \
         <code>{}</code> <span class=\"about\">{}</span></summary><div>",
        escaped(text(operation, "operationId")),
        method.to_uppercase(),
        escaped(path),
        sentence(text(operation, "summary"))
    );
    let description = text(operation, "description");
    if !description.is_empty() {
        let _ = write!(html, "<p>{}</p>", sentence(description));
    }
    let schemes: Vec<&String> = items(operation, "security")
        .filter_map(Value::as_object)
        .flat_map(Map::keys)
        .collect();
    let _ = match schemes.is_empty() {
        true => write!(html, "<p>For everybody.</p>"),
        false => write!(html, "<p>{}</p>", opened_by(document, &schemes)),
    };
    if items(operation, "parameters").next().is_some() {
        html.push_str(
            "<table><caption>Parameters</caption><thead><tr><th scope=\"col\">Name</th>\
             <th scope=\"col\">Where</th><th scope=\"col\">Type</th><th scope=\"col\">What</th></tr></thead>\
             <tbody>",
        );
        for parameter in items(operation, "parameters") {
            let required = parameter.get("required") == Some(&Value::Bool(true));
            let _ = write!(
                html,
                "<tr><td><code>{}</code>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escaped(text(parameter, "name")),
                if required { " (required)" } else { "" },
                escaped(text(parameter, "in")),
                type_of(parameter.get("schema").unwrap_or(&Value::Null)),
                sentence(text(parameter, "description"))
            );
        }
        html.push_str("</tbody></table>");
    }
    if let Some(body) = operation.get("requestBody") {
        for (kind, content) in members(body, "/content") {
            let required = body.get("required") == Some(&Value::Bool(true));
            let _ = write!(
                html,
                "<p>Body{}: <code>{}</code>, {}</p>",
                if required { "" } else { " (may be left out)" },
                escaped(kind),
                type_of(content.get("schema").unwrap_or(&Value::Null))
            );
        }
    }
    html.push_str(
        "<table><caption>Answers</caption><thead><tr><th scope=\"col\">Status</th>\
         <th scope=\"col\">Body</th><th scope=\"col\">When</th></tr></thead><tbody>",
    );
    for (status, answer) in members(operation, "/responses") {
        let bodies = members(answer, "/content").map(|(kind, content)| {
            let schema = type_of(content.get("schema").unwrap_or(&Value::Null));
            format!("{schema} <span class=\"kind\">{}</span>", escaped(kind))
        });
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(status),
            bodies.collect::<Vec<_>>().join("<br>"),
            sentence(text(answer, "description"))
        );
    }
    let _ = write!(
        html,
        "</tbody></table><p>Example</p><pre tabindex=\"0\"><code>{}</code></pre></div></details>",
        escaped(&curl(document, listed, &schemes))
    );
}

/// By what an operation is opened.
fn opened_by(document: &Value, schemes: &[&String]) -> String {
    let mut ways = Vec::new();
    let mut about = "";
    for scheme in schemes {
        let Some(scheme) = document.pointer(&format!("/components/securitySchemes/{scheme}"))
        else {
            continue;
        };
        about = text(scheme, "description");
        ways.push(match text(scheme, "type") {
            "apiKey" => format!("<code>{}: …</code>", escaped(text(scheme, "name"))),
            _ => "<code>authorization: Bearer …</code>".to_owned(),
        });
    }
    format!("{} In {}.", sentence(about), ways.join(" or "))
}

/// What asks so, on a command line.
fn curl(document: &Value, listed: &Listed, schemes: &[&String]) -> String {
    let path = listed.path.replace('{', "$").replace('}', "");
    let mut command = format!("curl -X {} \"$ROUTER{path}\"", listed.method.to_uppercase());
    if let Some(scheme) = schemes.first() {
        let pointer = format!("/components/securitySchemes/{scheme}");
        let scheme = document.pointer(&pointer).unwrap_or(&Value::Null);
        let header = match text(scheme, "type") {
            "apiKey" => format!("{}: $TOKEN", text(scheme, "name")),
            _ => "authorization: Bearer $KEY".to_owned(),
        };
        let _ = write!(command, " \\\n  -H \"{header}\"");
    }
    let json = "/requestBody/content/application~1json/schema";
    if let Some(schema) = listed.operation.pointer(json) {
        let example = example(document, schema, 0);
        let _ = write!(
            command,
            " \\\n  -H 'content-type: application/json' \\\n  -d '{example}'"
        );
    }
    command
}

/// Something that fits a schema: of an object the members that must be there.
fn example(document: &Value, schema: &Value, depth: usize) -> Value {
    if depth > 6 {
        return Value::Null;
    }
    if let Some(name) = referred(schema) {
        let pointer = format!("/components/schemas/{name}");
        let found = document.pointer(&pointer);
        return found.map_or(Value::Null, |schema| example(document, schema, depth + 1));
    }
    if let Some(first) = items(schema, "enum").next() {
        return first.clone();
    }
    if let Some(first) = items(schema, "oneOf").find(|schema| text(schema, "type") != "null") {
        return example(document, first, depth + 1);
    }
    match types(schema).first().copied() {
        Some("object") => {
            let required: Vec<&str> = items(schema, "required")
                .filter_map(Value::as_str)
                .collect();
            let wanted = members(schema, "/properties")
                .filter(|(name, _)| required.contains(&name.as_str()));
            let wanted =
                wanted.map(|(name, schema)| (name.clone(), example(document, schema, depth + 1)));
            Value::Object(wanted.collect())
        }
        Some("array") => {
            let item = schema.get("items").unwrap_or(&Value::Null);
            Value::Array(vec![example(document, item, depth + 1)])
        }
        Some("string") => Value::from("…"),
        Some("integer" | "number") => Value::from(1),
        Some("boolean") => Value::from(true),
        _ => Value::Object(Map::new()),
    }
}

fn referred(schema: &Value) -> Option<&str> {
    text(schema, "$ref").strip_prefix("#/components/schemas/")
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A type in a few words, with links to those that have a name.
fn type_of(schema: &Value) -> String {
    if let Some(name) = referred(schema) {
        return format!("<a href=\"#schema-{}\">{}</a>", anchor(name), escaped(name));
    }
    let choices: Vec<String> = items(schema, "oneOf").map(type_of).collect();
    if !choices.is_empty() {
        return choices.join(" or ");
    }
    let words: Vec<&str> = items(schema, "enum").filter_map(Value::as_str).collect();
    if !words.is_empty() {
        let words = words
            .iter()
            .map(|word| format!("<code>{}</code>", escaped(word)));
        return words.collect::<Vec<_>>().join(" or ");
    }
    let of = types(schema).into_iter().map(|kind| match kind {
        "array" => {
            let item = schema.get("items").unwrap_or(&Value::Null);
            format!("list of {}", type_of(item))
        }
        "object" => match schema.get("additionalProperties") {
            Some(values @ Value::Object(_)) => format!("object of {}", type_of(values)),
            _ => "object".to_owned(),
        },
        other => escaped(other),
    });
    let of: Vec<String> = of.collect();
    match of.is_empty() {
        true => "anything".to_owned(),
        false => of.join(" or "),
    }
}

fn schema_table(html: &mut String, schema: &Value) {
    let description = text(schema, "description");
    if !description.is_empty() {
        let _ = write!(html, "<p>{}</p>", sentence(description));
    }
    if members(schema, "/properties").next().is_none() {
        let _ = write!(html, "<p>{}</p>", type_of(schema));
        return;
    }
    html.push_str(
        "<table><thead><tr><th scope=\"col\">Member</th><th scope=\"col\">Type</th>\
         <th scope=\"col\">What</th></tr></thead><tbody>",
    );
    let required: Vec<&str> = items(schema, "required")
        .filter_map(Value::as_str)
        .collect();
    for (name, member) in members(schema, "/properties") {
        let _ = write!(
            html,
            "<tr><td><code>{}</code>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(name),
            if required.contains(&name.as_str()) {
                " (required)"
            } else {
                ""
            },
            type_of(member),
            sentence(text(member, "description"))
        );
    }
    html.push_str("</tbody></table>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_become_tags() {
        assert_eq!(
            sentence("a <b> & `x<y` \"q\""),
            "a &lt;b&gt; &amp; <code>x&lt;y</code> &quot;q&quot;"
        );
    }

    #[test]
    fn every_operation_and_schema_is_on_the_page() {
        let html = page(&AS_JSON, Theme::Dark);
        assert!(html.contains("data-theme=\"dark\""));
        let mut operations = 0;
        for (path, item) in members(&AS_JSON, "/paths") {
            for operation in METHODS.iter().filter_map(|method| item.get(*method)) {
                let id = text(operation, "operationId");
                assert!(html.contains(&format!("<details id=\"{id}\">")), "{path}");
                operations += 1;
            }
        }
        assert!(operations > 100, "{operations}");
        for (name, _) in members(&AS_JSON, "/components/schemas") {
            assert!(
                html.contains(&format!("id=\"schema-{}\"", anchor(name))),
                "{name}"
            );
        }
    }

    #[test]
    fn examples_have_what_must_be_there() {
        let schema = serde_json::json!({"$ref": "#/components/schemas/MemberInput"});
        let example = example(&AS_JSON, &schema, 0);
        assert_eq!(example, serde_json::json!({"user_id": 1}));
    }
}
