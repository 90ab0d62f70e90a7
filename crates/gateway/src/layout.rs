//! What the snapshots of routes are built from: the configured backends, groups and rewrites, and the
//! models that backends turned out to have. It changes when the configuration is read again, when a
//! backend is asked for its models, and when prices change; whatever counts goes on through all of it.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{BackendId, DeploymentId, Timestamp, clock::Clock};
use secrecy::{ExposeSecret as _, SecretString};
use storage::{
    BackendRecord, ConfiguredPrice, Database, DeploymentRecord, StorageError, SyncedDeployment,
};

use crate::{
    counters::{room::Room, window::SlidingWindow},
    discovery,
    pipeline::{DiscoverError, Gateway, StartError},
    providers::Provider,
    route::{
        Backend, Deployment, Question, Routes, group::GroupLive, resolve::end_of_rewrites,
        table::Live,
    },
    settings::{
        BackendKind, BackendSettings, GroupSettings, ModelSettings, RateLimit, RewriteSettings,
        RouteSettings, RoutingSettings, Strategy, Via,
    },
};

/// Models of one backend that only clients have named; a client cannot fill the memory with names.
const MAX_OFFERED: usize = 1_000;

/// Knows what a model costs and how much it says, by the backend's kind and address and the model's name.
pub type DescribeModel = fn(BackendKind, &str, &str) -> ModelFacts;

type Deployments = HashMap<BackendId, Vec<Arc<Deployment>>>;

/// Held by whoever rebuilds the snapshot, from reading the database to publishing what was read, so
/// that a slow rebuild never replaces a newer one.
#[derive(Debug, Default)]
pub struct Layout {
    backends: Vec<Arc<Backend>>,
    groups: Vec<(GroupSettings, Arc<GroupLive>)>,
    rewrites: Vec<RewriteSettings>,
    routing: Arc<RoutingSettings>,
    deployments: Deployments,
}

impl Layout {
    /// The layout that `settings` describe, with what goes on of `before`.
    pub(crate) async fn new(
        settings: RouteSettings,
        before: &Self,
        database: &Database,
        now: Timestamp,
    ) -> Result<Self, StartError> {
        let records: Vec<BackendRecord> = settings.backends.iter().map(record_of).collect();
        let mut backends = Vec::with_capacity(settings.backends.len());
        for backend in settings.backends {
            // Whatever cannot be used is found before anything is written.
            let known = before.backends.iter().find(|b| b.name() == backend.name);
            backends.push(renew(backend, known)?);
        }
        let synced = database.sync_backends(&records, now).await?;
        let mut layout = Self {
            groups: groups(settings.groups, before),
            rewrites: settings.rewrites,
            routing: Arc::new(settings.routing),
            ..Self::default()
        };
        for backend in backends {
            let name = backend.name();
            let known = synced.iter().find(|s| s.name == name);
            let known = known.ok_or_else(|| StartError::Unsynced(name.to_owned()))?;
            let backend = backend.with_id(known.id);
            let former = before.backends.iter().find(|b| b.id == known.id);
            let same = former.is_some_and(|b| same_upstream(&b.settings, &backend.settings));
            let former: &[Arc<Deployment>] = before
                .deployments
                .get(&known.id)
                .filter(|_| same)
                .map_or(&[], Vec::as_slice);
            let mut here = Vec::new();
            // What it told of itself, or was asked for, and not what a file named before.
            let told = |d: &&Arc<Deployment>| {
                let listed = d.backend.settings.models.is_empty();
                match d.offered {
                    true => backend.settings.any_model,
                    false => listed && backend.settings.models.is_empty(),
                }
            };
            for deployment in former.iter().filter(told) {
                let (model, prices) = (&deployment.model, &deployment.configured_prices);
                let synced = database
                    .ensure_deployment(backend.id, model, prices, now)
                    .await?;
                here.push(Arc::new(Deployment {
                    backend: Arc::clone(&backend),
                    prices: synced.prices,
                    live: live(&backend, model, former),
                    ..Deployment::clone(deployment)
                }));
            }
            for model in &backend.settings.models {
                here.retain(|d| d.model != model.model);
                if let Some(known) = known.deployments.iter().find(|d| d.model == model.model) {
                    let live = live(&backend, &model.model, former);
                    here.push(deployment(&backend, known, model.clone(), live));
                }
            }
            layout.deployments.insert(known.id, here);
            layout.backends.push(backend);
        }
        Ok(layout)
    }

