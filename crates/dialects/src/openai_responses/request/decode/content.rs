//! Reads the content of a message or of a tool's result. A part of an unknown kind is refused: the
//! model would answer without having seen it.

use crate::{
    ir::{CacheMark, Part},
    node::{Kind, Mismatch, Node, Object},
    openai_responses::media,
};

type Read<T> = Result<T, Mismatch>;

pub(super) fn read(content: &Node<'_>) -> Read<Vec<Part>> {
    match content.kind() {
        Kind::String => Ok(vec![Part::text(content.owned()?)]),
        Kind::Array => content.array()?.iter().map(part).collect(),
        _ => Err(content.expected("a string or an array of content parts")),
    }
}

fn part(node: &Node<'_>) -> Read<Part> {
    if node.kind() == Kind::String {
        return Ok(Part::text(node.owned()?));
    }
    let mut o = node.object()?;
    let kind = o.need("type")?;
    let cache = cache_mark(&mut o)?;
    match &*kind.string()? {
        "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => {
            let citations = o.array("annotations")?;
            Ok(Part::Text {
                text: o.need("text")?.owned()?,
                citations: citations.iter().map(Node::json).collect(),
                cache,
            })
        }
        "refusal" => Ok(Part::Refusal(o.need("refusal")?.owned()?)),
        "input_image" => {
            let mut image = media::image(o)?;
            image.cache = cache;
            Ok(Part::Image(image))
        }
        "input_file" => {
            let mut file = media::file(o)?;
            file.cache = cache;
            Ok(Part::Document(file))
        }
        "input_audio" => Ok(Part::Audio(media::audio(o)?)),
        other => Err(kind.expected(format!(
            "input_text, input_image, input_file, input_audio, output_text or refusal, not \"{other}\""
        ))),
    }
}

/// OpenAI's mark for its prompt cache, whose times differ from those that the neutral form names.
fn cache_mark(o: &mut Object<'_>) -> Read<Option<CacheMark>> {
    let Some(mut mark) = o.object("prompt_cache_breakpoint")? else {
        return Ok(None);
    };
    let long = mark.string("ttl")?.is_some_and(|ttl| ttl == "12h");
    Ok(Some(CacheMark {
        ttl: long.then(|| "1h".to_owned()),
    }))
}
