//! The active scripts of a snapshot, and how each of them fares.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
};

use domain::{
    Timestamp,
    script::{OnScriptError, Script, ScriptId, ScriptInput, ScriptType, Suspension},
};
use scripts::{Engine, EngineSettings, Hook, Line, Program, ScriptError, Secrets, Source, Store};
use secrecy::SecretString;
use storage::{Database, Seal, StorageError};

use super::running::{Caught, Running};
use crate::{authenticate::Caller, pipeline::Core, transform::ClientRequest};

/// A script that fails so often in a row is run no longer.
const MAX_FAILURES: u32 = 5;

/// Runs scripts and reads their secrets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ScriptHost {
    pub(super) engine: Engine,
    seal: Seal,
}

/// The scripts that are active, in the order in which requests pass them.
#[derive(Debug)]
pub struct ScriptSet {
    entries: Vec<Arc<Entry>>,
    secrets: Secrets,
    sealed: Vec<(String, Vec<u8>, Timestamp)>,
}

/// A script in force.
#[derive(Debug)]
pub(super) struct Entry {
    pub id: ScriptId,
    pub version: u32,
    pub input: ScriptInput,
    /// What cannot be read fails when it is run.
    pub program: Result<Arc<Program>, ScriptError>,
    store: Arc<Store>,
    live: Live,
}

/// What changes with every call.
#[derive(Debug, Default)]
struct Live {
    calls: AtomicU64,
    failures: AtomicU64,
    in_a_row: AtomicU32,
    suspended: AtomicBool,
    last_error: Mutex<Option<String>>,
}

/// How a script fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptStatus {
    /// Why it cannot be read; `None`: it can.
    pub broken: Option<String>,
    /// Since it was loaded, in this process.
    pub calls: u64,
    pub failures: u64,
    pub last_error: Option<String>,
    pub suspended: bool,
}

impl ScriptHost {
    #[must_use]
    pub fn new(seal: Seal) -> Self {
        Self {
            engine: Engine::new(EngineSettings::default()),
            seal,
        }
    }

    /// Reads the active scripts; those that have not changed go on as they are. `None`: there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load(
        &self,
        database: &Database,
        before: Option<&ScriptSet>,
    ) -> Result<Option<Arc<ScriptSet>>, StorageError> {
        let scripts = database.scripts().await?;
        let active: Vec<Script> = scripts.into_iter().filter(|s| s.input.active).collect();
        if active.is_empty() {
            return Ok(None);
        }
        let sealed = database.script_secrets().await?;
        let same_secrets = before.filter(|before| before.sealed == sealed);
        let secrets = match same_secrets {
            Some(before) => before.secrets.clone(),
            None => self.open(&sealed),
        };
        let mut entries = Vec::with_capacity(active.len());
        for script in active {
            let known = before.and_then(|before| before.find(script.id));
            let goes_on = known.filter(|known| {
                same_secrets.is_some()
                    && known.version == script.version
                    && known.input == script.input
                    && known.live.suspended.load(Ordering::Acquire) == script.suspended.is_some()
            });
            entries.push(match goes_on {
                Some(known) => Arc::clone(known),
                None => {
                    let store = known.map_or_else(Arc::default, |known| Arc::clone(&known.store));
                    Arc::new(self.entry(script, store, secrets.clone()).await)
                }
            });
        }
        Ok(Some(Arc::new(ScriptSet {
            entries,
            secrets,
            sealed,
        })))
    }

    async fn entry(&self, script: Script, store: Arc<Store>, secrets: Secrets) -> Entry {
        let source = Source {
            name: script.input.name.clone(),
            code: script.input.code.clone(),
            store: Arc::clone(&store),
            secrets,
        };
        let program = self.engine.compile(source).await;
        if let Err(error) = &program {
            tracing::warn!(script = script.input.name, error = %error, "a script cannot be read");
        }
        let last_error = script.suspended.map(|Suspension { reason, .. }| reason);
        Entry {
            id: script.id,
            version: script.version,
            input: script.input,
            program,
            store,
            live: Live {
                suspended: AtomicBool::new(last_error.is_some()),
                last_error: Mutex::new(last_error),
                ..Live::default()
            },
        }
    }

    fn open(&self, sealed: &[(String, Vec<u8>, Timestamp)]) -> Secrets {
        let opened: BTreeMap<String, SecretString> = sealed
            .iter()
            .filter_map(|(name, sealed, _)| {
                let opened = self.seal.open(name, sealed);
                if opened.is_none() {
                    tracing::error!(name, "a secret of scripts cannot be opened; set it again");
                }
                Some((name.clone(), opened?))
            })
            .collect();
        Secrets(Arc::new(opened))
    }
}

impl ScriptSet {
    fn find(&self, id: ScriptId) -> Option<&Arc<Entry>> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// How a script fares.
    #[must_use]
    pub fn status(&self, id: ScriptId) -> Option<ScriptStatus> {
        let entry = self.find(id)?;
        let (live, last_error) = (&entry.live, entry.last_error().clone());
        Some(ScriptStatus {
            broken: entry.program.as_ref().err().map(ToString::to_string),
            calls: live.calls.load(Ordering::Relaxed),
            failures: live.failures.load(Ordering::Relaxed),
            last_error,
            suspended: live.suspended.load(Ordering::Acquire),
        })
    }

