//! What happens in the background, at fixed intervals, for as long as the server runs.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{BackendId, Timestamp, clock::Clock};
use gateway::{Gateway, egress, idempotency::KEPT_FOR_MS};
use storage::Database;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

const LAST_USED_EVERY: Duration = Duration::from_secs(5);
const EXPIRE_SESSIONS_EVERY: Duration = Duration::from_secs(3600);
const FORGET_EVERY: Duration = Duration::from_secs(600);
const DISCOVER_EVERY: Duration = Duration::from_secs(3600);
/// After a failure; a backend may be starting beside us.
const DISCOVER_AGAIN_AFTER: Duration = Duration::from_secs(15);

/// Starts the jobs; they end when the set is dropped.
pub fn start(gateway: &Gateway, database: &Database, clock: &Arc<dyn Clock>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
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
