//! The settings that every dialect has in its own selection: sampling, limits, labels. What Anthropic
//! lacks is dropped or refused by the table of features; a setting that asks for nothing (a penalty of
//! 0, one candidate) is no loss.

use domain::Dialect;

use crate::claude::Claude;
use crate::ir::{Feature, Losses, Refused, Request, ServiceTier};

const TARGET: Dialect = Dialect::AnthropicMessages;

/// `temperature`, `top_p` and `top_k` as they are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sampling {
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
}

/// # Errors
/// The table of features says that the request is refused.
pub(super) fn sampling(
    request: &Request,
    claude: Claude,
    thinks: bool,
    losses: &mut Losses,
) -> Result<Sampling, Refused> {
    let mut sent = Sampling::default();
    if let Some(temperature) = request.temperature {
        if claude.sampling() && !thinks {
            sent.temperature = Some(temperature.clamp(0.0, 1.0));
        } else if temperature != 1.0 {
            losses.cannot(Feature::Temperature, TARGET, None)?;
        }
    }
    if let Some(top_p) = request.top_p {
        let alone = sent.temperature.is_none() || claude.temperature_with_top_p();
        // With thinking, Anthropic takes the top twentieth only.
        if claude.sampling() && alone && (!thinks || (0.95..=1.0).contains(&top_p)) {
            sent.top_p = Some(top_p.clamp(0.0, 1.0));
        } else if top_p < 1.0 {
            losses.cannot(Feature::TopP, TARGET, None)?;
        }
    }
    if let Some(top_k) = request.top_k {
        if claude.sampling() && !thinks {
            sent.top_k = Some(top_k);
        } else {
            losses.cannot(Feature::TopK, TARGET, None)?;
        }
    }
    Ok(sent)
}

/// Settings without a place here.
///
/// # Errors
/// The table of features says that the request is refused.
pub(super) fn placeless(request: &Request, losses: &mut Losses) -> Result<(), Refused> {
    let penalised = |penalty: Option<f64>| penalty.is_some_and(|p| p != 0.0);
    let lost = [
        (Feature::Seed, request.seed.is_some()),
        (
            Feature::Penalties,
            penalised(request.presence_penalty) || penalised(request.frequency_penalty),
        ),
        (
            Feature::LogitBias,
            request.logit_bias.as_ref().is_some_and(|bias| {
                bias.node()
                    .object()
                    .is_ok_and(|bias| !bias.rest().is_empty())
            }),
        ),
        (
            Feature::Logprobs,
            request.logprobs == Some(true) || request.top_logprobs.is_some_and(|n| n > 0),
        ),
        (
            Feature::Candidates,
            request.candidates.is_some_and(|n| n > 1),
        ),
        (Feature::Verbosity, request.verbosity.is_some()),
        (Feature::Store, request.store == Some(true)),
        (
            Feature::PromptCacheKey,
            request.prompt_cache_key.is_some() || request.prompt_cache_retention.is_some(),
        ),
        (
            Feature::Metadata,
            !request.metadata.is_empty() && request.source != TARGET,
        ),
    ];
    for (feature, is_lost) in lost {
        if is_lost {
            losses.cannot(feature, TARGET, None)?;
        }
    }
    if request.messages.iter().any(|m| m.name.is_some()) {
        losses.cannot(Feature::SpeakerName, TARGET, None)?;
    }
    if request.source != TARGET {
        for (name, _) in &request.extra {
            losses.cannot(Feature::UnknownFields, TARGET, Some(name))?;
        }
    }
    Ok(())
}

/// `metadata.user_id`. The API refuses what looks like a mail address or a telephone number.
///
/// # Errors
/// The table of features says that the request is refused.
pub(super) fn user<'r>(
    request: &'r Request,
    losses: &mut Losses,
) -> Result<Option<&'r str>, Refused> {
    let Some(user) = request.user.as_deref() else {
        return Ok(None);
    };
    let personal = user.contains('@') && !user.starts_with('{')
        || user.len() >= 7
            && user
                .chars()
                .all(|c| c.is_ascii_digit() || " +-()".contains(c));
    if request.source != TARGET && (personal || user.len() > 256) {
        losses.cannot(Feature::User, TARGET, Some("only an opaque id"))?;
        return Ok(None);
    }
    Ok(Some(user))
}

/// Texts to stop at. The API takes none without a visible character.
///
/// # Errors
/// The table of features says that the request is refused.
pub(super) fn stops<'r>(
    request: &'r Request,
    losses: &mut Losses,
) -> Result<Vec<&'r str>, Refused> {
    let (sent, blank): (Vec<_>, Vec<_>) = request
        .stop
        .iter()
        .map(String::as_str)
        .partition(|stop| !stop.trim().is_empty());
    if !blank.is_empty() {
        losses.cannot(Feature::Stop, TARGET, Some("blank ones"))?;
    }
    Ok(sent)
}

/// `service_tier`. What is cheaper and slower elsewhere does not exist here.
pub(super) const fn service_tier(tier: ServiceTier) -> Option<&'static str> {
    match tier {
        ServiceTier::Auto | ServiceTier::Priority | ServiceTier::Scale => Some("auto"),
        ServiceTier::Standard => Some("standard_only"),
        ServiceTier::Flex => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(request: &Request, model: &str, thinks: bool) -> (Sampling, String) {
        let claude = Claude::named(model).expect("a Claude");
        let mut losses = Losses::default();
        let sent = sampling(request, claude, thinks, &mut losses).expect("not refused");
        (sent, losses.names())
    }

    #[test]
    fn sampling_is_cut_to_what_the_model_takes() {
        let request = Request {
            temperature: Some(1.7),
            top_p: Some(0.9),
            top_k: Some(40),
            ..Request::new(Dialect::OpenaiChat)
        };
        let (old, losses) = sent(&request, "claude-3-5-sonnet-latest", false);
        assert_eq!(
            (old.temperature, old.top_p, old.top_k, losses.as_str()),
            (Some(1.0), Some(0.9), Some(40), "")
        );
        // One of the two, not both.
        let (one, losses) = sent(&request, "claude-sonnet-4-5", false);
        assert_eq!((one.temperature, one.top_p), (Some(1.0), None));
        assert_eq!(losses, "top_p");
        let (thinking, losses) = sent(&request, "claude-sonnet-4-5", true);
        assert_eq!(thinking, Sampling::default());
        assert_eq!(losses, "temperature, top_p, top_k");
        let (newest, _) = sent(&request, "claude-opus-4-7", false);
        assert_eq!(newest, Sampling::default());
    }

    #[test]
    fn settings_that_ask_for_nothing_are_no_loss() {
        let mut request = Request {
            presence_penalty: Some(0.0),
            candidates: Some(1),
            logprobs: Some(false),
            top_logprobs: Some(0),
            store: Some(false),
            ..Request::new(Dialect::OpenaiChat)
        };
        let mut losses = Losses::default();
        assert_eq!(placeless(&request, &mut losses), Ok(()));
        assert!(losses.is_empty());
        request.candidates = Some(2);
        assert!(placeless(&request, &mut losses).is_err());
    }

    #[test]
    fn a_person_is_not_named_to_the_provider() {
        let mut request = Request::new(Dialect::OpenaiChat);
        for (id, kept) in [
            ("user-123", true),
            ("ada@example.com", false),
            ("+44 20 7946 0000", false),
        ] {
            request.user = Some(id.to_owned());
            let mut losses = Losses::default();
            assert_eq!(user(&request, &mut losses), Ok(kept.then_some(id)));
            assert_eq!(losses.contains(Feature::User), !kept);
        }
    }
}
