//! The usage report, of everyone or of oneself: sums by time and by whose they were, with totals that add
//! up. All of it comes from rollups; only minutes, of which there are three hours at most, read the rows of
//! the hours that they begin and end in.

use std::collections::HashMap;

use domain::{
    Timestamp, UserId,
    period::{self, Period},
    report::{Latency, Totals},
    usage_report::{
        BucketSize, RangeChoice, UsageBucket, UsageGroup, UsageLine, UsageQuery, UsageReport,
        UsageSeries,
    },
};
use jiff::{ToSpan as _, civil::Date, tz::TimeZone};
use storage::{UsageScope, UsageSums};

use crate::{Admin, Control, ControlError, Principal, reports::label};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How long a range may be for each kind of bucket; a longer one gets the next.
const LONGEST_BY_MINUTE_MS: i64 = 3 * HOUR_MS;
const LONGEST_BY_HOUR_MS: i64 = 32 * DAY_MS;
const LONGEST_BY_DAY_MS: i64 = 800 * DAY_MS;

/// Groups with a line of their own.
const LINES: usize = 200;
/// Groups with a colour of their own in the chart.
const SERIES: usize = 6;

/// A bucket of the export with the sums of each group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageExportRow {
    pub bucket: String,
    pub name: String,
    pub totals: Totals,
}

impl Control {
    /// # Errors
    /// When the database fails.
    pub async fn usage_report(
        &self,
        _: &Admin,
        query: &UsageQuery,
    ) -> Result<UsageReport, ControlError> {
        let scope = match query.user {
            Some(user) => UsageScope::User(UserId(user)),
            None => UsageScope::Everyone,
        };
        self.usage_of(query, scope).await
    }

    /// One's own, whatever user the query names.
    ///
    /// # Errors
    /// [`ControlError::Forbidden`] for the master key, [`ControlError::PasswordChangeRequired`].
    pub async fn my_usage_report(
        &self,
        principal: &Principal,
        query: &UsageQuery,
    ) -> Result<UsageReport, ControlError> {
        let scope = UsageScope::User(principal.owner()?);
        self.usage_of(query, scope).await
    }

