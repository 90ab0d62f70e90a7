//! Server-sent events, as far as LLM APIs use them: events end with an empty line, lines end with LF
//! or CRLF (WHATWG HTML, "Server-sent events"). A lone CR as line end, which no provider sends, is
//! not recognised. U+2028 and its like are ordinary characters here, since only bytes are looked at.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

/// The largest event that is waited for. An image in one event stays far below.
const MAX_EVENT: usize = 32 * 1024 * 1024;

/// An event grew beyond what is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of its stream is larger than 32 MiB")]
pub struct EventTooLarge;

/// Cuts a stream of arbitrary chunks into events.
#[derive(Debug, Default)]
pub struct EventSplitter {
    carry: BytesMut,
    /// The chunk being cut, where nothing is carried over.
    chunk: Bytes,
    /// Of whichever of the two there is.
    seen: Seen,
}

/// How far a text has been looked through for the end of its first event, so that a large event in
/// many chunks is looked through once, and not once a chunk.
#[derive(Debug, Default)]
struct Seen {
    bytes: usize,
    /// Where the line begins that has not ended there.
    line: usize,
}

impl EventSplitter {
    /// Takes the next chunk. Call [`EventSplitter::next_event`] until it has no more before the next.
    ///
    /// # Errors
    /// See [`EventTooLarge`].
    pub fn push(&mut self, chunk: Bytes) -> Result<(), EventTooLarge> {
        if self.carry.is_empty() && self.chunk.is_empty() {
            self.chunk = chunk;
            return Ok(());
        }
        if self.carry.len() + self.chunk.len() + chunk.len() > MAX_EVENT {
            return Err(EventTooLarge);
        }
        self.carry
            .extend_from_slice(&std::mem::take(&mut self.chunk));
        self.carry.extend_from_slice(&chunk);
        Ok(())
    }

    /// The next whole event with the empty line that ends it, byte for byte as it came.
    pub fn next_event(&mut self) -> Option<Bytes> {
        if self.carry.is_empty() {
            let end = event_end(&self.chunk, &mut self.seen)?;
            return Some(self.chunk.split_to(end));
        }
        let end = event_end(&self.carry, &mut self.seen)?;
        let event = self.carry.split_to(end).freeze();
        if !self.carry.is_empty() {
            self.chunk = self.carry.split().freeze();
        }
        Some(event)
    }

    /// What is left when the stream ends: an event that was never finished, or nothing.
    #[must_use]
    pub fn into_rest(self) -> Bytes {
        if self.carry.is_empty() {
            self.chunk
        } else {
            self.carry.freeze()
        }
    }
}

/// Where the first event of `text` ends, behind its empty line. What follows has not been seen then.
fn event_end(text: &[u8], seen: &mut Seen) -> Option<usize> {
    while let Some(found) = memchr(b'\n', &text[seen.bytes..]) {
        let end = seen.bytes + found;
        if end == seen.line || &text[seen.line..end] == b"\r" {
            *seen = Seen::default();
            return Some(end + 1);
        }
        seen.bytes = end + 1;
        seen.line = end + 1;
    }
    seen.bytes = text.len();
    None
}

/// The data of an event; `None` where it has none (a comment, a keep-alive).
#[must_use]
pub fn data(event: &[u8]) -> Option<Data<'_>> {
    let mut found: Option<Data<'_>> = None;
    let mut at = 0;
    while at < event.len() {
        let end = memchr(b'\n', &event[at..]).map_or(event.len(), |n| at + n);
        let line = event[at..end]
            .strip_suffix(b"\r")
            .unwrap_or(&event[at..end]);
        if let Some(value) = line.strip_prefix(b"data:") {
            let value_at = at + 5 + usize::from(value.starts_with(b" "));
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &mut found {
                None => {
                    found = Some(Data::Line {
                        at: value_at,
                        text: value,
                    });
                }
                Some(Data::Line { text, .. }) => {
                    found = Some(Data::Joined([*text, b"\n", value].concat()));
                }
                Some(Data::Joined(text)) => {
                    text.push(b'\n');
                    text.extend_from_slice(value);
                }
            }
        }
        at = end + 1;
    }
    found
}

