//! One request: how it ended, which calls it took and when, what it used, and how its cost was computed.

use domain::request_log::{CallDetail, PriceLine, RequestDetail};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::api;
use crate::{
    components::{
        data_table::{Cell, Column, DataTable},
        money::Money,
        page_header::PageHeader,
        requests_table::outcome,
        suspense_error::{Load, loading},
    },
    format,
    pages::usage::House,
};

/// Anybody's.
#[component]
pub fn AdminRequest() -> impl IntoView {
    one(House::Admin)
}

/// One's own.
#[component]
pub fn MyRequest() -> impl IntoView {
    one(House::Own)
}

fn one(house: House) -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
    let request = match house {
        House::Admin => loading(move || id.get(), api::admin_request),
        House::Own => loading(move || id.get(), api::my_request),
    };
    view! {
        <PageHeader title="Request" about=id>
            <a class="btn" data-variant="outline" href=format!("{}/logs", house.base())>
                "All requests"
            </a>
        </PageHeader>
        <Load resource=request show={move |request: RequestDetail| content(house, request)}/>
    }
    .into_any()
}

fn content(house: House, request: RequestDetail) -> AnyView {
    let calls = request.calls.clone();
    view! {
        <div class="two">
            {facts(house, &request)} {timing(&request)}
        </div>
        {steps(&request)}
        {calls.into_iter().filter(|call| !call.price.is_empty()).map(bill).collect_view()}
        {excluded(&request)}
        {curl(&request)}
    }
    .into_any()
}

fn fact(name: &'static str, value: impl IntoView + 'static) -> AnyView {
    view! {
        <dt>{name}</dt>
        <dd>{value}</dd>
    }
    .into_any()
}

fn facts(house: House, request: &RequestDetail) -> AnyView {
    let summary = &request.summary;
    let (result, tone) = outcome(summary.outcome);
    let base = house.base();
    let admin = house == House::Admin;
    let whose = summary
        .user
        .clone()
        .unwrap_or_else(|| "master key".to_owned());
    let user = match request.user_id.filter(|_| admin) {
        Some(id) => view! {
            <a class="link" href=format!("/admin-ui/users?open={id}")>
                {whose}
            </a>
        }
        .into_any(),
        None => whose.into_any(),
    };
    let label = summary.key_label.clone().unwrap_or_else(|| "—".to_owned());
    let key = match request.key_id {
        Some(id) => view! {
            <a class="link" href=format!("{base}/keys?open={id}")>
                {label}
            </a>
        }
        .into_any(),
        None => label.into_any(),
    };
    let tokens = &summary.usage;
    let estimated = if summary.usage_estimated {
        " (estimated)"
    } else {
        ""
    };
    let counts = format!(
        "{} in{estimated}: {} new, {} read from the cache, {} written to it",
        format::count(tokens.total_input()),
        format::count(tokens.input),
        format::count(tokens.cache_read),
        format::count(tokens.cache_write_5m.saturating_add(tokens.cache_write_1h))
    );
    let out = format!(
        "{} out, {} of them reasoning",
        format::count(tokens.output),
        format::count(tokens.reasoning)
    );
    let error = summary.error.clone().map(|error| fact("Error", error));
    let backend = admin.then(|| {
        fact(
            "Backend",
            summary.backend.clone().unwrap_or_else(|| "—".to_owned()),
        )
    });
    view! {
        <section class="tile">
            <header>
                <h2>"What it was"</h2>
            </header>
            <dl class="facts body">
                {fact(
                    "Result",
                    view! {
                        <span class="state" data-tone=tone>
                            {result}
                        </span>
                        " HTTP "
                        {summary.status}
                    },
                )}
                {error}
                {fact("Began", format!("{}, {}", summary.started_at_local, request.time_zone))}
                {fact("User", user)}
                {fact("Key", key)}
                {fact("Model", summary.request_model.clone())}
                {fact("Sent as", summary.upstream_model.clone())}
                {backend}
                {fact("Path", request.path.clone())}
                {fact("Stream", if summary.stream { "yes" } else { "no" })}
                {fact("Calls", format::count(u64::from(summary.attempts)))}
                {fact("Input", counts)}
                {fact("Output", out)}
                {fact("Cost", view! { <Money amount=summary.cost/> })}
            </dl>
        </section>
    }
    .into_any()
}

