//! The routing table: backends with what they serve, groups and rewrites, indexed by the names that
//! clients use. Built at start and again when a backend's own list of models has been read.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, atomic::AtomicUsize},
};

use domain::{BackendId, DeploymentId, Dialect, RateLimits, pricing::PriceSchedule};
use storage::ConfiguredPrice;

use super::{
    group::{Group, GroupLive},
    question::Question,
};
use crate::{
    counters::{
        breaker::Breaker, cooldown::Cooldown, latency::Latency, rates::Rates,
        recent_usage::RecentUsage, room::Room, tally::Tally, window::SlidingWindow,
    },
    providers::Provider,
    settings::{
        BackendKind, BackendSettings, GroupSettings, RewriteSettings, RoutingSettings, Service, Via,
    },
};

/// One upstream endpoint, with the state that outlives a rebuild of the table.
pub struct Backend {
    pub id: BackendId,
    pub settings: BackendSettings,
    pub provider: Arc<Provider>,
    /// Attempts within the configured rate limit's window.
    pub window: Arc<Mutex<SlidingWindow>>,
    /// What its other limits count.
    pub rates: Arc<Rates>,
    /// Attempts at once; `None`: as many as there are.
    pub concurrency: Option<Arc<Room>>,
    pub tally: Arc<Tally>,
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("id", &self.id)
            .field("name", &self.settings.name)
            .finish_non_exhaustive()
    }
}

impl Backend {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }
}

/// A backend, an upstream model and its price.
#[derive(Clone, Debug)]
pub struct Deployment {
    pub id: DeploymentId,
    pub backend: Arc<Backend>,
    /// As it is sent upstream.
    pub model: String,
    /// Empty: unpriced, which the backend allows.
    pub prices: PriceSchedule,
    /// What the configuration says of it; an admin's prices come before these.
    pub configured_prices: Vec<ConfiguredPrice>,
    pub aliases: Vec<String>,
    /// Of Bedrock's APIs.
    pub via: Via,
    /// The most tokens that the model answers with; `None`: not known.
    pub max_output_tokens: Option<u64>,
    pub limits: RateLimits,
    pub live: Arc<Live>,
    /// Nobody names it but clients who asked for it, of a backend that takes any model.
    pub offered: bool,
}

/// What changes with every call of a deployment. It outlives a rebuild of the table.
#[derive(Debug)]
pub struct Live {
    pub rates: Arc<Rates>,
    pub breaker: Arc<Breaker>,
    pub latency: Arc<Latency>,
    /// Which lane is next.
    pub turn: AtomicUsize,
    /// One for each credential of the backend; one where it has none.
    lanes: Vec<Arc<Lane>>,
}

/// A deployment by one of its backend's credentials: what quotas and caches of providers belong to.
#[derive(Debug, Default)]
pub struct Lane {
    pub cooldown: Cooldown,
    pub usage: RecentUsage,
}

impl Live {
    #[must_use]
    pub fn new(credentials: usize) -> Self {
        Self {
            rates: Arc::default(),
            breaker: Arc::default(),
            latency: Arc::default(),
            turn: AtomicUsize::new(0),
            lanes: std::iter::repeat_with(Arc::default)
                .take(credentials.max(1))
                .collect(),
        }
    }

    /// The same with other lanes, of which `known` go on.
    #[must_use]
    pub fn with_lanes(&self, known: impl Iterator<Item = Option<Arc<Lane>>>) -> Self {
        let mut lanes: Vec<Arc<Lane>> = known.map(Option::unwrap_or_default).collect();
        if lanes.is_empty() {
            lanes.push(Arc::default());
        }
        Self {
            rates: Arc::clone(&self.rates),
            breaker: Arc::clone(&self.breaker),
            latency: Arc::clone(&self.latency),
            turn: AtomicUsize::new(0),
            lanes,
        }
    }

    #[must_use]
    pub fn lanes(&self) -> &[Arc<Lane>] {
        &self.lanes
    }

