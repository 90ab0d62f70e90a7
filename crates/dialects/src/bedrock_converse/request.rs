//! Requests to Converse and ConverseStream. The body only: the model's id and whether to stream stand in
//! the URL. What the service would refuse for its form alone (roles that do not alternate, blank
//! texts, calls without results, names outside its alphabets) is put right here; what a model would
//! refuse is left out where the table in [`crate::ir::feature`] says so.

mod block;
mod media;
mod output;
mod reasoning;
mod sampling;
mod tools;
mod turns;

use domain::Dialect;

use self::{output::Output, reasoning::Thought, tools::ToolConfig, turns::Conversation};
use super::model::Family;
use crate::{
    ir::{Feature, Losses, Refused, Request, ServiceTier, ToolNames, names::NameRule},
    node::Json,
    translate::{Encoded, Target},
    write,
};

/// The dialect whose column of the table counts here.
const HERE: Dialect = Dialect::BedrockConverse;

/// Encodes a request.
///
/// # Errors
/// It asks for something without which the answer would be another one; see [`Refused`].
pub fn encode(request: &Request, target: &Target<'_>) -> Result<Encoded, Refused> {
    encode_with_betas(request, target, &[])
}

/// Encodes a request of a client that has switched on these beta features of Anthropic's API. They go
/// to Claude models as they are; which of them Bedrock knows is the caller's to decide.
///
/// # Errors
/// It asks for something without which the answer would be another one; see [`Refused`].
pub fn encode_with_betas(
    request: &Request,
    target: &Target<'_>,
    betas: &[&str],
) -> Result<Encoded, Refused> {
    let family = Family::of(target.model);
    let mut losses = Losses::default();
    unsupported(request, &mut losses)?;

    let conversation = Conversation::of(request, family, &mut losses)?;
    let output = Output::of(request, family, &mut losses)?;
    let tools = ToolConfig::of(request, family, &conversation, &mut losses)?;
    let max_tokens = request
        .max_output_tokens
        .or_else(|| family.claude().map(|_| target.default_max_output_tokens));
    let circumstances = reasoning::Circumstances {
        max_tokens,
        interleaved: betas.iter().any(|b| b.starts_with("interleaved-thinking")),
        forced: tools.as_ref().is_some_and(ToolConfig::forces),
        conversation: &conversation,
    };
    let thought = Thought::of(request, family, &circumstances, &mut losses)?;
    let sampling = sampling::Sampling::of(request, family, &thought, &mut losses)?;

    let mut more: Vec<(&str, Json)> = thought.fields.clone();
    more.extend(sampling.field.clone());
    more.extend(tools.as_ref().and_then(ToolConfig::claude_choice));
    more.extend(output.claude_field(&thought));
    if family.claude().is_some() {
        more.extend(context_management(request, betas, &mut losses)?);
        let betas: Vec<&str> = betas.iter().copied().chain(thought.beta).collect();
        if !betas.is_empty() {
            more.push(("anthropic_beta", Json::of(&betas)));
        }
    } else {
        context_management(request, &[], &mut losses)?;
    }
    let metadata = metadata(request, &mut losses)?;
    let asks_for_stop = family.claude().is_some() && !sampling.stop.is_empty();

    let mut body = Vec::with_capacity(4096);
    write::object(&mut body, |o| {
        o.array("messages", |a| conversation.write(a));
        let system = conversation.system_with(output.instruction.as_deref());
        if !system.is_empty() {
            o.array("system", |a| system.iter().for_each(|b| b.write(a)));
        }
        if max_tokens.is_some() || !sampling.is_empty() {
            o.object("inferenceConfig", |o| {
                o.opt("maxTokens", max_tokens);
                sampling.write(o);
            });
        }
        if let Some(tools) = &tools {
            o.object("toolConfig", |o| tools.write(o));
        }
        if !more.is_empty() {
            o.object("additionalModelRequestFields", |o| {
                more.iter().for_each(|(name, value)| o.raw(name, value));
            });
        }
        if asks_for_stop {
            // Converse's own stop reason does not say which of the texts it was.
            o.put("additionalModelResponseFieldPaths", &["/stop_sequence"]);
        }
        output.write(o, &thought);
        if !metadata.is_empty() {
            o.object("requestMetadata", |o| {
                metadata.iter().for_each(|(key, value)| o.put(key, value));
            });
        }
        if let Some(tier) = request.service_tier.and_then(tier) {
            o.object("serviceTier", |o| o.put("type", tier));
        }
        if request.source == HERE {
            request
                .extra
                .iter()
                .for_each(|(name, value)| o.raw(name, value));
        }
    });
    Ok(Encoded {
        body,
        losses,
        names: ToolNames::of(request, NameRule::SHORT),
    })
}

