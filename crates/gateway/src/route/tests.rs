//! Strategies, over routes that are made up.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use dialects::RequestHead;
use domain::{
    BackendId, DeploymentId, Dialect, NanoUsd, Price, PriceId, RateLimits, Timestamp,
    pricing::{DatedPrice, PriceSchedule, Rates},
};
use fastrand::Rng;
use http::HeaderMap;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use secrecy::SecretString;
use tokio::time::Instant;

use super::{
    Candidate, Question, Routes, Supposed,
    explain::explain,
    group::GroupLive,
    resolve::plan,
    strategy::Chance,
    table::{Backend, Deployment, Live},
};
use crate::{
    Endpoint,
    authenticate::Caller,
    counters::{breaker::BreakerSettings, window::SlidingWindow},
    providers::Provider,
    settings::{
        BackendKind, BackendSettings, Conditions, GroupSettings, Hours, MemberSettings,
        OnDisconnect, RoutingSettings, Strategy as Balance, Timeouts, Via,
    },
    transform::ClientRequest,
};

static UTC: TimeZone = TimeZone::UTC;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn backend(number: usize, keys: usize) -> Arc<Backend> {
    let second = Duration::from_secs(1);
    Arc::new(Backend {
        id: BackendId(number as i64),
        settings: BackendSettings {
            name: format!("b{number}"),
            kind: BackendKind::OpenaiCompatible,
            bedrock: Default::default(),
            quirks: Default::default(),
            base_url: String::new(),
            api_keys: (0..keys)
                .map(|n| SecretString::from(format!("k{n}")))
                .collect(),
            priority: 0,
            timeouts: Timeouts {
                connect: second,
                first_byte: second,
                idle: second,
                total: second,
            },
            max_retries: 0,
            rate_limit: None,
            limits: RateLimits::default(),
            on_disconnect: OnDisconnect::Cancel,
            max_concurrent: None,
            queue: None,
            model_mapping: BTreeMap::new(),
            allow_unpriced: false,
            headers: HeaderMap::new(),
            any_model: false,
            models: Vec::new(),
        },
        provider: Arc::new(Provider::Scripted),
        window: Arc::new(Mutex::new(SlidingWindow::new(second))),
        rates: Arc::default(),
        concurrency: None,
        tally: Arc::default(),
    })
}

/// Costs so many nano-dollars a token, in and out.
fn deployment(backend: &Arc<Backend>, number: usize, nano: i64) -> Arc<Deployment> {
    let each = NanoUsd(nano * 1_000_000);
    let price = Price::from(Rates {
        input: each,
        cache_read: each,
        cache_write_5m: each,
        cache_write_1h: each,
        output: each,
    });
    Arc::new(Deployment {
        id: DeploymentId(number as i64),
        backend: Arc::clone(backend),
        model: format!("m{number}"),
        prices: PriceSchedule::new(vec![DatedPrice {
            id: PriceId(1),
            effective_from: Timestamp(0),
            price,
        }]),
        configured_prices: Vec::new(),
        aliases: Vec::new(),
        via: Via::Converse,
        max_output_tokens: None,
        limits: RateLimits::default(),
        live: Arc::new(Live::new(backend.settings.api_keys.len())),
        offered: false,
    })
}

/// A group `g` with one member for each of `members`: weight, priority, keys, price, conditions.
fn group_of(strategy: Balance, members: Vec<(u32, u32, usize, i64, Conditions)>) -> Routes {
    let mut backends = Vec::new();
    let mut deployments = Vec::new();
    let mut settings = Vec::new();
    for (number, (weight, priority, keys, nano, when)) in members.into_iter().enumerate() {
        let backend = backend(number, keys);
        deployments.push(deployment(&backend, number, nano));
        backends.push(backend);
        settings.push(MemberSettings {
            backend: format!("b{number}"),
            model: format!("m{number}"),
            weight,
            priority,
            when,
        });
    }
    let group = GroupSettings {
        name: "g".to_owned(),
        strategy,
        hedge: None,
        continues: false,
        members: settings,
    };
    let groups = [(group, Arc::<GroupLive>::default())];
    let routing = Arc::new(RoutingSettings::default());
    Routes::build(&backends, deployments, &groups, &[], routing)
}