    /// # Panics
    /// Where there is no such lane; lanes are numbered by those who walk over [`Self::lanes`].
    #[must_use]
    pub fn lane(&self, number: usize) -> &Lane {
        &self.lanes[number]
    }
}

impl Deployment {
    /// The same deployment at other prices; its counters go on.
    #[must_use]
    pub fn with_prices(&self, prices: PriceSchedule) -> Self {
        Self {
            prices,
            ..self.clone()
        }
    }

    /// Whether its use can be billed, or need not be.
    #[must_use]
    pub fn usable(&self) -> bool {
        !self.prices.is_empty() || self.backend.settings.allow_unpriced
    }

    /// Whether its backend speaks `dialect` itself.
    #[must_use]
    pub fn is_native(&self, dialect: Dialect) -> bool {
        self.backend.settings.kind.serves(dialect) == Some(Service::Native)
    }

    /// Whether clients of `dialect` can be served, in their own dialect only if `untranslated`.
    #[must_use]
    pub fn serves(&self, dialect: Dialect, untranslated: bool) -> bool {
        match self.backend.settings.kind.serves(dialect) {
            // Converse is a dialect of its own.
            Some(Service::Native)
                if self.backend.settings.kind == BackendKind::Bedrock
                    && self.via == Via::Converse =>
            {
                !untranslated
            }
            Some(Service::Native) => true,
            Some(Service::Translated) => !untranslated,
            None => false,
        }
    }
}

/// The table.
#[derive(Debug, Default)]
pub struct Routes {
    backends: Vec<Arc<Backend>>,
    groups: BTreeMap<String, Arc<Group>>,
    /// Alias or mapped name → deployments, best priority first.
    aliases: BTreeMap<String, Vec<Arc<Deployment>>>,
    /// Upstream model → deployments, best priority first.
    models: BTreeMap<String, Vec<Arc<Deployment>>>,
    forced: HashMap<String, String>,
    unforced: HashMap<String, String>,
    pub routing: Arc<RoutingSettings>,
}

impl Routes {
    /// Builds the table.
    #[must_use]
    pub fn build(
        backends: &[Arc<Backend>],
        deployments: Vec<Arc<Deployment>>,
        groups: &[(GroupSettings, Arc<GroupLive>)],
        rewrites: &[RewriteSettings],
        routing: Arc<RoutingSettings>,
    ) -> Self {
        let mut routes = Self {
            backends: backends.to_vec(),
            routing,
            ..Self::default()
        };
        let mut by_priority = deployments;
        by_priority.sort_by_key(|d| d.backend.settings.priority);
        for deployment in &by_priority {
            let backend = &deployment.backend;
            let names = deployment.aliases.iter().chain(
                backend
                    .settings
                    .model_mapping
                    .iter()
                    .filter(|(_, sent)| **sent == deployment.model)
                    .map(|(asked, _)| asked),
            );
            for name in names.collect::<BTreeSet<_>>() {
                routes
                    .aliases
                    .entry(name.clone())
                    .or_default()
                    .push(Arc::clone(deployment));
            }
            routes
                .models
                .entry(deployment.model.clone())
                .or_default()
                .push(Arc::clone(deployment));
        }
        for (settings, live) in groups {
            let group = Group::build(settings, Arc::clone(live), |backend, model| {
                routes.on_backend(backend, model).cloned()
            });
            routes.groups.insert(settings.name.clone(), Arc::new(group));
        }
        for rewrite in rewrites {
            let table = if rewrite.force {
                &mut routes.forced
            } else {
                &mut routes.unforced
            };
            table.insert(rewrite.source.clone(), rewrite.target.clone());
        }
        routes
    }

    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Arc<Group>> {
        self.groups.get(name)
    }

    /// Deployments that go by `name` as an alias or a mapped name.
    #[must_use]
    pub fn by_alias(&self, name: &str) -> &[Arc<Deployment>] {
        self.aliases.get(name).map_or(&[], Vec::as_slice)
    }

