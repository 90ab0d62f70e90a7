//! One script: its settings and code, a trial of what stands there, its versions.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{
    PATH, TYPES,
    api::{
        DeleteScript, OneScript, RecordRequests, RecordedRow, RollBackScript, SaveScript,
        ScriptRow, ScriptText, SetScriptActive, VersionRow, get_script,
    },
    editor::CodeField,
    state,
};
use crate::{
    components::{
        form_field::{AreaField, FormAlert, FormFailure, SelectField, Submit, TextField},
        form_notes::{form_notes, lines},
        page_header::PageHeader,
        post_form::{Post, PostForm},
        suspense_error::{Load, loading},
    },
    error::Cause,
};

/// The inputs of the form.
const FIELDS: &[&str] = &[
    "name",
    "script_type",
    "target_user",
    "target_key",
    "target_backend",
    "on_error",
    "position",
    "code",
    "request",
    "response",
    "chunks",
];

#[derive(Clone, Copy, Debug)]
struct Actions {
    save: Post,
    set_active: Post,
    roll_back: Post,
    record: Post,
    delete: Post,
}

impl Actions {
    /// Changes whenever one of them has ended. Reactive.
    fn version(self) -> u32 {
        [self.save, self.set_active, self.roll_back, self.record]
            .iter()
            .map(|post| post.version())
            .sum()
    }
}

#[component]
pub fn ScriptPanel(id: Option<i64>) -> impl IntoView {
    let query = use_query_map();
    let example = Memo::new(move |_| query.read().get("example").unwrap_or_default());
    let actions = Actions {
        save: Post::to::<SaveScript>(),
        set_active: Post::to::<SetScriptActive>(),
        roll_back: Post::to::<RollBackScript>(),
        record: Post::to::<RecordRequests>(),
        delete: Post::to::<DeleteScript>(),
    };
    let recorded = Memo::new(move |_| query.read().get("recorded").unwrap_or_default());
    let script = loading(
        move || (actions.version(), example.get(), recorded.get()),
        move |(_, example, recorded)| get_script(id, example, recorded),
    );
    let title = if id.is_some() { "Script" } else { "New script" };
    view! {
        <PageHeader title about="In JavaScript, without network, files or clock of the machine’s own.">
            <a class="btn" data-variant="outline" href=PATH>
                "All scripts"
            </a>
        </PageHeader>
        <Load
            resource=script
            show={move |one: OneScript| view! { <One id one actions/> }.into_any()}
        />
    }
    .into_any()
}

#[component]
fn One(id: Option<i64>, one: OneScript, actions: Actions) -> impl IntoView {
    let examples = (!one.examples.is_empty()).then(|| examples(&one.examples));
    let head = one.row.clone().map(|row| head(row, actions));
    let recorder = recorder(id, one.recording, one.recorded, actions.record);
    let versions = id.map(|id| versions(id, one.versions, actions.roll_back));
    let delete = one.row.map(|row| delete(&row, actions.delete));
    let (text, backends) = (one.text, one.backends);
    // Without JavaScript a refused form begins with what was typed, which waits at the server.
    let token = actions
        .save
        .failure()
        .get_untracked()
        .and_then(|error| match error.cause {
            Cause::Told { token, .. } | Cause::Tried { token } => Some(token),
            _ => None,
        });
    let form = match token {
        None => view! { <Form id text backends save=actions.save/> }.into_any(),
        Some(token) => {
            let kept = loading(move || token.clone(), form_notes);
            view! {
                <Load
                    resource=kept
                    show={move |notes| {
                        let mut text = text.clone();
                        if let Some(notes) = notes {
                            text.take_over(|name| notes.kept(name).map(str::to_owned));
                        }
                        view! { <Form id text backends=backends.clone() save=actions.save/> }
                            .into_any()
                    }}
                />
            }
            .into_any()
        }
    };
    view! { {head} {examples} {form} {recorder} {versions} {delete} }.into_any()
}

impl ScriptText {
    /// What was typed before, where it was kept.
    fn take_over(&mut self, kept: impl Fn(&str) -> Option<String>) {
        for (name, text) in [
            ("name", &mut self.name),
            ("script_type", &mut self.script_type),
            ("target_user", &mut self.target_user),
            ("target_key", &mut self.target_key),
            ("target_backend", &mut self.target_backend),
            ("on_error", &mut self.on_error),
            ("position", &mut self.position),
            ("code", &mut self.code),
            ("request", &mut self.request),
            ("response", &mut self.response),
            ("chunks", &mut self.chunks),
        ] {
            if let Some(kept) = kept(name) {
                *text = kept;
            }
        }
    }
}

