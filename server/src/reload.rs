//! Reads the configuration again while the router runs: at SIGHUP, when the file has changed, or when an
//! administrator asks for it. The whole file is checked first; one that cannot be used changes
//! nothing, and says why. Running requests end as they began.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use control::{Control, RouteEntry};
use gateway::Gateway;
use serde::Serialize;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

use crate::{
    config::{BackendConfig, BrokenEntry, ConfigErrors, Difference, Document, Loaded, Loader},
    plane::{InForce, stored_entries},
    settings,
};

/// How often it is looked whether the file has changed. Its metadata are asked for, which works in every
/// file system, also where files are replaced behind symbolic links.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Sections that are taken over at once; the others at the next start.
const AT_ONCE: [&str; 5] = ["backends", "groups", "rewrites", "routing", "demo"];

/// Reads the configuration again. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reloader(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    loader: Loader,
    gateway: Gateway,
    control: Control,
    /// The file in force. Held while anything changes.
    document: tokio::sync::Mutex<Document>,
    /// What is in force, with the file as it was read.
    in_force: RwLock<(Loader, InForce)>,
    last: Mutex<Option<LastReload>>,
}

/// How the last attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastReload {
    pub ok: bool,
    /// What was wrong; empty if nothing was.
    pub problems: Vec<String>,
}

/// What a reload did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// The file that was read; `None`: there is none.
    pub file: Option<PathBuf>,
    pub changed: Vec<Difference>,
    /// Keys among these that take effect at the next start only.
    pub at_next_start: Vec<String>,
    pub warnings: Vec<String>,
}

