//! Which deployments a name stands for. The first match wins: forced rewrite → group → alias →
//! `backend/model` → a model of some backend's catalogue → unforced rewrite. `a|b|c` takes the first
//! name that anything can serve.

use std::sync::Arc;

use domain::Dialect;
use fastrand::Rng;

use super::{
    Candidate, Excluded, Exclusion, RoutePlan,
    group::{Group, Member},
    lanes_of,
    question::Question,
    strategy::{self, Chance},
    table::{Deployment, Routes},
};
use crate::{GatewayError, authenticate::Caller, settings::Strategy};

/// Rewrites may form chains; the configuration refuses cycles, and this is the bound in any case.
const MAX_REWRITES: usize = 16;

/// How many near matches an error names.
const NEAR_MATCHES: usize = 3;

/// Plans a request.
///
/// # Errors
/// Nothing that the caller may use goes by that name ([`GatewayError::UnknownModel`]), or what does
/// has no price, or speaks another dialect, or takes no such requests.
pub fn resolve(routes: &Routes, question: Question<'_>) -> Result<RoutePlan, GatewayError> {
    let chance = &mut Chance {
        rng: &mut Rng::new(),
        only_look: false,
    };
    let planned = plan(routes, &question, chance);
    let group = planned.group;
    let prefixes = match &group {
        Some(group) if group.strategy == Strategy::Affinity => question.into_prefixes(),
        _ => Vec::new(),
    };
    let plan = planned.candidates?;
    Ok(RoutePlan {
        candidates: plan,
        excluded: planned.excluded,
        group,
        prefixes,
    })
}

/// How a name was resolved.
#[derive(Debug)]
pub struct Planned {
    /// What the name was rewritten to, in turn.
    pub rewritten: Vec<String>,
    /// What it was found as; `None`: nothing goes by that name.
    pub found_as: Option<FoundAs>,
    pub group: Option<Arc<Group>>,
    pub candidates: Result<Vec<Candidate>, GatewayError>,
    pub excluded: Vec<Excluded>,
}

/// What a name turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundAs {
    Group,
    Alias,
    BackendModel,
    Model,
}

/// Resolves and orders; what [`resolve`] does, with all that can be said of it.
pub fn plan(routes: &Routes, question: &Question<'_>, chance: &mut Chance<'_>) -> Planned {
    let mut planned = Planned {
        rewritten: Vec::new(),
        found_as: None,
        group: None,
        candidates: Ok(Vec::new()),
        excluded: Vec::new(),
    };
    let caller = question.caller;
    let names = question.asked.split('|').map(str::trim);
    for name in names.filter(|name| !name.is_empty() && caller.may_use(name)) {
        let mut rewritten = Vec::new();
        let reach = |d: &Deployment| caller.may_reach(d.backend.name());
        let found = find(routes, name, reach, |target| {
            rewritten.push(target.to_owned());
        });
        let Some(found) = found else { continue };
        let (group, found_as, mut members) = match found {
            Found::Group(group) => {
                let members: Vec<&Member> = group.members.iter().collect();
                (Some(group), FoundAs::Group, Members::OfGroup(members))
            }
            Found::Deployments(found_as, deployments) => {
                (None, found_as, Members::Plain(deployments))
            }
        };
        members.retain(question, &mut planned.excluded);
        members.prefer_native(question.dialect);
        if members.is_empty() {
            continue;
        }
        let mut candidates = match members {
            Members::OfGroup(members) => match &group {
                Some(group) => strategy::order(group, members, question, chance),
                None => Vec::new(),
            },
            Members::Plain(deployments) => deployments
                .into_iter()
                .flat_map(|deployment| lanes_of(deployment, chance.only_look))
                .collect(),
        };
        by_readiness(&mut candidates, question);
        return Planned {
            rewritten,
            found_as: Some(found_as),
            group: group.cloned(),
            candidates: Ok(candidates),
            excluded: planned.excluded,
        };
    }
    planned.candidates = Err(why_none(routes, question, &planned.excluded));
    planned
}

/// Those that rest come last, the one that is ready soonest first: with nothing better left they are
/// tried all the same, which is how they are found to be well again.
fn by_readiness(candidates: &mut [Candidate], question: &Question<'_>) {
    candidates
        .sort_by_cached_key(|candidate| candidate.rest(question.now).map(|rest| rest.remaining()));
}

/// What a name stands for, before anybody asked whether it can serve.
enum Members<'a> {
    OfGroup(Vec<&'a Member>),
    Plain(Vec<&'a Arc<Deployment>>),
}

impl Members<'_> {
    fn retain(&mut self, question: &Question<'_>, excluded: &mut Vec<Excluded>) {
        let mut takes = |deployment: &Deployment, condition: Option<&Member>| {
            let why = exclusion(question, deployment, condition);
            let none = why.is_none();
            excluded.extend(why.map(|why| Excluded {
                backend: deployment.backend.name().to_owned(),
                model: deployment.model.clone(),
                why,
            }));
            none
        };
        match self {
            Self::OfGroup(members) => {
                members.retain(|member| takes(&member.deployment, Some(member)));
            }
            Self::Plain(deployments) => deployments.retain(|deployment| takes(deployment, None)),
        }
    }

    /// A name that clients of another dialect have asked for is not known to be a model there.
    fn prefer_native(&mut self, dialect: Dialect) {
        if let Self::Plain(deployments) = self
            && deployments.iter().any(|d| d.is_native(dialect))
        {
            deployments.retain(|d| !d.offered || d.is_native(dialect));
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::OfGroup(members) => members.is_empty(),
            Self::Plain(deployments) => deployments.is_empty(),
        }
    }
}

