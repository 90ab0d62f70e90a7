//! Light, dark, or as the system has it: three buttons of one form.

use leptos::{form::ActionForm, prelude::*};

use super::icon::Icon;
use crate::theme::{self, SetTheme, Theme};

const CHOICES: [(Theme, &str, &str); 3] = [
    (Theme::Light, "sun", "Light"),
    (Theme::Dark, "moon", "Dark"),
    (Theme::System, "monitor", "As the system"),
];

#[component]
pub fn ThemeToggle() -> impl IntoView {
    let set = ServerAction::<SetTheme>::new();
    let first = theme::current();
    let theme = Memo::new(move |_| match set.value().get() {
        Some(Ok(theme)) => theme,
        _ => first,
    });
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
                aria-pressed=move || if theme.get() == choice { "true" } else { "false" }
            >
                <Icon name=icon/>
            </button>
        }
    });
    view! {
        <ActionForm action=set attr:class="themes" attr:aria-label="Colours">
            {buttons.collect_view()}
        </ActionForm>
    }
}