    /// Goes on from what lanes were used before the process started.
    pub(crate) async fn remember_usage(
        &self,
        database: &Database,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        const DAY_MS: i64 = 24 * 3_600_000;
        // Nobody else asks for it, and a day of rows may be many.
        let asks = |(group, _): &(GroupSettings, _)| group.strategy == Strategy::LeastUsage;
        if !self.groups.iter().any(asks) {
            return Ok(());
        }
        let by_id: HashMap<DeploymentId, &Arc<Deployment>> = self
            .deployments
            .values()
            .flatten()
            .map(|d| (d.id, d))
            .collect();
        for used in database.usage_by_lane(Timestamp(now.0 - DAY_MS)).await? {
            let lanes = by_id.get(&used.deployment).map(|d| d.live.lanes());
            if let Some(lane) = lanes.and_then(|lanes| lanes.get(used.credential)) {
                lane.usage.add(used.tokens, used.hour);
            }
        }
        Ok(())
    }

    /// The routes as they are now.
    pub(crate) fn routes(&self) -> Routes {
        let in_order = self
            .backends
            .iter()
            .filter_map(|backend| self.deployments.get(&backend.id))
            .flatten()
            .cloned()
            .collect();
        Routes::build(
            &self.backends,
            in_order,
            &self.groups,
            &self.rewrites,
            Arc::clone(&self.routing),
        )
    }
}

impl Gateway {
    /// Takes over other backends, groups and rewrites. When this returns, every later request sees them;
    /// those that are running end as they began.
    ///
    /// # Errors
    /// See [`StartError`]; everything stays as it was then.
    pub async fn reconfigure(&self, settings: RouteSettings) -> Result<(), StartError> {
        let core = self.core();
        let mut layout = core.layout.lock().await;
        let now = core.clock.now();
        *layout = Layout::new(settings, &layout, &core.database, now).await?;
        core.publish(layout.routes());
        core.reconfigured.notify_waiters();
        Ok(())
    }

