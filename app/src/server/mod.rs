//! What server functions and the shell need of the request that they answer: the use cases, the
//! session, the caller. It decides nothing: whether somebody may do a thing is `control`'s to say,
//! and the only way to a [`Principal`] is to have it looked up there.
//!
//! The server provides a [`Control`] and a [`ServerInfo`] as Leptos contexts, and the request's
//! extensions hold a [`Session`].

pub mod diff;
mod local_time;
mod page;
mod playground;
mod secrets;
pub mod snippets;
mod teams;

use std::sync::Arc;

use control::{Admin, Control, ControlError, Principal, SignedIn};
use domain::{
    Timestamp, UserId, configured::SettingProblem, notes::FormNotes, routing::OfferedModel,
    script::ScriptId,
};
use http::{StatusCode, header, request::Parts};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use tower_sessions::Session;

use crate::{
    error::{AppError, Cause},
    pages::account::sessions::{SessionRow, browser},
};

pub use local_time::LocalTime;
pub use page::{base_url, base_url_of, protect, remember_theme, theme};
pub use playground::{Answers, Models, Played, models};
pub use secrets::{follow, keep_secret, reveal_key, take_secret};
pub use teams::{set_team_member, team_detail};

/// The session's key for the user's id.
const USER_ID: &str = "user_id";
/// The session's key for the credential's version, which ends sessions when the password changes.
const CREDENTIAL_VERSION: &str = "credential_version";
/// The session's key for when it was last used, in milliseconds since 1970.
const SEEN: &str = "seen";
const SEEN_EVERY_MS: i64 = 5 * 60_000;

/// What pages tell about the server.
#[derive(Clone, Debug, Default)]
pub struct ServerInfo {
    /// How clients reach this server; otherwise the request's own host is shown.
    pub public_url: Option<String>,
    pub version: &'static str,
    /// Seconds between two refreshes of the figures.
    pub refresh_interval_s: u32,
    /// A model that answers in the OpenAI dialect, for the snippets.
    pub openai_model: Option<String>,
    /// A model that answers in the Anthropic dialect, for the snippets.
    pub anthropic_model: Option<String>,
    /// `auth.deny_unpermitted`
    pub deny_unpermitted: bool,
    /// What the OpenID provider is called by which people can sign in; `None`: there is none.
    pub provider: Option<String>,
}

/// What scripts did in the data plane, since they were loaded.
#[derive(Clone, Debug, Default)]
pub struct ScriptFigures {
    /// Why it cannot be read.
    pub broken: Option<String>,
    pub calls: u64,
    pub failures: u64,
    pub last_error: Option<String>,
}

/// Asks the data plane for them.
#[derive(Clone)]
pub struct ScriptStates(pub Arc<dyn Fn(ScriptId) -> Option<ScriptFigures> + Send + Sync>);

impl std::fmt::Debug for ScriptStates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptStates").finish_non_exhaustive()
    }
}

/// What a script did; `None`: it is not loaded.
#[must_use]
pub fn script_figures(id: ScriptId) -> Option<ScriptFigures> {
    use_context::<ScriptStates>().and_then(|states| (states.0)(id))
}

/// The use cases.
///
/// # Errors
/// The server forgot to provide them.
pub fn control() -> Result<Control, AppError> {
    use_context().ok_or_else(|| internal("no use cases in the context"))
}

/// What pages tell about the server.
#[must_use]
pub fn info() -> ServerInfo {
    use_context().unwrap_or_default()
}

/// The request that is being answered.
#[must_use]
pub fn request() -> Option<Parts> {
    use_context()
}

/// The visitor's session, signed in or not.
///
/// # Errors
/// The server forgot the session layer.
pub fn session() -> Result<Session, AppError> {
    request()
        .and_then(|parts| parts.extensions.get::<Session>().cloned())
        .ok_or_else(|| internal("no session in the request"))
}

/// Who is asking.
///
/// # Errors
/// [`Cause::SignedOut`] when there is no session, or it is no longer good.
pub async fn principal() -> Result<Principal, AppError> {
    let (control, session) = (control()?, session()?);
    let resumed = visitor(&control, &session).await.map_err(refuse)?;
    let principal = resumed.ok_or_else(|| refuse_with(Cause::SignedOut))?;
    keep_alive(&control, &session).await?;
    Ok(principal)
}

/// Activity puts a session's end off; noted now and then only, since each time is a write.
async fn keep_alive(control: &Control, session: &Session) -> Result<(), AppError> {
    let now = control.now();
    let seen = session.get::<i64>(SEEN).await.map_err(broken_session)?;
    if seen.is_none_or(|seen| now.millis_since(Timestamp(seen)) >= SEEN_EVERY_MS) {
        let stored = session.insert(SEEN, now.0).await;
        stored.map_err(broken_session)?;
    }
    Ok(())
}

