//! Which lane's provider has which beginnings of prompts in its cache, by what was sent there lately.
//! A request goes where the longest beginning of its prompt is warm; where none is, its own beginning
//! decides, the same way in every process; and where too much is going on, to the next.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dialects::shape::Prefix;
use domain::DeploymentId;
use smallvec::SmallVec;
use tokio::time::Instant;

/// How long providers keep a prompt that is not asked for again, at least.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// Beginnings that are remembered, at most twice as many.
const MAX_REMEMBERED: usize = 50_000;

/// A lane, in the table of what is warm.
pub type LaneId = (DeploymentId, usize);

/// Beginnings of prompts and the lanes where they are warm.
#[derive(Debug, Default)]
pub struct Warmth(Mutex<State>);

type Places = SmallVec<[(LaneId, Instant); 2]>;

/// Two generations: the older is dropped when the newer is full, so that what is in use stays.
#[derive(Debug, Default)]
struct State {
    newer: HashMap<u64, Places>,
    older: HashMap<u64, Places>,
}

impl Warmth {
    /// How many bytes of the prompt are warm in each lane that has any.
    #[must_use]
    pub fn of(&self, prefixes: &[Prefix], now: Instant) -> SmallVec<[(LaneId, usize); 4]> {
        let state = self.lock();
        let mut found: SmallVec<[(LaneId, usize); 4]> = SmallVec::new();
        // The longest first, so that what a lane is found with is its longest.
        for prefix in prefixes.iter().rev() {
            let places = [&state.newer, &state.older].map(|map| map.get(&prefix.hash));
            for (lane, at) in places.into_iter().flatten().flatten() {
                let warm = now.saturating_duration_since(*at) < KEPT_FOR;
                if warm && !found.iter().any(|(known, _)| known == lane) {
                    found.push((*lane, prefix.bytes));
                }
            }
        }
        found
    }

    /// A prompt has been answered there.
    pub fn sent(&self, prefixes: &[Prefix], lane: LaneId, now: Instant) {
        let mut state = self.lock();
        for prefix in prefixes {
            let known = state.older.remove(&prefix.hash);
            let places = state.newer.entry(prefix.hash).or_default();
            for (lane, at) in known.into_iter().flatten() {
                if !places.iter().any(|(known, _)| *known == lane) {
                    places.push((lane, at));
                }
            }
            places.retain(|(known, at)| {
                *known != lane && now.saturating_duration_since(*at) < KEPT_FOR
            });
            places.push((lane, now));
        }
        if state.newer.len() >= MAX_REMEMBERED {
            state.older = std::mem::take(&mut state.newer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How strongly a prompt that is warm nowhere leans towards a lane (rendezvous hashing): prompts
/// spread evenly, the same in every process, and when a lane goes only its own move.
#[must_use]
pub fn leaning(prefix: u64, lane: LaneId) -> u64 {
    let mut hasher = DefaultHasher::new();
    prefix.hash(&mut hasher);
    lane.0.0.hash(&mut hasher);
    lane.1.hash(&mut hasher);
    hasher.finish()
}

/// Calls that one of `lanes` may have running before the next is preferred: a quarter more than its
/// share, and a few in any case.
#[must_use]
pub fn most_running(total: u32, lanes: usize) -> u32 {
    const ALWAYS: u32 = 4;
    let lanes = u32::try_from(lanes.max(1)).unwrap_or(u32::MAX);
    (total.saturating_add(1).saturating_mul(5) / lanes.saturating_mul(4)).max(ALWAYS)
}
