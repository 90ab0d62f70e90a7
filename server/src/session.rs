//! The dashboards' sessions: tower-sessions over the database, so that they outlive a restart.

use domain::Timestamp;
use storage::{Database, StorageError};
use time::OffsetDateTime;
use tower_sessions::{
    Expiry, SessionManagerLayer, SessionStore,
    cookie::SameSite,
    session::{Id, Record},
    session_store::{Error, Result},
};

/// Without activity a session ends after this long.
const IDLE_DAYS: i64 = 7;

const COOKIE: &str = "llm_router_session";

/// Sessions in the database.
#[derive(Clone, Debug)]
pub struct DatabaseSessions(Database);

/// The layer that gives each request its session. `secure`: the cookie goes over HTTPS only.
#[must_use]
pub fn layer(database: Database, secure: bool) -> SessionManagerLayer<DatabaseSessions> {
    SessionManagerLayer::new(DatabaseSessions(database))
        .with_name(COOKIE)
        .with_same_site(SameSite::Lax)
        .with_http_only(true)
        .with_secure(secure)
        .with_expiry(Expiry::OnInactivity(time::Duration::days(IDLE_DAYS)))
}

fn backend(error: StorageError) -> Error {
    Error::Backend(error.to_string())
}

fn expiry(record: &Record) -> Timestamp {
    Timestamp(record.expiry_date.unix_timestamp().saturating_mul(1000))
}

fn encode(record: &Record) -> Result<String> {
    serde_json::to_string(&record.data).map_err(|e| Error::Encode(e.to_string()))
}

// `async_trait` writes these signatures for the trait; an implementation has to repeat them.
#[async_trait::async_trait]
impl SessionStore for DatabaseSessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        loop {
            let data = encode(record)?;
            let id = record.id.to_string();
            let created = self.0.create_session(&id, &data, expiry(record)).await;
            if created.map_err(backend)? {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let data = encode(record)?;
        let id = record.id.to_string();
        self.0
            .save_session(&id, &data, expiry(record))
            .await
            .map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let now = Timestamp(OffsetDateTime::now_utc().unix_timestamp() * 1000);
        let Some(found) = self
            .0
            .load_session(&id.to_string(), now)
            .await
            .map_err(backend)?
        else {
            return Ok(None);
        };
        let data = serde_json::from_str(&found.data).map_err(|e| Error::Decode(e.to_string()))?;
        let expiry_date = OffsetDateTime::from_unix_timestamp(found.expires_at.0 / 1000)
            .map_err(|e| Error::Decode(e.to_string()))?;
        Ok(Some(Record {
            id: *id,
            data,
            expiry_date,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.0
            .delete_session(&id.to_string())
            .await
            .map_err(backend)
    }
}
