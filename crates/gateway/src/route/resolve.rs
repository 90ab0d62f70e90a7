//! Which deployments a name stands for. The first match wins: forced rewrite → group → alias →
//! `backend/model` → a model of some backend's catalogue → unforced rewrite. `a|b|c` takes the first
//! name that anything serves.

use std::sync::Arc;

use domain::Dialect;
use tokio::time::Instant;

use super::{
    RoutePlan, strategy,
    table::{Deployment, Routes},
};
use crate::{GatewayError, authenticate::Caller};

/// Rewrites may form chains; the configuration refuses cycles, and this is the bound in any case.
const MAX_REWRITES: usize = 16;

/// How many near matches an error names.
const NEAR_MATCHES: usize = 3;

/// Plans a request of `caller` for `asked`, made in `dialect`; `untranslated`: on a path that promises
/// the upstream's own dialect.
///
/// # Errors
/// Nothing that the caller may use goes by that name ([`GatewayError::UnknownModel`]), or what does
/// has no price, or speaks another dialect.
pub fn resolve(
    routes: &Routes,
    caller: &Caller,
    asked: &str,
    dialect: Dialect,
    untranslated: bool,
    now: Instant,
) -> Result<RoutePlan, GatewayError> {
    let mut found = Vec::new();
    for name in asked.split('|').map(str::trim).filter(|n| !n.is_empty()) {
        if caller.may_use(name) {
            found = candidates(routes, name);
            found.retain(|d| caller.may_reach(d.backend.name()));
        }
        if !found.is_empty() {
            break;
        }
    }
    let Some(first) = found.first().cloned() else {
        return Err(GatewayError::UnknownModel {
            asked: asked.to_owned(),
            near: near_matches(routes, caller, asked),
        });
    };
    found.retain(|d| d.serves(dialect, untranslated));
    if found.is_empty() {
        return Err(GatewayError::OtherDialect {
            asked: asked.to_owned(),
            dialect,
            untranslated,
        });
    }
    found.retain(|d| d.usable());
    if found.is_empty() {
        return Err(GatewayError::Unpriced {
            backend: first.backend.name().to_owned(),
            model: first.model.clone(),
        });
    }
    RoutePlan::new(by_readiness(found, now)).ok_or(GatewayError::Internal("an empty plan"))
}

/// What `name` stands for, in order, whoever asks and in whatever dialect.
#[must_use]
pub fn candidates(routes: &Routes, name: &str) -> Vec<Arc<Deployment>> {
    let mut name = name;
    for _ in 0..MAX_REWRITES {
        if let Some(target) = routes.forced_rewrite(name) {
            name = target;
            continue;
        }
        let found = served(routes, name);
        if !found.is_empty() {
            return found;
        }
        match routes.unforced_rewrite(name) {
            Some(target) => name = target,
            None => break,
        }
    }
    Vec::new()
}

fn served(routes: &Routes, name: &str) -> Vec<Arc<Deployment>> {
    if let Some(group) = routes.group(name) {
        return strategy::order(group);
    }
    let by_alias = routes.by_alias(name);
    if !by_alias.is_empty() {
        return by_alias.to_vec();
    }
    if let Some((backend, model)) = name.split_once('/')
        && let Some(deployment) = routes.on_backend(backend, model)
    {
        return vec![Arc::clone(deployment)];
    }
    routes.by_model(name).to_vec()
}

/// Those that are cooling down come last, the one that is ready soonest first: with nothing better
/// left they are tried all the same, which is how they are found to be well again.
fn by_readiness(mut found: Vec<Arc<Deployment>>, now: Instant) -> Vec<Arc<Deployment>> {
    found.sort_by_cached_key(|d| d.cooldown.remaining(now));
    found
}

/// The names most like `asked` among those that the caller may use.
fn near_matches(routes: &Routes, caller: &Caller, asked: &str) -> Vec<String> {
    let asked = asked.to_lowercase();
    let mut scored: Vec<(f64, &str)> = routes
        .names()
        .filter(|name| caller.may_use(name))
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