    /// Every group in every bucket, for the export.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage_export(
        &self,
        _: &Admin,
        query: &UsageQuery,
    ) -> Result<Vec<UsageExportRow>, ControlError> {
        let scope = match query.user {
            Some(user) => UsageScope::User(UserId(user)),
            None => UsageScope::Everyone,
        };
        self.export_of(query, scope).await
    }

    /// The same of oneself.
    ///
    /// # Errors
    /// As [`Control::my_usage_report`].
    pub async fn my_usage_export(
        &self,
        principal: &Principal,
        query: &UsageQuery,
    ) -> Result<Vec<UsageExportRow>, ControlError> {
        let scope = UsageScope::User(principal.owner()?);
        self.export_of(query, scope).await
    }

    async fn usage_of(
        &self,
        query: &UsageQuery,
        scope: UsageScope,
    ) -> Result<UsageReport, ControlError> {
        let zone = self.zone();
        let mut whole = self.period_of(&query.range);
        if query.range.named.as_deref() == Some("all") && query.range.since.is_none() {
            whole.start = self.first_of(scope, whole).await?;
        }
        let (bucket, coarser) = bucket_of(query.bucket, whole);
        let spans = cut(whole, bucket, zone);
        let one = [whole];
        let by_span = self.db().usage_sums(&spans, scope, None).await?;
        let latencies = self.db().usage_latencies(&spans, scope, None).await?;
        let mut totals = vec![Totals::default(); spans.len()];
        for sums in by_span {
            if let Some(place) = totals.get_mut(sums.span) {
                *place = sums.totals;
            }
        }
        let mut times = vec![Latency::default(); spans.len()];
        for (span, _, _, latency) in latencies {
            if let Some(place) = times.get_mut(span) {
                *place = latency;
            }
        }
        let overall = self.db().usage_latencies(&one, scope, None).await?;
        let overall = overall.into_iter().next().map(|(.., latency)| latency);
        let mut total = Totals::default();
        for of_bucket in &totals {
            total += *of_bucket;
        }
        let groups = self.db().usage_sums(&one, scope, Some(query.group)).await?;
        let lines = self.lines(groups, query.group, scope, whole).await?;
        let series = self
            .series(&lines, &spans, &totals, query.group, scope)
            .await?;
        let buckets = spans.iter().zip(totals).zip(times);
        let buckets = buckets.map(|((span, totals), latency)| UsageBucket {
            start: span.start,
            end: span.end,
            label: label(span.start, zone, format_of(bucket)),
            totals,
            latency,
        });
        Ok(UsageReport {
            time_zone: self.time_zone_name().to_owned(),
            start: whole.start,
            end: whole.end,
            start_local: label(whole.start, zone, "%Y-%m-%d %H:%M"),
            end_local: label(whole.end, zone, "%Y-%m-%d %H:%M"),
            bucket,
            coarser,
            group: query.group,
            total,
            latency: overall.unwrap_or_default(),
            buckets: buckets.collect(),
            lines: lines.into_iter().map(|(_, line)| line).collect(),
            series,
        })
    }

    /// The lines of the table, the dearest first, each with what it is in the sums.
    async fn lines(
        &self,
        mut groups: Vec<UsageSums>,
        group: UsageGroup,
        scope: UsageScope,
        whole: Period,
    ) -> Result<Vec<(Option<GroupKey>, UsageLine)>, ControlError> {
        groups.sort_by(|a, b| {
            let of = |sums: &UsageSums| (sums.totals.cost, sums.totals.requests);
            of(b).cmp(&of(a)).then_with(|| key_of(a).cmp(&key_of(b)))
        });
        let rest = groups.split_off(groups.len().min(LINES));
        let latencies = self
            .db()
            .usage_latencies(&[whole], scope, Some(group))
            .await?;
        let latencies: HashMap<GroupKey, Latency> = latencies
            .into_iter()
            .map(|(_, id, model, latency)| ((id, model), latency))
            .collect();
        let ids: Vec<i64> = groups.iter().filter_map(|sums| sums.id).collect();
        let names = self.db().names_of(group, &ids).await?;
        let mut lines: Vec<(Option<GroupKey>, UsageLine)> = groups
            .into_iter()
            .map(|sums| {
                let key = key_of(&sums);
                let line = UsageLine {
                    filter: match group {
                        UsageGroup::Model => Some(sums.model.clone()),
                        _ => sums.id.map(|id| id.to_string()),
                    },
                    name: name_of(group, &sums, &names),
                    totals: sums.totals,
                    latency: latencies.get(&key).copied().unwrap_or_default(),
                };
                (Some(key), line)
            })
            .collect();
        if !rest.is_empty() {
            let mut totals = Totals::default();
            let count = rest.len();
            for sums in rest {
                totals += sums.totals;
            }
            let line = UsageLine {
                filter: None,
                name: format!("{count} others"),
                totals,
                latency: Latency::default(),
            };
            lines.push((None, line));
        }
        Ok(lines)
    }

    /// The dearest groups by bucket, and what is left of each bucket.
    async fn series(
        &self,
        lines: &[(Option<GroupKey>, UsageLine)],
        spans: &[Period],
        totals: &[Totals],
        group: UsageGroup,
        scope: UsageScope,
    ) -> Result<Vec<UsageSeries>, ControlError> {
        let shown: Vec<(&GroupKey, &UsageLine)> = lines
            .iter()
            .filter_map(|(key, line)| Some((key.as_ref()?, line)))
            .take(SERIES)
            .collect();
        let mut series: Vec<UsageSeries> = shown
            .iter()
            .map(|(_, line)| UsageSeries {
                name: line.name.clone(),
                buckets: vec![Totals::default(); spans.len()],
            })
            .collect();
        for sums in self.db().usage_sums(spans, scope, Some(group)).await? {
            let key = key_of(&sums);
            let place = shown.iter().position(|(shown, _)| **shown == key);
            let place = place.and_then(|place| series.get_mut(place)?.buckets.get_mut(sums.span));
            if let Some(place) = place {
                *place = sums.totals;
            }
        }
        if lines.len() > shown.len() {
            let others = totals.iter().enumerate().map(|(span, total)| {
                let mut left = *total;
                for one in &series {
                    if let Some(of_one) = one.buckets.get(span) {
                        left.cost -= of_one.cost;
                        left.requests = left.requests.saturating_sub(of_one.requests);
                        left.errors = left.errors.saturating_sub(of_one.errors);
                    }
                }
                left
            });
            let buckets = others.collect();
            series.push(UsageSeries {
                name: "Others".to_owned(),
                buckets,
            });
        }
        Ok(series)
    }

    async fn export_of(
        &self,
        query: &UsageQuery,
        scope: UsageScope,
    ) -> Result<Vec<UsageExportRow>, ControlError> {
        let zone = self.zone();
        let mut whole = self.period_of(&query.range);
        if query.range.named.as_deref() == Some("all") && query.range.since.is_none() {
            whole.start = self.first_of(scope, whole).await?;
        }
        let (bucket, _) = bucket_of(query.bucket, whole);
        let spans = cut(whole, bucket, zone);
        let mut sums = self
            .db()
            .usage_sums(&spans, scope, Some(query.group))
            .await?;
        let ids: Vec<i64> = sums.iter().filter_map(|sums| sums.id).collect();
        let names = self.db().names_of(query.group, &ids).await?;
        sums.sort_by(|a, b| {
            let order = a.span.cmp(&b.span);
            let order = order.then(b.totals.cost.cmp(&a.totals.cost));
            order.then_with(|| key_of(a).cmp(&key_of(b)))
        });
        let rows = sums.into_iter().map(|sums| UsageExportRow {
            bucket: spans
                .get(sums.span)
                .map(|span| label(span.start, zone, format_of(bucket)))
                .unwrap_or_default(),
            name: name_of(query.group, &sums, &names),
            totals: sums.totals,
        });
        Ok(rows.collect())
    }

    /// The start of the day of the first request there is.
    async fn first_of(&self, scope: UsageScope, whole: Period) -> Result<Timestamp, ControlError> {
        let months = cut_back(whole.end, self.zone());
        let sums = self.db().usage_sums(&months, scope, None).await?;
        let first = sums.iter().map(|sums| sums.span).max();
        let first = first.and_then(|span| months.get(span));
        Ok(first.map_or_else(
            || period::day(self.now(), self.zone()).start,
            |month| month.start,
        ))
    }

    /// The stretch of time that was chosen; without a choice the last seven days. Days are whole, the
    /// present one included.
    pub(crate) fn period_of(&self, choice: &RangeChoice) -> Period {
        let (zone, now) = (self.zone(), self.now());
        let today = period::day(now, zone);
        if choice.since.is_some() || choice.until.is_some() {
            let start = choice.since.unwrap_or(Timestamp(0));
            let end = choice.until.unwrap_or(today.end);
            let end = Timestamp(
                end.0
                    .clamp(start.0, start.0.saturating_add(100 * 366 * DAY_MS)),
            );
            return Period { start, end };
        }
        let day = |text: &Option<String>| {
            let date: Date = text.as_deref()?.parse().ok()?;
            let at = date.to_zoned(zone.clone()).ok()?;
            Some(period::day(
                Timestamp(at.timestamp().as_millisecond()),
                zone,
            ))
        };
        let (from, to) = (day(&choice.from), day(&choice.to));
        if from.is_some() || to.is_some() {
            let end = to.map_or(today.end, |to| to.end);
            let start = from.map_or_else(
                || period::day(Timestamp(end.0 - 1), zone).start,
                |from| from.start,
            );
            return Period {
                start,
                end: end.max(start),
            };
        }
        let days = |count: i64| {
            let start = jiff::Timestamp::from_millisecond(today.start.0).unwrap_or_default();
            let start = start.to_zoned(zone.clone());
            let start = start.checked_sub((count - 1).days()).unwrap_or(start);
            Period {
                start: Timestamp(start.timestamp().as_millisecond()),
                end: today.end,
            }
        };
        let end = Timestamp(now.0.saturating_sub(now.0.rem_euclid(MINUTE_MS)) + MINUTE_MS);
        match choice.named.as_deref() {
            Some("1h") => Period {
                start: Timestamp(end.0 - HOUR_MS),
                end,
            },
            Some("today") => today,
            Some("24h") => Period {
                start: Timestamp(now.hour().0 - 23 * HOUR_MS),
                end: Timestamp(now.hour().0 + HOUR_MS),
            },
            Some("30d") => days(30),
            Some("month") => Period {
                end: today.end,
                ..period::month(now, zone)
            },
            Some("90d") => days(90),
            Some("year") => {
                let mut start = period::month(now, zone).start;
                for _ in 0..11 {
                    start = period::month(Timestamp(start.0 - 1), zone).start;
                }
                Period {
                    start,
                    end: today.end,
                }
            }
            Some("all") => Period {
                start: Timestamp(0),
                end: today.end,
            },
            _ => days(7),
        }
    }
}

