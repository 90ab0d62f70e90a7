//! The `routing` section: what holds for all routes.

use std::time::Duration;

use super::reader::Section;

/// What holds for all routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutingConfig {
    /// `total_timeout`: from a request's arrival to the first content of its answer, all tries and
    /// pauses included. Default 15 min.
    pub total_timeout: Duration,
    /// `keep_alive`: how long a stream may be silent before its client is told that it is there; 0:
    /// as long as it likes. Default 30 s.
    pub keep_alive: Option<Duration>,
    /// `breaker.failures`: failures in a row after which a deployment rests; 0: never. Default 5.
    pub breaker_failures: u32,
    /// `breaker.rest`: for how long; doubled each time it fails again. Default 30 s.
    pub breaker_rest: Duration,
    /// `least_usage.error_penalty`: tokens that an error counts as. Default 10,000.
    pub error_penalty: u64,
    /// `least_usage.request_penalty`: tokens that each call counts as besides its own. Default 500.
    pub request_penalty: u64,
}

impl RoutingConfig {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let breaker = section.field("breaker").section();
        let least_usage = section.field("least_usage").section();
        let penalty = |key, default: u32| u64::from(least_usage.field(key).or(default));
        let config = Self {
            total_timeout: section
                .field("total_timeout")
                .or(Duration::from_secs(15 * 60)),
            keep_alive: Some(section.field("keep_alive").or(Duration::from_secs(30)))
                .filter(|every| !every.is_zero()),
            breaker_failures: breaker.field("failures").or(5),
            breaker_rest: breaker.field("rest").or(Duration::from_secs(30)),
            error_penalty: penalty("error_penalty", 10_000),
            request_penalty: penalty("request_penalty", 500),
        };
        if config.total_timeout < Duration::from_secs(1) {
            section.report("total_timeout", "must be at least 1s");
        }
        breaker.deny_unknown_keys();
        least_usage.deny_unknown_keys();
        section.deny_unknown_keys();
        config
    }
}
