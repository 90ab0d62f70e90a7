//! The playground: a question to up to three models side by side, in one's own name and at one's own
//! cost. With JavaScript the answers stream; without, the form is posted and the page shows them whole.

mod answer;
pub mod api;
mod question;
mod stream;

use leptos::{
    ev::SubmitEvent,
    form::form_data_from_event,
    html,
    prelude::*,
    wasm_bindgen::{JsCast, closure::Closure},
    web_sys::{FileReader, FormData, HtmlInputElement},
};
use leptos_router::hooks::{use_location, use_query_map};

use crate::{
    components::{
        form_field::{AreaField, FormAlert, FormFailure, SelectField, TextField},
        icon::Icon,
        money::Money,
        nothing::Nothing,
        page_header::PageHeader,
        post_form::Post,
        snippets::{Snippet, SnippetList},
        suspense_error::{Load, loading},
    },
    error::{AppError, Cause},
    format,
};
use api::{Ask, PlaygroundPage, code, load_playground};

pub use answer::{Answered, Events, Receipt};
pub use question::Question;

use question::FIELDS;

#[component]
pub fn Playground() -> impl IntoView {
    let query = use_query_map();
    let here = use_location().pathname;
    let admin = move || here.get_untracked().starts_with("/admin-ui");
    let asked = Memo::new(move |_| query.read().get_str("answer").and_then(|a| a.parse().ok()));
    let page = loading(
        move || asked.get(),
        move |asked: Option<u64>| load_playground(asked, admin()),
    );
    let house = if admin() { "/admin-ui" } else { "/user-ui" };
    let model = query.read_untracked().get("model").unwrap_or_default();
    view! {
        <PageHeader
            title="Playground"
            about="Ask up to three models side by side. It costs what any call costs, and counts in your own budget."
        />
        <Load
            resource=page
            show={move |page: PlaygroundPage| {
                view! { <Asking page house wanted=model.clone()/> }.into_any()
            }}
        />
    }
    .into_any()
}

#[component]
fn Asking(page: PlaygroundPage, house: &'static str, wanted: String) -> impl IntoView {
    let post = Post::to::<Ask>();
    let failure = RwSignal::new(post.failure().get_untracked());
    let answers = RwSignal::new(
        page.answers
            .into_iter()
            .map(RwSignal::new)
            .collect::<Vec<_>>(),
    );
    let as_code = RwSignal::new(page.code);
    let form = NodeRef::<html::Form>::new();
    let read = move || {
        let form = form.get_untracked()?;
        let data = FormData::new_with_form(&form).ok()?;
        Some(question_of(&data))
    };
    let submit = move |event: SubmitEvent| {
        // Where the browser lacks what is needed, the form goes its ordinary way.
        let Ok(data) = form_data_from_event(&event) else {
            return;
        };
        event.prevent_default();
        let question = question_of(&data);
        let begun = question.models().and_then(|models| {
            let begun: Vec<RwSignal<Answered>> = models
                .iter()
                .map(|model| RwSignal::new(Answered::of(model)))
                .collect();
            for answer in &begun {
                stream::ask(&question, *answer)?;
            }
            Ok(begun)
        });
        match begun {
            Ok(begun) => {
                failure.set(None);
                answers.set(begun);
            }
            Err(error) => failure.set(Some(AppError::from(Cause::Invalid(error)))),
        }
    };
    let show_code = move |_| {
        let Some(question) = read() else { return };
        leptos::task::spawn_local(async move {
            match code(question).await {
                Ok(snippets) => {
                    failure.try_set(None);
                    as_code.try_set(snippets);
                }
                Err(error) => drop(failure.try_set(Some(error))),
            }
        });
    };
    if page.models.is_empty() {
        return view! {
            <Nothing text="There is no model that you may use yet." href="/user-ui/models" action="Look at the models"/>
        }
        .into_any();
    }
    let running = move || {
        answers
            .read()
            .iter()
            .any(|answer| answer.with(|answer| answer.running))
    };
    view! {
        <form node_ref=form class="tile form ask" method="post" action=post.url() on:submit=submit>
            <FormAlert failure=failure.into() fields=FIELDS/>
            <input type="hidden" name="house" value=house/>
            <Fields question=page.question models=page.models wanted failure=failure.into()/>
            <div class="row">
                <button class="btn" type="submit" aria-disabled=move || running().then_some("true")>
                    "Send"
                </button>
                <button class="btn js-only" data-variant="outline" type="button" on:click=show_code>
                    <Icon name="terminal"/>
                    "As code"
                </button>
            </div>
        </form>
        <div class="answers">
            {move || {
                answers
                    .get()
                    .into_iter()
                    .map(|answer| view! { <OneAnswer answer/> })
                    .collect_view()
            }}
        </div>
        {move || {
            let snippets: Vec<Snippet> = as_code.get();
            (!snippets.is_empty())
                .then(|| {
                    view! {
                        <section class="flex flex-col gap-3">
                            <h2 class="font-medium">"As code"</h2>
                            <SnippetList snippets open="curl"/>
                        </section>
                    }
                })
        }}
    }
    .into_any()
}

