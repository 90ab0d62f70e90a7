//! `GET /metrics`: the figures of the backends, as Prometheus reads them.

use std::fmt::Write as _;

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use gateway::{Gateway, status::BackendStatus};

use super::backends::{after_first, average, per_second, provider_type, seconds_between};
use crate::admin::AdminCaller;

/// A figure of one backend.
struct Figure {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    of: fn(&BackendStatus) -> f64,
}

const fn counter(name: &'static str, help: &'static str, of: fn(&BackendStatus) -> f64) -> Figure {
    Figure {
        name,
        kind: "counter",
        help,
        of,
    }
}

const fn gauge(name: &'static str, help: &'static str, of: fn(&BackendStatus) -> f64) -> Figure {
    Figure {
        name,
        kind: "gauge",
        help,
        of,
    }
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

const FIGURES: [Figure; 24] = [
    counter("requests_total", "Calls that were made.", |b| {
        b.sums.calls as f64
    }),
    gauge("requests_in_progress", "Calls that are running.", |b| {
        b.in_progress as f64
    }),
    counter(
        "requests_successful_total",
        "Calls that were answered.",
        |b| b.sums.succeeded as f64,
    ),
    counter("requests_failed_total", "Calls that failed.", |b| {
        b.sums.failed as f64
    }),
    counter(
        "input_tokens_total",
        "Input tokens, cached ones included.",
        |b| b.sums.usage.total_input() as f64,
    ),
    counter("output_tokens_total", "Output tokens.", |b| {
        b.sums.usage.output as f64
    }),
    counter(
        "cached_tokens_total",
        "Input tokens that were read from a cache.",
        |b| b.sums.usage.cache_read as f64,
    ),
    counter("total_tokens", "Input and output tokens.", |b| {
        b.sums.usage.total() as f64
    }),
    counter(
        "streaming_requests_total",
        "Streams that were answered.",
        |b| b.sums.streams.answers as f64,
    ),
    counter("non_streaming_requests_total", "Whole answers.", |b| {
        b.sums.whole.answers as f64
    }),
    gauge(
        "latency_seconds",
        "Mean time to the end of an answer.",
        |b| {
            let (whole, streams) = (&b.sums.whole, &b.sums.streams);
            average(
                whole.total_ms + streams.total_ms,
                whole.answers + streams.answers,
            ) / 1_000.0
        },
    ),
    gauge(
        "streaming_latency_seconds",
        "Mean time to the end of a stream.",
        |b| average(b.sums.streams.total_ms, b.sums.streams.answers) / 1_000.0,
    ),
    gauge(
        "non_streaming_latency_seconds",
        "Mean time to a whole answer.",
        |b| average(b.sums.whole.total_ms, b.sums.whole.answers) / 1_000.0,
    ),
    gauge(
        "time_to_first_token_seconds",
        "Mean time to the first content of a stream.",
        |b| average(b.sums.streams.first_chunk_ms, b.sums.streams.answers) / 1_000.0,
    ),
    gauge(
        "tokens_per_second",
        "Output tokens by second of whole answers.",
        |b| per_second(b.sums.whole.output_tokens, b.sums.whole.total_ms),
    ),
    gauge(
        "streaming_tokens_per_second",
        "Output tokens by second of streams after their first content.",
        |b| per_second(b.sums.streams.output_tokens, after_first(&b.sums.streams)),
    ),
    gauge(
        "success_rate",
        "Share of the calls that were answered.",
        BackendStatus::success_rate,
    ),
    counter("rate_limits_total", "Refusals for want of quota.", |b| {
        b.cooldowns.refusals as f64
    }),
    gauge(
        "recent_rate_limits",
        "The same within the last minute.",
        |b| b.cooldowns.recent as f64,
    ),
    counter("cooldowns_total", "Cooldowns that began.", |b| {
        b.cooldowns.rests as f64
    }),
    counter("cooldown_time_seconds_total", "Time in cooldown.", |b| {
        b.cooldowns.rested.as_secs_f64()
    }),
    gauge(
        "in_cooldown",
        "Whether an API key of it is in cooldown.",
        |b| flag(b.cooldowns.remaining.is_some()),
    ),
    gauge(
        "cooldown_remaining_seconds",
        "Until the last of its cooldowns ends.",
        |b| b.cooldowns.remaining.unwrap_or_default().as_secs_f64(),
    ),
    gauge(
        "circuit_open",
        "Whether a deployment of it rests after failures in a row.",
        |b| flag(b.failing),
    ),
];

/// Those of which there is a sum over all backends of a kind as well.
const SUMS: [&str; 5] = [
    "requests_total",
    "input_tokens_total",
    "output_tokens_total",
    "cached_tokens_total",
    "total_tokens",
];

pub async fn metrics(AdminCaller(_): AdminCaller, State(gateway): State<Gateway>) -> Response {
    let backends = gateway.backends();
    let uptime = seconds_between(gateway.started_at(), gateway.now());
    let text = render(&backends, uptime, gateway.in_flight());
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response()
}

fn render(backends: &[BackendStatus], uptime: f64, in_flight: usize) -> String {
    let mut out = String::new();
    let head = |out: &mut String, name: &str, kind: &str, help: &str| {
        let _ = write!(
            out,
            "# HELP llm_router_{name} {help}\n# TYPE llm_router_{name} {kind}\n"
        );
    };
    head(&mut out, "info", "gauge", "The version that serves.");
    let _ = writeln!(
        out,
        "llm_router_info{{version=\"{}\"}} 1",
        env!("CARGO_PKG_VERSION")
    );
    head(
        &mut out,
        "uptime_seconds",
        "gauge",
        "Since the process began to serve.",
    );
    let _ = writeln!(out, "llm_router_uptime_seconds {uptime}");
    head(
        &mut out,
        "requests_in_flight",
        "gauge",
        "Requests of clients that are running.",
    );
    let _ = writeln!(out, "llm_router_requests_in_flight {in_flight}");
    for figure in FIGURES.iter().filter(|figure| SUMS.contains(&figure.name)) {
        let name = figure.name;
        head(&mut out, name, figure.kind, figure.help);
        let mut by_type: Vec<(&str, f64)> = Vec::new();
        for backend in backends {
            let (kind, value) = (provider_type(backend.kind), (figure.of)(backend));
            match by_type.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, sum)) => *sum += value,
                None => by_type.push((kind, value)),
            }
        }
        for (kind, sum) in by_type {
            let _ = writeln!(out, "llm_router_{name}{{provider_type=\"{kind}\"}} {sum}");
        }
    }
    for figure in &FIGURES {
        let name = format!("provider_{}", figure.name);
        head(&mut out, &name, figure.kind, figure.help);
        for backend in backends {
            let _ = writeln!(
                out,
                "llm_router_{name}{{provider_type=\"{}\",provider=\"{}\"}} {}",
                provider_type(backend.kind),
                label(&backend.name),
                (figure.of)(backend)
            );
        }
    }
    out
}

/// A label's value; names of backends have no control characters.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
