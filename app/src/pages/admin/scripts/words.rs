//! Scripts between their form and the use cases.

use control::{Admin, BeforeAfter, Control, ControlError, ScriptReport, ScriptTrial};
use domain::{
    BackendId, KeyId, UserId,
    configured::SettingProblem,
    notes::{DiffLine, DiffMark, FormNotes, NotePart},
    script::{OnScriptError, Script, ScriptInput, ScriptType, ScriptVersion},
    validation::{Field, FieldError, Problem},
};
use leptos::serde_json::{self, Value, json};

use super::api::{OneScript, RecordedRow, ScriptRow, ScriptState, ScriptText, VersionRow};
use crate::{
    error::{AppError, Cause},
    server::{LocalTime, diff, keep_notes, refuse as refuse_plainly, refuse_with},
};

/// The scripts of the repository: name, what it does, code.
const EXAMPLES: [(&str, &str, &str); 7] = [
    (
        "redact",
        "Takes e-mail addresses and card numbers out of what clients send",
        include_str!("../../../../../examples/scripts/redact.js"),
    ),
    (
        "system-prompt",
        "Adds a system prompt",
        include_str!("../../../../../examples/scripts/system-prompt.js"),
    ),
    (
        "strip-reasoning",
        "Takes reasoning out of answers and streams",
        include_str!("../../../../../examples/scripts/strip-reasoning.js"),
    ),
    (
        "office-hours",
        "Lets dear models be used in office hours only",
        include_str!("../../../../../examples/scripts/office-hours.js"),
    ),
    (
        "model-by-length",
        "Sends short prompts to a small model",
        include_str!("../../../../../examples/scripts/model-by-length.js"),
    ),
    (
        "rename-tools",
        "Gives tools other names, and back",
        include_str!("../../../../../examples/scripts/rename-tools.js"),
    ),
    (
        "inject-headers",
        "Signs each request in headers of its own",
        include_str!("../../../../../examples/scripts/inject-headers.js"),
    ),
];

const EMPTY: &str = "export async function onRequest(context) {\n  return context;\n}\n";

const REQUEST: &str = r#"{
  "method": "POST",
  "path": "/v1/chat/completions",
  "headers": {},
  "body": {
    "model": "demo",
    "messages": [{ "role": "user", "content": "Say hello to ada@example.com" }]
  }
}"#;

const RESPONSE: &str = r#"{
  "status": 200,
  "body": {
    "model": "demo",
    "choices": [{ "index": 0, "message": { "role": "assistant", "content": "Hello!" }, "finish_reason": "stop" }]
  }
}"#;

const CHUNKS: &str = r#"[
  { "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "Hel" } }] },
  { "choices": [{ "index": 0, "delta": { "content": "lo!" } }] }
]"#;

/// Names of backends, by their ids.
pub struct Names {
    backends: Vec<(BackendId, String)>,
}

impl Names {
    pub async fn of(control: &Control, admin: &Admin) -> Result<Self, AppError> {
        let routing = control.routing(admin).await.map_err(refuse_plainly)?;
        let backends = routing.backends.into_iter();
        Ok(Self {
            backends: backends.filter_map(|b| Some((b.id?, b.name))).collect(),
        })
    }

    pub fn backends(self) -> Vec<String> {
        self.backends.into_iter().map(|(_, name)| name).collect()
    }

    fn backend(&self, id: BackendId) -> String {
        let found = self.backends.iter().find(|(known, _)| *known == id);
        found.map_or_else(|| id.to_string(), |(_, name)| name.clone())
    }
}

async fn user_name(control: &Control, admin: &Admin, id: UserId) -> Result<String, AppError> {
    let user = control.get_user(admin, id).await.map_err(refuse_plainly)?;
    Ok(user.user.name)
}