fn question_of(data: &FormData) -> Question {
    let said = |name: &str| data.get(name).as_string().unwrap_or_default();
    Question {
        model_1: said("model_1"),
        model_2: said("model_2"),
        model_3: said("model_3"),
        system: said("system"),
        prompt: said("prompt"),
        max_tokens: said("max_tokens"),
        temperature: said("temperature"),
        tools: said("tools"),
        picture: said("picture"),
    }
}

#[component]
fn Fields(
    question: Question,
    models: Vec<String>,
    /// The model that the URL names.
    wanted: String,
    failure: FormFailure,
) -> impl IntoView {
    let options = |none: Option<&'static str>| -> Vec<(String, String)> {
        let none = none.map(|title| (String::new(), title.to_owned()));
        let all = models.iter().map(|name| (name.clone(), name.clone()));
        none.into_iter().chain(all).collect()
    };
    let first = match question.model_1.is_empty() {
        true => wanted,
        false => question.model_1.clone(),
    };
    let more_open = [&question.system, &question.tools, &question.picture]
        .iter()
        .any(|text| !text.is_empty())
        || failure
            .get_untracked()
            .and_then(|error| error.cause.input())
            .is_some_and(|name| ["tools", "picture"].contains(&name));
    view! {
        <div class="form-row three">
            <SelectField
                form="ask"
                name="model_1"
                label="Model"
                failure
                options=options(None)
                selected=first
            />
            <SelectField
                form="ask"
                name="model_2"
                label="Beside it"
                failure
                options=options(Some("No other"))
                selected=question.model_2
            />
            <SelectField
                form="ask"
                name="model_3"
                label="And"
                failure
                options=options(Some("No other"))
                selected=question.model_3
            />
        </div>
        <AreaField form="ask" name="prompt" label="Message" failure rows=4 value=question.prompt required=true/>
        <div class="form-row">
            <TextField
                form="ask"
                name="max_tokens"
                label="Longest answer, tokens"
                failure
                value=question.max_tokens
                inputmode="numeric"
                hint="Empty: the model’s own."
            />
            <TextField
                form="ask"
                name="temperature"
                label="Temperature"
                failure
                value=question.temperature
                inputmode="decimal"
                hint="Such as 0.7. Empty: the model’s own."
            />
        </div>
        <details class="more" open=more_open>
            <summary>"System prompt, tools, picture"</summary>
            <div class="form">
                <AreaField form="ask" name="system" label="System prompt" failure value=question.system/>
                <AreaField
                    form="ask"
                    name="tools"
                    label="Tools"
                    failure
                    rows=4
                    value=question.tools
                    hint="A list in JSON, as Chat Completions takes it."
                />
                <TextField
                    form="ask"
                    name="picture"
                    label="Picture"
                    failure
                    value=question.picture
                    inputmode="url"
                    hint="An address of the web, or a data: URL."
                />
                <Upload/>
            </div>
        </details>
    }
    .into_any()
}

