//! Contexts of hooks as JSON, and what comes back put into effect.

use std::collections::HashSet;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
        COOKIE, EXPECT, HOST, PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING,
        UPGRADE,
    },
};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::headers::X_API_KEY;

/// Those say who the client is, and are nobody else's business.
fn is_credential(name: &HeaderName) -> bool {
    [
        AUTHORIZATION,
        PROXY_AUTHORIZATION,
        COOKIE,
        SET_COOKIE,
        X_API_KEY,
    ]
    .contains(name)
        || name.as_str() == "x-user-token"
        || name.as_str().starts_with("x-goog-api-key")
        || name.as_str().starts_with("x-amz-security-token")
}

/// Those belong to the connection or to the body's framing, and are the router's to set.
fn is_framing(name: &HeaderName) -> bool {
    [
        HOST,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        CONTENT_ENCODING,
        TRANSFER_ENCODING,
        CONNECTION,
        UPGRADE,
        TE,
        TRAILER,
        EXPECT,
        ACCEPT_ENCODING,
    ]
    .contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

/// Headers as scripts see them: several of one name are joined.
pub(super) fn headers_json(headers: &HeaderMap, hidden: Option<&HeaderName>) -> String {
    let mut map = Map::new();
    for name in headers.keys() {
        if is_credential(name) || hidden == Some(name) {
            continue;
        }
        let values: Vec<&str> = headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        map.insert(name.as_str().to_owned(), values.join(", ").into());
    }
    Value::Object(map).to_string()
}

/// A request as hooks see it; `body` is JSON.
pub(super) fn request_json(
    path: &str,
    headers: &HeaderMap,
    hidden: Option<&HeaderName>,
    stream: bool,
    body: Option<&str>,
) -> String {
    let (path, headers) = (Value::from(path), headers_json(headers, hidden));
    let body = body.map_or_else(String::new, |body| format!(",\"body\":{body}"));
    format!(
        "{{\"method\":\"POST\",\"path\":{path},\"headers\":{headers},\"isStream\":{stream}{body}}}"
    )
}

/// What a hook on a request or an answer gave back.
#[derive(Debug, Deserialize)]
pub(super) struct Output<'a> {
    pub status: Option<u16>,
    /// All of them, where any has changed.
    pub headers: Option<Map<String, Value>>,
    /// The body as it was read, where it has changed.
    #[serde(borrow)]
    before: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

impl<'a> Output<'a> {
    pub fn read(text: &'a str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| format!("what it returned: {error}"))
    }

    /// The new body. Members that the script has left as they were keep their bytes, so that numbers
    /// beyond JavaScript's are not rounded.
    pub fn body(&self, original: &[u8]) -> Option<Bytes> {
        let after = self.body?;
        let spliced = || {
            let was = members(self.before?.get().as_bytes())?;
            let now = members(after.get().as_bytes())?;
            let bytes = members(original)?;
            // Where a name comes twice it is not clear which one is meant.
            let names: HashSet<&str> = bytes.iter().map(|(name, _)| name.as_str()).collect();
            if names.len() != bytes.len() {
                return None;
            }
            let find = |list: &[(String, &'a RawValue)], name: &str| {
                let found = list.iter().find(|(known, _)| known == name);
                found.map(|(_, value)| value.get())
            };
            let mut body = String::with_capacity(original.len());
            for (name, value) in &now {
                body.push(if body.is_empty() { '{' } else { ',' });
                body.push_str(&Value::from(name.as_str()).to_string());
                body.push(':');
                let same = find(&was, name) == Some(value.get());
                let kept = bytes.iter().find(|(known, _)| known == name);
                body.push_str(match kept.filter(|_| same) {
                    Some((_, raw)) => raw.get(),
                    None => value.get(),
                });
            }
            body.push_str(if body.is_empty() { "{}" } else { "}" });
            Some(Bytes::from(body))
        };
        Some(spliced().unwrap_or_else(|| Bytes::copy_from_slice(after.get().as_bytes())))
    }

    /// The names whose values differ from `before`: with the new value, or with none where it is gone.
    pub fn changed_headers(
        &self,
        before: &HeaderMap,
    ) -> Result<Vec<(HeaderName, Option<HeaderValue>)>, String> {
        let Some(after) = &self.headers else {
            return Ok(Vec::new());
        };
        let was: Map<String, Value> =
            serde_json::from_str(&headers_json(before, None)).unwrap_or_default();
        let mut changed = Vec::new();
        let mut named = HashSet::new();
        for (name, value) in after {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Null => continue,
                other => other.to_string(),
            };
            let wrong = |_| format!("\"{name}\" is no header, or what it is set to cannot be one");
            let header = HeaderName::try_from(name).map_err(|e| wrong(e.to_string()))?;
            named.insert(header.as_str().to_owned());
            if was.get(header.as_str()).and_then(Value::as_str) == Some(text.as_str()) {
                continue;
            }
            if is_framing(&header) {
                continue;
            }
            let value = HeaderValue::try_from(text).map_err(|e| wrong(e.to_string()))?;
            changed.push((header, Some(value)));
        }
        for name in was.keys().filter(|name| !named.contains(*name)) {
            if let Ok(header) = HeaderName::try_from(name)
                && !is_framing(&header)
            {
                changed.push((header, None));
            }
        }
        Ok(changed)
    }
}

/// The members of an object in their order; `None`: it is none.
fn members(json: &[u8]) -> Option<Vec<(String, &RawValue)>> {
    struct Members<'a>(Vec<(String, &'a RawValue)>);
    struct Visitor;
    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Members<'de>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Members<'de>, A::Error> {
            let mut members = Vec::new();
            while let Some(entry) = map.next_entry()? {
                members.push(entry);
            }
            Ok(Members(members))
        }
    }
    impl<'de> Deserialize<'de> for Members<'de> {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(Visitor)
        }
    }
    serde_json::from_slice::<Members<'_>>(json)
        .ok()
        .map(|members| members.0)
}

