//! Status, statistics, health.

use super::super::{
    Section, Who,
    operation::{Operation, get, post},
    schemas::{
        Message,
        status::{
            AuthMetrics, AuthStatus, BackendInfo, Health, Interval, KeysReloaded, ProviderActivity,
            ProviderType, RateLimits, RequestCount, RouterHealth, RouterStats, Status, TokenCount,
        },
    },
};

fn over_time(operation: Operation) -> Operation {
    operation
        .word::<Interval>(
            "interval",
            "The length of a stretch; an hour where it is missing.",
        )
        .number("hours", "How far back, 1 to 720; 24 where it is missing.")
        .word::<ProviderType>("provider_type", "Of these providers only.")
}

pub fn sections() -> Vec<Section> {
    let health = Section {
        tag: "Status",
        about: "What backends, keys and requests are doing.",
        who: Who::Everybody,
        operations: vec![get("/health", "That the router runs").gives::<Health>()],
    };
    let status = Section {
        tag: "Status",
        about: "",
        who: Who::Admin,
        operations: vec![
            get("/status", "What the backends are doing")
                .about("With `dashboard.public_status` also for those who present nothing, without addresses, \
                    mappings of models and texts of errors.")
                .gives::<Status>(),
            get("/backend/info", "What the backends are").gives::<BackendInfo>(),
            get("/metrics", "Figures for Prometheus").gives_text("text/plain"),
            over_time(get("/analytics/requests", "Requests over time")).lists::<RequestCount>(),
            over_time(get("/analytics/tokens", "Tokens over time")).lists::<TokenCount>(),
            get("/analytics/summary", "What each backend did")
                .number("hours", "How far back, 1 to 720; 24 where it is missing.")
                .text("from_utc", "Since when, as ISO 8601; in place of `hours`.")
                .word::<ProviderType>("provider_type", "Of these providers only.")
                .lists::<ProviderActivity>(),
            get("/router/stats", "Calls, failovers and limits").gives::<RouterStats>(),
            get("/router/health", "How well calls go").gives::<RouterHealth>(),
            get("/router/rate-limits", "Backends' own limits").gives::<RateLimits>(),
            post("/router/reset-stats", "Count anew").gives::<Message>(),
            get("/auth/status", "How many keys there are").gives::<AuthStatus>(),
            get("/auth/metrics", "What keys were used for").gives::<AuthMetrics>(),
            post("/auth/reload-keys", "Read the configuration again").gives::<KeysReloaded>().wrong(),
            post("/auth/reset-metrics", "Count anew").gives::<Message>(),
        ],
    };
    vec![health, status]
}
