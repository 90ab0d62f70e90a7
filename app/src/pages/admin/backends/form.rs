//! The form of a backend: first what its kind needs, the rest folded away.

use leptos::prelude::*;

use super::api::{BackendForm, SaveBackend};
use crate::components::{
    form_field::{AreaField, CheckField, FormAlert, SelectField, TextField},
    post_form::{Post, PostForm},
};

const FIELDS: &[&str] = &[
    "name",
    "base_url",
    "api_keys",
    "region",
    "profile",
    "priority",
    "models",
    "unpriced",
    "max_concurrent",
    "rate_requests",
    "rate_window",
    "timeout",
    "max_retries",
];

/// A kind of backend as it is offered.
pub struct Kind {
    pub id: &'static str,
    pub title: &'static str,
    pub about: &'static str,
    pub base_url: &'static str,
}

/// All of them.
pub const KINDS: [Kind; 4] = [
    Kind {
        id: "openai",
        title: "OpenAI",
        about: "Chat Completions, Responses, embeddings, images, audio.",
        base_url: "https://api.openai.com/v1",
    },
    Kind {
        id: "anthropic",
        title: "Anthropic",
        about: "Claude by the Messages API.",
        base_url: "https://api.anthropic.com",
    },
    Kind {
        id: "bedrock",
        title: "Amazon Bedrock",
        about: "Claude and others, with the credentials of AWS that this server finds.",
        base_url: "",
    },
    Kind {
        id: "openai_compatible",
        title: "OpenAI-compatible",
        about: "vLLM, Ollama, Groq, OpenRouter, Azure, LM Studio and all that speak the same.",
        base_url: "",
    },
];

