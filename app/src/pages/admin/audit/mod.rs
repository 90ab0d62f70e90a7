//! The audit log: who did what to whom, and what was different afterwards. The filters are a plain GET
//! form, so that the URL says what is shown; the same rows can be had as CSV.

pub mod api;

use domain::{
    UserId,
    audit::{ActorKind, AuditQuery, AuditRow},
    page::Page,
};
use leptos::{ev::SubmitEvent, html, prelude::*, serde_json::Value};
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};
use serde::{Deserialize, Serialize};

use crate::{
    components::{
        data_table::{Cell, Column, DataTable},
        icon::Icon,
        page_header::PageHeader,
        pagination::Extent,
        suspense_error::{Load, loading},
    },
    url::encode,
};
use api::list_audit;

const PATH: &str = "/admin-ui/audit";

/// The filters as they stand in the URL; empty: no such filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditFilter {
    pub q: String,
    pub action: String,
    /// A user's id.
    pub actor: String,
    /// A kind of subject, such as `user`.
    pub kind: String,
    pub id: String,
    /// A day, such as `2026-11-20`, in the reporting zone.
    pub from: String,
    /// The last day.
    pub until: String,
}

impl AuditFilter {
    const NAMES: [&str; 7] = ["q", "action", "actor", "kind", "id", "from", "until"];

    /// Reads the query of a URL.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let [q, action, actor, kind, id, from, until] =
            Self::NAMES.map(|name| get(name).unwrap_or_default().trim().to_owned());
        Self {
            q,
            action,
            actor,
            kind,
            id,
            from,
            until,
        }
    }

    fn values(&self) -> [&str; 7] {
        let Self {
            q,
            action,
            actor,
            kind,
            id,
            from,
            until,
        } = self;
        [q, action, actor, kind, id, from, until].map(String::as_str)
    }

    /// The URL of a page of these rows, as short as it can be.
    #[must_use]
    pub fn href(&self, path: &str, page: u32) -> String {
        let said = Self::NAMES.into_iter().zip(self.values());
        let mut parts: Vec<String> = said
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        if page > 1 {
            parts.push(format!("page={page}"));
        }
        match parts.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", parts.join("&")),
        }
    }

    /// What it means. `start_of`: when a day begins, and when the one after it does.
    pub fn query(
        &self,
        start_of: impl Fn(&str) -> Option<[domain::Timestamp; 2]>,
        page: u32,
    ) -> AuditQuery {
        AuditQuery {
            search: self.q.clone(),
            action: self.action.clone(),
            // A number that is none finds nobody, and not everybody.
            actor_id: (!self.actor.is_empty()).then(|| UserId(self.actor.parse().unwrap_or(-1))),
            subject_kind: self.kind.clone(),
            subject_id: self.id.clone(),
            from: start_of(&self.from).map(|[start, _]| start),
            until: start_of(&self.until).map(|[_, end]| end),
            page,
            per_page: 0,
        }
    }

    fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// A row as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Without its two sides.
    pub row: AuditRow,
    /// In the reporting zone.
    pub at: String,
    pub changes: Vec<Difference>,
}

/// A member that was not the same afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub member: String,
    /// `None`: it was not there.
    pub before: Option<String>,
    /// `None`: it is not there any more.
    pub after: Option<String>,
}

/// What is different between two sides, member by member; members of members are told apart by dots.
#[must_use]
pub fn changes(before: Option<&str>, after: Option<&str>) -> Vec<Difference> {
    let side = |text: Option<&str>| {
        let mut members = Vec::new();
        let value = text.and_then(|text| leptos::serde_json::from_str::<Value>(text).ok());
        flatten("", value.as_ref().unwrap_or(&Value::Null), &mut members);
        members
    };
    let (before, after) = (side(before), side(after));
    let of = |members: &[(String, String)], name: &str| {
        let found = members.iter().find(|(member, _)| member == name);
        found.map(|(_, value)| value.clone())
    };
    let mut names: Vec<&String> = before.iter().map(|(name, _)| name).collect();
    for (name, _) in &after {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
        .into_iter()
        .map(|name| Difference {
            member: name.clone(),
            before: of(&before, name),
            after: of(&after, name),
        })
        .filter(|difference| difference.before != difference.after)
        .collect()
}

fn flatten(name: &str, value: &Value, members: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (member, value) in object {
                let dot = if name.is_empty() { "" } else { "." };
                flatten(&format!("{name}{dot}{member}"), value, members);
            }
        }
        Value::Null => {}
        Value::String(text) => members.push((name.to_owned(), text.clone())),
        other => members.push((name.to_owned(), other.to_string())),
    }
}

