//! The audit log. A row's hash is SHA-256 over the hash of the row before it and its own content, each part
//! with its length in front, so that no two contents look alike. Rows are added inside the change that
//! they tell of.

use domain::{
    Timestamp, UserId,
    audit::{Actor, ActorKind, AuditQuery, AuditRow, Subject},
    page::{Page, PageWindow},
};
use futures_util::TryStreamExt as _;
use sha2::{Digest as _, Sha256};

use crate::{Database, StorageError, users::contains_pattern};

/// What the first row follows.
const BEGINNING: [u8; 32] = [0; 32];

/// Findings that are told one by one.
const TOLD: usize = 20;

/// A row to be added.
#[derive(Clone, Debug)]
pub struct NewAuditRow {
    pub at: Timestamp,
    pub actor: Actor,
    pub action: String,
    pub subject: Option<Subject>,
    pub subject_name: Option<String>,
    /// JSON without secrets.
    pub before: Option<String>,
    /// JSON without secrets.
    pub after: Option<String>,
}

/// What checking the log found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditVerified {
    pub rows: u64,
    /// The last row's hash in hexadecimal digits. Kept elsewhere, it shows later that all rows up to there
    /// are still the same.
    pub head: String,
    /// What is wrong, the first findings of all.
    pub findings: Vec<String>,
    pub finding_count: u64,
}

impl AuditVerified {
    fn find(&mut self, what: String) {
        self.finding_count += 1;
        if self.findings.len() < TOLD {
            self.findings.push(what);
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    seq: i64,
    at: i64,
    actor_kind: String,
    actor_id: Option<i64>,
    actor: String,
    action: String,
    subject_kind: Option<String>,
    subject_id: Option<String>,
    subject: Option<String>,
    before: Option<String>,
    after: Option<String>,
    hash: Vec<u8>,
}

macro_rules! columns {
    () => {
        "seq, at, actor_kind, actor_id, actor, action, subject_kind, subject_id, subject, before, \
         after, hash"
    };
}

impl Row {
    fn computed(&self, previous: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut part = |bytes: Option<&[u8]>| match bytes {
            None => hash.update([0]),
            Some(bytes) => {
                hash.update([1]);
                hash.update((bytes.len() as u64).to_be_bytes());
                hash.update(bytes);
            }
        };
        part(Some(previous));
        part(Some(&self.seq.to_be_bytes()));
        part(Some(&self.at.to_be_bytes()));
        part(Some(self.actor_kind.as_bytes()));
        part(self.actor_id.map(i64::to_be_bytes).as_ref().map(|b| &b[..]));
        part(Some(self.actor.as_bytes()));
        part(Some(self.action.as_bytes()));
        for text in [
            &self.subject_kind,
            &self.subject_id,
            &self.subject,
            &self.before,
            &self.after,
        ] {
            part(text.as_deref().map(str::as_bytes));
        }
        hash.finalize().into()
    }
}

impl TryFrom<Row> for AuditRow {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let kind = ActorKind::parse(&row.actor_kind);
        Ok(Self {
            seq: row.seq,
            at: Timestamp(row.at),
            actor: Actor {
                kind: kind.ok_or(StorageError::Corrupt { what: "actor" })?,
                user_id: row.actor_id.map(UserId),
                name: row.actor,
            },
            action: row.action,
            subject: row
                .subject_kind
                .zip(row.subject_id)
                .map(|(kind, id)| Subject { kind, id }),
            subject_name: row.subject,
            before: row.before,
            after: row.after,
            hash: hex::encode(row.hash),
        })
    }
}

impl Database {
    /// Adds a row. To be called inside a change: it reads the last row first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn append_audit(&self, new: &NewAuditRow) -> Result<(), StorageError> {
        let last: Option<(i64, Vec<u8>)> =
            sqlx::query_as("select seq, hash from audit_head where id = 1")
                .fetch_optional(self.writer())
                .await?;
        let (last, previous) = last.unwrap_or_else(|| (0, BEGINNING.to_vec()));
        let row = Row {
            seq: last + 1,
            at: new.at.0,
            actor_kind: new.actor.kind.as_str().to_owned(),
            actor_id: new.actor.user_id.map(|id| id.0),
            actor: new.actor.name.clone(),
            action: new.action.clone(),
            subject_kind: new.subject.as_ref().map(|subject| subject.kind.clone()),
            subject_id: new.subject.as_ref().map(|subject| subject.id.clone()),
            subject: new.subject_name.clone(),
            before: new.before.clone(),
            after: new.after.clone(),
            hash: Vec::new(),
        };
        let hash = row.computed(&previous);
        sqlx::query(concat!(
            "insert into audit (",
            columns!(),
            ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        ))
        .bind(row.seq)
        .bind(row.at)
        .bind(&row.actor_kind)
        .bind(row.actor_id)
        .bind(&row.actor)
        .bind(&row.action)
        .bind(&row.subject_kind)
        .bind(&row.subject_id)
        .bind(&row.subject)
        .bind(&row.before)
        .bind(&row.after)
        .bind(&hash[..])
        .execute(self.writer())
        .await?;
        sqlx::query(
            "insert into audit_head (id, seq, hash) values (1, $1, $2) \
             on conflict (id) do update set seq = excluded.seq, hash = excluded.hash",
        )
        .bind(row.seq)
        .bind(&hash[..])
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// The newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_rows(&self, query: &AuditQuery) -> Result<Page<AuditRow>, StorageError> {
        macro_rules! matching {
            () => {
                " from audit where ($1 is null or actor_id = $1) \
                 and ($2 = '' or action = $2 or substr(action, 1, length($2) + 1) = $2 || '.') \
                 and ($3 = '' or subject_kind = $3) and ($4 = '' or subject_id = $4) \
                 and ($5 is null or at >= $5) and ($6 is null or at < $6) \
                 and ($7 = '%%' or actor like $7 escape '\\' or subject like $7 escape '\\' \
                      or action like $7 escape '\\' or before like $7 escape '\\' \
                      or after like $7 escape '\\')"
            };
        }
        let window = PageWindow::new(query.page, query.per_page);
        let pattern = contains_pattern(&query.search);
        let (from, until) = (query.from.map(|t| t.0), query.until.map(|t| t.0));
        let total: i64 = sqlx::query_scalar(concat!("select count(*)", matching!()))
            .bind(query.actor_id.map(|id| id.0))
            .bind(query.action.trim())
            .bind(&query.subject_kind)
            .bind(&query.subject_id)
            .bind(from)
            .bind(until)
            .bind(&pattern)
            .fetch_one(self.readers())
            .await?;
        let rows = sqlx::query_as::<_, Row>(concat!(
            "select ",
            columns!(),
            matching!(),
            " order by seq desc limit $8 offset $9"
        ))
        .bind(query.actor_id.map(|id| id.0))
        .bind(query.action.trim())
        .bind(&query.subject_kind)
        .bind(&query.subject_id)
        .bind(from)
        .bind(until)
        .bind(&pattern)
        .bind(i64::from(window.per_page))
        .bind(window.offset())
        .fetch_all(self.readers())
        .await?;
        let rows = rows.into_iter().map(AuditRow::try_from);
        Ok(Page {
            rows: rows.collect::<Result<_, _>>()?,
            total: u32::try_from(total).unwrap_or(u32::MAX),
            page: window.page,
            per_page: window.per_page,
        })
    }