/// The body as a part of a context: itself where it is JSON, otherwise null.
pub(super) fn body_json(body: &[u8]) -> &str {
    match serde_json::from_slice::<&RawValue>(body) {
        Ok(raw) => raw.get(),
        Err(_) => "null",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_are_left_alone_keep_their_bytes() {
        let original = br#"{"seed": 12345678901234567890, "temperature":1.0,"model":"a","gone":1}"#;
        let output = Output::read(
            r#"{"status":null,"headers":null,
            "before":{"seed":12345678901234567000,"temperature":1,"model":"a","gone":1},
            "body":{"seed":12345678901234567000,"temperature":1,"model":"b","new":[1]}}"#,
        )
        .expect("output");
        let body = output.body(original).expect("a body");
        assert_eq!(
            &body[..],
            br#"{"seed":12345678901234567890,"temperature":1.0,"model":"b","new":[1]}"#
        );
        // A list has no members to keep.
        let output = Output::read(r#"{"before":[1],"body":[2]}"#).expect("output");
        assert_eq!(output.body(b"[1.0]").expect("a body"), "[2]");
        let output = Output::read(r#"{"headers":null}"#).expect("output");
        assert_eq!(output.body(b"{}"), None);
    }

    #[test]
    fn credentials_are_neither_shown_nor_lost() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer s"),
            ("x-api-key", "s"),
            ("cookie", "s"),
            ("user-agent", "test"),
            ("host", "example"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let seen = headers_json(&headers, None);
        assert_eq!(seen, r#"{"host":"example","user-agent":"test"}"#);
        let output =
            Output::read(r#"{"headers":{"X-New":"1","Host":"evil","Content-Length":"5"}}"#)
                .expect("output");
        let mut changed = output.changed_headers(&headers).expect("headers");
        changed.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        let expected = [
            ("user-agent", None),
            ("x-new", Some(HeaderValue::from_static("1"))),
        ];
        assert_eq!(
            changed,
            expected.map(|(name, value)| (HeaderName::from_static(name), value))
        );
        let wrong = Output::read(r#"{"headers":{"x":"a\nb"}}"#).expect("output");
        assert!(wrong.changed_headers(&headers).is_err());
    }
}
