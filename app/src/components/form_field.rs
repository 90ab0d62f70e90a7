//! Inputs with their labels, hints and errors. An error stands at the field it is about, is tied to
//! it by `aria-describedby`, and what had been typed is there again when no JavaScript kept it.

use leptos::prelude::*;

use super::{form_notes::FormNotes, icon::Icon};
use crate::error::{AppError, Cause};

/// The error of a form.
pub type FormFailure = Signal<Option<AppError>>;

fn error_at(failure: FormFailure, name: &'static str) -> Memo<Option<String>> {
    Memo::new(move |_| {
        let error = failure.get()?;
        (error.cause.input() == Some(name)).then(|| error.to_string())
    })
}

fn kept(failure: FormFailure, name: &str) -> Option<String> {
    let error = failure.get_untracked()?;
    error.kept(name).map(str::to_owned)
}

/// A line of text. `name` is the server function's argument and what errors refer to.
#[component]
pub fn TextField(
    /// The form's name, to keep ids apart.
    #[prop(into)]
    form: String,
    name: &'static str,
    /// As it is sent, where that is not its name.
    #[prop(optional)]
    input: Option<&'static str>,
    label: &'static str,
    failure: FormFailure,
    #[prop(default = "text")] kind: &'static str,
    #[prop(optional)] hint: Option<&'static str>,
    #[prop(optional, into)] value: String,
    #[prop(default = "off")] autocomplete: &'static str,
    #[prop(optional)] inputmode: Option<&'static str>,
    #[prop(optional)] required: bool,
    #[prop(optional)] autofocus: bool,
) -> impl IntoView {
    let id = format!("{form}-{name}");
    let error = error_at(failure, name);
    // A password is never kept, and never written into a page.
    let value = match kind {
        "password" => None,
        _ => Some(kept(failure, name).unwrap_or(value)),
    };
    let described = describe(&id, hint.is_some());
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input
                id=id.clone()
                type=kind
                name=input.unwrap_or(name)
                value=value
                autocomplete=autocomplete
                inputmode=inputmode
                aria-required=required.then_some("true")
                autofocus=autofocus
                spellcheck="false"
                autocapitalize="none"
                aria-invalid=move || error.read().is_some().then_some("true")
                aria-describedby=described
            />
            <FieldNotes id hint error/>
        </div>
    }
    .into_any()
}

/// Several lines of text.
#[component]
pub fn AreaField(
    #[prop(into)] form: String,
    name: &'static str,
    /// As it is sent, where that is not its name.
    #[prop(optional)]
    input: Option<&'static str>,
    label: &'static str,
    failure: FormFailure,
    #[prop(default = 3)] rows: u32,
    #[prop(optional)] hint: Option<&'static str>,
    #[prop(optional, into)] value: String,
    #[prop(optional)] required: bool,
    /// What is written is for a machine: in type of one width, as it is typed.
    #[prop(optional)]
    code: bool,
    /// It is not kept, and never written into a page.
    #[prop(optional)]
    secret: bool,
) -> impl IntoView {
    let id = format!("{form}-{name}");
    let error = error_at(failure, name);
    let value = match secret {
        true => String::new(),
        false => kept(failure, name).unwrap_or(value),
    };
    let as_typed = code || secret;
    let described = describe(&id, hint.is_some());
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <textarea
                id=id.clone()
                name=input.unwrap_or(name)
                rows=rows
                class=as_typed.then_some("code")
                autocomplete=as_typed.then_some("off")
                spellcheck=as_typed.then_some("false")
                autocapitalize=as_typed.then_some("none")
                aria-required=required.then_some("true")
                aria-invalid=move || error.read().is_some().then_some("true")
                aria-describedby=described
            >
                {value}
            </textarea>
            <FieldNotes id hint error/>
        </div>
    }
    .into_any()
}

