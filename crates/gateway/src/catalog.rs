//! The immutable snapshot that a request sees from beginning to end: accounts and routes, swapped as
//! a whole. What changes with every request (spend, windows, cooldowns) is shared between snapshots
//! by reference, so that a swap forgets nothing.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use domain::{
    BudgetScope, DeploymentId, KeyId, KeyOwner, NanoUsd, RateLimits, TeamId, Timestamp, UserId,
    account::KeyAccess, budget::BudgetPeriod, period, validation,
};
use ipnet::IpNet;
use jiff::tz::TimeZone;
use storage::{CatalogRows, Database, StorageError};

use crate::{
    counters::{
        rates::Rates,
        spend::{Allowance, Budget, EventSink, Forgiven, Spend},
    },
    route::table::Routes,
    scripting::ScriptSet,
};

/// A snapshot.
#[derive(Debug)]
pub struct Catalog {
    pub accounts: Arc<Accounts>,
    pub routes: Arc<Routes>,
    /// `None`: no script is active, and no request loses any time.
    pub scripts: Option<Arc<ScriptSet>>,
}

/// Users, teams and keys.
#[derive(Debug, Default)]
pub struct Accounts {
    /// By the hash of each secret; older secrets of a rotated key with the time until which they work.
    secrets: HashMap<[u8; 32], (Arc<KeyEntry>, Option<Timestamp>)>,
    keys: HashMap<KeyId, Arc<KeyEntry>>,
    owners: HashMap<KeyOwner, Arc<OwnerEntry>>,
}

/// What the snapshots of the accounts are made with.
#[derive(Clone, Debug)]
pub struct AccountSettings {
    pub time_zone: TimeZone,
    /// Requests per minute of a key that has no limit of its own; 0 means unlimited.
    pub default_requests_per_minute: u32,
    /// Users to whom no backend was permitted may use none, and not all.
    pub deny_unpermitted: bool,
    pub events: EventSink,
}

/// A budget and limits, with their counters.
#[derive(Debug)]
pub struct Terms {
    pub allowance: Allowance,
    pub limits: RateLimits,
    pub spend: Arc<Spend>,
    pub rates: Arc<Rates>,
}

impl Terms {
    #[must_use]
    pub fn budget(&self) -> Budget<'_> {
        Budget {
            spend: &self.spend,
            allowance: &self.allowance,
        }
    }
}

/// A user or team, as far as the data plane is concerned.
#[derive(Debug)]
pub struct OwnerEntry {
    pub id: KeyOwner,
    pub name: String,
    /// Of users who have one; for scripts.
    pub email: Option<String>,
    pub active: bool,
    /// Names of the backends that its keys may use; `None`: all.
    pub backends: Option<Vec<String>>,
    pub terms: Terms,
    /// Told whenever a call of this owner has settled: there may be room in a budget again.
    pub settled: Arc<tokio::sync::Notify>,
    /// What stands for a key of this owner on the playground; `None` for teams.
    pub playground: Option<Arc<PlaygroundUse>>,
}

/// What the calls of a user on the playground have in common.
#[derive(Debug)]
pub struct PlaygroundUse {
    limits: RateLimits,
    spend: Arc<Spend>,
    rates: Arc<Rates>,
    live: Arc<KeyLive>,
}

impl OwnerEntry {
    #[must_use]
    pub const fn user_id(&self) -> Option<UserId> {
        match self.id {
            KeyOwner::User(id) => Some(id),
            KeyOwner::Team(_) => None,
        }
    }

    #[must_use]
    pub const fn team_id(&self) -> Option<TeamId> {
        match self.id {
            KeyOwner::Team(id) => Some(id),
            KeyOwner::User(_) => None,
        }
    }
}

/// A virtual key and its owner.
#[derive(Debug)]
pub struct KeyEntry {
    pub id: KeyId,
    pub owner: Arc<OwnerEntry>,
    pub active: bool,
    pub revoked: bool,
    pub expires_at: Option<Timestamp>,
    pub terms: Terms,
    pub access: KeyAccess,
    /// Where clients may come from; empty means anywhere.
    pub addresses: Vec<IpNet>,
    /// For conditions of routes.
    pub tags: Vec<String>,
    pub live: Arc<KeyLive>,
}

/// No key has this id.
const NO_KEY: KeyId = KeyId(0);

