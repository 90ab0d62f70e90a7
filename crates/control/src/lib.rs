//! What can be done with accounts, keys, budgets and reports, and who may do it. Every use case
//! takes the proof that its caller may: an [`Admin`], or a [`Principal`] who then reaches only what
//! is their own; neither can be made outside this crate. HTTP, cookies and pages are not its
//! business, and the proxied path does not pass through here.

mod account;
mod activity;
mod auth;
mod bootstrap;
mod budgets;
mod environment_keys;
mod error;
mod keys;
mod passwords;
mod prices;
mod principal;
mod reports;
mod scripts;
mod request_log;
mod secret;
mod teams;
mod throttle;
mod usage;
mod users;
mod vault;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use domain::{Timestamp, clock::Clock};
use jiff::tz::TimeZone;
use secrecy::SecretString;
use storage::{Database, KeyHasher};

pub use activity::KeyActivity;
pub use auth::SignedIn;
pub use bootstrap::{AdminCreated, Bootstrap};
pub use domain::account::{KeyQuery, NewKeyInput, ProfileInput, UserQuery};
pub use error::ControlError;
pub use keys::ShownKey;
pub use prices::DeploymentPrices;
pub use principal::{Admin, Principal};
pub use scripts::{BeforeAfter, ScriptReport, ScriptSecret, ScriptTrial};
pub use request_log::LogAccess;
pub use secret::ShownSecret;
pub use usage::UsageExportRow;
pub use users::{CreatedUser, NewUserInput};
pub use vault::{RevealedSecret, Vault};

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Users, teams, keys, budgets or limits.
    Accounts,
    Prices,
    /// Scripts or their secrets.
    Scripts,
}

/// Awaited after every change and before the caller gets its answer, so that whoever is told
/// "disabled" can rely on it.
pub type ChangeListener =
    Arc<dyn Fn(Change) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What the configuration decides.
#[derive(Clone, Debug)]
pub struct ControlSettings {
    /// Where days and months begin.
    pub time_zone: TimeZone,
    /// Its IANA name, as it is printed.
    pub time_zone_name: String,
    /// `None`: there is no master key.
    pub master_key: Option<SecretString>,
}

/// The control plane. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    inner: Arc<Inner>,
}

struct Inner {
    db: Database,
    hasher: KeyHasher,
    settings: ControlSettings,
    clock: Arc<dyn Clock>,
    on_change: ChangeListener,
    passwords: passwords::Passwords,
    throttle: throttle::Throttle,
    vault: Vault,
    /// For trying scripts out; its threads begin with the first trial.
    engine: ::scripts::Engine,
}

impl Control {
    #[must_use]
    pub fn new(
        db: Database,
        hasher: KeyHasher,
        settings: ControlSettings,
        clock: Arc<dyn Clock>,
        on_change: ChangeListener,
    ) -> Self {
        let inner = Inner {
            db,
            hasher,
            settings,
            passwords: passwords::Passwords::new(),
            throttle: throttle::Throttle::new(),
            vault: Vault::new(clock.clone()),
            engine: ::scripts::Engine::new(::scripts::EngineSettings {
                threads: 2,
                queue: 64,
                ..::scripts::EngineSettings::default()
            }),
            clock,
            on_change,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// IANA name of the reporting time zone.
    #[must_use]
    pub fn time_zone_name(&self) -> &str {
        &self.inner.settings.time_zone_name
    }

    /// The present time, as everything here sees it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Secrets on their way to a page that shows them once.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    fn db(&self) -> &Database {
        &self.inner.db
    }

    fn zone(&self) -> &TimeZone {
        &self.inner.settings.time_zone
    }

    /// Carries out a change and announces it, to the end even when the caller goes away: a key must
    /// not go on working because a browser closed its connection after pressing "disable".
    async fn change<T, F>(&self, change: impl FnOnce(Self) -> F) -> Result<T, ControlError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ControlError>> + Send + 'static,
    {
        self.change_of(Change::Accounts, change).await
    }

    async fn change_of<T, F>(
        &self,
        what: Change,
        change: impl FnOnce(Self) -> F,
    ) -> Result<T, ControlError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ControlError>> + Send + 'static,
    {
        let control = self.clone();
        let change = change(self.clone());
        let task = tokio::spawn(async move {
            let changed = change.await?;
            (control.inner.on_change)(what).await;
            Ok(changed)
        });
        task.await
            .map_err(|_| ControlError::Internal("a change was not carried through"))?
    }

    /// Tells the rest of the router that accounts have changed.
    async fn announce(&self) {
        (self.inner.on_change)(Change::Accounts).await;
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}