#[component]
pub fn AuditPage() -> impl IntoView {
    let query = use_query_map();
    let filter = Memo::new(move |_| AuditFilter::read(|name| query.read().get(name)));
    let page = Memo::new(move |_| {
        let page = query.read().get("page").and_then(|page| page.parse().ok());
        page.unwrap_or(1_u32).max(1)
    });
    let rows = loading(
        move || (filter.get(), page.get()),
        |(filter, page)| list_audit(filter, page),
    );
    let csv = move || filter.read().href("/admin-ui/audit.csv", 1);
    view! {
        <PageHeader
            title="Audit log"
            about="Who did what, from the first start on. Rows are only ever added."
        >
            <a class="btn" data-variant="outline" href=csv rel="external" download="audit.csv">
                "CSV"
            </a>
        </PageHeader>
        <Filters filter/>
        <Load
            resource=rows
            show={move |page: Page<AuditEntry>| {
                let filter = filter.get_untracked();
                view! { <Rows filter page/> }.into_any()
            }}
        />
    }
    .into_any()
}

#[component]
fn Filters(filter: Memo<AuditFilter>) -> impl IntoView {
    let form = NodeRef::<html::Form>::new();
    let navigate = use_navigate();
    let submit = move |event: SubmitEvent| {
        let Some(data) = leptos::form::form_data_from_event(&event).ok() else {
            return;
        };
        event.prevent_default();
        let filter = AuditFilter::read(|name| data.get(name).as_string());
        navigate(&filter.href(PATH, 1), NavigateOptions::default());
    };
    let field = move |name: &'static str, title: &'static str, kind: &'static str| {
        let place = AuditFilter::NAMES.iter().position(|known| *known == name);
        let value = move || filter.read().values()[place.unwrap_or(0)].to_owned();
        view! {
            <label>
                <span>{title}</span>
                <input class="input" type=kind name=name value=value autocomplete="off"/>
            </label>
        }
    };
    view! {
        <form class="filters" method="get" action=PATH role="search" node_ref=form on:submit=submit>
            {field("q", "Search", "search")}
            {field("action", "Action", "text")}
            {field("actor", "User’s number", "text")}
            {field("kind", "Kind", "text")}
            {field("id", "Number or name", "text")}
            {field("from", "From", "date")}
            {field("until", "Until", "date")}
            <button class="btn" data-variant="outline" type="submit">
                <Icon name="search"/>
                "Show"
            </button>
        </form>
    }
    .into_any()
}

const COLUMNS: &[Column] = &[
    Column::text("When"),
    Column::text("Who"),
    Column::text("What"),
    Column::text("To whom"),
    Column::text("Before and after"),
];

#[component]
fn Rows(filter: AuditFilter, page: Page<AuditEntry>) -> impl IntoView {
    let extent = Extent::from(&page);
    if page.rows.is_empty() {
        let text = match filter.is_empty() {
            true => "Nothing has been done yet.",
            false => "Nothing fits these filters.",
        };
        return view! {
            <div class="tile nothing">
                <p>{text}</p>
                <a class="btn" data-variant="outline" href=PATH>
                    "Show everything"
                </a>
            </div>
        }
        .into_any();
    }
    let rows = page.rows.into_iter().map(|entry| row(&filter, entry));
    let rows = rows.collect_view();
    let step = |page: u32, icon: &'static str, name: &'static str| {
        let usable = (1..=extent.pages).contains(&page) && page != extent.page;
        view! {
            <a
                class="btn"
                data-variant="outline"
                data-size="icon-sm"
                href=usable.then(|| filter.href(PATH, page))
                role=(!usable).then_some("link")
                aria-disabled=(!usable).then_some("true")
                aria-label=name
            >
                <Icon name=icon/>
            </a>
        }
    };
    let steps = (extent.pages > 1).then(|| {
        view! {
            <div>
                {step(extent.page.saturating_sub(1), "chevron-left", "Previous page")}
                {step(extent.page.saturating_add(1), "chevron-right", "Next page")}
            </div>
        }
    });
    view! {
        <DataTable caption="What was done" columns=COLUMNS>
            {rows}
        </DataTable>
        <nav class="pages" aria-label="Pages">
            <span class="figure">{extent.text()}</span>
            {steps}
        </nav>
    }
    .into_any()
}

