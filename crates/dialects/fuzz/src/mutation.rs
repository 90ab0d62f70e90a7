//! Mutations that leave a JSON text one, and a stream of events one. Bytes changed at random hardly ever
//! do, so that without these nearly all inputs would end in the first lines of a parser. Half of the
//! mutations are still libFuzzer's own.

use std::{collections::HashMap, ops::Range};

use libfuzzer_sys::fuzzer_mutate;
use serde_json::value::RawValue;

use crate::chunks::Dice;

/// What a value becomes. Each has led a reader of JSON astray somewhere.
const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "1e999",
    "18446744073709551615",
    "-9223372036854775809",
    "\"\"",
    "\" \"",
    "\"\\u2028\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "\"\\u0000\"",
    "[]",
    "{}",
    "[{}]",
    "[null]",
    "{\"type\":\"text\",\"text\":\"a\"}",
];

/// A mutation of a JSON text, for `fuzz_mutator!`: `data` holds `size` bytes and has room for `max_size`.
/// Gives the new size.
pub fn json(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut dice = Dice::new(u64::from(seed));
    apply(data, size, max_size, &mut dice, changed_value)
}

/// The same for a stream of server-sent events with JSON in them.
pub fn stream(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut dice = Dice::new(u64::from(seed));
    apply(data, size, max_size, &mut dice, changed_stream)
}

fn apply(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    dice: &mut Dice,
    change: fn(&str, &mut Dice) -> Option<String>,
) -> usize {
    if dice.below(2) == 0
        && let Some(changed) = std::str::from_utf8(&data[..size])
            .ok()
            .and_then(|text| change(text, dice))
        && changed.len() <= max_size
    {
        data[..changed.len()].copy_from_slice(changed.as_bytes());
        return changed.len();
    }
    fuzzer_mutate(data, size, max_size)
}

/// `text` with one of its values replaced, doubled or wrapped.
fn changed_value(text: &str, dice: &mut Dice) -> Option<String> {
    let mut values = Vec::new();
    collect(text, serde_json::from_str(text).ok()?, &mut values);
    let at = dice.choose(&values)?.clone();
    let old = &text[at.clone()];
    let new = match dice.below(4) {
        0 => (*dice.choose(VALUES)?).to_owned(),
        1 => text[dice.choose(&values)?.clone()].to_owned(),
        2 => format!("[{old}]"),
        // Right for an element of an array; of a member it makes nonsense, which is an input too.
        _ => format!("{old},{old}"),
    };
    Some([&text[..at.start], &new, &text[at.end..]].concat())
}

/// Where `value`, a part of `text`, and all values inside it stand.
fn collect(text: &str, value: &RawValue, found: &mut Vec<Range<usize>>) {
    let start = value.get().as_ptr() as usize - text.as_ptr() as usize;
    found.push(start..start + value.get().len());
    if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(value.get()) {
        elements
            .iter()
            .for_each(|element| collect(text, element, found));
    } else if let Ok(members) = serde_json::from_str::<HashMap<String, &RawValue>>(value.get()) {
        let mut members: Vec<&RawValue> = members.into_values().collect();
        // A map's order differs from run to run, and a seed has to repeat what it did.
        members.sort_by_key(|member| member.get().as_ptr() as usize);
        members
            .iter()
            .for_each(|member| collect(text, member, found));
    }
}

/// `text` with one event dropped, doubled, moved, or changed inside.
fn changed_stream(text: &str, dice: &mut Dice) -> Option<String> {
    let mut events: Vec<String> = text.split_inclusive("\n\n").map(str::to_owned).collect();
    let (at, to) = (dice.below(events.len()), dice.below(events.len()));
    match dice.below(6) {
        0 => drop(events.remove(at)),
        1 => events.insert(to, events.get(at)?.clone()),
        2 => events.swap(at, to),
        _ => {
            let event = events.get_mut(at)?;
            let data = event.find("data: ")? + "data: ".len();
            let end = data + event[data..].find('\n')?;
            let changed = changed_value(&event[data..end], dice)?;
            event.replace_range(data..end, &changed);
        }
    }
    Some(events.concat())
}
