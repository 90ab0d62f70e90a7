//! The `groups` section: public names that stand for several deployments.

use std::num::NonZeroU32;

use super::{from_text::Choice, model::read_name, reader::Section};

/// A public name that stands for several deployments.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// `name`: what clients ask for.
    pub name: String,
    /// `strategy`: which member is tried first. Default `priority`.
    pub strategy: Strategy,
    /// `members`: at least one.
    pub members: Vec<MemberConfig>,
}

/// One deployment of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberConfig {
    /// `backend`: its name.
    pub backend: String,
    /// `model`: a model or alias of that backend.
    pub model: String,
    /// `weight`: its share of the traffic under `weighted`. Default 1.
    pub weight: NonZeroU32,
    /// `priority`: lower is tried first; others only when those fail. Default 0.
    pub priority: u32,
}

/// How a group orders its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Lowest `priority` first, then in the order of the file.
    Priority,
    /// At random, in proportion to `weight`.
    Weighted,
    /// Each in turn.
    RoundRobin,
}

impl Choice for Strategy {
    const NOUN: &'static str = "strategy";
    const EXPECTED: &'static str = "priority, weighted or round_robin";
    const NAMES: &'static [(&'static str, Self)] = &[
        ("priority", Self::Priority),
        ("weighted", Self::Weighted),
        ("round_robin", Self::RoundRobin),
    ];
    const NOT_YET: &'static [&'static str] =
        &["least_usage", "least_latency", "lowest_cost", "affinity"];
}

impl GroupConfig {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let members = section.field("members");
        let members_given = members.is_given();
        let group = Self {
            name: read_name(section, "name"),
            strategy: section.field("strategy").or(Strategy::Priority),
            members: members.sections().iter().map(MemberConfig::read).collect(),
        };
        if group.members.is_empty() {
            let found = if members_given { "empty" } else { "missing" };
            section.report("members", format!("{found}; a group needs at least one"));
        }
        section.deny_unknown_keys();
        group
    }
}

impl MemberConfig {
    fn read(section: &Section<'_>) -> Self {
        let member = Self {
            backend: section.field("backend").required().unwrap_or_default(),
            model: read_name(section, "model"),
            weight: section.field("weight").or(NonZeroU32::MIN),
            priority: section.field("priority").or(0),
        };
        section.deny_unknown_keys();
        member
    }
}
