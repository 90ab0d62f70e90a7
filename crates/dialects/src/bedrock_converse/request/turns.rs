//! The conversation as Converse wants it: turns of the user and the model that alternate, begin with the
//! user's and are never empty; each call answered in the turn behind it, answers first; no blank text.
//! What a client sent in another order is put into this one without losing what was said.

mod arranging;
mod calls;
mod parts;

use std::borrow::Cow;

use self::arranging::Arranging;
use super::block::Block;
use crate::{
    bedrock_converse::model::Family,
    ir::{Losses, Part, Refused, Request, Tool},
    write::ArrayWriter,
};

/// The most cache points that a request may have.
const MOST_CACHE_POINTS: usize = 4;

/// A conversation in Converse's order.
#[derive(Debug)]
pub struct Conversation<'r> {
    system: Vec<Block<'r>>,
    turns: Vec<Turn<'r>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    User,
    Assistant,
}

#[derive(Debug)]
struct Turn<'r> {
    speaker: Speaker,
    /// Answers to the calls of the turn before; they come first.
    results: Vec<Block<'r>>,
    blocks: Vec<Block<'r>>,
}

impl<'r> Conversation<'r> {
    /// Arranges the messages of a request.
    pub fn of(request: &'r Request, family: Family, losses: &mut Losses) -> Result<Self, Refused> {
        let mut arranging = Arranging::of(request, family, losses);
        let (instructions, rest) = request.split_instructions();
        let mut system = Vec::new();
        for message in instructions {
            arranging.named(message)?;
            for part in &message.parts {
                match part {
                    Part::Text { text, cache, .. } => {
                        if !text.trim().is_empty() {
                            system.push(Block::Text(Cow::Borrowed(text)));
                        }
                        arranging.mark(&mut system, cache.as_ref())?;
                    }
                    // The system prompt has no place for anything but text.
                    other => arranging.user_part(other)?,
                }
            }
        }
        for message in rest {
            arranging.message(message)?;
        }
        arranging.finish();
        let turns = std::mem::take(&mut arranging.turns);
        let mut conversation = Self { system, turns };
        conversation.mark_end(request, &mut arranging)?;
        Ok(conversation)
    }

    /// Anthropic's automatic mark: all that there is so far is cached.
    fn mark_end(
        &mut self,
        request: &'r Request,
        arranging: &mut Arranging<'r, '_>,
    ) -> Result<(), Refused> {
        let is_point = |block: &&Block<'_>| matches!(block, Block::CachePoint { .. });
        let in_turns = self.blocks().filter(is_point).count();
        let in_system = self.system.iter().filter(is_point).count();
        let in_tools = request
            .tools
            .iter()
            .filter(|tool| matches!(tool, Tool::Function { cache: Some(_), .. }))
            .count();
        let users = self
            .turns
            .iter_mut()
            .rev()
            .find(|turn| turn.speaker == Speaker::User);
        if let Some(turn) = users
            && request.cache.is_some()
            && in_turns + in_system + in_tools < MOST_CACHE_POINTS
        {
            let blocks = if turn.blocks.is_empty() {
                &mut turn.results
            } else {
                &mut turn.blocks
            };
            arranging.mark(blocks, request.cache.as_ref())?;
        }
        Ok(())
    }

    /// Appends the messages.
    pub fn write(&self, list: &mut ArrayWriter<'_>) {
        for turn in &self.turns {
            list.object(|o| {
                let role = match turn.speaker {
                    Speaker::User => "user",
                    Speaker::Assistant => "assistant",
                };
                o.put("role", role);
                o.array("content", |a| {
                    turn.results
                        .iter()
                        .chain(&turn.blocks)
                        .for_each(|block| block.write(a));
                });
            });
        }
    }

    /// The system prompt, with a last instruction of our own.
    pub fn system_with<'a>(&'a self, instruction: Option<&'a str>) -> Vec<Block<'a>> {
        let own = instruction.map(|text| Block::Text(Cow::Borrowed(text)));
        self.system.iter().cloned().chain(own).collect()
    }

    /// The names of the tools that were called, each once.
    pub fn called(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for block in self.blocks() {
            if let Block::ToolUse { name, .. } = block
                && !names.contains(&name.as_str())
            {
                names.push(name.as_str());
            }
        }
        names
    }

    /// Whether the model is to go on with what it has begun to say.
    pub fn is_prefilled(&self) -> bool {
        self.turns
            .last()
            .is_some_and(|turn| turn.speaker == Speaker::Assistant)
    }

    /// Whether the model waits for results and the turn in which it called does not begin with
    /// thinking. Claude refuses to think on from there.
    pub fn has_unthought_calls(&self) -> bool {
        let [.., calls, last] = self.turns.as_slice() else {
            return false;
        };
        !last.results.is_empty() && !calls.blocks.first().is_some_and(Block::is_reasoning)
    }

    fn blocks(&self) -> impl Iterator<Item = &Block<'r>> {
        self.turns
            .iter()
            .flat_map(|turn| turn.results.iter().chain(&turn.blocks))
    }
}

impl<'r> Turn<'r> {
    fn of(speaker: Speaker, blocks: Vec<Block<'r>>) -> Self {
        Self {
            speaker,
            results: Vec::new(),
            blocks,
        }
    }
}
