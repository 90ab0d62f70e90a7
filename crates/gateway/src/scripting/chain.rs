//! The scripts that see the events of a stream, one behind the other. Events that none of them touches go
//! on byte for byte.

use std::{future::Future, pin::Pin};

use bytes::{BufMut as _, Bytes, BytesMut};
use dialects::sse::{self, EventSplitter};
use scripts::{EventIn, EventOut, Hook};

use super::{
    Running,
    running::{Caught, Part},
};

/// Scripts on their way through some events. What comes out is the events for the client, or why the
/// stream may not go on.
pub type Scripting = Pin<Box<dyn Future<Output = (Box<Chain>, Result<Bytes, String>)> + Send>>;

/// The scripts of one stream, those first that see its events first.
#[derive(Debug)]
pub struct Chain {
    running: Running,
    /// What the contexts of all its events have in common, as JSON.
    base: String,
    of_backend: Vec<Part>,
    of_request: Vec<Part>,
}

/// An event as the client gets it.
enum Event {
    /// As it came; with what scripts see of it, unless it is a comment.
    Same(Bytes, Option<EventIn>),
    New(EventIn),
}

impl Chain {
    /// `None`: nobody wants to see events.
    pub(super) fn new(
        running: Running,
        base: String,
        of_backend: Vec<Part>,
        of_request: Vec<Part>,
    ) -> Result<Option<Box<Self>>, Caught> {
        let of_backend = those_with_hook(of_backend)?;
        let of_request = those_with_hook(of_request)?;
        // A backend that goes on with a broken stream may have scripts of its own.
        if of_backend.is_empty() && of_request.is_empty() {
            return Ok(None);
        }
        Ok(Some(Box::new(Self {
            running,
            base,
            of_backend,
            of_request,
        })))
    }

    /// Another backend goes on with the answer, with scripts of its own.
    pub fn goes_on_with(&mut self, of_backend: Vec<Part>) {
        self.of_backend = those_with_hook(of_backend).unwrap_or_default();
    }

    /// Shows events to the scripts.
    #[must_use]
    pub fn run(mut self: Box<Self>, events: Bytes) -> Scripting {
        Box::pin(async move {
            let result = self.events(events).await;
            (self, result)
        })
    }

    async fn events(&mut self, bytes: Bytes) -> Result<Bytes, String> {
        let mut events = split(bytes.clone());
        let (running, base) = (&self.running, &self.base);
        let mut touched = false;
        let parts = self.of_backend.iter_mut().rev();
        for part in parts.chain(self.of_request.iter_mut().rev()) {
            if part.is_out {
                continue;
            }
            let Some(program) = part
                .entry
                .takes_part(Hook::Chunk)
                .map_err(message)?
                .cloned()
            else {
                continue;
            };
            let shown: Vec<EventIn> = events.iter().filter_map(Event::shown).collect();
            if shown.is_empty() {
                continue;
            }
            let session = part.session(running.host(), &program);
            let called = session.chunks(|| base.clone(), shown).await;
            let heard =
                part.entry
                    .heard(running.core(), Hook::Chunk, called.output, &called.console);
            let Some(out) = heard.map_err(message)? else {
                part.is_out = true;
                continue;
            };
            let mut out = out.into_iter();
            let mut after = Vec::with_capacity(events.len());
            for event in events {
                if event.is_comment() {
                    after.push(event);
                    continue;
                }
                match out.next() {
                    None | Some(EventOut::Same(_)) => after.push(event),
                    Some(EventOut::Replaced(new)) => {
                        touched = true;
                        after.extend(new.into_iter().map(Event::New));
                    }
                }
            }
            events = after;
        }
        Ok(if touched { join(&events) } else { bytes })
    }
}

fn message(caught: Caught) -> String {
    caught.told().message
}

fn those_with_hook(parts: Vec<Part>) -> Result<Vec<Part>, Caught> {
    let mut those = Vec::with_capacity(parts.len());
    for part in parts {
        if part.entry.takes_part(Hook::Chunk)?.is_some() {
            those.push(part);
        }
    }
    Ok(those)
}

impl Event {
    fn is_comment(&self) -> bool {
        matches!(self, Self::Same(_, None))
    }

    fn shown(&self) -> Option<EventIn> {
        match self {
            Self::Same(_, shown) => shown.clone(),
            Self::New(event) => Some(event.clone()),
        }
    }
}

fn split(bytes: Bytes) -> Vec<Event> {
    let read = |event: Bytes| {
        let shown = sse::data(&event).and_then(|data| {
            Some(EventIn {
                name: sse::name(&event).map(str::to_owned),
                data: String::from_utf8(data.text().to_vec()).ok()?,
            })
        });
        Event::Same(event, shown)
    };
    let mut splitter = EventSplitter::default();
    let mut events = Vec::new();
    // What is handed on was split before, and is no larger than it may be.
    if splitter.push(bytes).is_ok() {
        while let Some(event) = splitter.next_event() {
            events.push(read(event));
        }
    }
    let rest = splitter.into_rest();
    if !rest.is_empty() {
        events.push(Event::Same(rest, None));
    }
    events
}

fn join(events: &[Event]) -> Bytes {
    let mut out = BytesMut::new();
    for event in events {
        match event {
            Event::Same(bytes, _) => out.put_slice(bytes),
            Event::New(event) => {
                // A name with a line feed in it would begin a line of its own.
                if let Some(name) = event.name.as_ref().filter(|n| !n.contains(['\n', '\r'])) {
                    out.put_slice(format!("event: {name}\n").as_bytes());
                }
                for line in event.data.split(['\n', '\r']) {
                    out.put_slice(b"data: ");
                    out.put_slice(line.as_bytes());
                    out.put_u8(b'\n');
                }
                out.put_u8(b'\n');
            }
        }
    }
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_split_and_joined_without_loss() {
        let text =
            "event: a\ndata: {\"x\":1}\n\n: ping\n\ndata: one\r\ndata: two\r\n\r\ndata: [DONE]\n\n";
        let events = split(Bytes::from_static(text.as_bytes()));
        let shown: Vec<_> = events.iter().map(Event::shown).collect();
        let event = |name: Option<&str>, data: &str| {
            Some(EventIn {
                name: name.map(str::to_owned),
                data: data.to_owned(),
            })
        };
        assert_eq!(
            shown,
            [
                event(Some("a"), "{\"x\":1}"),
                None,
                event(None, "one\ntwo"),
                event(None, "[DONE]")
            ]
        );
        assert_eq!(join(&events), text);
        let new = Event::New(EventIn {
            name: Some("x\ndata: forged".to_owned()),
            data: "1\n\ndata: 2".to_owned(),
        });
        assert_eq!(join(&[new]), "data: 1\ndata: \ndata: data: 2\n\n");
    }
}
