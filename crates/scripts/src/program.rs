//! A script that has been read and tried once, with what it keeps between requests.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{cage::Cage, store::Store};

/// What a script can take part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Hook {
    #[serde(rename = "onRequest")]
    Request,
    #[serde(rename = "onRoute")]
    Route,
    #[serde(rename = "onResponse")]
    Response,
    #[serde(rename = "onChunk")]
    Chunk,
    #[serde(rename = "onError")]
    Error,
}

impl Hook {
    /// The name of the function that a script exports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "onRequest",
            Self::Route => "onRoute",
            Self::Response => "onResponse",
            Self::Chunk => "onChunk",
            Self::Error => "onError",
        }
    }
}

/// The hooks that a script has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hooks(u8);

impl Hooks {
    #[must_use]
    pub const fn has(self, hook: Hook) -> bool {
        self.0 & (1 << hook as u8) != 0
    }

    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Hook> for Hooks {
    fn from_iter<T: IntoIterator<Item = Hook>>(hooks: T) -> Self {
        Self(
            hooks
                .into_iter()
                .fold(0, |bits, hook| bits | 1 << hook as u8),
        )
    }
}

/// What `secrets.get` answers with.
#[derive(Clone, Debug, Default)]
pub struct Secrets(pub Arc<BTreeMap<String, SecretString>>);

/// What a program is made of.
#[derive(Clone, Debug)]
pub struct Source {
    /// For stack traces and logs.
    pub name: String,
    pub code: String,
    pub store: Arc<Store>,
    pub secrets: Secrets,
}

/// A script that can be called.
pub struct Program {
    pub(crate) source: Source,
    hooks: Hooks,
    /// Made ready while there was time.
    spares: Mutex<Vec<Cage>>,
    /// Threads that it occupies.
    pub(crate) running: AtomicUsize,
    /// Sessions whose threads have been asked to make a spare.
    wanted: AtomicUsize,
}

/// How many cages are kept ready for each program.
const MAX_SPARES: usize = 4;

impl Program {
    pub(crate) fn new(source: Source, hooks: Hooks, first: Cage) -> Self {
        Self {
            source,
            hooks,
            spares: Mutex::new(vec![first]),
            running: AtomicUsize::new(0),
            wanted: AtomicUsize::new(0),
        }
    }

    /// What it takes part in.
    #[must_use]
    pub const fn hooks(&self) -> Hooks {
        self.hooks
    }

    pub(crate) fn take_spare(&self) -> Option<Cage> {
        self.lock().pop()
    }

    /// Whether another spare is worth making; whoever is told so makes one.
    pub(crate) fn wants_spare(&self) -> bool {
        let there = self.lock().len();
        let coming = self.wanted.fetch_add(1, Ordering::Relaxed);
        let wants = there + coming < MAX_SPARES;
        if !wants {
            self.wanted.fetch_sub(1, Ordering::Relaxed);
        }
        wants
    }

    pub(crate) fn spare_made(&self, cage: Option<Cage>) {
        self.wanted.fetch_sub(1, Ordering::Relaxed);
        if let Some(cage) = cage {
            self.lock().push(cage);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Cage>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("name", &self.source.name)
            .field("hooks", &self.hooks)
            .finish_non_exhaustive()
    }
}
