//! Converse's citations as Anthropic's, which is what they were before Bedrock renamed them. Clients
//! know them in that form only.

use crate::node::{Json, Mismatch, Node, Object};
use crate::write;

/// One citation. `None`: its location is of a kind that Anthropic has no name for.
///
/// # Errors
/// A member is not what its name says.
pub fn anthropic(citation: &Node<'_>) -> Result<Option<Json>, Mismatch> {
    let mut citation = citation.object()?;
    let title = citation.string("title")?;
    let source = citation.string("source")?;
    let mut cited = String::new();
    for content in citation.array("sourceContent")? {
        cited.push_str(&content.object()?.string("text")?.unwrap_or_default());
    }
    let Some(mut location) = citation.object("location")? else {
        return Ok(None);
    };
    if let Some(mut web) = location.object("web")? {
        let url = web.string("url")?;
        return Ok(Some(write::object_json(|o| {
            o.put("type", "web_search_result_location");
            o.put("url", url.as_deref().unwrap_or_default());
            o.put("title", &title);
            o.put("cited_text", &cited);
            o.put("encrypted_index", "");
        })));
    }
    if let Some(mut at) = location.object("searchResultLocation")? {
        let index = at.u64("searchResultIndex")?;
        let (start, end) = range(&mut at)?;
        return Ok(Some(write::object_json(|o| {
            o.put("type", "search_result_location");
            o.put("cited_text", &cited);
            o.put("source", source.as_deref().unwrap_or_default());
            o.put("title", &title);
            o.put("search_result_index", &index.unwrap_or_default());
            o.put("start_block_index", &start);
            o.put("end_block_index", &end);
        })));
    }
    const LOCATIONS: [(&str, &str, &str, &str); 3] = [
        (
            "documentChar",
            "char_location",
            "start_char_index",
            "end_char_index",
        ),
        (
            "documentPage",
            "page_location",
            "start_page_number",
            "end_page_number",
        ),
        (
            "documentChunk",
            "content_block_location",
            "start_block_index",
            "end_block_index",
        ),
    ];
    for (name, kind, from, to) in LOCATIONS {
        let Some(mut at) = location.object(name)? else {
            continue;
        };
        let index = at.u64("documentIndex")?;
        let (start, end) = range(&mut at)?;
        return Ok(Some(write::object_json(|o| {
            o.put("type", kind);
            o.put("cited_text", &cited);
            o.put("document_index", &index.unwrap_or_default());
            o.put("document_title", &title);
            o.put(from, &start);
            o.put(to, &end);
            o.null("file_id");
        })));
    }
    Ok(None)
}

fn range(location: &mut Object<'_>) -> Result<(u64, u64), Mismatch> {
    Ok((
        location.u64("start")?.unwrap_or_default(),
        location.u64("end")?.unwrap_or_default(),
    ))
}
