//! What is to be said about a form that was sent, between the request that found it and the page that says
//! it. Without JavaScript that is another request, and words of free text must not travel in a URL, where
//! anybody could forge them: so they wait here, in memory, for the session that they are meant for.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use domain::{Timestamp, notes::FormNotes};

use crate::{ControlError, secret::random};

const LIFETIME_MS: i64 = 15 * 60 * 1_000;
/// Notes that wait; the oldest goes first.
const CAPACITY: usize = 500;
const TOKEN_BYTES: usize = 12;

/// Where notes wait.
#[derive(Debug, Default)]
pub struct Notes(Mutex<VecDeque<Entry>>);

#[derive(Debug)]
struct Entry {
    token: String,
    owner: String,
    until: Timestamp,
    notes: FormNotes,
}

impl Notes {
    /// Keeps notes for `owner`, the id of a session, and returns the token that names them.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn put(
        &self,
        owner: &str,
        notes: FormNotes,
        now: Timestamp,
    ) -> Result<String, ControlError> {
        let token = bs58::encode(random::<TOKEN_BYTES>()?).into_string();
        let mut entries = self.lock();
        entries.retain(|entry| entry.until > now);
        if entries.len() >= CAPACITY {
            entries.pop_front();
        }
        entries.push_back(Entry {
            token: token.clone(),
            owner: owner.to_owned(),
            until: Timestamp(now.0.saturating_add(LIFETIME_MS)),
            notes,
        });
        Ok(token)
    }

    /// The notes, as often as they are asked for. `None` when they have expired or are another session's.
    #[must_use]
    pub fn get(&self, owner: &str, token: &str, now: Timestamp) -> Option<FormNotes> {
        let entries = self.lock();
        let found = entries
            .iter()
            .find(|e| e.token == token && e.owner == owner && e.until > now);
        found.map(|entry| entry.notes.clone())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_for_their_session_and_for_a_while() {
        let notes = Notes::default();
        let said = FormNotes::default();
        let token = notes.put("mine", said.clone(), Timestamp(0)).expect("kept");
        assert_eq!(notes.get("mine", &token, Timestamp(1)), Some(said.clone()));
        assert_eq!(notes.get("mine", &token, Timestamp(2)), Some(said.clone()));
        assert_eq!(notes.get("another", &token, Timestamp(1)), None);
        assert_eq!(notes.get("mine", "guess", Timestamp(1)), None);
        let late = Timestamp(LIFETIME_MS + 1);
        assert_eq!(notes.get("mine", &token, late), None);
        for _ in 0..CAPACITY {
            notes.put("mine", said.clone(), Timestamp(1)).expect("kept");
        }
        assert_eq!(notes.get("mine", &token, Timestamp(1)), None, "bounded");
    }
}
