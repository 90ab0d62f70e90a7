//! What a byte-for-byte pass must not pass: thinking that another provider made, which a client of this
//! router got in an answer that was translated and now gives back. Its own provider alone can read it;
//! any other refuses the request. Bodies without such things, nearly all, are searched once for their
//! mark and not touched.

use std::ops::Range;

use bytes::Bytes;
use domain::Dialect;
use memchr::memmem;

use crate::{
    ir::proof::SEAL,
    json,
    splice::{Edit, Edits, cuts, splice},
    translate::{Quirks, ReasoningField},
};

/// `body` without the thinking that an upstream of its own `dialect` cannot read; `None`: it has none.
#[must_use]
pub fn without_foreign_thinking(dialect: Dialect, body: &Bytes, quirks: &Quirks) -> Option<Bytes> {
    let edits = match dialect {
        Dialect::AnthropicMessages if memmem::find(body, b"\"signature\"").is_some() => {
            anthropic(body)
        }
        Dialect::OpenaiResponses if memmem::find(body, SEAL.as_bytes()).is_some() => {
            responses(body)
        }
        Dialect::OpenaiChat
            if quirks.reasoning == ReasoningField::None
                && memmem::find(body, b"\"reasoning_").is_some() =>
        {
            chat(body)
        }
        _ => Edits::new(),
    };
    (!edits.is_empty()).then(|| splice(body, edits).into_bytes())
}

