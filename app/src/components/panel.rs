//! What opens beside a list: a form for a new thing, or one thing with all that can be done to it.
//! Whether it is open stands in the URL, so that it needs no script and survives a failed form.

use leptos::{html, prelude::*};

use super::icon::Icon;

#[component]
pub fn SidePanel(
    #[prop(into)] title: Signal<String>,
    /// Where the page is without the panel.
    #[prop(into)]
    close: Signal<String>,
    children: Children,
) -> impl IntoView {
    let panel = NodeRef::<html::Aside>::new();
    // On a phone the panel stands above the list, which may be scrolled far down.
    Effect::new(move |opened: Option<()>| {
        if opened.is_none()
            && let Some(panel) = panel.get()
        {
            panel.scroll_into_view_with_bool(false);
        }
    });
    view! {
        <aside class="panel" aria-labelledby="panel-title" node_ref=panel>
            <header>
                <h2 id="panel-title">{title}</h2>
                <a
                    class="btn"
                    data-variant="ghost"
                    data-size="icon-sm"
                    href=close
                    aria-label="Close"
                >
                    <Icon name="x"/>
                </a>
            </header>
            {children()}
        </aside>
    }
    .into_any()
}
