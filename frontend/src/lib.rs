//! The browser's entry: takes over the document that the server wrote, and nothing else.

/// Called by the script that Leptos writes into the document.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    // Without a hook a panic is a bare "unreachable" in the console.
    std::panic::set_hook(Box::new(|info| leptos::logging::error!("{info}")));
    leptos::mount::hydrate_body(app::App);
}
