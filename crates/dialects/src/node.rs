//! Reads a JSON text by path and type without building a tree: what a translation needs of a body is
//! taken out member by member, everything else stays what it was, to the byte. Numbers keep their
//! digits and members their order, which models and caches both notice.

use std::{borrow::Cow, fmt};

use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::{RequestError, json};

/// Where a value stands: `messages[3].content[0].text`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(SmallVec<[Step; 6]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(&'static str),
    Element(u32),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Member(name) if n == 0 => write!(f, "{name}")?,
                Step::Member(name) => write!(f, ".{name}")?,
                Step::Element(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A value that is not what its place calls for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}expected {expected}", prefix(path))]
pub struct Mismatch {
    /// Empty for the body itself.
    pub path: String,
    pub expected: Cow<'static, str>,
}

fn prefix(path: &str) -> String {
    if path.is_empty() {
        return String::new();
    }
    format!("{path}: ")
}

impl From<Mismatch> for RequestError {
    fn from(mismatch: Mismatch) -> Self {
        Self::Mismatch(mismatch)
    }
}

/// What kind of value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

/// One value of a text that is known to be valid JSON.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    text: &'a [u8],
    path: Path,
}

type Read<T> = Result<T, Mismatch>;

impl<'a> Node<'a> {
    /// A whole text.
    ///
    /// # Errors
    /// What is wrong with it, in `serde_json`'s words, where it is not JSON.
    pub fn parse(text: &'a [u8]) -> Result<Self, String> {
        let raw: &RawValue = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        Ok(Self {
            text: raw.get().as_bytes(),
            path: Path::default(),
        })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A mismatch at this place.
    #[must_use]
    pub fn expected(&self, what: impl Into<Cow<'static, str>>) -> Mismatch {
        Mismatch {
            path: self.path.to_string(),
            expected: what.into(),
        }
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.text.first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// The text of the value.
    #[must_use]
    pub fn text(&self) -> &'a str {
        // Valid since `parse` has checked the whole.
        std::str::from_utf8(self.text).unwrap_or_default()
    }

    /// A copy of the value as it stands.
    #[must_use]
    pub fn json(&self) -> Json {
        Json(self.text().into())
    }

    /// # Errors
    /// It is no string (or one with half a surrogate pair).
    pub fn string(&self) -> Read<Cow<'a, str>> {
        json::decode_string(self.text).ok_or_else(|| self.expected("a string"))
    }

    /// # Errors
    /// It is no string.
    pub fn owned(&self) -> Read<String> {
        self.string().map(Cow::into_owned)
    }

    /// # Errors
    /// It is neither `true` nor `false`.
    pub fn bool(&self) -> Read<bool> {
        match self.text {
            b"true" => Ok(true),
            b"false" => Ok(false),
            _ => Err(self.expected("true or false")),
        }
    }

    /// # Errors
    /// It is no whole number from 0.
    pub fn u64(&self) -> Read<u64> {
        serde_json::from_slice(self.text).map_err(|_| self.expected("a whole number"))
    }

    /// # Errors
    /// It is no whole number.
    pub fn i64(&self) -> Read<i64> {
        serde_json::from_slice(self.text).map_err(|_| self.expected("a whole number"))
    }

    /// # Errors
    /// It is no number.
    pub fn f64(&self) -> Read<f64> {
        // The standard library rounds to the nearest value, so that what is written again is the same.
        let number = self.text().parse().ok().filter(|n: &f64| n.is_finite());
        number.ok_or_else(|| self.expected("a number"))
    }

    /// # Errors
    /// It is no array.
    pub fn array(&self) -> Read<Vec<Node<'a>>> {
        if self.kind() != Kind::Array {
            return Err(self.expected("an array"));
        }
        let raws: Vec<&'a RawValue> =
            serde_json::from_slice(self.text).map_err(|_| self.expected("an array"))?;
        Ok(raws
            .into_iter()
            .enumerate()
            .map(|(n, raw)| Node {
                text: raw.get().as_bytes(),
                path: self.below(Step::Element(u32::try_from(n).unwrap_or(u32::MAX))),
            })
            .collect())
    }

    /// # Errors
    /// It is no object, or a member stands in it twice.
    pub fn object(&self) -> Read<Object<'a>> {
        let mut members: SmallVec<[(Cow<'a, str>, &'a [u8]); 8]> = SmallVec::new();
        for member in json::members(self.text) {
            let member = member.map_err(|_| self.expected("an object"))?;
            if members.len() < 64 && members.iter().any(|(key, _)| *key == member.key) {
                return Err(self.expected(format!("the member \"{}\" once", member.key)));
            }
            members.push((member.key, &self.text[member.value]));
        }
        Ok(Object {
            path: self.path.clone(),
            members,
        })
    }

    fn below(&self, step: Step) -> Path {
        let mut path = self.path.clone();
        path.0.push(step);
        path
    }
}

/// The members of an object; [`Object::take`] takes them out, and [`Object::rest`] is what nobody
/// has asked for.
#[derive(Clone, Debug)]
pub struct Object<'a> {
    path: Path,
    members: SmallVec<[(Cow<'a, str>, &'a [u8]); 8]>,
}

