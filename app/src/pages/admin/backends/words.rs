//! A backend's form in the words of the configuration file, and back. Settings that have no input of their
//! own stand in the form as the file would have them, so that none is lost.

use domain::{
    configured::{BackendView, ConnectionTest, SettingProblem},
    notes::FormNotes,
};
use leptos::serde_json::{self, Map, Value};

use super::api::{BackendForm, summary};
use crate::error::AppError;

/// Settings that have inputs of their own.
const OWN: [&str; 16] = [
    "kind",
    "name",
    "base_url",
    "api_keys",
    "region",
    "profile",
    "priority",
    "models",
    "unpriced",
    "max_concurrent",
    "rate_limit",
    "timeout",
    "max_retries",
    "enabled",
    "any_model",
    "headers",
];

/// What the form says, over `more`.
#[must_use]
pub fn value_of(form: &BackendForm, more: Value) -> Value {
    let mut settings = match more {
        Value::Object(more) => more,
        Value::Null => Map::new(),
        // What is no mapping is refused by its name.
        other => Map::from_iter([("more_settings".to_owned(), other)]),
    };
    let mut set = |key: &str, value: Value| drop(settings.insert(key.to_owned(), value));
    set("kind", form.kind.trim().into());
    set("name", form.name.trim().into());
    for (key, text) in [
        ("base_url", &form.base_url),
        ("region", &form.region),
        ("profile", &form.profile),
        ("timeout", &form.timeout),
    ] {
        if !text.trim().is_empty() {
            set(key, text.trim().into());
        }
    }
    for (key, text) in [
        ("priority", &form.priority),
        ("max_concurrent", &form.max_concurrent),
        ("max_retries", &form.max_retries),
    ] {
        if !text.trim().is_empty() {
            set(key, number(text));
        }
    }
    if form.unpriced == "allow" {
        set("unpriced", "allow".into());
    }
    if !form.rate_requests.trim().is_empty() || !form.rate_window.trim().is_empty() {
        let mut limit = Map::new();
        if !form.rate_requests.trim().is_empty() {
            limit.insert("requests".to_owned(), number(&form.rate_requests));
        }
        if !form.rate_window.trim().is_empty() {
            limit.insert("window".to_owned(), form.rate_window.trim().into());
        }
        set("rate_limit", Value::Object(limit));
    }
    let keys: Vec<Value> = lines(&form.api_keys).map(Value::from).collect();
    if !keys.is_empty() {
        set("api_keys", Value::Array(keys));
    }
    if form.enabled.is_empty() {
        set("enabled", false.into());
    }
    if !form.any_model.is_empty() {
        set("any_model", true.into());
    }
    let detailed = match settings.remove("models") {
        Some(Value::Array(detailed)) => detailed,
        _ => Vec::new(),
    };
    let models = models_of(&form.models, detailed);
    if !models.is_empty() {
        settings.insert("models".to_owned(), Value::Array(models));
    }
    Value::Object(settings)
}

