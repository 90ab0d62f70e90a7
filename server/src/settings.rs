//! The configuration in the words of the data plane.

use std::num::NonZeroU32;

use domain::{Price, RateLimits, Timestamp};
use gateway::{
    catalog::AccountSettings,
    counters::spend::EventSink,
    providers::scripted,
    settings::{
        AuthSettings, BackendKind, BackendSettings, BedrockSettings, BreakerSettings, Conditions,
        GatewaySettings, GroupSettings, Hedge, Hours, MemberSettings, ModelSettings, OnDisconnect,
        QueueSettings, RateLimit, RewriteSettings, RouteSettings, RoutingSettings, Strategy,
        Timeouts, Via,
    },
};
use http::HeaderMap;
use secrecy::SecretString;
use storage::{ConfiguredPrice, PriceSource};

use crate::{
    config::{self, BackendConfig, Config, DEMO_BACKEND, Unpriced, Upstream},
    prices,
};

/// The demo comes behind every real backend; its models have names of their own in any case.
const DEMO_PRIORITY: u32 = 1_000_000;

/// Translates the configuration; `master_key` is the one that is in force, `events` takes what is to
/// be told about budgets.
#[must_use]
pub fn gateway_settings(
    config: &Config,
    master_key: SecretString,
    events: EventSink,
) -> GatewaySettings {
    GatewaySettings {
        routes: route_settings(config),
        auth: AuthSettings {
            enabled: config.auth.enabled,
            master_key: Some(master_key),
            trusted_proxies: config.server.trusted_proxies.clone(),
            header: config.auth.header_name.clone(),
        },
        max_body: config.server.max_body,
        max_in_flight: config.server.max_in_flight.get(),
        max_kept_answer: config.server.idempotency_max_answer,
        accounts: AccountSettings {
            time_zone: config.dashboard.time_zone.clone(),
            default_requests_per_minute: config
                .limits
                .requests_per_minute
                .map_or(0, NonZeroU32::get),
            deny_unpermitted: config.auth.deny_unpermitted,
            events,
        },
    }
}

/// Where requests go.
#[must_use]
pub fn route_settings(config: &Config) -> RouteSettings {
    let enabled = config.backends.iter().filter(|backend| backend.enabled);
    let mut backends: Vec<BackendSettings> = enabled.map(backend).collect();
    if config.demo.enabled {
        backends.push(demo(DEMO_BACKEND.to_owned(), DEMO_PRIORITY));
    }
    RouteSettings {
        groups: config
            .groups
            .iter()
            .map(|config| group(config, &backends))
            .collect(),
        backends,
        rewrites: config
            .rewrites
            .iter()
            .map(|rewrite| RewriteSettings {
                source: rewrite.source.clone(),
                target: rewrite.target.clone(),
                force: rewrite.force,
            })
            .collect(),
        routing: RoutingSettings {
            total_timeout: config.routing.total_timeout,
            keep_alive: config.routing.keep_alive,
            breaker: BreakerSettings {
                failures: config.routing.breaker_failures,
                rest: config.routing.breaker_rest,
            },
            error_penalty: config.routing.error_penalty,
            request_penalty: config.routing.request_penalty,
            time_zone: config.dashboard.time_zone.clone(),
        },
    }
}

/// What kind of backend it is, and where, as far as there is an address.
fn kind_and_address(upstream: &Upstream) -> (BackendKind, &str) {
    match upstream {
        Upstream::OpenAi { base_url } => (BackendKind::Openai, base_url.as_str()),
        Upstream::OpenAiCompatible { base_url } => {
            (BackendKind::OpenaiCompatible, base_url.as_str())
        }
        Upstream::Anthropic { base_url } => (BackendKind::Anthropic, base_url.as_str()),
        Upstream::Bedrock { .. } => (BackendKind::Bedrock, ""),
        Upstream::Demo => (BackendKind::Demo, ""),
    }
}

/// Whether a price of `model` is known to the catalogue.
#[must_use]
pub fn is_listed(upstream: &Upstream, model: &str) -> bool {
    let (kind, address) = kind_and_address(upstream);
    !prices::of(kind, address, model).prices.is_empty()
}

