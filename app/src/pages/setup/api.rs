//! The first steps: how far they are, and taking or skipping each.

use domain::{Timestamp, configured::BackendView, setup::SetupStep};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    components::{post_form::Next, snippets::Snippet},
    error::AppError,
};

/// What the page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SetupView {
    /// The token is wanted; `wrong`: another one was shown.
    Token { wrong: bool },
    /// The token is right: a name and a password are wanted.
    Admin,
    /// It goes on for an admin, and nobody is signed in.
    SignIn,
    /// What answers so far.
    Backend { backends: Vec<BackendView> },
    Key,
    Try {
        /// What can be asked; the first is a good one.
        models: Vec<String>,
        /// A request as code, without the key.
        snippets: Vec<Snippet>,
    },
    /// There is nothing to set up, or not any more.
    Over,
}

/// A request that has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    pub id: String,
    /// In the reporting zone.
    pub at: String,
    pub started_at: Timestamp,
    pub model: String,
    pub status: u16,
    pub duration_ms: u32,
    pub error: Option<String>,
}

/// How far it is, for whoever asks.
#[server(prefix = "/_fn", endpoint = "setup/state")]
pub async fn load_setup(token: Option<String>) -> Result<SetupView, AppError> {
    let control = crate::server::control()?;
    let step = control.setup_step().await.map_err(crate::server::refuse)?;
    let Some(step) = step else {
        return Ok(SetupView::Over);
    };
    if step == SetupStep::Admin {
        let Some(token) = token else {
            return Ok(SetupView::Token { wrong: false });
        };
        let right = control.opens_setup(&token).await;
        return Ok(match right.map_err(crate::server::refuse)? {
            true => SetupView::Admin,
            false => SetupView::Token { wrong: true },
        });
    }
    let visitor = crate::server::visitor(&control, &crate::server::session()?).await;
    let Some(principal) = visitor.map_err(crate::server::refuse)? else {
        return Ok(SetupView::SignIn);
    };
    let admin = principal.admin().map_err(crate::server::refuse)?;
    match step {
        SetupStep::Admin => Ok(SetupView::Over),
        SetupStep::Backend => {
            let routing = control.routing(&admin).await;
            Ok(SetupView::Backend {
                backends: routing.map_err(crate::server::refuse)?.backends,
            })
        }
        SetupStep::Key => Ok(SetupView::Key),
        SetupStep::Try => {
            let models = models_to_ask(&principal)?;
            let to = crate::server::snippets::Connection {
                base_url: &crate::server::base_url(),
                key: crate::server::snippets::PLACEHOLDER,
                model: models.first().map_or("demo", String::as_str),
            };
            let hello = hello(to.model);
            let snippets = crate::server::snippets::request(to, &hello);
            Ok(SetupView::Try { models, snippets })
        }
    }
}

/// The latest requests of everybody, the newest first.
#[server(prefix = "/_fn", endpoint = "setup/arrivals")]
pub async fn arrivals() -> Result<Vec<Arrival>, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let overview = control.overview(&admin).await;
    let latest = overview.map_err(crate::server::refuse)?.latest;
    let shown = latest.into_iter().take(5).map(|request| Arrival {
        id: request.request_id.to_string(),
        at: request.started_at_local,
        started_at: request.started_at,
        model: request.request_model,
        status: request.status,
        duration_ms: request.duration_ms,
        error: request.error,
    });
    Ok(shown.collect())
}

/// Makes whoever has the token the admin, and signs them in.
#[server(prefix = "/_fn", endpoint = "setup/claim")]
pub async fn claim(
    token: String,
    name: String,
    password: String,
    repeat: String,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let keep = |error: AppError| error.keep(&[("name", &name)]);
    if !control
        .opens_setup(&token)
        .await
        .map_err(crate::server::refuse)?
    {
        return Err(crate::server::refuse_with(crate::error::Cause::Forbidden));
    }
    if password != repeat {
        let differs = crate::error::Cause::RepeatDiffers;
        return Err(keep(crate::server::refuse_with(differs)));
    }
    let signed_in = control.claim_setup(&token, &name, password.into()).await;
    let signed_in = signed_in.map_err(|error| keep(crate::server::refuse(error)))?;
    crate::server::begin(&signed_in).await?;
    leptos_axum::redirect("/setup");
    Ok(None)
}

/// Leaves a step behind, taken or not.
#[server(prefix = "/_fn", endpoint = "setup/go-on")]
pub async fn go_on(step: SetupStep) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let advanced = control.advance_setup(&admin, step).await;
    advanced.map_err(crate::server::refuse)?;
    leptos_axum::redirect(match step.next() {
        Some(_) => "/setup",
        None => "/admin-ui",
    });
    Ok(None)
}

/// Makes a key; the answer is the page that shows it once and leads back here.
#[server(prefix = "/_fn", endpoint = "setup/key")]
pub async fn first_key(label: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let input = control::NewKeyInput {
        label: label.clone(),
        ..control::NewKeyInput::default()
    };
    let made = control.create_my_key(&admin.principal(), input).await;
    let made =
        made.map_err(|error| crate::server::refuse(error).keep(&[("label", &label)]))?;
    let advanced = control.advance_setup(&admin, SetupStep::Key).await;
    advanced.map_err(crate::server::refuse)?;
    crate::server::reveal_key(made, "/admin-ui")
}

/// Asks a model in the admin's own name.
#[server(prefix = "/_fn", endpoint = "setup/ask")]
pub async fn ask(model: String) -> Result<Next, AppError> {
    let principal = crate::server::admin().await?.principal();
    let user = principal.user_id();
    let user = user.ok_or_else(|| crate::server::refuse_with(crate::error::Cause::Forbidden))?;
    let asked = crate::server::models()?.ask(user, hello(&model).to_string());
    let played = asked.await;
    if played.status != 200 {
        let mut answer = crate::pages::me::playground::Answered::of(&model);
        answer.take_head(played.status, played.headers.into_iter());
        answer.take_body(&played.body);
        let why = answer.error.unwrap_or_default();
        let why = format!("{model} answered with HTTP {}. {why}", played.status);
        return Err(crate::server::refuse(control::ControlError::Unfitting(why)));
    }
    leptos_axum::redirect("/setup?done=request-answered");
    Ok(None)
}

#[cfg(feature = "ssr")]
fn hello(model: &str) -> leptos::serde_json::Value {
    leptos::serde_json::json!({
        "model": model,
        "messages": [{"role": "user", "content": "Hello"}],
    })
}

/// What can be asked; what the snippets use comes first.
#[cfg(feature = "ssr")]
fn models_to_ask(principal: &control::Principal) -> Result<Vec<String>, AppError> {
    let offers = crate::server::models_of(principal)?;
    let mut models: Vec<String> = offers
        .into_iter()
        .filter(|offer| offer.chats)
        .map(|offer| offer.name)
        .collect();
    models.sort();
    models.dedup();
    // One that an administrator has added before the demo.
    models.sort_by_key(|model| model == "demo");
    Ok(models)
}
