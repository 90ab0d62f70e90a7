//! The table is whole, names find their models, and the documented examples of the providers come to the
//! cent.

use domain::{NanoUsd, TokenUsage, pricing::PriceSchedule};

use super::*;

fn dollars(kind: BackendKind, base_url: &str, model: &str) -> Option<(String, String, String)> {
    let facts = of(kind, base_url, model);
    let rates = facts.prices.last()?.price.standard.rates;
    Some((
        rates.input.to_string(),
        rates.cache_read.to_string(),
        rates.output.to_string(),
    ))
}

fn text(a: &str, b: &str, c: &str) -> Option<(String, String, String)> {
    Some((a.to_owned(), b.to_owned(), c.to_owned()))
}

#[test]
fn the_table_can_be_read_and_every_price_is_one() {
    let catalogue = read(TABLE).expect("a table");
    let mut models = 0;
    for (kind, known) in &catalogue {
        for (model, facts) in known {
            models += 1;
            assert!(!facts.prices.is_empty(), "{kind} {model}");
            for dated in &facts.prices {
                assert!(dated.price.is_valid(), "{kind} {model}");
                let rates = dated.price.standard.rates;
                assert!(rates.cache_read <= rates.input, "{kind} {model}");
                let fees = [dated.price.image, dated.price.audio_minute];
                let charged = rates.input > NanoUsd::ZERO || fees.iter().any(|f| f.0 > 0);
                assert!(
                    charged || model.contains("moderation"),
                    "{kind} {model} is free"
                );
            }
            let mut dates: Vec<_> = facts.prices.iter().map(|p| p.effective_from).collect();
            dates.dedup();
            assert_eq!(dates.len(), facts.prices.len(), "{kind} {model}");
        }
    }
    assert!(models > 100, "{models} models");
}

#[test]
fn a_row_that_is_wrong_is_told_with_its_line() {
    let header = TABLE.lines().next().expect("a header");
    let wrong = |row: &str| {
        read(&format!("{header}\n{row}\n"))
            .expect_err("a mistake")
            .to_string()
    };
    let tier = wrong("openai,m,2026-01-01,quick,0,1,,,,2,,,,,Page");
    assert!(tier.contains("line 2") && tier.contains("quick"), "{tier}");
    let amount = wrong("openai,m,2026-01-01,,0,one,,,,2,,,,,Page");
    assert!(amount.contains("line 2"), "{amount}");
    let source = wrong("openai,m,2026-01-01,,0,1,,,,2,,,,,");
    assert!(source.contains("no source"), "{source}");
}

#[test]
fn versions_have_their_models_price_and_strangers_have_none() {
    let openai = |model| dollars(BackendKind::Openai, "https://api.openai.com/v1", model);
    assert_eq!(openai("gpt-4o"), text("$2.50", "$1.25", "$10.00"));
    assert_eq!(openai("gpt-4o-2024-08-06"), openai("gpt-4o"));
    assert_eq!(openai("gpt-4o-mini"), text("$0.15", "$0.075", "$0.60"));
    let anthropic = |model| dollars(BackendKind::Anthropic, "https://api.anthropic.com", model);
    assert_eq!(
        anthropic("claude-sonnet-4-5-20250929"),
        text("$3.00", "$0.30", "$15.00")
    );
    for stranger in ["gpt-99", "", "gpt-4o-", "gpt-4o-99999999"] {
        assert_eq!(openai(stranger), None, "{stranger}");
    }
    // A server of OpenAI's dialect that is nobody known, such as Azure.
    let azure = |model| {
        let address = "https://x.openai.azure.com/openai/v1";
        dollars(BackendKind::OpenaiCompatible, address, model)
    };
    assert_eq!(azure("gpt-4o"), openai("gpt-4o"));
    // One that is known has prices of its own.
    let groq = |model| {
        let address = "https://api.groq.com/openai/v1";
        dollars(BackendKind::OpenaiCompatible, address, model)
    };
    assert_eq!(groq("gpt-4o"), None);
}

#[test]
fn bedrock_models_are_found_by_every_form_of_their_id() {
    let bedrock = |model| dollars(BackendKind::Bedrock, "", model);
    let sonnet = bedrock("anthropic.claude-sonnet-4-5-20250929-v1:0");
    assert!(sonnet.is_some());
    assert_eq!(
        bedrock("eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        sonnet
    );
    let arn = "arn:aws:bedrock:eu-west-3:1:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
    assert_eq!(bedrock(arn), sonnet);
    let global = bedrock("global.anthropic.claude-sonnet-4-5-20250929-v1:0");
    assert!(global.is_some() && global != sonnet, "{global:?}");
    assert_eq!(bedrock("xx.anthropic.claude-sonnet-4-5"), None);
}

/// A documented example.
#[derive(Debug, Deserialize)]
struct Example {
    source: String,
    example: String,
    kind: String,
    model: String,
    at: String,
    tier: String,
    requests: u64,
    input: u64,
    cache_read: u64,
    cache_write_5m: u64,
    cache_write_1h: u64,
    output: u64,
    images: u64,
    audio_seconds: u64,
    searches: u64,
    documented_usd: String,
}

#[test]
fn documented_examples_come_to_the_cent() {
    let table = include_str!("../../tests/prices/examples.csv");
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(table.as_bytes());
    let mut kinds: HashMap<String, u32> = HashMap::new();
    for example in reader.deserialize() {
        let example: Example = example.expect("an example");
        let name = format!("{}: {}", example.source, example.example);
        let facts = find(&catalogue()[&example.kind], &example.model);
        let facts = facts.unwrap_or_else(|| panic!("{name}: no price of {}", example.model));
        let dated =
            facts
                .prices
                .into_iter()
                .zip(1..)
                .map(|(price, id)| domain::pricing::DatedPrice {
                    id: domain::PriceId(id),
                    effective_from: price.effective_from.expect("a date"),
                    price: price.price,
                });
        let day: jiff::civil::Date = example.at.parse().expect("a date");
        let noon = day.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC);
        let noon = noon.expect("a time").timestamp().as_millisecond();
        let schedule = PriceSchedule::new(dated.collect());
        let price = &schedule.at(Timestamp(noon)).expect("a price").price;
        let usage = TokenUsage {
            input: example.input,
            cache_read: example.cache_read,
            cache_write_5m: example.cache_write_5m,
            cache_write_1h: example.cache_write_1h,
            output: example.output,
            images: example.images,
            audio_ms: example.audio_seconds * 1_000,
            searches: example.searches,
            ..TokenUsage::default()
        };
        let tier = match example.tier.as_str() {
            "" => ServiceTier::Standard,
            tier => ServiceTier::parse(tier).expect("a tier"),
        };
        let cost = price.cost(&usage, tier).0 * i64::try_from(example.requests).expect("few");
        // As many decimals as the page has, rounded half up.
        let decimals = example
            .documented_usd
            .split_once('.')
            .map_or(0, |(_, d)| d.len());
        let unit = 10i64.pow(9 - u32::try_from(decimals).expect("few decimals"));
        let documented = NanoUsd::parse_usd(&example.documented_usd).expect("dollars");
        assert_eq!((cost + unit / 2) / unit * unit, documented.0, "{name}");
        *kinds.entry(example.kind).or_default() += 1;
    }
    for kind in ["openai", "anthropic", "bedrock"] {
        assert!(
            kinds.get(kind).is_some_and(|n| *n >= 5),
            "{kind}: {kinds:?}"
        );
    }
}
