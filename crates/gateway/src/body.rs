//! Bodies on their way: the client's pieces to an upstream, and what a client is answered with.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use dialects::Pieces;
use http_body::{Body, Frame, SizeHint};

use crate::relay::stream::StreamRelay;

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
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Full(body) => body.is_end_stream(),
            Kind::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Full(body) => body.size_hint(),
            Kind::Stream(_) => SizeHint::default(),
        }
    }
}
