//! Scripts: what admins write, try out, put into force and take back. What a script does to requests is
//! the data plane's business; it is tried out here in an engine of its own, so that a trial costs no
//! request its time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ::scripts::{Called, EventIn, EventOut, Hook, Line, ScriptError, Secrets, Source};
use domain::{
    Timestamp,
    script::{
        MAX_CODE, MAX_SECRET, RecordedRequest, Script, ScriptId, ScriptInput, ScriptVersion,
        secret_name,
    },
    validation::{Field, FieldError, Problem},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};
use storage::Seal;

use crate::{Admin, Change, Control, ControlError, error::found};

/// Most secrets that are kept.
const MAX_SECRETS: usize = 200;
/// What a secret is called in the audit log.
const SECRET: &str = "script secret";

/// What a script is tried with.
#[derive(Clone, Debug, Default)]
pub struct ScriptTrial {
    /// `method`, `path`, `headers`, `body`, `isStream`; what is missing is made up.
    pub request: Value,
    pub response: Option<Value>,
    /// Events of a stream, as `{event, data}` or as data alone.
    pub chunks: Vec<Value>,
    pub user: Option<Value>,
    pub backend: Option<Value>,
    /// Other code than the script's own, to be tried before it is saved.
    pub code: Option<String>,
}

/// How a trial went.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScriptReport {
    pub success: bool,
    /// Milliseconds inside the script.
    pub execution_time: f64,
    pub has_on_request: bool,
    pub has_on_response: bool,
    pub has_on_chunk: bool,
    pub has_on_route: bool,
    pub has_on_error: bool,
    /// Before and after, of each hook that was called.
    pub request: Option<BeforeAfter>,
    pub response: Option<BeforeAfter>,
    pub chunks: Option<BeforeAfter>,
    pub console: Vec<Line>,
    /// Bytes of the script's heap.
    pub memory: Option<u64>,
    pub error: Option<String>,
    /// Where, as far as it is known.
    pub stack: Option<String>,
}

/// What a hook was given and what came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BeforeAfter {
    pub before: Value,
    pub after: Value,
    pub changed: bool,
}

/// A secret of scripts; its value is never given out again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptSecret {
    pub name: String,
    pub updated_at: Timestamp,
}

