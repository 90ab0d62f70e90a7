//! Turns messages of an event stream into server-sent events, so that the rest of the router reads one
//! framing only. ConverseStream's events keep their names and payloads; InvokeModelWithResponseStream's
//! carry Anthropic's own events, which come out as Anthropic itself would send them.

use base64::Engine as _;
use bytes::Bytes;
use memchr::memchr_iter;

use super::{EventStreamError, EventStreamSplitter, Message, MessageKind};
use crate::{
    bedrock_converse::error::{self, StreamException},
    json, write,
};

/// Which operation's stream it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// ConverseStream.
    Converse,
    /// InvokeModelWithResponseStream with Anthropic's body.
    Invoke,
}

/// Cuts an event stream into server-sent events; the counterpart of [`crate::sse::EventSplitter`].
#[derive(Debug)]
pub struct EventStream {
    splitter: EventStreamSplitter,
    carried: Carried,
}

impl EventStream {
    #[must_use]
    pub fn new(carried: Carried) -> Self {
        Self {
            splitter: EventStreamSplitter::default(),
            carried,
        }
    }

    /// Takes the next chunk. Call [`EventStream::next_event`] until it has no more before the next.
    ///
    /// # Errors
    /// See [`EventStreamError`].
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), EventStreamError> {
        self.splitter.push(chunk)
    }

    /// The next event with the empty line that ends it.
    ///
    /// # Errors
    /// See [`EventStreamError`].
    pub fn next_event(&mut self) -> Result<Option<Bytes>, EventStreamError> {
        while let Some(message) = self.splitter.next_message()? {
            let event = match self.carried {
                Carried::Converse => Some(converse_sse(&message)),
                Carried::Invoke => invoke_sse(&message)?,
            };
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    /// Whether the stream may end here; otherwise a message was cut off.
    #[must_use]
    pub fn is_between_messages(&self) -> bool {
        self.splitter.is_between_messages()
    }
}

/// ConverseStream's message as a server-sent event of the same name. An exception is one too, by its
/// own name, and a failure without a name is an `internalServerException`.
#[must_use]
pub fn converse_sse(message: &Message) -> Bytes {
    match &message.kind {
        MessageKind::Event { event_type } => framed(event_type, &message.payload),
        MessageKind::Exception { exception_type } if error::is_exception(exception_type) => {
            framed(exception_type, &message.payload)
        }
        MessageKind::Exception { .. } | MessageKind::Error { .. } => {
            let said = described(message).unwrap_or_default();
            let mut data = Vec::new();
            write::object(&mut data, |o| o.put("message", &said.message));
            framed("internalServerException", &data)
        }
    }
}

/// Anthropic's own event out of a `chunk`, byte for byte, and an exception as Anthropic's `error`.
/// `None`: a message that says nothing to a client.
///
/// # Errors
/// A chunk that carries no event.
pub fn invoke_sse(message: &Message) -> Result<Option<Bytes>, EventStreamError> {
    if let Some(exception) = described(message) {
        let mut data = Vec::new();
        write::object(&mut data, |o| {
            o.put("type", "error");
            o.object("error", |o| {
                o.put("type", exception.anthropic_type());
                o.put("message", &exception.message);
            });
        });
        return Ok(Some(framed("error", &data)));
    }
    if !matches!(&message.kind, MessageKind::Event { event_type } if event_type == "chunk") {
        return Ok(None);
    }
    let Some(encoded) = member(&message.payload, "bytes")? else {
        return Ok(None);
    };
    let encoded = json::decode_string(encoded)
        .ok_or_else(|| EventStreamError::Payload("its bytes are no string".to_owned()))?;
    let event = base64::engine::general_purpose::STANDARD
        .decode(encoded.as_bytes())
        .map_err(|e| EventStreamError::Payload(e.to_string()))?;
    let name = member(&event, "type")?
        .and_then(json::decode_string)
        .ok_or_else(|| EventStreamError::Payload("it has no type".to_owned()))?;
    Ok(Some(framed(&name, &event)))
}

/// The failure that a message reports; `None`: it reports none.
fn described(message: &Message) -> Option<StreamException> {
    match &message.kind {
        MessageKind::Event { .. } => None,
        MessageKind::Exception { exception_type } => {
            Some(StreamException::read(exception_type, &message.payload))
        }
        MessageKind::Error { code, message } => {
            Some(StreamException::of_code(code, message.clone()))
        }
    }
}

/// A member of an object. The whole object is looked at, so that one that is cut off is noticed.
fn member<'a>(object: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, EventStreamError> {
    let mut found = None;
    for member in json::members(object) {
        let member = member.map_err(|e| EventStreamError::Payload(e.describe(object)))?;
        if member.key == name {
            found = object.get(member.value);
        }
    }
    Ok(found)
}

/// One event. Line ends, which JSON allows between its tokens only, begin a further line of data; what
/// would end the line of the name is left out of it.
fn framed(name: &str, data: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(name.len() + data.len() + 24);
    out.extend_from_slice(b"event: ");
    out.extend(name.bytes().filter(|b| *b != b'\n' && *b != b'\r'));
    let mut from = 0;
    for end in memchr_iter(b'\n', data).chain([data.len()]) {
        out.extend_from_slice(b"\ndata: ");
        out.extend_from_slice(data.get(from..end).unwrap_or_default());
        from = end + 1;
    }
    out.extend_from_slice(b"\n\n");
    Bytes::from(out)
}
