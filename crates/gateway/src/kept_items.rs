//! The output items of recent translated answers of the Responses API, for clients that refer
//! to them instead of sending them back. OpenAI keeps them for a month; this is a bounded memory of the
//! last ones, gone with the process, and each user sees their own only.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use dialects::openai_responses::reference;

/// All that is kept, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The largest item that is kept, in bytes.
const MAX_ITEM: usize = 512 * 1024;

/// Whose items they are: a user or team, or the holder of the master key.
pub type Owner = Option<domain::KeyOwner>;

/// The items of everybody.
#[derive(Debug, Default)]
pub struct KeptItems(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    items: HashMap<(Owner, String), Bytes>,
    /// The oldest first.
    order: VecDeque<(Owner, String)>,
    bytes: usize,
}

impl Shelf {
    fn put(&mut self, key: (Owner, String), item: Bytes) {
        if item.len() > MAX_ITEM {
            return;
        }
        self.bytes += item.len();
        match self.items.insert(key.clone(), item) {
            Some(before) => self.bytes -= before.len(),
            None => self.order.push_back(key),
        }
        while self.bytes > MAX_BYTES {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            if let Some(item) = self.items.remove(&oldest) {
                self.bytes -= item.len();
            }
        }
    }
}

/// One owner's way to the items.
#[derive(Clone, Debug)]
pub struct Keeper {
    items: Arc<KeptItems>,
    owner: Owner,
}

impl Keeper {
    #[must_use]
    pub fn new(items: Arc<KeptItems>, owner: Owner) -> Self {
        Self { items, owner }
    }

    /// Keeps the output items of `answer`: a whole one, or the events that end a stream.
    pub fn keep(&self, answer: &Bytes) {
        let items = reference::items_of(answer);
        let mut shelf = self.items.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, item) in items {
            shelf.put((self.owner, id), item);
        }
    }

    /// `body` with the items in place of the references to them; `None`: it has none that are known. It
    /// grows by no more than all that is kept.
    #[must_use]
    pub fn resolve(&self, body: &Bytes) -> Option<Bytes> {
        reference::resolve(body, body.len() + MAX_BYTES, |id| {
            let shelf = self.items.0.lock().unwrap_or_else(PoisonError::into_inner);
            shelf.items.get(&(self.owner, id.to_owned())).cloned()
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::{KeyOwner, UserId};

    use super::*;

    fn answer(id: &str, length: usize) -> Bytes {
        let text = "x".repeat(length);
        format!(r#"{{"output":[{{"id":"{id}","text":"{text}"}}]}}"#).into()
    }

    fn knows(keeper: &Keeper, id: &str) -> bool {
        let body = Bytes::from(format!(
            r#"{{"input":[{{"type":"item_reference","id":"{id}"}}]}}"#
        ));
        keeper.resolve(&body).is_some()
    }

    #[test]
    fn everybody_sees_their_own_items_only() {
        let items = Arc::new(KeptItems::default());
        let ada = Keeper::new(Arc::clone(&items), Some(KeyOwner::User(UserId(1))));
        let bob = Keeper::new(Arc::clone(&items), Some(KeyOwner::User(UserId(2))));
        ada.keep(&answer("msg_1", 3));
        assert!(knows(&ada, "msg_1"));
        assert!(!knows(&bob, "msg_1"));
    }

    #[test]
    fn the_oldest_make_room_and_the_sum_stays_right() {
        let keeper = Keeper::new(Arc::default(), None);
        let length = 400 * 1024;
        let count = MAX_BYTES / length + 5;
        for n in 0..count {
            keeper.keep(&answer(&format!("msg_{n}"), length));
            keeper.keep(&answer(&format!("msg_{n}"), length));
        }
        assert!(!knows(&keeper, "msg_0"));
        assert!(knows(&keeper, &format!("msg_{}", count - 1)));
        let shelf = keeper.items.0.lock().expect("no panic elsewhere");
        let sum: usize = shelf.items.values().map(Bytes::len).sum();
        assert_eq!((shelf.bytes, shelf.order.len()), (sum, shelf.items.len()));
        drop(shelf);
        keeper.keep(&answer("large", MAX_ITEM));
        assert!(!knows(&keeper, "large"));
    }
}