/// A bar on the time line, in thousandths of the whole.
fn bar(from: u32, to: u32, whole: u32, tone: &'static str) -> AnyView {
    let part = |ms: u32| u64::from(ms.min(whole)) * 1_000 / u64::from(whole.max(1));
    let (start, end) = (part(from), part(to));
    view! {
        <svg class="span" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
            <rect width="1000" height="10"></rect>
            <rect
                data-tone=tone
                x=start.to_string()
                width=end.saturating_sub(start).max(4).to_string()
                height="10"
            ></rect>
        </svg>
    }
    .into_any()
}

fn timing(request: &RequestDetail) -> AnyView {
    let summary = &request.summary;
    let whole = summary.duration_ms.max(1);
    let mut before = 0;
    let failed = request
        .failed
        .iter()
        .filter(|attempt| attempt.error.is_some());
    let failed: Vec<AnyView> = failed
        .map(|attempt| {
            let (from, to) = (before, attempt.ended_ms);
            before = attempt.ended_ms;
            view! {
                <dt>"Call to " {attempt.backend.clone()} " failed"</dt>
                <dd>{format::duration(to.saturating_sub(from))} {bar(from, to, whole, "bad")}</dd>
            }
            .into_any()
        })
        .collect();
    let first = summary.time_to_first_chunk_ms.map(|first| {
        view! {
            <dt>"Until the first chunk"</dt>
            <dd>{format::duration(first)} {bar(before.min(first), first, whole, "warn")}</dd>
            <dt>"From then to the end"</dt>
            <dd>
                {format::duration(summary.duration_ms.saturating_sub(first))}
                {bar(first, summary.duration_ms, whole, "good")}
            </dd>
        }
    });
    view! {
        <section class="tile">
            <header>
                <div>
                    <h2>"Timing"</h2>
                    <p>"Since the request was read"</p>
                </div>
            </header>
            <dl class="timing body">
                {failed} {first} <dt>"In all"</dt>
                <dd>
                    {format::duration(summary.duration_ms)}
                    {bar(0, summary.duration_ms, whole, outcome(summary.outcome).1)}
                </dd>
            </dl>
        </section>
    }
    .into_any()
}

const STEPS: &[Column] = &[
    Column::text("Ended after"),
    Column::text("Backend"),
    Column::text("Model"),
    Column::text("Result"),
    Column::number("Tokens in / out"),
    Column::number("Cost"),
];

/// All calls in the order in which they ended: those that failed and cost nothing stand only in the route.
fn steps(request: &RequestDetail) -> AnyView {
    let mut steps: Vec<(u32, AnyView)> = request
        .failed
        .iter()
        .map(|attempt| {
            let error = attempt.error.clone();
            let (result, tone) = match &error {
                Some(_) => ("Failed", "bad"),
                None => ("Answered", "good"),
            };
            let row = step(
                attempt.ended_ms,
                attempt.backend.clone(),
                attempt.model.clone(),
                (result, tone),
                error,
                "—".to_owned(),
                ().into_any(),
            );
            (attempt.ended_ms, row)
        })
        .collect();
    steps.extend(request.calls.iter().map(|call| {
        let tokens = format!(
            "{} / {}",
            format::count(call.usage.total_input()),
            format::count(call.usage.output)
        );
        let backend = match (&call.backend, call.credential) {
            (Some(backend), Some(key)) => format!("{backend}, key {key}"),
            (Some(backend), None) => backend.clone(),
            (None, _) => "—".to_owned(),
        };
        let row = step(
            call.duration_ms,
            backend,
            call.model.clone(),
            outcome(call.outcome),
            call.error.clone(),
            tokens,
            view! { <Money amount=call.cost/> }.into_any(),
        );
        (call.duration_ms, row)
    }));
    steps.sort_by_key(|(ended, _)| *ended);
    let rows: Vec<AnyView> = steps.into_iter().map(|(_, row)| row).collect();
    view! {
        <section class="tile">
            <header>
                <div>
                    <h2>"Calls"</h2>
                    <p>"In the order in which they ended; the last one ended the request"</p>
                </div>
            </header>
            <DataTable caption="Calls" columns=STEPS>
                {rows}
            </DataTable>
        </section>
    }
    .into_any()
}

fn step(
    ended_ms: u32,
    backend: String,
    model: String,
    (result, tone): (&'static str, &'static str),
    error: Option<String>,
    tokens: String,
    cost: AnyView,
) -> AnyView {
    view! {
        <tr role="row">
            <Cell label="Ended after" class="nowrap figure">
                {format::duration(ended_ms)}
            </Cell>
            <Cell label="Backend">{backend}</Cell>
            <Cell label="Model" class="lead">
                <span class="clip block">{model}</span>
            </Cell>
            <Cell label="Result">
                <span>
                    <span class="state" data-tone=tone>
                        {result}
                    </span>
                    <span class="sub">{error}</span>
                </span>
            </Cell>
            <Cell label="Tokens in / out" class="num">
                {tokens}
            </Cell>
            <Cell label="Cost" class="num">
                {cost}
            </Cell>
        </tr>
    }
    .into_any()
}

