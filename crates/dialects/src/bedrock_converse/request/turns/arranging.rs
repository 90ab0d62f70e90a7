//! The turns while they are being made: who speaks, where a turn ends, and what the service wants to
//! be there that the client did not say.

use std::{borrow::Cow, collections::HashSet};

use super::{Speaker, Turn, calls::Call};
use crate::{
    bedrock_converse::{
        model::Family,
        request::{
            HERE,
            block::{Block, cache_ttl, push_cache},
            media::MediaBlocks,
        },
    },
    ir::{CacheMark, Feature, Losses, Refused, Request, ToolChoice},
};

/// Says what the user says where the service wants a user's turn and the client has none: before a
/// conversation that the model begins, and where there are instructions only.
const GO_ON: &str = "(continue)";
/// Stands beside documents that come without a word, which the service refuses.
const SEE_DOCUMENT: &str = "(see the attached document)";
/// The answer to a call that was never answered.
const NO_RESULT: &str = "(the call was interrupted and has no result)";

/// Builds the turns, message by message.
#[derive(Debug)]
pub(super) struct Arranging<'r, 'l> {
    pub(super) family: Family,
    /// Tools are not to be used: the service then takes no blocks of them either.
    pub(super) calls_as_text: bool,
    pub(super) media: MediaBlocks,
    pub(super) losses: &'l mut Losses,
    pub(super) turns: Vec<Turn<'r>>,
    /// The calls of the last turn of the model.
    pub(super) pending: Vec<Call<'r>>,
    /// All ids of calls so far; the service wants each once.
    pub(super) ids: HashSet<String>,
}

impl<'r, 'l> Arranging<'r, 'l> {
    pub(super) fn of(request: &'r Request, family: Family, losses: &'l mut Losses) -> Self {
        Self {
            family,
            calls_as_text: request.tool_choice == Some(ToolChoice::None),
            media: MediaBlocks::default(),
            losses,
            turns: Vec::new(),
            pending: Vec::new(),
            ids: HashSet::new(),
        }
    }

    pub(super) fn say(&mut self, speaker: Speaker, block: Block<'r>) {
        self.turn(speaker).blocks.push(block);
    }

    /// The turn that `speaker` speaks in; a new one where the other side spoke last.
    pub(super) fn turn(&mut self, speaker: Speaker) -> &mut Turn<'r> {
        if speaker == Speaker::User {
            self.end_assistant();
        }
        let last = self.turns.last().map(|turn| turn.speaker);
        if last != Some(speaker) {
            if speaker == Speaker::Assistant {
                self.settle();
                if last.is_none() {
                    self.turns.push(Turn::of(
                        Speaker::User,
                        vec![Block::Text(Cow::Borrowed(GO_ON))],
                    ));
                }
            }
            self.turns.push(Turn::of(speaker, Vec::new()));
        }
        let at = self.turns.len() - 1;
        &mut self.turns[at]
    }

    /// A turn of the model must not end with thinking, and must not be nothing else.
    pub(super) fn end_assistant(&mut self) {
        if let Some(turn) = self.turns.last_mut()
            && turn.speaker == Speaker::Assistant
        {
            while turn.blocks.last().is_some_and(Block::is_reasoning) {
                turn.blocks.pop();
            }
            if turn.blocks.is_empty() {
                self.turns.pop();
            }
        }
    }

    /// Answers the calls that were not answered, since the service refuses a conversation in which one
    /// is open.
    pub(super) fn settle(&mut self) {
        for call in std::mem::take(&mut self.pending) {
            if !call.answered {
                self.turn(Speaker::User).results.push(Block::ToolResult {
                    id: call.sent,
                    content: vec![Block::Text(Cow::Borrowed(NO_RESULT))],
                    is_error: true,
                });
            }
        }
    }

    pub(super) fn finish(&mut self) {
        self.end_assistant();
        self.settle();
        self.trim_prefill();
        if self.turns.is_empty() {
            self.say(Speaker::User, Block::Text(Cow::Borrowed(GO_ON)));
        }
        for turn in &mut self.turns {
            let has = |found: fn(&Block<'_>) -> bool| turn.blocks.iter().any(found);
            let document = has(|block| matches!(block, Block::Document { .. }));
            if document && !has(|block| matches!(block, Block::Text(_))) {
                turn.blocks.push(Block::Text(Cow::Borrowed(SEE_DOCUMENT)));
            }
        }
    }

    /// The beginning of the answer must not end with blanks.
    pub(super) fn trim_prefill(&mut self) {
        let Some(turn) = self.turns.last_mut() else {
            return;
        };
        if turn.speaker == Speaker::User {
            return;
        }
        let ends_with_point = matches!(turn.blocks.last(), Some(Block::CachePoint { .. }));
        let last = turn
            .blocks
            .len()
            .checked_sub(1 + usize::from(ends_with_point));
        if let Some(Block::Text(text)) = last.and_then(|last| turn.blocks.get_mut(last)) {
            // Never all of it: blank texts do not get this far.
            *text = match std::mem::take(text) {
                Cow::Borrowed(text) => Cow::Borrowed(text.trim_end()),
                Cow::Owned(text) => Cow::Owned(text.trim_end().to_owned()),
            };
        }
    }

    pub(super) fn mark_turn(
        &mut self,
        speaker: Speaker,
        mark: Option<&'r CacheMark>,
    ) -> Result<(), Refused> {
        // Where the part before the mark left nothing, there may be no turn of this side to mark.
        if self.turns.last().is_none_or(|turn| turn.speaker != speaker) {
            return Ok(());
        }
        let mut blocks = std::mem::take(&mut self.turn(speaker).blocks);
        let marked = self.mark(&mut blocks, mark);
        // Not by `turn`, which would not find a turn of the model that has no blocks.
        if let Some(turn) = self.turns.last_mut() {
            turn.blocks = blocks;
        }
        marked
    }

    pub(super) fn mark(
        &mut self,
        blocks: &mut Vec<Block<'r>>,
        mark: Option<&'r CacheMark>,
    ) -> Result<(), Refused> {
        let Some(mark) = mark else { return Ok(()) };
        if !self.family.caches() {
            return self.losses.cannot(Feature::CacheMarks, HERE, None);
        }
        let ttl = cache_ttl(self.family, mark, self.losses)?;
        push_cache(blocks, Some(mark), ttl);
        Ok(())
    }
}
