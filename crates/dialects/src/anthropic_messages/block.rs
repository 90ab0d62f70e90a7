//! Content blocks as they are written, in requests and answers alike. Whether a block may be sent at
//! all is decided by the callers; nothing here fails.

use domain::Dialect;

use crate::{
    ir::{CacheMark, Media, MediaSource, Proof, ToolCallKind},
    node::{Json, Kind, Node},
    write::{self, ArrayWriter, ObjectWriter},
};

pub(super) fn cache(o: &mut ObjectWriter<'_>, mark: Option<&CacheMark>) {
    if let Some(mark) = mark {
        o.object("cache_control", |o| {
            o.put("type", "ephemeral");
            o.opt("ttl", mark.ttl.as_deref());
        });
    }
}

pub(super) fn text(
    a: &mut ArrayWriter<'_>,
    text: &str,
    citations: &[Json],
    mark: Option<&CacheMark>,
) {
    a.object(|o| {
        o.put("type", "text");
        o.put("text", text);
        if !citations.is_empty() {
            o.array("citations", |a| citations.iter().for_each(|c| a.raw(c)));
        }
        cache(o, mark);
    });
}

/// Whether a citation is one of Anthropic's, all of which are places: `char_location`,
/// `web_search_result_location` and so on.
pub(super) fn is_location(citation: &Json) -> bool {
    citation
        .node()
        .object()
        .ok()
        .and_then(|mut citation| citation.string("type").ok().flatten())
        .is_some_and(|kind| kind.ends_with("_location"))
}

/// A thinking block with the proof in the place that the dialect has for it: the family's own as it is,
/// another's sealed. Without a proof the signature is empty, since SDKs insist on the member.
pub(super) fn thinking(a: &mut ArrayWriter<'_>, text: &str, proof: Option<&Proof>) {
    if let Some(Proof::Redacted(data)) = proof {
        if !text.is_empty() {
            thinking(a, text, None);
        }
        a.object(|o| redacted(o, data));
        return;
    }
    a.object(|o| {
        o.put("type", "thinking");
        o.put("thinking", text);
        o.put("signature", &proof.map(signature).unwrap_or_default());
    });
}

pub(super) fn redacted(o: &mut ObjectWriter<'_>, data: &str) {
    o.put("type", "redacted_thinking");
    o.put("data", data);
}

pub(super) fn signature(proof: &Proof) -> String {
    match proof {
        Proof::Signature(signature) => signature.clone(),
        other => other.seal(None),
    }
}

pub(super) fn call(
    a: &mut ArrayWriter<'_>,
    id: &str,
    name: &str,
    input: &Json,
    mark: Option<&CacheMark>,
) {
    a.object(|o| {
        o.put("type", "tool_use");
        o.put("id", id);
        o.put("name", name);
        o.raw("input", input);
        cache(o, mark);
    });
}

/// A call's arguments as the object that `input` has to be. Free text goes into the one parameter that
/// a custom tool was offered with; what an upstream garbled is handed on under a name of its own.
pub(super) fn input(arguments: &str, kind: ToolCallKind) -> Json {
    let object = Node::parse(arguments.as_bytes())
        .ok()
        .filter(|node| node.kind() == Kind::Object);
    match (kind, object) {
        (ToolCallKind::Custom, _) => write::object_json(|o| o.put("input", arguments)),
        (ToolCallKind::Function, Some(object)) => object.json(),
        (ToolCallKind::Function, None) if arguments.trim().is_empty() => write::object_json(|_| {}),
        (ToolCallKind::Function, None) => write::object_json(|o| o.put("_raw", arguments)),
    }
}

pub(super) fn image(a: &mut ArrayWriter<'_>, media: &Media) {
    a.object(|o| {
        o.put("type", "image");
        source(o, &media.source);
        cache(o, media.cache.as_ref());
    });
}

pub(super) fn document(a: &mut ArrayWriter<'_>, media: &Media) {
    a.object(|o| {
        o.put("type", "document");
        source(o, &media.source);
        o.opt("title", media.name.as_deref());
        o.opt("context", media.context.as_deref());
        if let Some(enabled) = media.citations {
            o.object("citations", |o| o.put("enabled", &enabled));
        }
        cache(o, media.cache.as_ref());
    });
}

fn source(o: &mut ObjectWriter<'_>, source: &MediaSource) {
    match source {
        MediaSource::Base64 { media_type, data } => {
            if let Some(text) = plain_text(media_type, data) {
                return text_source(o, &text);
            }
            o.object("source", |o| {
                o.put("type", "base64");
                o.put("media_type", media_type);
                o.put("data", data);
            });
        }
        MediaSource::Url(url) => o.object("source", |o| {
            o.put("type", "url");
            o.put("url", url);
        }),
        MediaSource::Text(text) => text_source(o, text),
        MediaSource::File { id, .. } => o.object("source", |o| {
            o.put("type", "file");
            o.put("file_id", id);
        }),
        MediaSource::Other { value, .. } => o.raw("source", value),
    }
}

fn text_source(o: &mut ObjectWriter<'_>, text: &str) {
    o.object("source", |o| {
        o.put("type", "text");
        o.put("media_type", "text/plain");
        o.put("data", text);
    });
}

/// Anthropic takes PDF in base64 only; a file of text, markdown or the like goes as the text it is.
fn plain_text(media_type: &str, data: &str) -> Option<String> {
    use base64::Engine as _;
    if !media_type.starts_with("text/") && media_type != "application/json" {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(data)
        .ok()?;
    String::from_utf8(bytes).ok()
}

/// Whether a source can be read by Anthropic: it is not kept at another provider.
pub(super) fn readable(source: &MediaSource) -> bool {
    match source {
        MediaSource::File { family, .. } | MediaSource::Other { family, .. } => {
            *family == Dialect::AnthropicMessages
        }
        MediaSource::Base64 { .. } | MediaSource::Url(_) | MediaSource::Text(_) => true,
    }
}
