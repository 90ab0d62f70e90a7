//! What is said about a form in words that are not fixed: what is wrong with settings, or what came of
//! trying them. The words are fetched by a token, so that a forged URL can show none.

use domain::configured::FormNotes as Notes;
use leptos::prelude::*;

use super::{
    form_field::FormFailure,
    icon::Icon,
    suspense_error::{Load, loading},
};
use crate::error::{AppError, Cause};

/// The notes behind a token, if they are for this session.
#[server(prefix = "/_fn", endpoint = "notes")]
pub async fn form_notes(token: String) -> Result<Option<Notes>, AppError> {
    crate::server::principal().await?;
    crate::server::notes(&token)
}

#[component]
pub fn FormNotes(failure: FormFailure) -> impl IntoView {
    let token = Memo::new(move |_| match failure.get()?.cause {
        Cause::Told { token, .. } | Cause::Tried { token } => Some(token),
        _ => None,
    });
    move || token.get().map(|token| view! { <Fetched token/> })
}

#[component]
fn Fetched(token: String) -> impl IntoView {
    let notes = loading(move || token.clone(), form_notes);
    view! {
        <Load
            resource=notes
            show={move |notes: Option<Notes>| said(notes)}
        />
    }
    .into_any()
}

fn said(notes: Option<Notes>) -> AnyView {
    // Who comes back after a while finds none.
    let Some(notes) = notes else {
        return ().into_any();
    };
    let (class, role, icon) = match notes.good {
        true => ("notice", "status", "circle-check"),
        false => ("trouble", "alert", "circle-alert"),
    };
    let lines = notes.lines.into_iter().map(|line| {
        let key = (!line.key.is_empty()).then(|| view! { <code>{line.key}</code> ": " });
        view! {
            <li>
                {key}
                {line.message}
            </li>
        }
    });
    view! {
        <div class=class role=role>
            <Icon name=icon/>
            <ul class="plain">{lines.collect_view()}</ul>
        </div>
    }
    .into_any()
}
