//! One call of one deployment, up to the point from which it cannot fail unseen any more: the whole
//! answer, or the first content of a stream.

use std::{
    future::poll_fn,
    sync::{Arc, PoisonError},
};

use bytes::{Bytes, BytesMut};
use dialects::{ResponseHead, StreamReader};
use domain::RequestId;
use http::{HeaderMap, header::CONTENT_TYPE};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout},
};

use super::{
    Answer, StartedStream, WholeAnswer,
    failure::{Cause, Failure},
};
use crate::{
    providers::{UpstreamBody, UpstreamResponse},
    relay::pump::{Pump, Step},
    route::Deployment,
    transform::{ClientRequest, transform},
};

/// The largest whole answer; beyond images and long texts by far.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// What is kept of an answer with an error status.
const MAX_REFUSAL: usize = 64 * 1024;

/// How much of a stream is held back while its first content is awaited.
const MAX_HEAD: usize = 256 * 1024;

/// Calls `deployment`.
///
/// # Errors
/// Whatever keeps it from answering; see [`Failure`].
pub async fn attempt(
    request: &ClientRequest,
    request_id: RequestId,
    deployment: &Arc<Deployment>,
) -> Result<Answer, Failure> {
    let permit = enter(deployment)?;
    let timeouts = deployment.backend.settings.timeouts;
    if request.head.stream {
        // A long stream is no fault: only its pauses are timed.
        let response = send(request, deployment).await?;
        return start_stream(request, request_id, deployment, response, permit).await;
    }
    let whole = async {
        let response = send(request, deployment).await?;
        read_whole(request, deployment, response).await
    };
    timeout(timeouts.total, whole)
        .await
        .map_err(|_| {
            Failure::new(
                Cause::TimedOut,
                format!("did not complete its answer within {:?}", timeouts.total),
            )
        })?
        .map(|whole| Answer::Whole(Box::new(whole)))
}

/// Counts the attempt in the backend's own limits.
fn enter(deployment: &Deployment) -> Result<Option<OwnedSemaphorePermit>, Failure> {
    let backend = &deployment.backend;
    let permit = match &backend.concurrency {
        None => None,
        Some(room) => Some(Arc::clone(room).try_acquire_owned().map_err(|_| {
            Failure::full("handles as many calls as it may (max_concurrent)", None)
        })?),
    };
    if let Some(limit) = backend.settings.rate_limit {
        let mut window = backend
            .window
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        window
            .try_add(limit.requests.get(), Instant::now())
            .map_err(|wait| {
                Failure::full("has no calls left in its window (rate_limit)", Some(wait))
            })?;
    }
    Ok(permit)
}

/// Sends the request; an answer with an error status is a failure.
async fn send(
    request: &ClientRequest,
    deployment: &Deployment,
) -> Result<UpstreamResponse, Failure> {
    let backend = &deployment.backend;
    let limit = backend.settings.timeouts.first_byte;
    let sent = backend.provider.send(transform(request, deployment));
    let response = timeout(limit, sent)
        .await
        .map_err(|_| Failure::new(Cause::TimedOut, format!("did not answer within {limit:?}")))??;
    if response.status.is_success() {
        return Ok(response);
    }
    let status = response.status.as_u16();
    let body = read_body(response.body, MAX_REFUSAL, backend.settings.timeouts.idle)
        .await
        .unwrap_or_default();
    Err(Failure::refused(backend, status, &response.headers, &body))
}

async fn read_whole(
    request: &ClientRequest,
    deployment: &Deployment,
    response: UpstreamResponse,
) -> Result<WholeAnswer, Failure> {
    let idle = deployment.backend.settings.timeouts.idle;
    let body = read_body(response.body, MAX_ANSWER, idle).await?;
    let head = ResponseHead::read(request.head.dialect, &body).map_err(|error| {
        Failure::new(Cause::Unreadable, format!("cannot be understood: {error}"))
    })?;
    Ok(WholeAnswer {
        status: response.status,
        headers: response.headers,
        body: head.forward(&body, &request.head.model),
        usage: head.usage,
    })
}

async fn read_body(
    mut body: UpstreamBody,
    limit: usize,
    idle: std::time::Duration,
) -> Result<Bytes, Failure> {
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    loop {
        let piece = timeout(idle, poll_fn(|cx| body.poll_piece(cx)))
            .await
            .map_err(|_| Failure::new(Cause::TimedOut, format!("sent nothing for {idle:?}")))?;
        let piece = match piece {
            None => break,
            Some(piece) => piece.map_err(|e| Failure::new(Cause::Unreadable, e.to_string()))?,
        };
        if first.len() + more.len() + piece.len() > limit {
            return Err(Failure::new(
                Cause::Unreadable,
                format!("sent more than {limit} bytes"),
            ));
        }
        if first.is_empty() && more.is_empty() {
            first = piece;
        } else {
            more.extend_from_slice(&std::mem::take(&mut first));
            more.extend_from_slice(&piece);
        }
    }
    Ok(if more.is_empty() {
        first
    } else {
        more.freeze()
    })
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_none_or(|value| {
            value
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("text/event-stream")
        })
}

async fn start_stream(
    request: &ClientRequest,
    request_id: RequestId,
    deployment: &Arc<Deployment>,
    response: UpstreamResponse,
    permit: Option<OwnedSemaphorePermit>,
) -> Result<Answer, Failure> {
    if !is_event_stream(&response.headers) {
        return Err(Failure::new(
            Cause::Unreadable,
            "answered a streaming request with something else than a stream",
        ));
    }
    let head = &request.head;
    let reader = StreamReader::new(head.dialect, &head.model, head.wants_usage_chunk);
    let idle = deployment.backend.settings.timeouts.idle;
    let mut pump = Pump::new(response.body, reader, head.dialect, idle, permit);
    let mut held = BytesMut::new();
    let last = loop {
        match poll_fn(|cx| pump.poll_step(cx)).await {
            Step::Flow { out, content } => {
                held.extend_from_slice(&out);
                if content || held.len() > MAX_HEAD {
                    break None;
                }
            }
            Step::End { out, last } => {
                held.extend_from_slice(&out);
                break Some(last);
            }
            Step::Broken { broken, .. } => return Err(broken.into()),
        }
    };
    Ok(Answer::Stream(Box::new(StartedStream {
        backend: deployment.backend.name().to_owned(),
        request_id,
        headers: response.headers,
        head: held.freeze(),
        last,
        pump,
    })))
}
