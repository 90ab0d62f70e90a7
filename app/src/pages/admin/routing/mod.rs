//! Routing: groups of deployments under one name, names that stand for others, and what would become of a
//! request.

pub mod api;
mod explain;
mod group;
#[cfg(feature = "ssr")]
mod words;

use domain::configured::{GroupView, MemberView, RewriteView};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::backends::origin;
use crate::{
    components::{
        data_table::{Cell, Column, DataTable},
        form_field::{CheckField, FormAlert, Submit, TextField},
        icon::Icon,
        notice::Notice,
        page_header::PageHeader,
        post_form::{Post, PostForm},
        suspense_error::{Load, loading},
    },
    format,
    url::{ListUrl, Panel},
};
use api::{CreateRewrite, DeleteGroup, DeleteRewrite, Routing, SaveGroup, list_routing};
use explain::Explain;
use group::GroupPanel;

/// Where this page is.
pub const PATH: &str = "/admin-ui/routing";

/// The strategies: name in the file, title, what it does.
pub const STRATEGIES: [(&str, &str, &str); 7] = [
    (
        "priority",
        "Priority",
        "the first, and the next only where it fails",
    ),
    (
        "weighted",
        "Weighted",
        "by chance, in proportion to the weights",
    ),
    ("round_robin", "Round robin", "each in turn"),
    (
        "least_usage",
        "Least usage",
        "the fewest tokens in the last day, times the weight: more weight means less traffic",
    ),
    (
        "least_latency",
        "Least latency",
        "the quicker of two that are drawn",
    ),
    (
        "lowest_cost",
        "Lowest cost",
        "where this request would cost the least",
    ),
    (
        "affinity",
        "Affinity",
        "where the provider’s cache knows the beginning of the prompt",
    ),
];

#[component]
pub fn RoutingPage() -> impl IntoView {
    let query = use_query_map();
    let url = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)));
    let panel = Memo::new(move |_| url.read().panel);
    let save = Post::to::<SaveGroup>();
    let delete = Post::to::<DeleteGroup>();
    let add_rewrite = Post::to::<CreateRewrite>();
    let delete_rewrite = Post::to::<DeleteRewrite>();
    let version = move || {
        [save, delete, add_rewrite, delete_rewrite]
            .iter()
            .map(|post| post.version())
            .sum::<u32>()
    };
    let routing = loading(version, |_| list_routing());
    let close = Signal::derive(move || url.read().with_panel(Panel::Closed).href(PATH));
    view! {
        <PageHeader
            title="Routing"
            about="Names that stand for several models, and for others."
        >
            <a class="btn" href=move || url.read().with_panel(Panel::New).href(PATH)>
                <Icon name="plus"/>
                "New group"
            </a>
        </PageHeader>
        <Notice/>
        <div class="split">
            <div class="stack">
                <Load
                    resource=routing
                    show={move |routing: Routing| {
                        view! {
                            {move || groups(&url.get(), &routing.groups)}
                            <section class="tile">
                                <header>
                                    <div>
                                        <h2>"Rewrites"</h2>
                                        <p>"One name is served as if another had been asked for."</p>
                                    </div>
                                </header>
                                {rewrites(&routing.rewrites, delete_rewrite)}
                                <div class="body">
                                    <NewRewrite add=add_rewrite/>
                                </div>
                            </section>
                        }
                        .into_any()
                    }}
                />
                <Explain/>
            </div>
            {move || match panel.get() {
                Panel::Closed => ().into_any(),
                Panel::New => view! { <GroupPanel id=None close save delete/> }.into_any(),
                Panel::Item(id) => view! { <GroupPanel id=Some(id) close save delete/> }.into_any(),
            }}
        </div>
    }
    .into_any()
}

const GROUPS: &[Column] = &[
    Column::text("Group"),
    Column::text("Strategy"),
    Column::text("Members"),
    Column::minor("Saved by caches"),
    Column::minor("Set in"),
];

