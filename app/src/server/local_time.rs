//! Times as the pages print them: in the reporting zone, made on the server, so that the browser
//! needs no zone database and every visitor reads the same.

use control::Control;
use domain::{Timestamp, account::KeySummary};
use jiff::tz::TimeZone;

use crate::components::key_list::KeyRow;

/// Writes times in the reporting zone.
#[derive(Debug)]
pub struct LocalTime {
    zone: TimeZone,
}

impl LocalTime {
    /// In the zone that `control` reports in; UTC where the database does not know it.
    #[must_use]
    pub fn of(control: &Control) -> Self {
        Self {
            zone: TimeZone::get(control.time_zone_name()).unwrap_or(TimeZone::UTC),
        }
    }

    /// `2026-11-20`.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> String {
        self.write(at, "%Y-%m-%d")
    }

    /// `2026-11-20 14:03`.
    #[must_use]
    pub fn minute(&self, at: Timestamp) -> String {
        self.write(at, "%Y-%m-%d %H:%M")
    }

    /// `2026-11-20 14:03:59`.
    #[must_use]
    pub fn second(&self, at: Timestamp) -> String {
        self.write(at, "%Y-%m-%d %H:%M:%S")
    }

    /// When a day such as `2026-11-20` begins, and when the next one does.
    #[must_use]
    pub fn start_of(&self, day: &str) -> Option<[Timestamp; 2]> {
        let day: jiff::civil::Date = day.trim().parse().ok()?;
        let start = |day: jiff::civil::Date| {
            let zoned = day.to_zoned(self.zone.clone()).ok()?;
            Some(Timestamp(zoned.timestamp().as_millisecond()))
        };
        Some([start(day)?, start(day.tomorrow().ok()?)?])
    }

    /// A key with its times.
    #[must_use]
    pub fn key_row(&self, summary: KeySummary) -> KeyRow {
        KeyRow {
            created: self.day(summary.key.created_at),
            last_used: summary.key.last_used_at.map(|at| self.minute(at)),
            expires: summary.key.expires_at.map(|at| self.minute(at)),
            retires: summary
                .key
                .retiring
                .as_ref()
                .map(|old| self.minute(old.valid_until)),
            summary,
        }
    }

    fn write(&self, at: Timestamp, format: &str) -> String {
        jiff::Timestamp::from_millisecond(at.0)
            .unwrap_or_default()
            .to_zoned(self.zone.clone())
            .strftime(format)
            .to_string()
    }
}