const BILL: &[Column] = &[
    Column::text("What"),
    Column::number("Count"),
    Column::number("Price"),
    Column::number("Amount"),
];

fn bill(call: CallDetail) -> AnyView {
    let rows = call.price.into_iter().map(|line: PriceLine| {
        view! {
            <tr role="row">
                <Cell label="What" class="lead">
                    {line.what}
                </Cell>
                <Cell label="Count" class="num">
                    {format::count(line.count)}
                </Cell>
                <Cell label="Price" class="num">
                    <Money amount=line.rate/>
                    " per "
                    {line.per}
                </Cell>
                <Cell label="Amount" class="num">
                    <Money amount=line.amount/>
                </Cell>
            </tr>
        }
    });
    let about = format!(
        "Call {}, {} tier; the price is that of {}",
        call.attempt,
        call.tier,
        call.price_source
            .unwrap_or_else(|| "an older version".to_owned())
    );
    view! {
        <section class="tile">
            <header>
                <div>
                    <h2>"How the cost was computed"</h2>
                    <p>{about}</p>
                </div>
            </header>
            <DataTable caption="Price breakdown" columns=BILL short=true>
                {rows.collect_view()}
                <tr role="row" class="total">
                    <Cell label="What" class="lead">
                        "Cost of this call"
                    </Cell>
                    <Cell label="Count" class="num">
                        ""
                    </Cell>
                    <Cell label="Price" class="num">
                        ""
                    </Cell>
                    <Cell label="Amount" class="num">
                        <Money amount=call.cost/>
                    </Cell>
                </tr>
            </DataTable>
        </section>
    }
    .into_any()
}

fn excluded(request: &RequestDetail) -> AnyView {
    if request.excluded.is_empty() {
        return ().into_any();
    }
    let items = request.excluded.iter().map(|one| {
        view! { <li>{one.backend.clone()} ", " {one.model.clone()} ": " {one.reason.clone()}</li> }
    });
    view! {
        <section class="tile">
            <header>
                <h2>"Why not others"</h2>
            </header>
            <ul class="body">{items.collect_view()}</ul>
        </section>
    }
    .into_any()
}

/// A skeleton: what was said is not kept.
fn curl(request: &RequestDetail) -> AnyView {
    let summary = &request.summary;
    let body = match request.path.as_str() {
        "/v1/embeddings" | "/v1/responses" => {
            format!(
                "{{\"model\": \"{}\", \"input\": \"…\"}}",
                summary.request_model
            )
        }
        _ => format!(
            "{{\"model\": \"{}\", \"max_tokens\": 1024, \"stream\": {}, \
             \"messages\": [{{\"role\": \"user\", \"content\": \"…\"}}]}}",
            summary.request_model, summary.stream
        ),
    };
    let text = format!(
        "curl \"$LLM_ROUTER_URL{}\" \\\n  -H \"Authorization: Bearer $LLM_ROUTER_KEY\" \\\n  \
         -H \"Content-Type: application/json\" \\\n  -d '{body}'",
        request.path
    );
    let (said, say) = signal("");
    let copied = text.clone();
    let copy = move |_| {
        if !window().is_secure_context() {
            say.set("Select the text and copy it; browsers copy by themselves over HTTPS only.");
            return;
        }
        let written = window().navigator().clipboard().write_text(&copied);
        leptos::task::spawn_local(async move {
            say.set(match wasm_bindgen_futures::JsFuture::from(written).await {
                Ok(_) => "Copied.",
                Err(_) => "The browser refused; select the text and copy it.",
            });
        });
    };
    view! {
        <section class="tile">
            <header>
                <div>
                    <h2>"As curl"</h2>
                    <p>"A skeleton with the same path and model; prompts are not kept"</p>
                </div>
                <button
                    class="btn js-only"
                    data-variant="outline"
                    data-size="sm"
                    type="button"
                    on:click=copy
                >
                    "Copy"
                </button>
            </header>
            <div class="body">
                <pre tabindex="0" aria-label="As curl">
                    {text}
                </pre>
                <p class="quiet" role="status" aria-live="polite">
                    {said}
                </p>
            </div>
        </section>
    }
    .into_any()
}
