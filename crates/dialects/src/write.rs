//! Writes JSON straight into bytes, member by member, in the order of the calls.

use serde::Serialize;

use crate::node::Json;

/// Writes one object; see [`object`].
#[derive(Debug)]
pub struct ObjectWriter<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

/// Writes one array; see [`array()`].
#[derive(Debug)]
pub struct ArrayWriter<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

/// Appends an object to `out`.
pub fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
    out.push(b'{');
    fill(&mut ObjectWriter { out, empty: true });
    out.push(b'}');
}

/// Appends an array to `out`.
pub fn array(out: &mut Vec<u8>, fill: impl FnOnce(&mut ArrayWriter<'_>)) {
    out.push(b'[');
    fill(&mut ArrayWriter { out, empty: true });
    out.push(b']');
}

/// An object as a value of its own.
#[must_use]
pub fn object_json(fill: impl FnOnce(&mut ObjectWriter<'_>)) -> Json {
    let mut out = Vec::new();
    object(&mut out, fill);
    Json::of(&Raw(std::str::from_utf8(&out).unwrap_or("null")))
}

fn value<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let before = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        // Only maps whose keys are no strings fail, and there are none; the text stays JSON in any case.
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}

impl ObjectWriter<'_> {
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
        value(self.out, key);
        self.out.push(b':');
        self.out
    }

    /// A member of any type that serialises.
    pub fn put<T: Serialize + ?Sized>(&mut self, key: &str, with: &T) {
        value(self.key(key), with);
    }

    /// The same, where there is one.
    pub fn opt<T: Serialize>(&mut self, key: &str, with: Option<T>) {
        if let Some(with) = with {
            self.put(key, &with);
        }
    }

    /// A value as it stands.
    pub fn raw(&mut self, key: &str, with: &Json) {
        self.key(key).extend_from_slice(with.as_str().as_bytes());
    }

    /// The same, where there is one.
    pub fn opt_raw(&mut self, key: &str, with: Option<&Json>) {
        if let Some(with) = with {
            self.raw(key, with);
        }
    }

    /// A value that is JSON already.
    pub(crate) fn bytes(&mut self, key: &str, with: &[u8]) {
        self.key(key).extend_from_slice(with);
    }

    /// An array whose elements, with their commas, are JSON already.
    pub(crate) fn list(&mut self, key: &str, elements: &[u8]) {
        let out = self.key(key);
        out.push(b'[');
        out.extend_from_slice(elements);
        out.push(b']');
    }

    /// Members, with their commas, that are JSON already; at least one.
    pub(crate) fn members(&mut self, members: &[u8]) {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(members);
    }

    pub fn null(&mut self, key: &str) {
        self.key(key).extend_from_slice(b"null");
    }

    pub fn object(&mut self, key: &str, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        object(self.key(key), fill);
    }

    pub fn array(&mut self, key: &str, fill: impl FnOnce(&mut ArrayWriter<'_>)) {
        array(self.key(key), fill);
    }
}

impl ArrayWriter<'_> {
    fn next(&mut self) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
        self.out
    }

    pub fn put<T: Serialize + ?Sized>(&mut self, with: &T) {
        value(self.next(), with);
    }

    pub fn raw(&mut self, with: &Json) {
        self.next().extend_from_slice(with.as_str().as_bytes());
    }

    pub fn object(&mut self, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        object(self.next(), fill);
    }

    pub fn array(&mut self, fill: impl FnOnce(&mut ArrayWriter<'_>)) {
        array(self.next(), fill);
    }
}

/// JSON text that serialises as itself.
struct Raw<'a>(&'a str);

impl Serialize for Raw<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&serde_json::value::RawValue>(self.0) {
            Ok(raw) => raw.serialize(serializer),
            Err(_) => serializer.serialize_unit(),
        }
    }
}

impl Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Raw(self.as_str()).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_the_order_of_the_calls() {
        let mut out = Vec::new();
        object(&mut out, |o| {
            o.put("z", "a\"b\u{2028}");
            o.opt("none", None::<u8>);
            o.raw("n", &Json::parse("1.50").expect("JSON"));
            o.array("a", |a| {
                a.put(&1);
                a.object(|o| o.null("x"));
                a.array(|_| {});
            });
            o.object("o", |_| {});
        });
        assert_eq!(
            String::from_utf8(out).expect("UTF-8"),
            "{\"z\":\"a\\\"b\u{2028}\",\"n\":1.50,\"a\":[1,{\"x\":null},[]],\"o\":{}}"
        );
    }
}
