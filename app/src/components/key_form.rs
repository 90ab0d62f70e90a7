//! The fields of a key, new or not, the same for admins and for everybody's own keys, and how they are
//! read. What few need is folded away.

use domain::{
    Timestamp,
    account::{KeyAccess, NewKeyInput, VirtualKey},
    validation::{Field, FieldError, count},
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    form_field::{FormFailure, SelectField, TextField},
    terms_form::{BudgetFields, BudgetText, LimitFields, LimitText},
};

/// The fields' names, for [`super::form_field::FormAlert`].
pub const KEY_FIELDS: &[&str] = &[
    "label",
    "expires_in_days",
    "daily_budget",
    "monthly_budget",
    "soft_daily_budget",
    "soft_monthly_budget",
    "requests_per_minute",
    "tokens_per_minute",
    "parallel",
    "allowed_models",
    "allowed_backends",
    "allowed_addresses",
    "tags",
];

/// The expiry that a key has already.
const KEEP: &str = "keep";

const EXPIRIES: [(&str, &str); 6] = [
    ("0", "Never"),
    ("1", "In a day"),
    ("7", "In 7 days"),
    ("30", "In 30 days"),
    ("90", "In 90 days"),
    ("365", "In a year"),
];

const DAY_MS: i64 = 86_400_000;

/// What was typed about a key besides its budgets and limits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyText {
    pub label: String,
    /// A number of days, or "keep".
    pub expires_in_days: String,
    /// Lists, separated by commas or lines.
    pub allowed_models: String,
    pub allowed_backends: String,
    pub allowed_addresses: String,
    pub tags: String,
}

impl KeyText {
    /// By name, to fill the form again.
    #[must_use]
    pub fn typed(&self) -> Vec<(&str, &str)> {
        vec![
            ("label", &self.label),
            ("expires_in_days", &self.expires_in_days),
            ("allowed_models", &self.allowed_models),
            ("allowed_backends", &self.allowed_backends),
            ("allowed_addresses", &self.allowed_addresses),
            ("tags", &self.tags),
        ]
    }
}

/// What was typed, read. `present`: the expiry that the key has.
///
/// # Errors
/// Names the field that makes no sense.
pub fn read(
    key: &KeyText,
    budget: &BudgetText,
    limits: &LimitText,
    present: Option<Timestamp>,
    now: Timestamp,
) -> Result<NewKeyInput, FieldError> {
    let expires_at = match key.expires_in_days.trim() {
        KEEP => present,
        days => match count(Field::ExpiresAt, days)? {
            0 => None,
            days => Some(Timestamp(
                now.0.saturating_add(i64::from(days).saturating_mul(DAY_MS)),
            )),
        },
    };
    Ok(NewKeyInput {
        label: key.label.clone(),
        expires_at,
        limits: limits.read()?,
        budget: budget.read()?,
        access: KeyAccess {
            models: list(&key.allowed_models),
            backends: list(&key.allowed_backends),
            addresses: list(&key.allowed_addresses),
        },
        tags: list(&key.tags),
    })
}

