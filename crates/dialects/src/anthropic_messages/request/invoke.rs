//! A Messages body for Bedrock's InvokeModel, which carries Anthropic's native format with the model in
//! the path, a version in the body and the betas beside it. Everything else stays as it came, to the
//! byte; which betas Bedrock takes is not decided here.

use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::{
    RequestError, json,
    node::Node,
    splice::{Edit, Pieces, splice},
    write,
};

/// The version of the format on Bedrock, as in Amazon's documentation, "Anthropic Claude Messages API".
const VERSION: &str = "bedrock-2023-05-31";

/// `body` as InvokeModel takes it. `betas` are the values of the client's `anthropic-beta` header; those
/// that stand in the body are added to them.
///
/// # Errors
/// `body` is not a JSON object, or its betas are not an array of strings.
pub fn for_bedrock_invoke(body: &Bytes, betas: &[&str]) -> Result<Pieces, RequestError> {
    let mut betas: Vec<String> = betas.iter().map(|beta| (*beta).to_owned()).collect();
    let mut has_version = false;
    let mut members: SmallVec<[(Range<usize>, bool); 16]> = SmallVec::new();
    let mut from = memchr::memchr(b'{', body).map_or(0, |at| at + 1);
    let first = from;
    for member in json::members(body) {
        let member = member.map_err(|e| RequestError::Malformed(e.describe(body)))?;
        let leaves = match &*member.key {
            "model" | "stream" => true,
            "betas" | "anthropic_beta" => {
                add_betas(
                    body.get(member.value.clone()).unwrap_or_default(),
                    &mut betas,
                )?;
                true
            }
            "anthropic_version" => {
                has_version = true;
                false
            }
            _ => false,
        };
        members.push((from..member.value.end, leaves));
        from = member.value.end;
    }
    let mut edits: SmallVec<[Edit; 3]> = SmallVec::new();
    let head = head(has_version, &dedup(betas));
    let mut written = !head.is_empty();
    if written {
        edits.push(Edit {
            at: first..first,
            with: head.into(),
        });
    }
    for (at, leaves) in members {
        // A member stretches from behind the one before it, so that its comma goes with it.
        let comma = body.get(at.clone()).and_then(|text| {
            let blank = text.iter().take_while(|b| b.is_ascii_whitespace()).count();
            (text.get(blank) == Some(&b',')).then_some(at.start + blank)
        });
        if leaves {
            edits.push(Edit {
                at,
                with: Bytes::new(),
            });
            continue;
        }
        match comma {
            Some(comma) if !written => edits.push(Edit {
                at: comma..comma + 1,
                with: Bytes::new(),
            }),
            None if written => edits.push(Edit {
                at: at.start..at.start,
                with: Bytes::from_static(b","),
            }),
            _ => {}
        }
        written = true;
    }
    Ok(splice(body, joined(edits)))
}

/// Insertions at one place become one edit, in their order.
fn joined(edits: SmallVec<[Edit; 3]>) -> SmallVec<[Edit; 3]> {
    let mut joined: SmallVec<[Edit; 3]> = SmallVec::new();
    for edit in edits {
        match joined.last_mut() {
            Some(last) if last.at.end == edit.at.start => {
                last.at.end = edit.at.end;
                last.with = [&last.with[..], &edit.with[..]].concat().into();
            }
            _ => joined.push(edit),
        }
    }
    joined
}

fn head(has_version: bool, betas: &[String]) -> Vec<u8> {
    let mut object = Vec::new();
    write::object(&mut object, |o| {
        if !has_version {
            o.put("anthropic_version", VERSION);
        }
        if !betas.is_empty() {
            o.put("anthropic_beta", betas);
        }
    });
    // Without the braces: it is put into another object.
    object.pop();
    object.drain(..1);
    object
}

fn add_betas(value: &[u8], betas: &mut Vec<String>) -> Result<(), RequestError> {
    const WRONG: RequestError = RequestError::Wrong {
        field: "anthropic_beta",
        expected: "an array of strings",
    };
    if value == b"null" {
        return Ok(());
    }
    let node = Node::parse(value).map_err(|_| WRONG)?;
    for beta in node.array().map_err(|_| WRONG)? {
        betas.push(beta.owned().map_err(|_| WRONG)?);
    }
    Ok(())
}

fn dedup(betas: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(betas.len());
    for beta in betas {
        if !beta.is_empty() && !kept.contains(&beta) {
            kept.push(beta);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn invoke(body: &str, betas: &[&str]) -> String {
        let pieces = for_bedrock_invoke(&Bytes::from(body.to_owned()), betas).expect("a body");
        String::from_utf8(pieces.into_bytes().to_vec()).expect("UTF-8")
    }

    #[test]
    fn model_and_stream_give_way_to_version_and_betas() {
        assert_eq!(
            invoke(
                r#"{ "model" : "claude" , "max_tokens": 9,  "messages":[{"role":"user","content":"h\u00e9"}],"stream":true}"#,
                &["a", "b", "a"]
            ),
            r#"{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["a","b"] , "max_tokens": 9,  "messages":[{"role":"user","content":"h\u00e9"}]}"#
        );
        assert_eq!(
            invoke(
                r#"{"max_tokens":9,"betas":["b"],"model":"m","x":1.0}"#,
                &["a"]
            ),
            r#"{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["a","b"],"max_tokens":9,"x":1.0}"#
        );
        // A client in Bedrock's own mode has said both.
        assert_eq!(
            invoke(
                r#"{"stream":false,"anthropic_version":"bedrock-2023-05-31","x":1}"#,
                &[]
            ),
            r#"{"anthropic_version":"bedrock-2023-05-31","x":1}"#
        );
        assert_eq!(
            invoke("{}", &[]),
            r#"{"anthropic_version":"bedrock-2023-05-31"}"#
        );
        assert!(for_bedrock_invoke(&Bytes::from_static(b"[]"), &[]).is_err());
        assert!(for_bedrock_invoke(&Bytes::from_static(br#"{"betas":"a"}"#), &[]).is_err());
    }

    proptest! {
        #[test]
        fn whatever_else_is_said_arrives(extra in prop::collection::btree_map("[a-z_]{1,20}", any::<String>(), 0..6), versioned in any::<bool>(), pretty in any::<bool>()) {
            let mut body = json!({"stream": true, "model": "m", "betas": ["x"]});
            for (key, value) in extra {
                if !body.as_object().is_some_and(|o| o.contains_key(&key)) && key != "anthropic_beta" {
                    body[key] = Value::from(value);
                }
            }
            if versioned {
                body["anthropic_version"] = Value::from("own");
            }
            let text = if pretty { serde_json::to_string_pretty(&body) } else { serde_json::to_string(&body) }.expect("serialises");
            let mut got: Value = serde_json::from_str(&invoke(&text, &["y"])).expect("JSON");
            let got = got.as_object_mut().expect("an object");
            prop_assert_eq!(got.remove("anthropic_beta"), Some(json!(["y", "x"])));
            if !versioned && body["anthropic_version"].is_null() {
                prop_assert_eq!(got.remove("anthropic_version"), Some(json!(VERSION)));
            }
            let mut expected = body.as_object().expect("an object").clone();
            for gone in ["stream", "model", "betas"] {
                expected.remove(gone);
            }
            prop_assert_eq!(&*got, &expected);
        }
    }
}
