//! The audit log: what each use case tells about itself, and how it is read. A use case names actor, action
//! and subject in one [`Act`]; `Control::change` stores the row with the change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{
    BudgetScope, DeploymentId, KeyId, TeamId, TokenId, UserId,
    audit::{Actor, ActorKind, AuditQuery, AuditRow, Subject},
    page::Page,
    script::ScriptId,
};
use serde::Serialize;
use serde_json::Value;
use storage::NewAuditRow;

use crate::{Admin, Control, ControlError};

/// Longest JSON of a side that is kept, in bytes.
const MAX_DETAIL: usize = 64 * 1024;

/// Members with such words in their names are secrets, whatever they are members of.
const SECRET_WORDS: [&str; 6] = [
    "secret",
    "password_hash",
    "api_key",
    "token_hash",
    "authorization",
    "credential",
];

/// Who does what to whom.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    actor: Actor,
    action: &'static str,
    subject: Option<Subject>,
    /// Whoever only looks gets as far as here and no further.
    allowed: bool,
}

impl Act {
    pub(crate) fn new(actor: Actor, action: &'static str) -> Self {
        Self {
            actor,
            action,
            subject: None,
            allowed: true,
        }
    }

    pub(crate) fn only_if(self, allowed: bool) -> Self {
        Self { allowed, ..self }
    }

    /// # Errors
    /// [`ControlError::Forbidden`] for whoever only looks.
    pub(crate) fn check(&self) -> Result<(), ControlError> {
        self.allowed.then_some(()).ok_or(ControlError::Forbidden)
    }

    /// To whom: an id, or a kind and a name, such as `("backend", "openai")`.
    pub(crate) fn on(mut self, subject: impl Into<Subject>) -> Self {
        self.subject = Some(subject.into());
        self
    }
}

/// What is told about a change while it happens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Telling(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    subject: Option<Subject>,
    before: Option<Value>,
    after: Option<Value>,
}

impl Telling {
    fn lock(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who did not show who they are: the router itself, or whoever typed `name`.
pub(crate) fn nobody(name: &str) -> Actor {
    Actor {
        kind: ActorKind::Nobody,
        user_id: None,
        name: name.to_owned(),
    }
}

/// Of whom a budget is.
pub(crate) fn bearer(scope: BudgetScope) -> Subject {
    match scope {
        BudgetScope::User(id) => id.into(),
        BudgetScope::Team(id) => id.into(),
        BudgetScope::Key(id) => id.into(),
    }
}

impl Control {
    /// The log, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_log(
        &self,
        _: &Admin,
        query: &AuditQuery,
    ) -> Result<Page<AuditRow>, ControlError> {
        Ok(self.db().audit_rows(query).await?)
    }

    /// Adds a row about something that an admin has done outside of the database, such as reading the
    /// configuration again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record(
        &self,
        admin: &Admin,
        action: &'static str,
        subject: (&str, &str),
        after: Option<Value>,
    ) -> Result<(), ControlError> {
        self.note(admin.does(action).on(subject), after).await
    }

    /// Adds a row by itself.
    pub(crate) async fn note(&self, act: Act, after: Option<Value>) -> Result<(), ControlError> {
        act.check()?;
        let changing = self.db().begin_change().await?;
        let inside = self.inside(&changing);
        // Null where there is nothing to tell, so that nothing is looked up either.
        inside.tell_after(&after);
        inside.append(act).await?;
        Ok(changing.commit().await?)
    }

    /// Inside a change: what it was done to, where that has only now come to be.
    pub(crate) fn tell_subject(&self, subject: impl Into<Subject>) {
        self.telling.lock().subject = Some(subject.into());
    }

    /// Inside a change: what was there before. Secrets must not be part of it.
    pub(crate) fn tell_before(&self, what: &impl Serialize) {
        self.telling.lock().before = serde_json::to_value(what).ok();
    }

    /// Inside a change: what is there after it. Secrets must not be part of it.
    pub(crate) fn tell_after(&self, what: &impl Serialize) {
        self.telling.lock().after = serde_json::to_value(what).ok();
    }

    pub(crate) async fn tell_before_of(&self, act: &Act) -> Result<(), ControlError> {
        if let Some(subject) = &act.subject {
            let before = self.snapshot(subject).await?;
            self.telling.lock().before = before;
        }
        Ok(())
    }