fn row(filter: &AuditFilter, entry: AuditEntry) -> impl IntoView + use<> {
    let AuditEntry { row, at, changes } = entry;
    let mine = row.actor.user_id.map(|id| AuditFilter {
        actor: id.to_string(),
        ..AuditFilter::default()
    });
    let who = match mine {
        Some(mine) => view! {
            <a class="link" href=mine.href(PATH, 1)>
                {row.actor.name.clone()}
            </a>
        }
        .into_any(),
        None => row.actor.name.clone().into_any(),
    };
    let by = match row.actor.kind {
        ActorKind::Token => Some("by a token"),
        ActorKind::Nobody => Some("not signed in"),
        ActorKind::User | ActorKind::MasterKey => None,
    };
    let whom = row.subject.map(|subject| {
        let about = AuditFilter {
            kind: subject.kind.clone(),
            id: subject.id.clone(),
            ..filter.clone()
        };
        let name = row.subject_name.unwrap_or_else(|| subject.id.clone());
        view! {
            <a class="link" href=about.href(PATH, 1)>
                {name}
            </a>
            <span class="sub">{subject.kind} " " {subject.id}</span>
        }
    });
    view! {
        <tr role="row">
            <Cell label="When" class="nowrap">
                <span title=format!("row {}", row.seq)>{at}</span>
            </Cell>
            <Cell label="Who">
                <span>{who} <span class="sub">{by}</span></span>
            </Cell>
            <Cell label="What">{row.action}</Cell>
            <Cell label="To whom">
                <span>{whom}</span>
            </Cell>
            <Cell label="Before and after" class="lead">
                <Differences changes/>
            </Cell>
        </tr>
    }
    .into_any()
}

#[component]
fn Differences(changes: Vec<Difference>) -> impl IntoView {
    if changes.is_empty() {
        return view! { <span class="quiet">"–"</span> }.into_any();
    }
    let names: Vec<&str> = changes
        .iter()
        .map(|change| change.member.as_str())
        .collect();
    let summary = match names.len() {
        0..=3 => names.join(", "),
        n => format!("{} and {} more", names[..2].join(", "), n - 2),
    };
    let lines = changes.iter().map(|change| {
        let side = |text: &Option<String>| match text {
            Some(text) => view! { <code>{text.clone()}</code> }.into_any(),
            None => view! { <span class="quiet">"nothing"</span> }.into_any(),
        };
        view! {
            <dt>{change.member.clone()}</dt>
            <dd>{side(&change.before)} " → " {side(&change.after)}</dd>
        }
    });
    view! {
        <details class="changes">
            <summary>{summary}</summary>
            <dl>{lines.collect_view()}</dl>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_different_is_told() {
        let found = changes(
            Some(r#"{"name":"ada","budget":{"daily":1,"monthly":2},"email":null,"old":true}"#),
            Some(r#"{"name":"ada","budget":{"daily":5,"monthly":2},"email":"a@b.c"}"#),
        );
        let told = |member: &str| found.iter().find(|change| change.member == member);
        assert_eq!(found.len(), 3, "{found:?}");
        let daily = told("budget.daily").expect("the daily budget");
        assert_eq!(
            (daily.before.as_deref(), daily.after.as_deref()),
            (Some("1"), Some("5"))
        );
        assert_eq!(told("email").and_then(|change| change.before.clone()), None);
        assert_eq!(told("old").and_then(|change| change.after.clone()), None);
    }

    #[test]
    fn the_url_says_what_is_shown() {
        let filter = AuditFilter {
            q: "a&b".to_owned(),
            actor: "x".to_owned(),
            ..AuditFilter::default()
        };
        assert_eq!(filter.href("/a", 2), "/a?q=a%26b&actor=x&page=2");
        let query = filter.query(|_| None, 2);
        assert_eq!(query.actor_id, Some(UserId(-1)), "and not everybody");
    }
}
