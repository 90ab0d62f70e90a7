//! A control plane with a database of its own, a clock that stands still and a count of the changes
//! that it announced.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use control::{
    Admin, ChangeListener, Control, ControlError, ControlSettings, NewKeyInput, NewUserInput,
    Principal,
};
use domain::{
    BudgetLimits, DeploymentId, Dialect, KeyId, LedgerRow, NanoUsd, Outcome, Price, RateLimits,
    RequestId, Role, Timestamp, Used, UserId, clock::FixedClock,
};
use jiff::tz::TimeZone;
use storage::{
    BackendRecord, ConfiguredPrice, Database, DatabaseOptions, DeploymentRecord, KeyHasher,
    PriceSource, Synchronous, ledger::Ledger,
};

pub const PASSWORD: &str = "correct horse";
pub const MASTER_KEY: &str = "sk-master";

pub struct Fixture {
    pub control: Control,
    pub clock: Arc<FixedClock>,
    pub admin: Admin,
    db: Database,
    ledger: Ledger,
    changes: Arc<AtomicU32>,
    announced: Arc<tokio::sync::Notify>,
    _folder: tempfile::TempDir,
}

impl Fixture {
    /// With the admin `root`, in UTC, at noon of 2026-11-20.
    pub async fn new() -> Self {
        let f = Self::empty("UTC", "2026-11-20T12:00:00Z").await;
        f.control
            .bootstrap(Some("root"), Some(PASSWORD.into()), false)
            .await
            .expect("an admin");
        f
    }

    pub async fn empty(zone: &str, now: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = DatabaseOptions {
            url: format!("sqlite://{}", folder.path().join("router.db").display()),
            synchronous: Synchronous::Normal,
            readers: 2,
        };
        let db = Database::open(&options).await.expect("a database");
        let (ledger, _) = Ledger::start(&db).await.expect("a ledger");
        let clock = Arc::new(FixedClock::new(at(now)));
        let changes = Arc::new(AtomicU32::new(0));
        let announced = Arc::new(tokio::sync::Notify::new());
        let (counted, told) = (changes.clone(), announced.clone());
        let on_change: ChangeListener = Arc::new(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            told.notify_one();
            Box::pin(async {})
        });
        let settings = ControlSettings {
            time_zone: TimeZone::get(zone).expect("a zone"),
            time_zone_name: zone.to_owned(),
            master_key: Some(MASTER_KEY.into()),
            public_status: false,
        };
        let hasher = KeyHasher::new(b"secret");
        let control = Control::new(db.clone(), hasher, settings, clock.clone(), on_change);
        let admin = control
            .master(MASTER_KEY)
            .and_then(|principal| principal.admin().ok())
            .expect("the master key");
        Self {
            control,
            clock,
            admin,
            db,
            ledger,
            changes,
            announced,
            _folder: folder,
        }
    }

    /// A user with [`PASSWORD`].
    pub async fn user(&self, name: &str) -> UserId {
        let created = self.control.create_user(&self.admin, new_user(name)).await;
        created.expect("a user").user.id
    }

    /// A configured model and its price.
    pub async fn deployment(&self, model: &str, price: Price) -> DeploymentId {
        let backend = BackendRecord {
            name: "main".to_owned(),
            kind: "openai".to_owned(),
            base_url: None,
            deployments: vec![DeploymentRecord {
                model: model.to_owned(),
                prices: vec![ConfiguredPrice {
                    source: PriceSource::File,
                    effective_from: None,
                    price,
                }],
            }],
        };
        let synced = self.db.sync_backends(&[backend], self.control.now()).await;
        synced.expect("a backend")[0].deployments[0].id
    }

    pub async fn sign_in(&self, name: &str) -> Principal {
        let signed_in = self.control.sign_in(name, PASSWORD.into()).await;
        signed_in.expect("signed in").principal
    }

    /// Announced changes since the last call.
    pub fn changes(&self) -> u32 {
        self.changes.swap(0, Ordering::SeqCst)
    }

    /// Waits until there is a change that [`Fixture::changes`] has not counted yet.
    pub async fn change(&self) {
        let announced = async {
            while self.changes() == 0 {
                self.announced.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), announced)
            .await
            .expect("an announcement");
    }

    pub async fn spend(&self, user: Option<UserId>, key: Option<KeyId>, when: &str, nano: i64) {
        let row = LedgerRow {
            request_id: next_id(at(when)),
            started_at: at(when),
            user_id: user,
            team_id: None,
            key_id: key,
            backend_id: None,
            deployment_id: None,
            dialect: Dialect::AnthropicMessages,
            request_model: "claude".to_owned(),
            upstream_model: "claude".to_owned(),
            stream: false,
            outcome: Outcome::Completed,
            status: 200,
            used: Used::default(),
            price_id: None,
            cost: Some(NanoUsd(nano)),
            attempts: 1,
            time_to_first_chunk_ms: None,
            duration_ms: 1,
            error: None,
            credential: None,
            route: None,
            playground: false,
        };
        self.ledger.settle(row, None).await.expect("a commit");
    }
}

/// An id that begins with the time, as those of the gateway do.
fn next_id(at: Timestamp) -> RequestId {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = u128::from(NEXT.fetch_add(1, Ordering::SeqCst));
    let millis = u128::try_from(at.0).expect("a time after 1970");
    RequestId(millis << 80 | number)
}

pub fn new_user(name: &str) -> NewUserInput {
    NewUserInput {
        name: name.to_owned(),
        email: None,
        role: Role::User,
        password: Some(PASSWORD.into()),
        budget: BudgetLimits::default(),
        limits: RateLimits::default(),
        with_key: false,
    }
}

pub fn labelled(label: &str) -> NewKeyInput {
    NewKeyInput {
        label: label.to_owned(),
        ..NewKeyInput::default()
    }
}

pub fn at(text: &str) -> Timestamp {
    let time: jiff::Timestamp = text.parse().expect("a time");
    Timestamp(time.as_millisecond())
}

/// The name of the error's variant, which is what callers decide by.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, ControlError>) -> String {
    let error = result.expect_err("a refusal");
    match error {
        ControlError::Conflict(conflict) => format!("{conflict:?}"),
        ControlError::Invalid(error) => format!("{:?} {:?}", error.field, error.problem),
        ControlError::TooManyAttempts { .. } => "TooManyAttempts".to_owned(),
        other => format!("{other:?}"),
    }
}