fn groups(url: &ListUrl, groups: &[GroupView]) -> AnyView {
    if groups.is_empty() {
        return view! {
            <div class="tile nothing">
                <p>
                    "No group yet. With one, clients ask for a single name, and the router chooses among several backends and goes on to the next where one fails."
                </p>
                <a class="btn" href=format!("{PATH}?new=1")>
                    "New group"
                </a>
            </div>
        }
        .into_any();
    }
    let rows = groups.iter().map(|group| group_row(url, group));
    let rows = rows.collect_view();
    view! {
        <DataTable caption="Groups" columns=GROUPS>
            {rows}
        </DataTable>
    }
    .into_any()
}

fn group_row(url: &ListUrl, group: &GroupView) -> AnyView {
    let open = group.id.is_some_and(|id| url.panel == Panel::Item(id));
    let name = group.name.clone();
    let name = match group.id {
        Some(id) => view! {
            <a class="link font-medium" href=url.with_panel(Panel::Item(id)).href(PATH)>
                {name}
            </a>
        }
        .into_any(),
        None => view! { <span class="font-medium">{name}</span> }.into_any(),
    };
    let strategy = STRATEGIES.iter().find(|(id, ..)| *id == group.strategy);
    let title = strategy.map_or(group.strategy.clone(), |(_, title, _)| (*title).to_owned());
    let shares = shares(group);
    let members = group.members.iter().zip(shares).map(|(member, share)| {
        let MemberView {
            backend,
            model,
            when,
            ..
        } = member;
        let when = match when.is_empty() {
            true => String::new(),
            false => format!(", {when}"),
        };
        view! {
            <li>
                {format!("{backend}/{model}")}
                <span class="quiet">{format!(" {share}{when}")}</span>
            </li>
        }
    });
    let saved = group.saved.map_or_else(
        || "—".to_owned(),
        |saved| {
            let (money, tokens) = (
                format::money(saved.saved),
                format::count(saved.cached_tokens),
            );
            format!("{money} on {tokens} tokens")
        },
    );
    let members = members.collect_view();
    let (problem, from) = (group.problem.clone(), group.origin);
    view! {
        <tr role="row" aria-current=open.then_some("true")>
            <Cell label="Group" class="lead">
                <span>
                    {name}
                    {problem
                        .map(|problem| {
                            view! {
                                <span class="state" data-tone="bad">
                                    "Not in force"
                                </span>
                                <span class="sub">{problem}</span>
                            }
                        })}
                </span>
            </Cell>
            <Cell label="Strategy">{title}</Cell>
            <Cell label="Members">
                <ul class="plain">{members}</ul>
            </Cell>
            <Cell label="Saved by caches" class="minor">
                {saved}
            </Cell>
            <Cell label="Set in" class="minor">
                <span class="quiet">{origin(from)}</span>
            </Cell>
        </tr>
    }
    .into_any()
}

/// What each member gets, in words: of 1,000 requests, as long as nothing fails or rests.
fn shares(group: &GroupView) -> Vec<String> {
    let first = group.members.iter().map(|m| m.priority).min().unwrap_or(0);
    let tier: Vec<&MemberView> = group
        .members
        .iter()
        .filter(|m| m.priority == first)
        .collect();
    let weights: u64 = tier.iter().map(|m| u64::from(m.weight)).sum();
    let count = u64::try_from(tier.len()).unwrap_or(1).max(1);
    let mut leads = true;
    group
        .members
        .iter()
        .map(|member| {
            if member.priority != first {
                return "where those before it fail".to_owned();
            }
            let of_thousand = |part: u64, whole: u64| match whole {
                0 => "none".to_owned(),
                whole => format!("{} of 1,000", (part * 1_000 + whole / 2) / whole),
            };
            match group.strategy.as_str() {
                "weighted" => of_thousand(u64::from(member.weight), weights),
                "round_robin" => of_thousand(1, count),
                "priority" => {
                    let first = std::mem::replace(&mut leads, false);
                    if first {
                        "1,000 of 1,000"
                    } else {
                        "where those before it fail"
                    }
                    .to_owned()
                }
                "least_usage" => match member.weight {
                    0 => "always first".to_owned(),
                    weight => format!("tokens × {weight}"),
                },
                _ => String::new(),
            }
        })
        .collect()
}

