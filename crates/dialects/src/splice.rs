//! A body as a row of pieces: the client's own bytes with a few values cut into them. Nothing of a
//! large body is copied.

use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

/// A body in pieces, to be sent one after the other.
#[derive(Clone, Debug, Default)]
pub struct Pieces(SmallVec<[Bytes; 5]>);

impl Pieces {
    /// All bytes of the body.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    /// One run of bytes; copies unless the body is in one piece already.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        match self.0.len() {
            1 => self.0.remove(0),
            _ => {
                let mut whole = Vec::with_capacity(self.len());
                for piece in &self.0 {
                    whole.extend_from_slice(piece);
                }
                whole.into()
            }
        }
    }
}

impl From<Bytes> for Pieces {
    fn from(body: Bytes) -> Self {
        Self(SmallVec::from_iter([body]))
    }
}

impl IntoIterator for Pieces {
    type Item = Bytes;
    type IntoIter = smallvec::IntoIter<[Bytes; 5]>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A change to a body: what stands at `at` is replaced; an empty range inserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub at: Range<usize>,
    pub with: Bytes,
}

/// What to cut out of a list so that the members or elements of `spans` that go take their commas with
/// them: each run of them with the one behind it, or, at the list's end, the one before.
#[must_use]
pub fn cuts(spans: &[Range<usize>], goes: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut cuts = Vec::new();
    let mut at = 0;
    while at < spans.len() {
        let first = at;
        while at < spans.len() && goes(at) {
            at += 1;
        }
        if at > first {
            let last_end = spans[at - 1].end;
            cuts.push(match (spans.get(at), first.checked_sub(1)) {
                (Some(next), _) => spans[first].start..next.start,
                (None, Some(before)) => spans[before].end..last_end,
                (None, None) => spans[first].start..last_end,
            });
        }
        at += 1;
    }
    cuts
}

/// Changes to one body; most need one or two.
pub type Edits = SmallVec<[Edit; 3]>;

/// Applies `edits`, which must not overlap, to `body`.
#[must_use]
pub fn splice(body: &Bytes, mut edits: Edits) -> Pieces {
    edits.sort_by_key(|edit| edit.at.start);
    let mut pieces = SmallVec::new();
    let mut from = 0;
    for edit in edits {
        if from < edit.at.start {
            pieces.push(body.slice(from..edit.at.start));
        }
        from = edit.at.end;
        pieces.push(edit.with);
    }
    if from < body.len() {
        pieces.push(body.slice(from..));
    }
    Pieces(pieces)
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;

    #[test]
    fn edits_replace_and_insert_and_leave_the_rest() {
        let body = Bytes::from_static(br#"{"model":"a","x":1}"#);
        let edits = smallvec![
            Edit {
                at: 18..18,
                with: Bytes::from_static(b",\"y\":2")
            },
            Edit {
                at: 9..12,
                with: Bytes::from_static(b"\"longer\"")
            },
        ];
        let pieces = splice(&body, edits);
        assert_eq!(pieces.len(), 30);
        assert_eq!(
            pieces.into_bytes(),
            Bytes::from_static(br#"{"model":"longer","x":1,"y":2}"#)
        );
        assert_eq!(splice(&body, smallvec![]).into_bytes(), body);
    }
}
