//! The configuration in the words of the data plane.

use std::num::NonZeroU32;

use domain::Price;
use gateway::{
    providers::scripted,
    settings::{
        AuthSettings, BackendKind, BackendSettings, BedrockSettings, GatewaySettings,
        GroupSettings, MemberSettings, ModelSettings, RateLimit, RewriteSettings, Strategy,
        Timeouts, Via,
    },
};
use http::HeaderMap;
use secrecy::SecretString;

use crate::{
    config::{self, BackendConfig, Config, DEMO_BACKEND, Unpriced, Upstream},
    prices,
};

/// The demo comes behind every real backend; its models have names of their own in any case.
const DEMO_PRIORITY: u32 = 1_000_000;

/// Translates the configuration; `master_key` is the one that is in force.
#[must_use]
pub fn gateway_settings(config: &Config, master_key: SecretString) -> GatewaySettings {
    let mut backends: Vec<BackendSettings> = config.backends.iter().map(backend).collect();
    if config.demo.enabled {
        backends.push(demo(DEMO_BACKEND.to_owned(), DEMO_PRIORITY));
    }
    GatewaySettings {
        backends,
        groups: config.groups.iter().map(group).collect(),
        rewrites: config
            .rewrites
            .iter()
            .map(|rewrite| RewriteSettings {
                source: rewrite.source.clone(),
                target: rewrite.target.clone(),
                force: rewrite.force,
            })
            .collect(),
        auth: AuthSettings {
            enabled: config.auth.enabled,
            master_key: Some(master_key),
            header: config.auth.header_name.clone(),
        },
        max_body: config.server.max_body,
        max_in_flight: config.server.max_in_flight.get(),
        default_requests_per_minute: config.limits.requests_per_minute.map_or(0, NonZeroU32::get),
        time_zone: config.dashboard.time_zone.clone(),
    }
}

fn backend(config: &BackendConfig) -> BackendSettings {
    let (kind, base_url) = match &config.upstream {
        Upstream::OpenAi { base_url } => (BackendKind::Openai, base_url.as_str()),
        Upstream::OpenAiCompatible { base_url } => {
            (BackendKind::OpenaiCompatible, base_url.as_str())
        }
        Upstream::Anthropic { base_url } => (BackendKind::Anthropic, base_url.as_str()),
        Upstream::Demo => return demo(config.name.clone(), config.priority),
        Upstream::Bedrock { .. } => (BackendKind::Bedrock, ""),
    };
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
        max_concurrent: config.max_concurrent,
        model_mapping: config.model_mapping.clone(),
        allow_unpriced: config.unpriced == Unpriced::Allow,
        headers: config.headers.clone(),
        models: config
            .models
            .iter()
            .map(|model| ModelSettings {
                model: model.model.clone(),
                aliases: model.aliases.clone(),
                price: model.price.or_else(|| prices::of(&model.model)),
                via: model.via.map(|via| match via {
                    config::Via::Invoke => Via::Invoke,
                    config::Via::Converse => Via::Converse,
                }),
                max_output_tokens: model.max_output_tokens.map(|n| u64::from(n.get())),
            })
            .collect(),
    }
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
        max_concurrent: None,
        model_mapping: Default::default(),
        allow_unpriced: false,
        headers: HeaderMap::new(),
        models: scripted::MODELS
            .iter()
            .map(|(model, _)| ModelSettings {
                model: (*model).to_owned(),
                aliases: Vec::new(),
                price: Some(price),
                via: None,
                max_output_tokens: None,
            })
            .collect(),
    }
}

fn group(config: &config::GroupConfig) -> GroupSettings {
    GroupSettings {
        name: config.name.clone(),
        strategy: match config.strategy {
            config::Strategy::Priority => Strategy::Priority,
            config::Strategy::Weighted => Strategy::Weighted,
            config::Strategy::RoundRobin => Strategy::RoundRobin,
        },
        members: config
            .members
            .iter()
            .map(|member| MemberSettings {
                backend: member.backend.clone(),
                model: member.model.clone(),
                weight: member.weight.get(),
                priority: member.priority,
            })
            .collect(),
    }
}