/// A group whose members have these weights, and are alike in all else.
fn weighing(strategy: Balance, weights: &[u32]) -> Routes {
    let members = weights.iter().map(|w| (*w, 0, 1, 1, Conditions::default()));
    group_of(strategy, members.collect())
}

fn ordered(routes: &Routes, supposed: &Supposed, rng: &mut Rng) -> Vec<Candidate> {
    let caller = Caller::unlimited();
    let question = Question::supposed(&caller, "g", supposed, &UTC, NOW);
    let chance = &mut Chance {
        rng,
        only_look: false,
    };
    plan(routes, &question, chance).candidates.expect("a plan")
}

fn first(routes: &Routes, rng: &mut Rng) -> usize {
    number(&ordered(routes, &Supposed::default(), rng)[0])
}

fn number(candidate: &Candidate) -> usize {
    usize::try_from(candidate.deployment.id.0).expect("a small number")
}

fn member(routes: &Routes, number: usize) -> &Arc<Deployment> {
    &routes.group("g").expect("the group").members[number].deployment
}

#[test]
fn weights_are_shares_within_statistical_bounds() {
    let weights = [5, 3, 0, 2];
    let routes = weighing(Balance::Weighted, &weights);
    let rng = &mut Rng::with_seed(7);
    let mut counts = [0_u32; 4];
    let draws = 20_000;
    for _ in 0..draws {
        counts[first(&routes, rng)] += 1;
    }
    for (weight, count) in weights.iter().zip(counts) {
        let share = f64::from(*weight) / 10.0;
        let expected = share * f64::from(draws);
        // Five standard deviations: a wrong share is far outside, a right one never.
        let bound = 5.0 * (f64::from(draws) * share * (1.0 - share)).sqrt();
        assert!(
            (f64::from(count) - expected).abs() <= bound,
            "weight {weight}: {count} of {draws}"
        );
    }
    // Weight 0 is a spare: there, and last.
    let order = ordered(&routes, &Supposed::default(), rng);
    assert_eq!(order.iter().map(number).next_back(), Some(2));
}

#[test]
fn each_has_its_turn() {
    let routes = weighing(Balance::RoundRobin, &[1, 1, 1]);
    let rng = &mut Rng::new();
    let firsts: Vec<usize> = (0..6).map(|_| first(&routes, rng)).collect();
    assert_eq!(firsts, [0, 1, 2, 0, 1, 2]);
}

#[test]
fn the_lane_that_was_used_least_comes_first_and_weight_holds_back() {
    let routes = group_of(
        Balance::LeastUsage,
        vec![
            (1, 0, 2, 1, Conditions::default()),
            (2, 0, 1, 1, Conditions::default()),
        ],
    );
    let rng = &mut Rng::new();
    let lanes = |rng: &mut Rng| -> Vec<(usize, usize)> {
        let order = ordered(&routes, &Supposed::default(), rng);
        order.iter().map(|c| (number(c), c.lane)).collect()
    };
    assert_eq!(
        lanes(rng),
        [(0, 0), (0, 1), (1, 0)],
        "ties go in file order"
    );
    member(&routes, 0).live.lane(0).usage.add(100, NOW);
    assert_eq!(lanes(rng), [(0, 1), (1, 0), (0, 0)]);
    member(&routes, 0).live.lane(1).usage.add(300, NOW);
    member(&routes, 1).live.lane(0).usage.add(100, NOW);
    // 100 × 1, 100 × 2, 300 × 1.
    assert_eq!(lanes(rng), [(0, 0), (1, 0), (0, 1)]);

    let routes = weighing(Balance::LeastUsage, &[1, 0]);
    member(&routes, 1).live.lane(0).usage.add(1_000_000, NOW);
    member(&routes, 0).live.lane(0).usage.add(1, NOW);
    assert_eq!(first(&routes, rng), 1, "weight 0 always wins");
}

