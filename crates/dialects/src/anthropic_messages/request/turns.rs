//! A conversation in the order that Anthropic insists on: it begins with the user's turn, no two turns
//! of one side follow each other, system messages stand behind a user's turn, and nothing is blank. How
//! calls and their results find each other is in [`super::answers`].

use domain::Dialect;

use super::{
    answers::answered,
    parts::{Admission, is_blank},
};
use crate::ir::{Feature, Losses, Message, Part, Refused, Role};

const TARGET: Dialect = Dialect::AnthropicMessages;

/// Stands where Anthropic insists on words and the client has none.
const NO_WORDS: &str = "(no text)";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    User,
    Assistant,
    System,
}

#[derive(Clone, Debug)]
pub(super) struct Turn<'r> {
    pub side: Side,
    pub blocks: Vec<Block<'r>>,
}

/// A block of a turn, ready to be written.
#[derive(Clone, Debug)]
pub(super) enum Block<'r> {
    /// As the client has it: text, media, thinking, a block of Anthropic's own.
    Part(&'r Part),
    /// Made here.
    Text(String),
    Call {
        /// The id by which its result names it.
        asked: &'r str,
        /// The id that Anthropic gets.
        id: String,
        part: &'r Part,
    },
    Result {
        asked: &'r str,
        id: String,
        parts: Vec<&'r Part>,
        part: &'r Part,
    },
    /// In the place of a result that the client has not got.
    NoResult { id: String },
}

impl Block<'_> {
    fn is_thinking(&self) -> bool {
        matches!(self, Self::Part(Part::Thinking { .. }))
    }

    fn is_result(&self) -> bool {
        matches!(self, Self::Result { .. } | Self::NoResult { .. })
    }
}

/// All turns of a request.
#[derive(Clone, Debug)]
pub(super) struct Turns<'r>(pub Vec<Turn<'r>>);

impl<'r> Turns<'r> {
    /// Puts `messages`, which begin with the first turn, into Anthropic's order. `mid_system`: the model
    /// takes system messages between turns; otherwise they become marked text of the user's.
    ///
    /// # Errors
    /// A part is refused; see [`Admission::part`].
    pub(super) fn of(
        messages: &'r [Message],
        admission: Admission,
        mid_system: bool,
        losses: &mut Losses,
    ) -> Result<Self, Refused> {
        let mut turns = Vec::new();
        for message in messages {
            let (own, users) = admitted(message, admission, losses)?;
            match message.role {
                Role::User => join(&mut turns, Side::User, own),
                Role::Assistant => join(&mut turns, Side::Assistant, own),
                Role::System | Role::Developer if mid_system => {
                    join(&mut turns, Side::System, own);
                }
                Role::System | Role::Developer => {
                    join(&mut turns, Side::User, marked(own, losses)?);
                }
            }
            join(&mut turns, Side::User, users);
        }
        let turns = behind_the_user(without_trailing_thinking(turns), losses)?;
        let mut turns = Self(answered(turns));
        turns.complete();
        Ok(turns)
    }

    /// The answer's beginning is given as a last turn of the assistant's.
    pub(super) fn prefilled(&self) -> bool {
        self.0.last().is_some_and(|turn| {
            turn.side == Side::Assistant && !turn.blocks.first().is_some_and(Block::is_thinking)
        })
    }

    /// The last turn brings results of calls that were made without thinking, or whose thinking cannot
    /// be shown.
    pub(super) fn unthought_calls(&self) -> bool {
        let mut last = self.0.iter().rev().filter(|turn| turn.side != Side::System);
        let (Some(user), Some(assistant)) = (last.next(), last.next()) else {
            return false;
        };
        user.blocks.first().is_some_and(Block::is_result)
            && !assistant.blocks.first().is_some_and(Block::is_thinking)
    }

    /// Without thinking in the request, none may stand in an answer that has been begun.
    pub(super) fn drop_thinking_at_the_end(&mut self) {
        if let Some(turn) = self.0.last_mut()
            && turn.side == Side::Assistant
        {
            turn.blocks.retain(|block| !block.is_thinking());
            if turn.blocks.is_empty() {
                self.0.pop();
            }
        }
    }

    /// The user begins, and an answer that was begun does not end in a blank.
    fn complete(&mut self) {
        if self.0.first().is_none_or(|turn| turn.side != Side::User) {
            let turn = Turn {
                side: Side::User,
                blocks: vec![Block::Text(NO_WORDS.to_owned())],
            };
            self.0.insert(0, turn);
        }
        if let Some(turn) = self.0.last_mut()
            && turn.side == Side::Assistant
            && let Some(last) = turn.blocks.last_mut()
        {
            let text = match last {
                Block::Part(Part::Text { text, .. } | Part::Refusal(text)) => text.as_str(),
                _ => return,
            };
            if text.trim_end() != text {
                *last = Block::Text(text.trim_end().to_owned());
            }
        }
    }
}