/// Scripts as the list shows them.
pub async fn rows(
    control: &Control,
    admin: &Admin,
    names: &Names,
    scripts: &[Script],
) -> Result<Vec<ScriptRow>, AppError> {
    let time = LocalTime::of(control);
    let mut rows = Vec::with_capacity(scripts.len());
    for script in scripts {
        let input = &script.input;
        let mut target = Vec::new();
        if let Some(user) = input.target_user {
            target.push(user_name(control, admin, user).await?);
        }
        if let Some(key) = input.target_key {
            let key = control.get_key(admin, key).await.map_err(refuse_plainly)?;
            target.push(format!("{} (key {})", key.label, key.id));
        }
        if let Some(backend) = input.target_backend {
            target.push(names.backend(backend));
        }
        let figures = crate::server::script_figures(script.id).unwrap_or_default();
        let state = match (&script.suspended, input.active, figures.broken) {
            (Some(suspended), ..) => {
                ScriptState::Suspended(time.minute(suspended.at), suspended.reason.clone())
            }
            (None, false, _) => ScriptState::Inactive,
            (None, true, Some(why)) => ScriptState::Broken(why),
            (None, true, None) => ScriptState::Active,
        };
        rows.push(ScriptRow {
            id: script.id.0,
            name: input.name.clone(),
            script_type: input.script_type.as_str().to_owned(),
            target: target.join(", "),
            on_error: input.on_error.as_str().to_owned(),
            position: input.position,
            version: script.version,
            active: input.active,
            state,
            calls: figures.calls,
            failures: figures.failures,
            last_error: figures.last_error,
        });
    }
    Ok(rows)
}

/// A new script, from an example where one is named.
pub fn new_one(names: Names, example: &str) -> OneScript {
    let found = EXAMPLES.iter().find(|(name, ..)| *name == example);
    let (name, code) = found.map_or(("", EMPTY), |(name, _, code)| (name, code));
    OneScript {
        row: None,
        text: ScriptText {
            name: name.to_owned(),
            code: code.to_owned(),
            ..trial_text()
        },
        versions: Vec::new(),
        backends: names.backends(),
        examples: EXAMPLES
            .map(|(name, about, _)| (name.to_owned(), about.to_owned()))
            .to_vec(),
        recording: None,
        recorded: Vec::new(),
    }
}

/// Adds what was recorded, and takes the chosen request into the form.
pub fn with_recorded(
    control: &Control,
    admin: &Admin,
    mut one: OneScript,
    chosen: &str,
) -> Result<OneScript, AppError> {
    let (until, recorded) = control.recorded_requests(admin).map_err(refuse_plainly)?;
    let time = LocalTime::of(control);
    if let Some(found) = recorded.iter().find(|r| r.id.to_string() == chosen) {
        let pretty = serde_json::from_str::<Value>(&found.json);
        let pretty = pretty.and_then(|json| serde_json::to_string_pretty(&json));
        one.text.request = pretty.unwrap_or_else(|_| found.json.clone());
    }
    one.recording = until.map(|until| time.second(until));
    one.recorded = recorded
        .into_iter()
        .map(|request| RecordedRow {
            id: request.id.to_string(),
            at: time.second(request.at),
            model: request.model,
        })
        .collect();
    Ok(one)
}

fn trial_text() -> ScriptText {
    ScriptText {
        script_type: ScriptType::Global.as_str().to_owned(),
        on_error: OnScriptError::default().as_str().to_owned(),
        position: "0".to_owned(),
        request: REQUEST.to_owned(),
        response: RESPONSE.to_owned(),
        chunks: CHUNKS.to_owned(),
        ..ScriptText::default()
    }
}