#[test]
fn the_cheapest_for_this_request_comes_first_within_its_tier() {
    let of = |nano: [i64; 3]| {
        let members = nano.map(|nano| (1, 0, 1, nano, Conditions::default()));
        group_of(Balance::LowestCost, members.to_vec())
    };
    let rng = &mut Rng::new();
    let order = ordered(&of([30, 10, 20]), &Supposed::default(), rng);
    assert_eq!(order.iter().map(number).collect::<Vec<_>>(), [1, 2, 0]);
    let tiers = group_of(
        Balance::LowestCost,
        vec![
            (1, 1, 1, 1, Conditions::default()),
            (1, 0, 1, 9, Conditions::default()),
        ],
    );
    assert_eq!(
        first(&tiers, rng),
        1,
        "a better tier comes before a lower price"
    );
}

#[test]
fn the_quick_get_most_and_the_slow_are_not_forgotten() {
    let routes = weighing(Balance::LeastLatency, &[1, 1, 1]);
    let now = Instant::now();
    for (n, millis) in [(0, 900), (1, 100), (2, 500)] {
        let elapsed = Duration::from_millis(millis);
        member(&routes, n).live.latency.observe(false, elapsed, now);
    }
    let rng = &mut Rng::with_seed(3);
    let mut counts = [0_u32; 3];
    for _ in 0..3_000 {
        counts[first(&routes, rng)] += 1;
    }
    // Of two that are drawn the quicker wins: 1 in two of three draws, 2 in one of three, 0 never.
    assert_eq!(counts[0], 0);
    assert!((1_850..2_150).contains(&counts[1]), "{counts:?}");
    // With five calls waiting for it, the quickest is the slowest.
    let live = &member(&routes, 1).live;
    let _running: Vec<_> = (0..10).map(|_| live.latency.begin()).collect();
    assert!((0..200).all(|_| first(&routes, rng) != 1));
}

fn conversation(system: usize, turns: &[String]) -> ClientRequest {
    let mut messages = vec![serde_json::json!({
        "role": "system",
        "content": format!("system prompt {system} ").repeat(200),
    })];
    for (n, turn) in turns.iter().enumerate() {
        let role = if n % 2 == 0 { "user" } else { "assistant" };
        messages.push(serde_json::json!({"role": role, "content": turn}));
    }
    let body = serde_json::json!({"model": "g", "messages": messages}).to_string();
    let head = RequestHead::read(Dialect::OpenaiChat, body.as_bytes()).expect("a request");
    ClientRequest::new(
        Endpoint::ChatCompletions,
        head,
        HeaderMap::new(),
        None,
        body.into(),
    )
}

/// What providers' caches hold: for each, the beginnings that were sent there.
#[derive(Default)]
struct Caches(HashMap<usize, std::collections::HashSet<u64>>);

impl Caches {
    /// Sends a prompt there; returns how many of its bytes were in the cache, and how many there were.
    fn send(&mut self, to: usize, prefixes: &[dialects::shape::Prefix]) -> (usize, usize) {
        let cache = self.0.entry(to).or_default();
        let warm = prefixes.iter().rev().find(|p| cache.contains(&p.hash));
        let hit = warm.map_or(0, |prefix| prefix.bytes);
        cache.extend(prefixes.iter().map(|prefix| prefix.hash));
        (hit, prefixes.last().map_or(0, |prefix| prefix.bytes))
    }
}

/// Many conversations that go on in turn, over `members` providers; which share of the prompts' bytes
/// was found in a cache.
fn hit_rate(strategy: Balance, members: usize) -> f64 {
    let routes = weighing(strategy, &vec![1; members]);
    let caller = Caller::unlimited();
    let rng = &mut Rng::with_seed(11);
    let mut talks: Vec<(usize, Vec<String>)> = (0..60)
        .map(|n| (n % 6, vec![format!("question {n}").repeat(20)]))
        .collect();
    let mut caches = Caches::default();
    let (mut hit, mut all) = (0, 0);
    for _ in 0..1_200 {
        let (system, turns) = &mut talks[rng.usize(0..60)];
        let request = conversation(*system, turns);
        let question = Question::of(&request, &caller, false, &UTC, NOW);
        let plan = super::resolve(&routes, question).expect("a plan");
        let prefixes = dialects::shape::prefixes(Dialect::OpenaiChat, &request.body);
        let (found, bytes) = caches.send(number(plan.first()), &prefixes);
        plan.answered_by(plan.first());
        hit += found;
        all += bytes;
        turns.push(format!("answer {}", turns.len()).repeat(10));
        turns.push(format!("more {}", turns.len()).repeat(10));
        if turns.len() > 30 {
            turns.truncate(1);
            turns[0].push('!');
        }
    }
    hit as f64 / all as f64
}

