//! Slows down guessing: after ten wrong passwords for a name within ten minutes, that name is
//! refused until the oldest of them is ten minutes old. Kept in memory; a restart forgets it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::Timestamp;

use crate::ControlError;

const FAILURES: usize = 10;
const WINDOW_MS: i64 = 10 * 60 * 1_000;
/// Names that are remembered; the one that was quiet for longest goes first.
const NAMES: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Throttle {
    /// Times of failures, the oldest first, by name in lower case.
    failures: Mutex<HashMap<String, VecDeque<Timestamp>>>,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self {
            failures: Mutex::new(HashMap::new()),
        }
    }

    /// Counts an attempt as failed, before it is made, so that many at once cannot slip through.
    pub(crate) fn attempt(&self, name: &str, now: Timestamp) -> Result<(), ControlError> {
        let mut failures = self.lock();
        let name = name.to_lowercase();
        if failures.len() >= NAMES && !failures.contains_key(&name) {
            make_room(&mut failures, now);
        }
        let times = failures.entry(name).or_default();
        times.retain(|at| now.millis_since(*at) < WINDOW_MS);
        if times.len() >= FAILURES {
            let age = times.front().map_or(0, |oldest| now.millis_since(*oldest));
            let left = u64::try_from(WINDOW_MS - age).unwrap_or(0);
            return Err(ControlError::TooManyAttempts {
                retry_after: Duration::from_millis(left),
            });
        }
        times.push_back(now);
        Ok(())
    }

    /// The password was right: earlier failures were the owner's own.
    pub(crate) fn succeeded(&self, name: &str) {
        self.lock().remove(&name.to_lowercase());
    }

    /// The attempt was neither right nor wrong, because it was not carried out.
    pub(crate) fn not_made(&self, name: &str) {
        if let Some(times) = self.lock().get_mut(&name.to_lowercase()) {
            times.pop_back();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, VecDeque<Timestamp>>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(failures: &mut HashMap<String, VecDeque<Timestamp>>, now: Timestamp) {
    let quiet = |times: &VecDeque<Timestamp>| {
        times
            .back()
            .is_none_or(|last| now.millis_since(*last) >= WINDOW_MS)
    };
    failures.retain(|_, times| !quiet(times));
    if failures.len() >= NAMES {
        let oldest = failures.iter().min_by_key(|(_, times)| times.back());
        if let Some(name) = oldest.map(|(name, _)| name.clone()) {
            failures.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry_after(result: Result<(), ControlError>) -> Option<u64> {
        match result {
            Err(ControlError::TooManyAttempts { retry_after }) => Some(retry_after.as_secs()),
            _ => None,
        }
    }

    #[test]
    fn the_eleventh_attempt_waits_for_the_first_to_be_forgotten() {
        let throttle = Throttle::new();
        for second in 0..10 {
            let at = Timestamp(second * 1_000);
            assert!(throttle.attempt("Ada", at).is_ok());
        }
        let refused = throttle.attempt("ada", Timestamp(10_000));
        assert_eq!(retry_after(refused), Some(590), "names have no case here");
        assert!(throttle.attempt("bob", Timestamp(10_000)).is_ok());
        assert!(throttle.attempt("ada", Timestamp(600_000)).is_ok());
        assert!(throttle.attempt("ada", Timestamp(600_001)).is_err());
    }

    #[test]
    fn success_forgets_and_what_was_not_tried_does_not_count() {
        let throttle = Throttle::new();
        let now = Timestamp(0);
        for _ in 0..100 {
            assert!(throttle.attempt("ada", now).is_ok());
            throttle.not_made("ada");
        }
        for _ in 0..10 {
            assert!(throttle.attempt("ada", now).is_ok());
        }
        throttle.succeeded("ADA");
        assert!(throttle.attempt("ada", now).is_ok());
    }

    #[test]
    fn it_remembers_a_bounded_number_of_names() {
        let throttle = Throttle::new();
        for n in 0..(NAMES + 10) {
            let now = Timestamp(i64::try_from(n).expect("small"));
            assert!(throttle.attempt(&n.to_string(), now).is_ok());
        }
        assert_eq!(throttle.lock().len(), NAMES);
        assert!(!throttle.lock().contains_key("0"), "the oldest went first");
    }
}
