//! A public name for several deployments, and which requests each of them takes.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::{NanoUsd, Price, TokenUsage, Used};

use super::{affinity::Warmth, question::Question, table::Deployment};
use crate::{
    counters::latency::FirstChunks,
    settings::{Conditions, GroupSettings, Hedge, Strategy},
};

/// A group with its members, in the order of the file.
#[derive(Debug)]
pub struct Group {
    pub name: String,
    pub strategy: Strategy,
    pub hedge: Option<Hedge>,
    /// Streams that break off are gone on with.
    pub continues: bool,
    pub members: Vec<Member>,
    pub live: Arc<GroupLive>,
}

#[derive(Clone, Debug)]
pub struct Member {
    pub deployment: Arc<Deployment>,
    pub weight: u32,
    /// Lower is tried first.
    pub priority: u32,
    pub when: Conditions,
}

/// What changes with the requests to a group. It outlives a rebuild of the table.
#[derive(Debug, Default)]
pub struct GroupLive {
    /// Where the next round begins.
    pub turn: AtomicUsize,
    /// Under `affinity`: which prompts' beginnings are where.
    pub warmth: Warmth,
    /// Of the group's streams.
    first_chunks: FirstChunks,
    requests: AtomicU64,
    spent_nano: AtomicU64,
    /// For calls beside others that were the slower ones.
    hedges: AtomicU64,
    hedged_nano: AtomicU64,
    cached_tokens: AtomicU64,
    saved_nano: AtomicU64,
}

impl GroupLive {
    /// A request was answered with so much read from the provider's cache.
    pub fn cached(&self, used: &Used, price: &Price) {
        if used.tokens.cache_read == 0 {
            return;
        }
        let afresh = TokenUsage {
            input: used.tokens.input + used.tokens.cache_read,
            cache_read: 0,
            ..used.tokens
        };
        let saved = price.cost(&afresh, used.tier).0 - price.cost(&used.tokens, used.tier).0;
        self.cached_tokens
            .fetch_add(used.tokens.cache_read, Ordering::Relaxed);
        self.saved_nano
            .fetch_add(u64::try_from(saved).unwrap_or(0), Ordering::Relaxed);
    }

    /// A request has cost so much, and its first content took so long, if it was a stream.
    pub fn spent(&self, cost: NanoUsd, first_chunk: Option<Duration>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.spent_nano.fetch_add(nano(cost), Ordering::Relaxed);
        if let Some(elapsed) = first_chunk {
            self.first_chunks.observe(elapsed);
        }
    }

    /// A call beside another was needless, and may have cost so much.
    pub fn hedged(&self, cost: NanoUsd) {
        self.hedges.fetch_add(1, Ordering::Relaxed);
        self.hedged_nano.fetch_add(nano(cost), Ordering::Relaxed);
    }

    /// When a second call may be made beside the first, whose needless part may cost `estimate`; `None`:
    /// too little is known of the group, or its share is used up.
    #[must_use]
    pub fn hedge_after(&self, hedge: Hedge, estimate: NanoUsd) -> Option<Duration> {
        let after = self.first_chunks.slow()?;
        let hedges = self.hedges.load(Ordering::Relaxed);
        let hedged_nano = self.hedged_nano.load(Ordering::Relaxed);
        self.is_within(hedge, hedges + 1, hedged_nano + nano(estimate))
            .then_some(after.max(hedge.at_least))
    }

    /// A second call is about to be made beside the first. It counts as needless until it is known not
    /// to be, so that many at once do not use more than the share. `None`: the share is used up.
    #[must_use]
    pub fn hedge(&self, hedge: Hedge, estimate: NanoUsd) -> Option<Hedging<'_>> {
        let cost = nano(estimate);
        let hedges = self.hedges.fetch_add(1, Ordering::Relaxed) + 1;
        let hedged_nano = self.hedged_nano.fetch_add(cost, Ordering::Relaxed) + cost;
        let hedging = Hedging { live: self, cost };
        self.is_within(hedge, hedges, hedged_nano)
            .then_some(hedging)
    }

    /// So many needless calls, which cost so much, are within the share.
    fn is_within(&self, hedge: Hedge, hedges: u64, hedged_nano: u64) -> bool {
        let get = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let share = |part: u64, whole: u64| {
            u128::from(part) * 1_000_000 <= u128::from(whole) * u128::from(hedge.max_share_ppm)
        };
        let spent = get(&self.spent_nano);
        match spent {
            // Nothing has a price: calls are counted.
            0 => share(hedges, get(&self.requests)),
            spent => share(hedged_nano, spent),
        }
    }

    /// Tokens that were read from providers' caches since the start, and what that saved against
    /// reading them afresh.
    #[must_use]
    pub fn saved(&self) -> (u64, NanoUsd) {
        let nano = self.saved_nano.load(Ordering::Relaxed);
        let saved = NanoUsd(i64::try_from(nano).unwrap_or(i64::MAX));
        (self.cached_tokens.load(Ordering::Relaxed), saved)
    }
}