/// What no model behind Converse takes, whatever the rest of the request says.
fn unsupported(request: &Request, losses: &mut Losses) -> Result<(), Refused> {
    let mut without = |feature: Feature, asked: bool, detail: Option<&str>| {
        if asked {
            losses.cannot(feature, HERE, detail)
        } else {
            Ok(())
        }
    };
    without(Feature::Seed, request.seed.is_some(), None)?;
    let penalised = |penalty: Option<f64>| penalty.is_some_and(|p| p != 0.0);
    without(
        Feature::Penalties,
        penalised(request.presence_penalty) || penalised(request.frequency_penalty),
        None,
    )?;
    let biased = request.logit_bias.as_ref().is_some_and(|bias| {
        bias.node()
            .object()
            .map_or(true, |object| !object.rest().is_empty())
    });
    without(Feature::LogitBias, biased, None)?;
    without(
        Feature::Logprobs,
        request.logprobs == Some(true) || request.top_logprobs.is_some_and(|n| n > 0),
        None,
    )?;
    without(
        Feature::Candidates,
        request.candidates.is_some_and(|n| n > 1),
        Some("n"),
    )?;
    without(Feature::Verbosity, request.verbosity.is_some(), None)?;
    without(
        Feature::PromptCacheKey,
        request.prompt_cache_key.is_some() || request.prompt_cache_retention.is_some(),
        None,
    )?;
    // Not to keep the answer is what this upstream does anyway.
    without(Feature::Store, request.store == Some(true), None)?;
    if request.source != HERE {
        for (name, _) in &request.extra {
            without(
                Feature::UnknownFields,
                name != CONTEXT_MANAGEMENT,
                Some(name),
            )?;
        }
    }
    Ok(())
}

const CONTEXT_MANAGEMENT: &str = "context_management";

/// Anthropic's editing of the context, which Claude follows on Bedrock too where its beta is on.
fn context_management(
    request: &Request,
    betas: &[&str],
    losses: &mut Losses,
) -> Result<Option<(&'static str, Json)>, Refused> {
    if request.source == HERE {
        return Ok(None);
    }
    let Some((_, edits)) = request
        .extra
        .iter()
        .find(|(name, _)| name == CONTEXT_MANAGEMENT)
    else {
        return Ok(None);
    };
    let beta = betas.iter().any(|b| b.starts_with("context-management"));
    if request.source == Dialect::AnthropicMessages && beta {
        return Ok(Some((CONTEXT_MANAGEMENT, edits.clone())));
    }
    losses.cannot(Feature::UnknownFields, HERE, Some(CONTEXT_MANAGEMENT))?;
    Ok(None)
}

/// Labels for the service's log of invocations, as far as they fit its pattern.
fn metadata(request: &Request, losses: &mut Losses) -> Result<Vec<(String, String)>, Refused> {
    const MOST: usize = 16;
    let mut labels: Vec<(String, String)> = Vec::new();
    for (key, value) in &request.metadata {
        let fits = labels.len() < MOST && !key.is_empty() && label(key) && label(value);
        if fits && labels.iter().all(|(other, _)| other != key) {
            labels.push((key.clone(), value.clone()));
        } else {
            losses.cannot(Feature::Metadata, HERE, Some(key))?;
        }
    }
    if let Some(user) = &request.user {
        let taken = labels.iter().any(|(key, _)| key == "user");
        if labels.len() < MOST && label(user) && !taken {
            labels.push(("user".to_owned(), user.clone()));
        } else {
            losses.cannot(Feature::User, HERE, None)?;
        }
    }
    Ok(labels)
}

/// `[a-zA-Z0-9\s:_@$#=/+,-.]{0,256}`
fn label(text: &str) -> bool {
    text.len() <= 256
        && text.bytes().all(|b| {
            b.is_ascii_alphanumeric() || b.is_ascii_whitespace() || b":_@$#=/+,-.".contains(&b)
        })
}

fn tier(tier: ServiceTier) -> Option<&'static str> {
    match tier {
        // The service decides by itself where nothing is said.
        ServiceTier::Auto => None,
        ServiceTier::Standard => Some("default"),
        ServiceTier::Flex => Some("flex"),
        ServiceTier::Priority => Some("priority"),
        ServiceTier::Scale => Some("reserved"),
    }
}