/// Ready-made scripts to begin with.
fn examples(examples: &[(String, String)]) -> AnyView {
    let links = examples.iter().map(|(name, about)| {
        view! {
            <li>
                <a class="choice" href=format!("{PATH}?new=1&example={name}")>
                    <strong>{name.clone()}</strong>
                    <span>{about.clone()}</span>
                </a>
            </li>
        }
    });
    view! {
        <details class="more">
            <summary>"Begin with a ready-made one"</summary>
            <ul class="choices wide">{links.collect_view()}</ul>
        </details>
    }
    .into_any()
}

/// How it is, and the switch.
fn head(row: ScriptRow, actions: Actions) -> AnyView {
    let (label, to) = match (&row.state, row.active) {
        (super::api::ScriptState::Suspended(..), _) => ("Activate again", true),
        (_, true) => ("Deactivate", false),
        (_, false) => ("Activate", true),
    };
    let figures = format!("{} calls, {} failed", row.calls, row.failures);
    let last = row.last_error.map(|error| {
        view! {
            <p class="quiet body">
                "Last error: " {error}
            </p>
        }
    });
    view! {
        <section class="tile">
            <header>
                <div>
                    <h2>{row.name}</h2>
                    <p>{format!("Version {}, {figures} since it was loaded", row.version)}</p>
                </div>
                <div class="row">
                    {state(row.state)}
                    <PostForm post=actions.set_active>
                        <input type="hidden" name="id" value=row.id/>
                        <input type="hidden" name="active" value=to.to_string()/>
                        <Submit label variant="outline" pending=actions.set_active.pending()/>
                    </PostForm>
                </div>
            </header>
            <FormAlert failure=actions.set_active.failure()/>
            {last}
        </section>
    }
    .into_any()
}

#[component]
fn Form(id: Option<i64>, text: ScriptText, backends: Vec<String>, save: Post) -> impl IntoView {
    let failure = save.failure();
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(value, title)| ((*value).to_owned(), (*title).to_owned()))
            .collect()
    };
    let on_error = [
        ("skip", "Go on without the script"),
        ("fail", "Refuse the request"),
    ];
    let mut targets = vec![(String::new(), "—".to_owned())];
    targets.extend(backends.into_iter().map(|name| (name.clone(), name)));
    let trial = view! { <Trial text=text.clone() failure/> };
    view! {
        <PostForm post=save class="stack">
            {id.map(|id| view! { <input type="hidden" name="entry" value=id/> })}
            <section class="tile">
                <header>
                    <h2>"Settings and code"</h2>
                </header>
                <div class="body form">
                    <div class="form-row three">
                        <TextField
                            form="script"
                            name="name"
                            label="Name"
                            failure
                            value=text.name
                            required=true
                        />
                        <SelectField
                            form="script"
                            name="script_type"
                            label="Takes part in"
                            failure
                            options=owned(&TYPES)
                            selected=text.script_type
                        />
                        <SelectField
                            form="script"
                            name="on_error"
                            label="When it fails"
                            failure
                            options=owned(&on_error)
                            selected=text.on_error
                        />
                    </div>
                    <div class="form-row three">
                        <TextField
                            form="script"
                            name="target_user"
                            label="User, by name"
                            failure
                            value=text.target_user
                            hint="For scripts of a user."
                        />
                        <TextField
                            form="script"
                            name="target_key"
                            label="Key, by its number"
                            failure
                            value=text.target_key
                            inputmode="numeric"
                            hint="For scripts of a key."
                        />
                        <SelectField
                            form="script"
                            name="target_backend"
                            label="Backend"
                            failure
                            options=targets
                            selected=text.target_backend
                        />
                    </div>
                    <TextField
                        form="script"
                        name="position"
                        label="Position"
                        failure
                        value=text.position
                        inputmode="numeric"
                        hint="Of scripts that take part in the same, the smallest runs first."
                    />
                    <CodeField failure code=text.code/>
                    <p class="quiet">
                        "Hooks: onRequest, onRoute, onResponse, onChunk, onError. "
                        <a class="link" href="/admin-ui/scripts.d.ts" rel="external" download="">
                            "TypeScript definitions"
                        </a>
                    </p>
                    <div>
                        <button
                            class="btn"
                            type="submit"
                            name="act"
                            value="save"
                            aria-disabled=move || save.pending().get().then_some("true")
                        >
                            {if id.is_some() { "Save" } else { "Create script" }}
                        </button>
                    </div>
                </div>
            </section>
            {trial}
        </PostForm>
    }
    .into_any()
}

