//! `POST /admin/reload`: reads the configuration again, or says what that would change.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use control::Control;
use serde::Deserialize;
use serde_json::json;

use super::{AdminCaller, ApiError};
use crate::reload::{ReloadError, Reloader};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    dry_run: bool,
}

pub async fn reload(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(reloader): State<Reloader>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let options = match body.trim_ascii().is_empty() {
        true => Options::default(),
        false => serde_json::from_slice(&body).map_err(|e| ApiError::BadRequest(e.to_string()))?,
    };
    match reloader.reload(options.dry_run).await {
        Ok(reloaded) => {
            if !options.dry_run {
                // Keys and their names only: values may be secrets, which the difference hides anyway.
                let changed: Vec<&str> = reloaded.changed.iter().map(|d| d.key.as_str()).collect();
                let after = Some(json!({"changed": changed}));
                let subject = ("configuration", "file");
                control
                    .record(&admin, "configuration.reload", subject, after)
                    .await?;
            }
            Ok(Json(reloaded).into_response())
        }
        Err(error @ (ReloadError::Config(_) | ReloadError::Empty)) => {
            let text = error.to_string();
            let problems: Vec<&str> = text.lines().collect();
            let body = json!({
                "error": "the configuration cannot be used; everything stays as it was",
                "problems": problems,
            });
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response())
        }
        Err(ReloadError::Control(error)) => Err(error.into()),
        Err(ReloadError::Start(error)) => {
            tracing::error!(error = %error, "failed to take over the configuration");
            let body = json!({"error": error.to_string()});
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response())
        }
    }
}