    /// Adds the row of a change that has happened, inside it.
    pub(crate) async fn append(&self, act: Act) -> Result<(), ControlError> {
        let told = std::mem::take(&mut *self.telling.lock());
        let subject = told.subject.or(act.subject);
        let mut after = told.after;
        if after.is_none()
            && let Some(subject) = &subject
        {
            after = self.snapshot(subject).await?;
        }
        let name = [&after, &told.before].into_iter().find_map(|side| {
            let side = side.as_ref()?;
            ["name", "label"].iter().find_map(|member| side.get(member))
        });
        let row = NewAuditRow {
            at: self.now(),
            actor: act.actor,
            action: act.action.to_owned(),
            subject_name: name.and_then(Value::as_str).map(str::to_owned),
            subject,
            before: written(told.before),
            after: written(after),
        };
        Ok(self.db().append_audit(&row).await?)
    }

    /// What there is of a subject; `None`: nothing, or it is of a kind that is told by the use case.
    async fn snapshot(&self, subject: &Subject) -> Result<Option<Value>, ControlError> {
        let Ok(id) = subject.id.parse::<i64>() else {
            return Ok(None);
        };
        let db = self.db();
        Ok(match subject.kind.as_str() {
            "user" => value(db.find_user(UserId(id)).await?),
            "key" => value(db.find_key(KeyId(id)).await?),
            "token" => value(db.find_token(TokenId(id)).await?),
            "team" => {
                let Some(counted) = db.find_team(TeamId(id)).await? else {
                    return Ok(None);
                };
                let mut team = serde_json::to_value(&counted.team).unwrap_or_default();
                team["members"] = db
                    .team_members(TeamId(id))
                    .await?
                    .iter()
                    .map(|member| {
                        Value::from(format!("{} ({})", member.name, member.role.as_str()))
                    })
                    .collect();
                Some(team)
            }
            "script" => db.find_script(ScriptId(id)).await?.map(|script| {
                // The code of every version is kept as such.
                serde_json::json!({
                    "name": script.input.name,
                    "type": script.input.script_type,
                    "target_user": script.input.target_user,
                    "target_key": script.input.target_key,
                    "target_backend": script.input.target_backend,
                    "active": script.input.active,
                    "on_error": script.input.on_error,
                    "position": script.input.position,
                    "version": script.version,
                })
            }),
            "price" => {
                let deployments = db.deployments().await?;
                let found = deployments.into_iter().find(|d| d.id == DeploymentId(id));
                let history = db.price_histories().await?.remove(&DeploymentId(id));
                let latest = history.and_then(|history| history.into_iter().next());
                found.map(|deployment| {
                    serde_json::json!({
                        "name": format!("{}/{}", deployment.backend, deployment.model),
                        "source": latest.as_ref().map(|record| record.source.as_str()),
                        "effective_from": latest.as_ref().map(|record| record.effective_from),
                        "price": latest.and_then(|record| record.price),
                    })
                })
            }
            _ => None,
        })
    }
}

fn value(what: Option<impl Serialize>) -> Option<Value> {
    what.and_then(|what| serde_json::to_value(what).ok())
}

/// JSON as it is kept: without secrets, and not endless.
fn written(side: Option<Value>) -> Option<String> {
    let mut side = side.filter(|side| !side.is_null())?;
    hide_secrets(&mut side);
    let text = side.to_string();
    Some(if text.len() > MAX_DETAIL {
        format!("{{\"too_long\":{}}}", text.len())
    } else {
        text
    })
}

/// Use cases leave secrets out themselves; this is for the one that forgot.
fn hide_secrets(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.to_lowercase();
                let secret = SECRET_WORDS.iter().any(|word| name.contains(word));
                if secret && (value.is_string() || value.is_array()) {
                    *value = Value::from("[secret]");
                } else {
                    hide_secrets(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_secrets),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_are() {
        let side = serde_json::json!({
            "name": "x",
            "api_keys": ["sk-1", "sk-2"],
            "deep": [{"client_secret": "s", "credential": {"id": 7}}],
        });
        let text = written(Some(side)).expect("JSON");
        assert!(!text.contains("sk-1") && !text.contains("\"s\""), "{text}");
        assert!(text.contains("\"id\":7"), "{text}");
    }
}