/// Why everything stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    #[error("the configuration file is empty")]
    Empty,
    #[error("{0}")]
    Start(#[from] gateway::pipeline::StartError),
    #[error("{0}")]
    Control(#[from] control::ControlError),
}

impl Reloader {
    #[must_use]
    pub fn new(loaded: Loaded, stored: &[RouteEntry], gateway: Gateway, control: Control) -> Self {
        let in_force = in_force(&loaded, stored);
        let (loader, document) = (loaded.loader, loaded.document);
        Self(Arc::new(Inner {
            loader,
            in_force: RwLock::new(in_force),
            gateway,
            control,
            document: tokio::sync::Mutex::new(document),
            last: Mutex::new(None),
        }))
    }

    /// Reads the file and takes over what has changed; only tells it with `dry_run`.
    ///
    /// # Errors
    /// The configuration cannot be used; everything stays as it was.
    pub async fn reload(&self, dry_run: bool) -> Result<Reloaded, ReloadError> {
        let result = self.try_reload(dry_run).await;
        if !dry_run {
            let problems = match &result {
                Ok(_) => Vec::new(),
                Err(error) => error.to_string().lines().map(str::to_owned).collect(),
            };
            let ok = result.is_ok();
            *self.last_place() = Some(LastReload { ok, problems });
        }
        result
    }

    async fn try_reload(&self, dry_run: bool) -> Result<Reloaded, ReloadError> {
        let inner = &self.0;
        // One at a time, so that the last file that was read is the one in force.
        let mut document = inner.document.lock().await;
        let stored = inner.control.stored_routes().await?;
        let loaded = inner.loader.load_with(&stored_entries(&stored))?;
        if loaded.document.is_empty() && !document.is_empty() {
            return Err(ReloadError::Empty);
        }
        let changed = document.differences(&loaded.document);
        let keys = changed.iter().map(|difference| difference.key.as_str());
        let at_next_start = keys
            .filter(|key| !AT_ONCE.contains(&section(key)) && !is_key(key))
            .map(str::to_owned)
            .collect();
        let reloaded = Reloaded {
            file: loaded.source.clone(),
            changed,
            at_next_start,
            warnings: loaded.warnings.clone(),
        };
        if dry_run {
            return Ok(reloaded);
        }
        // First what may be refused by what the database holds.
        let keys = loaded.config.auth.key_pairs();
        inner.control.sync_environment_keys(&keys).await?;
        let routes = settings::route_settings(&loaded.config);
        inner.gateway.reconfigure(routes).await?;
        self.put_into_force(in_force(&loaded, &stored));
        *document = loaded.document;
        Ok(reloaded)
    }

    /// Takes over what administrators have made, beside the file as it was read last.
    ///
    /// # Errors
    /// The database failed; everything stays as it was.
    pub async fn apply_stored(&self) -> Result<(), ReloadError> {
        let inner = &self.0;
        let _one_at_a_time = inner.document.lock().await;
        let stored = inner.control.stored_routes().await?;
        let loaded = self.loader().load_with(&stored_entries(&stored))?;
        tell_broken(&loaded.broken);
        let routes = settings::route_settings(&loaded.config);
        inner.gateway.reconfigure(routes).await?;
        self.put_into_force(in_force(&loaded, &stored));
        Ok(())
    }

    /// Loads the file as it was read last.
    #[must_use]
    pub fn loader(&self) -> Loader {
        let in_force = self.0.in_force.read();
        in_force.unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// What is in force.
    #[must_use]
    pub fn in_force(&self) -> InForce {
        let in_force = self.0.in_force.read();
        in_force.unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// The backend that an entry describes, as if it were the only one stored; `None`: it cannot be used.
    #[must_use]
    pub fn config_of(&self, entry: &RouteEntry) -> Option<BackendConfig> {
        let loaded = self
            .loader()
            .load_with(&stored_entries(std::slice::from_ref(entry)));
        let config = loaded.ok()?.config;
        config.backends.into_iter().nth(config.stored_from.backends)
    }

    fn put_into_force(&self, new: (Loader, InForce)) {
        let place = self.0.in_force.write();
        *place.unwrap_or_else(PoisonError::into_inner) = new;
    }

    /// How the last attempt ended; `None`: there was none.
    #[must_use]
    pub fn last(&self) -> Option<LastReload> {
        self.last_place().clone()
    }

    fn last_place(&self) -> std::sync::MutexGuard<'_, Option<LastReload>> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reloads at SIGHUP, and when the file has changed.
    pub async fn watch(self, file_too: bool) {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else {
            tracing::error!("cannot listen for SIGHUP");
            return;
        };
        let look = || self.0.loader.file().as_deref().and_then(stamp);
        let mut in_force = look();
        let mut seen = in_force.clone();
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = hangup.recv() => {}
                _ = ticks.tick(), if file_too => {
                    let now = look();
                    // A file that is being written changes again; one that is gone is being replaced.
                    let settled = now == std::mem::replace(&mut seen, now.clone());
                    if now.is_none() || now == in_force || !settled {
                        continue;
                    }
                }
            }
            in_force = look();
            self.reload_and_tell().await;
        }
    }

    async fn reload_and_tell(&self) {
        match self.reload(false).await {
            Ok(reloaded) => {
                for warning in &reloaded.warnings {
                    tracing::warn!("{warning}");
                }
                let changed: Vec<&str> = reloaded.changed.iter().map(|d| d.key.as_str()).collect();
                tracing::info!(
                    changed = changed.join(", "),
                    at_next_start = reloaded.at_next_start.join(", "),
                    "read the configuration again"
                );
            }
            Err(error) => {
                tracing::error!(error = %error, "the configuration cannot be used; everything stays as it was");
            }
        }
    }
}

fn in_force(loaded: &Loaded, stored: &[RouteEntry]) -> (Loader, InForce) {
    let broken = loaded.broken.iter().filter_map(|broken| {
        let problems = broken
            .problems
            .iter()
            .map(|problem| match problem.key.as_str() {
                "" => problem.message.clone(),
                key => format!("{key}: {}", problem.message),
            });
        let why = problems.collect::<Vec<_>>().join("; ");
        Some((stored.get(broken.entry)?.id?, why))
    });
    let in_force = InForce {
        config: loaded.config.clone(),
        broken: broken.collect(),
    };
    (loaded.pinned_loader(), in_force)
}

/// Says in the log what is stored and cannot be used.
pub fn tell_broken(broken: &[BrokenEntry]) {
    for problem in broken.iter().flat_map(|broken| &broken.problems) {
        tracing::error!(
            key = problem.key,
            problem = problem.message,
            "something that was set on a dashboard cannot be used and is left out"
        );
    }
}

/// The section that a key is in.
fn section(key: &str) -> &str {
    key.split(['.', '[']).next().unwrap_or_default()
}

/// The file's own virtual keys are taken over at once, too.
fn is_key(key: &str) -> bool {
    key == "auth.keys"
}

/// What changes when a file does.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    file: u64,
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp {
        modified: metadata.modified().ok(),
        length: metadata.len(),
        file: metadata.ino(),
    })
}