impl Control {
    /// All scripts in the order in which requests pass them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_scripts(&self, _: &Admin) -> Result<Vec<Script>, ControlError> {
        Ok(self.db().scripts().await?)
    }

    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn get_script(&self, _: &Admin, id: ScriptId) -> Result<Script, ControlError> {
        self.db()
            .find_script(id)
            .await?
            .ok_or(ControlError::NotFound)
    }

    /// # Errors
    /// [`ControlError::Invalid`], [`domain::validation::Conflict::ScriptNameTaken`],
    /// [`ControlError::NotFound`] where there is no such target.
    pub async fn create_script(
        &self,
        admin: &Admin,
        input: ScriptInput,
    ) -> Result<Script, ControlError> {
        let input = input.checked()?;
        let author = self.author(admin).await?;
        let act = admin.does("script.create");
        self.change_of(Change::Scripts, act, move |control| async move {
            let now = control.now();
            let id = control
                .db()
                .create_script(&input, author.as_deref(), now)
                .await?;
            control.tell_subject(id);
            control
                .db()
                .find_script(id)
                .await?
                .ok_or(ControlError::NotFound)
        })
        .await
    }

    /// Other code is a new version.
    ///
    /// # Errors
    /// As [`Control::create_script`].
    pub async fn update_script(
        &self,
        admin: &Admin,
        id: ScriptId,
        input: ScriptInput,
    ) -> Result<Script, ControlError> {
        let input = input.checked()?;
        let author = self.author(admin).await?;
        let act = admin.does("script.update").on(id);
        self.change_of(Change::Scripts, act, move |control| async move {
            let now = control.now();
            found(
                control
                    .db()
                    .update_script(id, &input, author.as_deref(), now)
                    .await?,
            )?;
            control
                .db()
                .find_script(id)
                .await?
                .ok_or(ControlError::NotFound)
        })
        .await
    }

    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn delete_script(&self, admin: &Admin, id: ScriptId) -> Result<(), ControlError> {
        let act = admin.does("script.delete").on(id);
        self.change_of(Change::Scripts, act, move |control| async move {
            found(control.db().delete_script(id).await?)
        })
        .await
    }

    /// Activating ends a suspension.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn set_script_active(
        &self,
        admin: &Admin,
        id: ScriptId,
        active: bool,
    ) -> Result<Script, ControlError> {
        let action = match active {
            true => "script.activate",
            false => "script.deactivate",
        };
        let act = admin.does(action).on(id);
        self.change_of(Change::Scripts, act, move |control| async move {
            let now = control.now();
            found(control.db().set_script_active(id, active, now).await?)?;
            control
                .db()
                .find_script(id)
                .await?
                .ok_or(ControlError::NotFound)
        })
        .await
    }

    /// The newest first.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn script_versions(
        &self,
        _: &Admin,
        id: ScriptId,
    ) -> Result<Vec<ScriptVersion>, ControlError> {
        let versions = self.db().script_versions(id).await?;
        found(!versions.is_empty())?;
        Ok(versions)
    }

    /// Puts an older version's code into force again, as a new version.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn roll_back_script(
        &self,
        admin: &Admin,
        id: ScriptId,
        version: u32,
    ) -> Result<Script, ControlError> {
        let script = self.get_script(admin, id).await?;
        let versions = self.db().script_versions(id).await?;
        let old = versions.into_iter().find(|v| v.version == version);
        let code = old.ok_or(ControlError::NotFound)?.code;
        let input = ScriptInput {
            code,
            ..script.input
        };
        self.update_script(admin, id, input).await
    }

    /// # Errors
    /// When the database fails.
    pub async fn script_secrets(&self, _: &Admin) -> Result<Vec<ScriptSecret>, ControlError> {
        let secrets = self.db().script_secrets().await?;
        let secrets = secrets
            .into_iter()
            .map(|(name, _, updated_at)| ScriptSecret { name, updated_at });
        Ok(secrets.collect())
    }

    /// Stores a value that scripts get by `secrets.get(name)`.
    ///
    /// # Errors
    /// [`ControlError::Invalid`].
    pub async fn set_script_secret(
        &self,
        admin: &Admin,
        name: &str,
        secret: SecretString,
    ) -> Result<(), ControlError> {
        let name = secret_name(name)?;
        let length = secret.expose_secret().len();
        let invalid = |problem| FieldError::new(Field::SecretValue, problem);
        if length == 0 {
            return Err(invalid(Problem::Empty).into());
        }
        if length > MAX_SECRET {
            let most = u32::try_from(MAX_SECRET).unwrap_or(u32::MAX);
            return Err(invalid(Problem::TooLong(most)).into());
        }
        let there = self.db().script_secrets().await?;
        if there.len() >= MAX_SECRETS && !there.iter().any(|(known, ..)| *known == name) {
            let most = u32::try_from(MAX_SECRETS).unwrap_or(u32::MAX);
            return Err(FieldError::new(Field::Name, Problem::TooMany(most)).into());
        }
        let sealed = self
            .seal()
            .seal(&name, secret.expose_secret())
            .ok_or(ControlError::Internal("a secret could not be sealed"))?;
        let act = admin.does("script_secret.set").on((SECRET, &*name));
        self.change_of(Change::Scripts, act, move |control| async move {
            let now = control.now();
            Ok(control.db().put_script_secret(&name, &sealed, now).await?)
        })
        .await
    }

    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn delete_script_secret(
        &self,
        admin: &Admin,
        name: &str,
    ) -> Result<(), ControlError> {
        let name = name.to_owned();
        let act = admin.does("script_secret.delete").on((SECRET, &*name));
        self.change_of(Change::Scripts, act, move |control| async move {
            found(control.db().delete_script_secret(&name).await?)
        })
        .await
    }

    /// Tries a script out. Nothing is sent anywhere, and its `kv` begins empty.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]. What goes wrong inside the script is in the report.
    pub async fn try_script(
        &self,
        admin: &Admin,
        id: ScriptId,
        trial: ScriptTrial,
    ) -> Result<ScriptReport, ControlError> {
        // What a script is tried with includes the secrets, and its code may be the caller's.
        admin.does("script.try").check()?;
        let script = self.get_script(admin, id).await?;
        let code = trial.code.clone().unwrap_or(script.input.code);
        self.run_trial(script.input.name, code, &trial).await
    }

    /// Records what clients send for a while, so that scripts can be tried with it; or stops, and forgets
    /// what was recorded. Nothing of it is written down.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_requests(&self, admin: &Admin, on: bool) -> Result<(), ControlError> {
        let act = admin.does(match on {
            true => "script.record",
            false => "script.stop_recording",
        });
        self.note(act, None).await?;
        self.data_plane()?.record(on);
        Ok(())
    }

    /// Until when requests are recorded, and what was, the newest first. Who only looks sees none of
    /// them: they are what people have asked.
    ///
    /// # Errors
    /// When no data plane is connected.
    pub fn recorded_requests(
        &self,
        admin: &Admin,
    ) -> Result<(Option<Timestamp>, Vec<RecordedRequest>), ControlError> {
        let (until, recorded) = self.data_plane()?.recorded();
        match admin.does("script.try").check() {
            Ok(()) => Ok((until, recorded)),
            Err(_) => Ok((until, Vec::new())),
        }
    }

    /// Tries out code that need not be stored, as [`Control::try_script`] does.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] without code.
    pub async fn try_code(
        &self,
        admin: &Admin,
        name: &str,
        trial: ScriptTrial,
    ) -> Result<ScriptReport, ControlError> {
        admin.does("script.try").check()?;
        let code = trial.code.clone().unwrap_or_default();
        if code.trim().is_empty() {
            return Err(FieldError::new(Field::ScriptCode, Problem::Empty).into());
        }
        if code.len() > MAX_CODE {
            let most = u32::try_from(MAX_CODE).unwrap_or(u32::MAX);
            return Err(FieldError::new(Field::ScriptCode, Problem::TooLong(most)).into());
        }
        self.run_trial(name.to_owned(), code, &trial).await
    }

    async fn run_trial(
        &self,
        name: String,
        code: String,
        trial: &ScriptTrial,
    ) -> Result<ScriptReport, ControlError> {
        let seal = self.seal();
        let secrets: BTreeMap<String, SecretString> = self
            .db()
            .script_secrets()
            .await?
            .into_iter()
            .filter_map(|(name, sealed, _)| {
                let opened = seal.open(&name, &sealed)?;
                Some((name, opened))
            })
            .collect();
        let source = Source {
            name,
            code,
            store: Arc::default(),
            secrets: Secrets(Arc::new(secrets)),
        };
        Ok(run(&self.inner.engine, source, trial).await)
    }

    /// Who is named beside a version.
    async fn author(&self, admin: &Admin) -> Result<Option<String>, ControlError> {
        let Some(id) = admin.principal().user_id() else {
            return Ok(None);
        };
        let user = self.db().find_user(id).await?;
        Ok(user.map(|user| user.name))
    }

    fn seal(&self) -> Seal {
        Seal::of_scripts(&self.inner.hasher)
    }
}

