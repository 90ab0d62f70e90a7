//! The members of a request that are one value each.

use domain::Dialect;

use super::super::super::{content, vocabulary};
use crate::{
    ir::{OutputFormat, Request},
    node::{Kind, Mismatch, Object},
};

/// How to sample; the same in the older Completions API.
pub(crate) fn sampling(o: &mut Object<'_>, request: &mut Request) -> Result<(), Mismatch> {
    request.temperature = o.f64("temperature")?;
    request.top_p = o.f64("top_p")?;
    // vLLM's clients say -1 for no limit.
    request.top_k = match o.take("top_k") {
        Some(node) => node.u64().map(Some).or_else(|_| node.i64().map(|_| None))?,
        None => None,
    };
    request.seed = o.take("seed").map(|node| node.i64()).transpose()?;
    request.presence_penalty = o.f64("presence_penalty")?;
    request.frequency_penalty = o.f64("frequency_penalty")?;
    request.logit_bias = match o.take("logit_bias") {
        Some(node) if node.kind() == Kind::Object => Some(node.json()),
        Some(node) => return Err(node.expected("an object of tokens and their biases")),
        None => None,
    };
    request.candidates = o.u64("n")?;
    let plain = o.u64("max_tokens")?;
    request.max_output_tokens = o.u64("max_completion_tokens")?.or(plain);
    if let Some(node) = o.take("stop") {
        request.stop = if node.kind() == Kind::String {
            vec![node.owned()?]
        } else {
            let texts = node
                .array()
                .map_err(|_| node.expected("a string or an array of strings"))?;
            texts
                .iter()
                .map(|text| text.owned())
                .collect::<Result<_, _>>()?
        };
        request.stop.retain(|text| !text.is_empty());
    }
    Ok(())
}

/// What the answer shall look like.
pub(super) fn answer(o: &mut Object<'_>, request: &mut Request) -> Result<(), Mismatch> {
    request.logprobs = o.bool("logprobs")?;
    request.top_logprobs = o.u64("top_logprobs")?;
    request.verbosity = o.string("verbosity")?;
    let Some(node) = o.take("response_format") else {
        return Ok(());
    };
    let mut format = node.object()?;
    request.output_format = Some(match format.need("type")?.string()?.as_ref() {
        "text" => OutputFormat::Text,
        // Together, Fireworks and llama.cpp take a schema here.
        "json_object" => match format.json("schema") {
            None => OutputFormat::JsonObject,
            Some(schema) => OutputFormat::JsonSchema {
                name: None,
                description: None,
                schema,
                strict: None,
            },
        },
        "json_schema" => {
            let mut schema = format.need("json_schema")?.object()?;
            OutputFormat::JsonSchema {
                name: schema.string("name")?,
                description: schema.string("description")?,
                strict: schema.bool("strict")?,
                schema: schema.need("schema")?.json(),
            }
        }
        _ => OutputFormat::Other {
            family: Dialect::OpenaiChat,
            value: node.json(),
        },
    });
    Ok(())
}

/// Who asks, what is kept of it, and how urgent it is.
pub(super) fn account(o: &mut Object<'_>, request: &mut Request) -> Result<(), Mismatch> {
    user(o, request)?;
    if let Some(node) = o.take("service_tier") {
        request.service_tier = vocabulary::tier_of(&node.string()?);
        if request.service_tier.is_none() {
            request.extra.push(("service_tier".to_owned(), node.json()));
        }
    }
    if let Some(metadata) = o.object("metadata")? {
        for (name, value) in metadata.rest() {
            let node = value.node();
            let text = node.owned().unwrap_or_else(|_| value.as_str().to_owned());
            request.metadata.push((name, text));
        }
    }
    request.prompt_cache_key = o.string("prompt_cache_key")?;
    request.prompt_cache_retention = o.string("prompt_cache_retention")?;
    request.cache = content::cache_mark(o)?;
    request.store = o.bool("store")?;
    Ok(())
}

/// `safety_identifier` has taken the place of `user`; where a client sends both, the older one is kept
/// for its own dialect.
pub(crate) fn user(o: &mut Object<'_>, request: &mut Request) -> Result<(), Mismatch> {
    let identifier = o.string("safety_identifier")?;
    let Some(user) = o.take("user") else {
        request.user = identifier;
        return Ok(());
    };
    if identifier.is_some() {
        request.extra.push(("user".to_owned(), user.json()));
        request.user = identifier;
    } else {
        request.user = Some(user.owned()?);
    }
    Ok(())
}
