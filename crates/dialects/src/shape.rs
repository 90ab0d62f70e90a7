//! What a router may want to know of a request beyond its head, to choose where it goes: whether it
//! brings pictures or tools, and which beginnings it shares with other requests. Read only where
//! something asks for it.

use std::{
    hash::{DefaultHasher, Hasher as _},
    ops::Range,
};

use domain::Dialect;
use memchr::memmem;

use crate::json;

/// Beginnings of one prompt, at most. A conversation that is longer is told apart by these.
const MAX_PREFIXES: usize = 64;

/// A beginning of a prompt that ends where a provider's cache may end: behind the tools and the system
/// prompt, and behind each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Of all its bytes; the same in every process.
    pub hash: u64,
    pub bytes: usize,
}

/// Whether the request brings pictures or documents for the model to look at.
#[must_use]
pub fn has_images(body: &[u8]) -> bool {
    // The texts of a prompt hold no quote that is not escaped, so that this finds members only.
    memmem::find_iter(body, br#""type""#).any(|at| {
        let rest = body[at + br#""type""#.len()..].trim_ascii_start();
        let Some(value) = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start) else {
            return false;
        };
        [
            &br#""image""#[..],
            br#""image_url""#,
            br#""input_image""#,
            br#""document""#,
            br#""input_file""#,
            br#""file""#,
        ]
        .iter()
        .any(|kind| value.starts_with(kind))
    })
}

/// Whether the request offers tools to the model.
#[must_use]
pub fn has_tools(body: &[u8]) -> bool {
    let members = json::members(body).map_while(Result::ok);
    members
        .filter(|member| matches!(&*member.key, "tools" | "functions"))
        .any(|member| !json::elements(body, member.value).is_empty())
}

/// The beginnings of the prompt, the shortest first.
#[must_use]
pub fn prefixes(dialect: Dialect, body: &[u8]) -> Vec<Prefix> {
    let names: [&str; 3] = match dialect {
        Dialect::OpenaiChat => ["tools", "functions", "messages"],
        Dialect::OpenaiResponses => ["tools", "instructions", "input"],
        Dialect::AnthropicMessages | Dialect::BedrockConverse => ["tools", "system", "messages"],
        Dialect::OpenaiCompletions | Dialect::OpenaiEmbeddings | Dialect::OpenaiMedia => {
            return Vec::new();
        }
    };
    let mut places: [Option<Range<usize>>; 3] = [None, None, None];
    for member in json::members(body).map_while(Result::ok) {
        if let Some(at) = names.iter().position(|name| *name == member.key) {
            places[at] = Some(member.value);
        }
    }
    let [tools, system, messages] = places;
    let mut chain = Chain::default();
    for place in [tools, system].into_iter().flatten() {
        chain.add(&body[place]);
    }
    if chain.bytes > 0 {
        chain.end();
    }
    let messages = messages.unwrap_or_default();
    let elements = json::elements(body, messages.clone());
    if elements.is_empty() && !messages.is_empty() {
        // The Responses API takes a text as well.
        chain.add(&body[messages]);
        chain.end();
    }
    for element in elements.into_iter().take(MAX_PREFIXES) {
        chain.add(&body[element]);
        chain.end();
    }
    chain.found
}

/// Hashes piece by piece; each prefix goes on from the one before.
#[derive(Default)]
struct Chain {
    hasher: DefaultHasher,
    bytes: usize,
    found: Vec<Prefix>,
}

impl Chain {
    fn add(&mut self, piece: &[u8]) {
        self.hasher.write(piece);
        // Without a mark between them two pieces could pass for one.
        self.hasher.write_u8(0xff);
        self.bytes += piece.len();
    }

    fn end(&mut self) {
        self.found.push(Prefix {
            hash: self.hasher.finish(),
            bytes: self.bytes,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_found_where_they_are_and_not_in_texts_about_them() {
        for with in [
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type" : "image","source":{}}]}]}"#,
            r#"{"input":[{"content":[{"type":"input_image"}]}]}"#,
        ] {
            assert!(has_images(with.as_bytes()), "{with}");
        }
        for without in [
            r#"{"messages":[{"role":"user","content":"write {\"type\":\"image\"}"}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"image"}]}]}"#,
        ] {
            assert!(!has_images(without.as_bytes()), "{without}");
        }
    }

    #[test]
    fn an_empty_list_of_tools_is_none() {
        assert!(has_tools(br#"{"tools":[{"name":"a"}],"model":"m"}"#));
        assert!(!has_tools(br#"{"tools":[],"model":"m"}"#));
        assert!(!has_tools(br#"{"model":"m","messages":["tools"]}"#));
    }

    #[test]
    fn a_conversation_that_goes_on_shares_all_its_earlier_prefixes() {
        let first = br#"{"system":"be brief","messages":[{"role":"user","content":"a"}]}"#;
        let later = br#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}],"system":"be brief"}"#;
        let other = br#"{"system":"be long","messages":[{"role":"user","content":"a"}]}"#;
        let of = |body: &[u8]| prefixes(Dialect::AnthropicMessages, body);
        assert_eq!(of(first), of(later)[..2]);
        assert_eq!(of(later).len(), 4);
        assert!(of(later).is_sorted_by_key(|prefix| prefix.bytes));
        assert!(of(other).iter().all(|prefix| !of(first).contains(prefix)));
        let text = br#"{"instructions":"x","input":"hello"}"#;
        assert_eq!(prefixes(Dialect::OpenaiResponses, text).len(), 2);
    }
}
