//! References to items of earlier answers (`{"type":"item_reference","id":…}`), which some clients send
//! in place of the items themselves, since OpenAI keeps them. Whoever keeps them here hands them back
//! through [`resolve`]; [`items_of`] says what there is to keep.

use std::ops::Range;

use bytes::Bytes;

use crate::{
    json,
    splice::{Edit, Edits, splice},
    sse,
};

/// Puts the items in place of the references to them that `kept` knows, as long as the body does not grow
/// beyond `limit` bytes. What stays a reference the decoder refuses by name. `None`: there is nothing to
/// put in.
#[must_use]
pub fn resolve(body: &Bytes, limit: usize, kept: impl Fn(&str) -> Option<Bytes>) -> Option<Bytes> {
    let input = json::members(body)
        .map_while(Result::ok)
        .find(|member| member.key == "input");
    let mut room = limit.saturating_sub(body.len());
    let edits: Edits = json::elements(body, input?.value)
        .into_iter()
        .filter_map(|at| {
            let with = kept(&referred(&body[at.clone()])?)?;
            room = room.checked_sub(with.len())?;
            Some(Edit { at, with })
        })
        .collect();
    (!edits.is_empty()).then(|| splice(body, edits).into_bytes())
}

/// The id that an item refers to; `None` where it is no reference.
fn referred(item: &[u8]) -> Option<String> {
    let (mut id, mut kind, mut role) = (None, None, false);
    for member in json::members(item).map_while(Result::ok) {
        match &*member.key {
            "id" => id = json::decode_string(&item[member.value]),
            "type" => kind = json::decode_string(&item[member.value]),
            "role" => role = true,
            _ => {}
        }
    }
    match kind.as_deref() {
        Some("item_reference") => id.map(|id| id.into_owned()),
        // The short form.
        None if !role => id.map(|id| id.into_owned()),
        _ => None,
    }
}

/// The output items of a whole answer, or of the events that end a stream, with their ids.
#[must_use]
pub fn items_of(answer: &Bytes) -> Vec<(String, Bytes)> {
    if answer.starts_with(b"{") {
        return output(answer);
    }
    let mut events = sse::EventSplitter::default();
    let mut found = Vec::new();
    if events.push(answer.clone()).is_ok() {
        while let Some(event) = events.next_event() {
            let Some(data) = sse::data(&event) else {
                continue;
            };
            let data = data.text();
            let response = json::members(data)
                .map_while(Result::ok)
                .find(|member| member.key == "response");
            found.extend(response.into_iter().flat_map(|r| output(&data[r.value])));
        }
    }
    found
}

fn output(response: &[u8]) -> Vec<(String, Bytes)> {
    let output = json::members(response)
        .map_while(Result::ok)
        .find(|member| member.key == "output");
    let Some(output) = output else {
        return Vec::new();
    };
    let with_id = |at: Range<usize>| {
        let item = &response[at];
        let id = json::members(item)
            .map_while(Result::ok)
            .find(|member| member.key == "id")?;
        let id = json::decode_string(&item[id.value])?.into_owned();
        Some((id, Bytes::copy_from_slice(item)))
    };
    json::elements(response, output.value)
        .into_iter()
        .filter_map(with_id)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_become_the_items_that_are_known() {
        let body = Bytes::from_static(
            br#"{"model":"m", "input":[{"role":"user","id":"a","content":"x"}, {"type":"item_reference","id":"a"},{"id":"a"},{"type":"item_reference","id":"b"},{"type":"message","id":"a"}] }"#,
        );
        let known = |id: &str| (id == "a").then(|| Bytes::from_static(b"{\"type\":\"message\"}"));
        let resolved = resolve(&body, 1000, known);
        assert_eq!(
            resolved.as_deref(),
            Some(&
                br#"{"model":"m", "input":[{"role":"user","id":"a","content":"x"}, {"type":"message"},{"type":"message"},{"type":"item_reference","id":"b"},{"type":"message","id":"a"}] }"#[..])
        );
        let text = Bytes::from_static(br#"{"input":"hi"}"#);
        assert_eq!(resolve(&text, 1000, known), None);
        // A short reference to a long item, over and over, would be a way to fill the memory.
        let once = resolve(&body, body.len() + 20, known).expect("room for one");
        assert!(once.len() < body.len());
        assert_eq!(once.windows(6).filter(|w| w == b"\"id\":\"").count(), 4);
    }

    #[test]
    fn the_items_of_an_answer_are_found_whole_and_streamed() {
        let answer =
            br#"{"id":"resp_1","output":[{"id":"msg_1","x":1},{"type":"none"},{"id":"rs_1"}]}"#;
        let event = [
            b"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":",
            &answer[..],
            b"}\n\n",
        ]
        .concat();
        let before = b"event: ping\ndata: {}\n\n".as_slice();
        for text in [answer.to_vec(), [before, &event].concat()] {
            let ids: Vec<String> = items_of(&text.into())
                .into_iter()
                .map(|(id, _)| id)
                .collect();
            assert_eq!(ids, ["msg_1", "rs_1"]);
        }
        assert!(items_of(&Bytes::from_static(b"data: {oops\n\n")).is_empty());
    }
}
