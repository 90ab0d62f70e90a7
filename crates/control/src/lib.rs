//! What can be done with accounts, keys, budgets and reports, and who may do it. Every use case
//! takes the proof that its caller may: an [`Admin`], or a [`Principal`] who then reaches only what
//! is their own; neither can be made outside this crate. HTTP, cookies and pages are not its
//! business, and the proxied path does not pass through here.

mod access;
mod account;
mod activity;
mod audit;
mod auth;
mod bootstrap;
mod budgets;
mod data_plane;
mod environment_keys;
mod error;
mod external;
mod keys;
mod notes;
mod passwords;
mod permissions;
mod prices;
mod principal;
mod reports;
mod request_log;
mod routes;
mod scripts;
mod secret;
mod status;
mod teams;
mod throttle;
mod usage;
mod users;
mod vault;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use domain::{Timestamp, clock::Clock};
use jiff::tz::TimeZone;
use secrecy::SecretString;
use storage::{ChangeInProgress, Database, KeyHasher, Seal};

pub use access::{ShownLink, ShownToken};
pub use activity::KeyActivity;
use audit::{Act, Telling};
pub use auth::SignedIn;
pub use bootstrap::{AdminCreated, Bootstrap};
pub use data_plane::{DataPlane, ExplainInput, RouteEntry, Unusable};
pub use domain::access::NewTokenInput;
pub use domain::account::{KeyQuery, NewKeyInput, ProfileInput, UserQuery};
pub use error::ControlError;
pub use external::{ExternalError, ExternalIdentity, ExternalPolicy, ExternalRole};
pub use keys::ShownKey;
pub use notes::Notes;
pub use prices::DeploymentPrices;
pub use principal::{Admin, Principal};
pub use request_log::LogAccess;
pub use scripts::{BeforeAfter, ScriptReport, ScriptSecret, ScriptTrial};
pub use secret::{SecretKind, ShownSecret};
use status::Recent;
pub use storage::{PriceRecord, PriceSource, RouteSection};
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
    /// Backends, groups or rewrites.
    Routes,
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
    /// The status page is for everybody.
    pub public_status: bool,
}

/// The control plane. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    inner: Arc<Inner>,
    /// Inside a change, the database as the change sees it.
    db: Database,
    /// Inside a change, what is told about it.
    telling: Telling,
}

struct Inner {
    hasher: KeyHasher,
    settings: ControlSettings,
    clock: Arc<dyn Clock>,
    on_change: ChangeListener,
    passwords: passwords::Passwords,
    throttle: throttle::Throttle,
    vault: Vault,
    /// For trying scripts out; its threads begin with the first trial.
    engine: ::scripts::Engine,
    notes: Notes,
    /// Seals the credentials of upstreams.
    seal: Seal,
    data_plane: OnceLock<Arc<dyn DataPlane>>,
    recent: Recent,
    /// Held while routes are checked and changed.
    routes: tokio::sync::Mutex<()>,
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
            seal: Seal::of(&hasher, "upstream credentials"),
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
            notes: Notes::default(),
            clock,
            on_change,
            data_plane: OnceLock::new(),
            recent: Recent::default(),
            routes: tokio::sync::Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
            db,
            telling: Telling::default(),
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

    /// Words about forms on their way to the page that says them.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.inner.notes
    }

    fn db(&self) -> &Database {
        &self.db
    }

    fn zone(&self) -> &TimeZone {
        &self.inner.settings.time_zone
    }

    /// Carries out a change of accounts and announces it, to the end even when the caller goes away: a key
    /// must not go on working because a browser closed its connection after pressing "disable".
    ///
    /// `act` says who does what to whom, in one line: `admin.does("user.disable").on(id)`. The change and
    /// its row of the audit log are one transaction: both are stored or neither. The closure gets a
    /// [`Control`] whose database is that transaction; nothing in it may wait for other writes of
    /// accounts, the network or a password's hash. What the subject was before and is after is read for
    /// users, keys, teams and prices; for other kinds the closure tells it by [`Control::tell_before`] and
    /// [`Control::tell_after`]. What is created is named by [`Control::tell_subject`].
    async fn change<T, F>(
        &self,
        act: Act,
        change: impl FnOnce(Self) -> F + Send + 'static,
    ) -> Result<T, ControlError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ControlError>> + Send + 'static,
    {
        self.change_of(Change::Accounts, act, change).await
    }

    /// [`Control::change`] of something else than accounts.
    async fn change_of<T, F>(
        &self,
        what: Change,
        act: Act,
        change: impl FnOnce(Self) -> F + Send + 'static,
    ) -> Result<T, ControlError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ControlError>> + Send + 'static,
    {
        act.check()?;
        let outside = self.clone();
        let task = tokio::spawn(async move {
            let changing = outside.db().begin_change().await?;
            let inside = outside.inside(&changing);
            inside.tell_before_of(&act).await?;
            let changed = change(inside.clone()).await?;
            inside.append(act).await?;
            changing.commit().await?;
            (outside.inner.on_change)(what).await;
            Ok(changed)
        });
        task.await
            .map_err(|_| ControlError::Internal("a change was not carried through"))?
    }

    /// As it is inside a change.
    fn inside(&self, changing: &ChangeInProgress) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            db: changing.database().clone(),
            telling: Telling::default(),
        }
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
