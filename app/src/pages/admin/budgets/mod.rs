//! All budgets in one list, those nearest to their limit first, each with its form: change, clear,
//! begin anew. The panel beside the list, `?of=user-3`, is the past of one of them.

pub mod api;

use domain::{
    NanoUsd,
    budget::{BudgetHistory, BudgetSummary},
    report::PeriodSpend,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{
        budget_alerts::BudgetAlerts,
        budget_bar::{BudgetBar, BudgetCards},
        data_table::{Cell, Column, DataTable},
        form_field::{FormAlert, FormFailure, Submit},
        list_form::{Choices, ListForm},
        money::Money,
        nothing::Nothing,
        notice::Notice,
        page_header::PageHeader,
        pagination::{Extent, Pagination},
        panel::SidePanel,
        post_form::{Post, PostForm},
        suspense_error::{Load, loading},
        terms_form::{BUDGET_FIELDS, BudgetFields, ForgiveButtons},
    },
    format,
    url::ListUrl,
};
use api::{BudgetsList, ClearBudget, ResetBudget, SetBudget, get_budget_history, list_budgets};

const PATH: &str = "/admin-ui/budgets";

/// What [`domain::budget::BudgetFilter`] can say.
const SHOW: Choices = &[
    ("", "All that are set"),
    ("near", "Near their limit"),
    ("used-up", "Used up"),
    ("everyone", "Also without a budget"),
];

#[derive(Clone, Copy, Debug)]
struct Actions {
    set: Post,
    clear: Post,
    reset: Post,
}

impl Actions {
    /// Changes whenever one of them has ended. Reactive.
    fn version(self) -> u32 {
        self.set.version() + self.clear.version() + self.reset.version()
    }
}

#[component]
pub fn BudgetsPage() -> impl IntoView {
    let query = use_query_map();
    let url = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)));
    let of = Memo::new(move |_| query.read().get("of").filter(|of| !of.is_empty()));
    let actions = Actions {
        set: Post::to::<SetBudget>(),
        clear: Post::to::<ClearBudget>(),
        reset: Post::to::<ResetBudget>(),
    };
    let budgets = loading(
        move || {
            let url = url.read();
            (
                url.search.clone(),
                url.show.clone(),
                url.page,
                actions.version(),
            )
        },
        |(search, show, page, _)| list_budgets(search, show, page),
    );
    let close = Signal::derive(move || url.read().href(PATH));
    view! {
        <PageHeader
            title="Budgets"
            about="Of users, teams and keys, the nearest to its limit first."
        />
        <Notice/>
        <div class="split">
            <div class="stack">
                <ListForm path=PATH label="Search by name or owner" url show=SHOW/>
                <Load
                    resource=budgets
                    show={move |list: BudgetsList| {
                        view! { <Listed url=url.get_untracked() list actions/> }.into_any()
                    }}
                />
            </div>
            {move || of.get().map(|of| view! { <Past of close actions/> })}
        </div>
    }
    .into_any()
}

#[component]
fn Listed(url: ListUrl, list: BudgetsList, actions: Actions) -> impl IntoView {
    let extent = Extent::from(&list.budgets);
    if list.budgets.rows.is_empty() {
        let (text, href, action) = match url.search.is_empty() && url.show.is_empty() {
            true => (
                "Nobody has a budget yet: what is spent has no limit.",
                "/admin-ui/budgets?show=everyone",
                "Show users, teams and keys",
            ),
            false => ("No budget is like that.", PATH, "Show all that are set"),
        };
        return view! {
            <Nothing text href action/>
        }
        .into_any();
    }
    let rows = list.budgets.rows.into_iter().map(|budget| {
        view! { <One url=url.clone() budget actions/> }
    });
    let rows: Vec<_> = rows.collect();
    view! {
        <p class="quiet">
            "Budgets of a day begin anew at " {list.day_ends} ", those of a month at "
            {list.month_ends} ", " {list.time_zone} "."
        </p>
        <ul class="budget-list">{rows}</ul>
        <Pagination path=PATH url=url.clone() extent/>
    }
    .into_any()
}

/// The failure of a form that all rows share, for the row that it is about.
fn failure_of(post: Post, word: &str) -> FormFailure {
    let (failure, word) = (post.failure(), word.to_owned());
    Signal::derive(move || {
        failure
            .get()
            .filter(|error| error.kept("of") == Some(&word))
    })
}

