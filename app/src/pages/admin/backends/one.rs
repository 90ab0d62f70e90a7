//! One backend: how it is, what can be done about it, and its settings.

use domain::configured::BackendView;
use leptos::prelude::*;

use super::{
    BackendActions, Health,
    api::{BackendForm, OneBackend, get_backend},
    form::BackendFields,
    origin,
};
use crate::{
    components::{
        form_field::{FormAlert, Submit, TextField},
        panel::SidePanel,
        post_form::{Post, PostForm},
        suspense_error::{Load, loading},
    },
    format,
};

#[component]
pub fn OneBackendPanel(id: i64, close: Signal<String>, actions: BackendActions) -> impl IntoView {
    let backend = loading(move || actions.version(), move |_| get_backend(id));
    on_cleanup(move || actions.forget());
    view! {
        <SidePanel title="Backend" close>
            <Load
                resource=backend
                show={move |one: OneBackend| {
                    view! {
                        <div class="body">
                            <Facts backend=one.backend.clone()/>
                            <Act id backend=one.backend.clone() entry=one.entry actions/>
                            <Settings one=one.clone() save=actions.save/>
                            {one
                                .entry
                                .map(|entry| {
                                    view! {
                                        <Delete
                                            entry
                                            name=one.backend.name.clone()
                                            delete=actions.delete
                                        />
                                    }
                                })}
                        </div>
                    }
                    .into_any()
                }}
            />
        </SidePanel>
    }
    .into_any()
}

#[component]
fn Facts(backend: BackendView) -> impl IntoView {
    let health = backend.health.clone();
    let millis = |ms: Option<u64>| ms.map_or_else(|| "—".to_owned(), |ms| format!("{ms} ms"));
    let limit = health.limit.map(|limit| {
        let used = limit.requests.saturating_sub(limit.remaining);
        let window = limit.window_ms / 1_000;
        view! {
            <dt>"Limit"</dt>
            <dd>
                <meter min="0" max=limit.requests value=used aria-label="Calls in the window"></meter>
                {format!(" {used} of {} calls in {window} s", limit.requests)}
            </dd>
        }
    });
    let credentials = match backend.credentials.is_empty() {
        true => "none".to_owned(),
        false => backend.credentials.join(", "),
    };
    let models = backend.models.len();
    let names = backend.models.join("\n");
    view! {
        <section>
            <dl class="facts">
                <dt>"Name"</dt>
                <dd class="font-medium">{backend.name}</dd>
                <dt>"State"</dt>
                <dd>
                    <Health health=health.clone()/>
                </dd>
                <dt>"Kind"</dt>
                <dd>{backend.kind}</dd>
                <dt>"Set in"</dt>
                <dd>{origin(backend.origin)}</dd>
                <dt>"API keys"</dt>
                <dd>{credentials}</dd>
                <dt>"Calls"</dt>
                <dd>
                    {format!(
                        "{}, {} failed, {} running, {} waiting",
                        format::count(health.calls),
                        format::count(health.failed),
                        health.in_progress,
                        health.waiting,
                    )}
                </dd>
                <dt>"Whole answers"</dt>
                <dd>{millis(health.latency_ms)}</dd>
                <dt>"First content"</dt>
                <dd>{millis(health.first_chunk_ms)}</dd>
                {limit}
                {health
                    .last_error
                    .map(|(_, error)| {
                        view! {
                            <dt>"Last error"</dt>
                            <dd>{error}</dd>
                        }
                    })}
            </dl>
            <p class="quiet text-xs">"Since the router started."</p>
            <details class="more">
                <summary>{format!("{models} models")}</summary>
                <pre class="code" tabindex="0">
                    {names}
                </pre>
            </details>
        </section>
    }
    .into_any()
}

#[component]
fn Act(
    id: i64,
    backend: BackendView,
    entry: Option<i64>,
    actions: BackendActions,
) -> impl IntoView {
    let asks = !backend.lists_models && backend.enabled && backend.kind != "bedrock";
    let rests = backend.health.next_try_ms.is_some();
    let enabled = backend.enabled;
    view! {
        <section>
            <FormAlert failure=actions.clear.failure()/>
            <FormAlert failure=actions.refresh.failure()/>
            <FormAlert failure=actions.enable.failure()/>
            <FormAlert failure=actions.reorder.failure()/>
            <div class="row">
                {rests
                    .then(|| {
                        view! {
                            <PostForm post=actions.clear>
                                <input type="hidden" name="id" value=id/>
                                <Submit
                                    label="Clear cooldown"
                                    variant="outline"
                                    pending=actions.clear.pending()
                                />
                            </PostForm>
                        }
                    })}
                {asks
                    .then(|| {
                        view! {
                            <PostForm post=actions.refresh>
                                <input type="hidden" name="id" value=id/>
                                <Submit
                                    label="Ask for its models"
                                    variant="outline"
                                    pending=actions.refresh.pending()
                                />
                            </PostForm>
                        }
                    })}
                {entry
                    .map(|entry| {
                        view! {
                            <PostForm post=actions.enable>
                                <input type="hidden" name="entry" value=entry/>
                                <input type="hidden" name="enabled" value=(!enabled).to_string()/>
                                <Submit
                                    label=if enabled { "Switch off" } else { "Switch on" }
                                    variant="outline"
                                    pending=actions.enable.pending()
                                />
                            </PostForm>
                            <Move entry up=true label="Try earlier" reorder=actions.reorder/>
                            <Move entry up=false label="Try later" reorder=actions.reorder/>
                        }
                    })}
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn Move(entry: i64, up: bool, label: &'static str, reorder: Post) -> impl IntoView {
    view! {
        <PostForm post=reorder>
            <input type="hidden" name="entry" value=entry/>
            <input type="hidden" name="up" value=up.to_string()/>
            <Submit label variant="outline" pending=reorder.pending()/>
        </PostForm>
    }
    .into_any()
}

#[component]
fn Settings(one: OneBackend, save: Post) -> impl IntoView {
    let content = match (one.entry, one.form) {
        (Some(entry), Some(form)) => {
            let form: BackendForm = form;
            view! { <BackendFields form entry=Some(entry) save/> }.into_any()
        }
        _ => view! {
            <p class="quiet">
                "It comes from the configuration file or the environment, and is changed there. Requests see a change of the file within seconds."
            </p>
        }
        .into_any(),
    };
    view! {
        <section>
            <h3>"Settings"</h3>
            {content}
        </section>
    }
    .into_any()
}

#[component]
fn Delete(entry: i64, name: String, delete: Post) -> impl IntoView {
    let failed = delete.failure();
    // Open where the last attempt failed.
    let open = failed.get_untracked().is_some();
    view! {
        <section>
            <details class="danger" open=open>
                <summary>"Delete this backend"</summary>
                <PostForm post=delete class="form">
                    <p class="quiet">
                        "Requests that are running end as they began. The history stays. Type "
                        <strong class="text-foreground">{name}</strong> " to confirm."
                    </p>
                    <FormAlert failure=failed fields=&["confirm"]/>
                    <input type="hidden" name="entry" value=entry/>
                    <TextField
                        form="delete-backend"
                        name="confirm"
                        label="Name"
                        failure=failed
                        required=true
                    />
                    <div>
                        <Submit
                            label="Delete backend"
                            variant="destructive"
                            pending=delete.pending()
                        />
                    </div>
                </PostForm>
            </details>
        </section>
    }
    .into_any()
}