/// Puts a picture of one's own into the field above, as a `data:` URL.
#[component]
fn Upload() -> impl IntoView {
    let file = NodeRef::<html::Input>::new();
    let chosen = move |_| {
        let Some(input) = file.get_untracked() else {
            return;
        };
        let first = input.files().and_then(|files| files.get(0));
        let (Some(picture), Ok(reader)) = (first, FileReader::new()) else {
            return;
        };
        let result = reader.clone();
        let loaded = Closure::once_into_js(move || {
            let url = result.result().ok().and_then(|url| url.as_string());
            let field = document()
                .get_element_by_id("ask-picture")
                .and_then(|field| field.dyn_into::<HtmlInputElement>().ok());
            if let (Some(url), Some(field)) = (url, field) {
                field.set_value(&url);
            }
        });
        reader.set_onload(Some(loaded.unchecked_ref()));
        // A file that cannot be read leaves the field as it is.
        drop(reader.read_as_data_url(&picture));
    };
    view! {
        <div class="field js-only">
            <label for="ask-upload">"Or upload one"</label>
            <input id="ask-upload" class="input" type="file" accept="image/*" node_ref=file on:change=chosen/>
        </div>
    }
    .into_any()
}

#[component]
fn OneAnswer(answer: RwSignal<Answered>) -> impl IntoView {
    let model = answer.with_untracked(|answer| answer.model.clone());
    let text = move || answer.with(|answer| answer.text.clone());
    let state = move || {
        answer.with(|answer| match (answer.running, answer.error.is_some()) {
            (true, _) => ("Running", "warn"),
            (false, true) => ("Failed", "bad"),
            (false, false) => ("Done", "good"),
        })
    };
    view! {
        <section class="tile answer">
            <header>
                <h2>{model}</h2>
                <span class="state" data-tone=move || state().1 role="status">
                    {move || state().0}
                </span>
            </header>
            <div class="body">
                {move || {
                    answer
                        .with(|answer| {
                            answer
                                .error
                                .clone()
                                .map(|error| {
                                    view! {
                                        <p class="trouble" role="alert">
                                            {error}
                                        </p>
                                    }
                                })
                        })
                }}
                <details
                    class="more"
                    hidden=move || answer.with(|answer| answer.reasoning.is_empty())
                >
                    <summary>"What it thought"</summary>
                    <p class="said quiet">{move || answer.with(|answer| answer.reasoning.clone())}</p>
                </details>
                <div class="said" role="group" aria-label="Answer">
                    {text}
                </div>
                {move || {
                    let calls = answer.with(|answer| answer.calls.clone());
                    calls
                        .into_iter()
                        .map(|(name, arguments)| {
                            view! {
                                <p class="said">
                                    <span class="tag">"calls"</span>
                                    " "
                                    <code>{name} "(" {arguments} ")"</code>
                                </p>
                            }
                        })
                        .collect_view()
                }}
                {move || {
                    answer
                        .with(|answer| answer.receipt.clone())
                        .map(|receipt| view! { <ReceiptFacts receipt/> })
                }}
                {move || {
                    let headers = answer.with(|answer| answer.headers.clone());
                    (!headers.is_empty()).then(|| view! { <Headers headers/> })
                }}
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn ReceiptFacts(receipt: Receipt) -> impl IntoView {
    let about = if receipt.estimated { "≈ " } else { "" };
    let tokens = format!(
        "{about}{} in ({} cached), {} out",
        format::count(receipt.input),
        format::count(receipt.cached),
        format::count(receipt.output)
    );
    let first = receipt.first_chunk_ms.map(format::duration);
    view! {
        <dl class="facts">
            <dt>"Tokens"</dt>
            <dd>{tokens}</dd>
            <dt>"Cost"</dt>
            <dd>
                <Money amount=receipt.cost/>
            </dd>
            <dt>"First chunk after"</dt>
            <dd>{first.unwrap_or_else(|| "—".to_owned())}</dd>
            <dt>"Done after"</dt>
            <dd>{format::duration(receipt.duration_ms)}</dd>
            <dt>"Answered by"</dt>
            <dd>{receipt.backend.unwrap_or_else(|| "—".to_owned())}</dd>
            <dt>"Calls that took"</dt>
            <dd>{receipt.attempts}</dd>
        </dl>
    }
    .into_any()
}

#[component]
fn Headers(headers: Vec<(String, String)>) -> impl IntoView {
    let rows = headers.into_iter().map(|(name, value)| {
        view! {
            <dt>{name}</dt>
            <dd>{value}</dd>
        }
    });
    view! {
        <details class="more">
            <summary>"Headers of the response"</summary>
            <dl class="facts">{rows.collect_view()}</dl>
        </details>
    }
    .into_any()
}