#[component]
pub fn BackendFields(form: BackendForm, entry: Option<i64>, save: Post) -> impl IntoView {
    let failure = save.failure();
    let kind = KINDS.iter().find(|kind| kind.id == form.kind);
    let usual_url = kind.map_or("", |kind| kind.base_url);
    let is_bedrock = form.kind == "bedrock";
    let needs_url = form.kind == "openai_compatible";
    let unpriced = [
        ("refuse", "Refuse: no budget is passed unseen"),
        ("allow", "Serve: the log says that they have no price"),
    ];
    let unpriced = unpriced.map(|(value, title)| (value.to_owned(), title.to_owned()));
    let usual = |text: String, usual: &str| match text.is_empty() {
        true => usual.to_owned(),
        false => text,
    };
    // Open where something in it is set.
    let more_set = !(form.max_concurrent.is_empty()
        && form.rate_requests.is_empty()
        && form.timeout.is_empty()
        && form.max_retries.is_empty()
        && form.more.is_empty()
        && form.note.is_empty());
    let open = more_set || failure.get_untracked().is_some();
    let key_hint = match entry {
        Some(_) => "One on each line. Empty: they stay as they are.",
        None => "One on each line. They are stored encrypted and never shown again.",
    };
    view! {
        <PostForm post=save class="form">
            <FormAlert failure fields=FIELDS/>
            {entry.map(|entry| view! { <input type="hidden" name="entry" value=entry/> })}
            <input type="hidden" name="form[kind]" value=form.kind.clone()/>
            <TextField
                form="backend"
                name="name"
                input="form[name]"
                label="Name"
                failure
                value=form.name
                required=true
                hint="Clients may ask for name/model, so without spaces and slashes."
            />
            {if is_bedrock {
                view! {
                    <div class="form-row">
                        <TextField
                            form="backend"
                            name="region"
                            input="form[region]"
                            label="Region"
                            failure
                            value=form.region
                            hint="Such as eu-west-3. Empty: AWS_REGION."
                        />
                        <TextField
                            form="backend"
                            name="profile"
                            input="form[profile]"
                            label="Profile (optional)"
                            failure
                            value=form.profile
                            hint="Of AWS’s configuration files."
                        />
                    </div>
                }
                    .into_any()
            } else {
                view! {
                    <TextField
                        form="backend"
                        name="base_url"
                        input="form[base_url]"
                        label="Base URL"
                        kind="url"
                        failure
                        value=usual(form.base_url, usual_url)
                        required=needs_url
                        hint="For OpenAI’s dialect it ends with the version, as in /v1."
                    />
                    <AreaField
                        form="backend"
                        name="api_keys"
                        input="form[api_keys]"
                        label="API keys"
                        failure
                        rows=2
                        secret=true
                        hint=key_hint
                    />
                }
                    .into_any()
            }}
            <AreaField
                form="backend"
                name="models"
                input="form[models]"
                label="Models"
                failure
                value=form.models
                rows=3
                hint="One on each line, with other names behind it: gpt-4o = smart, best. Empty: all that it says it has."
            />
            <SelectField
                form="backend"
                name="unpriced"
                input="form[unpriced]"
                label="Calls without a known price"
                failure
                options=unpriced.to_vec()
                selected=usual(form.unpriced, "refuse")
            />
            <TextField
                form="backend"
                name="priority"
                input="form[priority]"
                label="Priority"
                failure
                value=usual(form.priority, "1")
                inputmode="numeric"
                hint="Of several that serve a model, the lowest is tried first."
            />
            <CheckField
                form="backend"
                name="form[enabled]"
                label="In use"
                checked=!form.enabled.is_empty() || entry.is_none()
            />
            <details class="more" open=open>
                <summary>"Limits, time-outs and more"</summary>
                <div class="form">
                    <div class="form-row">
                        <TextField
                            form="backend"
                            name="rate_requests"
                            input="form[rate_requests]"
                            label="At most, calls"
                            failure
                            value=form.rate_requests
                            inputmode="numeric"
                            hint="Empty: no limit."
                        />
                        <TextField
                            form="backend"
                            name="rate_window"
                            input="form[rate_window]"
                            label="within"
                            failure
                            value=form.rate_window
                            hint="Such as 60s, which is usual."
                        />
                    </div>
                    <div class="form-row">
                        <TextField
                            form="backend"
                            name="max_concurrent"
                            input="form[max_concurrent]"
                            label="Calls at once"
                            failure
                            value=form.max_concurrent
                            inputmode="numeric"
                            hint="Empty: no limit."
                        />
                        <TextField
                            form="backend"
                            name="max_retries"
                            input="form[max_retries]"
                            label="Retries"
                            failure
                            value=form.max_retries
                            inputmode="numeric"
                            hint="Where no other backend is left. Empty: 2."
                        />
                    </div>
                    <TextField
                        form="backend"
                        name="timeout"
                        input="form[timeout]"
                        label="Time for a whole answer"
                        failure
                        value=form.timeout
                        hint="Such as 90s or 10m. Streams may take longer."
                    />
                    <CheckField
                        form="backend"
                        name="form[any_model]"
                        label="Also asked for models that nothing lists"
                        checked=!form.any_model.is_empty()
                    />
                    <AreaField
                        form="backend"
                        name="more"
                        input="form[more]"
                        label="Other settings, in the words of the configuration file"
                        failure
                        value=form.more
                        rows=4
                        hint="YAML or JSON: prices of models, model_mapping, headers, queue, role_rewrites …"
                    />
                    <TextField
                        form="backend"
                        name="note"
                        input="form[note]"
                        label="Note"
                        failure
                        value=form.note
                    />
                </div>
            </details>
            <div class="row">
                <button
                    class="btn"
                    type="submit"
                    name="act"
                    value="save"
                    aria-disabled=move || save.pending().get().then_some("true")
                >
                    {if entry.is_some() { "Save" } else { "Add backend" }}
                </button>
                {(!is_bedrock)
                    .then(|| {
                        view! {
                            <button
                                class="btn"
                                data-variant="outline"
                                type="submit"
                                name="act"
                                value="test"
                                aria-disabled=move || save.pending().get().then_some("true")
                            >
                                "Test connection"
                            </button>
                        }
                    })}
            </div>
            <p class="quiet text-xs">
                "A test asks for the list of models, which costs nothing."
            </p>
        </PostForm>
    }
    .into_any()
}

/// The form for a new one, once its kind is chosen.
#[component]
pub fn NewBackend(kind: Option<String>) -> impl IntoView {
    let known = kind.and_then(|id| KINDS.iter().find(|kind| kind.id == id));
    let Some(kind) = known else {
        let cards = KINDS.iter().map(|kind| {
            view! {
                <li>
                    <a class="choice" href=format!("{}?new=1&kind={}", super::PATH, kind.id)>
                        <strong>{kind.title}</strong>
                        <span class="quiet">{kind.about}</span>
                    </a>
                </li>
            }
        });
        return view! {
            <section>
                <p class="quiet">"What does it speak?"</p>
                <ul class="choices">{cards.collect_view()}</ul>
            </section>
        }
        .into_any();
    };
    let save = Post::to::<SaveBackend>();
    let form = BackendForm {
        kind: kind.id.to_owned(),
        unpriced: match kind.id {
            "openai_compatible" => "allow".to_owned(),
            _ => String::new(),
        },
        ..BackendForm::default()
    };
    view! {
        <section>
            <BackendFields form entry=None save/>
        </section>
    }
    .into_any()
}
