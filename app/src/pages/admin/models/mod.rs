//! What each model of each backend costs: since when, by whose word, and before. Setting a price never
//! changes what was billed.

pub mod api;
mod form;

use domain::{
    NanoUsd, Price,
    page::Page,
    pricing::{Rates, TierRates},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{
        data_table::{Cell, Column, DataTable},
        form_field::{FormAlert, Submit, TextField},
        list_form::{Choices, ListForm},
        money::Money,
        nothing::Nothing,
        page_header::PageHeader,
        pagination::{Extent, Pagination},
        panel::SidePanel,
        post_form::{Post, PostForm},
        suspense_error::{Load, loading},
    },
    format,
    url::{ListUrl, Panel},
};
use api::{Dated, OnePriced, PricedRow, SetPrice, WithdrawPrice, get_priced, list_priced};
use form::{PriceFields, PriceText};

const PATH: &str = "/admin-ui/models";

const SHOW: Choices = &[
    ("", "In use"),
    ("unpriced", "Without a price"),
    ("set", "Set here"),
    ("gone", "No longer in use"),
];

/// The inputs of the form.
const FIELDS: &[&str] = &[
    "input",
    "output",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "long_above",
    "long_input",
    "long_output",
    "long_cache_read",
    "image",
    "audio_minute",
    "search_thousand",
    "effective_from",
];

#[derive(Clone, Copy, Debug)]
struct Actions {
    set: Post,
    withdraw: Post,
}

impl Actions {
    /// Changes whenever one of them has ended. Reactive.
    fn version(self) -> u32 {
        self.set.version() + self.withdraw.version()
    }
}

#[component]
pub fn ModelsPage() -> impl IntoView {
    let query = use_query_map();
    let url = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)));
    let panel = Memo::new(move |_| url.read().panel);
    let actions = Actions {
        set: Post::to::<SetPrice>(),
        withdraw: Post::to::<WithdrawPrice>(),
    };
    let rows = loading(
        move || {
            let url = url.read();
            (
                url.search.clone(),
                url.show.clone(),
                url.page,
                actions.version(),
            )
        },
        |(search, show, page, _)| list_priced(search, show, page),
    );
    let close = Signal::derive(move || url.read().with_panel(Panel::Closed).href(PATH));
    view! {
        <PageHeader
            title="Models"
            about="What each costs, in dollars per million tokens. Groups of models are made under Routing."
        />
        <div class="split">
            <div class="stack">
                <ListForm path=PATH label="Search by model or backend" url show=SHOW/>
                <Load
                    resource=rows
                    show={move |rows: Page<PricedRow>| {
                        view! { <Listed url=url.get_untracked() rows/> }.into_any()
                    }}
                />
            </div>
            {move || match panel.get() {
                Panel::Item(id) => view! { <OnePrice id close actions/> }.into_any(),
                Panel::Closed | Panel::New => ().into_any(),
            }}
        </div>
    }
    .into_any()
}

const COLUMNS: &[Column] = &[
    Column::text("Model"),
    Column::number("Input"),
    Column::least("Cached input"),
    Column::number("Output"),
    Column::minor("Price from"),
];

#[component]
fn Listed(url: ListUrl, rows: Page<PricedRow>) -> impl IntoView {
    let extent = Extent::from(&rows);
    if rows.rows.is_empty() {
        let (text, href, action) = match url.search.is_empty() && url.show.is_empty() {
            true => (
                "No backend has told its models yet.",
                "/admin-ui/backends",
                "Look at the backends",
            ),
            false => ("No model is like that.", PATH, "Show all in use"),
        };
        return view! { <Nothing text href action/> }.into_any();
    }
    let cells = rows.rows.into_iter().map(|row| listed_row(&url, row));
    let cells = cells.collect_view();
    view! {
        <DataTable caption="Models" columns=COLUMNS>
            {cells}
        </DataTable>
        <Pagination path=PATH url extent/>
    }
    .into_any()
}

fn listed_row(url: &ListUrl, row: PricedRow) -> AnyView {
    let open = url.panel == Panel::Item(row.id);
    let href = url.with_panel(Panel::Item(row.id)).href(PATH);
    let rates = rates(row.current.as_ref());
    let source = match &row.current {
        Some(dated) => source(dated),
        None => String::new(),
    };
    let coming = row
        .coming
        .map(|dated| format!("another one from {}", dated.from));
    view! {
        <tr role="row" aria-current=open.then_some("true")>
            <Cell label="Model" class="lead">
                <span>
                    <a class="link font-medium" href=href>
                        {row.model}
                    </a>
                    <span class="sub">{format!("on {}", row.backend)}</span>
                </span>
            </Cell>
            <Cell label="Input" class="num">
                <Money amount=rates.map(|rates| rates.input)/>
            </Cell>
            <Cell label="Cached input" class="num least">
                <Money amount=rates.map(|rates| rates.cache_read)/>
            </Cell>
            <Cell label="Output" class="num">
                <Money amount=rates.map(|rates| rates.output)/>
            </Cell>
            <Cell label="Price from" class="minor">
                <span class="quiet">{source}</span>
                <span class="sub">{coming}</span>
            </Cell>
        </tr>
    }
    .into_any()
}

fn rates(dated: Option<&Dated>) -> Option<Rates> {
    Some(dated?.price.as_ref()?.standard.rates)
}

