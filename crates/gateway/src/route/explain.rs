//! Says what would become of a request, by the same plan that a request is served by, and changes
//! nothing: no turn passes, nothing is called.

use std::sync::Arc;

use domain::routing::{
    CacheSavings, NOT_PERMITTED, RouteCandidate, RouteExclusion, RouteExplanation, RouteRest,
};
use fastrand::Rng;

use super::{
    Candidate, Excluded, Exclusion, Rest,
    group::Group,
    question::Question,
    resolve::{FoundAs, plan},
    strategy::Chance,
    table::Routes,
};
use crate::settings::Strategy;

/// Explains. `rng` decides what chance decides.
#[must_use]
pub fn explain(routes: &Routes, question: &Question<'_>, rng: &mut Rng) -> RouteExplanation {
    let chance = &mut Chance {
        rng,
        only_look: true,
    };
    let planned = plan(routes, question, chance);
    let group = planned.group.as_ref();
    let (candidates, error) = match planned.candidates {
        Ok(candidates) => (candidates, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    RouteExplanation {
        model: question.asked.to_owned(),
        rewritten_to: planned.rewritten,
        found_as: planned.found_as.map(|found_as| {
            match found_as {
                FoundAs::Group => "group",
                FoundAs::Alias => "alias",
                FoundAs::BackendModel => "backend_model",
                FoundAs::Model => "model",
            }
            .to_owned()
        }),
        strategy: group.map(|group| group.strategy.as_str().to_owned()),
        candidates: candidates
            .iter()
            .map(|candidate| of_candidate(candidate, group, question))
            .collect(),
        excluded: planned.excluded.iter().map(of_excluded).collect(),
        error,
        saved: group
            .filter(|group| group.strategy == Strategy::Affinity)
            .map(|group| {
                let (cached_tokens, saved) = group.live.saved();
                CacheSavings {
                    cached_tokens,
                    saved,
                }
            }),
    }
}

fn of_candidate(
    candidate: &Candidate,
    group: Option<&Arc<Group>>,
    question: &Question<'_>,
) -> RouteCandidate {
    let deployment = &candidate.deployment;
    let member = group.and_then(|group| {
        let same = |member: &&super::group::Member| member.deployment.id == deployment.id;
        group.members.iter().find(same)
    });
    let several = deployment.live.lanes().len() > 1;
    RouteCandidate {
        backend: deployment.backend.name().to_owned(),
        model: deployment.model.clone(),
        api_key: several.then(|| u32::try_from(candidate.lane + 1).unwrap_or(u32::MAX)),
        priority: member.map(|member| member.priority),
        weight: member.map(|member| member.weight),
        resting: candidate.rest(question.now).map(of_rest),
        estimated_cost: question.likely_cost(deployment),
    }
}

/// Why a candidate rests.
#[must_use]
pub fn of_rest(rest: Rest) -> RouteRest {
    let reason = match rest {
        Rest::Probing => "probing",
        Rest::Failing(_) => "failing",
        Rest::RateLimited(_) => "rate_limited",
    };
    RouteRest {
        reason: reason.to_owned(),
        remaining_ms: u64::try_from(rest.remaining().as_millis()).unwrap_or(u64::MAX),
    }
}

/// Why a deployment is no candidate.
#[must_use]
pub fn of_excluded(excluded: &Excluded) -> RouteExclusion {
    let reason = match &excluded.why {
        Exclusion::NotPermitted => NOT_PERMITTED.to_owned(),
        Exclusion::OtherDialect => {
            "it does not speak the dialect of the request, and there is no translation".to_owned()
        }
        Exclusion::Unpriced => "it has no price".to_owned(),
        Exclusion::Condition(condition) => format!("it takes only requests {condition}"),
    };
    RouteExclusion {
        backend: excluded.backend.clone(),
        model: excluded.model.clone(),
        reason,
    }
}
