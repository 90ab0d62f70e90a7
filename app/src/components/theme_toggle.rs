//! Light, dark, or as the system has it: three buttons of one form.

use leptos::prelude::*;

use super::{
    icon::Icon,
    post_form::{Post, PostForm},
};
use crate::theme::{self, SetTheme, Theme};

const CHOICES: [(Theme, &str, &str); 3] = [
    (Theme::Light, "sun", "Light"),
    (Theme::Dark, "moon", "Dark"),
    (Theme::System, "monitor", "As the system"),
];

#[component]
pub fn ThemeToggle() -> impl IntoView {
    let post = Post::to::<SetTheme>();
    let theme = RwSignal::new(theme::current());
    // The attribute stands on <html>, which the server wrote and no component owns.
    Effect::new(move |_| {
        if let Some(html) = document().document_element() {
            // Setting an attribute of a fixed name cannot fail.
            let _ = html.set_attribute("data-theme", theme.get().as_str());
        }
    });
    let buttons = CHOICES.map(|(choice, icon, name)| {
        view! {
            <button
                type="submit"
                name="theme"
                value=choice.as_str()
                aria-label=name
                title=name
                on:click=move |_| theme.set(choice)
                aria-pressed=move || if theme.get() == choice { "true" } else { "false" }
            >
                <Icon name=icon/>
            </button>
        }
    });
    view! {
        <PostForm post class="themes">
            {buttons.collect_view()}
        </PostForm>
    }
    .into_any()
}
