//! The scripted upstream: answers `POST /v1/chat/completions` at once with a
//! fixed completion, or with a fixed stream if the request asks for one. It
//! checks no credential and knows no errors; faults are the tests' business.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::time::{Interval, MissedTickBehavior};

use crate::payload;

/// The pause between two events of a stream. Without it several events would
/// share one read, and a proxy would look cheaper per chunk than it is.
const PACE: Duration = Duration::from_millis(2);

/// The part of a request that decides how to answer.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    stream: bool,
}

/// The answers, made once.
struct Script {
    completion: Bytes,
    events: Arc<[Bytes]>,
}

/// Answers on `listen` until the process is ended.
pub async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("failed to listen on {listen}"))?;
    let script = Arc::new(Script {
        completion: payload::completion(),
        events: payload::stream_events().into(),
    });
    loop {
        let (client, _) = listener.accept().await?;
        client.set_nodelay(true)?;
        let script = Arc::clone(&script);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&script, request));
            // A proxy that goes away is nothing to report.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(client), service)
                .await;
        });
    }
}

type Answer = Response<Either<Full<Bytes>, Paced>>;

async fn answer(script: &Script, request: Request<Incoming>) -> Result<Answer, hyper::Error> {
    match request.uri().path() {
        "/health" => return Ok(plain(StatusCode::OK, Bytes::from_static(b"{}"))),
        payload::PATH => {}
        _ => return Ok(plain(StatusCode::NOT_FOUND, Bytes::new())),
    }
    let body = request.into_body().collect().await?.to_bytes();
    let Ok(asked) = serde_json::from_slice::<Asked>(&body) else {
        return Ok(plain(StatusCode::BAD_REQUEST, Bytes::new()));
    };
    if !asked.stream {
        return Ok(plain(StatusCode::OK, script.completion.clone()));
    }
    let body = Either::Right(Paced::new(Arc::clone(&script.events)));
    Ok(typed(StatusCode::OK, "text/event-stream", body))
}

fn plain(status: StatusCode, body: Bytes) -> Answer {
    typed(status, "application/json", Either::Left(Full::new(body)))
}

fn typed(
    status: StatusCode,
    content_type: &'static str,
    body: Either<Full<Bytes>, Paced>,
) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A body that gives one event per tick, so that hyper writes each by itself.
struct Paced {
    events: Arc<[Bytes]>,
    next: usize,
    ticks: Interval,
}

impl Paced {
    fn new(events: Arc<[Bytes]>) -> Self {
        let mut ticks = tokio::time::interval(PACE);
        // Never two events at once to make up for a late one.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            events,
            next: 0,
            ticks,
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(event) = self.events.get(self.next).cloned() else {
            return Poll::Ready(None);
        };
        ready!(self.ticks.poll_tick(context));
        self.next += 1;
        Poll::Ready(Some(Ok(Frame::data(event))))
    }
}
