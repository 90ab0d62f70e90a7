//! The rules of a complete ConverseStream, as server-sent events; upstreams only, so that no test of
//! our own output has them.

use dialects::sse;
use serde_json::Value;

/// Checks a complete stream.
///
/// # Errors
/// The event that breaks a rule.
pub fn check(stream: &str) -> Result<(), String> {
    let mut place = Place::Before;
    for event in stream.split_inclusive("\n\n") {
        place = step(place, event).ok_or_else(|| event.to_owned())?;
    }
    match place {
        Place::After => Ok(()),
        _ => Err("it ends too early".to_owned()),
    }
}

enum Place {
    Before,
    /// That many blocks are whole.
    Between(u64),
    Inside(Block),
    /// It has said why it stopped, but not what it has used.
    Stopped,
    After,
}

struct Block {
    index: u64,
    /// What all its deltas are.
    kind: String,
    arguments: String,
}

fn step(place: Place, event: &str) -> Option<Place> {
    let data: Value = serde_json::from_slice(sse::data(event.as_bytes())?.text()).ok()?;
    let at = data["contentBlockIndex"].as_u64();
    match (sse::name(event.as_bytes())?, place) {
        ("messageStart", Place::Before) => {
            (data["role"] == "assistant").then_some(Place::Between(0))
        }
        ("contentBlockStart", Place::Between(index)) if at == Some(index) => {
            let call = &data["start"]["toolUse"];
            let named = call["name"]
                .as_str()?
                .len()
                .min(call["toolUseId"].as_str()?.len())
                > 0;
            let kind = "toolUse".to_owned();
            named.then_some(Place::Inside(Block {
                index,
                kind,
                arguments: String::new(),
            }))
        }
        ("contentBlockDelta", Place::Between(index)) if at == Some(index) => {
            let kind = data["delta"].as_object()?.keys().next()?.clone();
            // A call begins with its name.
            if kind == "toolUse" {
                return None;
            }
            let block = Block {
                index,
                kind,
                arguments: String::new(),
            };
            delta(block, &data["delta"])
        }
        ("contentBlockDelta", Place::Inside(block)) if at == Some(block.index) => {
            delta(block, &data["delta"])
        }
        ("contentBlockStop", Place::Inside(block)) if at == Some(block.index) => {
            let whole = block.arguments.is_empty()
                || serde_json::from_str::<Value>(&block.arguments).is_ok_and(|v| v.is_object());
            whole.then_some(Place::Between(block.index + 1))
        }
        ("messageStop", Place::Between(_)) => {
            data["stopReason"].is_string().then_some(Place::Stopped)
        }
        ("metadata", Place::Stopped) => data["usage"].is_object().then_some(Place::After),
        _ => None,
    }
}

/// More of a block, of the kind that it is.
fn delta(mut block: Block, delta: &Value) -> Option<Place> {
    let (kind, value) = delta
        .as_object()
        .filter(|delta| delta.len() == 1)?
        .iter()
        .next()?;
    if block.kind != *kind {
        return None;
    }
    match kind.as_str() {
        "text" => value.as_str().map(drop)?,
        "toolUse" => block.arguments.push_str(value["input"].as_str()?),
        "reasoningContent" => value
            .as_object()
            .filter(|value| value.len() == 1)
            .map(drop)?,
        _ => return None,
    }
    Some(Place::Inside(block))
}
