//! The events of an upstream's stream, however they are framed: as server-sent events, or in Amazon's
//! binary frames, whose contents become server-sent events here, so that everything behind sees one
//! kind of stream.

use bytes::Bytes;
use dialects::{
    event_stream::{Carried, EventStream},
    sse::EventSplitter,
};

/// How a stream is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    ServerSentEvents,
    /// ConverseStream's messages.
    Converse,
    /// InvokeModelWithResponseStream's chunks, which hold Anthropic's own events.
    InvokeModel,
}

/// Cuts a stream into events.
#[derive(Debug)]
pub enum Events {
    Sse(EventSplitter),
    Amazon(EventStream),
}

impl Events {
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::ServerSentEvents => Self::Sse(EventSplitter::default()),
            Framing::Converse => Self::Amazon(EventStream::new(Carried::Converse)),
            Framing::InvokeModel => Self::Amazon(EventStream::new(Carried::Invoke)),
        }
    }

    /// Takes the next piece of the stream.
    ///
    /// # Errors
    /// Why it cannot be read any further.
    pub fn push(&mut self, piece: Bytes) -> Result<(), String> {
        match self {
            Self::Sse(splitter) => splitter.push(piece).map_err(|e| e.to_string()),
            Self::Amazon(splitter) => splitter.push(&piece).map_err(|e| e.to_string()),
        }
    }

    /// The next whole event.
    ///
    /// # Errors
    /// A frame is damaged.
    pub fn next_event(&mut self) -> Result<Option<Bytes>, String> {
        match self {
            Self::Sse(splitter) => Ok(splitter.next_event()),
            Self::Amazon(splitter) => splitter.next_event().map_err(|e| e.to_string()),
        }
    }
}