/// What changes with every use of a key.
#[derive(Debug, Default)]
pub struct KeyLive {
    /// Milliseconds since the epoch; 0: not since the last flush.
    last_used: AtomicI64,
    /// The output of the key's recent calls in tokens, by deployment: a maximum that fades. Says what
    /// a call will probably cost better than `max_tokens` does.
    learned_output: Mutex<HashMap<DeploymentId, u64>>,
}

/// Deployments for which a key's outputs are remembered; few programs use more.
const MAX_LEARNED: usize = 256;

impl KeyLive {
    pub fn used(&self, now: Timestamp) {
        self.last_used.fetch_max(now.0, Ordering::Relaxed);
    }

    /// Output tokens that the next call will hardly exceed; `None` before the first.
    #[must_use]
    pub fn learned_output(&self, deployment: DeploymentId) -> Option<u64> {
        let learned = self.learned_output.lock();
        let learned = learned.unwrap_or_else(PoisonError::into_inner);
        learned.get(&deployment).copied()
    }

    pub fn learn_output(&self, deployment: DeploymentId, tokens: u64) {
        let learned = self.learned_output.lock();
        let mut learned = learned.unwrap_or_else(PoisonError::into_inner);
        if learned.len() >= MAX_LEARNED && !learned.contains_key(&deployment) {
            learned.clear();
        }
        let known = learned.entry(deployment).or_default();
        *known = tokens.max(*known - known.div_ceil(32)).max(1);
    }
}

/// What was spent by the ledger's account, when the process starts.
#[derive(Debug, Default)]
struct Spent {
    today: HashMap<BudgetScope, NanoUsd>,
    month: HashMap<BudgetScope, NanoUsd>,
}

impl Accounts {
    /// The key that a secret is of; `Some` time: until when it works, since the key was rotated.
    #[must_use]
    pub fn find(&self, hash: &[u8; 32]) -> Option<&(Arc<KeyEntry>, Option<Timestamp>)> {
        self.secrets.get(hash)
    }

