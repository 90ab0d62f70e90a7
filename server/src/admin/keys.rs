//! `/admin/users/{id}/keys` and `/admin/keys/{key}`. A key is named by its id; the full key is
//! accepted too, as the forerunners' scripts send it, and is never logged.

use std::time::Duration;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use control::{Admin, Control, ControlError, KeyQuery, NewKeyInput, ShownKey};
use domain::{
    KeyId, KeyOwner, Timestamp, UserId, VirtualKey,
    account::{KeyAccess, KeySummary},
    page::Page,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AdminCaller, ApiError, body::Both, extract::Path, terms, terms::TermsBody, usd};

/// Keys fetched at a time while all are listed.
const PAGE: u32 = 200;

pub(crate) fn render(summary: &KeySummary) -> Value {
    let key = &summary.key;
    let (user_id, team_id) = match key.owner {
        KeyOwner::User(id) => (Some(id), None),
        KeyOwner::Team(id) => (None, Some(id)),
    };
    let mut json = json!({
        "id": key.id,
        "key": masked(&key.prefix, &key.last4),
        "user_id": user_id,
        "team_id": team_id,
        "label": key.label,
        "status": summary.status,
        "active": key.active,
        "is_active": key.active,
        "revoked_at": key.revoked_at,
        "expires_at": key.expires_at,
        "allowed_models": key.access.models,
        "allowed_backends": key.access.backends,
        "allowed_addresses": key.access.addresses,
        "tags": key.tags,
        "daily_spend": usd(summary.spent_today),
        "monthly_spend": usd(summary.spent_this_month),
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "retiring": key.retiring.as_ref().map(|old| json!({
            "key": masked(&old.prefix, &old.last4),
            "valid_until": old.valid_until,
        })),
    });
    terms::render(&mut json, &key.budget, &key.limits);
    json
}

fn masked(prefix: &str, last4: &str) -> String {
    format!("{prefix}…{last4}")
}

/// All pages of a list of keys.
pub(super) async fn all<F>(
    mut page_of: impl FnMut(KeyQuery) -> F,
) -> Result<Json<Vec<Value>>, ApiError>
where
    F: Future<Output = Result<Page<KeySummary>, ControlError>>,
{
    let mut keys = Vec::new();
    for page in 1.. {
        let found = page_of(KeyQuery {
            page,
            per_page: PAGE,
            ..KeyQuery::default()
        })
        .await?;
        keys.extend(found.rows.iter().map(render));
        if page >= found.pages() {
            break;
        }
    }
    Ok(Json(keys))
}

/// A key that was made or rotated, with the secret that is shown this once.
pub(super) fn shown(shown: &ShownKey) -> Json<Value> {
    Json(json!({
        "id": shown.key.id,
        "key": shown.secret.reveal(),
        "label": shown.key.label,
        "expires_at": shown.key.expires_at,
    }))
}

/// `GET`: a user's keys, masked.
pub async fn list(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(user): Path<i64>,
) -> Result<Json<Vec<Value>>, ApiError> {
    // An unknown user is an error and not an empty list.
    control.get_user(&admin, UserId(user)).await?;
    all(|query| {
        let query = KeyQuery {
            user_id: Some(UserId(user)),
            ..query
        };
        let (control, admin) = (&control, &admin);
        async move { control.list_keys(admin, &query).await }
    })
    .await
}

/// What can be said of a key, when it is made and later.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct KeyChange {
    label: Option<String>,
    /// Milliseconds since 1970; null never expires.
    #[serde(deserialize_with = "present")]
    expires_at: Option<Option<Timestamp>>,
    allowed_models: Option<Vec<String>>,
    allowed_backends: Option<Vec<String>>,
    allowed_addresses: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    #[serde(alias = "is_active")]
    active: Option<bool>,
}

/// The body of a request about a key.
pub type KeyBody = Both<KeyChange, TermsBody>;