/// By whose word a price holds.
fn source(dated: &Dated) -> String {
    match dated.by_admin {
        true => format!("set here, {}", dated.from),
        false => "configuration or catalogue".to_owned(),
    }
}

#[component]
fn OnePrice(id: i64, close: Signal<String>, actions: Actions) -> impl IntoView {
    let one = loading(move || (id, actions.version()), |(id, _)| get_priced(id));
    view! {
        <SidePanel title="Price" close>
            <Load
                resource=one
                show={move |one: OnePriced| {
                    view! {
                        <div class="body">
                            <InForce row=one.row.clone() withdraw=actions.withdraw/>
                            <Change row=one.row set=actions.set/>
                            <History history=one.history/>
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
fn InForce(row: PricedRow, withdraw: Post) -> impl IntoView {
    let by_admin = row.current.as_ref().is_some_and(|dated| dated.by_admin) || row.coming.is_some();
    let from = match &row.current {
        Some(dated) => source(dated),
        None => "There is none: what it answers is not billed, or refused, as its backend says."
            .to_owned(),
    };
    let lines = row.current.and_then(|dated| dated.price).map(price_lines);
    view! {
        <section>
            <dl class="facts">
                <dt>"Model"</dt>
                <dd class="font-medium">{row.model}</dd>
                <dt>"Backend"</dt>
                <dd>{row.backend}</dd>
                <dt>"Price"</dt>
                <dd>{from}</dd>
                {lines}
                {row
                    .coming
                    .map(|dated| {
                        view! {
                            <dt>{format!("From {}", dated.from)}</dt>
                            <dd>{dated.price.map(in_short)}</dd>
                        }
                    })}
            </dl>
            <FormAlert failure=withdraw.failure()/>
            {by_admin
                .then(|| {
                    view! {
                        <PostForm post=withdraw>
                            <input type="hidden" name="id" value=row.id/>
                            <Submit
                                label="Back to the configured price"
                                variant="outline"
                                pending=withdraw.pending()
                            />
                        </PostForm>
                    }
                })}
        </section>
    }
    .into_any()
}

/// Each thing that a price names, as rows of a list of facts.
fn price_lines(price: Price) -> AnyView {
    let mut lines: Vec<(String, String)> = Vec::new();
    let tier = |lines: &mut Vec<(String, String)>, of: &str, tier: &TierRates| {
        lines.push((format!("{of}Tokens"), rates_in_words(&tier.rates)));
        for long in &tier.long_context {
            let above = format!("{of}Above {}", format::count(long.above));
            lines.push((above, rates_in_words(&long.rates)));
        }
    };
    tier(&mut lines, "", &price.standard);
    for service in &price.service {
        let of = format!("{}: ", service.tier.as_str());
        tier(&mut lines, &of, &service.rates);
    }
    for (what, fee) in [
        ("Each image", price.image),
        ("Minute of audio", price.audio_minute),
        ("1,000 searches", price.search_thousand),
    ] {
        if fee != NanoUsd::ZERO {
            lines.push((what.to_owned(), format::money(fee)));
        }
    }
    let lines = lines.into_iter().map(|(what, costs)| {
        view! {
            <dt>{what}</dt>
            <dd class="figure">{costs}</dd>
        }
    });
    lines.collect_view().into_any()
}

fn rates_in_words(rates: &Rates) -> String {
    let [input, cached, output] = [rates.input, rates.cache_read, rates.output].map(format::money);
    format!("{input} in, {cached} cached, {output} out")
}

fn in_short(price: Price) -> String {
    rates_in_words(&price.standard.rates)
}

#[component]
fn Change(row: PricedRow, set: Post) -> impl IntoView {
    let failure = set.failure();
    let price = row.current.and_then(|dated| dated.price);
    let kept = price
        .as_ref()
        .is_some_and(|price| !price.service.is_empty() || price.standard.long_context.len() > 1);
    let form = price.as_ref().map(PriceText::of).unwrap_or_default();
    view! {
        <section>
            <h3>"Set a price"</h3>
            <PostForm post=set class="form">
                <FormAlert failure fields=FIELDS/>
                <input type="hidden" name="id" value=row.id/>
                <PriceFields failure price=form/>
                {kept
                    .then(|| {
                        view! {
                            <p class="quiet">
                                "Prices of other service tiers, and of still longer inputs, stay what they are."
                            </p>
                        }
                    })}
                <TextField
                    form="price"
                    name="effective_from"
                    label="From the beginning of"
                    failure
                    kind="date"
                    hint="Empty: from now on. What was billed before stays as it is."
                />
                <div>
                    <Submit label="Set price" pending=set.pending()/>
                </div>
            </PostForm>
        </section>
    }
    .into_any()
}

#[component]
fn History(history: Vec<Dated>) -> impl IntoView {
    let rows = history.into_iter().map(|dated| {
        let by = if dated.by_admin {
            "set here"
        } else {
            "configured"
        };
        let what = dated.price.map_or_else(|| "withdrawn".to_owned(), in_short);
        view! {
            <li>
                <span class="figure">{dated.from}</span>
                <span class="quiet">{format!(" {by}")}</span>
                <br/>
                {what}
            </li>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section>
            <h3>"History"</h3>
            {match rows.is_empty() {
                true => view! { <p class="quiet">"It never had a price."</p> }.into_any(),
                false => view! { <ul class="plain spaced">{rows}</ul> }.into_any(),
            }}
        </section>
    }
    .into_any()
}