/// A stored script as its form shows it.
pub async fn text_of(
    control: &Control,
    admin: &Admin,
    names: &Names,
    script: &Script,
) -> Result<ScriptText, AppError> {
    let input = &script.input;
    Ok(ScriptText {
        name: input.name.clone(),
        script_type: input.script_type.as_str().to_owned(),
        target_user: match input.target_user {
            Some(id) => user_name(control, admin, id).await?,
            None => String::new(),
        },
        target_key: input
            .target_key
            .map_or_else(String::new, |id| id.to_string()),
        target_backend: (input.target_backend).map_or_else(String::new, |id| names.backend(id)),
        on_error: input.on_error.as_str().to_owned(),
        position: input.position.to_string(),
        code: input.code.clone(),
        ..trial_text()
    })
}

/// What was typed, as the use case takes it.
///
/// # Errors
/// Names the first input that cannot be read.
pub async fn input(
    control: &Control,
    admin: &Admin,
    text: &ScriptText,
) -> Result<ScriptInput, ControlError> {
    let nobody = |field| ControlError::from(FieldError::new(field, Problem::Unknown));
    let number = |field| ControlError::from(FieldError::new(field, Problem::NotANumber));
    let target_user = match text.target_user.trim() {
        "" => None,
        name => {
            let user = control.user_named(admin, name).await?;
            Some(user.ok_or_else(|| nobody(Field::TargetUser))?.id)
        }
    };
    let target_key = match text.target_key.trim() {
        "" => None,
        id => {
            let id = id
                .parse()
                .map(KeyId)
                .map_err(|_| number(Field::TargetKey))?;
            control
                .get_key(admin, id)
                .await
                .map_err(|error| match error {
                    ControlError::NotFound => nobody(Field::TargetKey),
                    other => other,
                })?;
            Some(id)
        }
    };
    let target_backend = match text.target_backend.trim() {
        "" => None,
        name => {
            let backends = control.routing(admin).await?.backends;
            let found = backends.into_iter().find(|b| b.name == name);
            let id = found.and_then(|b| b.id);
            Some(id.ok_or_else(|| nobody(Field::TargetBackend))?)
        }
    };
    Ok(ScriptInput {
        name: text.name.clone(),
        // What is none of these was not chosen on our page.
        script_type: ScriptType::parse(&text.script_type).unwrap_or_default(),
        target_user,
        target_key,
        target_backend,
        // Browsers send line ends as in mail.
        code: text.code.replace("\r\n", "\n"),
        on_error: OnScriptError::parse(&text.on_error).unwrap_or_default(),
        position: match text.position.trim() {
            "" => 0,
            position => position.parse().map_err(|_| number(Field::Position))?,
        },
        active: false,
    })
}

/// What the script is tried with.
///
/// # Errors
/// Names the input that is no JSON.
pub fn trial(text: &ScriptText) -> Result<ScriptTrial, ControlError> {
    let json = |key: &str, text: &str| match text.trim() {
        "" => Ok(None),
        text => serde_json::from_str::<Value>(text)
            .map(Some)
            .map_err(|error| {
                ControlError::Settings(vec![SettingProblem {
                    key: key.to_owned(),
                    message: format!("no JSON: {error}"),
                }])
            }),
    };
    let chunks = match json("chunks", &text.chunks)? {
        Some(Value::Array(chunks)) => chunks,
        Some(one) => vec![one],
        None => Vec::new(),
    };
    Ok(ScriptTrial {
        request: json("request", &text.request)?.unwrap_or_else(|| json!({})),
        response: json("response", &text.response)?,
        chunks,
        code: Some(text.code.replace("\r\n", "\n")),
        ..ScriptTrial::default()
    })
}