/// A number where it is one, else the text, which the check then refuses by its key.
fn number(text: &str) -> Value {
    let text = text.trim();
    text.parse::<i64>()
        .map_or_else(|_| text.into(), Value::from)
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Models by line, with what `detailed` says of them besides.
fn models_of(text: &str, detailed: Vec<Value>) -> Vec<Value> {
    let mut models: Vec<Value> = lines(text)
        .map(|line| {
            let (model, aliases) = line.split_once('=').unwrap_or((line, ""));
            let aliases = aliases.split(',').map(str::trim).filter(|a| !a.is_empty());
            let aliases: Vec<Value> = aliases.map(Value::from).collect();
            let mut settings = Map::new();
            settings.insert("model".to_owned(), model.trim().into());
            if !aliases.is_empty() {
                settings.insert("aliases".to_owned(), Value::Array(aliases));
            }
            Value::Object(settings)
        })
        .collect();
    for details in detailed {
        let same = |known: &&mut Value| known.get("model") == details.get("model");
        let known = models.iter_mut().find(same).and_then(Value::as_object_mut);
        match (known, details) {
            (Some(known), Value::Object(details)) => {
                let others = details.into_iter().filter(|(key, _)| key != "model");
                known.extend(others);
            }
            (None, details) => models.push(details),
            // Refused by the check.
            (Some(_), details) => models.push(details),
        }
    }
    models
}

/// The form of what is stored.
#[must_use]
pub fn form_of(stored: &str, note: String) -> BackendForm {
    let settings: Map<String, Value> = serde_json::from_str(stored).unwrap_or_default();
    let text = |key: &str| match settings.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let limit = |key: &str| match settings.get("rate_limit").and_then(|l| l.get(key)) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let ticked = |on: bool| if on { "true".to_owned() } else { String::new() };
    let is_true = |key: &str| settings.get(key) == Some(&Value::Bool(true));
    let mut more: Map<String, Value> = settings
        .iter()
        .filter(|(key, _)| !OWN.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut names = Vec::new();
    let mut detailed = Vec::new();
    let models = settings.get("models").and_then(Value::as_array);
    for model in models.into_iter().flatten() {
        let name = model
            .get("model")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let aliases = model.get("aliases").and_then(Value::as_array);
        let aliases: Vec<&str> = aliases
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        names.push(match aliases.is_empty() {
            true => name.to_owned(),
            false => format!("{name} = {}", aliases.join(", ")),
        });
        if let Value::Object(members) = model {
            let mut others = members.clone();
            others.remove("aliases");
            if others.len() > 1 {
                detailed.push(Value::Object(others));
            }
        }
    }
    if !detailed.is_empty() {
        more.insert("models".to_owned(), Value::Array(detailed));
    }
    BackendForm {
        kind: text("kind"),
        name: text("name"),
        base_url: text("base_url"),
        api_keys: String::new(),
        region: text("region"),
        profile: text("profile"),
        priority: text("priority"),
        models: names.join("\n"),
        unpriced: text("unpriced"),
        max_concurrent: text("max_concurrent"),
        rate_requests: limit("requests"),
        rate_window: limit("window"),
        timeout: text("timeout"),
        max_retries: text("max_retries"),
        more: match more.is_empty() {
            true => String::new(),
            // JSON is what the file's format reads too.
            false => serde_json::to_string_pretty(&Value::Object(more)).unwrap_or_default(),
        },
        note,
        enabled: ticked(settings.get("enabled") != Some(&Value::Bool(false))),
        any_model: ticked(is_true("any_model")),
    }
}

/// What came of a test, as the page says it.
#[must_use]
pub fn told(test: &ConnectionTest) -> FormNotes {
    const SHOWN: usize = 30;
    let mut lines = vec![SettingProblem {
        key: String::new(),
        message: summary(test),
    }];
    if !test.models.is_empty() {
        let mut names = test.models.clone();
        names.truncate(SHOWN);
        let rest = test.models.len() - names.len();
        let more = match rest {
            0 => String::new(),
            rest => format!(" and {rest} more"),
        };
        lines.push(SettingProblem {
            key: "models".to_owned(),
            message: format!("{}{more}", names.join(", ")),
        });
    }
    FormNotes {
        good: test.ok,
        lines,
        ..FormNotes::default()
    }
}

/// The priority that brings a backend before or behind its neighbour in `backends`, which are in order;
/// `None`: there is none.
#[must_use]
pub fn moved(backends: &[BackendView], name: &str, up: bool) -> Option<u32> {
    let place = backends.iter().position(|b| b.name == name)?;
    let own = backends[place].priority;
    let neighbour = match up {
        true => backends.get(place.checked_sub(1)?)?,
        false => backends.get(place + 1)?,
    };
    // The demo stays behind all others.
    if !up && neighbour.priority >= 1_000_000 {
        return None;
    }
    Some(match (up, neighbour.priority) {
        (true, theirs) if theirs == own => own.saturating_sub(1),
        (true, theirs) => theirs.saturating_sub(u32::from(theirs > 0)),
        (false, theirs) => theirs.saturating_add(1),
    })
}

/// Changes what is stored of a backend.
///
/// # Errors
/// What the check or the database says.
pub async fn edit(
    entry: i64,
    change: impl FnOnce(&mut Map<String, Value>),
) -> Result<(), AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let section = control::RouteSection::Backend;
    let stored = control.route_entry(&admin, section, entry).await;
    let stored = stored.map_err(crate::server::refuse)?;
    let mut settings: Map<String, Value> = serde_json::from_str(&stored.value).unwrap_or_default();
    change(&mut settings);
    let value = Value::Object(settings);
    let updated = control.update_route_entry(&admin, section, entry, value, None);
    updated.await.map_err(crate::server::refuse)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_reads_what_it_writes_and_loses_nothing() {
        let stored = serde_json::json!({
            "kind": "openai", "name": "a", "priority": 3, "enabled": false, "any_model": true,
            "unpriced": "allow", "rate_limit": {"requests": 10, "window": "30s"},
            "models": [
                {"model": "m1", "aliases": ["x", "y"], "price": {"input": "2.5", "output": "10"}},
                {"model": "m2"},
            ],
            "model_mapping": {"q": "m1"},
        });
        let form = form_of(&stored.to_string(), "a note".to_owned());
        assert_eq!(form.models, "m1 = x, y\nm2");
        assert_eq!(form.rate_requests, "10");
        assert_eq!(
            (form.enabled.as_str(), form.any_model.as_str()),
            ("", "true")
        );
        let more: Value = serde_json::from_str(&form.more).expect("JSON");
        assert_eq!(value_of(&form, more), stored);
    }

    #[test]
    fn what_is_no_number_is_left_for_the_check_to_refuse() {
        let form = BackendForm {
            priority: "soon".to_owned(),
            enabled: "true".to_owned(),
            ..BackendForm::default()
        };
        assert_eq!(value_of(&form, Value::Null)["priority"], "soon");
    }
}