/// A backend in the words of the data plane.
#[must_use]
pub fn backend(config: &BackendConfig) -> BackendSettings {
    let (kind, base_url) = kind_and_address(&config.upstream);
    if kind == BackendKind::Demo {
        return demo(config.name.clone(), config.priority);
    }
    let bedrock = match &config.upstream {
        Upstream::Bedrock {
            region,
            endpoint_url,
            profile,
        } => BedrockSettings {
            region: region.clone(),
            endpoint_url: endpoint_url.as_ref().map(|url| url.as_str().to_owned()),
            profile: profile.clone(),
        },
        _ => BedrockSettings::default(),
    };
    BackendSettings {
        name: config.name.clone(),
        kind,
        bedrock,
        quirks: config.quirks.clone(),
        base_url: base_url.to_owned(),
        api_keys: config.api_keys.clone(),
        priority: config.priority,
        timeouts: Timeouts {
            connect: config.connect_timeout,
            first_byte: config.first_byte_timeout,
            idle: config.idle_timeout,
            total: config.timeout,
        },
        max_retries: config.max_retries,
        rate_limit: config.rate_limit.map(|limit| RateLimit {
            requests: limit.requests,
            window: limit.window,
        }),
        limits: RateLimits {
            tokens_per_minute: u64::from(config.tokens_per_minute),
            ..RateLimits::default()
        },
        on_disconnect: match config.on_disconnect {
            config::OnDisconnect::Cancel => OnDisconnect::Cancel,
            config::OnDisconnect::Drain => OnDisconnect::Drain,
        },
        max_concurrent: config.max_concurrent,
        queue: config.queue.map(|queue| QueueSettings {
            max_waiting: queue.max_waiting.get() as usize,
            max_wait: queue.max_wait,
        }),
        model_mapping: config.model_mapping.clone(),
        allow_unpriced: config.unpriced == Unpriced::Allow,
        headers: config.headers.clone(),
        any_model: config.any_model,
        models: config
            .models
            .iter()
            .map(|model| ModelSettings {
                model: model.model.clone(),
                aliases: model.aliases.clone(),
                prices: configured_prices(kind, base_url, model),
                limits: model.limits,
                via: model.via.map(|via| match via {
                    config::Via::Invoke => Via::Invoke,
                    config::Via::Converse => Via::Converse,
                }),
                max_output_tokens: model
                    .max_output_tokens
                    .map(|n| u64::from(n.get()))
                    .or_else(|| prices::of(kind, base_url, &model.model).max_output_tokens),
            })
            .collect(),
    }
}

/// What the environment or the file says of a model's price, or else the catalogue.
fn configured_prices(
    kind: BackendKind,
    base_url: &str,
    model: &config::ModelConfig,
) -> Vec<ConfiguredPrice> {
    let Some(price) = &model.price else {
        return prices::of(kind, base_url, &model.model).prices;
    };
    vec![ConfiguredPrice {
        source: match model.price_from_environment {
            true => PriceSource::Environment,
            false => PriceSource::File,
        },
        effective_from: None,
        price: price.clone(),
    }]
}

fn demo(name: String, priority: u32) -> BackendSettings {
    let price: Price = scripted::price();
    BackendSettings {
        name,
        kind: BackendKind::Demo,
        bedrock: BedrockSettings::default(),
        quirks: Default::default(),
        base_url: String::new(),
        api_keys: Vec::new(),
        priority,
        timeouts: Timeouts {
            connect: std::time::Duration::from_secs(1),
            first_byte: std::time::Duration::from_secs(60),
            idle: std::time::Duration::from_secs(60),
            total: std::time::Duration::from_secs(600),
        },
        max_retries: 0,
        rate_limit: None,
        limits: RateLimits::default(),
        on_disconnect: OnDisconnect::Cancel,
        max_concurrent: None,
        queue: None,
        model_mapping: Default::default(),
        allow_unpriced: false,
        headers: HeaderMap::new(),
        any_model: false,
        models: scripted::MODELS
            .iter()
            .map(|(model, _)| ModelSettings {
                model: (*model).to_owned(),
                aliases: Vec::new(),
                prices: vec![ConfiguredPrice {
                    source: PriceSource::Catalogue,
                    // Made up, and the same ever since.
                    effective_from: Some(Timestamp(0)),
                    price: price.clone(),
                }],
                limits: RateLimits::default(),
                via: None,
                max_output_tokens: None,
            })
            .collect(),
    }
}

/// Members of backends that are switched off are none.
fn group(config: &config::GroupConfig, enabled: &[BackendSettings]) -> GroupSettings {
    GroupSettings {
        name: config.name.clone(),
        strategy: strategy(config.strategy),
        continues: config.continue_streams,
        hedge: config.hedge.map(|hedge| Hedge {
            max_share_ppm: u32::from(hedge.max_share) * 10_000,
            at_least: hedge.at_least,
        }),
        members: config
            .members
            .iter()
            .filter(|member| enabled.iter().any(|b| b.name == member.backend))
            .map(|member| MemberSettings {
                backend: member.backend.clone(),
                model: member.model.clone(),
                weight: member.weight,
                priority: member.priority,
                when: conditions(&member.when),
            })
            .collect(),
    }
}

/// A strategy in the words of the data plane.
#[must_use]
pub const fn strategy(config: config::Strategy) -> Strategy {
    match config {
        config::Strategy::Priority => Strategy::Priority,
        config::Strategy::Weighted => Strategy::Weighted,
        config::Strategy::RoundRobin => Strategy::RoundRobin,
        config::Strategy::LeastUsage => Strategy::LeastUsage,
        config::Strategy::LeastLatency => Strategy::LeastLatency,
        config::Strategy::LowestCost => Strategy::LowestCost,
        config::Strategy::Affinity => Strategy::Affinity,
    }
}

fn conditions(config: &config::ConditionsConfig) -> Conditions {
    Conditions {
        min_input_tokens: config.min_input_tokens.map(u64::from),
        max_input_tokens: config.max_input_tokens.map(u64::from),
        images: config.images,
        tools: config.tools,
        stream: config.stream,
        hours: config.hours.map(|hours| Hours {
            from: hours.from,
            until: hours.until,
        }),
        key_tags: config.key_tags.clone(),
    }
}
