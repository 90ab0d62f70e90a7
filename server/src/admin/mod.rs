//! The admin's JSON API under `/admin`, with the paths and members that scripts of LLM Router's
//! forerunners use. Each handler is three moves: who is asking, one use case, JSON.

pub mod alerts;
pub mod analytics;
pub mod audit;
pub mod aws;
pub mod backends;
mod body;
pub(crate) mod extract;
pub mod keys;
pub mod permissions;
pub mod prices;
pub mod reload;
pub mod route;
pub mod scripts;
pub mod teams;
mod terms;
pub mod tokens;
pub mod usage;
pub mod users;
pub mod ways_in;

use axum::{
    Json,
    extract::FromRequestParts,
    http::{Method, StatusCode, header::RETRY_AFTER, request::Parts},
    response::{IntoResponse, Response},
};
use control::{Admin, ControlError, Principal};
use domain::{
    NanoUsd,
    validation::{Field, FieldError},
};
use gateway::headers::{X_API_KEY, bearer, text};
use serde_json::{Value, json, value::RawValue};

use crate::{state::AppState, token::Audience};

/// An admin, proved by the master key, an API token, or the token of an admin who has signed in, in
/// `Authorization: Bearer` or `x-api-key`. No handler of this API can be written without one. Who may only
/// look passes for requests that read, and for no others.
#[derive(Debug)]
pub struct AdminCaller(pub Admin);

/// The same for a request that reads although it is a `POST`.
#[derive(Debug)]
pub struct ViewerCaller(pub Admin);

async fn caller(parts: &Parts, state: &AppState) -> Result<Principal, ApiError> {
    let presented = bearer(&parts.headers)
        .or_else(|| text(&parts.headers, &X_API_KEY))
        .ok_or(ApiError::Unauthorized)?;
    if let Some(principal) = state.control.master(presented) {
        return Ok(principal);
    }
    let principal = match state.control.token(presented).await? {
        Some(principal) => Some(principal),
        None => state.resume(presented, Audience::Admin).await?,
    };
    principal.ok_or(ApiError::Unauthorized)
}

impl FromRequestParts<AppState> for ViewerCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        Ok(Self(caller(parts, state).await?.viewer()?))
    }
}

impl FromRequestParts<AppState> for AdminCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let principal = caller(parts, state).await?;
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        Ok(Self(match reads {
            true => principal.viewer()?,
            false => principal.admin()?,
        }))
    }
}

impl AdminCaller {
    /// For use cases that others than admins may carry out too.
    fn principal(&self) -> Principal {
        self.0.principal()
    }
}

/// Why a request of the admin's API failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error(
        "send the master key, an API token, or a token of POST /admin/login, as \"Authorization: Bearer <key>\""
    )]
    Unauthorized,
    #[error(
        "send the token of POST /user/login as \"x-user-token\" or \"Authorization: Bearer <token>\""
    )]
    NoToken,
    #[error("sign in at /login first")]
    NotSignedIn,
    #[error("{0}")]
    BadRequest(String),
    #[error("{0}")]
    Control(#[from] ControlError),
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        Self::Control(ControlError::Invalid(error))
    }
}

impl From<axum::extract::rejection::JsonRejection> for ApiError {
    fn from(error: axum::extract::rejection::JsonRejection) -> Self {
        Self::BadRequest(error.body_text())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Unauthorized | Self::NoToken | Self::NotSignedIn => StatusCode::UNAUTHORIZED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Control(error) => match error {
                ControlError::NotFound => StatusCode::NOT_FOUND,
                ControlError::Invalid(_) => StatusCode::BAD_REQUEST,
                ControlError::Settings(_) => StatusCode::BAD_REQUEST,
                ControlError::Conflict(_) | ControlError::Unfitting(_) => StatusCode::CONFLICT,
                ControlError::Forbidden
                | ControlError::PasswordChangeRequired
                | ControlError::WrongPassword => StatusCode::FORBIDDEN,
                ControlError::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
                ControlError::Storage(_) | ControlError::Internal(_) => {
                    tracing::error!(error = ?self, "admin request failed");
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            },
        };
        let mut response = (status, Json(json!({"error": self.to_string()}))).into_response();
        if let Self::Control(ControlError::TooManyAttempts { retry_after }) = self {
            response
                .headers_mut()
                .insert(RETRY_AFTER, (retry_after.as_secs() + 1).into());
        }
        response
    }
}

/// An amount of dollars in a request: a number or a string, read digit by digit.
pub(super) fn dollars(field: Field, value: Option<&RawValue>) -> Result<Option<NanoUsd>, ApiError> {
    let Some(value) = value.map(RawValue::get).filter(|text| *text != "null") else {
        return Ok(None);
    };
    let text = value.trim_matches('"');
    Ok(Some(domain::validation::budget(field, text)?))
}

/// Dollars as JSON.
pub(crate) fn usd(amount: NanoUsd) -> Value {
    json!(amount.to_usd_f64_for_display())
}
