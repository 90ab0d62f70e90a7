//! Keys in a list and one key by itself, the same for admins and for everybody's own keys. A key is
//! known by its beginning and its last four characters; nobody can show the rest.

use domain::account::{KeyStatus, KeySummary};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    budget_bar::SpendCell,
    data_table::{Cell, Column, DataTable},
    list_form::Choices,
    money::Money,
};
use crate::{
    format,
    url::{ListUrl, Panel},
};

/// A key with its times as they are printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    pub summary: KeySummary,
    /// In the reporting zone.
    pub created: String,
    pub last_used: Option<String>,
    pub expires: Option<String>,
    /// Until when an older secret of it goes on working.
    pub retires: Option<String>,
}

/// What [`domain::account::KeyFilter`] can say.
pub const SHOW: Choices = &[
    ("", "All keys"),
    ("active", "Active"),
    ("disabled", "Disabled"),
    ("expired", "Expired"),
    ("revoked", "Revoked"),
    ("unused", "Unused for 90 days"),
];

/// What [`domain::account::KeySort`] can say.
pub const SORT: Choices = &[
    ("", "Newest first"),
    ("label", "By label"),
    ("owner", "By owner"),
    ("last-used", "Last used first"),
    ("expiry", "Next to expire first"),
];

/// The same for keys of one owner.
pub const SORT_OWN: Choices = &[
    ("", "Newest first"),
    ("label", "By label"),
    ("last-used", "Last used first"),
    ("expiry", "Next to expire first"),
];

impl KeyRow {
    /// `sk-lr-3fQ…9xYz`.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}…{}", self.summary.key.prefix, self.summary.key.last4)
    }
}

const ALL: &[Column] = &[
    Column::text("Key"),
    Column::text("Owner"),
    Column::minor("Created"),
    Column::text("Last used"),
    Column::minor("Expires"),
    Column::text("This month"),
    Column::text("Status"),
];
const OWN: &[Column] = &[
    Column::text("Key"),
    Column::minor("Created"),
    Column::text("Last used"),
    Column::minor("Expires"),
    Column::text("This month"),
    Column::text("Status"),
];

/// How a status reads, and in which tone.
#[must_use]
pub fn status(summary: &KeySummary) -> (&'static str, &'static str) {
    match summary.status {
        KeyStatus::Active if !summary.owner_active => ("Owner disabled", "off"),
        KeyStatus::Active => ("Active", "good"),
        KeyStatus::Disabled => ("Disabled", "off"),
        KeyStatus::Expired => ("Expired", "warn"),
        KeyStatus::Revoked => ("Revoked", "bad"),
    }
}

#[component]
pub fn KeyList(path: &'static str, url: ListUrl, keys: Vec<KeyRow>, own: bool) -> impl IntoView {
    let rows = keys.into_iter().map(move |key| {
        let id = key.summary.key.id.0;
        let open = url.panel == Panel::Item(id);
        let href = url.with_panel(Panel::Item(id)).href(path);
        let shown = key.shown();
        let (status, tone) = status(&key.summary);
        let never = |at: Option<String>| at.unwrap_or_else(|| "Never".to_owned());
        let owner = key.summary.owner;
        view! {
            <tr role="row" aria-current=open.then_some("true")>
                <Cell label="Key" class="lead">
                    <span>
                        <a class="link font-medium" href=href>
                            {key.summary.key.label}
                        </a>
                        <code class="sub">{shown}</code>
                    </span>
                </Cell>
                {(!own).then(|| view! { <Cell label="Owner">{owner}</Cell> })}
                <Cell label="Created" class="nowrap figure minor">
                    {key.created}
                </Cell>
                <Cell label="Last used" class="nowrap figure">
                    {never(key.last_used)}
                </Cell>
                <Cell label="Expires" class="nowrap figure minor">
                    {never(key.expires)}
                </Cell>
                <Cell label="This month">
                    <SpendCell
                        spend=key.summary.spent_this_month
                        limit=key.summary.key.budget.monthly
                    />
                </Cell>
                <Cell label="Status">
                    <span class="state" data-tone=tone>
                        {status}
                    </span>
                </Cell>
            </tr>
        }
    });
    view! {
        <DataTable caption="Keys" columns=if own { OWN } else { ALL }>
            {rows.collect_view()}
        </DataTable>
    }
    .into_any()
}

/// All that is known of one key.
#[component]
pub fn KeyFacts(key: KeyRow) -> impl IntoView {
    let (status, tone) = status(&key.summary);
    let shown = key.shown();
    let KeySummary {
        key: details,
        owner,
        spent_today,
        spent_this_month,
        ..
    } = key.summary;
    let limits = limits(&details.limits);
    let some = |list: Vec<String>, none: &'static str| match list.is_empty() {
        true => none.to_owned(),
        false => list.join(", "),
    };
    let optional = |title: &'static str, list: Vec<String>| {
        (!list.is_empty()).then(|| {
            view! {
                <dt>{title}</dt>
                <dd>{list.join(", ")}</dd>
            }
        })
    };
    let models = some(details.access.models, "All");
    let retiring = details.retiring.zip(key.retires).map(|(old, until)| {
        view! {
            <dt>"Works too"</dt>
            <dd>
                <code>{format!("{}…{}", old.prefix, old.last4)}</code>
                " until "
                {until}
            </dd>
        }
    });
    let never = |at: Option<String>| at.unwrap_or_else(|| "Never".to_owned());
    view! {
        <dl class="facts">
            <dt>"Status"</dt>
            <dd>
                <span class="state" data-tone=tone>
                    {status}
                </span>
            </dd>
            <dt>"Key"</dt>
            <dd>
                <code>{shown}</code>
            </dd>
            {retiring}
            <dt>"Owner"</dt>
            <dd>{owner}</dd>
            <dt>"Spent today"</dt>
            <dd>
                <Money amount=spent_today/>
            </dd>
            <dt>"Spent this month"</dt>
            <dd>
                <Money amount=spent_this_month/>
            </dd>
            <dt>"Limits"</dt>
            <dd>{limits}</dd>
            <dt>"Allowed models"</dt>
            <dd>{models}</dd>
            {optional("Allowed backends", details.access.backends)}
            {optional("Allowed addresses", details.access.addresses)}
            {optional("Tags", details.tags)}
            <dt>"Created"</dt>
            <dd>{key.created}</dd>
            <dt>"Last used"</dt>
            <dd>{never(key.last_used)}</dd>
            <dt>"Expires"</dt>
            <dd>{never(key.expires)}</dd>
        </dl>
    }
    .into_any()
}

/// Limits in words.
#[must_use]
pub fn limits(limits: &domain::RateLimits) -> String {
    let parts = [
        (u64::from(limits.requests_per_minute), "requests a minute"),
        (limits.tokens_per_minute, "tokens a minute"),
        (u64::from(limits.parallel), "at the same time"),
    ];
    let set: Vec<String> = parts
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", format::count(n)))
        .collect();
    match set.is_empty() {
        true => "None".to_owned(),
        false => set.join(", "),
    }
}
