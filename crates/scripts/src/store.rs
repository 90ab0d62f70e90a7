//! The small memory that a script keeps from one request to the next: `kv` in scripts. It is bounded, and
//! gone when the process ends.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Keys of one script.
const MAX_KEYS: usize = 1_000;
/// Bytes of a key.
const MAX_KEY: usize = 256;
/// Bytes of one value, as JSON.
const MAX_VALUE: usize = 64 * 1024;
/// Bytes of all keys and values.
const MAX_TOTAL: usize = 1024 * 1024;

/// The memory of one script.
#[derive(Debug, Default)]
pub struct Store(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    values: HashMap<String, String>,
    bytes: usize,
}

impl Store {
    pub(crate) fn get(&self, key: &str) -> Option<String> {
        self.lock().values.get(key).cloned()
    }

    /// # Errors
    /// Which bound it would exceed.
    pub(crate) fn set(&self, key: String, value: String) -> Result<(), &'static str> {
        if key.len() > MAX_KEY {
            return Err("kv: a key may have 256 bytes");
        }
        if value.len() > MAX_VALUE {
            return Err("kv: a value may have 64 KiB");
        }
        let mut kept = self.lock();
        let before = kept.values.get(&key).map(|old| key.len() + old.len());
        if before.is_none() && kept.values.len() >= MAX_KEYS {
            return Err("kv: there may be 1000 keys");
        }
        let bytes = kept.bytes - before.unwrap_or(0) + key.len() + value.len();
        if bytes > MAX_TOTAL {
            return Err("kv: all values together may have 1 MiB");
        }
        kept.bytes = bytes;
        kept.values.insert(key, value);
        Ok(())
    }

    pub(crate) fn delete(&self, key: &str) -> bool {
        let mut kept = self.lock();
        let Some(old) = kept.values.remove(key) else {
            return false;
        };
        kept.bytes -= key.len() + old.len();
        true
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_counts_what_is_replaced_or_deleted() {
        let store = Store::default();
        let big = "x".repeat(MAX_VALUE);
        for n in 0..15 {
            store.set(format!("k{n:02}"), big.clone()).expect("room");
        }
        assert!(store.set("one too many".to_owned(), big.clone()).is_err());
        store
            .set("k00".to_owned(), "1".to_owned())
            .expect("smaller");
        store
            .set("next".to_owned(), big.clone())
            .expect("room again");
        assert!(store.delete("k01") && !store.delete("k01"));
        store.set("k01".to_owned(), big).expect("room again");
        assert!(
            store
                .set("v".to_owned(), "x".repeat(MAX_VALUE + 1))
                .is_err()
        );
        assert!(store.set("k".repeat(MAX_KEY + 1), String::new()).is_err());
        let many = Store::default();
        for n in 0..MAX_KEYS {
            many.set(n.to_string(), String::new()).expect("room");
        }
        assert!(many.set("more".to_owned(), String::new()).is_err());
        many.set("0".to_owned(), "1".to_owned())
            .expect("it is there already");
        assert_eq!(many.get("0").as_deref(), Some("1"));
    }
}
