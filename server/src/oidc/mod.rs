//! Signing in by an OpenID provider: `/auth/oidc/start` sends a visitor there, `/auth/oidc/callback` is where
//! they come back with a code (authorization code flow with PKCE; OpenID Connect Core 1.0, section 3.1). What
//! belongs together is kept in the visitor's session, for one use and a few minutes. Who somebody is in this
//! house is decided by `control`; a refusal leads back to the sign-in page and is told there in fixed words.

mod claims;
mod provider;

use app::{
    pages::login::Refusal,
    server::{Whence, base_url_of, begin_session, start_of},
    url::{encode, local_path},
};
use axum::{
    extract::{Query, Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Redirect, Response},
};
use control::{Control, ControlError, ExternalError, ExternalPolicy, SignedIn};
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use tower_sessions::{Expiry, Session};

use crate::{config::OidcConfig, state::AppState, status};
use provider::{Provider, ProviderError};

/// Where the provider sends people back to, below the router's own address.
const CALLBACK: &str = "/auth/oidc/callback";

/// The session's key for a sign-in that was begun.
const PENDING: &str = "oidc";

/// Whoever was sent to the provider has so long to come back.
const PENDING_MINUTES: i64 = 10;

/// The provider that is configured.
#[derive(Debug)]
pub struct Oidc {
    config: OidcConfig,
    provider: Provider,
}

/// A sign-in that was begun.
#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    state: String,
    nonce: String,
    /// Of PKCE: shows the provider that whoever redeems the code also asked for it.
    verifier: String,
    /// Where the provider was told to send them; it wants to hear it again.
    redirect: String,
    /// Where they go from here.
    next: Option<String>,
    begun_at: i64,
}

/// Where the sign-in is to lead.
#[derive(Debug, Deserialize)]
pub struct StartQuery {
    #[serde(default)]
    next: String,
}

/// What the provider sends somebody back with.
#[derive(Debug, Deserialize)]
struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    /// RFC 9207.
    iss: Option<String>,
}

impl Oidc {
    /// # Errors
    /// The certificate store cannot be read.
    pub fn new(config: &OidcConfig) -> anyhow::Result<Self> {
        Ok(Self {
            provider: Provider::new(config)?,
            config: config.clone(),
        })
    }

    /// What a visitor who came back is signed in as.
    async fn sign_in(
        &self,
        control: &Control,
        pending: &Pending,
        query: CallbackQuery,
    ) -> Result<SignedIn, Refusal> {
        // Nothing follows from a refusal, so that it needs no state, which some providers leave out then.
        if let Some(error) = query.error {
            tracing::info!(error, "the OpenID provider refused a sign-in");
            return Err(Refusal::Cancelled);
        }
        let age = control.now().millis_since(Timestamp(pending.begun_at));
        if query.state.as_ref() != Some(&pending.state) || age > PENDING_MINUTES * 60_000 {
            return Err(Refusal::Expired);
        }
        let issuer = self.config.issuer.as_str();
        let Some(code) = query.code.filter(|_| {
            let named = query.iss.as_deref();
            named.is_none_or(|named| named == issuer)
        }) else {
            return Err(Refusal::Unproven);
        };
        let claims = self.provider.redeem(code, pending, control.now()).await;
        let claims = claims.map_err(|error| told(&error))?;
        let identity = claims::identity(&claims, &self.config)?;
        let policy = ExternalPolicy {
            create_users: self.config.create_users,
            link_by_email: self.config.link_by_email,
        };
        let signed_in = control.sign_in_external(&identity, policy).await;
        signed_in.map_err(|error| match error {
            ExternalError::Unknown => Refusal::Unknown,
            ExternalError::Disabled => Refusal::Disabled,
            ExternalError::LastAdmin => Refusal::LastAdmin,
            ExternalError::Failed(error) => failed(&error),
        })
    }
}

