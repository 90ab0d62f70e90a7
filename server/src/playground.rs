//! The playground's way to the data plane: by the session of a user who is signed in, and never by a
//! key, so that no secret is in the browser. What may be asked and what it costs is the gateway's to
//! decide, as for any call.

use std::{future::Future, pin::Pin, sync::Arc};

use app::server::{Answers, Models, Played};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
    response::IntoResponse as _,
};
use domain::{UserId, routing::OfferedModel};
use gateway::{Endpoint, Gateway};
use http_body_util::BodyExt as _;
use tower_sessions::Session;

use crate::{admin::ApiError, state::AppState};

/// Asks for the headers that say how the request came to its answer.
const DEBUG: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-llm-router-debug"),
    HeaderValue::from_static("1"),
);

/// `POST /playground/chat`: a request to Chat Completions by whoever is signed in. It stands behind the
/// check that the request comes from one of our own pages.
pub async fn chat(
    State(state): State<AppState>,
    session: Session,
    request: Request,
) -> Response<Body> {
    let refuse = |status: StatusCode, why: &'static str| (status, why).into_response();
    let visitor = match app::server::visitor(&state.control, &session).await {
        Ok(Some(visitor)) => visitor,
        Ok(None) => return refuse(StatusCode::UNAUTHORIZED, "refused: sign in first"),
        Err(error) => return ApiError::from(error).into_response(),
    };
    let user = match visitor.user_id() {
        Some(user) if !visitor.must_change_password() => user,
        _ => return refuse(StatusCode::FORBIDDEN, "refused: choose a password first"),
    };
    // Nothing of the browser's headers is for a provider.
    let asked = new_request(request.into_body());
    let answer = state.gateway.play(user, Endpoint::ChatCompletions, asked);
    answer.await.map(Body::new)
}

fn new_request<B>(body: B) -> axum::http::Request<B> {
    let mut request = axum::http::Request::new(body);
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(DEBUG.0, DEBUG.1);
    request
}

/// The data plane, as pages need it.
#[derive(Debug)]
pub struct Playground {
    gateway: Gateway,
    answers: Answers,
}

impl Playground {
    /// Over the gateway.
    #[must_use]
    pub fn over(gateway: Gateway) -> Arc<dyn Models> {
        Arc::new(Self {
            gateway,
            answers: Answers::default(),
        })
    }
}

impl Models for Playground {
    fn offers(&self, user: UserId) -> Vec<OfferedModel> {
        self.gateway.offers(user)
    }

    fn ask(&self, user: UserId, body: String) -> Pin<Box<dyn Future<Output = Played> + Send>> {
        let gateway = self.gateway.clone();
        Box::pin(async move {
            let asked = new_request(Body::from(body));
            let (head, body) = gateway
                .play(user, Endpoint::ChatCompletions, asked)
                .await
                .into_parts();
            let named = head.headers.iter().filter_map(|(name, value)| {
                Some((name.to_string(), value.to_str().ok()?.to_owned()))
            });
            Played {
                status: head.status.as_u16(),
                headers: named.collect(),
                // A whole answer that breaks off is no JSON, which the page then says.
                body: body
                    .collect()
                    .await
                    .map(|body| body.to_bytes().to_vec())
                    .unwrap_or_default(),
            }
        })
    }

    fn answers(&self) -> &Answers {
        &self.answers
    }
}
