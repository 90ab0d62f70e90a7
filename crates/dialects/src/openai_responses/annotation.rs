//! Annotations of a text. Only those that the Responses API has a form for are shown to its clients,
//! since strict ones stop at any other; the rest belongs to the upstream that made it.

use crate::{
    node::{Json, Node},
    write,
};

/// `citation` as a Responses client reads it; `None`: it has no form for it.
pub(super) fn shown(citation: &Json) -> Option<Json> {
    let mut object = citation.node().object().ok()?;
    let kind = object.string("type").ok()??;
    match kind.as_str() {
        // Chat Completions nests what the Responses API has flat.
        "url_citation" => match object.take("url_citation") {
            Some(inner) => flat(&inner),
            None => Some(citation.clone()),
        },
        "file_citation" | "container_file_citation" | "file_path" => Some(citation.clone()),
        _ => None,
    }
}

fn flat(inner: &Node<'_>) -> Option<Json> {
    let members = inner.object().ok()?.rest();
    Some(write::object_json(|o| {
        o.put("type", "url_citation");
        for (name, value) in &members {
            o.raw(name, value);
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_form_here_is_not_shown() {
        let json = |text| Json::parse(text).expect("JSON");
        let own = json(
            r#"{"type":"url_citation","url":"https://x","title":"X","start_index":0,"end_index":3}"#,
        );
        assert_eq!(shown(&own), Some(own.clone()));
        let chat = json(
            r#"{"type":"url_citation","url_citation":{"url":"https://x","title":"X","start_index":0,"end_index":3}}"#,
        );
        assert_eq!(shown(&chat), Some(own));
        assert_eq!(shown(&json(r#"{"type":"char_location"}"#)), None);
        assert_eq!(shown(&json("[]")), None);
    }
}
