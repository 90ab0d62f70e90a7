//! What happens in the background, at fixed intervals, for as long as the server runs.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use domain::{BackendId, Timestamp, clock::Clock};
use gateway::{Gateway, egress, idempotency::KEPT_FOR_MS};
use storage::Database;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{config::LogFilesConfig, log_files};

const LAST_USED_EVERY: Duration = Duration::from_secs(5);
const EXPIRE_SESSIONS_EVERY: Duration = Duration::from_secs(3600);
const FORGET_EVERY: Duration = Duration::from_secs(600);
const TIDY_EVERY: Duration = Duration::from_secs(3600);
const SUMMARISE_EVERY: Duration = Duration::from_secs(60);
const DISCOVER_EVERY: Duration = Duration::from_secs(3600);
/// After a failure; a backend may be starting beside us.
const DISCOVER_AGAIN_AFTER: Duration = Duration::from_secs(15);

/// Starts the jobs; they end when the set is dropped.
pub fn start(
    gateway: &Gateway,
    database: &Database,
    clock: &Arc<dyn Clock>,
    log_files: Option<LogFilesConfig>,
) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    if let Some(files) = log_files {
        jobs.spawn(tidy_log_files(files, Arc::clone(clock)));
        jobs.spawn(summarise(gateway.clone()));
    }
    jobs.spawn(last_used(gateway.clone(), database.clone()));
    jobs.spawn(expire_sessions(database.clone(), Arc::clone(clock)));
    jobs.spawn(forget(database.clone(), Arc::clone(clock)));
    jobs.spawn(discover(gateway.clone()));
    jobs
}

/// Writes down when keys were used last; also called once at the end.
pub async fn flush_last_used(gateway: &Gateway, database: &Database) {
    let used = gateway.take_last_used();
    if used.is_empty() {
        return;
    }
    if let Err(error) = database.touch_keys(&used).await {
        tracing::warn!(error = %error, keys = used.len(), "failed to write when keys were used last");
    }
}

async fn last_used(gateway: Gateway, database: Database) {
    let mut ticks = interval(LAST_USED_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        flush_last_used(&gateway, &database).await;
    }
}

async fn expire_sessions(database: Database, clock: Arc<dyn Clock>) {
    let mut ticks = interval(EXPIRE_SESSIONS_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = database.delete_expired_sessions(clock.now()).await {
            tracing::warn!(error = %error, "failed to delete expired sessions");
        }
    }
}

async fn tidy_log_files(files: LogFilesConfig, clock: Arc<dyn Clock>) {
    let mut ticks = interval(TIDY_EVERY);
    loop {
        ticks.tick().await;
        let files = files.clone();
        let millis = u64::try_from(clock.now().0).unwrap_or(0);
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let tidied = tokio::task::spawn_blocking(move || log_files::tidy(&files, now));
        if let Ok(Err(error)) = tidied.await {
            tracing::warn!(error = %error, "failed to tidy up the log files");
        }
    }
}

/// One line a minute for whoever watches the console while the details go to files.
async fn summarise(gateway: Gateway) {
    let mut ticks = interval(SUMMARISE_EVERY);
    ticks.tick().await;
    let sums = || {
        let sums = gateway.backends().into_iter().map(|backend| backend.sums);
        sums.fold((0, 0, 0, 0), |(calls, failed, input, output), sums| {
            (
                calls + sums.calls,
                failed + sums.failed,
                input + sums.usage.total_input(),
                output + sums.usage.output,
            )
        })
    };
    let mut before = sums();
    loop {
        ticks.tick().await;
        let now = sums();
        // Less than before: somebody has reset the statistics.
        if now.0 > before.0 {
            tracing::info!(
                calls = now.0 - before.0,
                failed = now.1.saturating_sub(before.1),
                input_tokens = now.2.saturating_sub(before.2),
                output_tokens = now.3.saturating_sub(before.3),
                in_flight = gateway.in_flight(),
                "in the last minute"
            );
        }
        before = now;
    }
}

/// Forgets what is kept for some time only.
async fn forget(database: Database, clock: Arc<dyn Clock>) {
    let mut ticks = interval(FORGET_EVERY);
    loop {
        ticks.tick().await;
        let before = Timestamp(clock.now().0 - KEPT_FOR_MS);
        if let Err(error) = database.prune_idempotent_answers(before).await {
            tracing::warn!(error = %error, "failed to forget answers that were kept for repeated requests");
        }
        if let Err(error) = database.prune_minutes(clock.now()).await {
            tracing::warn!(error = %error, "failed to forget what happened in minutes long ago");
        }
    }
}

/// Asks each backend that names no models for its own list, now and again; new ones as soon as they
/// are configured.
async fn discover(gateway: Gateway) {
    let client = match egress::json_client() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(error = %error, "failed to make a client for asking backends for their models");
            return;
        }
    };
    let mut due: HashMap<BackendId, Instant> = HashMap::new();
    let mut asking = JoinSet::new();
    loop {
        // Heard from here on, so that no change is missed while backends are looked through.
        let reconfigured = gateway.reconfigured();
        tokio::pin!(reconfigured);
        reconfigured.as_mut().enable();
        let now = Instant::now();
        let backends = gateway.to_discover();
        due.retain(|id, _| backends.iter().any(|(known, _)| known == id));
        for (id, name) in backends {
            if due.get(&id).is_none_or(|at| *at <= now) {
                // Until it has answered; no backend is asked twice at once.
                due.insert(id, now + DISCOVER_EVERY);
                asking.spawn(ask(gateway.clone(), client.clone(), id, name));
            }
        }
        let next = due.values().min().copied();
        tokio::select! {
            Some(asked) = asking.join_next() => {
                if let Ok((id, pause)) = asked {
                    due.insert(id, Instant::now() + pause);
                }
            }
            () = tokio::time::sleep_until(next.unwrap_or(now + DISCOVER_EVERY)) => {}
            // An address or a key may have changed.
            () = reconfigured => due.clear(),
        }
    }
}

/// Asks one backend, and says when it is to be asked again.
async fn ask(
    gateway: Gateway,
    client: reqwest::Client,
    id: BackendId,
    backend: String,
) -> (BackendId, Duration) {
    match gateway.discover(&client, id).await {
        Ok(models) => {
            tracing::info!(backend, models, "read the backend's list of models");
            (id, DISCOVER_EVERY)
        }
        Err(error) => {
            tracing::warn!(backend, error = %error, "failed to read the backend's list of models; name its models in the configuration if it has none");
            (id, DISCOVER_AGAIN_AFTER)
        }
    }
}
