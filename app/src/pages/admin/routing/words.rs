//! A group's form in the words of the configuration file.

use control::ControlError;
use domain::configured::SettingProblem;
use leptos::serde_json::{Map, Value};

use super::api::GroupForm;

/// What the form says. `parse` reads conditions.
///
/// # Errors
/// What `parse` says, at the member.
pub fn group_value(
    form: &GroupForm,
    parse: impl Fn(&str) -> Result<Value, ControlError>,
) -> Result<Value, ControlError> {
    let mut group = Map::new();
    group.insert("name".to_owned(), form.name.trim().into());
    group.insert("strategy".to_owned(), form.strategy.trim().into());
    if !form.continue_streams.is_empty() {
        group.insert("continue_streams".to_owned(), true.into());
    }
    if !form.hedge_share.trim().is_empty() {
        let mut hedge = Map::new();
        hedge.insert("max_share".to_owned(), number(&form.hedge_share));
        if !form.hedge_after.trim().is_empty() {
            hedge.insert("at_least".to_owned(), form.hedge_after.trim().into());
        }
        group.insert("hedge".to_owned(), Value::Object(hedge));
    }
    let mut members = Vec::new();
    for member in form.members.iter().filter(|m| !m.target.trim().is_empty()) {
        let target = member.target.trim();
        let mut settings = Map::new();
        match target.split_once('/') {
            Some((backend, model)) => {
                settings.insert("backend".to_owned(), backend.trim().into());
                settings.insert("model".to_owned(), model.trim().into());
            }
            None => {
                let problem = SettingProblem {
                    key: format!("members[{}]", members.len()),
                    message: format!("expected backend/model, found \"{target}\""),
                };
                return Err(ControlError::Settings(vec![problem]));
            }
        }
        for (key, text) in [("weight", &member.weight), ("priority", &member.priority)] {
            if !text.trim().is_empty() {
                settings.insert(key.to_owned(), number(text));
            }
        }
        if !member.when.trim().is_empty() {
            settings.insert("when".to_owned(), parse(&member.when)?);
        }
        members.push(Value::Object(settings));
    }
    group.insert("members".to_owned(), Value::Array(members));
    Ok(Value::Object(group))
}

fn number(text: &str) -> Value {
    let text = text.trim();
    text.parse::<i64>()
        .map_or_else(|_| text.into(), Value::from)
}