/// The name of an event (its `event:` line), if it has one.
#[must_use]
pub fn name(event: &[u8]) -> Option<&str> {
    let line = event
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"event:"))?;
    std::str::from_utf8(line.trim_ascii()).ok()
}

/// The data of an event: one line in place, or several joined by line feeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data<'a> {
    Line {
        /// Where the text stands in the event.
        at: usize,
        text: &'a [u8],
    },
    Joined(Vec<u8>),
}

impl Data<'_> {
    #[must_use]
    pub fn text(&self) -> &[u8] {
        match self {
            Self::Line { text, .. } => text,
            Self::Joined(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &[u8], cuts: &[usize]) -> (Vec<Bytes>, Bytes) {
        let mut splitter = EventSplitter::default();
        let mut events = Vec::new();
        let mut from = 0;
        for cut in cuts.iter().copied().chain([text.len()]) {
            let cut = cut.clamp(from, text.len());
            splitter
                .push(Bytes::copy_from_slice(&text[from..cut]))
                .expect("small");
            while let Some(event) = splitter.next_event() {
                events.push(event);
            }
            from = cut;
        }
        (events, splitter.into_rest())
    }

    #[test]
    fn data_is_read_in_all_its_forms() {
        let text = |event: &[u8]| data(event).map(|d| d.text().to_vec());
        assert_eq!(
            text(b"event: x\ndata: {\"a\":1}\n\n"),
            Some(b"{\"a\":1}".to_vec())
        );
        assert_eq!(text(b"data:a\r\n\r\n"), Some(b"a".to_vec()));
        assert_eq!(
            text(b"data: a\ndata:  b\ndata\n\n"),
            Some(b"a\n b".to_vec())
        );
        assert_eq!(text(b": keep-alive\n\n"), None);
        let event = b"id: 7\ndata: xyz\n\n";
        assert!(matches!(data(event), Some(Data::Line { at: 12, .. })));
    }

    #[test]
    fn no_byte_is_looked_at_twice_for_the_end_of_an_event() {
        let mut splitter = EventSplitter::default();
        for chunk in 1..=100 {
            splitter
                .push(Bytes::from_static(b"data: x"))
                .expect("small");
            assert_eq!(splitter.next_event(), None);
            assert_eq!(splitter.seen.bytes, 7 * chunk);
        }
        splitter.push(Bytes::from_static(b"\n\nda")).expect("small");
        assert_eq!(splitter.next_event().map(|event| event.len()), Some(702));
        assert_eq!(splitter.next_event(), None);
        assert_eq!(splitter.seen.bytes, 2);
    }

    #[test]
    fn an_endless_event_is_given_up() {
        let mut splitter = EventSplitter::default();
        let chunk = Bytes::from(vec![b'a'; 1 << 20]);
        let pushed = (0..64).try_for_each(|_| splitter.push(chunk.clone()));
        assert_eq!(pushed, Err(EventTooLarge));
    }

    proptest! {
        /// However a stream is cut into chunks, the same events come out and no byte is lost.
        #[test]
        fn cuts_change_nothing(
            lines in prop::collection::vec(("(data: [a-zé\u{2028}]{0,6}|event: [a-z]{1,3}|: c|)", prop::bool::ANY), 0..30),
            mut cuts in prop::collection::vec(0usize..300, 0..12),
        ) {
            let text: Vec<u8> = lines.iter().flat_map(|(line, crlf)| [line.as_bytes(), if *crlf { b"\r\n" } else { b"\n" }].concat()).collect();
            cuts.sort_unstable();
            let (whole, rest) = split(&text, &[]);
            let (cut, cut_rest) = split(&text, &cuts);
            prop_assert_eq!(&whole, &cut);
            prop_assert_eq!(&rest, &cut_rest);
            let mut back = whole.concat();
            back.extend_from_slice(&rest);
            prop_assert_eq!(back, text);
        }
    }
}