/// `GET /auth/oidc/start?next=…`
pub async fn start(
    State(state): State<AppState>,
    session: Session,
    Query(StartQuery { next }): Query<StartQuery>,
    request: Request,
) -> Response {
    let Some(oidc) = &state.oidc else {
        return status::not_found(&state.gateway, request.uri().path(), request.headers());
    };
    let next = local_path(&next).map(str::to_owned);
    let public_url = state.site.public_url.as_deref();
    let base = base_url_of(public_url, request.headers(), request.uri());
    let redirect = format!("{base}{CALLBACK}");
    let now = state.control.now();
    let begun = oidc.provider.begin(redirect, next.clone(), now).await;
    let (url, pending) = match begun {
        Ok(begun) => begun,
        Err(error) => return refuse(told(&error), next.as_deref()),
    };
    // Whoever only looks at the door leaves nothing behind for long.
    if session.is_empty().await {
        let minutes = time::Duration::minutes(PENDING_MINUTES);
        session.set_expiry(Some(Expiry::OnInactivity(minutes)));
    }
    match session.insert(PENDING, pending).await {
        Ok(()) => private(Redirect::to(url.as_str()).into_response()),
        Err(error) => refuse(broken_session(&error), next.as_deref()),
    }
}

/// `GET /auth/oidc/callback`
pub async fn callback(
    State(state): State<AppState>,
    session: Session,
    request: Request,
) -> Response {
    let Some(oidc) = &state.oidc else {
        return status::not_found(&state.gateway, request.uri().path(), request.headers());
    };
    // Taken away before anything else: each is good for one try.
    let pending = match session.remove::<Pending>(PENDING).await {
        Ok(Some(pending)) => pending,
        Ok(None) => return refuse(Refusal::Expired, None),
        Err(error) => return refuse(broken_session(&error), None),
    };
    let next = pending.next.clone();
    let Ok(Query(query)) = Query::<CallbackQuery>::try_from_uri(request.uri()) else {
        return refuse(Refusal::Unproven, next.as_deref());
    };
    let signed_in = match oidc.sign_in(&state.control, &pending, query).await {
        Ok(signed_in) => signed_in,
        Err(refusal) => return refuse(refusal, next.as_deref()),
    };
    let from = Whence::of(request.headers(), request.extensions());
    match begin(&state.control, &session, &signed_in, &from).await {
        Ok(home) => {
            let changes_first = signed_in.principal.must_change_password();
            let to = next.as_deref().filter(|_| !changes_first).unwrap_or(home);
            private(Redirect::to(to).into_response())
        }
        Err(error) => refuse(failed(&error), next.as_deref()),
    }
}

async fn begin(
    control: &Control,
    session: &Session,
    signed_in: &SignedIn,
    from: &Whence,
) -> Result<&'static str, ControlError> {
    let principal = &signed_in.principal;
    let user = principal.user_id().ok_or(ControlError::Forbidden)?;
    let version = signed_in.credential_version;
    begin_session(control, session, user, version, from).await?;
    Ok(start_of(principal))
}

/// Back to the sign-in page, which says why.
fn refuse(refusal: Refusal, next: Option<&str>) -> Response {
    let next = next.map_or_else(String::new, |next| format!("&next={}", encode(next)));
    let to = format!("/login?refused={}{next}", refusal.as_str());
    private(Redirect::to(&to).into_response())
}

/// The address has a code in it, or a state.
fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn told(error: &ProviderError) -> Refusal {
    let cause = error as &dyn std::error::Error;
    tracing::warn!(
        error = cause,
        "failed to sign somebody in by the OpenID provider"
    );
    match error {
        ProviderError::Unreachable(_) => Refusal::Unreachable,
        _ => Refusal::Unproven,
    }
}

fn failed(error: &ControlError) -> Refusal {
    let cause = error as &dyn std::error::Error;
    tracing::error!(error = cause, "a sign-in by the OpenID provider failed");
    Refusal::Failed
}

fn broken_session(error: &tower_sessions::session::Error) -> Refusal {
    tracing::error!(error = error as &dyn std::error::Error, "a session failed");
    Refusal::Failed
}
