//! What to paste into clients: one folded text for each, with a button that copies it. The texts are
//! made by the server, see `server::snippets`.

use leptos::{html, prelude::*};
use serde::{Deserialize, Serialize};

use super::icon::Icon;

/// What to paste into one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snippet {
    /// A word for links and tests, such as `claude-code`.
    pub client: String,
    pub title: String,
    /// What to do with it besides pasting; may be empty.
    pub note: String,
    pub text: String,
}

#[component]
pub fn SnippetList(
    snippets: Vec<Snippet>,
    /// The client whose text is open at first.
    #[prop(into)]
    open: String,
) -> impl IntoView {
    let items = snippets.into_iter().map(|snippet| {
        let open = snippet.client == open;
        view! { <One snippet open/> }
    });
    let items: Vec<_> = items.collect();
    view! { <div class="flex flex-col gap-3">{items}</div> }.into_any()
}

#[component]
fn One(snippet: Snippet, open: bool) -> impl IntoView {
    let code = NodeRef::<html::Code>::new();
    let (said, say) = signal("");
    let copy = move |_| {
        let Some(text) = code.get_untracked().and_then(|code| code.text_content()) else {
            return;
        };
        if !window().is_secure_context() {
            say.set("Select the text and copy it; browsers copy by themselves over HTTPS only.");
            return;
        }
        let written = window().navigator().clipboard().write_text(&text);
        leptos::task::spawn_local(async move {
            say.set(match wasm_bindgen_futures::JsFuture::from(written).await {
                Ok(_) => "Copied.",
                Err(_) => "The browser refused; select the text and copy it.",
            });
        });
    };
    let note = (!snippet.note.is_empty()).then(|| view! { <p class="quiet">{snippet.note}</p> });
    let label = format!("Copy the text for {}", snippet.title);
    view! {
        <details class="snippet" open=open>
            <summary>
                <Icon name="terminal"/>
                {snippet.title.clone()}
            </summary>
            <div class="about">
                {note}
                <div class="row js-only">
                    <button
                        class="btn"
                        data-variant="outline"
                        data-size="sm"
                        type="button"
                        aria-label=label
                        on:click=copy
                    >
                        <Icon name="copy"/>
                        "Copy"
                    </button>
                    <span class="quiet" role="status" aria-live="polite">
                        {said}
                    </span>
                </div>
            </div>
            <pre tabindex="0" data-client=snippet.client aria-label=snippet.title>
                <code node_ref=code>{snippet.text}</code>
            </pre>
        </details>
    }
    .into_any()
}