/// The user and the version of the credential that a session was started with; `None`: it is nobody's.
async fn claimed(
    session: &Session,
) -> Result<Option<(UserId, i64)>, tower_sessions::session::Error> {
    let user = session.get::<i64>(USER_ID).await?.map(UserId);
    let version = session.get::<i64>(CREDENTIAL_VERSION).await?;
    Ok(user.zip(version))
}

/// Who is asking, if they have a password of their own.
///
/// # Errors
/// As [`principal`]; [`Cause::PasswordChangeRequired`].
pub async fn signed_in() -> Result<Principal, AppError> {
    let principal = principal().await?;
    match principal.must_change_password() {
        true => Err(refuse_with(Cause::PasswordChangeRequired)),
        false => Ok(principal),
    }
}

/// What somebody who is [`signed_in`] may ask models for, by name.
///
/// # Errors
/// [`Cause::Forbidden`] for who is no user.
pub fn models_of(principal: &Principal) -> Result<Vec<OfferedModel>, AppError> {
    let user = principal.user_id();
    let user = user.ok_or_else(|| refuse_with(Cause::Forbidden))?;
    Ok(models()?.offers(user))
}

/// Whose session this is; `None`: nobody's, or not any more. For handlers that are no pages.
///
/// # Errors
/// The database fails.
pub async fn visitor(
    control: &Control,
    session: &Session,
) -> Result<Option<Principal>, ControlError> {
    match claimed(session).await.map_err(session_failed)? {
        Some((user, version)) => control.resume(user, version).await,
        None => Ok(None),
    }
}

/// Where a visitor starts: everybody's own house, or the door to it.
pub async fn start_page(control: &Control, session: &Session) -> &'static str {
    match visitor(control, session).await {
        Ok(Some(principal)) => start_of(&principal),
        Ok(None) | Err(_) => "/login",
    }
}

/// Who is asking, if that is an admin.
///
/// # Errors
/// As [`principal`]; [`Cause::Forbidden`] for everybody else.
pub async fn admin() -> Result<Admin, AppError> {
    principal().await?.admin().map_err(refuse)
}

/// Who is asking, if everything may be looked at. A use case that changes something refuses who may
/// only look.
///
/// # Errors
/// As [`principal`]; [`Cause::Forbidden`] for everybody else.
pub async fn viewer() -> Result<Admin, AppError> {
    principal().await?.viewer().map_err(refuse)
}

/// Begins a session for somebody who has just shown who they are, and says where they start.
///
/// # Errors
/// The session cannot be stored.
pub async fn begin(signed_in: &SignedIn) -> Result<&'static str, AppError> {
    let principal = &signed_in.principal;
    let user = principal
        .user_id()
        .ok_or_else(|| refuse_with(Cause::Forbidden))?;
    let parts = request();
    let from = parts.map(|parts| Whence::of(&parts.headers, &parts.extensions));
    let from = from.unwrap_or_default();
    let (control, session) = (control()?, session()?);
    let begun = begin_session(
        &control,
        &session,
        user,
        signed_in.credential_version,
        &from,
    );
    begun.await.map_err(refuse)?;
    Ok(start_of(principal))
}

/// Where a session is begun.
#[derive(Clone, Debug, Default)]
pub struct Whence {
    agent: Option<String>,
    address: Option<String>,
}

impl Whence {
    /// As the request tells it.
    #[must_use]
    pub fn of(headers: &http::HeaderMap, extensions: &http::Extensions) -> Self {
        let agent = headers.get(header::USER_AGENT);
        let address = extensions.get::<ClientAddress>();
        Self {
            agent: agent
                .and_then(|agent| agent.to_str().ok())
                .map(str::to_owned),
            address: address.map(|address| address.0.to_string()),
        }
    }
}

/// The client's address, an extension of the request.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub std::net::IpAddr);

/// Makes the session that of a user. Its id changes, so that one planted before is worth nothing.
///
/// # Errors
/// The session cannot be stored.
pub async fn begin_session(
    control: &Control,
    session: &Session,
    user: UserId,
    credential_version: i64,
    from: &Whence,
) -> Result<(), ControlError> {
    let stored = async {
        session.cycle_id().await?;
        session.insert(USER_ID, user.0).await?;
        session
            .insert(CREDENTIAL_VERSION, credential_version)
            .await?;
        session.insert(SEEN, control.now().0).await?;
        // Now, and not with the answer, so that it can be said whose it is.
        session.save().await
    };
    stored.await.map_err(session_failed)?;
    if let Some(id) = session.id() {
        let (agent, address) = (from.agent.as_deref(), from.address.as_deref());
        control
            .describe_session(&id.to_string(), user, agent, address)
            .await?;
    }
    Ok(())
}

/// Where somebody starts who has signed in.
#[must_use]
pub fn start_of(principal: &Principal) -> &'static str {
    if principal.must_change_password() {
        "/account"
    } else if principal.sees_all() {
        "/admin-ui"
    } else {
        "/user-ui"
    }
}