#[test]
fn affinity_finds_caches_warm_as_a_single_backend_would() {
    let single = hit_rate(Balance::Priority, 1);
    for members in [2, 4, 8] {
        let affine = hit_rate(Balance::Affinity, members);
        assert!(affine >= 0.95 * single, "{members}: {affine} of {single}");
        let in_turn = hit_rate(Balance::RoundRobin, members);
        assert!(in_turn < affine, "{members}: {in_turn} and {affine}");
    }
}

#[test]
fn a_prompt_leaves_a_provider_that_is_busy_or_rests_and_comes_back() {
    let routes = weighing(Balance::Affinity, &[1, 1, 1]);
    let caller = Caller::unlimited();
    let request = conversation(1, &["hello".to_owned()]);
    let plan = || {
        let question = Question::of(&request, &caller, false, &UTC, NOW);
        super::resolve(&routes, question).expect("a plan")
    };
    let home = plan();
    home.answered_by(home.first());
    let at_home = || number(plan().first()) == number(home.first());
    assert!(at_home());
    let live = &home.first().deployment.live;
    let running: Vec<_> = (0..20).map(|_| live.latency.begin()).collect();
    assert!(!at_home(), "it spills over");
    drop(running);
    assert!(at_home());
    live.lane(0)
        .cooldown
        .refused(Some(Duration::from_secs(9)), Instant::now());
    assert!(!at_home(), "its quota is used up");
    live.lane(0).cooldown.succeeded();
    assert!(at_home());
}