    /// Computes every hash again. `contains`: a hash in hexadecimal digits that some row must have.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn verify_audit(
        &self,
        contains: Option<&str>,
    ) -> Result<AuditVerified, StorageError> {
        let mut verified = AuditVerified::default();
        let mut wanted = contains.map(str::trim);
        // One snapshot, so that a row that is being added is there with its head or not at all.
        let mut snapshot = self.readers().begin().await?;
        let head: Option<(i64, Vec<u8>)> =
            sqlx::query_as("select seq, hash from audit_head where id = 1")
                .fetch_optional(&mut *snapshot)
                .await?;
        let (mut last, mut previous) = (0_i64, BEGINNING.to_vec());
        {
            let mut rows = sqlx::query_as::<_, Row>(concat!(
                "select ",
                columns!(),
                " from audit order by seq"
            ))
            .fetch(&mut *snapshot);
            while let Some(row) = rows.try_next().await? {
                verified.rows += 1;
                if row.seq != last + 1 {
                    let missing = match (last + 1, row.seq - 1) {
                        (first, last) if first == last => format!("row {first} is missing"),
                        (first, last) => format!("rows {first} to {last} are missing"),
                    };
                    verified.find(missing);
                }
                // After a gap nothing is known of the row before, so that this row's hash says nothing.
                if row.seq == last + 1 && row.computed(&previous)[..] != row.hash[..] {
                    verified.find(format!(
                        "row {} is not what was written, or not in its place",
                        row.seq
                    ));
                }
                if wanted.is_some_and(|hash| hash.eq_ignore_ascii_case(&hex::encode(&row.hash))) {
                    wanted = None;
                }
                last = row.seq;
                previous = row.hash;
            }
        }
        let (head_seq, head_hash) = head.unwrap_or_else(|| (0, BEGINNING.to_vec()));
        if head_seq > last {
            verified.find(match head_seq - last {
                1 => format!("row {head_seq}, the last, is missing"),
                _ => format!("rows {} to {head_seq}, the last, are missing", last + 1),
            });
        } else if head_seq != last || head_hash != previous {
            verified.find(format!(
                "the end of the log is not what was noted, which is row {head_seq}"
            ));
        }
        if let Some(hash) = wanted {
            verified.find(format!("no row has the hash {hash}"));
        }
        verified.head = hex::encode(previous);
        Ok(verified)
    }
}
