//! Request bodies that a handler did not read to their end, because it refused the request before.
//!
//! Closing the connection on them would take the answer away from a client that is still sending, and
//! would surprise one that has sent all and wants to use the connection again. So the rest is read and
//! thrown away, within bounds; beyond them the answer says that the connection closes.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

/// What is read and thrown away, at most.
const MAX_BYTES: usize = 1024 * 1024;
const MAX_TIME: Duration = Duration::from_secs(2);

/// Where a body that is dropped unread is found again.
#[derive(Clone, Debug, Default)]
pub struct Unread(Arc<Mutex<Option<Incoming>>>);

impl Unread {
    /// Reads what is left of the body. False: there is more than is worth reading.
    pub async fn drain(&self) -> bool {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(left) = left else { return true };
        let drained = tokio::time::timeout(MAX_TIME, Limited::new(left, MAX_BYTES).collect()).await;
        matches!(drained, Ok(Ok(_)))
    }
}

/// A request's body, which is kept if it is not wanted.
#[derive(Debug)]
pub struct RequestBody {
    body: Option<Incoming>,
    unread: Unread,
}

impl RequestBody {
    #[must_use]
    pub fn new(body: Incoming, unread: Unread) -> Self {
        Self {
            body: Some(body),
            unread,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = Pin::new(body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.unread.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}