/// The blocks of a message that are sent: those of its own side, and those that only a user's turn can
/// hold.
type Sides<'r> = (Vec<Block<'r>>, Vec<Block<'r>>);

fn admitted<'r>(
    message: &'r Message,
    admission: Admission,
    losses: &mut Losses,
) -> Result<Sides<'r>, Refused> {
    let mut own = Vec::with_capacity(message.parts.len());
    let mut users = Vec::new();
    for part in &message.parts {
        if !admission.part(part, losses)? {
            continue;
        }
        match (part, message.role) {
            (Part::ToolCall { id, .. }, Role::Assistant) => own.push(Block::Call {
                asked: id,
                id: String::new(),
                part,
            }),
            // Only the assistant calls and thinks; elsewhere it is nothing that the API could read.
            (Part::ToolCall { .. }, _) => {}
            (Part::Thinking { .. }, role) if role != Role::Assistant => {}
            (Part::ToolResult { id, parts, .. }, role) => {
                let result = Block::Result {
                    asked: id,
                    id: String::new(),
                    parts: admission.result(parts, losses)?,
                    part,
                };
                if role == Role::User {
                    own.push(result);
                } else {
                    users.push(result);
                }
            }
            (Part::Image(_) | Part::Document(_), role) if role != Role::User => {
                users.push(Block::Part(part));
            }
            _ => own.push(Block::Part(part)),
        }
    }
    Ok((own, users))
}

/// Appends to the last turn where it is of the same side.
pub(super) fn join<'r>(turns: &mut Vec<Turn<'r>>, side: Side, mut blocks: Vec<Block<'r>>) {
    if blocks.is_empty() {
        return;
    }
    match turns.last_mut() {
        Some(turn) if turn.side == side => turn.blocks.append(&mut blocks),
        _ => turns.push(Turn { side, blocks }),
    }
}

/// A system message's blocks for a user's turn. The settings that it changes cannot be told there.
fn marked<'r>(blocks: Vec<Block<'r>>, losses: &mut Losses) -> Result<Vec<Block<'r>>, Refused> {
    let mut marked = Vec::with_capacity(blocks.len());
    for block in blocks {
        match block {
            Block::Part(Part::Text { text, .. } | Part::Refusal(text)) => {
                marked.push(Block::Text(format!("<system>\n{}\n</system>", text.trim())));
            }
            Block::Part(Part::Opaque { kind, .. }) => {
                losses.cannot(Feature::UnknownFields, TARGET, Some(kind))?;
            }
            block => marked.push(block),
        }
    }
    Ok(marked)
}

/// An assistant's turn must not end in thinking.
fn without_trailing_thinking(turns: Vec<Turn<'_>>) -> Vec<Turn<'_>> {
    let mut kept = Vec::with_capacity(turns.len());
    for mut turn in turns {
        if turn.side == Side::Assistant {
            while turn.blocks.last().is_some_and(Block::is_thinking) {
                turn.blocks.pop();
            }
        }
        join(&mut kept, turn.side, turn.blocks);
    }
    kept
}

/// System messages may only stand right behind a user's turn; one that stands elsewhere waits for the
/// next, and where none comes it is said in the user's own turn.
fn behind_the_user<'r>(
    turns: Vec<Turn<'r>>,
    losses: &mut Losses,
) -> Result<Vec<Turn<'r>>, Refused> {
    let mut ordered: Vec<Turn<'r>> = Vec::with_capacity(turns.len());
    let mut waiting = Vec::new();
    for turn in turns {
        match turn.side {
            Side::System if ordered.last().is_some_and(|t| t.side != Side::Assistant) => {
                join(&mut ordered, Side::System, turn.blocks);
            }
            Side::System => waiting.extend(turn.blocks),
            Side::User => {
                join(&mut ordered, Side::User, turn.blocks);
                join(&mut ordered, Side::System, std::mem::take(&mut waiting));
            }
            Side::Assistant => {
                let blocks = marked(std::mem::take(&mut waiting), losses)?;
                join(&mut ordered, Side::User, blocks);
                join(&mut ordered, Side::Assistant, turn.blocks);
            }
        }
    }
    join(&mut ordered, Side::User, marked(waiting, losses)?);
    Ok(ordered)
}

/// The last instruction as the user's words, for a request that has no turns at all.
pub(super) fn first_turn_of(texts: Vec<String>) -> Turn<'static> {
    let mut blocks: Vec<_> = texts
        .into_iter()
        .filter(|text| !is_blank(text))
        .map(Block::Text)
        .collect();
    if blocks.is_empty() {
        blocks.push(Block::Text(NO_WORDS.to_owned()));
    }
    Turn {
        side: Side::User,
        blocks,
    }
}