/// Thinking blocks whose signature is sealed or empty. A turn that began with one no longer begins with
/// thinking, which the API insists on while a budget is set: thinking is switched off then, for this
/// request, rather than have it refused.
fn anthropic(body: &[u8]) -> Edits {
    let mut edits = Edits::new();
    let mut last_turn_lost = false;
    for message in messages(body) {
        let Some(content) = json::member_at(body, &message, "content") else {
            continue;
        };
        let blocks = json::elements(body, content.clone());
        let foreign: Vec<bool> = blocks
            .iter()
            .map(|block| is_foreign_block(body, block))
            .collect();
        if is_assistant(body, &message) {
            last_turn_lost = foreign.contains(&true);
        }
        if !foreign.contains(&true) {
            continue;
        }
        if foreign.iter().all(|foreign| *foreign) {
            // A message must say something.
            edits.push(Edit {
                at: content,
                with: Bytes::from_static(br#"[{"type":"text","text":"(thinking)"}]"#),
            });
            continue;
        }
        edits.extend(cut(&blocks, |n| foreign.get(n) == Some(&true)));
    }
    if last_turn_lost
        && let Some(thinking) = json::member_at(body, &(0..body.len()), "thinking")
        && string(body, &thinking, "type").as_deref() == Some("enabled")
    {
        edits.push(Edit {
            at: thinking,
            with: Bytes::from_static(br#"{"type":"disabled"}"#),
        });
    }
    edits
}

fn is_foreign_block(body: &[u8], block: &Range<usize>) -> bool {
    match string(body, block, "type").as_deref() {
        Some("thinking") => string(body, block, "signature")
            .is_none_or(|signature| signature.is_empty() || signature.starts_with(SEAL)),
        Some("redacted_thinking") => {
            string(body, block, "data").is_some_and(|data| data.starts_with(SEAL))
        }
        _ => false,
    }
}

/// Reasoning items whose content is sealed.
fn responses(body: &[u8]) -> Edits {
    let Some(input) = json::member_at(body, &(0..body.len()), "input") else {
        return Edits::new();
    };
    let items = json::elements(body, input);
    cut(&items, |n| {
        items.get(n).is_some_and(|item| {
            string(body, item, "type").as_deref() == Some("reasoning")
                && string(body, item, "encrypted_content").is_some_and(|c| c.starts_with(SEAL))
        })
    })
    .collect()
}

/// Thinking in messages, which OpenAI itself takes none back of.
fn chat(body: &[u8]) -> Edits {
    const THINKING: [&str; 2] = ["reasoning_content", "reasoning_details"];
    let mut edits = Edits::new();
    for message in messages(body) {
        let members: Vec<json::Member<'_>> = json::members(&body[message.clone()])
            .map_while(Result::ok)
            .collect();
        let spans: Vec<Range<usize>> = members
            .iter()
            .map(|m| message.start + m.at..message.start + m.value.end)
            .collect();
        edits.extend(cut(&spans, |n| {
            members.get(n).is_some_and(|m| THINKING.contains(&&*m.key))
        }));
    }
    edits
}

fn cut(spans: &[Range<usize>], goes: impl Fn(usize) -> bool) -> impl Iterator<Item = Edit> {
    cuts(spans, goes).into_iter().map(|at| Edit {
        at,
        with: Bytes::new(),
    })
}

fn messages(body: &[u8]) -> Vec<Range<usize>> {
    json::member_at(body, &(0..body.len()), "messages")
        .map_or_else(Vec::new, |messages| json::elements(body, messages))
}

fn is_assistant(body: &[u8], message: &Range<usize>) -> bool {
    string(body, message, "role").as_deref() == Some("assistant")
}

fn string(body: &[u8], object: &Range<usize>, name: &str) -> Option<String> {
    let at = json::member_at(body, object, name)?;
    json::decode_string(body.get(at)?).map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Proof;

    fn cleaned(dialect: Dialect, body: &str) -> String {
        let quirks = Quirks {
            reasoning: ReasoningField::None,
            ..Quirks::default()
        };
        let body = Bytes::from(body.to_owned());
        let bytes = without_foreign_thinking(dialect, &body, &quirks).unwrap_or(body);
        String::from_utf8(bytes.to_vec()).expect("UTF-8")
    }

    #[test]
    fn anthropic_gets_its_own_signatures_only() {
        let sealed = Proof::Foreign("x".to_owned()).seal(None);
        let own = r#"{"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"c2ln"},{"type":"text","text":"\"signature\":\"\""}]}]}"#;
        assert_eq!(cleaned(Dialect::AnthropicMessages, own), own);
        let foreign = own.replace("c2ln", &sealed);
        let expected = own
            .replace(
                r#"{"type":"thinking","thinking":"t","signature":"c2ln"},"#,
                "",
            )
            .replace(
                r#"{"type":"enabled","budget_tokens":1024}"#,
                r#"{"type":"disabled"}"#,
            );
        assert_eq!(cleaned(Dialect::AnthropicMessages, &foreign), expected);
        assert_eq!(
            cleaned(Dialect::AnthropicMessages, &own.replace("c2ln", "")),
            expected
        );
        let alone = format!(
            r#"{{"messages":[{{"role":"assistant","content":[ {{"type":"thinking","thinking":"t","signature":"{sealed}"}} ]}}]}}"#
        );
        assert_eq!(
            cleaned(Dialect::AnthropicMessages, &alone),
            r#"{"messages":[{"role":"assistant","content":[{"type":"text","text":"(thinking)"}]}]}"#
        );
    }

    #[test]
    fn an_earlier_turn_that_lost_its_thinking_leaves_thinking_on() {
        let body = r#"{"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":""},{"type":"text","text":"a"}]},{"role":"user","content":"b"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"c2ln"},{"type":"text","text":"c"}]}]}"#;
        assert!(cleaned(Dialect::AnthropicMessages, body).contains(r#""type":"enabled""#));
    }

    #[test]
    fn openai_gets_its_own_reasoning_only() {
        let sealed = Proof::Signature("c2ln".to_owned()).seal(Some("t"));
        let body = format!(
            r#"{{"input":[{{"role":"user","content":"llmr1."}},{{"type":"reasoning","summary":[],"encrypted_content":"{sealed}"}},{{"type":"reasoning","summary":[],"encrypted_content":"gAAA"}}]}}"#
        );
        assert_eq!(
            cleaned(Dialect::OpenaiResponses, &body),
            r#"{"input":[{"role":"user","content":"llmr1."},{"type":"reasoning","summary":[],"encrypted_content":"gAAA"}]}"#
        );
        let chat = r#"{"messages":[{"role":"assistant","content":"a","reasoning_content":"t","reasoning_details":[{}]},{"reasoning_content":"t","role":"assistant","content":"\"reasoning_content\""}]}"#;
        assert_eq!(
            cleaned(Dialect::OpenaiChat, chat),
            r#"{"messages":[{"role":"assistant","content":"a"},{"role":"assistant","content":"\"reasoning_content\""}]}"#
        );
        let kept = without_foreign_thinking(
            Dialect::OpenaiChat,
            &Bytes::from_static(chat.as_bytes()),
            &Quirks::default(),
        );
        assert_eq!(kept, None);
    }
}