const REWRITES: &[Column] = &[
    Column::text("Asked for"),
    Column::text("Served as"),
    Column::text("When"),
    Column::minor("Set in"),
    Column::text(""),
];

fn rewrites(rewrites: &[RewriteView], delete: Post) -> AnyView {
    if rewrites.is_empty() {
        return view! {
            <p class="nothing">"There are none."</p>
        }
        .into_any();
    }
    let rows = rewrites.iter().map(move |rewrite| {
        let RewriteView {
            id,
            source,
            target,
            force,
            origin: from,
            problem,
            note,
        } = rewrite.clone();
        let label = format!("Delete the rewrite of {source}");
        view! {
            <tr role="row">
                <Cell label="Asked for" class="lead">
                    <span>
                        <span class="font-medium">{source}</span>
                        <span class="sub">{problem.or((!note.is_empty()).then_some(note))}</span>
                    </span>
                </Cell>
                <Cell label="Served as">{target}</Cell>
                <Cell label="When">
                    {if force { "Always" } else { "Where nothing else serves it" }}
                </Cell>
                <Cell label="Set in" class="minor">
                    <span class="quiet">{origin(from)}</span>
                </Cell>
                <Cell label="">
                    {id
                        .map(|id| {
                            view! {
                                <PostForm post=delete>
                                    <input type="hidden" name="entry" value=id/>
                                    <button
                                        class="btn"
                                        data-variant="ghost"
                                        data-size="icon-sm"
                                        type="submit"
                                        aria-label=label
                                    >
                                        <Icon name="trash-2"/>
                                    </button>
                                </PostForm>
                            }
                        })}
                </Cell>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <FormAlert failure=delete.failure()/>
        <DataTable caption="Rewrites" columns=REWRITES>
            {rows}
        </DataTable>
    }
    .into_any()
}

#[component]
fn NewRewrite(add: Post) -> impl IntoView {
    let failure = add.failure();
    let open = failure.get_untracked().is_some();
    view! {
        <details class="more" open=open>
            <summary>"Add a rewrite"</summary>
            <PostForm post=add class="form">
                <FormAlert failure fields=&["source", "target"]/>
                <div class="form-row">
                    <TextField
                        form="rewrite"
                        name="source"
                        label="Asked for"
                        failure
                        required=true
                    />
                    <TextField
                        form="rewrite"
                        name="target"
                        label="Served as"
                        failure
                        required=true
                        hint="A model, an alias or a group."
                    />
                </div>
                <CheckField
                    form="rewrite"
                    name="force"
                    label="Always, also where something serves the name itself"
                />
                <TextField form="rewrite" name="note" label="Note (optional)" failure/>
                <div>
                    <Submit label="Add rewrite" pending=add.pending()/>
                </div>
            </PostForm>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use domain::configured::Origin;

    use super::*;

    fn group(strategy: &str, members: &[(u32, u32)]) -> GroupView {
        GroupView {
            id: None,
            name: "g".to_owned(),
            strategy: strategy.to_owned(),
            continue_streams: false,
            hedge_share: None,
            hedge_after_ms: None,
            members: members
                .iter()
                .map(|(weight, priority)| MemberView {
                    backend: "b".to_owned(),
                    model: "m".to_owned(),
                    weight: *weight,
                    priority: *priority,
                    when: String::new(),
                })
                .collect(),
            origin: Origin::File,
            problem: None,
            saved: None,
            note: String::new(),
        }
    }

    #[test]
    fn shares_are_told_of_the_first_tier() {
        assert_eq!(
            shares(&group("weighted", &[(3, 0), (1, 0), (5, 1)])),
            ["750 of 1,000", "250 of 1,000", "where those before it fail"]
        );
        assert_eq!(
            shares(&group("priority", &[(1, 0), (1, 0)])),
            ["1,000 of 1,000", "where those before it fail"]
        );
        assert_eq!(
            shares(&group("least_usage", &[(0, 0), (2, 0)])),
            ["always first", "tokens × 2"]
        );
        assert_eq!(shares(&group("weighted", &[(0, 0)])), ["none"]);
    }
}