/// What the code is tried with, and how that went.
#[component]
fn Trial(text: ScriptText, failure: FormFailure) -> impl IntoView {
    view! {
        <section class="tile">
            <header>
                <div>
                    <h2>"Try it out"</h2>
                    <p>"What stands in the editor, saved or not. Nothing is sent anywhere."</p>
                </div>
                <button class="btn" data-variant="outline" type="submit" name="act" value="test">
                    "Run"
                </button>
            </header>
            <div class="body form">
                <FormAlert failure fields=FIELDS/>
                <AreaField
                    form="script"
                    name="request"
                    label="Request"
                    failure
                    value=text.request
                    rows=9
                    code=true
                />
                <details class="more">
                    <summary>"Answer and stream"</summary>
                    <div class="form">
                        <AreaField
                            form="script"
                            name="response"
                            label="Answer"
                            failure
                            value=text.response
                            rows=7
                            code=true
                        />
                        <AreaField
                            form="script"
                            name="chunks"
                            label="Events of a stream"
                            failure
                            value=text.chunks
                            rows=5
                            code=true
                        />
                    </div>
                </details>
            </div>
        </section>
    }
    .into_any()
}

/// What clients have sent while it was recorded, to try the script with.
fn recorder(
    id: Option<i64>,
    recording: Option<String>,
    recorded: Vec<RecordedRow>,
    record: Post,
) -> AnyView {
    let here = id.map_or_else(|| "new=1".to_owned(), |id| format!("open={id}"));
    let (said, on, label) = match recording {
        Some(until) => (format!("Requests are recorded until {until}."), false, "Stop and forget"),
        None => (
            "What clients send, for ten minutes: at most 20 requests, in memory only, without credentials."
                .to_owned(),
            true,
            "Record requests",
        ),
    };
    let none = recorded.is_empty();
    let rows = recorded.into_iter().map(|row| {
        view! {
            <li>
                <a class="link" href=format!("{PATH}?{here}&recorded={}", row.id)>
                    {row.model}
                </a>
                <span class="quiet">{format!(" {}", row.at)}</span>
            </li>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section class="tile">
            <header>
                <div>
                    <h2>"Recorded requests"</h2>
                    <p>{said}</p>
                </div>
                <PostForm post=record>
                    <input type="hidden" name="on" value=on.to_string()/>
                    <Submit label variant="outline" pending=record.pending()/>
                </PostForm>
            </header>
            <FormAlert failure=record.failure()/>
            {(!none)
                .then(|| {
                    view! {
                        <div class="body">
                            <ul class="plain">{rows}</ul>
                        </div>
                    }
                })}
        </section>
    }
    .into_any()
}

fn versions(id: i64, versions: Vec<VersionRow>, roll_back: Post) -> AnyView {
    let rows = versions
        .into_iter()
        .enumerate()
        .map(move |(place, version)| {
            let back = (place > 0).then(|| {
                view! {
                    <PostForm post=roll_back>
                        <input type="hidden" name="id" value=id/>
                        <input type="hidden" name="version" value=version.version/>
                        <button class="btn" data-variant="outline" data-size="sm" type="submit">
                            {format!("Roll back to {}", version.version)}
                        </button>
                    </PostForm>
                }
            });
            let title = format!(
                "Version {}, {}, by {}",
                version.version, version.created, version.author
            );
            view! {
                <li>
                    <details class="more">
                        <summary>{title}</summary>
                        <div class="stack-body">{lines(version.changes)} {back}</div>
                    </details>
                </li>
            }
        });
    view! {
        <section class="tile">
            <header>
                <div>
                    <h2>"Versions"</h2>
                    <p>"Each with what it changed. A roll-back is a version of its own."</p>
                </div>
            </header>
            <div class="body">
                <FormAlert failure=roll_back.failure()/>
                <ul class="plain spaced">{rows.collect_view()}</ul>
            </div>
        </section>
    }
    .into_any()
}

fn delete(row: &ScriptRow, delete: Post) -> AnyView {
    let failure = delete.failure();
    let open = failure.get_untracked().is_some();
    let (id, name) = (row.id, row.name.clone());
    view! {
        <section class="tile">
            <div class="body stack">
                <details class="danger" open=open>
                    <summary>"Delete this script"</summary>
                    <PostForm post=delete class="form">
                        <p class="quiet">
                            "Its versions go with it. Type "
                            <strong class="text-foreground">{name}</strong> " to confirm."
                        </p>
                        <FormAlert failure fields=&["confirm"]/>
                        <input type="hidden" name="id" value=id/>
                        <TextField
                            form="delete-script"
                            name="confirm"
                            label="Name"
                            failure
                            required=true
                        />
                        <div>
                            <Submit
                                label="Delete script"
                                variant="destructive"
                                pending=delete.pending()
                            />
                        </div>
                    </PostForm>
                </details>
            </div>
        </section>
    }
    .into_any()
}