fn or_null(value: Option<&Value>) -> Value {
    value.cloned().unwrap_or(Value::Null)
}

/// What of the context is made up where the trial does not say.
fn context(trial: &ScriptTrial) -> Value {
    let request = &trial.request;
    let body = request.get("body");
    let model = body.and_then(|body| body.get("model"));
    let stream = body.and_then(|body| body.get("stream"));
    let nobody = json!({"id": null, "name": null, "email": null});
    let nowhere = json!({"id": null, "name": null, "base_url": null, "model": null});
    json!({
        "user": trial.user.clone().unwrap_or(nobody),
        "key": {"id": null, "tags": []},
        "backend": trial.backend.clone().unwrap_or(nowhere),
        "model": or_null(model),
        "dialect": "openai_chat",
        "attempt": 0,
        "usage": {"estimated_input_tokens": body.map_or(0, |body| body.to_string().len() / 4)},
        "request": {
            "method": request.get("method").cloned().unwrap_or(json!("POST")),
            "path": request.get("path").cloned().unwrap_or(json!("/v1/chat/completions")),
            "headers": request.get("headers").cloned().unwrap_or(json!({})),
            "body": or_null(body),
            "isStream": request.get("isStream").or(stream).cloned().unwrap_or(json!(false)),
        },
    })
}

/// Puts what a hook gave back over what it was given.
fn applied(before: &Value, output: &str) -> Value {
    #[derive(serde::Deserialize)]
    struct Output {
        status: Option<u16>,
        headers: Option<Value>,
        body: Option<Box<RawValue>>,
    }
    let mut after = before.clone();
    if let Ok(output) = serde_json::from_str::<Output>(output) {
        if let Some(status) = output.status {
            after["status"] = status.into();
        }
        if let Some(headers) = output.headers {
            after["headers"] = headers;
        }
        if let Some(body) = output
            .body
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
        {
            after["body"] = body;
        }
    }
    after
}