    /// Resolves when the backends have been changed the next time.
    pub fn reconfigured(&self) -> tokio::sync::futures::Notified<'_> {
        self.core().reconfigured.notified()
    }

    /// The backends whose own list of models is to be asked for, by id and name.
    #[must_use]
    pub fn to_discover(&self) -> Vec<(BackendId, String)> {
        let catalog = self.core().catalog();
        catalog
            .routes
            .backends()
            .filter(|b| b.settings.models.is_empty() && b.settings.kind != BackendKind::Bedrock)
            .map(|b| (b.id, b.name().to_owned()))
            .collect()
    }

    /// Asks a backend for its models and offers them.
    ///
    /// # Errors
    /// When the backend does not tell; what it offered before stays.
    pub async fn discover(
        &self,
        client: &reqwest::Client,
        id: BackendId,
    ) -> Result<usize, DiscoverError> {
        let core = self.core();
        let describe = core.describe;
        let asked = core.catalog().routes.backend(id).cloned();
        let Some(asked) = asked else {
            return Ok(0);
        };
        let models = discovery::models_of(client, &asked.settings).await?;
        let mut layout = core.layout.lock().await;
        // It may have been configured anew meanwhile.
        let backend = layout.backends.iter().find(|b| b.id == id).cloned();
        let same = |b: &Arc<Backend>| {
            b.settings.models.is_empty() && same_upstream(&b.settings, &asked.settings)
        };
        let Some(backend) = backend.filter(same) else {
            return Ok(0);
        };
        let former = layout.deployments.remove(&id).unwrap_or_default();
        let found = offer(
            &core.database,
            &*core.clock,
            &backend,
            models,
            &former,
            describe,
        )
        .await;
        let (found, result) = match found {
            Ok(mut found) => {
                let count = found.len();
                // What clients asked for may be there although the list does not name it.
                let listed = |d: &Arc<Deployment>| found.iter().any(|f| f.model == d.model);
                let others = former.iter().filter(|d| d.offered && !listed(d));
                let others: Vec<_> = others.cloned().collect();
                found.extend(others);
                (found, Ok(count))
            }
            Err(error) => (former, Err(error.into())),
        };
        layout.deployments.insert(id, found);
        core.publish(layout.routes());
        result
    }

    /// Offers what is asked for by the backends that take any model and have not been asked for it yet.
    /// `true`: there are new routes.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn offer_any(&self, question: &Question<'_>) -> Result<bool, StorageError> {
        let core = self.core();
        let missing = |routes: &Routes| -> Vec<(BackendId, String)> {
            if !routes.takes_any() {
                return Vec::new();
            }
            let names = question.asked.split('|').map(str::trim);
            let allowed = names.filter(|n| !n.is_empty() && question.caller.may_use(n));
            let mut found = Vec::new();
            for name in allowed {
                let end = end_of_rewrites(routes, name);
                // Groups have members of their own.
                if routes.group(end).is_none() {
                    found.extend(routes.not_offered(end, question));
                }
            }
            // Two names may come down to one model.
            found.sort_unstable();
            found.dedup();
            found
        };
        if missing(&core.catalog().routes).is_empty() {
            return Ok(false);
        }
        let mut layout = core.layout.lock().await;
        // Somebody else may have asked for the same meanwhile.
        let missing = missing(&core.catalog().routes);
        for (id, model) in &missing {
            let Some(backend) = layout.backends.iter().find(|b| b.id == *id).cloned() else {
                continue;
            };
            let (database, clock, describe) = (&core.database, &*core.clock, core.describe);
            let one = vec![model.clone()];
            let new = offer(database, clock, &backend, one, &[], describe).await?;
            let here = layout.deployments.entry(*id).or_default();
            if here.iter().filter(|d| d.offered).count() >= MAX_OFFERED
                && let Some(oldest) = here.iter().position(|d| d.offered)
            {
                here.remove(oldest);
            }
            here.extend(new.into_iter().map(|deployment| {
                Arc::new(Deployment {
                    offered: true,
                    ..Deployment::clone(&deployment)
                })
            }));
        }
        if !missing.is_empty() {
            core.publish(layout.routes());
        }
        Ok(!missing.is_empty())
    }

    /// Reads prices anew. When this returns, every later request is billed by them.
    ///
    /// # Errors
    /// When the database fails; prices stay as they were.
    pub async fn reload_prices(&self) -> Result<(), StorageError> {
        let core = self.core();
        let mut layout = core.layout.lock().await;
        let mut renewed = Deployments::with_capacity(layout.deployments.len());
        for (backend, deployments) in &layout.deployments {
            for deployment in deployments {
                let (model, now) = (&deployment.model, core.clock.now());
                let known = core
                    .database
                    .ensure_deployment(*backend, model, &deployment.configured_prices, now)
                    .await?;
                let deployment = Arc::new(deployment.with_prices(known.prices));
                renewed.entry(*backend).or_default().push(deployment);
            }
        }
        layout.deployments = renewed;
        core.publish(layout.routes());
        Ok(())
    }
}

/// What is known of a model that a backend turned out to serve.
#[derive(Clone, Debug, Default)]
pub struct ModelFacts {
    /// Empty: not known.
    pub prices: Vec<ConfiguredPrice>,
    /// `None`: not known.
    pub max_output_tokens: Option<u64>,
}

async fn offer(
    database: &Database,
    clock: &dyn Clock,
    backend: &Arc<Backend>,
    models: Vec<String>,
    former: &[Arc<Deployment>],
    describe: DescribeModel,
) -> Result<Vec<Arc<Deployment>>, StorageError> {
    let mut found = Vec::with_capacity(models.len());
    for model in models {
        let ModelFacts {
            prices,
            max_output_tokens,
        } = describe(backend.settings.kind, &backend.settings.base_url, &model);
        let known = database
            .ensure_deployment(backend.id, &model, &prices, clock.now())
            .await?;
        let live = live(backend, &model, former);
        let settings = ModelSettings {
            model,
            aliases: Vec::new(),
            prices,
            limits: Default::default(),
            via: None,
            max_output_tokens,
        };
        found.push(deployment(backend, &known, settings, live));
    }
    Ok(found)
}

fn groups(settings: Vec<GroupSettings>, before: &Layout) -> Vec<(GroupSettings, Arc<GroupLive>)> {
    settings
        .into_iter()
        .map(|group| {
            let former = before.groups.iter().find(|(g, _)| g.name == group.name);
            let live = former.map_or_else(Arc::default, |(_, live)| Arc::clone(live));
            (group, live)
        })
        .collect()
}

