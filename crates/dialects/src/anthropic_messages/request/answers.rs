//! Calls and their results as Anthropic insists on them: every call is answered in the very next turn
//! and before anything else there, once, and no id is used twice in a conversation. What the client sent
//! in another order is put into this one; a result that answers nothing stays as text, since the model
//! may have to know it.

use std::collections::HashSet;

use super::turns::{Block, Side, Turn, join};
use crate::ir::names::NameRule;

/// Stands for a result that the client has not got, as after an interruption.
pub(super) const NO_RESULT: &str = "(no result)";

/// `turns` with every call answered.
pub(super) fn answered(turns: Vec<Turn<'_>>) -> Vec<Turn<'_>> {
    let mut ordered = Vec::with_capacity(turns.len());
    let mut used = HashSet::new();
    let mut turns = turns.into_iter().peekable();
    while let Some(mut first) = turns.next() {
        let calls = name_calls(&mut first, &mut used);
        let mut behind = Vec::new();
        while let Some(turn) = turns.next_if(|turn| turn.side != Side::Assistant) {
            behind.push(turn);
        }
        let answers = calls
            .into_iter()
            .map(|(asked, id)| answer(&mut behind, asked, id))
            .collect();
        join(&mut ordered, first.side, without_strays(first.blocks));
        join(&mut ordered, Side::User, answers);
        for turn in behind {
            join(&mut ordered, turn.side, without_strays(turn.blocks));
        }
    }
    ordered
}

/// The calls of a turn, as asked for and as sent. Some servers begin to count anew in every turn; the
/// ids get a number then.
fn name_calls<'r>(turn: &mut Turn<'r>, used: &mut HashSet<String>) -> Vec<(&'r str, String)> {
    let mut calls = Vec::new();
    for block in &mut turn.blocks {
        if let Block::Call { asked, id, .. } = block {
            let mut fitted = NameRule::LONG.fit(asked);
            let mut n = 1;
            while !used.insert(fitted.clone()) {
                n += 1;
                fitted = NameRule::LONG.fit(&format!("{asked}_{n}"));
            }
            id.clone_from(&fitted);
            calls.push((*asked, fitted));
        }
    }
    calls
}

/// Takes a call's result out of the turns behind it.
fn answer<'r>(behind: &mut [Turn<'r>], asked: &str, sent: String) -> Block<'r> {
    for turn in behind {
        let at = turn
            .blocks
            .iter()
            .position(|block| matches!(block, Block::Result { asked: id, .. } if *id == asked));
        if let Some(at) = at
            && let Block::Result {
                asked, parts, part, ..
            } = turn.blocks.remove(at)
        {
            return Block::Result {
                asked,
                id: sent,
                parts,
                part,
            };
        }
    }
    Block::NoResult { id: sent }
}

/// A second result of one call, or one of a call that nobody made, becomes text.
fn without_strays(blocks: Vec<Block<'_>>) -> Vec<Block<'_>> {
    let mut kept = Vec::with_capacity(blocks.len());
    for block in blocks {
        if let Block::Result { asked, parts, .. } = block {
            kept.push(Block::Text(format!("Result of the tool call {asked}:")));
            kept.extend(parts.into_iter().map(Block::Part));
        } else {
            kept.push(block);
        }
    }
    kept
}
