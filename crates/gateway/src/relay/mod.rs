//! Stage 6: the answer on its way to the client, metered as it passes. The last byte waits for the
//! ledger's commit, so that what a client has received in full is in the books.

pub mod continuation;
pub mod events;
pub mod pump;
pub mod reader;
pub mod stream;
pub mod waiting;

use domain::{Outcome, Used};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::{
    GatewayError, ResponseBody,
    dispatch::{Answer, Dispatched},
    headers,
    idempotency::Keep,
    relay::{continuation::Continuation, stream::StreamRelay},
    route::Candidate,
    scripting::Running,
    settings::OnDisconnect,
    settle::{Admission, Settlement},
};

/// Answers the client.
///
/// # Errors
/// The row of a whole answer could not be written; it is not handed out then.
pub async fn respond(
    dispatched: Dispatched,
    admission: Admission,
    keep: Option<Keep>,
    limits: HeaderMap,
    continuation: impl FnOnce(Candidate) -> Option<Continuation>,
    scripts: Option<Running>,
) -> Result<Response<ResponseBody>, GatewayError> {
    let Dispatched { candidate, answer } = dispatched;
    let deployment = &candidate.deployment;
    let attempts = admission.attempts();
    let (upstream_headers, status, body) = match answer {
        Answer::Whole(mut whole) => {
            let used = whole.used.unwrap_or_else(|| {
                let output = dialects::stream::estimate_tokens(whole.content_bytes);
                Used::estimate(admission.input_estimate(), output)
            });
            if let Some(running) = &scripts
                && let Err(error) = running
                    .on_whole(&mut whole, &candidate, attempts, used)
                    .await
            {
                // The model has answered, and is paid for it, whatever the client gets.
                let commit = admission.settle(Settlement {
                    outcome: Outcome::Completed,
                    status: error.status(),
                    used,
                    error: Some(error.to_string()),
                    answer: None,
                });
                commit.await.map_err(|_| GatewayError::LedgerUnavailable)?;
                return Err(error);
            }
            let answer = keep
                .as_ref()
                .map(|keep| keep.whole(whole.status, &whole.headers, &whole.body));
            let commit = admission.settle(Settlement {
                outcome: Outcome::Completed,
                status: whole.status.as_u16(),
                used,
                error: None,
                answer,
            });
            commit.await.map_err(|_| GatewayError::LedgerUnavailable)?;
            (
                whole.headers,
                whole.status,
                ResponseBody::pieces(whole.body),
            )
        }
        Answer::Stream(mut started) => {
            let chain = match &scripts {
                None => None,
                Some(running) => {
                    match running.on_stream(&mut started, &candidate, attempts).await {
                        Ok(chain) => chain,
                        Err(error) => {
                            let used = started.pump.usage(admission.input_estimate());
                            let commit = admission.settle(Settlement {
                                outcome: Outcome::StreamBroken,
                                status: error.status(),
                                used,
                                error: Some(error.to_string()),
                                answer: None,
                            });
                            commit.await.map_err(|_| GatewayError::LedgerUnavailable)?;
                            return Err(error);
                        }
                    }
                }
            };
            let headers = started.headers.clone();
            let drain = deployment.backend.settings.on_disconnect == OnDisconnect::Drain;
            let continuation = continuation(candidate.clone()).map(Box::new);
            let relay = StreamRelay::new(*started, admission, keep, drain, continuation, chain);
            (headers, StatusCode::OK, ResponseBody::stream(relay))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    mark(
        response.headers_mut(),
        upstream_headers,
        deployment.backend.name(),
        attempts,
    );
    // The caller's own limits come before those of the router's account with the provider.
    response.headers_mut().extend(limits);
    Ok(response)
}

fn mark(response: &mut HeaderMap, upstream: HeaderMap, backend: &str, attempts: u32) {
    *response = upstream;
    if let Ok(name) = HeaderValue::from_str(backend) {
        response.insert(headers::X_PROVIDER, name);
    }
    response.insert(headers::X_ATTEMPTS, attempts.into());
}
