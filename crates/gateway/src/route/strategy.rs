//! In which order the members of a group are tried: by tier (`priority`, lower first), and within a
//! tier by the group's strategy.

use std::sync::{Arc, atomic::Ordering};

use super::table::{Deployment, Group, Member};
use crate::settings::Strategy;

/// The group's deployments in the order in which this request tries them.
#[must_use]
pub fn order(group: &Group) -> Vec<Arc<Deployment>> {
    let mut tiers: Vec<&Member> = group.members.iter().collect();
    tiers.sort_by_key(|member| member.priority);
    let turn = match group.strategy {
        Strategy::RoundRobin => group.turn.fetch_add(1, Ordering::Relaxed),
        Strategy::Priority | Strategy::Weighted => 0,
    };
    for tier in tiers.chunk_by_mut(|a, b| a.priority == b.priority) {
        match group.strategy {
            Strategy::Priority => {}
            Strategy::RoundRobin => {
                let by = turn % tier.len();
                tier.rotate_left(by);
            }
            Strategy::Weighted => shuffle(tier, fastrand::u64),
        }
    }
    tiers
        .into_iter()
        .map(|member| Arc::clone(&member.deployment))
        .collect()
}

/// Draws without replacement, each with a probability proportional to its weight among those left;
/// a weight of 0 comes last. `draw` gives a number within a range.
fn shuffle(tier: &mut [&Member], draw: impl Fn(std::ops::Range<u64>) -> u64) {
    for at in 0..tier.len() {
        let rest = &mut tier[at..];
        let total: u64 = rest.iter().map(|member| u64::from(member.weight)).sum();
        if total == 0 {
            return;
        }
        let mut left = draw(0..total);
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
