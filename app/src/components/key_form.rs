//! The fields of a new key, the same for admins and for everybody's own keys, and how they are read.

use domain::account::NewKeyInput;
use leptos::prelude::*;

use super::form_field::{FormFailure, SelectField, TextField};

/// The fields' names, for [`super::form_field::FormAlert`].
pub const KEY_FIELDS: &[&str] = &[
    "label",
    "expires_in_days",
    "requests_per_minute",
    "allowed_models",
];

const EXPIRIES: [(&str, &str); 5] = [
    ("0", "Never"),
    ("7", "In 7 days"),
    ("30", "In 30 days"),
    ("90", "In 90 days"),
    ("365", "In a year"),
];

#[component]
pub fn KeyFields(form: &'static str, failure: FormFailure) -> impl IntoView {
    let expiries = EXPIRIES.map(|(days, title)| (days.to_owned(), title.to_owned()));
    view! {
        <TextField
            form
            name="label"
            label="Label"
            failure
            required=true
            autofocus=true
            hint="What or who uses it, such as “CI” or “Ada’s laptop”."
        />
        <div class="form-row">
            <SelectField
                form
                name="expires_in_days"
                label="Expires"
                failure
                options=expiries.to_vec()
                selected="0"
            />
            <TextField
                form
                name="requests_per_minute"
                label="Requests per minute"
                failure
                inputmode="numeric"
                hint="Empty: unlimited."
            />
        </div>
        <TextField
            form
            name="allowed_models"
            label="Allowed models"
            failure
            hint="Separated by commas. Empty: all that the owner may use."
        />
    }
    .into_any()
}

/// What was typed, read. `now_ms` is milliseconds since the epoch.
///
/// # Errors
/// Names the field that makes no sense.
pub fn read(
    label: String,
    expires_in_days: &str,
    requests_per_minute: &str,
    allowed_models: &str,
    now: domain::Timestamp,
) -> Result<NewKeyInput, domain::validation::FieldError> {
    use domain::validation::{Field, count};
    const DAY_MS: i64 = 86_400_000;

    let days = count(Field::ExpiresAt, expires_in_days)?;
    Ok(NewKeyInput {
        label,
        expires_at: (days > 0)
            .then(|| domain::Timestamp(now.0.saturating_add(i64::from(days) * DAY_MS))),
        limits: domain::RateLimits {
            requests_per_minute: count(Field::RequestsPerMinute, requests_per_minute)?,
            ..Default::default()
        },
        access: domain::account::KeyAccess {
            models: allowed_models
                .split([',', '\n'])
                .map(str::trim)
                .filter(|model| !model.is_empty())
                .map(str::to_owned)
                .collect(),
            ..Default::default()
        },
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use domain::{Timestamp, validation::Field};

    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_typed() {
        let now = Timestamp(1_000);
        let key = read("CI".to_owned(), "7", " 60 ", "gpt-4o, ,x\n", now).expect("a key");
        assert_eq!(key.expires_at, Some(Timestamp(1_000 + 7 * 86_400_000)));
        assert_eq!(key.limits.requests_per_minute, 60);
        assert_eq!(key.access.models, ["gpt-4o", "x"]);

        let open = read("CI".to_owned(), "0", "", "", now).expect("a key");
        assert_eq!(
            (open.expires_at, open.limits.requests_per_minute),
            (None, 0)
        );
    }

    #[test]
    fn the_field_that_makes_no_sense_is_named() {
        let now = Timestamp(0);
        let field = |days, rpm| {
            let error = read(String::new(), days, rpm, "", now).expect_err("a refusal");
            error.field
        };
        assert_eq!(field("soon", ""), Field::ExpiresAt);
        assert_eq!(field("", "many"), Field::RequestsPerMinute);
    }
}
