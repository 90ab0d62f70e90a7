//! Backends, groups and rewrites that administrators make, beside those of the configuration file, which
//! only the file changes. A change is checked as the file would be, stored, and put into force; what is
//! secret in it is sealed and never given back.

use domain::{
    BackendId, KeyId,
    audit::Subject,
    configured::{ConnectionTest, RoutingView, SettingProblem},
    routing::RouteExplanation,
};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};
use storage::{RouteEntryInput, RouteEntryRecord, RouteSection};

use crate::{
    Admin, Change, Control, ControlError, DataPlane, ExplainInput, RouteEntry, error::found,
};

/// Members that are stored sealed.
const SECRET: [&str; 2] = ["api_keys", "headers"];

/// What sealed members are sealed for.
const PURPOSE: &str = "route entry";

/// Entries of one section; a table of routes is not a database.
const MAX_ENTRIES: usize = 1_000;

impl Control {
    /// Connects the rest of the router; before that nothing here can be done.
    pub fn connect(&self, data_plane: std::sync::Arc<dyn DataPlane>) {
        // Only the first counts, and there is one.
        let _ = self.inner.data_plane.set(data_plane);
    }

    pub(crate) fn data_plane(&self) -> Result<&dyn DataPlane, ControlError> {
        let connected = self.inner.data_plane.get();
        let missing = ControlError::Internal("no data plane is connected");
        connected.map(AsRef::as_ref).ok_or(missing)
    }

