//! Puts the parts of a stream one after the other. Chat Completions lets several tool calls grow at
//! once; Anthropic's and Bedrock's blocks and the Responses API's items must not overlap.
//!
//! A part is handed on live while no earlier one is open. What comes for a later part meanwhile is held
//! back, and follows as soon as the earlier one ends, so that nothing waits that need not. Decoders end
//! a part as early as they can know its end; see [`crate::openai_chat::stream`].

use std::collections::BTreeMap;

use crate::ir::{Event, PartAt};

/// The most that is held back, in events; beyond it the upstream is taken for broken.
const MAX_HELD: usize = 200_000;

/// Too much had to be held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its parts overlap without end")]
pub struct Overlapping;

/// Orders the events of one stream.
#[derive(Debug, Default)]
pub struct Sequencer {
    /// The part that is being handed on, by candidate.
    open: BTreeMap<u32, PartAt>,
    /// Events of parts that began while another was open, in the order of the parts.
    held: BTreeMap<PartAt, Vec<Event>>,
    held_events: usize,
}

impl Sequencer {
    /// Takes one event and appends to `out` what may be handed on.
    ///
    /// # Errors
    /// See [`Overlapping`].
    pub fn event(&mut self, event: Event, out: &mut Vec<Event>) -> Result<(), Overlapping> {
        match &event {
            Event::PartStart { at, .. } | Event::Delta { at, .. } | Event::PartEnd { at } => {
                let at = *at;
                if self.open.get(&at.candidate).is_some_and(|open| *open != at) {
                    self.held_events += 1;
                    if self.held_events > MAX_HELD {
                        return Err(Overlapping);
                    }
                    self.held.entry(at).or_default().push(event);
                    return Ok(());
                }
                if matches!(event, Event::PartEnd { .. }) {
                    self.open.remove(&at.candidate);
                    out.push(event);
                    self.release(at.candidate, out);
                } else {
                    self.open.insert(at.candidate, at);
                    out.push(event);
                }
            }
            // A candidate or the stream that ends, ends its parts.
            Event::Stop { candidate, .. } => {
                self.close(*candidate, out);
                out.push(event);
            }
            Event::End => {
                self.close_all(out);
                out.push(event);
            }
            Event::Start { .. } | Event::Usage { .. } | Event::Ping | Event::Error(_) => {
                out.push(event);
            }
        }
        Ok(())
    }

    /// Hands on what was held back, up to and including the first part that is still open.
    fn release(&mut self, candidate: u32, out: &mut Vec<Event>) {
        while !self.open.contains_key(&candidate) {
            let next = self
                .held
                .keys()
                .find(|at| at.candidate == candidate)
                .copied();
            let Some(at) = next else { return };
            let events = self.held.remove(&at).unwrap_or_default();
            self.held_events -= events.len();
            let ended = events.iter().any(|e| matches!(e, Event::PartEnd { .. }));
            out.extend(events);
            if !ended {
                self.open.insert(candidate, at);
            }
        }
    }

    fn close(&mut self, candidate: u32, out: &mut Vec<Event>) {
        while let Some(at) = self.open.remove(&candidate) {
            out.push(Event::PartEnd { at });
            self.release(candidate, out);
        }
    }

    fn close_all(&mut self, out: &mut Vec<Event>) {
        while let Some(candidate) = self.open.keys().next().copied() {
            self.close(candidate, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ir::{Delta, PartStart, Stop, ToolCallKind};

    fn at(part: u32) -> PartAt {
        PartAt { candidate: 0, part }
    }

    fn start(part: u32) -> Event {
        Event::PartStart {
            at: at(part),
            part: PartStart::ToolCall {
                id: format!("c{part}"),
                name: "f".to_owned(),
                kind: ToolCallKind::Function,
                item_id: None,
            },
        }
    }

    fn more(part: u32, text: &str) -> Event {
        Event::Delta {
            at: at(part),
            delta: Delta::Arguments(text.to_owned()),
        }
    }

    fn run(events: Vec<Event>) -> Vec<Event> {
        let mut sequencer = Sequencer::default();
        let mut out = Vec::new();
        for event in events {
            sequencer.event(event, &mut out).expect("little is held");
        }
        out
    }

    #[test]
    fn calls_that_grow_at_once_come_one_after_the_other() {
        let end = |part| Event::PartEnd { at: at(part) };
        let stop = || Event::Stop {
            candidate: 0,
            stop: Stop::ToolUse,
        };
        let got = run(vec![
            start(0),
            more(0, "{"),
            start(1),
            more(1, "["),
            more(0, "}"),
            more(1, "]"),
            stop(),
            Event::End,
        ]);
        let expected = vec![
            start(0),
            more(0, "{"),
            more(0, "}"),
            end(0),
            start(1),
            more(1, "["),
            more(1, "]"),
            end(1),
            stop(),
            Event::End,
        ];
        assert_eq!(got, expected);
    }

    #[test]
    fn a_part_that_ends_early_lets_the_next_one_through_live() {
        let mut sequencer = Sequencer::default();
        let mut out = Vec::new();
        for event in [start(0), Event::PartEnd { at: at(0) }, start(1)] {
            sequencer.event(event, &mut out).expect("fine");
        }
        assert_eq!(out.len(), 3);
    }

    proptest! {
        /// Whatever the order in which deltas of up to four parts come, each part arrives whole and alone.
        #[test]
        fn parts_never_overlap_and_nothing_is_lost(order in prop::collection::vec(0u32..4, 0..60)) {
            let mut events = Vec::new();
            let mut said = BTreeMap::<u32, String>::new();
            for (n, part) in order.iter().enumerate() {
                if !said.contains_key(part) {
                    events.push(start(*part));
                    said.insert(*part, String::new());
                }
                let text = format!("{n},");
                said.entry(*part).or_default().push_str(&text);
                events.push(more(*part, &text));
            }
            events.push(Event::End);
            let mut got = BTreeMap::<u32, String>::new();
            let mut open = None;
            for event in run(events) {
                match event {
                    Event::PartStart { at, .. } => {
                        prop_assert_eq!(open, None);
                        open = Some(at.part);
                        got.insert(at.part, String::new());
                    }
                    Event::Delta { at, delta: Delta::Arguments(text) } => {
                        prop_assert_eq!(open, Some(at.part));
                        got.entry(at.part).or_default().push_str(&text);
                    }
                    Event::PartEnd { at } => {
                        prop_assert_eq!(open.take(), Some(at.part));
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(open, None);
            prop_assert_eq!(got, said);
        }
    }
}
