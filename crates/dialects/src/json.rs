//! Finds the members of a JSON object without building a tree.
//!
//! A prompt can be a hundred kilobytes of escaped source code, of which the router needs the model's
//! name. The scanner therefore checks structure (brackets, quotes, separators at the top level, no
//! foreign bytes outside strings) and skips over string contents at `memchr` speed. It deliberately
//! does not check number syntax, escapes or UTF-8 inside values that nobody here reads: the upstream
//! does that.

use std::{borrow::Cow, ops::Range};

use memchr::memchr;

/// How deep containers may be nested; the limit that `serde_json` has too.
const MAX_DEPTH: u32 = 127;

/// A string of this size without a blank at its start is taken for encoded data (an image, a
/// document), not for text.
const ENCODED_DATA_MIN: usize = 8 * 1024;

/// What a block of encoded data counts as, in bytes of text. Providers charge an image by its
/// pixels, about 1,600 tokens at most for one of ordinary size, and not by its base64 length.
const ENCODED_DATA_COUNTS_AS: usize = 4_800;

/// A member of the scanned object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The key, decoded: `"mod\u0065l"` is `model` to the upstream, and so it is here.
    pub key: Cow<'a, str>,
    /// Where the key begins.
    pub at: usize,
    /// Where the value stands, in bytes of the scanned text, quotes and brackets included.
    pub value: Range<usize>,
}

/// Why a text is not a JSON object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{expected} at byte {offset}")]
pub struct ScanError {
    /// Where, in bytes from the start.
    pub offset: usize,
    /// What should have stood there.
    pub expected: &'static str,
}

impl ScanError {
    /// The error as a person reads it, with line and column (both from 1).
    #[must_use]
    pub fn describe(&self, text: &[u8]) -> String {
        let before = &text[..self.offset.min(text.len())];
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |at| at + 1) + 1;
        let found = if self.offset >= text.len() {
            "the body ends"
        } else {
            "something else stands"
        };
        format!(
            "expected {} at line {line}, column {column}, where {found}",
            self.expected
        )
    }
}

/// Iterates over the members of the object that `text` consists of.
#[derive(Debug)]
pub struct Members<'a> {
    scanner: Scanner<'a>,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Start,
    AfterMember,
    Done,
}

/// Scans `text`, which must be one JSON object and nothing else.
#[must_use]
pub fn members(text: &[u8]) -> Members<'_> {
    Members {
        scanner: Scanner {
            text,
            at: 0,
            text_bytes: 0,
        },
        state: State::Start,
    }
}

/// Where the value of the member `name` stands in `text`, of the object that `object` is; `None` where
/// there is none.
#[must_use]
pub fn member_at(text: &[u8], object: &Range<usize>, name: &str) -> Option<Range<usize>> {
    let found = members(text.get(object.clone())?)
        .map_while(Result::ok)
        .find(|member| member.key == name)?;
    Some(object.start + found.value.start..object.start + found.value.end)
}

/// Where the elements of the array stand that `at` is in `text`; none where it is no array.
#[must_use]
pub fn elements(text: &[u8], at: Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut scanner = Scanner {
        text: &text[..at.end],
        at: at.start,
        text_bytes: 0,
    };
    if scanner.expect(b'[', "an array").is_err() {
        return found;
    }
    loop {
        scanner.blank();
        let start = scanner.at;
        if scanner.value().is_err() {
            return found;
        }
        found.push(start..scanner.at);
        scanner.blank();
        if scanner.expect(b',', "','").is_err() {
            return found;
        }
    }
}

impl Members<'_> {
    /// How many bytes of text the strings seen so far hold, with encoded data (images, documents)
    /// counted as what providers charge for them. A basis for estimating tokens.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.scanner.text_bytes
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<Member<'a>, ScanError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.scanner.step(&mut self.state) {
            Ok(member) => member.map(Ok),
            Err(error) => {
                self.state = State::Done;
                Some(Err(error))
            }
        }
    }
}

#[derive(Debug)]
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    text_bytes: usize,
}