#[test]
fn members_take_what_they_are_meant_for() {
    let when = |conditions: Conditions| vec![(1, 0, 1, 1, conditions)];
    let takes = |conditions: Conditions, supposed: Supposed| {
        let routes = group_of(Balance::Priority, when(conditions));
        let caller = Caller::unlimited();
        let question = Question::supposed(&caller, "g", &supposed, &UTC, NOW);
        let chance = &mut Chance {
            rng: &mut Rng::new(),
            only_look: true,
        };
        let planned = plan(&routes, &question, chance);
        match planned.candidates {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    };
    let plain = Supposed::default();
    let set = Conditions::default;
    let with_images = Supposed {
        images: true,
        ..plain
    };
    let long = Supposed {
        input_tokens: 5_000,
        ..plain
    };
    assert_eq!(takes(set(), plain), Ok(()));
    for (conditions, yes, no) in [
        (
            Conditions {
                images: Some(true),
                ..set()
            },
            with_images,
            plain,
        ),
        (
            Conditions {
                images: Some(false),
                ..set()
            },
            plain,
            with_images,
        ),
        (
            Conditions {
                max_input_tokens: Some(4_000),
                ..set()
            },
            plain,
            long,
        ),
        (
            Conditions {
                min_input_tokens: Some(4_000),
                ..set()
            },
            long,
            plain,
        ),
        (
            Conditions {
                tools: Some(false),
                ..set()
            },
            plain,
            Supposed {
                tools: true,
                ..plain
            },
        ),
        (
            Conditions {
                stream: Some(true),
                ..set()
            },
            Supposed {
                stream: true,
                ..plain
            },
            plain,
        ),
    ] {
        assert_eq!(takes(conditions.clone(), yes), Ok(()));
        let refusal = takes(conditions, no).expect_err("a refusal");
        assert!(refusal.contains("takes only requests"), "{refusal}");
    }
    // NOW is 14:13 in UTC.
    let hours = |from: u16, until: u16| Conditions {
        hours: Some(Hours {
            from: from * 60,
            until: until * 60,
        }),
        ..set()
    };
    assert_eq!(takes(hours(14, 15), plain), Ok(()));
    assert_eq!(takes(hours(22, 15), plain), Ok(()), "over midnight");
    let refusal = takes(hours(15, 14), plain).expect_err("the one hour that is not within it");
    assert!(refusal.contains("from 15:00 to 14:00"), "{refusal}");
    let tagged = Conditions {
        key_tags: vec!["batch".to_owned()],
        ..set()
    };
    let refusal = takes(tagged, plain).expect_err("a caller without tags");
    assert!(refusal.contains("keys tagged batch"), "{refusal}");
}

fn strategies() -> impl Strategy<Value = Balance> {
    prop_oneof![
        Just(Balance::Priority),
        Just(Balance::Weighted),
        Just(Balance::RoundRobin),
        Just(Balance::LeastUsage),
        Just(Balance::LeastLatency),
        Just(Balance::LowestCost),
        Just(Balance::Affinity),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Whatever state the routes are in, the explanation names the candidates in the order in which
    /// a request then tries them, each once, and those that rest behind those that do not.
    #[test]
    fn what_is_explained_is_what_is_done(
        strategy in strategies(),
        members in prop::collection::vec(
            (0_u32..4, 0_u32..3, 0_usize..3, 1_i64..50, any::<[bool; 3]>(), 0_u64..1_000),
            1..6,
        ),
        turns in 0_usize..5,
        seed in any::<u64>(),
        stream in any::<bool>(),
    ) {
        let conditions = |flags: [bool; 3]| Conditions {
            stream: flags[0].then_some(flags[1]),
            ..Conditions::default()
        };
        let described = members
            .iter()
            .map(|(w, p, k, n, flags, _)| (*w, *p, *k, *n, conditions(*flags)))
            .collect();
        let routes = group_of(strategy, described);
        let now = Instant::now();
        for (number, (.., flags, tokens)) in members.iter().enumerate() {
            let live = &member(&routes, number).live;
            live.lane(0).usage.add(*tokens, NOW);
            live.latency.observe(stream, Duration::from_millis(*tokens), now);
            if flags[2] {
                live.lane(0).cooldown.refused(Some(Duration::from_secs(1 + tokens)), now);
            }
            if tokens % 5 == 0 {
                for _ in 0..5 {
                    live.breaker.failed(BreakerSettings::default(), now);
                }
            }
        }
        for _ in 0..turns {
            let _ = super::resolve(
                &routes,
                Question::supposed(&Caller::unlimited(), "g", &Supposed::default(), &UTC, NOW),
            );
        }
        let caller = Caller::unlimited();
        let supposed = Supposed { stream, ..Supposed::default() };
        let question = || Question::supposed(&caller, "g", &supposed, &UTC, NOW);
        let explained = explain(&routes, &question(), &mut Rng::with_seed(seed));
        let chance = &mut Chance { rng: &mut Rng::with_seed(seed), only_look: false };
        let question = question();
        let planned = plan(&routes, &question, chance);
        let told: Vec<(&str, usize)> = explained
            .candidates
            .iter()
            .map(|c| (c.backend.as_str(), c.api_key.map_or(0, |n| n as usize - 1)))
            .collect();
        match &planned.candidates {
            Ok(candidates) => {
                let done: Vec<(&str, usize)> = candidates
                    .iter()
                    .map(|c| (c.deployment.backend.name(), c.lane))
                    .collect();
                prop_assert_eq!(&told, &done);
                let mut once = done.clone();
                once.sort_unstable();
                once.dedup();
                prop_assert_eq!(once.len(), done.len());
                let rests = candidates.iter().map(|c| c.rest(question.now).is_some());
                prop_assert!(rests.is_sorted());
            }
            Err(error) => {
                prop_assert_eq!(explained.error, Some(error.to_string()));
                prop_assert!(told.is_empty());
            }
        }
        prop_assert_eq!(explained.excluded.len(), planned.excluded.len());
    }
}
