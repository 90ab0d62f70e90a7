//! What the backends are doing at this moment, and have done since the process started: for status
//! pages and metrics. Reading it costs requests nothing.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use domain::{BackendId, NanoUsd, Timestamp};
use tokio::time::Instant;

use crate::{
    Gateway,
    counters::{breaker::Gate, cooldown::CooldownFigures, tally::Sums},
    route::{Backend, Routes},
    settings::{BackendKind, RateLimit, Strategy},
};

/// A backend at one moment.
#[derive(Clone, Debug)]
pub struct BackendStatus {
    pub id: BackendId,
    pub name: String,
    pub kind: BackendKind,
    /// Empty for those that have none of their own.
    pub base_url: String,
    pub priority: u32,
    pub model_mapping: BTreeMap<String, String>,
    pub models: Vec<String>,
    pub sums: Sums,
    pub in_progress: u64,
    /// Calls that wait for a place.
    pub waiting: usize,
    /// Calls that were not made because a limit of the backend had no room.
    pub skips: u64,
    /// Of all its lanes.
    pub cooldowns: CooldownFigures,
    /// Some deployment rests after failures in a row.
    pub failing: bool,
    pub rate_limit: Option<WindowStatus>,
    /// Until one of its deployments that fails is tried again, where one rests for that.
    pub failing_for: Option<Duration>,
}

/// A backend's rate limit.
#[derive(Clone, Copy, Debug)]
pub struct WindowStatus {
    pub limit: RateLimit,
    pub remaining: u64,
    /// Until there is all the room again.
    pub resets_in: Duration,
}

impl BackendStatus {
    /// The share of the calls that ended well; 1 before the first.
    #[must_use]
    pub fn success_rate(&self) -> f64 {
        let ended = self.sums.succeeded + self.sums.failed;
        match ended {
            0 => 1.0,
            ended => self.sums.succeeded as f64 / ended as f64,
        }
    }
}

impl Gateway {
    /// Every backend, in the order in which they are preferred.
    #[must_use]
    pub fn backends(&self) -> Vec<BackendStatus> {
        let catalog = self.core().catalog();
        let now = Instant::now();
        let mut backends: Vec<BackendStatus> = catalog
            .routes
            .backends()
            .map(|backend| status(&catalog.routes, backend, now))
            .collect();
        backends.sort_by_key(|backend| backend.priority);
        backends
    }

    /// Requests that were let in, and how often one of them went on to another deployment.
    #[must_use]
    pub fn failovers(&self) -> (u64, u64) {
        let core = self.core();
        (
            core.requests.load(Ordering::Relaxed),
            core.failovers.load(Ordering::Relaxed),
        )
    }

    /// What prompts' caches saved the groups that look for them: name, cached tokens, money.
    #[must_use]
    pub fn group_savings(&self) -> Vec<(String, u64, NanoUsd)> {
        let catalog = self.core().catalog();
        catalog
            .routes
            .groups()
            .filter(|group| group.strategy == Strategy::Affinity)
            .map(|group| {
                let (tokens, saved) = group.live.saved();
                (group.name.clone(), tokens, saved)
            })
            .collect()
    }

    /// When the process began to serve.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.core().started_at
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core().clock.now()
    }

    /// Forgets what has been counted for status pages; what is in progress or rests goes on.
    pub fn reset_status(&self) {
        let core = self.core();
        core.requests.store(0, Ordering::Relaxed);
        core.failovers.store(0, Ordering::Relaxed);
        let catalog = core.catalog();
        for backend in catalog.routes.backends() {
            backend.tally.reset();
        }
        for deployment in catalog.routes.deployments() {
            for lane in deployment.live.lanes() {
                lane.cooldown.reset();
            }
        }
    }

    /// Ends every rest of a backend, or of all: whoever does so knows that it is well again.
    pub fn end_rests(&self, backend: Option<BackendId>) {
        let catalog = self.core().catalog();
        let chosen = |id: BackendId| backend.is_none_or(|wanted| wanted == id);
        for deployment in catalog
            .routes
            .deployments()
            .filter(|d| chosen(d.backend.id))
        {
            deployment.live.breaker.answered();
            for lane in deployment.live.lanes() {
                lane.cooldown.succeeded();
            }
        }
    }
}

fn status(routes: &Routes, backend: &Backend, now: Instant) -> BackendStatus {
    let mut cooldowns = CooldownFigures::default();
    let mut failing = false;
    let mut failing_for = None;
    let mut models = Vec::new();
    for deployment in routes.deployments().filter(|d| d.backend.id == backend.id) {
        models.push(deployment.model.clone());
        let gate = deployment.live.breaker.gate(now);
        failing |= gate != Gate::Closed;
        if let Gate::Open(left) = gate {
            failing_for = Some(failing_for.map_or(left, |least: Duration| least.min(left)));
        }
        for lane in deployment.live.lanes() {
            cooldowns.add(&lane.cooldown.figures(now));
        }
    }
    let rate_limit = backend.settings.rate_limit.map(|limit| {
        let mut window = backend
            .window
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let left = window.left(u64::from(limit.requests.get()), now);
        WindowStatus {
            limit,
            remaining: left.remaining,
            resets_in: left.reset,
        }
    });
    BackendStatus {
        id: backend.id,
        name: backend.name().to_owned(),
        kind: backend.settings.kind,
        base_url: backend.settings.base_url.clone(),
        priority: backend.settings.priority,
        model_mapping: backend.settings.model_mapping.clone(),
        models,
        sums: backend.tally.sums(),
        in_progress: backend.tally.in_progress(),
        waiting: backend
            .concurrency
            .as_ref()
            .map_or(0, |room| room.waiting()),
        skips: backend.tally.skips(),
        cooldowns,
        failing,
        failing_for,
        rate_limit,
    }
}
