//! Backends, groups and rewrites that administrators have made. What an entry means is not known here:
//! a name, JSON, and sealed bytes that this crate cannot open.

use domain::{BackendId, Timestamp};

use crate::{Database, StorageError, backends::name_backend};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RouteSection {
    Backend,
    Group,
    Rewrite,
}

impl RouteSection {
    /// The name used in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Group => "group",
            Self::Rewrite => "rewrite",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Backend, Self::Group, Self::Rewrite]
            .into_iter()
            .find(|section| section.as_str() == text)
    }
}

/// A stored entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteEntryRecord {
    pub id: i64,
    pub section: RouteSection,
    pub name: String,
    /// JSON, without what is secret.
    pub value: String,
    /// Sealed; `None`: there is nothing secret.
    pub secrets: Option<Vec<u8>>,
    pub note: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What an entry is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteEntryInput {
    pub name: String,
    pub value: String,
    pub secrets: Option<Vec<u8>>,
    pub note: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    section: String,
    name: String,
    value: String,
    secrets: Option<Vec<u8>>,
    note: String,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<Row> for RouteEntryRecord {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let section = RouteSection::parse(&row.section);
        Ok(Self {
            id: row.id,
            section: section.ok_or(StorageError::Corrupt {
                what: "route entry",
            })?,
            name: row.name,
            value: row.value,
            secrets: row.secrets,
            note: row.note,
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
        })
    }
}

impl Database {
    /// All entries, the oldest of each section first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn route_entries(&self) -> Result<Vec<RouteEntryRecord>, StorageError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select id, section, name, value, secrets, note, created_at, updated_at \
             from route_entries order by id",
        )
        .fetch_all(self.readers())
        .await?;
        rows.into_iter().map(TryFrom::try_from).collect()
    }

    /// Adds an entry. A backend can be referred to from then on.
    ///
    /// # Errors
    /// [`crate::Constraint::Duplicate`] when there is one of that name in the section.
    pub async fn create_route_entry(
        &self,
        section: RouteSection,
        input: &RouteEntryInput,
        now: Timestamp,
    ) -> Result<RouteEntryRecord, StorageError> {
        let mut transaction = self.writer().begin().await?;
        let row: Row = sqlx::query_as(
            "insert into route_entries (section, name, value, secrets, note, created_at, updated_at) \
             values ($1, $2, $3, $4, $5, $6, $6) \
             returning id, section, name, value, secrets, note, created_at, updated_at",
        )
        .bind(section.as_str())
        .bind(&input.name)
        .bind(&input.value)
        .bind(&input.secrets)
        .bind(&input.note)
        .bind(now.0)
        .fetch_one(&mut *transaction)
        .await?;
        if section == RouteSection::Backend {
            name_backend(&mut transaction, None, &input.name, now).await?;
        }
        transaction.commit().await?;
        row.try_into()
    }

    /// Changes an entry. A backend that is renamed stays the same one for the ledger and for permissions.
    ///
    /// # Errors
    /// As [`Self::create_route_entry`].
    pub async fn update_route_entry(
        &self,
        id: i64,
        input: &RouteEntryInput,
        now: Timestamp,
    ) -> Result<Option<RouteEntryRecord>, StorageError> {
        let mut transaction = self.writer().begin().await?;
        let before: Option<(String, String)> =
            sqlx::query_as("select section, name from route_entries where id = $1")
                .bind(id)
                .fetch_optional(&mut *transaction)
                .await?;
        let Some((section, name)) = before else {
            return Ok(None);
        };
        let row: Row = sqlx::query_as(
            "update route_entries set name = $2, value = $3, secrets = $4, note = $5, updated_at = $6 \
             where id = $1 returning id, section, name, value, secrets, note, created_at, updated_at",
        )
        .bind(id)
        .bind(&input.name)
        .bind(&input.value)
        .bind(&input.secrets)
        .bind(&input.note)
        .bind(now.0)
        .fetch_one(&mut *transaction)
        .await?;
        if section == RouteSection::Backend.as_str() && name != input.name {
            name_backend(&mut transaction, Some(&name), &input.name, now).await?;
        }
        transaction.commit().await?;
        Ok(Some(row.try_into()?))
    }

    /// Removes an entry; `false`: there is none. What the ledger names stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_route_entry(&self, id: i64) -> Result<bool, StorageError> {
        let done = sqlx::query("delete from route_entries where id = $1")
            .bind(id)
            .execute(self.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Every backend that there is or was: id and name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn backend_names(&self) -> Result<Vec<(BackendId, String)>, StorageError> {
        let rows: Vec<(i64, String)> = sqlx::query_as("select id, name from backends order by id")
            .fetch_all(self.readers())
            .await?;
        Ok(rows
            .into_iter()
            .map(|(id, name)| (BackendId(id), name))
            .collect())
    }
}
