//! A fresh database for each case, and the things that most cases need in it.

use domain::{
    BudgetLimits, Dialect, KeyOwner, LedgerRow, NanoUsd, Outcome, RateLimits, RequestId, Role,
    Timestamp, TokenUsage, Used, User, UserId, account::NewKeyInput,
};
use storage::{
    Database, DatabaseOptions, KeySecret, KeySource, NewKey, NewUser, Synchronous, ledger::Ledger,
};

pub struct Fixture {
    pub db: Database,
    ledger: Ledger,
    folder: tempfile::TempDir,
}

impl Fixture {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let db = Database::open(&options(folder.path()))
            .await
            .expect("a database");
        let (ledger, _) = Ledger::start(&db).await.expect("a ledger");
        Self { db, ledger, folder }
    }

    pub fn options(&self) -> DatabaseOptions {
        options(self.folder.path())
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("nested").join(name)
    }

    pub async fn user(&self, name: &str) -> User {
        self.user_with_role(name, Role::User).await
    }

    pub async fn user_with_role(&self, name: &str, role: Role) -> User {
        let new = NewUser {
            name: name.to_owned(),
            email: None,
            role,
            password_hash: Some("$hash".to_owned()),
            must_change_password: false,
            budget: BudgetLimits::default(),
            limits: RateLimits::default(),
        };
        self.db
            .create_user(&new, Timestamp(1_000))
            .await
            .expect("a user")
    }

    /// An orderly end.
    pub async fn close(&self) {
        self.ledger.close().await;
        self.db.close().await;
    }

    pub async fn settle(&self, rows: impl IntoIterator<Item = LedgerRow>) {
        let commits: Vec<_> = rows
            .into_iter()
            .map(|row| self.ledger.settle(row, None))
            .collect();
        for commit in commits {
            commit.await.expect("a commit");
        }
    }
}

fn options(folder: &std::path::Path) -> DatabaseOptions {
    DatabaseOptions {
        url: format!("sqlite://{}", folder.join("nested/router.db").display()),
        synchronous: Synchronous::Normal,
        readers: 2,
    }
}

pub fn new_key(user_id: UserId, label: &str) -> NewKey {
    let mut hash = [0; 32];
    for (place, byte) in hash.iter_mut().zip(label.bytes()) {
        *place = byte;
    }
    NewKey {
        owner: KeyOwner::User(user_id),
        secret: KeySecret {
            hash,
            prefix: "sk-lr-abc".to_owned(),
            last4: "wxyz".to_owned(),
        },
        chosen: NewKeyInput {
            label: label.to_owned(),
            ..NewKeyInput::default()
        },
        source: KeySource::Admin,
    }
}

/// A completed request of `user` at `at` that cost `nano`; one input token per nano-dollar.
pub fn row(user: Option<UserId>, at: Timestamp, nano: Option<i64>) -> LedgerRow {
    let tokens = nano.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    LedgerRow {
        request_id: request_id(at),
        started_at: at,
        user_id: user,
        team_id: None,
        key_id: None,
        backend_id: None,
        deployment_id: None,
        dialect: Dialect::OpenaiChat,
        request_model: "gpt".to_owned(),
        upstream_model: "gpt-4o".to_owned(),
        stream: true,
        outcome: Outcome::Completed,
        status: 200,
        used: Used {
            tokens: TokenUsage {
                input: tokens,
                ..TokenUsage::default()
            },
            ..Used::default()
        },
        price_id: None,
        cost: nano.map(NanoUsd),
        attempts: 1,
        time_to_first_chunk_ms: Some(5),
        duration_ms: 9,
        error: None,
        credential: None,
        route: None,
        playground: false,
    }
}

/// An id of version 7 made at `at`.
pub fn request_id(at: Timestamp) -> RequestId {
    let millis = u64::try_from(at.0).expect("a time after 1970");
    let time = uuid::Timestamp::from_unix(
        uuid::NoContext,
        millis / 1_000,
        u32::try_from(millis % 1_000 * 1_000_000).expect("less than a second"),
    );
    RequestId(uuid::Uuid::new_v7(time).as_u128())
}
