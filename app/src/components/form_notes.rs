//! What is said about a form in words that are not fixed: what is wrong with settings, or what came of
//! trying them. The words are fetched by a token, so that a forged URL can show none.

use domain::notes::{DiffLine, DiffMark, FormNotes as Notes, NotePart};
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
    let parts = notes
        .parts
        .into_iter()
        .map(|NotePart { title, lines: text }| {
            let text = (!text.is_empty()).then(|| lines(text));
            view! {
                <div class="note-part">
                    <h3>{title}</h3>
                    {text}
                </div>
            }
        });
    let said = notes.lines.into_iter().map(|line| {
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
            <ul class="plain">{said.collect_view()}</ul>
        </div>
        {parts.collect_view()}
    }
    .into_any()
}

/// A text line by line, with what became of each.
pub fn lines(lines: Vec<DiffLine>) -> AnyView {
    let lines = lines.into_iter().map(|line| {
        let (class, sign) = match line.mark {
            DiffMark::Same => ("", "  "),
            DiffMark::Added => ("added", "+ "),
            DiffMark::Removed => ("removed", "- "),
            DiffMark::Gap => ("gap", "  …"),
        };
        view! { <span class=class>{format!("{sign}{}\n", line.text)}</span> }
    });
    view! {
        <pre class="diff" tabindex="0">
            {lines.collect_view()}
        </pre>
    }
    .into_any()
}