/// Sessions as they are shown.
///
/// # Errors
/// The server forgot the session layer.
pub fn session_rows(
    control: &Control,
    sessions: Vec<domain::access::SessionInfo>,
) -> Result<Vec<SessionRow>, AppError> {
    let this = session()?
        .id()
        .map(|id| Control::session_handle(&id.to_string()));
    let time = LocalTime::of(control);
    let rows = sessions.into_iter().map(|session| SessionRow {
        this: this.as_deref() == Some(&session.handle),
        agent: browser(session.agent.as_deref().unwrap_or_default()),
        address: session.address,
        begun: session.created_at.map(|at| time.minute(at)),
        expires: time.minute(session.expires_at),
        handle: session.handle,
    });
    Ok(rows.collect())
}

/// Keeps the session alive after its user changed the password.
///
/// # Errors
/// The session cannot be stored.
pub async fn continue_session(credential_version: i64) -> Result<(), AppError> {
    let session = session()?;
    let stored = session.insert(CREDENTIAL_VERSION, credential_version);
    stored.await.map_err(broken_session)
}

/// Forgets the session, here and in the store.
///
/// # Errors
/// The session cannot be removed.
pub async fn end_session() -> Result<(), AppError> {
    session()?.flush().await.map_err(broken_session)
}

/// What the caller is told about a refusal. Causes that only the operator can mend are logged here
/// and not sent.
#[must_use]
pub fn refuse(error: ControlError) -> AppError {
    let cause = match error {
        ControlError::NotFound => Cause::NotFound,
        ControlError::Invalid(field) => Cause::Invalid(field),
        ControlError::Conflict(conflict) => Cause::Conflict(conflict),
        ControlError::Settings(problems) => tell(problems),
        ControlError::Unfitting(message) => tell(vec![SettingProblem {
            key: String::new(),
            message,
        }]),
        ControlError::Forbidden => Cause::Forbidden,
        ControlError::WrongPassword => Cause::WrongPassword,
        ControlError::PasswordChangeRequired => Cause::PasswordChangeRequired,
        ControlError::TooManyAttempts { retry_after } => Cause::TooManyAttempts {
            retry_after_s: u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX),
        },
        ControlError::Storage(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a page failed");
            Cause::Internal
        }
        ControlError::Internal(what) => {
            tracing::error!(what, "a page failed");
            Cause::Internal
        }
    };
    refuse_with(cause)
}

/// Words that are not fixed, for the page that follows.
fn tell(problems: Vec<SettingProblem>) -> Cause {
    let key = problems.first().map(|problem| problem.key.clone());
    let notes = FormNotes {
        lines: problems,
        ..FormNotes::default()
    };
    match keep_notes(notes) {
        Ok(token) => Cause::Told {
            token,
            key: key.unwrap_or_default(),
        },
        Err(error) => error.cause,
    }
}

/// Keeps notes for the page that follows, and returns the token that names them.
///
/// # Errors
/// The server forgot the session layer.
pub fn keep_notes(notes: FormNotes) -> Result<String, AppError> {
    let control = control()?;
    let owner = session()?.id().map(|id| id.to_string()).unwrap_or_default();
    let kept = control.notes().put(&owner, notes, control.now());
    kept.map_err(|_| internal("no random bytes"))
}

/// The notes behind a token, if they are for this session.
///
/// # Errors
/// As [`keep_notes`].
pub fn notes(token: &str) -> Result<Option<FormNotes>, AppError> {
    let control = control()?;
    let owner = session()?.id().map(|id| id.to_string()).unwrap_or_default();
    Ok(control.notes().get(&owner, token, control.now()))
}

/// Refuses, with the status that belongs to the cause where a program called. A form of a browser
/// without JavaScript keeps its redirect back to the page.
#[must_use]
pub fn refuse_with(cause: Cause) -> AppError {
    let called_directly = request()
        .is_some_and(|parts| parts.uri.path().starts_with("/_fn/") && !accepts_html(&parts));
    if called_directly {
        respond_with(cause.status());
    }
    cause.into()
}

/// Sets the status of the page or answer that is being made.
pub fn respond_with(status: u16) {
    if let (Some(response), Ok(status)) = (
        use_context::<ResponseOptions>(),
        StatusCode::from_u16(status),
    ) {
        response.set_status(status);
    }
}

fn accepts_html(parts: &Parts) -> bool {
    parts
        .headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/html"))
}

fn session_failed(error: tower_sessions::session::Error) -> ControlError {
    tracing::error!(error = &error as &dyn std::error::Error, "a session failed");
    ControlError::Internal("a session failed")
}

fn broken_session(error: tower_sessions::session::Error) -> AppError {
    tracing::error!(error = &error as &dyn std::error::Error, "a session failed");
    refuse_with(Cause::Internal)
}

fn internal(what: &'static str) -> AppError {
    tracing::error!(what, "a page failed");
    refuse_with(Cause::Internal)
}
