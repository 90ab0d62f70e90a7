//! What happens in the background, at fixed intervals, for as long as the server runs.

use std::{sync::Arc, time::Duration};

use domain::{BackendId, Timestamp, clock::Clock};
use gateway::{Gateway, egress, idempotency::KEPT_FOR_MS};
use storage::Database;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::prices;

const LAST_USED_EVERY: Duration = Duration::from_secs(5);
const EXPIRE_SESSIONS_EVERY: Duration = Duration::from_secs(3600);
const FORGET_ANSWERS_EVERY: Duration = Duration::from_secs(600);
const DISCOVER_EVERY: Duration = Duration::from_secs(3600);
/// After a failure; a backend may be starting beside us.
const DISCOVER_AGAIN_AFTER: Duration = Duration::from_secs(15);

/// Starts the jobs; they end when the set is dropped.
pub fn start(gateway: &Gateway, database: &Database, clock: &Arc<dyn Clock>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    jobs.spawn(last_used(gateway.clone(), database.clone()));
    jobs.spawn(expire_sessions(database.clone(), Arc::clone(clock)));
    jobs.spawn(forget_answers(database.clone(), Arc::clone(clock)));
    for backend in gateway.to_discover() {
        jobs.spawn(discover(gateway.clone(), backend));
    }
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

async fn forget_answers(database: Database, clock: Arc<dyn Clock>) {
    let mut ticks = interval(FORGET_ANSWERS_EVERY);
    loop {
        ticks.tick().await;
        let before = Timestamp(clock.now().0 - KEPT_FOR_MS);
        if let Err(error) = database.prune_idempotent_answers(before).await {
            tracing::warn!(error = %error, "failed to forget answers that were kept for repeated requests");
        }
    }
}

async fn discover(gateway: Gateway, backend: BackendId) {
    let name = gateway.backend_name(backend).unwrap_or_default().to_owned();
    let client = match egress::json_client() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(error = %error, "failed to make a client for asking backends for their models");
            return;
        }
    };
    loop {
        let described = gateway.discover(&client, backend, prices::of).await;
        let pause = match described {
            Ok(models) => {
                tracing::info!(backend = name, models, "read the backend's list of models");
                DISCOVER_EVERY
            }
            Err(error) => {
                tracing::warn!(backend = name, error = %error, "failed to read the backend's list of models; name its models in the configuration if it has none");
                DISCOVER_AGAIN_AFTER
            }
        };
        tokio::time::sleep(pause).await;
    }
}