    /// All that is stored, with its secrets: for the data plane and nobody else.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stored_routes(&self) -> Result<Vec<RouteEntry>, ControlError> {
        let records = self.db().route_entries().await?;
        Ok(records.iter().map(|record| self.opened(record)).collect())
    }

    /// All backends, groups and rewrites, and how they are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn routing(&self, _: &Admin) -> Result<RoutingView, ControlError> {
        let stored = self.stored_routes().await?;
        let mut view = self.data_plane()?.view(&stored);
        // What was never in force is known to the database only.
        let names = self.db().backend_names().await?;
        for backend in view.backends.iter_mut().filter(|b| b.id.is_none()) {
            let known = names.iter().find(|(_, name)| *name == backend.name);
            backend.id = known.map(|(id, _)| *id);
        }
        Ok(view)
    }

    /// Makes an entry from an object in the words of the configuration file.
    ///
    /// # Errors
    /// [`ControlError::Settings`] says what is wrong with which member; [`ControlError::Unfitting`] when it
    /// cannot stand beside what there is.
    pub async fn create_route_entry(
        &self,
        admin: &Admin,
        section: RouteSection,
        value: Value,
        note: String,
    ) -> Result<RouteEntryRecord, ControlError> {
        let act = admin.does(match section {
            RouteSection::Backend => "backend.create",
            RouteSection::Group => "group.create",
            RouteSection::Rewrite => "rewrite.create",
        });
        self.change_of(Change::Routes, act, move |control| async move {
            let _one_at_a_time = control.inner.routes.lock().await;
            let before = control.stored_routes().await?;
            if before.iter().filter(|e| e.section == section).count() >= MAX_ENTRIES {
                return Err(ControlError::Unfitting(
                    "there are too many already".to_owned(),
                ));
            }
            let mut after = before.clone();
            after.push(RouteEntry {
                id: None,
                section,
                value: value.clone(),
                note: note.clone(),
            });
            control.check(&before, &after, Some(after.len() - 1))?;
            let input = control.sealed(section, value, note)?;
            let now = control.now();
            let created = control.db().create_route_entry(section, &input, now);
            let created = created.await?;
            control.tell_subject(subject_of(section, created.id));
            control.tell_after(&told(&created));
            Ok(created)
        })
        .await
    }

    /// Replaces an entry. Secret members that `value` does not name stay what they are.
    ///
    /// # Errors
    /// As [`Self::create_route_entry`]; [`ControlError::NotFound`].
    pub async fn update_route_entry(
        &self,
        admin: &Admin,
        section: RouteSection,
        id: i64,
        value: Value,
        note: Option<String>,
    ) -> Result<RouteEntryRecord, ControlError> {
        let act = admin.does(match section {
            RouteSection::Backend => "backend.update",
            RouteSection::Group => "group.update",
            RouteSection::Rewrite => "rewrite.update",
        });
        let act = act.on(subject_of(section, id));
        self.change_of(Change::Routes, act, move |control| async move {
            let _one_at_a_time = control.inner.routes.lock().await;
            let before = control.stored_routes().await?;
            control.tell_before_of_entry(section, id).await?;
            let place = control.place_of(&before, section, id)?;
            let mut after = before.clone();
            let value = with_former_secrets(value, &before[place].value);
            let note = note.unwrap_or_else(|| before[place].note.clone());
            after[place].value = value.clone();
            // Others may refer to it by the name that it had.
            if section == RouteSection::Backend {
                let (former, new) = (name_of(&before[place]), name_of(&after[place]));
                rename_members(&mut after, &former, &new);
            }
            control.check(&before, &after, Some(place))?;
            let now = control.now();
            for (number, entry) in after.iter().enumerate() {
                let renamed = number != place && entry.value != before[number].value;
                if let (true, Some(other)) = (renamed, entry.id) {
                    let (section, value) = (entry.section, entry.value.clone());
                    let input = control.sealed(section, value, entry.note.clone())?;
                    control.db().update_route_entry(other, &input, now).await?;
                }
            }
            let input = control.sealed(section, value, note)?;
            let updated = control.db().update_route_entry(id, &input, now).await?;
            let updated = updated.ok_or(ControlError::NotFound)?;
            control.tell_after(&told(&updated));
            Ok(updated)
        })
        .await
    }

    /// Makes an entry, or replaces the one of this id.
    ///
    /// # Errors
    /// As [`Self::create_route_entry`] and [`Self::update_route_entry`].
    pub async fn save_route_entry(
        &self,
        admin: &Admin,
        section: RouteSection,
        entry: Option<i64>,
        value: Value,
        note: String,
    ) -> Result<RouteEntryRecord, ControlError> {
        match entry {
            None => self.create_route_entry(admin, section, value, note).await,
            Some(id) => {
                let note = Some(note);
                self.update_route_entry(admin, section, id, value, note)
                    .await
            }
        }
    }

    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Unfitting`] while a group has it as a member.
    pub async fn delete_route_entry(
        &self,
        admin: &Admin,
        section: RouteSection,
        id: i64,
    ) -> Result<(), ControlError> {
        let act = admin.does(match section {
            RouteSection::Backend => "backend.delete",
            RouteSection::Group => "group.delete",
            RouteSection::Rewrite => "rewrite.delete",
        });
        let act = act.on(subject_of(section, id));
        self.change_of(Change::Routes, act, move |control| async move {
            let _one_at_a_time = control.inner.routes.lock().await;
            let before = control.stored_routes().await?;
            control.tell_before_of_entry(section, id).await?;
            let place = control.place_of(&before, section, id)?;
            let mut after = before.clone();
            after.remove(place);
            control.check(&before, &after, None)?;
            found(control.db().delete_route_entry(id).await?)
        })
        .await
    }

    /// A stored entry without its secrets.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn route_entry(
        &self,
        _: &Admin,
        section: RouteSection,
        id: i64,
    ) -> Result<RouteEntryRecord, ControlError> {
        self.record_of(section, id).await
    }

    async fn record_of(
        &self,
        section: RouteSection,
        id: i64,
    ) -> Result<RouteEntryRecord, ControlError> {
        let records = self.db().route_entries().await?;
        let record = records
            .into_iter()
            .find(|r| r.section == section && r.id == id);
        record.ok_or(ControlError::NotFound)
    }

    /// For the audit log, what an entry was before it is changed.
    async fn tell_before_of_entry(
        &self,
        section: RouteSection,
        id: i64,
    ) -> Result<(), ControlError> {
        let before = self.record_of(section, id).await?;
        self.tell_before(&told(&before));
        Ok(())
    }

    /// The stored entry of the backend that goes by `id` in the ledger and in permissions; `None`: it is
    /// the file's or the environment's.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]: there never was such a backend.
    pub async fn entry_of_backend(
        &self,
        _: &Admin,
        id: BackendId,
    ) -> Result<Option<RouteEntryRecord>, ControlError> {
        let names = self.db().backend_names().await?;
        let (_, name) = names
            .into_iter()
            .find(|(known, _)| *known == id)
            .ok_or(ControlError::NotFound)?;
        let records = self.db().route_entries().await?;
        Ok(records
            .into_iter()
            .find(|r| r.section == RouteSection::Backend && r.name == name))
    }

    /// Text in the format of the configuration file, as JSON.
    ///
    /// # Errors
    /// [`ControlError::Settings`] says what is wrong and where.
    pub fn parse_settings(&self, _: &Admin, text: &str) -> Result<Value, ControlError> {
        let parsed = self.data_plane()?.parse(text);
        parsed.map_err(|message| ControlError::Settings(vec![problem("", message)]))
    }

    /// Asks the backend that `value` describes for its models. What is secret and not named is taken from
    /// the stored entry `id`.
    ///
    /// # Errors
    /// [`ControlError::Settings`], as for making it.
    pub async fn test_backend(
        &self,
        admin: &Admin,
        id: Option<i64>,
        value: Value,
    ) -> Result<ConnectionTest, ControlError> {
        // It sends stored credentials where the caller says.
        admin.does("backend.test").check()?;
        let before = self.stored_routes().await?;
        let former = before.iter().position(|e| id.is_some() && e.id == id);
        let value = match former {
            Some(place) => with_former_secrets(value, &before[place].value),
            None => value,
        };
        let entry = RouteEntry {
            id,
            section: RouteSection::Backend,
            value,
            note: String::new(),
        };
        let mut after = before.clone();
        let place = former.unwrap_or(after.len());
        match former {
            Some(place) => after[place] = entry.clone(),
            None => after.push(entry.clone()),
        }
        self.check(&before, &after, Some(place))?;
        Ok(self.data_plane()?.test(&entry).await)
    }

    /// Asks a backend in force for its models.
    ///
    /// # Errors
    /// [`ControlError::Unfitting`]: it did not tell, and why.
    pub async fn refresh_models(&self, admin: &Admin, id: BackendId) -> Result<u64, ControlError> {
        admin.does("backend.refresh").check()?;
        let refreshed = self.data_plane()?.refresh_models(id).await;
        refreshed.map_err(ControlError::Unfitting)
    }

    /// Ends the rests of a backend: whoever does so knows that it is well again.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]: there never was such a backend.
    pub async fn end_rests(&self, admin: &Admin, id: BackendId) -> Result<(), ControlError> {
        let names = self.db().backend_names().await?;
        let named = names.into_iter().find(|(known, _)| *known == id);
        let (_, name) = named.ok_or(ControlError::NotFound)?;
        let act = admin.does("backend.end_rests").on(("backend", &*name));
        self.note(act, None).await?;
        self.data_plane()?.end_rests(id);
        Ok(())
    }

    /// What would become of a request.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]: there is no such key.
    pub fn explain_route(
        &self,
        _: &Admin,
        input: &ExplainInput,
    ) -> Result<RouteExplanation, ControlError> {
        let explained = self.data_plane()?.explain(input);
        explained.ok_or(ControlError::NotFound)
    }

    /// The models that a key could ask for.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]: there is no such key.
    pub fn models_of_key(&self, _: &Admin, key: KeyId) -> Result<Vec<String>, ControlError> {
        let models = self.data_plane()?.models_of_key(key);
        models.ok_or(ControlError::NotFound)
    }

    fn place_of(
        &self,
        entries: &[RouteEntry],
        section: RouteSection,
        id: i64,
    ) -> Result<usize, ControlError> {
        let here = |e: &RouteEntry| e.section == section && e.id == Some(id);
        entries.iter().position(here).ok_or(ControlError::NotFound)
    }

    /// Whether `after` can be used as well as `before` could, and the entry at `changed` in any case.
    fn check(
        &self,
        before: &[RouteEntry],
        after: &[RouteEntry],
        changed: Option<usize>,
    ) -> Result<(), ControlError> {
        let plane = self.data_plane()?;
        let unusable = plane.unusable(after).map_err(ControlError::Unfitting)?;
        let was_unusable = plane.unusable(before).map_err(ControlError::Unfitting)?;
        let identity = |entry: &RouteEntry| (entry.section, entry.id);
        let known: Vec<_> = was_unusable
            .iter()
            .map(|unusable| identity(&before[unusable.entry]))
            .collect();
        // First what the caller wrote, then what it would break.
        if let Some(own) = unusable.iter().find(|u| Some(u.entry) == changed) {
            return Err(ControlError::Settings(own.problems.clone()));
        }
        let broken = unusable
            .iter()
            .find(|u| !known.contains(&identity(&after[u.entry])));
        match broken {
            None => Ok(()),
            Some(broken) => {
                let entry = &after[broken.entry];
                let what = entry.section.as_str();
                let why = broken.problems.first().map(|p| p.message.as_str());
                let why = why.unwrap_or_default();
                let name = name_of(entry);
                let message = format!("the {what} \"{name}\" could not be used any more: {why}");
                Err(ControlError::Unfitting(message))
            }
        }
    }

    /// What is stored of an entry.
    fn sealed(
        &self,
        section: RouteSection,
        value: Value,
        note: String,
    ) -> Result<RouteEntryInput, ControlError> {
        let mut members = match value {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        let name = members.get(name_key(section)).and_then(Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        let secret: Map<String, Value> = SECRET
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), members.remove(*key)?)))
            .collect();
        let secrets = match secret.is_empty() {
            true => None,
            false => {
                let text = Value::Object(secret).to_string();
                let sealed = self.inner.seal.seal(PURPOSE, &text);
                Some(sealed.ok_or(ControlError::Internal("credentials could not be sealed"))?)
            }
        };
        Ok(RouteEntryInput {
            name,
            value: Value::Object(members).to_string(),
            secrets,
            note,
        })
    }

    /// An entry with its secrets. Those that cannot be opened, because the secret file is another one, are
    /// missing, which its check then says.
    fn opened(&self, record: &RouteEntryRecord) -> RouteEntry {
        let mut members: Map<String, Value> =
            serde_json::from_str(&record.value).unwrap_or_default();
        if let Some(sealed) = &record.secrets {
            let opened = self.inner.seal.open(PURPOSE, sealed);
            let secret = opened
                .and_then(|text| serde_json::from_str::<Map<_, _>>(text.expose_secret()).ok());
            match secret {
                Some(secret) => members.extend(secret),
                None => tracing::error!(
                    entry = record.name,
                    "the credentials of an entry cannot be opened; was the secret file replaced?"
                ),
            }
        }
        RouteEntry {
            id: Some(record.id),
            section: record.section,
            value: Value::Object(members),
            note: record.note.clone(),
        }
    }
}

const fn name_key(section: RouteSection) -> &'static str {
    match section {
        RouteSection::Backend | RouteSection::Group => "name",
        RouteSection::Rewrite => "source",
    }
}

/// What an entry is known by.
fn name_of(entry: &RouteEntry) -> String {
    let name = entry.value.get(name_key(entry.section));
    name.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn subject_of(section: RouteSection, id: i64) -> Subject {
    Subject::new(section.as_str(), id)
}

/// An entry in the audit log: without what is sealed, but whether there is something.
fn told(record: &RouteEntryRecord) -> Value {
    let mut value = serde_json::from_str(&record.value).unwrap_or_default();
    if let Value::Object(members) = &mut value {
        members.insert("note".to_owned(), Value::from(&*record.note));
        members.insert("has_secrets".to_owned(), record.secrets.is_some().into());
    }
    value
}

/// Secrets are not given back, so that who changes something else does not have them to send.
fn with_former_secrets(value: Value, former: &Value) -> Value {
    let mut value = value;
    if let Value::Object(members) = &mut value {
        for key in SECRET {
            if !members.contains_key(key)
                && let Some(secret) = former.get(key)
            {
                members.insert(key.to_owned(), secret.clone());
            }
        }
    }
    value
}

/// Members of stored groups follow a backend that gets another name.
fn rename_members(entries: &mut [RouteEntry], before: &str, after: &str) {
    if before == after {
        return;
    }
    let groups = entries
        .iter_mut()
        .filter(|e| e.section == RouteSection::Group);
    for group in groups {
        let members = group.value.get_mut("members").and_then(Value::as_array_mut);
        for member in members.into_iter().flatten() {
            if member.get("backend").and_then(Value::as_str) == Some(before)
                && let Some(member) = member.as_object_mut()
            {
                member.insert("backend".to_owned(), Value::from(after));
            }
        }
    }
}

fn problem(key: &str, message: String) -> SettingProblem {
    SettingProblem {
        key: key.to_owned(),
        message,
    }
}
