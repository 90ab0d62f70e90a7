//! Cuts an input into chunks as a network might. The cuts follow from the input itself, so that a
//! file of the corpus is nothing but what came over the wire, and a crash can be repeated.

use bytes::Bytes;
use dialects::sse::EventSplitter;

/// The input in one piece, byte by byte, and in pieces of many sizes.
#[must_use]
pub fn ways(text: &[u8]) -> [Vec<Bytes>; 3] {
    let whole = Bytes::copy_from_slice(text);
    let bytes = (0..text.len()).map(|at| whole.slice(at..at + 1)).collect();
    let mut dice = Dice::of(text);
    let mut pieces = Vec::new();
    let mut rest = whole.clone();
    while !rest.is_empty() {
        let longest = [1, 4, 16, 64, 1024][dice.below(5)];
        let size = 1 + dice.below(longest);
        pieces.push(rest.split_to(size.min(rest.len())));
    }
    [vec![whole], bytes, pieces]
}

/// The events of a stream of server-sent events, and what is left behind the last one.
#[must_use]
pub fn events(chunks: &[Bytes]) -> (Vec<Bytes>, Bytes) {
    let mut splitter = EventSplitter::default();
    let mut events = Vec::new();
    for chunk in chunks {
        splitter.push(chunk.clone()).expect("smaller than 32 MiB");
        while let Some(event) = splitter.next_event() {
            events.push(event);
        }
    }
    (events, splitter.into_rest())
}

/// Numbers that look thrown and are the same for the same seed (SplitMix64).
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Seeded by a hash of `text` (FNV-1a).
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        Self(text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    /// From 0 to `end` - 1; 0 where `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let thrown = usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap_or(0);
        thrown.checked_rem(end).unwrap_or(0)
    }

    /// One of `choices`.
    pub fn choose<'c, T>(&mut self, choices: &'c [T]) -> Option<&'c T> {
        choices.get(self.below(choices.len()))
    }
}
