//! Keys in a list and one key by itself, the same for admins and for everybody's own keys. A key is
//! known by its beginning and its last four characters; nobody can show the rest.

use domain::account::{KeyStatus, KeySummary};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    data_table::{Cell, Column, DataTable},
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
}

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
    Column::number("This month"),
    Column::text("Status"),
];
const OWN: &[Column] = &[
    Column::text("Key"),
    Column::minor("Created"),
    Column::text("Last used"),
    Column::minor("Expires"),
    Column::number("This month"),
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
                <Cell label="This month" class="num">
                    <Money amount=key.summary.spent_this_month/>
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
        spent_this_month,
        ..
    } = key.summary;
    let rate = match details.limits.requests_per_minute {
        0 => "Unlimited".to_owned(),
        n => format::count(u64::from(n)),
    };
    let models = match details.access.models.is_empty() {
        true => "All".to_owned(),
        false => details.access.models.join(", "),
    };
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
            <dt>"Owner"</dt>
            <dd>{owner}</dd>
            <dt>"Spent this month"</dt>
            <dd>
                <Money amount=spent_this_month/>
            </dd>
            <dt>"Requests per minute"</dt>
            <dd>{rate}</dd>
            <dt>"Allowed models"</dt>
            <dd>{models}</dd>
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