impl<'a> Scanner<'a> {
    fn step(&mut self, state: &mut State) -> Result<Option<Member<'a>>, ScanError> {
        match state {
            State::Done => return Ok(None),
            State::Start => {
                self.blank();
                self.expect(b'{', "a JSON object")?;
                self.blank();
                if self.peek() == Some(b'}') {
                    return self.end(state);
                }
            }
            State::AfterMember => {
                self.blank();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => return self.end(state),
                    _ => return Err(self.error("',' or '}'")),
                }
                self.blank();
            }
        }
        let key_at = self.at;
        let key = self.key()?;
        self.blank();
        self.expect(b':', "':' after a key")?;
        self.blank();
        let start = self.at;
        self.value()?;
        *state = State::AfterMember;
        Ok(Some(Member {
            key,
            at: key_at,
            value: start..self.at,
        }))
    }

    /// The closing brace, and nothing behind it.
    fn end(&mut self, state: &mut State) -> Result<Option<Member<'a>>, ScanError> {
        self.at += 1;
        self.blank();
        if self.at < self.text.len() {
            return Err(self.error("the end of the body"));
        }
        *state = State::Done;
        Ok(None)
    }

    fn key(&mut self) -> Result<Cow<'a, str>, ScanError> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.error("a key in double quotes"));
        }
        self.string()?;
        let quoted = &self.text[start..self.at];
        decode_string(quoted).ok_or(ScanError {
            offset: start,
            expected: "a valid string as key",
        })
    }

    fn value(&mut self) -> Result<(), ScanError> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{' | b'[') => self.container(),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            Some(b'-' | b'0'..=b'9') => {
                while matches!(
                    self.peek(),
                    Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
                ) {
                    self.at += 1;
                }
                Ok(())
            }
            _ => Err(self.error("a value")),
        }
    }

    fn literal(&mut self, word: &'static [u8]) -> Result<(), ScanError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.error("a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Skips a string. A quote ends it unless an odd number of backslashes stands before it;
    /// looking back from each quote lets every other escape be skipped unseen.
    fn string(&mut self) -> Result<(), ScanError> {
        let start = self.at + 1;
        let mut from = start;
        loop {
            let Some(found) = memchr(b'"', &self.text[from..]) else {
                self.at = self.text.len();
                return Err(self.error("'\"' to end a string"));
            };
            let quote = from + found;
            let backslashes = self.text[start..quote]
                .iter()
                .rev()
                .take_while(|b| **b == b'\\')
                .count();
            from = quote + 1;
            if backslashes % 2 == 0 {
                break;
            }
        }
        self.at = from;
        let content = &self.text[start..from - 1];
        self.text_bytes += if content.len() >= ENCODED_DATA_MIN
            && !content[..64.min(content.len())].contains(&b' ')
        {
            ENCODED_DATA_COUNTS_AS
        } else {
            content.len()
        };
        Ok(())
    }

    /// Skips an object or array, checking that brackets match and that no foreign byte stands
    /// outside its strings. The kinds of the open brackets are kept as bits.
    fn container(&mut self) -> Result<(), ScanError> {
        let mut kinds: u128 = 0;
        let mut depth: u32 = 0;
        loop {
            let Some(byte) = self.peek() else {
                return Err(self.error("']' or '}'"));
            };
            match byte {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => {
                    if depth == MAX_DEPTH {
                        return Err(self.error("fewer than 128 nested containers"));
                    }
                    depth += 1;
                    kinds = (kinds << 1) | u128::from(byte == b'{');
                }
                b'}' | b']' => {
                    if (kinds & 1 == 1) != (byte == b'}') {
                        return Err(self.error("the bracket that closes the innermost container"));
                    }
                    kinds >>= 1;
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return Ok(());
                    }
                }
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' | b'-' | b'+' | b'.' | b'0'..=b'9' => {}
                // of true, false, null and exponents
                b'a' | b'e' | b'E' | b'f' | b'l' | b'n' | b'r' | b's' | b't' | b'u' => {}
                _ => return Err(self.error("a value or a key in double quotes")),
            }
            self.at += 1;
        }
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), ScanError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.error(expected))
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn error(&self, expected: &'static str) -> ScanError {
        ScanError {
            offset: self.at,
            expected,
        }
    }
}

