//! The members of a request that are one value each.

use super::{Context, Members, RULE};
use crate::{
    ir::{Feature, OutputFormat, Refused},
    openai_chat::vocabulary,
    translate::MaxTokensField,
};

/// The most stop texts that OpenAI takes.
const MAX_STOPS: usize = 4;

/// The longest `user` that OpenAI takes.
const MAX_USER: usize = 64;

/// Notes what will be left out.
pub(super) fn check(context: &mut Context<'_>) -> Result<(), Refused> {
    let request = context.request;
    if request.stop.len() > MAX_STOPS {
        context.cannot(Feature::Stop, None)?;
    }
    if request.top_k.is_some() && context.is_openai() {
        context.cannot(Feature::TopK, None)?;
    }
    context.marks(request.cache.as_ref())?;
    if metadata_needs_storing(context) && request.store == Some(false) {
        context.cannot(Feature::Metadata, None)?;
    }
    if let Some(OutputFormat::Other { value, .. }) = &request.output_format
        && !context.same_dialect()
    {
        let kind = value.node().object().ok();
        let kind = kind.and_then(|mut o| o.string("type").ok().flatten());
        context.cannot(Feature::OutputGrammar, kind.as_deref())?;
    }
    if !context.same_dialect() {
        for (name, _) in &request.extra {
            context.cannot(Feature::UnknownFields, Some(name))?;
        }
    }
    Ok(())
}

/// OpenAI keeps labels with answers that it stores, and refuses them otherwise. The Responses API
/// stores by default, so that its clients have not asked for it by name.
fn metadata_needs_storing(context: &Context<'_>) -> bool {
    context.is_openai() && !context.same_dialect() && !context.request.metadata.is_empty()
}

pub(super) fn write(context: &Context<'_>, o: &mut Members<'_, '_>) {
    let request = context.request;
    o.opt(
        match context.quirks().max_tokens {
            MaxTokensField::Completion => "max_completion_tokens",
            MaxTokensField::Plain => "max_tokens",
        },
        request.max_output_tokens,
    );
    o.opt("temperature", request.temperature);
    o.opt("top_p", request.top_p);
    if !context.is_openai() {
        o.opt("top_k", request.top_k);
    }
    o.opt("seed", request.seed);
    o.opt("presence_penalty", request.presence_penalty);
    o.opt("frequency_penalty", request.frequency_penalty);
    o.opt("logit_bias", request.logit_bias.as_ref());
    o.opt("logprobs", request.logprobs);
    o.opt("top_logprobs", request.top_logprobs);
    o.opt("n", request.candidates);
    let stop = request.stop.get(..MAX_STOPS).unwrap_or(&request.stop);
    o.opt("stop", (!stop.is_empty()).then_some(stop));
    write_format(context, o);
    o.opt("verbosity", request.verbosity.as_deref());
    o.opt(
        "service_tier",
        request.service_tier.map(vocabulary::tier_word),
    );
    let both = context.same_dialect() && request.extra.iter().any(|(name, _)| name == "user");
    o.opt(
        if both { "safety_identifier" } else { "user" },
        request.user.as_deref().map(fit_user),
    );
    o.opt("prompt_cache_key", request.prompt_cache_key.as_deref());
    o.opt(
        "prompt_cache_retention",
        request.prompt_cache_retention.as_deref(),
    );
    write_stored(context, o);
    if context.same_dialect() {
        if let Some(mark) = &request.cache {
            o.put("cache_control", &super::content::Ephemeral::of(mark));
        }
        for (name, value) in &request.extra {
            o.raw(name, value);
        }
    }
}

fn write_stored(context: &Context<'_>, o: &mut Members<'_, '_>) {
    let request = context.request;
    let mut store = request.store;
    let mut labelled = !request.metadata.is_empty();
    if metadata_needs_storing(context) {
        labelled = store != Some(false);
        store = store.or(Some(true));
    }
    // Not to store is the default, and members that say so are unknown to most other servers.
    if store == Some(true) || context.is_openai() || context.same_dialect() {
        o.opt("store", store);
    }
    if labelled {
        let labels: serde_json::Map<_, _> = request
            .metadata
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        o.put("metadata", &labels);
    }
}

/// An opaque id stays one when it is cut to what OpenAI takes; agents send long ones.
fn fit_user(user: &str) -> String {
    if user.chars().count() <= MAX_USER {
        return user.to_owned();
    }
    RULE.fit(user)
}

fn write_format(context: &Context<'_>, o: &mut Members<'_, '_>) {
    const MEMBER: &str = "response_format";
    match &context.request.output_format {
        None => {}
        // The default, which some models without formats do not even know.
        Some(OutputFormat::Text) if !context.same_dialect() => {}
        Some(OutputFormat::Text) => o.put(MEMBER, &serde_json::json!({"type": "text"})),
        Some(OutputFormat::JsonObject) => {
            o.put(MEMBER, &serde_json::json!({"type": "json_object"}));
        }
        Some(OutputFormat::JsonSchema {
            name,
            description,
            schema,
            strict,
        }) => {
            let format = crate::write::object_json(|o| {
                o.put("type", "json_schema");
                o.object("json_schema", |o| {
                    o.put("name", &RULE.fit(name.as_deref().unwrap_or("answer")));
                    o.opt("description", description.as_deref());
                    o.raw("schema", schema);
                    o.opt("strict", *strict);
                });
            });
            o.raw(MEMBER, &format);
        }
        Some(OutputFormat::Other { value, .. }) if context.same_dialect() => o.raw(MEMBER, value),
        Some(OutputFormat::Other { .. }) => {}
    }
}
