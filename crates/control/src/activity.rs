//! What happens on the backends and by the keys, for status pages and other systems; and the log of
//! requests.

use domain::{
    Timestamp, UserId,
    account::KeyQuery,
    page::MAX_PER_PAGE,
    period::Period,
    report::{NamedTotals, Totals},
};
use storage::{BackendActivity, LoggedRequest, RequestLogQuery};

use crate::{Admin, Control, ControlError};

/// What one key was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyActivity {
    pub label: String,
    /// Such as `sk-lr-3fQ…x9Za`.
    pub masked: String,
    pub owner: String,
    pub active: bool,
    pub last_used_at: Option<Timestamp>,
    pub totals: Totals,
}

impl Control {
    /// The activity of every backend in stretches of `stretch_ms`; see [`storage::Database::activity`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn activity(
        &self,
        _: &Admin,
        period: Period,
        stretch_ms: i64,
    ) -> Result<Vec<BackendActivity>, ControlError> {
        Ok(self.db().activity(period, stretch_ms).await?)
    }

    /// Requests that have ended, the newest first, and how many there are in all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn request_log(
        &self,
        _: &Admin,
        query: &RequestLogQuery,
    ) -> Result<(Vec<LoggedRequest>, u64), ControlError> {
        Ok(self.db().request_log(query).await?)
    }

    /// The sums of a stretch of time, of one user or of everyone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn totals_of(
        &self,
        _: &Admin,
        period: Period,
        user: Option<UserId>,
    ) -> Result<Totals, ControlError> {
        let totals = self.db().totals(&[period], user).await?;
        Ok(totals.into_iter().next().unwrap_or_default())
    }

    /// The sums of a stretch of time by model, the dearest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage_by_model(
        &self,
        _: &Admin,
        period: Period,
        user: Option<UserId>,
    ) -> Result<Vec<NamedTotals>, ControlError> {
        Ok(self.db().totals_by_model(period, user).await?)
    }

    /// What every key was used for since `since`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn key_activity(
        &self,
        _: &Admin,
        since: Timestamp,
    ) -> Result<Vec<KeyActivity>, ControlError> {
        let period = Period {
            start: since,
            end: Timestamp(i64::MAX),
        };
        let totals = self.db().totals_by_key(period).await?;
        let mut found = Vec::new();
        for page in 1.. {
            let query = KeyQuery {
                page,
                per_page: MAX_PER_PAGE,
                ..KeyQuery::default()
            };
            let keys = self.db().list_keys(&query, self.now()).await?;
            let last = page >= keys.pages();
            for owned in keys.rows {
                let key = owned.key;
                found.push(KeyActivity {
                    masked: format!("{}…{}", key.prefix, key.last4),
                    label: key.label,
                    owner: owned.owner,
                    active: key.active && key.revoked_at.is_none(),
                    last_used_at: key.last_used_at,
                    totals: totals.get(&key.id).copied().unwrap_or_default(),
                });
            }
            if last {
                break;
            }
        }
        Ok(found)
    }
}
