//! Bodies on their way: the client's pieces to an upstream, and what a client is answered with.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use dialects::Pieces;
use domain::{Dialect, RequestId};
use http_body::{Body, Frame, SizeHint};

use crate::relay::{stream::StreamRelay, waiting::KeptAlive};

/// A request body in pieces of known length.
#[derive(Debug)]
pub struct PiecesBody {
    pieces: <Pieces as IntoIterator>::IntoIter,
    left: u64,
}

impl From<Pieces> for PiecesBody {
    fn from(pieces: Pieces) -> Self {
        Self {
            left: pieces.len() as u64,
            pieces: pieces.into_iter(),
        }
    }
}

impl PiecesBody {
    fn into_bytes(self) -> Bytes {
        let pieces: Vec<Bytes> = self.pieces.collect();
        pieces.concat().into()
    }
}

impl Body for PiecesBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.pieces.next();
        self.left -= next.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(next.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// What a client gets: a whole body, or a stream that is being relayed.
#[derive(Debug)]
pub struct ResponseBody(Kind);

#[derive(Debug)]
enum Kind {
    Full(PiecesBody),
    Stream(StreamRelay),
    Kept(Box<KeptAlive>),
}

impl ResponseBody {
    #[must_use]
    pub fn full(body: Bytes) -> Self {
        Self(Kind::Full(Pieces::from(body).into()))
    }

    #[must_use]
    pub fn pieces(pieces: Pieces) -> Self {
        Self(Kind::Full(pieces.into()))
    }

    #[must_use]
    pub fn stream(relay: StreamRelay) -> Self {
        Self(Kind::Stream(relay))
    }

    pub(crate) fn kept(kept_alive: KeptAlive) -> Self {
        Self(Kind::Kept(Box::new(kept_alive)))
    }

    /// A stream that says every so often that it is there; other bodies stay as they are.
    pub(crate) fn kept_alive(
        self,
        dialect: Dialect,
        request_id: RequestId,
        every: Duration,
    ) -> Self {
        match self.0 {
            Kind::Stream(relay) => {
                Self::kept(KeptAlive::flowing(relay, dialect, request_id, every))
            }
            other => Self(other),
        }
    }

    /// The stream that it is, or else all of its bytes.
    pub(crate) fn into_stream(self) -> Result<StreamRelay, Bytes> {
        match self.0 {
            Kind::Stream(relay) => Ok(relay),
            Kind::Full(body) => Err(body.into_bytes()),
            // Made of streams, and never of itself.
            Kind::Kept(_) => Err(Bytes::new()),
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.0 {
            Kind::Full(body) => Pin::new(body).poll_frame(cx),
            Kind::Stream(relay) => relay
                .poll_next(cx)
                .map(|next| next.map(|b| Ok(Frame::data(b)))),
            Kind::Kept(kept) => kept
                .poll_next(cx)
                .map(|next| next.map(|b| Ok(Frame::data(b)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Full(body) => body.is_end_stream(),
            Kind::Stream(_) | Kind::Kept(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Full(body) => body.size_hint(),
            Kind::Stream(_) | Kind::Kept(_) => SizeHint::default(),
        }
    }
}
