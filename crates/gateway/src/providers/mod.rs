//! The upstreams: real ones by HTTP, and the scripted one inside the binary. A provider sends one
//! request and hands back the answer's head and a body to poll; retries, fallback and metering are
//! its callers' business.

pub mod anthropic;
pub mod bedrock;
mod http_upstream;
pub mod openai_compatible;
pub mod scripted;

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;

pub use bedrock::Bedrock;
pub use http_upstream::HttpUpstream;

use crate::{
    egress::EgressError,
    settings::{BackendKind, BackendSettings},
    transform::UpstreamRequest,
};

/// How a backend is called.
#[derive(Debug)]
pub enum Provider {
    OpenaiCompatible(HttpUpstream),
    Anthropic(HttpUpstream),
    Bedrock(Box<Bedrock>),
    Scripted,
}

/// An answer whose body is still to come.
#[derive(Debug)]
pub struct UpstreamResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: UpstreamBody,
}

/// Why no answer came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    #[error("broke the connection before it answered")]
    Broken,
    #[error("cannot be asked: {0}")]
    Unsendable(String),
}

impl Provider {
    /// The provider of a backend.
    ///
    /// # Errors
    /// When its address cannot be used.
    pub fn new(settings: &BackendSettings) -> Result<Self, EgressError> {
        Ok(match settings.kind {
            BackendKind::Openai | BackendKind::OpenaiCompatible => {
                Self::OpenaiCompatible(HttpUpstream::new(settings)?)
            }
            BackendKind::Anthropic => Self::Anthropic(HttpUpstream::new(settings)?),
            BackendKind::Bedrock => Self::Bedrock(Box::new(Bedrock::new(settings)?)),
            BackendKind::Demo => Self::Scripted,
        })
    }

    /// Sends a request and waits for the head of the answer.
    ///
    /// # Errors
    /// See [`SendError`]. An answer with an error status is an answer.
    pub async fn send(&self, request: UpstreamRequest<'_>) -> Result<UpstreamResponse, SendError> {
        match self {
            Self::OpenaiCompatible(http) => {
                http.send(
                    openai_compatible::address(&request),
                    openai_compatible::headers(&request)?,
                    request,
                )
                .await
            }
            Self::Anthropic(http) => {
                http.send(
                    anthropic::address(&request),
                    anthropic::headers(&request)?,
                    request,
                )
                .await
            }
            Self::Bedrock(bedrock) => bedrock.send(request).await,
            Self::Scripted => Ok(scripted::answer(&request)),
        }
    }
}

/// The body of an answer, piece by piece.
#[derive(Debug)]
pub enum UpstreamBody {
    Http(Incoming),
    Scripted(scripted::ScriptedBody),
}

/// The body broke off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("broke off its answer")]
pub struct BodyBroken;

impl UpstreamBody {
    /// The next piece; `None` at the end.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyBroken>>> {
        loop {
            let frame = match self {
                Self::Http(body) => match Pin::new(body).poll_frame(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err(BodyBroken))),
                    Poll::Ready(Some(Ok(frame))) => frame,
                },
                Self::Scripted(body) => return body.poll_piece(cx),
            };
            // Trailers say nothing that is needed here.
            if let Ok(data) = frame.into_data() {
                return Poll::Ready(Some(Ok(data)));
            }
        }
    }
}
