//! A secret that is shown once. It stands in the page's text and nowhere else: not in the URL, not
//! in the data for the browser's half, and it is wiped when the page is left, so that Back shows
//! nothing.

use leptos::{ev, html, prelude::*};

use super::icon::Icon;

/// Wipes an element when the page is left, before the browser may keep it for Back.
pub fn wipe_on_leave(element: NodeRef<html::Div>) {
    Effect::new(move |_| {
        let handle = window_event_listener(ev::pagehide, move |_| {
            if let Some(element) = element.get_untracked() {
                element.set_text_content(None);
            }
        });
        on_cleanup(move || handle.remove());
    });
}

/// The secret with a button that copies it and says so to screen readers.
#[component]
pub fn SecretOnce(
    /// Empty in the browser, where the text that the server wrote stays.
    secret: String,
    label: &'static str,
) -> impl IntoView {
    let code = NodeRef::<html::Code>::new();
    let (said, say) = signal("");
    let copy = move |_| {
        let Some(text) = code.get_untracked().and_then(|code| code.text_content()) else {
            return;
        };
        // Without HTTPS browsers offer no clipboard, except on this very machine.
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
    view! {
        <div class="secret">
            <code node_ref=code aria-label=label tabindex="0">
                {secret}
            </code>
            <button class="btn js-only" data-variant="outline" data-size="sm" type="button" on:click=copy>
                <Icon name="copy"/>
                "Copy"
            </button>
        </div>
        <p class="quiet" role="status" aria-live="polite">
            {said}
        </p>
    }
    .into_any()
}