impl<'a> Object<'a> {
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A mismatch of the object as a whole.
    #[must_use]
    pub fn expected(&self, what: impl Into<Cow<'static, str>>) -> Mismatch {
        Mismatch {
            path: self.path.to_string(),
            expected: what.into(),
        }
    }

    /// Takes a member out. `null` counts as absent, as all of these APIs read it.
    pub fn take(&mut self, name: &'static str) -> Option<Node<'a>> {
        let at = self.members.iter().position(|(key, _)| key == name)?;
        let (_, text) = self.members.remove(at);
        let mut path = self.path.clone();
        path.0.push(Step::Member(name));
        (text != b"null").then_some(Node { text, path })
    }

    /// Takes a member out that has to be there.
    ///
    /// # Errors
    /// It is not, or is null.
    pub fn need(&mut self, name: &'static str) -> Read<Node<'a>> {
        self.take(name).ok_or_else(|| {
            let mut path = self.path.clone();
            path.0.push(Step::Member(name));
            Mismatch {
                path: path.to_string(),
                expected: "a value; this field is required".into(),
            }
        })
    }

    /// Takes a string out.
    ///
    /// # Errors
    /// It is something else.
    pub fn string(&mut self, name: &'static str) -> Read<Option<String>> {
        self.take(name).map(|node| node.owned()).transpose()
    }

    /// Takes a boolean out.
    ///
    /// # Errors
    /// It is something else.
    pub fn bool(&mut self, name: &'static str) -> Read<Option<bool>> {
        self.take(name).map(|node| node.bool()).transpose()
    }

    /// Takes a whole number out.
    ///
    /// # Errors
    /// It is something else.
    pub fn u64(&mut self, name: &'static str) -> Read<Option<u64>> {
        self.take(name).map(|node| node.u64()).transpose()
    }

    /// Takes a number out.
    ///
    /// # Errors
    /// It is something else.
    pub fn f64(&mut self, name: &'static str) -> Read<Option<f64>> {
        self.take(name).map(|node| node.f64()).transpose()
    }

    /// Takes a value out as it stands.
    pub fn json(&mut self, name: &'static str) -> Option<Json> {
        self.take(name).map(|node| node.json())
    }

    /// Takes an object out.
    ///
    /// # Errors
    /// It is something else.
    pub fn object(&mut self, name: &'static str) -> Read<Option<Object<'a>>> {
        self.take(name).map(|node| node.object()).transpose()
    }

    /// Takes an array out; an absent one is empty.
    ///
    /// # Errors
    /// It is something else.
    pub fn array(&mut self, name: &'static str) -> Read<Vec<Node<'a>>> {
        self.take(name).map_or(Ok(Vec::new()), |node| node.array())
    }

    /// What has not been taken, in order; nulls left out.
    #[must_use]
    pub fn rest(self) -> Vec<(String, Json)> {
        self.members
            .into_iter()
            .filter(|(_, text)| *text != b"null")
            .map(|(key, text)| {
                let text = std::str::from_utf8(text).unwrap_or_default();
                (key.into_owned(), Json(text.into()))
            })
            .collect()
    }
}

/// A JSON value as the text it came in, which no number or order of members is lost from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(Box<str>);

impl Json {
    /// # Errors
    /// `text` is not one JSON value.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str::<&RawValue>(text)
            .map(|raw| Self(raw.get().into()))
            .map_err(|e| e.to_string())
    }

    /// What `value` is in JSON.
    #[must_use]
    pub fn of<T: serde::Serialize + ?Sized>(value: &T) -> Self {
        Self(
            serde_json::to_string(value)
                .unwrap_or_else(|_| "null".to_owned())
                .into(),
        )
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// To look inside.
    #[must_use]
    pub fn node(&self) -> Node<'_> {
        Node {
            text: self.0.as_bytes(),
            path: Path::default(),
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_taken_out_and_the_rest_keeps_its_order_and_digits() {
        let text = br#" {"b": 1.50, "a": {"x": [true, null, "\u00e9"]}, "big": 123456789012345678901234567890, "none": null} "#;
        let node = Node::parse(text).expect("JSON");
        let mut object = node.object().expect("an object");
        let mut a = object.object("a").expect("an object").expect("is there");
        let x = a.array("x").expect("an array");
        assert_eq!(x[0].bool(), Ok(true));
        assert_eq!(x[1].kind(), Kind::Null);
        assert_eq!(x[2].string().as_deref(), Ok("é"));
        assert_eq!(
            x[0].string().expect_err("no string").to_string(),
            "a.x[0]: expected a string"
        );
        assert!(object.take("none").is_none());
        let rest = object.rest();
        assert_eq!(rest[0].0, "b");
        assert_eq!(rest[0].1.as_str(), "1.50");
        assert_eq!(rest[1].1.as_str(), "123456789012345678901234567890");
    }

    #[test]
    fn what_is_not_json_is_refused_as_a_whole() {
        for text in ["", "{", "[1,]", "{\"a\":01}", "\"\\x\"", "{} {}"] {
            assert!(Node::parse(text.as_bytes()).is_err(), "{text}");
        }
        let twice = Node::parse(br#"{"a":1,"a":2}"#).expect("JSON");
        assert!(twice.object().is_err());
    }
}