    /// The part of the scripts in a request; `None`: none takes part.
    pub(crate) fn begin(
        &self,
        host: ScriptHost,
        core: &Arc<Core>,
        caller: &Caller,
        request: &ClientRequest,
    ) -> Option<Running> {
        let user = caller.user_id();
        let is_users = |entry: &&Arc<Entry>| match entry.input.script_type {
            ScriptType::Global | ScriptType::PerBackend => true,
            ScriptType::PerUser | ScriptType::PerUserBackend => {
                user.is_some() && entry.input.target_user == user
            }
            ScriptType::PerKey => {
                let key = caller.key_id();
                key.is_some() && entry.input.target_key == key
            }
        };
        let mine = self.entries.iter().filter(is_users).cloned();
        let (of_backends, of_request): (Vec<_>, Vec<_>) =
            mine.partition(|entry| entry.input.target_backend.is_some());
        if of_backends.is_empty() && of_request.is_empty() {
            return None;
        }
        Some(Running::new(
            host,
            Arc::clone(core),
            caller,
            request,
            of_request,
            of_backends,
        ))
    }
}

impl Entry {
    fn last_error(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        (self.live.last_error.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is to be run for `hook`.
    ///
    /// # Errors
    /// It is broken or suspended, and requests may not go on without it.
    pub fn takes_part(&self, hook: Hook) -> Result<Option<&Arc<Program>>, Caught> {
        let program = match &self.program {
            Ok(program) => program,
            Err(error) => {
                self.live.failures.fetch_add(1, Ordering::Relaxed);
                return self.without(&error.to_string()).map(|()| None);
            }
        };
        if !program.hooks().has(hook) {
            return Ok(None);
        }
        if self.live.suspended.load(Ordering::Acquire) {
            return self.without("is suspended").map(|()| None);
        }
        Ok(Some(program))
    }

    /// What becomes of a request without it.
    fn without(&self, why: &str) -> Result<(), Caught> {
        match self.input.on_error {
            OnScriptError::Skip => Ok(()),
            OnScriptError::Fail => {
                tracing::warn!(
                    script = self.input.name,
                    why,
                    "a request may not go on without a script"
                );
                Err(Caught::Failed(self.input.name.clone()))
            }
        }
    }

    /// Takes a call's result: what it gave, or nothing where it failed and may be skipped.
    ///
    /// # Errors
    /// It refused the request, or failed and may not be skipped.
    pub fn heard<T>(
        self: &Arc<Self>,
        core: &Arc<Core>,
        hook: Hook,
        output: Result<T, ScriptError>,
        console: &[Line],
    ) -> Result<Option<T>, Caught> {
        for line in console {
            tracing::info!(
                script = self.input.name,
                hook = hook.name(),
                level = ?line.level,
                "{}",
                line.text
            );
        }
        self.live.calls.fetch_add(1, Ordering::Relaxed);
        let error = match output {
            Ok(output) => {
                self.live.in_a_row.store(0, Ordering::Relaxed);
                return Ok(Some(output));
            }
            Err(ScriptError::Refused { status, message }) => {
                self.live.in_a_row.store(0, Ordering::Relaxed);
                return Err(Caught::Refused { status, message });
            }
            Err(error) => error,
        };
        let stack = match &error {
            ScriptError::Thrown { stack, .. } => stack.as_str(),
            _ => "",
        };
        tracing::warn!(script = self.input.name, hook = hook.name(), error = %error, stack, "a script failed");
        let text = format!("{}: {error}", hook.name());
        *self.last_error() = Some(text.clone());
        self.live.failures.fetch_add(1, Ordering::Relaxed);
        if error.is_fault() {
            let in_a_row = self.live.in_a_row.fetch_add(1, Ordering::AcqRel) + 1;
            if in_a_row >= MAX_FAILURES && !self.live.suspended.swap(true, Ordering::AcqRel) {
                self.suspend(core, text);
            }
        }
        self.without(&error.to_string()).map(|()| None)
    }

    /// Notes the suspension, so that it outlives the process and the dashboards tell of it.
    fn suspend(self: &Arc<Self>, core: &Arc<Core>, reason: String) {
        let goes_on = match self.input.on_error {
            OnScriptError::Skip => "requests go on without it",
            OnScriptError::Fail => "its requests are refused",
        };
        tracing::warn!(
            alert = "script.suspended",
            script = self.input.name,
            script_id = self.id.0,
            failures = MAX_FAILURES,
            reason,
            "a script failed again and again and is suspended; {goes_on} until somebody activates it"
        );
        let (entry, core) = (Arc::clone(self), Arc::clone(core));
        tokio::spawn(async move {
            let now = core.clock.now();
            let noted = core
                .database
                .suspend_script(entry.id, entry.version, &reason, now)
                .await;
            if let Err(error) = noted {
                tracing::error!(error = %error, "failed to note that a script is suspended");
            }
        });
    }
}
