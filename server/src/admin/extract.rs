//! Paths and queries of requests whose mistakes are told as those of bodies are: as JSON.

use axum::{
    extract::{self, FromRequestParts},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::ApiError;
use crate::state::AppState;

/// The variable parts of the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let found = extract::Path::from_request_parts(parts, state).await;
        match found {
            Ok(extract::Path(found)) => Ok(Self(found)),
            Err(wrong) => Err(ApiError::BadRequest(wrong.body_text())),
        }
    }
}

/// What stands behind the question mark.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let found = extract::Query::from_request_parts(parts, state).await;
        match found {
            Ok(extract::Query(found)) => Ok(Self(found)),
            Err(wrong) => Err(ApiError::BadRequest(wrong.body_text())),
        }
    }
}
