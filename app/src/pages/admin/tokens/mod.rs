//! Tokens of the admin API: who made them, what they open, when they were used; make and revoke them.

pub mod api;

use domain::access::{ApiToken, TokenScope};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use crate::{
    components::{
        data_table::{Cell, Column, DataTable},
        form_field::{FormAlert, SelectField, Submit, TextField},
        icon::Icon,
        notice::Notice,
        page_header::PageHeader,
        panel::SidePanel,
        post_form::{Post, PostForm},
        suspense_error::{Load, loading},
    },
    url::{ListUrl, Panel},
};
use api::{CreateToken, RevokeToken, list_tokens};

const PATH: &str = "/admin-ui/tokens";

/// A token with its times as printed, in the reporting zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    pub token: ApiToken,
    pub created: String,
    pub expires: Option<String>,
    pub last_used: Option<String>,
    /// Whether it opens anything now.
    pub valid: bool,
}

#[component]
pub fn TokensPage() -> impl IntoView {
    let query = use_query_map();
    let url = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)));
    let revoke = Post::to::<RevokeToken>();
    let tokens = loading(move || revoke.version(), |_| list_tokens());
    let close = Signal::derive(move || url.read().with_panel(Panel::Closed).href(PATH));
    view! {
        <PageHeader title="API tokens" about="For scripts that use the admin API instead of the master key.">
            <a class="btn" href=move || url.read().with_panel(Panel::New).href(PATH)>
                <Icon name="plus"/>
                "New token"
            </a>
        </PageHeader>
        <Notice/>
        <div class="split">
            <div class="stack">
                <FormAlert failure=revoke.failure()/>
                <Load
                    resource=tokens
                    show={move |rows: Vec<TokenRow>| view! { <Rows rows revoke/> }.into_any()}
                />
            </div>
            {move || {
                (url.read().panel == Panel::New).then(|| view! { <NewToken close/> })
            }}
        </div>
    }
    .into_any()
}

const COLUMNS: &[Column] = &[
    Column::text("Name"),
    Column::text("Opens"),
    Column::text("Expires"),
    Column::text("Last used"),
    Column::text("Status"),
    Column::text("Revoke"),
];

#[component]
fn Rows(rows: Vec<TokenRow>, revoke: Post) -> impl IntoView {
    if rows.is_empty() {
        return view! {
            <div class="tile nothing">
                <p>"There are no tokens. A script needs one to read figures or to manage users."</p>
                <a class="btn" data-variant="outline" href="/admin-ui/tokens?new=1">
                    "Make a token"
                </a>
            </div>
        }
        .into_any();
    }
    let rows = rows.into_iter().map(move |row| token_row(row, revoke));
    view! {
        <DataTable caption="API tokens" columns=COLUMNS>
            {rows.collect_view()}
        </DataTable>
    }
    .into_any()
}

fn token_row(row: TokenRow, revoke: Post) -> impl IntoView {
    let token = row.token;
    let (status, tone) = match (token.revoked_at, row.valid) {
        (Some(_), _) => ("Revoked", "off"),
        (None, true) => ("Active", "good"),
        (None, false) => ("Expired", "warn"),
    };
    let opens = match token.scope {
        TokenScope::Read => "reading",
        TokenScope::Admin => "everything",
    };
    let owner = token.owner_name.unwrap_or_else(|| "master key".to_owned());
    let name = token.name.clone();
    let can = row.valid.then(|| {
        view! {
            <PostForm post=revoke>
                <input type="hidden" name="id" value=token.id.0/>
                <button
                    class="btn"
                    data-variant="outline"
                    data-size="sm"
                    type="submit"
                    aria-label=format!("Revoke {name}")
                >
                    "Revoke"
                </button>
            </PostForm>
        }
    });
    view! {
        <tr role="row">
            <Cell label="Name" class="lead">
                <span>
                    <span class="font-medium">{token.name}</span>
                    <span class="sub">{format!("{}…{} · {owner} · {}", token.prefix, token.last4, row.created)}</span>
                </span>
            </Cell>
            <Cell label="Opens">{opens}</Cell>
            <Cell label="Expires">{row.expires.unwrap_or_else(|| "never".to_owned())}</Cell>
            <Cell label="Last used">{row.last_used.unwrap_or_else(|| "never".to_owned())}</Cell>
            <Cell label="Status">
                <span class="state" data-tone=tone>
                    {status}
                </span>
            </Cell>
            <Cell label="Revoke">{can}</Cell>
        </tr>
    }
    .into_any()
}

#[component]
fn NewToken(close: Signal<String>) -> impl IntoView {
    let create = Post::to::<CreateToken>();
    let failure = create.failure();
    let scopes = [
        ("read", "Read: sees everything, changes nothing"),
        ("admin", "Admin: whatever you may do"),
    ];
    let expiries = [
        ("7", "In 7 days"),
        ("30", "In 30 days"),
        ("90", "In 90 days"),
        ("365", "In a year"),
        ("0", "Never"),
    ];
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(value, title)| ((*value).to_owned(), (*title).to_owned()))
            .collect()
    };
    view! {
        <SidePanel title="New token" close>
            <section>
                <PostForm post=create class="form">
                    <FormAlert failure fields=&["name", "scope", "expires_in_days"]/>
                    <TextField
                        form="new-token"
                        name="name"
                        label="Name"
                        failure
                        required=true
                        autofocus=true
                        hint="What uses it, such as “Prometheus”."
                    />
                    <SelectField
                        form="new-token"
                        name="scope"
                        label="Opens"
                        failure
                        options=owned(&scopes)
                        selected="read"
                    />
                    <SelectField
                        form="new-token"
                        name="expires_in_days"
                        label="Expires"
                        failure
                        options=owned(&expiries)
                        selected="90"
                    />
                    <div>
                        <Submit label="Create token" pending=create.pending()/>
                    </div>
                </PostForm>
            </section>
        </SidePanel>
    }
    .into_any()
}
