//! In which order the members of a group are tried: by tier (`priority`, lower first), and within a
//! tier by the group's strategy. A member stands for all its lanes; which of them comes first is
//! decided here too.

use std::{cmp::Reverse, sync::atomic::Ordering};

use domain::NanoUsd;
use fastrand::Rng;

use super::{
    Candidate,
    affinity::{LaneId, leaning, most_running},
    group::{Group, GroupLive, Member},
    question::Question,
};
use crate::settings::Strategy;

/// What decides where nothing else does.
#[derive(Debug)]
pub struct Chance<'a> {
    pub rng: &'a mut Rng,
    /// Only to see what would happen: whose turn it is stays as it was.
    pub only_look: bool,
}

/// The lanes of `members`, which are those of the group that take the request, in the order in which it
/// tries them.
#[must_use]
pub fn order(
    group: &Group,
    mut members: Vec<&Member>,
    question: &Question<'_>,
    chance: &mut Chance<'_>,
) -> Vec<Candidate> {
    // Stable: within a tier the order of the file.
    members.sort_by_key(|member| member.priority);
    let turn = match group.strategy {
        Strategy::RoundRobin if chance.only_look => group.live.turn.load(Ordering::Relaxed),
        Strategy::RoundRobin => group.live.turn.fetch_add(1, Ordering::Relaxed),
        _ => 0,
    };
    let mut ordered = Vec::with_capacity(members.len());
    for tier in members.chunk_by_mut(|a, b| a.priority == b.priority) {
        match group.strategy {
            Strategy::Priority => {}
            Strategy::RoundRobin => {
                let by = turn % tier.len();
                tier.rotate_left(by);
            }
            Strategy::Weighted => shuffle(tier, chance.rng),
            Strategy::LowestCost => tier.sort_by_cached_key(|member| {
                let cost = question.likely_cost(&member.deployment);
                cost.unwrap_or(NanoUsd(i64::MAX))
            }),
            Strategy::LeastLatency => by_latency(tier, question, chance.rng),
            Strategy::LeastUsage => {
                ordered.extend(by_usage(tier, question));
                continue;
            }
            Strategy::Affinity => {
                ordered.extend(by_affinity(tier, &group.live, question));
                continue;
            }
        }
        for member in tier {
            ordered.extend(lanes_in_turn(member, chance));
        }
    }
    ordered
}

/// The lanes of one member, beginning with the one whose turn it is.
fn lanes_in_turn(member: &Member, chance: &mut Chance<'_>) -> impl Iterator<Item = Candidate> {
    super::lanes_of(&member.deployment, chance.only_look)
}

/// Every lane of every member, in the order of the file.
fn all_lanes(tier: &[&Member]) -> Vec<(Candidate, u32)> {
    tier.iter()
        .flat_map(|member| {
            let lanes = 0..member.deployment.live.lanes().len();
            lanes.map(|lane| (Candidate::new(&member.deployment, lane), member.weight))
        })
        .collect()
}

/// The fewest tokens of the last day, times the weight: a higher weight means less traffic, and 0
/// always wins.
fn by_usage(tier: &[&Member], question: &Question<'_>) -> impl Iterator<Item = Candidate> {
    let mut lanes = all_lanes(tier);
    lanes.sort_by_cached_key(|(candidate, weight)| {
        let tokens = candidate.lane().usage.tokens(question.at);
        u128::from(tokens) * u128::from(*weight)
    });
    lanes.into_iter().map(|(candidate, _)| candidate)
}

/// The quicker of two that are drawn, then the others, the quicker first. With two drawn, a deployment
/// that is found to be quick is not flooded by everybody at once.
fn by_latency(tier: &mut [&Member], question: &Question<'_>, rng: &mut Rng) {
    rng.shuffle(tier);
    // Read once: while they are compared they would change.
    let mut loads: Vec<(f64, &Member)> = tier
        .iter()
        .map(|member| {
            let latency = &member.deployment.live.latency;
            (latency.load(question.stream, question.now), *member)
        })
        .collect();
    let by_load = |a: &(f64, &Member), b: &(f64, &Member)| a.0.total_cmp(&b.0);
    let drawn = loads.len().min(2);
    loads[..drawn].sort_by(by_load);
    if let Some((_, others)) = loads.split_first_mut() {
        others.sort_by(by_load);
    }
    for (place, (_, member)) in tier.iter_mut().zip(&loads) {
        *place = member;
    }
}

fn by_affinity(
    tier: &[&Member],
    live: &GroupLive,
    question: &Question<'_>,
) -> impl Iterator<Item = Candidate> {
    let prefixes = question.prefixes();
    let warm = live.warmth.of(prefixes, question.now);
    // The end of the first message tells conversations apart that share a system prompt.
    let own = prefixes.get(1).or(prefixes.first()).map_or(0, |p| p.hash);
    let mut lanes: Vec<Candidate> = all_lanes(tier).into_iter().map(|(c, _)| c).collect();
    let running: u32 = tier
        .iter()
        .map(|member| member.deployment.live.latency.running())
        .sum();
    let most = most_running(running, tier.len());
    lanes.sort_by_cached_key(|candidate| {
        let id: LaneId = (candidate.deployment.id, candidate.lane);
        let bytes = warm
            .iter()
            .find_map(|(lane, bytes)| (*lane == id).then_some(*bytes));
        let busy = candidate.deployment.live.latency.running() >= most;
        (busy, Reverse(bytes.unwrap_or(0)), leaning(own, id))
    });
    lanes.into_iter()
}

/// Draws without replacement, each with a probability proportional to its weight among those left;
/// a weight of 0 comes last.
fn shuffle(tier: &mut [&Member], rng: &mut Rng) {
    for at in 0..tier.len() {
        let rest = &mut tier[at..];
        let total: u64 = rest.iter().map(|member| u64::from(member.weight)).sum();
        if total == 0 {
            return;
        }
        let mut left = rng.u64(0..total);
        let chosen =
            rest.iter()
                .position(|member| match left.checked_sub(u64::from(member.weight)) {
                    Some(remaining) => {
                        left = remaining;
                        false
                    }
                    None => true,
                });
        rest[..=chosen.unwrap_or(0)].rotate_right(1);
    }
}