fn record_of(backend: &BackendSettings) -> BackendRecord {
    BackendRecord {
        name: backend.name.clone(),
        kind: backend.kind.as_str().to_owned(),
        base_url: (!backend.base_url.is_empty()).then(|| backend.base_url.clone()),
        deployments: backend
            .models
            .iter()
            .map(|model| DeploymentRecord {
                model: model.model.clone(),
                prices: model.prices.clone(),
            })
            .collect(),
    }
}

/// A backend that has no id yet.
struct Nameless(Backend);

impl Nameless {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn with_id(self, id: BackendId) -> Arc<Backend> {
        Arc::new(Backend { id, ..self.0 })
    }
}

/// A backend by its settings, with the counters of the one that went by its name before.
fn renew(settings: BackendSettings, former: Option<&Arc<Backend>>) -> Result<Nameless, StartError> {
    let provider = match former {
        // Connections stay open where nothing about them has changed.
        Some(former) if same_upstream(&former.settings, &settings) => Arc::clone(&former.provider),
        _ => {
            let provider = Provider::new(&settings).map_err(|source| StartError::Egress {
                backend: settings.name.clone(),
                source,
            })?;
            Arc::new(provider)
        }
    };
    let window_of = |limit: Option<RateLimit>| {
        limit.map_or(Duration::from_secs(60), |RateLimit { window, .. }| window)
    };
    let window = window_of(settings.rate_limit);
    let concurrency = settings
        .max_concurrent
        .map(|limit: NonZeroU32| Arc::new(Room::new(limit.get() as usize)));
    let backend = match former {
        None => Backend {
            id: BackendId(0),
            provider,
            window: Arc::new(Mutex::new(SlidingWindow::new(window))),
            rates: Arc::default(),
            concurrency,
            tally: Arc::default(),
            settings,
        },
        Some(former) => Backend {
            id: former.id,
            provider,
            window: match window_of(former.settings.rate_limit) == window {
                true => Arc::clone(&former.window),
                false => Arc::new(Mutex::new(SlidingWindow::new(window))),
            },
            rates: Arc::clone(&former.rates),
            concurrency: match former.settings.max_concurrent == settings.max_concurrent {
                true => former.concurrency.clone(),
                false => concurrency,
            },
            tally: Arc::clone(&former.tally),
            settings,
        },
    };
    Ok(Nameless(backend))
}

/// Whether a provider for the one serves for the other.
fn same_upstream(a: &BackendSettings, b: &BackendSettings) -> bool {
    a.kind == b.kind
        && a.base_url == b.base_url
        && a.bedrock == b.bedrock
        && a.timeouts.connect == b.timeouts.connect
}

/// The counters of a model; those of keys that the backend still has go on as well.
fn live(backend: &Backend, model: &str, former: &[Arc<Deployment>]) -> Arc<Live> {
    let keys = &backend.settings.api_keys;
    let Some(former) = former.iter().find(|former| former.model == model) else {
        return Arc::new(Live::new(keys.len()));
    };
    let known = &former.backend.settings.api_keys;
    let exposed = |keys: &[SecretString]| -> Vec<String> {
        keys.iter().map(|k| k.expose_secret().to_owned()).collect()
    };
    let (now, before) = (exposed(keys), exposed(known));
    if now == before {
        return Arc::clone(&former.live);
    }
    let lanes = now.iter().map(|key| {
        let at = before.iter().position(|known| known == key)?;
        former.live.lanes().get(at).cloned()
    });
    Arc::new(former.live.with_lanes(lanes))
}

fn deployment(
    backend: &Arc<Backend>,
    known: &SyncedDeployment,
    model: ModelSettings,
    live: Arc<Live>,
) -> Arc<Deployment> {
    Arc::new(Deployment {
        id: known.id,
        backend: Arc::clone(backend),
        via: model.via.unwrap_or_else(|| Via::of_model(&model.model)),
        max_output_tokens: model.max_output_tokens,
        model: model.model,
        prices: known.prices.clone(),
        configured_prices: model.prices,
        limits: model.limits,
        aliases: model.aliases,
        live,
        offered: false,
    })
}