/// What sums are of: the id, or the model.
type GroupKey = (Option<i64>, String);

fn key_of(sums: &UsageSums) -> GroupKey {
    (sums.id, sums.model.clone())
}

fn name_of(group: UsageGroup, sums: &UsageSums, names: &HashMap<i64, String>) -> String {
    match (group, sums.id) {
        (UsageGroup::Model, _) if sums.model.is_empty() => "no model".to_owned(),
        (UsageGroup::Model, _) => sums.model.clone(),
        (_, Some(id)) => names
            .get(&id)
            .cloned()
            .unwrap_or_else(|| format!("deleted, number {id}")),
        (UsageGroup::User, None) => "no user".to_owned(),
        (UsageGroup::Team, None) => "no team".to_owned(),
        (UsageGroup::Key, None) => "master key".to_owned(),
        (UsageGroup::Backend, None) => "no backend".to_owned(),
    }
}

/// The bucket to take, and whether that is coarser than what was asked for.
fn bucket_of(asked: Option<BucketSize>, whole: Period) -> (BucketSize, bool) {
    let length = whole.end.millis_since(whole.start);
    let wanted = asked.unwrap_or(match length {
        0..=LONGEST_BY_MINUTE_MS => BucketSize::Minute,
        _ if length <= 2 * DAY_MS => BucketSize::Hour,
        _ if length <= 100 * DAY_MS => BucketSize::Day,
        _ => BucketSize::Month,
    });
    let mut bucket = wanted;
    if bucket == BucketSize::Minute && length > LONGEST_BY_MINUTE_MS {
        bucket = BucketSize::Hour;
    }
    if bucket == BucketSize::Hour && length > LONGEST_BY_HOUR_MS {
        bucket = BucketSize::Day;
    }
    if bucket == BucketSize::Day && length > LONGEST_BY_DAY_MS {
        bucket = BucketSize::Month;
    }
    (bucket, bucket != wanted)
}