#[component]
fn One(url: ListUrl, budget: BudgetSummary, actions: Actions) -> impl IntoView {
    let word = budget.scope.word();
    let failure = failure_of(actions.set, &word);
    let clear_failure = failure_of(actions.clear, &word);
    let reset_failure = failure_of(actions.reset, &word);
    let form = format!("budget-{word}");
    let [to_set, to_reset, to_clear] = [(); 3].map(|()| word.clone());
    let kind = match budget.scope.kind() {
        "user" => "User",
        "team" => "Team",
        _ => "Key",
    };
    let of = match url.href(PATH) {
        path if path.contains('?') => format!("{path}&of={word}"),
        path => format!("{path}?of={word}"),
    };
    let limits = budget.limits;
    view! {
        <li class="tile">
            <header>
                <div>
                    <h2>
                        <a class="link" href=of>
                            {budget.name.clone()}
                        </a>
                    </h2>
                    <p>{kind} {budget.owner.clone().map(|owner| format!(" of {owner}"))}</p>
                </div>
            </header>
            <div class="body">
                <div class="form-row">
                    <Period
                        title="Today"
                        spent=budget.spent_today
                        hard=limits.daily
                        soft=limits.soft_daily
                    />
                    <Period
                        title="This month"
                        spent=budget.spent_this_month
                        hard=limits.monthly
                        soft=limits.soft_monthly
                    />
                </div>
                <details class="more" open=failure.get_untracked().is_some()>
                    <summary>"Change" <span class="sr-only">": " {budget.name}</span></summary>
                    <PostForm post=actions.set class="form">
                        <FormAlert failure fields=BUDGET_FIELDS/>
                        <input type="hidden" name="of" value=to_set/>
                        <BudgetFields form failure budget=limits/>
                        <div>
                            <Submit label="Save budget" pending=actions.set.pending()/>
                        </div>
                    </PostForm>
                    <FormAlert failure=clear_failure/>
                    <FormAlert failure=reset_failure/>
                    <div class="row">
                        <PostForm post=actions.reset class="row">
                            <input type="hidden" name="of" value=to_reset/>
                            <ForgiveButtons/>
                        </PostForm>
                        <PostForm post=actions.clear>
                            <input type="hidden" name="of" value=to_clear/>
                            <button class="btn" data-variant="outline" data-size="sm" type="submit">
                                "Take all limits away"
                            </button>
                        </PostForm>
                    </div>
                </details>
            </div>
        </li>
    }
    .into_any()
}

/// What is spent of the limits of one period, in words and as a bar.
#[component]
fn Period(title: &'static str, spent: NanoUsd, hard: NanoUsd, soft: NanoUsd) -> impl IntoView {
    let (limit, what) = match (hard > NanoUsd::ZERO, soft > NanoUsd::ZERO) {
        (true, true) => (
            hard,
            format!(
                " of {}, then refused; warned at {}",
                format::money(hard),
                format::money(soft)
            ),
        ),
        (true, false) => (hard, format!(" of {}, then refused", format::money(hard))),
        (false, true) => (
            soft,
            format!("; warned at {}, refuses nothing", format::money(soft)),
        ),
        (false, false) => (NanoUsd::ZERO, ", no limit".to_owned()),
    };
    let warned = (soft > NanoUsd::ZERO && spent >= soft).then(|| {
        view! {
            <span class="state" data-tone="warn">
                "Past the warning"
            </span>
        }
    });
    let percent = format::Share::of(spent, limit).map(|share| format!("{} %", share.percent));
    view! {
        <div class="spend">
            <h3>{title} " " {percent}</h3>
            <BudgetBar spend=spent limit/>
            <span>
                <span title=spent.to_string()>{format::money(spent)}</span>
                <span class="quiet">{what}</span>
            </span>
            {warned}
        </div>
    }
    .into_any()
}

const HISTORY: &[Column] = &[
    Column::text("Period"),
    Column::number("Spent"),
    Column::number("Of limit"),
];

#[component]
fn Past(of: String, close: Signal<String>, actions: Actions) -> impl IntoView {
    let history = loading(move || actions.version(), {
        move |_| get_budget_history(of.clone())
    });
    view! {
        <SidePanel title="Budget history" close>
            <Load
                resource=history
                show={|history: BudgetHistory| {
                    view! {
                        <div class="body">
                            <section>
                                <p class="font-medium">{history.name}</p>
                                <BudgetCards
                                    budget=history.status
                                    daily="Today"
                                    monthly="This month"
                                />
                            </section>
                            <section>
                                <h3>"The last twelve months"</h3>
                                <Periods caption="Spent by month" periods=history.months/>
                            </section>
                            <section>
                                <h3>"The last thirty days"</h3>
                                <Periods caption="Spent by day" periods=history.days/>
                                <p class="quiet text-xs">
                                    "The limit is the present one. Forgiving changes no history."
                                </p>
                            </section>
                            {(!history.alerts.is_empty())
                                .then(|| {
                                    view! {
                                        <section>
                                            <BudgetAlerts alerts=history.alerts named=false/>
                                        </section>
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
fn Periods(caption: &'static str, periods: Vec<PeriodSpend>) -> impl IntoView {
    let rows = periods.into_iter().map(|period| {
        let share = format::Share::of(period.spend, period.budget);
        let share = share.map_or_else(|| "—".to_owned(), |share| format!("{} %", share.percent));
        view! {
            <tr role="row">
                <Cell label="Period" class="figure">
                    {period.label}
                </Cell>
                <Cell label="Spent" class="num">
                    <Money amount=period.spend/>
                </Cell>
                <Cell label="Of limit" class="num">
                    {share}
                </Cell>
            </tr>
        }
    });
    view! {
        <DataTable caption columns=HISTORY short=true>
            {rows.collect_view()}
        </DataTable>
    }
    .into_any()
}
