//! Amazon's event stream framing (`application/vnd.amazon.eventstream`): cuts a stream of arbitrary
//! chunks into messages and checks both of their CRCs. What a message means is read in [`sse`], which
//! turns it into a server-sent event; nothing here knows a model or a dialect.
//!
//! A message is, all numbers big-endian: total length (u32), length of the headers (u32), CRC-32 of
//! these eight bytes, headers, payload, CRC-32 of all before it. The source is the Smithy
//! specification, "Amazon Event Stream".

use bytes::{Buf as _, Bytes, BytesMut};

mod headers;
pub mod sse;

pub use headers::{HeaderValue, Headers};
pub use sse::{Carried, EventStream};

/// Two lengths and their CRC.
const PRELUDE: usize = 12;
/// A message without headers and payload.
const SMALLEST: usize = PRELUDE + 4;
/// The largest message that the specification allows a payload of 24 MiB and headers of 128 KiB.
const LARGEST: usize = 24 * 1024 * 1024 + MOST_HEADERS + SMALLEST;
/// The specification's limit on the headers of a message.
const MOST_HEADERS: usize = 128 * 1024;

/// A stream that cannot be read on. Nothing that came before is doubtful: a message is handed out only
/// once both of its checksums fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventStreamError {
    #[error("the checksum of a message of its event stream does not fit")]
    Checksum,
    #[error("a message of its event stream is larger than 24 MiB")]
    TooLarge,
    #[error("a message of its event stream cannot be read: {0}")]
    Malformed(&'static str),
    /// The frame is whole, what it carries is not.
    #[error("an event of its stream is not valid JSON: {0}")]
    Payload(String),
}

/// One whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub kind: MessageKind,
    pub payload: Bytes,
}

/// What a message is, by its header `:message-type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageKind {
    Event {
        event_type: String,
    },
    /// A failure that the service's model names; the payload describes it.
    Exception {
        exception_type: String,
    },
    /// A failure that the service's model does not name; there is no payload.
    Error {
        code: String,
        message: String,
    },
}

/// Cuts a stream of arbitrary chunks into messages.
#[derive(Debug, Default)]
pub struct EventStreamSplitter {
    carry: BytesMut,
    /// Once the framing is lost it cannot be found again.
    broken: Option<EventStreamError>,
}

impl EventStreamSplitter {
    /// Takes the next chunk. Call [`EventStreamSplitter::next_message`] until it has no more before the
    /// next.
    ///
    /// # Errors
    /// More is waiting than the largest message can be, or the stream had broken before.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), EventStreamError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        if self.carry.len() >= LARGEST {
            return Err(self.fail(EventStreamError::TooLarge));
        }
        self.carry.extend_from_slice(chunk);
        Ok(())
    }

    /// The next whole message.
    ///
    /// # Errors
    /// See [`EventStreamError`]; the same one from then on.
    pub fn next_message(&mut self) -> Result<Option<Message>, EventStreamError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        match self.cut() {
            Ok(message) => Ok(message),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Whether the stream may end here: no message has begun that is not whole.
    #[must_use]
    pub fn is_between_messages(&self) -> bool {
        self.broken.is_none() && self.carry.is_empty()
    }

    fn fail(&mut self, error: EventStreamError) -> EventStreamError {
        self.carry.clear();
        self.broken = Some(error.clone());
        error
    }

    fn cut(&mut self) -> Result<Option<Message>, EventStreamError> {
        let Some(mut prelude) = self.carry.get(..PRELUDE) else {
            return Ok(None);
        };
        // The lengths are believed only when their own checksum fits: a broken one would make us wait
        // for bytes that never come.
        let sum = crc32fast::hash(&prelude[..PRELUDE - 4]);
        let total = prelude.get_u32() as usize;
        let headers_len = prelude.get_u32() as usize;
        if prelude.get_u32() != sum {
            return Err(EventStreamError::Checksum);
        }
        if total > LARGEST || headers_len > MOST_HEADERS {
            return Err(EventStreamError::TooLarge);
        }
        if total < SMALLEST + headers_len {
            return Err(EventStreamError::Malformed(
                "its lengths contradict each other",
            ));
        }
        if self.carry.len() < total {
            return Ok(None);
        }
        let mut message = self.carry.split_to(total).freeze();
        let mut sum = message.split_off(total - 4);
        if sum.get_u32() != crc32fast::hash(&message) {
            return Err(EventStreamError::Checksum);
        }
        let payload = message.split_off(PRELUDE + headers_len);
        let headers = Headers::parse(&message[PRELUDE..])?;
        let kind = kind(&headers)?;
        Ok(Some(Message { kind, payload }))
    }
}

fn kind(headers: &Headers<'_>) -> Result<MessageKind, EventStreamError> {
    let text = |name, missing| {
        headers
            .string(name)
            .map(str::to_owned)
            .ok_or(EventStreamError::Malformed(missing))
    };
    match headers.string(":message-type") {
        Some("event") => Ok(MessageKind::Event {
            event_type: text(":event-type", "it is an event without a type")?,
        }),
        Some("exception") => Ok(MessageKind::Exception {
            exception_type: text(":exception-type", "it is an exception without a type")?,
        }),
        Some("error") => Ok(MessageKind::Error {
            code: text(":error-code", "it is an error without a code")?,
            message: headers
                .string(":error-message")
                .unwrap_or_default()
                .to_owned(),
        }),
        _ => Err(EventStreamError::Malformed("it does not say what it is")),
    }
}