fn format_of(bucket: BucketSize) -> &'static str {
    match bucket {
        BucketSize::Minute | BucketSize::Hour => "%Y-%m-%d %H:%M",
        BucketSize::Day => "%Y-%m-%d",
        BucketSize::Month => "%Y-%m",
    }
}

/// The buckets of a stretch, without a gap. The first and the last are as long as what lies in it.
fn cut(whole: Period, bucket: BucketSize, zone: &TimeZone) -> Vec<Period> {
    let mut spans = Vec::new();
    let mut start = whole.start;
    while start < whole.end {
        let end = match bucket {
            BucketSize::Minute => Timestamp(start.0 - start.0.rem_euclid(MINUTE_MS) + MINUTE_MS),
            // Counted from the day's start, as zones with half hours need it.
            BucketSize::Hour => {
                let day = period::day(start, zone);
                let within = start.0 - day.start.0;
                let end = start.0 - within.rem_euclid(HOUR_MS) + HOUR_MS;
                Timestamp(end.min(day.end.0.max(start.0 + 1)))
            }
            BucketSize::Day => period::day(start, zone).end,
            BucketSize::Month => period::month(start, zone).end,
        };
        let end = end.max(Timestamp(start.0 + 1)).min(whole.end);
        spans.push(Period { start, end });
        start = end;
    }
    spans
}

/// Ten years of months, the latest first.
fn cut_back(end: Timestamp, zone: &TimeZone) -> Vec<Period> {
    let mut months = vec![period::month(Timestamp(end.0 - 1), zone)];
    while months.len() < 120 {
        let Some(later) = months.last() else { break };
        months.push(period::month(Timestamp(later.start.0 - 1), zone));
    }
    months
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let time: jiff::Timestamp = text.parse().expect("a time");
        Timestamp(time.as_millisecond())
    }

    #[test]
    fn buckets_follow_each_other_and_cover_the_range_across_a_clock_change() {
        for name in ["UTC", "Europe/Paris", "Asia/Kolkata"] {
            let zone = TimeZone::get(name).expect("a zone");
            let first = period::day(at("2026-03-27T12:00:00Z"), &zone);
            let last = period::day(at("2026-03-30T12:00:00Z"), &zone);
            let whole = Period {
                start: first.start,
                end: last.end,
            };
            for (bucket, count) in [
                (BucketSize::Day, 4),
                (BucketSize::Month, 1),
                (
                    BucketSize::Hour,
                    if name == "Europe/Paris" { 95 } else { 96 },
                ),
            ] {
                let spans = cut(whole, bucket, &zone);
                assert_eq!(spans.len(), count, "{name} {bucket:?}");
                assert_eq!(spans.first().map(|s| s.start), Some(whole.start));
                assert_eq!(spans.last().map(|s| s.end), Some(whole.end));
                assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].start));
            }
        }
    }

    #[test]
    fn too_many_buckets_become_coarser() {
        let day = |n: i64| Period {
            start: Timestamp(0),
            end: Timestamp(n * DAY_MS),
        };
        assert_eq!(
            bucket_of(Some(BucketSize::Minute), day(1)),
            (BucketSize::Hour, true)
        );
        assert_eq!(
            bucket_of(Some(BucketSize::Minute), day(40)),
            (BucketSize::Day, true)
        );
        assert_eq!(bucket_of(None, day(7)), (BucketSize::Day, false));
        assert_eq!(
            bucket_of(Some(BucketSize::Hour), day(31)),
            (BucketSize::Hour, false)
        );
    }
}