fn list(text: &str) -> Vec<String> {
    text.split([',', '\n'])
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

#[component]
pub fn KeyFields(
    form: &'static str,
    failure: FormFailure,
    /// The key that is changed.
    #[prop(optional_no_strip)]
    key: Option<VirtualKey>,
    /// When that expires, as printed.
    #[prop(optional_no_strip)]
    expires: Option<String>,
    /// Tags are for admins to set.
    with_tags: bool,
) -> impl IntoView {
    let mut expiries: Vec<(String, String)> = EXPIRIES
        .map(|(days, title)| (days.to_owned(), title.to_owned()))
        .to_vec();
    let mut selected = "0";
    if key.as_ref().is_some_and(|key| key.expires_at.is_some()) {
        let at = expires.unwrap_or_default();
        expiries.insert(0, (KEEP.to_owned(), format!("As it is: {at}")));
        selected = KEEP;
    }
    // What is folded away has to be seen where it is wrong.
    let folded = move |names: &'static [&'static str]| {
        failure
            .get_untracked()
            .and_then(|error| error.cause.input())
            .is_some_and(|name| names.contains(&name))
    };
    let (label, budget, limits, access, tags) = match key {
        Some(key) => (key.label, key.budget, key.limits, key.access, key.tags),
        None => Default::default(),
    };
    let any_access = access != KeyAccess::default();
    view! {
        <TextField
            form
            name="label"
            label="Label"
            failure
            value=label
            required=true
            autofocus=true
            hint="What or who uses it, such as “CI” or “Ada’s laptop”."
        />
        <SelectField
            form
            name="expires_in_days"
            label="Expires"
            failure
            options=expiries
            selected
        />
        <TextField
            form
            name="allowed_models"
            label="Allowed models"
            failure
            value=access.models.join(", ")
            hint="Separated by commas. Empty: all that the owner may use."
        />
        <details class="more" open=folded(super::terms_form::BUDGET_FIELDS)>
            <summary>"Budgets of the key"</summary>
            <div class="form">
                <BudgetFields form failure budget/>
            </div>
        </details>
        <details class="more" open=folded(super::terms_form::LIMIT_FIELDS)>
            <summary>"Limits"</summary>
            <div class="form">
                <LimitFields form failure limits/>
            </div>
        </details>
        <details
            class="more"
            open=any_access || folded(&["allowed_backends", "allowed_addresses", "tags"])
        >
            <summary>"Where it works"</summary>
            <div class="form">
                <TextField
                    form
                    name="allowed_backends"
                    label="Allowed backends"
                    failure
                    value=access.backends.join(", ")
                    hint="Names, separated by commas. Empty: all."
                />
                <TextField
                    form
                    name="allowed_addresses"
                    label="Allowed addresses"
                    failure
                    value=access.addresses.join(", ")
                    hint="Such as 203.0.113.7 or 203.0.113.0/24. Empty: from anywhere."
                />
                {with_tags
                    .then(|| {
                        view! {
                            <TextField
                                form
                                name="tags"
                                label="Tags"
                                failure
                                value=tags.join(", ")
                                hint="To find keys; routes can depend on them."
                            />
                        }
                    })}
            </div>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(days: &str, models: &str) -> KeyText {
        KeyText {
            label: "CI".to_owned(),
            expires_in_days: days.to_owned(),
            allowed_models: models.to_owned(),
            ..KeyText::default()
        }
    }

    fn read_text(key: &KeyText, rpm: &str) -> Result<NewKeyInput, FieldError> {
        let limits = LimitText {
            requests_per_minute: rpm.to_owned(),
            ..LimitText::default()
        };
        let present = Some(Timestamp(77));
        read(
            key,
            &BudgetText::default(),
            &limits,
            present,
            Timestamp(1_000),
        )
    }

    #[test]
    fn a_key_is_read_as_it_was_typed() {
        let key = read_text(&text("7", "gpt-4o, ,x\n"), " 60 ").expect("a key");
        assert_eq!(key.expires_at, Some(Timestamp(1_000 + 7 * DAY_MS)));
        assert_eq!(key.limits.requests_per_minute, 60);
        assert_eq!(key.access.models, ["gpt-4o", "x"]);

        let open = read_text(&text("0", ""), "").expect("a key");
        assert_eq!(
            (open.expires_at, open.limits.requests_per_minute),
            (None, 0)
        );
        let kept = read_text(&text(KEEP, ""), "").expect("a key");
        assert_eq!(kept.expires_at, Some(Timestamp(77)));
    }

    #[test]
    fn the_field_that_makes_no_sense_is_named() {
        let field = |days, rpm| {
            let error = read_text(&text(days, ""), rpm).expect_err("a refusal");
            error.field
        };
        assert_eq!(field("soon", ""), Field::ExpiresAt);
        assert_eq!(field("", "many"), Field::RequestsPerMinute);
    }
}