/// A second call that is running; when it ends, what it has really cost is counted in its place.
#[derive(Debug)]
#[must_use = "it counts as long as it is kept"]
pub struct Hedging<'a> {
    live: &'a GroupLive,
    cost: u64,
}

impl Drop for Hedging<'_> {
    fn drop(&mut self) {
        self.live.hedges.fetch_sub(1, Ordering::Relaxed);
        self.live
            .hedged_nano
            .fetch_sub(self.cost, Ordering::Relaxed);
    }
}

fn nano(cost: NanoUsd) -> u64 {
    u64::try_from(cost.0).unwrap_or(0)
}

impl Group {
    /// Members whose backend or model is not there are left out; the configuration has refused or
    /// announced them already.
    #[must_use]
    pub fn build(
        settings: &GroupSettings,
        live: Arc<GroupLive>,
        find: impl Fn(&str, &str) -> Option<Arc<Deployment>>,
    ) -> Self {
        let members = settings.members.iter().filter_map(|member| {
            Some(Member {
                deployment: find(&member.backend, &member.model)?,
                weight: member.weight,
                priority: member.priority,
                when: member.when.clone(),
            })
        });
        Self {
            name: settings.name.clone(),
            strategy: settings.strategy,
            hedge: settings.hedge,
            continues: settings.continues,
            members: members.collect(),
            live,
        }
    }
}

impl Conditions {
    /// What keeps the request away.
    ///
    /// # Errors
    /// The condition, as a person reads it after "takes only requests …".
    pub fn check(&self, question: &Question<'_>) -> Result<(), Cow<'static, str>> {
        let tokens = question.input_tokens();
        if let Some(least) = self.min_input_tokens.filter(|least| tokens < *least) {
            return Err(format!("of at least {least} input tokens").into());
        }
        if let Some(most) = self.max_input_tokens.filter(|most| tokens > *most) {
            return Err(format!("of at most {most} input tokens").into());
        }
        let wrong = |wanted: Option<bool>, is: &dyn Fn() -> bool| {
            wanted.is_some_and(|wanted| wanted != is())
        };
        if wrong(self.stream, &|| question.stream) {
            return Err(with(self.stream, "for a stream", "for a whole answer"));
        }
        if wrong(self.tools, &|| question.has_tools()) {
            return Err(with(self.tools, "with tools", "without tools"));
        }
        if wrong(self.images, &|| question.has_images()) {
            return Err(with(self.images, "with images", "without images"));
        }
        if let Some(hours) = self.hours
            && !hours.contains(question.minute_of_day())
        {
            let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
            return Err(format!("from {} to {}", clock(hours.from), clock(hours.until)).into());
        }
        if !self.key_tags.is_empty() && !self.key_tags.iter().any(|tag| question.key_has_tag(tag)) {
            return Err(format!("of keys tagged {}", self.key_tags.join(" or ")).into());
        }
        Ok(())
    }
}

fn with(wanted: Option<bool>, yes: &'static str, no: &'static str) -> Cow<'static, str> {
    Cow::Borrowed(if wanted == Some(true) { yes } else { no })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_beside_others_keep_to_their_share_however_many_begin_at_once() {
        let hedge = Hedge {
            max_share_ppm: 50_000,
            at_least: Duration::ZERO,
        };
        let live = GroupLive::default();
        live.spent(NanoUsd(1_000), None);
        let estimate = NanoUsd(10);
        let begin = || live.hedge(hedge, estimate);
        let running: Vec<_> = (0..500).filter_map(|_| begin()).collect();
        assert_eq!(running.len(), 5, "5 % of 1,000");
        // Three were worth it, two were not.
        drop(running);
        live.hedged(NanoUsd(10));
        live.hedged(NanoUsd(20));
        let more: Vec<_> = (0..500).filter_map(|_| begin()).collect();
        assert_eq!(more.len(), 2);
    }

    #[test]
    fn where_nothing_has_a_price_calls_are_counted() {
        let hedge = Hedge {
            max_share_ppm: 100_000,
            at_least: Duration::ZERO,
        };
        let live = GroupLive::default();
        for _ in 0..30 {
            live.spent(NanoUsd::ZERO, None);
        }
        let running: Vec<_> = (0..500)
            .filter_map(|_| live.hedge(hedge, NanoUsd::ZERO))
            .collect();
        assert_eq!(running.len(), 3);
    }
}
