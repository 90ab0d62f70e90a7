//! The `dashboard` section: what the pages in the browser show, and when days begin.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::reader::Section;

/// What the pages in the browser show.
#[derive(Clone, Debug)]
pub struct DashboardConfig {
    /// `refresh_interval`, `UI_REFRESH_INTERVAL` in seconds: how often figures are fetched anew.
    /// Default 30 s.
    pub refresh_interval: Duration,
    /// `time_zone`: where days and months of budgets and charts begin. Default UTC.
    pub time_zone: TimeZone,
    /// `public_status`: whether `GET /status` answers callers without a credential, without addresses,
    /// mappings of models and texts of errors. Default no.
    pub public_status: bool,
}

impl DashboardConfig {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let interval = section
            .field("refresh_interval")
            .variables(&["UI_REFRESH_INTERVAL"]);
        let config = Self {
            refresh_interval: interval.or(Duration::from_secs(30)),
            time_zone: section.field("time_zone").or(TimeZone::UTC),
            public_status: section.field("public_status").or(false),
        };
        if config.refresh_interval < Duration::from_secs(1) {
            section.report("refresh_interval", "must be at least 1s");
        }
        section.deny_unknown_keys();
        config
    }
}