    /// Deployments whose upstream model is `name`.
    #[must_use]
    pub fn by_model(&self, name: &str) -> &[Arc<Deployment>] {
        self.models.get(name).map_or(&[], Vec::as_slice)
    }

    /// The deployment of one backend that goes by `model`.
    #[must_use]
    pub fn on_backend(&self, backend: &str, model: &str) -> Option<&Arc<Deployment>> {
        let here = |d: &&Arc<Deployment>| d.backend.name() == backend;
        self.by_model(model)
            .iter()
            .find(here)
            .or_else(|| self.by_alias(model).iter().find(here))
    }

    /// All backends, in the order of the configuration.
    pub fn backends(&self) -> impl Iterator<Item = &Arc<Backend>> {
        self.backends.iter()
    }

    #[must_use]
    pub fn backend(&self, id: BackendId) -> Option<&Arc<Backend>> {
        self.backends.iter().find(|backend| backend.id == id)
    }

    /// Whether some backend takes any model's name.
    #[must_use]
    pub fn takes_any(&self) -> bool {
        self.backends.iter().any(|b| b.settings.any_model)
    }

    /// Backends that take any model and would be asked for `name`, but have not been yet; with the name
    /// that they are sent.
    #[must_use]
    pub fn not_offered(&self, name: &str, question: &Question<'_>) -> Vec<(BackendId, String)> {
        let takes = |service: Service| {
            let of_service = move |b: &&Arc<Backend>| {
                let kind = b.settings.kind;
                b.settings.any_model
                    && kind.serves(question.dialect) == Some(service)
                    && question.caller.may_reach(b.name())
            };
            self.backends.iter().filter(of_service)
        };
        // What some backend is known to have is nothing that nobody names.
        let mut named = self.by_alias(name).iter().chain(self.by_model(name));
        if named.any(|d| !d.backend.settings.any_model) {
            return Vec::new();
        }
        // Who speaks the dialect knows the model; others only where nobody does.
        let native = takes(Service::Native);
        let chosen: Vec<&Arc<Backend>> = match takes(Service::Native).next() {
            Some(_) => native.collect(),
            None if question.untranslated => Vec::new(),
            None => takes(Service::Translated).collect(),
        };
        let (prefix, rest) = name.split_once('/').unwrap_or((name, ""));
        let own = chosen
            .iter()
            .filter(|b| !rest.is_empty() && b.name() == prefix);
        let own: Vec<_> = own.map(|b| (*b, rest)).collect();
        let asked = match own.is_empty() {
            true => chosen.into_iter().map(|b| (b, name)).collect(),
            false => own,
        };
        asked
            .into_iter()
            .map(|(b, name)| {
                let mapped = b.settings.model_mapping.get(name);
                (b, mapped.map_or(name, String::as_str))
            })
            .filter(|(b, model)| self.on_backend(b.name(), model).is_none())
            .map(|(b, model)| (b.id, model.to_owned()))
            .collect()
    }

    /// All groups, by name.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.groups.values()
    }

    #[must_use]
    pub fn forced_rewrite(&self, name: &str) -> Option<&str> {
        self.forced.get(name).map(String::as_str)
    }

    #[must_use]
    pub fn unforced_rewrite(&self, name: &str) -> Option<&str> {
        self.unforced.get(name).map(String::as_str)
    }

    /// Every name that a client may ask for, once, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        // What somebody once asked for is not news for others.
        let listed = self
            .models
            .iter()
            .filter(|(_, all)| all.iter().any(|d| !d.offered));
        let listed = listed.map(|(name, _)| name);
        let names: BTreeSet<&str> = self
            .groups
            .keys()
            .chain(self.aliases.keys())
            .chain(listed)
            .chain(self.forced.keys())
            .chain(self.unforced.keys())
            .map(String::as_str)
            .collect();
        names.into_iter()
    }

    /// All deployments, in no particular order.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.models.values().flatten()
    }
}
