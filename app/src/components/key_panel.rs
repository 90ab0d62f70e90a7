//! One key with all that can be done to it, the same for admins and for everybody's own keys; they
//! differ in the server functions that the forms go to.

use domain::account::KeyStatus;
use leptos::prelude::*;

use super::{
    form_field::{FormAlert, SelectField, Submit},
    key_form::{KEY_FIELDS, KeyFields},
    key_list::{KeyFacts, KeyRow},
    post_form::{Post, PostForm},
};

/// How long an older secret can go on working, in seconds.
const GRACES: [(&str, &str); 4] = [
    ("0", "Not at all"),
    ("3600", "An hour"),
    ("86400", "A day"),
    ("604800", "7 days"),
];

/// Where the forms about a key go.
#[derive(Clone, Copy, Debug)]
pub struct KeyActions {
    pub update: Post,
    pub rotate: Post,
    pub set_active: Post,
    pub revoke: Post,
    pub delete: Post,
}

impl KeyActions {
    /// Changes whenever one of them has ended, after which a key is not the same. Reactive.
    #[must_use]
    pub fn version(self) -> u32 {
        self.update.version() + self.set_active.version() + self.revoke.version()
    }

    /// As [`Self::version`], and when a key has gone.
    #[must_use]
    pub fn list_version(self) -> u32 {
        self.version() + self.delete.version()
    }

    /// Forgets how they ended: an error about one key must not stand in the panel of the next.
    pub fn clear(self) {
        for post in [
            self.update,
            self.rotate,
            self.set_active,
            self.revoke,
            self.delete,
        ] {
            post.clear();
        }
    }
}

/// The inside of the panel.
#[component]
pub fn KeyPanel(
    key: KeyRow,
    actions: KeyActions,
    admin: bool,
    /// A member of a team who is no owner only looks.
    may_change: bool,
) -> impl IntoView {
    let details = key.summary.key.clone();
    let id = details.id.0;
    let label = details.label.clone();
    let connect = format!("/user-ui/connect?key={id}");
    let revoked = key.summary.status == KeyStatus::Revoked;
    let by_admin = !admin && !details.active && details.disabled_by_admin;
    let expires = key.expires.clone();
    let changes = (may_change && !revoked).then(|| {
        view! {
            <Edit key=details.clone() expires actions admin/>
            <Rotate id actions/>
            <Access id active=details.active by_admin actions/>
        }
    });
    view! {
        <div class="body">
            <section>
                <p class="font-medium">{label}</p>
                <KeyFacts key/>
                {(!admin)
                    .then(|| {
                        view! {
                            <div class="row">
                                <a class="link" href=connect>
                                    "How to connect with it"
                                </a>
                            </div>
                        }
                    })}
            </section>
            {changes}
            {may_change.then(|| view! { <End id revoked actions/> })}
        </div>
    }
    .into_any()
}

#[component]
fn Edit(
    key: domain::VirtualKey,
    expires: Option<String>,
    actions: KeyActions,
    admin: bool,
) -> impl IntoView {
    let failure = actions.update.failure();
    let open = failure.get_untracked().is_some();
    let id = key.id.0;
    view! {
        <section>
            <details class="more" open=open>
                <summary>"Change"</summary>
                <PostForm post=actions.update class="form">
                    <FormAlert failure fields=KEY_FIELDS/>
                    <input type="hidden" name="id" value=id/>
                    <KeyFields form="edit-key" failure key=Some(key) expires with_tags=admin/>
                    <div>
                        <Submit label="Save key" pending=actions.update.pending()/>
                    </div>
                </PostForm>
            </details>
        </section>
    }
    .into_any()
}

#[component]
fn Rotate(id: i64, actions: KeyActions) -> impl IntoView {
    let failure = actions.rotate.failure();
    let graces = GRACES.map(|(seconds, title)| (seconds.to_owned(), title.to_owned()));
    view! {
        <section>
            <details class="more" open=failure.get_untracked().is_some()>
                <summary>"Rotate"</summary>
                <PostForm post=actions.rotate class="form">
                    <p class="quiet">"Makes a new secret, which is shown once."</p>
                    <FormAlert failure/>
                    <input type="hidden" name="id" value=id/>
                    <SelectField
                        form="rotate-key"
                        name="grace"
                        label="The present one goes on working"
                        failure
                        options=graces.to_vec()
                        selected="86400"
                    />
                    <div>
                        <Submit label="Rotate key" variant="outline" pending=actions.rotate.pending()/>
                    </div>
                </PostForm>
            </details>
        </section>
    }
    .into_any()
}

#[component]
fn Access(id: i64, active: bool, by_admin: bool, actions: KeyActions) -> impl IntoView {
    if by_admin {
        return view! {
            <section>
                <p>"An admin disabled this key; only an admin can enable it again."</p>
            </section>
        }
        .into_any();
    }
    view! {
        <section>
            <FormAlert failure=actions.set_active.failure()/>
            <PostForm post=actions.set_active>
                <input type="hidden" name="id" value=id/>
                <input type="hidden" name="active" value=(!active).to_string()/>
                <Submit
                    label=if active { "Disable" } else { "Enable" }
                    variant="outline"
                    pending=actions.set_active.pending()
                />
            </PostForm>
        </section>
    }
    .into_any()
}

/// Revoking keeps the key in the lists; deleting does not.
#[component]
fn End(id: i64, revoked: bool, actions: KeyActions) -> impl IntoView {
    let revoke = (!revoked).then(|| {
        view! {
            <EndForm
                id
                post=actions.revoke
                title="Revoke this key"
                about="Requests with it are refused from now on, for good. It stays in the list."
                label="Revoke key"
            />
        }
    });
    view! {
        {revoke}
        <EndForm
            id
            post=actions.delete
            title="Delete this key"
            about="Requests with it are refused from now on. This cannot be taken back; what it has spent stays in the history."
            label="Delete key"
        />
    }
    .into_any()
}

#[component]
fn EndForm(
    id: i64,
    post: Post,
    title: &'static str,
    about: &'static str,
    label: &'static str,
) -> impl IntoView {
    view! {
        <section>
            <FormAlert failure=post.failure()/>
            <details class="danger">
                <summary>{title}</summary>
                <PostForm post class="form">
                    <p class="quiet">{about}</p>
                    <input type="hidden" name="id" value=id/>
                    <div>
                        <Submit label variant="destructive" pending=post.pending()/>
                    </div>
                </PostForm>
            </details>
        </section>
    }
    .into_any()
}