/// A box to tick. What is not ticked is not sent.
#[component]
pub fn CheckField(
    form: &'static str,
    name: &'static str,
    label: &'static str,
    #[prop(optional)] checked: bool,
    #[prop(optional)] hint: Option<&'static str>,
) -> impl IntoView {
    let id = format!("{form}-{name}");
    let hint_id = format!("{id}-hint");
    let described = hint.map(|_| hint_id.clone());
    view! {
        <div class="field">
            <label class="check">
                <input
                    id=id
                    type="checkbox"
                    name=name
                    value="true"
                    checked=checked
                    aria-describedby=described
                />
                {label}
            </label>
            {hint
                .map(|hint| {
                    view! {
                        <p class="hint" id=hint_id>
                            {hint}
                        </p>
                    }
                })}
        </div>
    }
    .into_any()
}

/// A choice of few.
#[component]
pub fn SelectField(
    #[prop(into)] form: String,
    name: &'static str,
    /// As it is sent, where that is not its name.
    #[prop(optional)]
    input: Option<&'static str>,
    label: &'static str,
    failure: FormFailure,
    /// Values and what they are called.
    options: Vec<(String, String)>,
    #[prop(into)] selected: String,
    #[prop(optional)] hint: Option<&'static str>,
) -> impl IntoView {
    let id = format!("{form}-{name}");
    let error = error_at(failure, name);
    let selected = kept(failure, name).unwrap_or(selected);
    let options = options.into_iter().map(|(value, title)| {
        let chosen = value == selected;
        view! {
            <option value=value selected=chosen>
                {title}
            </option>
        }
    });
    let described = describe(&id, hint.is_some());
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select
                id=id.clone()
                name=input.unwrap_or(name)
                aria-invalid=move || error.read().is_some().then_some("true")
                aria-describedby=described
            >
                {options.collect_view()}
            </select>
            <FieldNotes id hint error/>
        </div>
    }
    .into_any()
}

fn describe(id: &str, hint: bool) -> String {
    match hint {
        true => format!("{id}-error {id}-hint"),
        false => format!("{id}-error"),
    }
}

#[component]
fn FieldNotes(
    id: String,
    hint: Option<&'static str>,
    error: Memo<Option<String>>,
) -> impl IntoView {
    let hint = hint.map(|hint| {
        view! {
            <p class="hint" id=format!("{id}-hint")>
                {hint}
            </p>
        }
    });
    view! {
        {hint}
        <p class="wrong" id=format!("{id}-error") hidden=move || error.read().is_none()>
            <Icon name="circle-alert"/>
            <span>{move || error.get()}</span>
        </p>
    }
    .into_any()
}

/// What is wrong with a form and not with one of its fields.
#[component]
pub fn FormAlert(
    failure: FormFailure,
    /// The form's own fields; an error at one of them is shown there.
    #[prop(optional)]
    fields: &'static [&'static str],
) -> impl IntoView {
    let text = Memo::new(move |_| {
        let error = failure.get()?;
        let at_field = error
            .cause
            .input()
            .is_some_and(|name| fields.contains(&name));
        let told = matches!(error.cause, Cause::Told { .. } | Cause::Tried { .. });
        (!at_field && !told).then(|| error.to_string())
    });
    view! {
        <FormNotes failure/>
        <div class="trouble" role="alert" hidden=move || text.read().is_none()>
            <Icon name="circle-alert"/>
            <div>{move || text.get()}</div>
        </div>
    }
    .into_any()
}

/// The button that sends a form; it rests while the answer is on its way.
#[component]
pub fn Submit(
    label: &'static str,
    #[prop(default = "primary")] variant: &'static str,
    #[prop(optional, into)] pending: Option<Signal<bool>>,
) -> impl IntoView {
    let busy = move || pending.is_some_and(|pending| pending.get());
    view! {
        <button
            class="btn"
            type="submit"
            data-variant=variant
            aria-disabled=move || busy().then_some("true")
        >
            {label}
        </button>
    }
    .into_any()
}