/// How a trial went, with what was typed, so that nothing of it is lost without JavaScript.
pub fn told(report: &ScriptReport, text: &ScriptText) -> FormNotes {
    let hooks = [
        ("onRequest", report.has_on_request),
        ("onRoute", report.has_on_route),
        ("onResponse", report.has_on_response),
        ("onChunk", report.has_on_chunk),
        ("onError", report.has_on_error),
    ];
    let hooks: Vec<&str> = hooks
        .iter()
        .filter(|(_, there)| *there)
        .map(|(name, _)| *name)
        .collect();
    let line = |key: &str, message: String| SettingProblem {
        key: key.to_owned(),
        message,
    };
    let memory = report.memory.map_or_else(String::new, |bytes| {
        format!(", {} KiB of memory", bytes.div_ceil(1_024))
    });
    let mut lines = Vec::new();
    if let Some(error) = &report.error {
        lines.push(line("", error.clone()));
        lines.extend(report.stack.clone().map(|stack| line("at", stack)));
    }
    lines.push(line(
        "",
        match hooks.is_empty() {
            true => "It exports none of the hooks.".to_owned(),
            false => format!(
                "It has {}; {} ms inside the script{memory}.",
                hooks.join(", "),
                report.execution_time
            ),
        },
    ));
    let mut parts = Vec::new();
    if !report.console.is_empty() {
        let console = report.console.iter();
        parts.push(NotePart {
            title: "Console".to_owned(),
            lines: console
                .map(|line| DiffLine {
                    mark: DiffMark::Same,
                    text: line.text.clone(),
                })
                .collect(),
        });
    }
    let compared = [
        ("Request", &report.request),
        ("Response", &report.response),
        ("Stream", &report.chunks),
    ];
    parts.extend(compared.into_iter().filter_map(|(title, sides)| {
        let sides = sides.as_ref()?;
        Some(part(title, sides))
    }));
    FormNotes {
        good: report.success,
        lines,
        parts,
        kept: kept(text),
    }
}

fn part(
    title: &str,
    BeforeAfter {
        before,
        after,
        changed,
    }: &BeforeAfter,
) -> NotePart {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    NotePart {
        title: match changed {
            true => title.to_owned(),
            false => format!("{title}: unchanged"),
        },
        lines: match changed {
            true => diff::lines(&pretty(before), &pretty(after)),
            false => Vec::new(),
        },
    }
}

fn kept(text: &ScriptText) -> Vec<(String, String)> {
    [
        ("name", &text.name),
        ("script_type", &text.script_type),
        ("target_user", &text.target_user),
        ("target_key", &text.target_key),
        ("target_backend", &text.target_backend),
        ("on_error", &text.on_error),
        ("position", &text.position),
        ("code", &text.code),
        ("request", &text.request),
        ("response", &text.response),
        ("chunks", &text.chunks),
    ]
    .map(|(name, text)| (name.to_owned(), text.clone()))
    .to_vec()
}

/// Refuses, keeping what was typed on the server.
pub fn refuse(error: ControlError, text: &ScriptText) -> AppError {
    let problems = match error {
        ControlError::Settings(problems) => problems,
        ControlError::Invalid(error) => {
            let key = crate::error::input_of(error.field).to_owned();
            vec![SettingProblem {
                message: error.to_string(),
                key,
            }]
        }
        ControlError::Conflict(conflict) => vec![SettingProblem {
            key: "name".to_owned(),
            message: conflict.to_string(),
        }],
        other => return refuse_plainly(other),
    };
    let key = problems.first().map(|problem| problem.key.clone());
    let notes = FormNotes {
        lines: problems,
        kept: kept(text),
        ..FormNotes::default()
    };
    match keep_notes(notes) {
        Ok(token) => refuse_with(Cause::Told {
            token,
            key: key.unwrap_or_default(),
        }),
        Err(error) => error,
    }
}

/// Versions with what each changed.
pub fn versions(time: &LocalTime, versions: &[ScriptVersion]) -> Vec<VersionRow> {
    let before = versions.iter().skip(1).map(|version| version.code.as_str());
    let before = before.chain(std::iter::once(""));
    let rows = versions
        .iter()
        .zip(before)
        .map(|(version, before)| VersionRow {
            version: version.version,
            created: time.minute(version.created_at),
            author: match &version.author {
                Some(author) => author.clone(),
                None => "master key".to_owned(),
            },
            changes: diff::lines(before, &version.code),
        });
    rows.collect()
}
