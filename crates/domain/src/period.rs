//! Calendar days and months in the reporting time zone. A day may last 23 or 25 hours; the zone
//! database decides, not arithmetic.

use jiff::{ToSpan, Zoned, tz::TimeZone};

use crate::Timestamp;

/// A stretch of time, from `start` inclusive to `end` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Period {
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}

fn zoned(at: Timestamp, zone: &TimeZone) -> Zoned {
    jiff::Timestamp::from_millisecond(at.0)
        .unwrap_or_default()
        .to_zoned(zone.clone())
}

fn timestamp(at: &Zoned) -> Timestamp {
    Timestamp(at.timestamp().as_millisecond())
}

/// The calendar day that `at` lies in. At the far ends of the calendar, where a day has no
/// successor, the period ends where it starts.
#[must_use]
pub fn day(at: Timestamp, zone: &TimeZone) -> Period {
    let start = zoned(at, zone)
        .start_of_day()
        .unwrap_or_else(|_| zoned(at, zone));
    let end = start.tomorrow().unwrap_or_else(|_| start.clone());
    Period {
        start: timestamp(&start),
        end: timestamp(&end),
    }
}

/// The calendar month that `at` lies in.
#[must_use]
pub fn month(at: Timestamp, zone: &TimeZone) -> Period {
    let here = zoned(at, zone);
    let start = here
        .first_of_month()
        .and_then(|z| z.start_of_day())
        .unwrap_or(here);
    let end = start
        .checked_add(1.month())
        .unwrap_or_else(|_| start.clone());
    Period {
        start: timestamp(&start),
        end: timestamp(&end),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect("a zone of the bundled database")
    }

    fn at(text: &str) -> Timestamp {
        Timestamp(
            text.parse::<jiff::Timestamp>()
                .expect("a time")
                .as_millisecond(),
        )
    }

    #[test]
    fn days_follow_the_zone_across_a_clock_change() {
        // Paris went from UTC+1 to UTC+2 on 2026-03-29: that day had 23 hours.
        let p = day(at("2026-03-29T12:00:00Z"), &zone("Europe/Paris"));
        assert_eq!(
            p,
            Period {
                start: at("2026-03-28T23:00:00Z"),
                end: at("2026-03-29T22:00:00Z")
            }
        );
        let p = day(at("2026-11-20T20:00:00Z"), &zone("Asia/Kolkata"));
        assert_eq!(p.start, at("2026-11-20T18:30:00Z"));
    }

    #[test]
    fn months_have_their_own_lengths() {
        let p = month(at("2028-02-29T23:59:59Z"), &TimeZone::UTC);
        assert_eq!(
            p,
            Period {
                start: at("2028-02-01T00:00:00Z"),
                end: at("2028-03-01T00:00:00Z")
            }
        );
    }

    proptest! {
        #[test]
        fn every_moment_lies_in_its_own_day_and_month(millis in 0i64..4_000_000_000_000, name in prop::sample::select(vec!["UTC", "Europe/Paris", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia"])) {
            let (t, z) = (Timestamp(millis), zone(name));
            let (d, m) = (day(t, &z), month(t, &z));
            prop_assert!(d.contains(t) && m.contains(t));
            prop_assert!(m.start <= d.start && d.end <= m.end);
            prop_assert_eq!(day(d.end, &z).start, d.end, "days follow each other without a gap");
        }
    }
}