/// Tells `null` from a member that is not there.
fn present<'de, D: serde::Deserializer<'de>>(
    value: D,
) -> Result<Option<Option<Timestamp>>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl Both<KeyChange, TermsBody> {
    /// `now` with what is named; `None`: nothing is.
    pub(super) fn apply(self, now: NewKeyInput) -> Result<Option<NewKeyInput>, ApiError> {
        let Self(change, terms) = self;
        let budget = terms.budget(now.budget)?;
        let limits = terms.limits(now.limits);
        let nothing = change.label.is_none()
            && change.expires_at.is_none()
            && change.allowed_models.is_none()
            && change.allowed_backends.is_none()
            && change.allowed_addresses.is_none()
            && change.tags.is_none()
            && budget.is_none()
            && limits.is_none();
        Ok((!nothing).then(|| NewKeyInput {
            label: change.label.unwrap_or(now.label),
            expires_at: change.expires_at.unwrap_or(now.expires_at),
            limits: limits.unwrap_or(now.limits),
            budget: budget.unwrap_or(now.budget),
            access: KeyAccess {
                models: change.allowed_models.unwrap_or(now.access.models),
                backends: change.allowed_backends.unwrap_or(now.access.backends),
                addresses: change.allowed_addresses.unwrap_or(now.access.addresses),
            },
            tags: change.tags.unwrap_or(now.tags),
        }))
    }

    /// A key of which nothing else is known.
    pub(super) fn new_key(self) -> Result<NewKeyInput, ApiError> {
        let mut input = self.apply(NewKeyInput::default())?.unwrap_or_default();
        if input.label.trim().is_empty() {
            input.label = "key".to_owned();
        }
        Ok(input)
    }
}

/// `POST`: another key, shown this once.
pub async fn create(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(user): Path<i64>,
    body: Result<Json<KeyBody>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(body) = body?;
    let input = body.new_key()?;
    let created = control.create_key(&admin, UserId(user), input).await?;
    Ok(shown(&created))
}

/// `PATCH /admin/keys/{key}`
pub async fn update(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(key): Path<String>,
    body: Result<Json<KeyBody>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(change) = body?;
    let key = find(&control, &admin, &key).await?;
    let active = change.0.active;
    let edited = change.apply(NewKeyInput {
        label: key.label,
        expires_at: key.expires_at,
        limits: key.limits,
        budget: key.budget,
        access: key.access,
        tags: key.tags,
    })?;
    if active.is_none() && edited.is_none() {
        return Err(ApiError::BadRequest("Nothing to update".to_owned()));
    }
    if let Some(input) = edited {
        control.update_key(&admin, key.id, input).await?;
    }
    if let Some(active) = active {
        control.set_key_active(&admin, key.id, active).await?;
    }
    Ok(Json(json!({"ok": true})))
}

/// `DELETE /admin/keys/{key}`
pub async fn delete(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(key): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let key = find(&control, &admin, &key).await?;
    control.delete_key(&admin, key.id).await?;
    Ok(Json(json!({"ok": true})))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rotation {
    /// Seconds for which the present key goes on working.
    overlap_seconds: u32,
}

/// `POST /admin/keys/{key}/rotate`: a new secret, shown this once.
pub async fn rotate(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(key): Path<String>,
    body: Result<Json<Rotation>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(Rotation { overlap_seconds }) = body?;
    let key = find(&control, &admin, &key).await?;
    let overlap = Duration::from_secs(u64::from(overlap_seconds));
    let rotated = control.rotate_key(&admin, key.id, overlap).await?;
    Ok(shown(&rotated))
}

/// `POST /admin/keys/{key}/revoke`: ends it for good.
pub async fn revoke(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(key): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let key = find(&control, &admin, &key).await?;
    control.revoke_key(&admin, key.id).await?;
    Ok(Json(json!({"ok": true})))
}

async fn find(control: &Control, admin: &Admin, key: &str) -> Result<VirtualKey, ApiError> {
    if let Ok(id) = key.parse() {
        return Ok(control.get_key(admin, KeyId(id)).await?);
    }
    let found = control.find_key_by_secret(admin, key).await?;
    Ok(found.ok_or(ControlError::NotFound)?)
}
