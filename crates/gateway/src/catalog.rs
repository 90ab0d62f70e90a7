//! The immutable snapshot that a request sees from beginning to end: accounts and routes, swapped as
//! a whole. What changes with every request (spend, windows, cooldowns) is shared between snapshots
//! by reference, so that a swap forgets nothing.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use domain::{BudgetLimits, KeyId, NanoUsd, Timestamp, UserId, budget::BudgetPeriod, period};
use jiff::tz::TimeZone;
use storage::{CatalogRows, Database, StorageError};

use crate::{
    counters::{
        spend::{Forgiven, Spend},
        window::SlidingWindow,
    },
    route::table::Routes,
};

/// A snapshot.
#[derive(Debug)]
pub struct Catalog {
    pub accounts: Arc<Accounts>,
    pub routes: Arc<Routes>,
}

/// Users and keys.
#[derive(Debug, Default)]
pub struct Accounts {
    keys: HashMap<[u8; 32], Arc<KeyEntry>>,
    users: HashMap<UserId, Arc<UserEntry>>,
}

/// A user, as far as the data plane is concerned.
#[derive(Debug)]
pub struct UserEntry {
    pub id: UserId,
    pub name: String,
    pub active: bool,
    pub budget: BudgetLimits,
    pub forgiven: Forgiven,
    pub spend: Arc<Spend>,
}

/// A virtual key and its owner.
#[derive(Debug)]
pub struct KeyEntry {
    pub id: KeyId,
    pub user: Arc<UserEntry>,
    pub active: bool,
    pub expires_at: Option<Timestamp>,
    /// 0 means unlimited.
    pub requests_per_minute: u32,
    /// Empty means all.
    pub allowed_models: Vec<String>,
    pub live: Arc<KeyLive>,
}

/// What changes with every use of a key.
#[derive(Debug)]
pub struct KeyLive {
    pub window: Mutex<SlidingWindow>,
    /// Milliseconds since the epoch; 0: not since the last flush.
    last_used: AtomicI64,
    /// The output of the key's recent calls in tokens: a maximum that fades. Bounds what a call is
    /// expected to cost better than `max_tokens` does.
    learned_output: AtomicU64,
}

impl Default for KeyLive {
    fn default() -> Self {
        Self {
            window: Mutex::new(SlidingWindow::new(crate::admit::rate_limit::WINDOW)),
            last_used: AtomicI64::new(0),
            learned_output: AtomicU64::new(0),
        }
    }
}

impl KeyLive {
    pub fn used(&self, now: Timestamp) {
        self.last_used.fetch_max(now.0, Ordering::Relaxed);
    }

    /// Output tokens that the next call will hardly exceed; `None` before the first.
    #[must_use]
    pub fn learned_output(&self) -> Option<u64> {
        Some(self.learned_output.load(Ordering::Relaxed)).filter(|n| *n > 0)
    }

    pub fn learn_output(&self, tokens: u64) {
        let _ = self
            .learned_output
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |known| {
                Some(tokens.max(known - known / 16))
            });
    }
}

impl Accounts {
    #[must_use]
    pub fn find(&self, hash: &[u8; 32]) -> Option<&Arc<KeyEntry>> {
        self.keys.get(hash)
    }

    /// Reads the accounts anew. Counters of users and keys that were there before are kept; those of
    /// new ones begin at what the ledger says.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load(
        database: &Database,
        before: &Self,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<Self, StorageError> {
        let rows = database.catalog_rows().await?;
        let all_known = rows
            .users
            .iter()
            .all(|user| before.users.contains_key(&user.id));
        let (today, month) = if all_known {
            Default::default()
        } else {
            let today = period::day(now, zone).start;
            let month = period::month(now, zone).start;
            (
                database.spend_since(today).await?.into_iter().collect(),
                database.spend_since(month).await?.into_iter().collect(),
            )
        };
        Ok(Self::build(rows, before, &today, &month, zone, now))
    }

    fn build(
        rows: CatalogRows,
        before: &Self,
        today: &HashMap<UserId, NanoUsd>,
        month: &HashMap<UserId, NanoUsd>,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Self {
        let mut forgiven: HashMap<UserId, Forgiven> = HashMap::new();
        for (user, which, start, amount) in rows.resets {
            let entry = forgiven.entry(user).or_default();
            match which {
                BudgetPeriod::Daily => entry.daily = Some((start, amount)),
                BudgetPeriod::Monthly => entry.monthly = Some((start, amount)),
            }
        }
        let users: HashMap<UserId, Arc<UserEntry>> = rows
            .users
            .into_iter()
            .map(|user| {
                let known = before
                    .users
                    .get(&user.id)
                    .map(|user| Arc::clone(&user.spend));
                let spend = known.unwrap_or_else(|| {
                    let of = |sums: &HashMap<UserId, NanoUsd>| {
                        sums.get(&user.id).copied().unwrap_or_default()
                    };
                    Arc::new(Spend::new(zone.clone(), now, of(today), of(month)))
                });
                let entry = UserEntry {
                    id: user.id,
                    name: user.name,
                    active: user.active,
                    budget: user.budget,
                    forgiven: forgiven.get(&user.id).copied().unwrap_or_default(),
                    spend,
                };
                (user.id, Arc::new(entry))
            })
            .collect();
        let keys = rows
            .keys
            .into_iter()
            .filter_map(|key| {
                let user = Arc::clone(users.get(&key.user_id)?);
                let live = before
                    .keys
                    .get(&key.hash)
                    .map(|known| Arc::clone(&known.live))
                    .unwrap_or_default();
                let entry = KeyEntry {
                    id: key.id,
                    user,
                    active: key.active,
                    expires_at: key.expires_at,
                    requests_per_minute: key.requests_per_minute,
                    allowed_models: key.allowed_models,
                    live,
                };
                Some((key.hash, Arc::new(entry)))
            })
            .collect();
        Self { keys, users }
    }

    /// Which keys were used since this was asked last, and when.
    #[must_use]
    pub fn take_last_used(&self) -> Vec<(KeyId, Timestamp)> {
        self.keys
            .values()
            .filter_map(|key| match key.live.last_used.swap(0, Ordering::Relaxed) {
                0 => None,
                at => Some((key.id, Timestamp(at))),
            })
            .collect()
    }
}