/// Decodes a JSON string with its quotes; `None` where it is not one.
#[must_use]
pub fn decode_string(quoted: &[u8]) -> Option<Cow<'_, str>> {
    let inner = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr(b'\\', inner).is_none() {
        return std::str::from_utf8(inner).ok().map(Cow::Borrowed);
    }
    serde_json::from_slice(quoted).ok().map(Cow::Owned)
}

/// Encodes a text as a JSON string with its quotes.
#[must_use]
pub fn encode_string(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn scan(text: &str) -> Result<Vec<(String, String)>, ScanError> {
        members(text.as_bytes())
            .map(|m| m.map(|m| (m.key.into_owned(), text[m.value].to_owned())))
            .collect()
    }

    #[test]
    fn members_are_found_wherever_they_stand() {
        let text = r#" { "a" : "x\\\"}" , "mod\u0065l":"m","n":-1.5e+3, "o":{"p":["]",{"q":null}]} ,"t":true} "#;
        let found = scan(text).expect("valid");
        let expect = [
            ("a", r#""x\\\"}""#),
            ("model", r#""m""#),
            ("n", "-1.5e+3"),
            ("o", r#"{"p":["]",{"q":null}]}"#),
            ("t", "true"),
        ];
        assert_eq!(
            found,
            expect.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec()
        );
        assert_eq!(scan("{}"), Ok(vec![]));
    }

    #[test]
    fn what_is_not_an_object_is_refused_with_its_place() {
        let cases = [
            ("", 0),
            ("[]", 0),
            ("null", 0),
            ("\"x\"", 0),
            ("{\"a\":1", 6),
            ("{\"a\":1,}", 7),
            ("{\"a\" 1}", 5),
            ("{a:1}", 1),
            ("{\"a\":[1,2}", 9),
            ("{\"a\":[{'x':1}]}", 7),
            ("{\"a\":\"x}", 8),
            ("{\"a\":1} {}", 8),
            ("{\"a\":tru}", 5),
        ];
        for (text, offset) in cases {
            assert_eq!(scan(text).map_err(|e| e.offset), Err(offset), "{text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        assert!(scan(&deep).is_err());
    }

    #[test]
    fn a_person_is_told_line_and_column() {
        let text = b"{\n  \"a\": 1\n  \"b\": 2\n}";
        let error = members(text).find_map(Result::err).expect("an error");
        assert_eq!(
            error.describe(text),
            "expected ',' or '}' at line 3, column 3, where something else stands"
        );
    }

    #[test]
    fn an_image_does_not_count_as_text() {
        let body = format!(
            r#"{{"text":"{}","image":"{}"}}"#,
            "some words ".repeat(1_000),
            "A".repeat(1_000_000)
        );
        let mut members = members(body.as_bytes());
        assert_eq!(members.by_ref().count(), 2);
        let keys = "text".len() + "image".len();
        assert_eq!(members.text_bytes(), 11_000 + ENCODED_DATA_COUNTS_AS + keys);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\"\\\\a{}\\[\\],:]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_scanner_agrees_with_a_parser(object in prop::collection::btree_map(any::<String>(), json(), 0..8), pretty in any::<bool>()) {
            let value = Value::Object(object.clone().into_iter().collect());
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.expect("serialises");
            let found: Vec<(String, Value)> = members(text.as_bytes())
                .map(|m| m.expect("valid JSON scans"))
                .map(|m| (m.key.into_owned(), serde_json::from_str(&text[m.value]).expect("a value's span is JSON")))
                .collect();
            prop_assert_eq!(found.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
                serde_json::from_str::<std::collections::BTreeMap<String, Value>>(&text).expect("parses"));
        }

        #[test]
        fn no_input_makes_it_panic_and_cut_off_json_is_always_noticed(object in prop::collection::btree_map("[a-z]{1,5}", json(), 1..5), cut in any::<prop::sample::Index>(), junk in any::<Vec<u8>>()) {
            let text = serde_json::to_vec(&object).expect("serialises");
            let cut = cut.index(text.len());
            prop_assert!(members(&text[..cut]).any(|m| m.is_err()));
            for member in members(&junk) {
                let _ = member.map_err(|e| e.describe(&junk));
            }
        }
    }
}
