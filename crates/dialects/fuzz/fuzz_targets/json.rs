//! The two readers of JSON, member by member and by path: whatever serde reads they read alike, and
//! what they write serde reads back.

#![no_main]

use dialects::{
    json,
    node::{Kind, Node},
    write,
};
use dialects_fuzz::{mutation, property};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::value::RawValue;

fuzz_target!(|text: &[u8]| {
    members(text);
    if let Ok(node) = Node::parse(text) {
        assert!(property::is_json(text));
        walk(&node);
    }
    if let Ok(text) = std::str::from_utf8(text) {
        let quoted = json::encode_string(text);
        assert_eq!(
            json::decode_string(quoted.as_bytes()).as_deref(),
            Some(text)
        );
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::json(data, size, max_size, seed)
});

fn members(text: &[u8]) {
    let mut found = Vec::new();
    let mut end = 0;
    let mut broken = None;
    for member in json::members(text) {
        match member {
            Ok(member) => {
                assert!(end <= member.value.start && member.value.start < member.value.end);
                end = member.value.end;
                found.push((member.key.into_owned(), &text[member.value]));
            }
            Err(error) => {
                assert!(error.offset <= text.len());
                assert!(!error.describe(text).is_empty());
                assert_eq!(broken.replace(error), None, "nothing follows an error");
            }
        }
    }
    let Some(expected) = property::Members::read(text) else {
        return;
    };
    match broken {
        // serde takes a value's depth for granted where it only skips it.
        Some(error) => assert!(error.expected.contains("nested"), "{error}"),
        None => {
            let expected: Vec<_> = expected
                .0
                .into_iter()
                .map(|(k, v)| (k, v.as_bytes()))
                .collect();
            assert_eq!(found, expected);
            arrays(text);
        }
    }
}

/// The elements of each array among the members.
fn arrays(text: &[u8]) {
    for member in json::members(text).flatten() {
        let Ok(expected) = serde_json::from_slice::<Vec<&RawValue>>(&text[member.value.clone()])
        else {
            continue;
        };
        let found = json::elements(text, member.value)
            .into_iter()
            .map(|at| &text[at]);
        assert!(found.eq(expected.iter().map(|raw| raw.get().as_bytes())));
    }
}

fn walk(node: &Node<'_>) {
    assert!(property::is_json(node.text().as_bytes()), "{}", node.path());
    let mut written = Vec::new();
    write::object(&mut written, |object| object.raw("a", &node.json()));
    assert!(property::is_json(&written));
    match node.kind() {
        Kind::Object => {
            // Too deep, or a member stands twice.
            let Ok(object) = node.object() else { return };
            let rest = object.rest();
            if let Some(mut expected) = property::Members::read(node.text().as_bytes()) {
                expected.0.retain(|(_, value)| *value != "null");
                let rest: Vec<_> = rest.iter().map(|(k, v)| (k.clone(), v.as_str())).collect();
                assert_eq!(rest, expected.0);
            }
            rest.iter().for_each(|(_, value)| walk(&value.node()));
        }
        Kind::Array => {
            let elements = node.array().expect("an array");
            elements.iter().for_each(walk);
        }
        Kind::String => {
            let expected: Option<String> = serde_json::from_str(node.text()).ok();
            assert_eq!(node.owned().ok(), expected);
        }
        Kind::Bool => assert_eq!(node.bool().ok(), serde_json::from_str(node.text()).ok()),
        Kind::Number => {
            assert_eq!(node.u64().ok(), serde_json::from_str(node.text()).ok());
            assert_eq!(node.i64().ok(), serde_json::from_str(node.text()).ok());
        }
        Kind::Null => assert_eq!(node.text(), "null"),
    }
}
