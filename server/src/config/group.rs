//! The `groups` section: public names that stand for several deployments.

use std::time::Duration;

use super::{
    from_text::{Choice, FromText},
    model::read_name,
    reader::Section,
};

/// A public name that stands for several deployments.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// `name`: what clients ask for.
    pub name: String,
    /// `strategy`: which member is tried first. Default `priority`.
    pub strategy: Strategy,
    /// `hedge`: second calls beside streams that are slow to come. Default none.
    pub hedge: Option<HedgeConfig>,
    /// `continue_streams`: whether an answer that breaks off is gone on with by another member. Default
    /// false.
    pub continue_streams: bool,
    /// `members`: at least one.
    pub members: Vec<MemberConfig>,
}

/// Second calls beside streams that are slower to come than nearly all were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HedgeConfig {
    /// `max_share`: of what the group's requests cost, in percent, what needless calls may cost. Default 5.
    pub max_share: u8,
    /// `at_least`: never sooner than that. Default 500 ms.
    pub at_least: Duration,
}

/// One deployment of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberConfig {
    /// `backend`: its name.
    pub backend: String,
    /// `model`: a model or alias of that backend.
    pub model: String,
    /// `weight`: its share of the traffic under `weighted`; under `least_usage` what its tokens are
    /// multiplied by, so that a higher one means less traffic, and 0 always wins. Default 1.
    pub weight: u32,
    /// `priority`: lower is tried first; others only when those fail. Default 0.
    pub priority: u32,
    /// `when`: which requests it takes. Default all.
    pub when: ConditionsConfig,
}

/// Which requests a member takes. What is not set does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConditionsConfig {
    /// `min_input_tokens`, by the router's own count.
    pub min_input_tokens: Option<u32>,
    /// `max_input_tokens`
    pub max_input_tokens: Option<u32>,
    /// `images`: only with (true) or only without (false) pictures or documents.
    pub images: Option<bool>,
    /// `tools`
    pub tools: Option<bool>,
    /// `stream`
    pub stream: Option<bool>,
    /// `hours`: such as `22:00-06:00`, in `dashboard.time_zone`.
    pub hours: Option<DayHours>,
    /// `key_tags`: only virtual keys with one of these tags.
    pub key_tags: Vec<String>,
}

/// A stretch of each day, in minutes since midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayHours {
    pub from: u16,
    pub until: u16,
}

impl FromText for DayHours {
    const EXPECTED: &'static str = "hours of the day such as 22:00-06:00";

    fn from_text(text: &str) -> Result<Self, String> {
        let clock = |text: &str| -> Option<u16> {
            let (hours, minutes) = text.trim().split_once(':')?;
            let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
            let at = hours * 60 + minutes;
            (minutes < 60 && at <= 24 * 60).then_some(at)
        };
        let hours = || {
            let (from, until) = text.split_once('-')?;
            let (from, until) = (clock(from)?, clock(until)?);
            (from != until).then_some(Self { from, until })
        };
        hours().ok_or_else(|| format!("expected {}, found {text:?}", Self::EXPECTED))
    }
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
    /// The API key and model with the fewest tokens in the last day, times `weight`.
    LeastUsage,
    /// The quicker of two that are drawn.
    LeastLatency,
    /// By what the request would probably cost.
    LowestCost,
    /// Where the provider's cache knows the beginning of the prompt.
    Affinity,
}

impl Choice for Strategy {
    const NOUN: &'static str = "strategy";
    const EXPECTED: &'static str = "priority, weighted, round_robin, least_usage, least_latency, \
                                    lowest_cost or affinity";
    const NAMES: &'static [(&'static str, Self)] = &[
        ("priority", Self::Priority),
        ("weighted", Self::Weighted),
        ("round_robin", Self::RoundRobin),
        ("least_usage", Self::LeastUsage),
        ("least_latency", Self::LeastLatency),
        ("lowest_cost", Self::LowestCost),
        ("affinity", Self::Affinity),
    ];
}

impl GroupConfig {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let members = section.field("members");
        let members_given = members.is_given();
        let group = Self {
            name: read_name(section, "name"),
            strategy: section.field("strategy").or(Strategy::Priority),
            hedge: HedgeConfig::read(section),
            continue_streams: section.field("continue_streams").or(false),
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

impl HedgeConfig {
    fn read(section: &Section<'_>) -> Option<Self> {
        let field = section.field("hedge");
        let given = field.is_given();
        let hedge = field.section();
        let max_share: u32 = hedge.field("max_share").or(5);
        let at_least = hedge.field("at_least").or(Duration::from_millis(500));
        if !(1..=100).contains(&max_share) {
            hedge.report("max_share", "expected a percentage from 1 to 100");
        }
        hedge.deny_unknown_keys();
        given.then_some(Self {
            max_share: u8::try_from(max_share).unwrap_or(100),
            at_least,
        })
    }
}

impl MemberConfig {
    fn read(section: &Section<'_>) -> Self {
        let member = Self {
            backend: section.field("backend").required().unwrap_or_default(),
            model: read_name(section, "model"),
            weight: section.field("weight").or(1),
            priority: section.field("priority").or(0),
            when: ConditionsConfig::read(&section.field("when").section()),
        };
        section.deny_unknown_keys();
        member
    }
}

impl ConditionsConfig {
    fn read(section: &Section<'_>) -> Self {
        let conditions = Self {
            min_input_tokens: section.field("min_input_tokens").optional(),
            max_input_tokens: section.field("max_input_tokens").optional(),
            images: section.field("images").optional(),
            tools: section.field("tools").optional(),
            stream: section.field("stream").optional(),
            hours: section.field("hours").optional(),
            key_tags: section.field("key_tags").list(),
        };
        section.deny_unknown_keys();
        conditions
    }
}