    /// Reads the accounts anew. Counters of those that were there before are kept; at the first time
    /// they begin at what the ledger says, and those of whoever comes later at nothing, since ids are
    /// never used again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load(
        database: &Database,
        before: Option<&Self>,
        settings: &AccountSettings,
        now: Timestamp,
    ) -> Result<Self, StorageError> {
        let rows = database.catalog_rows().await?;
        let spent = match before {
            Some(_) => Spent::default(),
            None => {
                let today = period::day(now, &settings.time_zone).start;
                let month = period::month(now, &settings.time_zone).start;
                Spent {
                    today: database.spend_since(today).await?,
                    month: database.spend_since(month).await?,
                }
            }
        };
        let none = Self::default();
        Ok(Self::build(
            rows,
            before.unwrap_or(&none),
            &spent,
            settings,
            now,
        ))
    }

    fn build(
        rows: CatalogRows,
        before: &Self,
        spent: &Spent,
        settings: &AccountSettings,
        now: Timestamp,
    ) -> Self {
        let mut forgiven: HashMap<BudgetScope, Forgiven> = HashMap::new();
        for (scope, which, start, amount) in rows.resets {
            let entry = forgiven.entry(scope).or_default();
            match which {
                BudgetPeriod::Daily => entry.daily = Some((start, amount)),
                BudgetPeriod::Monthly => entry.monthly = Some((start, amount)),
            }
        }
        let terms = |scope: BudgetScope, known: Option<&Terms>, budget, limits| {
            let of = |sums: &HashMap<BudgetScope, NanoUsd>| {
                sums.get(&scope).copied().unwrap_or_default()
            };
            let allowance = Allowance {
                limits: budget,
                forgiven: forgiven.get(&scope).copied().unwrap_or_default(),
            };
            let spend = known.map_or_else(
                || {
                    let (zone, events) = (settings.time_zone.clone(), settings.events.clone());
                    let (today, month) = (of(&spent.today), of(&spent.month));
                    Arc::new(Spend::new(scope, zone, events, now, today, month))
                },
                |known| Arc::clone(&known.spend),
            );
            spend.look(&allowance, now);
            Terms {
                allowance,
                limits,
                spend,
                rates: known.map_or_else(Arc::default, |known| Arc::clone(&known.rates)),
            }
        };
        let owners: HashMap<KeyOwner, Arc<OwnerEntry>> = rows
            .owners
            .into_iter()
            .map(|owner| {
                let known = before.owners.get(&owner.id);
                let known_terms = known.map(|known| &known.terms);
                let entry = OwnerEntry {
                    id: owner.id,
                    name: owner.name,
                    email: owner.email,
                    active: owner.active,
                    backends: match owner.id {
                        KeyOwner::User(_) => (settings.deny_unpermitted
                            || !owner.backends.is_empty())
                        .then_some(owner.backends),
                        KeyOwner::Team(_) => None,
                    },
                    terms: terms(owner.id.into(), known_terms, owner.budget, owner.limits),
                    settled: known.map_or_else(Arc::default, |known| Arc::clone(&known.settled)),
                    playground: playground(owner.id, known, settings, now),
                };
                (owner.id, Arc::new(entry))
            })
            .collect();
        let mut secrets = HashMap::with_capacity(rows.keys.len());
        let mut keys = HashMap::with_capacity(rows.keys.len());
        for key in rows.keys {
            let Some(owner) = owners.get(&key.owner) else {
                continue;
            };
            let known = before.keys.get(&key.id);
            let known_terms = known.map(|known| &known.terms);
            let mut limits = key.limits;
            if limits.requests_per_minute == 0 {
                limits.requests_per_minute = settings.default_requests_per_minute;
            }
            let entry = Arc::new(KeyEntry {
                id: key.id,
                owner: Arc::clone(owner),
                active: key.active,
                revoked: key.revoked,
                expires_at: key.expires_at,
                terms: terms(BudgetScope::Key(key.id), known_terms, key.budget, limits),
                // Checked when they were stored; what cannot be read lets nobody in.
                addresses: key
                    .access
                    .addresses
                    .iter()
                    .filter_map(|text| validation::address_range(text))
                    .collect(),
                access: key.access,
                tags: key.tags,
                live: known.map_or_else(Arc::default, |known| Arc::clone(&known.live)),
            });
            secrets.insert(key.hash, (Arc::clone(&entry), None));
            keys.insert(key.id, entry);
        }
        for (hash, key, until) in rows.retiring {
            if let Some(entry) = keys.get(&key) {
                // The present secret comes first, should somebody rotate back to an older one.
                secrets
                    .entry(hash)
                    .or_insert_with(|| (Arc::clone(entry), Some(until)));
            }
        }
        Self {
            secrets,
            keys,
            owners,
        }
    }

    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&Arc<KeyEntry>> {
        self.keys.get(&id)
    }

    /// What stands for a key of `user` on the playground: without a budget or restrictions of its own,
    /// within those of the user. `None`: there is no such user.
    #[must_use]
    pub fn playground(&self, user: UserId) -> Option<KeyEntry> {
        let owner = self.owners.get(&KeyOwner::User(user))?;
        let used = owner.playground.as_ref()?;
        Some(KeyEntry {
            id: NO_KEY,
            owner: Arc::clone(owner),
            active: true,
            revoked: false,
            expires_at: None,
            terms: Terms {
                allowance: Allowance::default(),
                limits: used.limits,
                spend: Arc::clone(&used.spend),
                rates: Arc::clone(&used.rates),
            },
            access: KeyAccess::default(),
            addresses: Vec::new(),
            tags: Vec::new(),
            live: Arc::clone(&used.live),
        })
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

fn playground(
    owner: KeyOwner,
    known: Option<&Arc<OwnerEntry>>,
    settings: &AccountSettings,
    now: Timestamp,
) -> Option<Arc<PlaygroundUse>> {
    if matches!(owner, KeyOwner::Team(_)) {
        return None;
    }
    if let Some(known) = known.and_then(|known| known.playground.as_ref()) {
        return Some(Arc::clone(known));
    }
    let (zone, events) = (settings.time_zone.clone(), settings.events.clone());
    let none = NanoUsd::ZERO;
    let spend = Spend::new(BudgetScope::Key(NO_KEY), zone, events, now, none, none);
    Some(Arc::new(PlaygroundUse {
        limits: RateLimits {
            requests_per_minute: settings.default_requests_per_minute,
            ..RateLimits::default()
        },
        spend: Arc::new(spend),
        rates: Arc::default(),
        live: Arc::default(),
    }))
}
