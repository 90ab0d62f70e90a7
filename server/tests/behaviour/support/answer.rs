//! What an upstream answers, frame by frame, and the handles by which a test decides when.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use http_body::{Body, Frame};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};

/// An answer. Its frames go out one by one, each as an HTTP chunk of its own unless the length was
/// told.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    frames: Frames,
    held: Option<oneshot::Receiver<()>>,
}

impl Answer {
    fn new(status: u16, content_type: &'static str, frames: Frames) -> Self {
        let headers = [(CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: headers.into_iter().collect(),
            frames,
            held: None,
        }
    }

    /// A whole answer with its length.
    pub fn whole(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        Self::new(status, content_type, Frames::all([body])).header("content-length", &length)
    }

    /// A whole answer of JSON.
    pub fn json(body: impl Into<Bytes>) -> Self {
        Self::whole(200, "application/json", body)
    }

    /// A refusal of JSON.
    pub fn error(status: u16, body: impl Into<Bytes>) -> Self {
        Self::whole(status, "application/json", body)
    }

    /// A stream of events that is all there.
    pub fn events<B: Into<Bytes>>(frames: impl IntoIterator<Item = B>) -> Self {
        Self::stream("text/event-stream", frames)
    }

    /// A stream of another kind that is all there.
    pub fn stream<B: Into<Bytes>>(
        content_type: &'static str,
        frames: impl IntoIterator<Item = B>,
    ) -> Self {
        Self::new(200, content_type, Frames::all(frames))
    }

    /// A stream whose frames the test sends.
    pub fn live() -> (Self, Line) {
        let (sender, frames) = unbounded_channel();
        let answer = Self::new(200, "text/event-stream", frames.into());
        (answer, Line(sender))
    }

    /// `frames`, and then the connection breaks.
    pub fn cut<B: Into<Bytes>>(
        content_type: &'static str,
        frames: impl IntoIterator<Item = B>,
    ) -> Self {
        let (sender, receiver) = unbounded_channel();
        let line = Line(sender);
        frames.into_iter().for_each(|frame| line.send(frame));
        line.cut();
        Self::new(200, content_type, receiver.into())
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header's value");
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// Not even the head goes out before the hold is released.
    pub fn held(mut self) -> (Self, Hold) {
        let (release, held) = oneshot::channel();
        self.held = Some(held);
        (self, Hold(release))
    }

    pub(super) async fn into_response(self) -> Response<Frames> {
        if let Some(held) = self.held {
            // A hold that is dropped is released.
            let _ = held.await;
        }
        let mut response = Response::new(self.frames);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// The test's end of a stream. Dropped, it ends the stream in good order.
#[derive(Debug)]
pub struct Line(UnboundedSender<io::Result<Bytes>>);

impl Line {
    /// Sends a frame. What nobody reads any more is lost.
    pub fn send(&self, frame: impl Into<Bytes>) {
        let _ = self.0.send(Ok(frame.into()));
    }

    /// Breaks the connection behind what was sent.
    pub fn cut(self) {
        let _ = self.0.send(Err(io::ErrorKind::ConnectionAborted.into()));
    }

    /// Resolves when the router has hung up.
    pub async fn cancelled(&self) {
        self.0.closed().await;
    }
}

/// Holds an answer back.
#[derive(Debug)]
pub struct Hold(oneshot::Sender<()>);

impl Hold {
    pub fn release(self) {
        let _ = self.0.send(());
    }

    /// Resolves when the router has hung up.
    pub async fn cancelled(&mut self) {
        self.0.closed().await;
    }
}

/// The frames of a body.
#[derive(Debug)]
pub struct Frames {
    receiver: UnboundedReceiver<io::Result<Bytes>>,
    /// What breaks the connection, once what was sent before has left.
    breaking: Option<io::Error>,
}

impl Frames {
    fn all<B: Into<Bytes>>(frames: impl IntoIterator<Item = B>) -> Self {
        let (sender, receiver) = unbounded_channel();
        let line = Line(sender);
        frames.into_iter().for_each(|frame| line.send(frame));
        Self::from(receiver)
    }
}

impl From<UnboundedReceiver<io::Result<Bytes>>> for Frames {
    fn from(receiver: UnboundedReceiver<io::Result<Bytes>>) -> Self {
        Self {
            receiver,
            breaking: None,
        }
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(error) = self.breaking.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match ready!(self.receiver.poll_recv(cx)) {
            Some(Err(error)) => {
                // A body that is not ready lets the server flush.
                self.breaking = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Ok(frame)) => Poll::Ready(Some(Ok(Frame::data(frame)))),
            None => Poll::Ready(None),
        }
    }
}
