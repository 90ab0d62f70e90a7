//! Reads the events of a stream and says what the client gets for each: the same bytes, or the same
//! meaning in its own dialect.

use bytes::Bytes;
use dialects::{Observed, StreamReader, stream::BrokenEvent, translator::StreamTranslator};
use domain::Used;

/// The reader of one stream.
#[derive(Debug)]
pub enum Reader {
    Native(StreamReader),
    Translated(Box<StreamTranslator>),
}

impl Reader {
    /// Reads one event.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn event(&mut self, event: Bytes) -> Result<Observed, BrokenEvent> {
        match self {
            Self::Native(reader) => reader.event(event),
            Self::Translated(translator) => translator.event(&event),
        }
    }

    /// The upstream has closed the stream without the dialect's final event. What is still to be sent,
    /// if the answer was complete all the same: some servers of the OpenAI dialect leave out `[DONE]`.
    pub fn end(&mut self, finished: bool) -> Option<Bytes> {
        match self {
            Self::Native(_) => finished.then(Bytes::new),
            Self::Translated(translator) => {
                let observed = translator.end().ok()??;
                Some(observed.forward.unwrap_or_default())
            }
        }
    }

    /// See [`StreamReader::usage`].
    #[must_use]
    pub fn usage(&self, input_estimate: u64) -> Used {
        match self {
            Self::Native(reader) => reader.usage(input_estimate),
            Self::Translated(translator) => translator.usage(input_estimate),
        }
    }

    /// A typed error event of the router's own, in the client's dialect; nothing follows it.
    #[must_use]
    pub fn error_event(&mut self, message: &str, request_id: &str) -> Bytes {
        match self {
            Self::Native(reader) => reader.error_event(message, request_id),
            Self::Translated(translator) => translator.error_event(502, message),
        }
    }
}
