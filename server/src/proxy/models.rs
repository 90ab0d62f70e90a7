//! `GET /v1/models` and `GET /v1/models/{id}`, in the dialect that the client's headers show.

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, header::AUTHORIZATION},
    response::{IntoResponse as _, Response},
};
use domain::Dialect;
use gateway::{GatewayError, authenticate::Caller, headers::X_API_KEY};
use serde_json::Value;

use super::Peer;
use crate::{state::AppState, status::dialect_of};

/// The list of models that the caller may use.
pub async fn list(State(state): State<AppState>, peer: Peer, headers: HeaderMap) -> Response {
    answer(&state, peer, &headers, |caller, dialect| {
        Ok(state.gateway.models(caller, dialect))
    })
}

/// One of them. Names may hold slashes.
pub async fn find(
    State(state): State<AppState>,
    Path(name): Path<String>,
    peer: Peer,
    headers: HeaderMap,
) -> Response {
    answer(&state, peer, &headers, |caller, dialect| {
        state.gateway.model(caller, dialect, &name)
    })
}

fn answer(
    state: &AppState,
    Peer(peer): Peer,
    headers: &HeaderMap,
    content: impl FnOnce(&Caller, Dialect) -> Result<Value, GatewayError>,
) -> Response {
    let dialect = dialect_of("", headers);
    let open = state.config.auth.public_models
        && !headers.contains_key(&X_API_KEY)
        && !headers.contains_key(AUTHORIZATION);
    let caller = if open {
        Ok(Caller::public())
    } else {
        state.gateway.authenticate(headers, peer)
    };
    match caller.and_then(|caller| content(&caller, dialect)) {
        Ok(content) => Json(content).into_response(),
        Err(error) => error
            .into_response(dialect, state.gateway.new_request_id())
            .map(Body::new),
    }
}