fn exclusion(
    question: &Question<'_>,
    deployment: &Deployment,
    member: Option<&Member>,
) -> Option<Exclusion> {
    if !question.caller.may_reach(deployment.backend.name()) {
        return Some(Exclusion::NotPermitted);
    }
    if !deployment.serves(question.dialect, question.untranslated) {
        return Some(Exclusion::OtherDialect);
    }
    if !deployment.usable() {
        return Some(Exclusion::Unpriced);
    }
    let failed = member?.when.check(question).err()?;
    Some(Exclusion::Condition(failed))
}

/// The reason that mends most: what the caller may not reach is not even there for them.
fn why_none(routes: &Routes, question: &Question<'_>, excluded: &[Excluded]) -> GatewayError {
    let asked = question.asked.to_owned();
    let conditions: Vec<String> = excluded
        .iter()
        .filter_map(|excluded| match &excluded.why {
            Exclusion::Condition(condition) => Some(format!(
                "\"{}\" on backend \"{}\" takes only requests {condition}",
                excluded.model, excluded.backend
            )),
            _ => None,
        })
        .collect();
    if !conditions.is_empty() {
        return GatewayError::NoneTakes {
            asked,
            conditions: conditions.join("; "),
        };
    }
    if let Some(unpriced) = excluded.iter().find(|e| e.why == Exclusion::Unpriced) {
        return GatewayError::Unpriced {
            backend: unpriced.backend.clone(),
            model: unpriced.model.clone(),
        };
    }
    if excluded.iter().any(|e| e.why == Exclusion::OtherDialect) {
        return GatewayError::OtherDialect {
            asked,
            dialect: question.dialect,
            untranslated: question.untranslated,
        };
    }
    let caller = question.caller;
    if caller.is_permitted_some() && !routes.backends().any(|b| caller.may_reach(b.name())) {
        return GatewayError::NoBackends;
    }
    let near = near_matches(routes, question);
    GatewayError::UnknownModel { asked, near }
}

/// What a name is in the table.
#[derive(Debug)]
pub enum Found<'a> {
    Group(&'a Arc<Group>),
    Deployments(FoundAs, Vec<&'a Arc<Deployment>>),
}

/// Follows rewrites, each of which `rewritten` is told, to what `name` stands for, of which `reach`
/// holds for something.
pub fn find<'a>(
    routes: &'a Routes,
    name: &'a str,
    reach: impl Fn(&Deployment) -> bool,
    mut rewritten: impl FnMut(&'a str),
) -> Option<Found<'a>> {
    let mut name = name;
    for _ in 0..MAX_REWRITES {
        let target = match routes.forced_rewrite(name) {
            Some(target) => target,
            None => match served(routes, name, &reach) {
                Some(found) => return Some(found),
                None => routes.unforced_rewrite(name)?,
            },
        };
        rewritten(target);
        name = target;
    }
    None
}

fn served<'a>(
    routes: &'a Routes,
    name: &str,
    reach: &impl Fn(&Deployment) -> bool,
) -> Option<Found<'a>> {
    if let Some(group) = routes.group(name)
        && group.members.iter().any(|member| reach(&member.deployment))
    {
        return Some(Found::Group(group));
    }
    let by_alias = routes.by_alias(name);
    let by_model = routes.by_model(name);
    let some = |deployments: &[Arc<Deployment>]| deployments.iter().any(|d| reach(d));
    if some(by_alias) {
        // Who takes any model takes this one by its own name.
        let others = by_model.iter().filter(|d| d.backend.settings.any_model);
        let mut found: Vec<&Arc<Deployment>> = by_alias.iter().chain(others).collect();
        found.sort_by_key(|d| d.backend.settings.priority);
        return Some(Found::Deployments(FoundAs::Alias, found));
    }
    if let Some((backend, model)) = name.split_once('/')
        && let Some(deployment) = routes.on_backend(backend, model)
        && reach(deployment)
    {
        let one = vec![deployment];
        return Some(Found::Deployments(FoundAs::BackendModel, one));
    }
    some(by_model).then(|| Found::Deployments(FoundAs::Model, by_model.iter().collect()))
}

/// What `name` is rewritten to at last, where nothing of its own serves it.
#[must_use]
pub fn end_of_rewrites<'a>(routes: &'a Routes, name: &'a str) -> &'a str {
    let mut end = name;
    for _ in 0..MAX_REWRITES {
        let forced = routes.forced_rewrite(end);
        let next = forced.or_else(|| match served(routes, end, &|_| true) {
            Some(_) => None,
            None => routes.unforced_rewrite(end),
        });
        match next {
            Some(target) => end = target,
            None => break,
        }
    }
    end
}

/// The deployments behind a name that the caller may reach, in whatever dialect.
pub fn deployments<'a>(
    routes: &'a Routes,
    name: &'a str,
    caller: &'a Caller,
) -> impl Iterator<Item = &'a Arc<Deployment>> {
    let reach = |d: &Deployment| caller.may_reach(d.backend.name());
    let found: Vec<_> = match find(routes, name, reach, |_| ()) {
        Some(Found::Group(group)) => group.members.iter().map(|m| &m.deployment).collect(),
        Some(Found::Deployments(_, deployments)) => deployments,
        None => Vec::new(),
    };
    found.into_iter().filter(move |d| reach(d))
}

/// The names most like what was asked for among those that the caller may use.
fn near_matches(routes: &Routes, question: &Question<'_>) -> Vec<String> {
    let asked = question.asked.to_lowercase();
    let mut scored: Vec<(f64, &str)> = routes
        .names()
        .filter(|name| question.caller.may_use(name))
        .map(|name| (strsim::jaro_winkler(&asked, &name.to_lowercase()), name))
        .filter(|(score, _)| *score > 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored
        .into_iter()
        .take(NEAR_MATCHES)
        .map(|(_, name)| name.to_owned())
        .collect()
}