fn event(value: &Value) -> EventIn {
    let whole = value.get("data").is_some();
    let data = if whole { &value["data"] } else { value };
    EventIn {
        name: value
            .get("event")
            .and_then(Value::as_str)
            .map(str::to_owned),
        data: data
            .as_str()
            .map_or_else(|| data.to_string(), str::to_owned),
    }
}

fn shown(event: &EventIn) -> Value {
    let data = serde_json::from_str(&event.data).unwrap_or_else(|_| json!(event.data));
    json!({"event": event.name, "data": data})
}

async fn run(engine: &::scripts::Engine, source: Source, trial: &ScriptTrial) -> ScriptReport {
    let mut report = ScriptReport {
        success: true,
        execution_time: 0.0,
        has_on_request: false,
        has_on_response: false,
        has_on_chunk: false,
        has_on_route: false,
        has_on_error: false,
        request: None,
        response: None,
        chunks: None,
        console: Vec::new(),
        memory: None,
        error: None,
        stack: None,
    };
    let program = match engine.compile(source).await {
        Ok(program) => program,
        Err(error) => {
            report.failed(&error);
            return report;
        }
    };
    let hooks = program.hooks();
    report.has_on_request = hooks.has(Hook::Request);
    report.has_on_response = hooks.has(Hook::Response);
    report.has_on_chunk = hooks.has(Hook::Chunk);
    report.has_on_route = hooks.has(Hook::Route);
    report.has_on_error = hooks.has(Hook::Error);
    let mut session = engine.open(&program);
    session.counts_memory = true;
    let mut context = context(trial);
    if report.has_on_request {
        let called = session.call(Hook::Request, context.to_string()).await;
        let Some(output) = report.called(called) else {
            return report;
        };
        let before = context["request"].clone();
        let after = output.map_or_else(|| before.clone(), |output| applied(&before, &output));
        context["request"] = after.clone();
        report.request = Some(BeforeAfter::new(before, after));
    }
    if let Some(response) = &trial.response
        && report.has_on_response
    {
        let before = json!({
            "status": response.get("status").cloned().unwrap_or(json!(200)),
            "headers": response.get("headers").cloned().unwrap_or(json!({})),
            "body": or_null(response.get("body")),
            "isStream": response.get("isStream").cloned().unwrap_or(json!(false)),
        });
        context["response"] = before.clone();
        let called = session.call(Hook::Response, context.to_string()).await;
        let Some(output) = report.called(called) else {
            return report;
        };
        let after = output.map_or_else(|| before.clone(), |output| applied(&before, &output));
        report.response = Some(BeforeAfter::new(before, after));
    }
    if !trial.chunks.is_empty() && report.has_on_chunk {
        let events: Vec<EventIn> = trial.chunks.iter().map(event).collect();
        let before: Vec<Value> = events.iter().map(shown).collect();
        let called = session.chunks(|| context.to_string(), events).await;
        let Some(output) = report.called(called) else {
            return report;
        };
        let after = output.iter().flat_map(|event| match event {
            EventOut::Same(event) => vec![shown(event)],
            EventOut::Replaced(events) => events.iter().map(shown).collect(),
        });
        report.chunks = Some(BeforeAfter::new(before.into(), after.collect()));
    }
    report
}

impl BeforeAfter {
    fn new(before: Value, after: Value) -> Self {
        Self {
            changed: before != after,
            before,
            after,
        }
    }
}

impl ScriptReport {
    /// Takes over what a call gave; `None`: it failed.
    fn called<T>(&mut self, called: Called<T>) -> Option<T> {
        self.console.extend(called.console);
        self.execution_time += millis(called.took);
        self.memory = called.memory.or(self.memory);
        match called.output {
            Ok(output) => Some(output),
            Err(error) => {
                self.failed(&error);
                None
            }
        }
    }

    fn failed(&mut self, error: &ScriptError) {
        self.success = false;
        self.error = Some(match error {
            ScriptError::Refused { status, message } => {
                format!("refused with {status}: {message}")
            }
            error => error.to_string(),
        });
        if let ScriptError::Thrown { stack, .. } = error {
            self.stack = Some(stack.clone()).filter(|stack| !stack.is_empty());
        }
    }
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
