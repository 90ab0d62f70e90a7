//! What a provider signs or encrypts of a model's thinking, to be given back unchanged in the next
//! turn. Only who made it can read it, so that it never goes to another family; a client of another
//! dialect carries it for us in the place its own dialect has for such things, sealed with a mark that
//! says whose it is.

use domain::Dialect;

use crate::{node::Node, write};

/// A proof of thinking, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// Anthropic's signature over the thinking beside it, also from Bedrock.
    Signature(String),
    /// Anthropic's redacted thinking: encrypted, without any text. From Bedrock as base64, which is what
    /// Anthropic's `data` is too.
    Redacted(String),
    /// OpenAI's encrypted reasoning with the id of its item.
    Encrypted {
        item_id: Option<String>,
        content: String,
    },
    /// A signature of somebody else (Gemini's thought signature, an unnamed compatible server).
    Foreign(String),
}

/// Marks a proof that is not of the dialect in whose place it stands.
pub const SEAL: &str = "llmr1.";

impl Proof {
    /// The family whose servers can read it; `None`: unknown.
    #[must_use]
    pub const fn family(&self) -> Option<Dialect> {
        match self {
            Self::Signature(_) | Self::Redacted(_) => Some(Dialect::AnthropicMessages),
            Self::Encrypted { .. } => Some(Dialect::OpenaiResponses),
            Self::Foreign(_) => None,
        }
    }

    /// As an opaque string for a place that belongs to another family: Anthropic's `signature`, OpenAI's
    /// `encrypted_content`. `text` is the thinking itself where that place keeps none.
    #[must_use]
    pub fn seal(&self, text: Option<&str>) -> String {
        let mut out = Vec::new();
        write::object(&mut out, |o| {
            match self {
                Self::Signature(value) => o.put("signature", value),
                Self::Redacted(value) => o.put("redacted", value),
                Self::Encrypted { item_id, content } => {
                    o.put("encrypted", content);
                    o.opt("item", item_id.as_deref());
                }
                Self::Foreign(value) => o.put("foreign", value),
            }
            o.opt("text", text);
        });
        format!("{SEAL}{}", encode(&out))
    }

    /// What [`Proof::seal`] sealed, with the text; `None` where it is not ours.
    #[must_use]
    pub fn unseal(sealed: &str) -> Option<(Self, Option<String>)> {
        let bytes = decode(sealed.strip_prefix(SEAL)?)?;
        let mut object = Node::parse(&bytes).ok()?.object().ok()?;
        let mut string = |name| object.string(name).ok().flatten();
        let text = string("text");
        let proof = if let Some(value) = string("signature") {
            Self::Signature(value)
        } else if let Some(value) = string("redacted") {
            Self::Redacted(value)
        } else if let Some(content) = string("encrypted") {
            Self::Encrypted {
                item_id: string("item"),
                content,
            }
        } else {
            Self::Foreign(string("foreign")?)
        };
        Some((proof, text))
    }
}

// URL-safe base64 without padding: servers that check the place's alphabet accept it.
fn encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_unsealed() {
        let proofs = [
            Proof::Signature("c2ln/+==".to_owned()),
            Proof::Redacted("cmVk".to_owned()),
            Proof::Encrypted {
                item_id: Some("rs_1".to_owned()),
                content: "gAAAA".to_owned(),
            },
            Proof::Encrypted {
                item_id: None,
                content: String::new(),
            },
            Proof::Foreign("x".to_owned()),
        ];
        for proof in proofs {
            for text in [None, Some("I think \u{2028}".to_owned())] {
                let sealed = proof.seal(text.as_deref());
                assert_eq!(Proof::unseal(&sealed), Some((proof.clone(), text)));
            }
        }
        assert_eq!(Proof::unseal("c2lnbmF0dXJl"), None);
        assert_eq!(Proof::unseal("llmr1.!!!"), None);
    }
}
