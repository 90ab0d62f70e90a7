//! Charts, drawn on the server. charts-rs writes fixed colours, so the colours here are marks that
//! the style sheet turns into the theme's; one picture then serves light and dark. Numbers are
//! floats from here on, since they only decide how tall a bar is: the table beside each chart has
//! the exact ones.

use charts_rs::{BarChart, Color, LineChart, Series, XAxisConfig, YAxisConfig};
use domain::{
    report::{Bucket, Overview},
    status::ActivityLine,
    usage_report::{BucketSize, UsageReport},
};

use crate::{
    components::chart_card::Chart,
    pages::{
        admin::overview::{Measure, OverviewPage},
        usage::{UsageMeasure, UsagePage},
        web::StatusMeasure,
    },
};

/// The colours that `style/main.css` replaces.
const BAR: (u8, u8, u8) = (0, 0, 0xA1);
const TEXT: (u8, u8, u8) = (0, 0, 0xA2);
const LINE: (u8, u8, u8) = (0, 0, 0xA3);

/// The colours of series, in their order.
const SERIES: [(u8, u8, u8); 7] = [
    (0, 0, 0xB1),
    (0, 0, 0xB2),
    (0, 0, 0xB3),
    (0, 0, 0xB4),
    (0, 0, 0xB5),
    (0, 0, 0xB6),
    (0, 0, 0xB7),
];

/// Hours of a day; hours to come are drawn empty, so that the day has always the same width.
const HOURS: usize = 24;

/// Adds the chart to the figures.
#[must_use]
pub fn overview_page(overview: Overview, measure: Measure) -> OverviewPage {
    OverviewPage {
        chart: by_hour(&overview.by_hour, measure),
        overview,
        measure,
    }
}

/// Adds the chart to the report.
#[must_use]
pub fn usage_page(report: UsageReport, measure: UsageMeasure) -> UsagePage {
    let (chart, legend) = over_time(&report, measure);
    UsagePage {
        report,
        measure,
        chart,
        legend,
    }
}

/// A name and a value for each bucket; `None`: there is none, which is not 0.
type Values = (String, Vec<Option<i64>>);

/// What the chart shows by bucket, and what its colours stand for.
fn over_time(report: &UsageReport, measure: UsageMeasure) -> (Option<Chart>, Vec<String>) {
    let count = |n: u64| Some(i64::try_from(n).unwrap_or(i64::MAX));
    let by_group = |of: &dyn Fn(&domain::report::Totals) -> Option<i64>| -> Vec<Values> {
        let series = report.series.iter();
        series
            .map(|one| (one.name.clone(), one.buckets.iter().map(of).collect()))
            .collect()
    };
    let by_bucket = |name: &str, of: &dyn Fn(&domain::usage_report::UsageBucket) -> Option<i64>| {
        (name.to_owned(), report.buckets.iter().map(of).collect())
    };
    let time = |ms: Option<u32>| ms.map(i64::from);
    let (unit, series): (Unit, Vec<Values>) = match measure {
        UsageMeasure::Spend => (Unit::Money, by_group(&|totals| Some(totals.cost.0.max(0)))),
        UsageMeasure::Requests => (Unit::Requests, by_group(&|totals| count(totals.requests))),
        UsageMeasure::Errors => (Unit::Requests, by_group(&|totals| count(totals.errors))),
        UsageMeasure::Tokens => (
            Unit::Tokens,
            vec![
                by_bucket("Input, not cached", &|bucket| {
                    let usage = &bucket.totals.usage;
                    count(usage.total_input().saturating_sub(usage.cache_read))
                }),
                by_bucket("Input, cached", &|bucket| {
                    count(bucket.totals.usage.cache_read)
                }),
                by_bucket("Output", &|bucket| count(bucket.totals.usage.output)),
            ],
        ),
        UsageMeasure::Latency => (
            Unit::Time,
            vec![
                by_bucket("p50", &|bucket| time(bucket.latency.p50_ms)),
                by_bucket("p95", &|bucket| time(bucket.latency.p95_ms)),
                by_bucket("p99", &|bucket| time(bucket.latency.p99_ms)),
            ],
        ),
        UsageMeasure::FirstChunk => (
            Unit::Time,
            vec![
                by_bucket("p50", &|bucket| time(bucket.latency.first_chunk_p50_ms)),
                by_bucket("p95", &|bucket| time(bucket.latency.first_chunk_p95_ms)),
                by_bucket("p99", &|bucket| time(bucket.latency.first_chunk_p99_ms)),
            ],
        ),
    };
    let legend = series.iter().map(|(name, _)| name.clone()).collect();
    let tallest = (0..report.buckets.len()).map(|bucket| {
        let values = series.iter().filter_map(|(_, values)| *values.get(bucket)?);
        match unit {
            Unit::Time => values.max().unwrap_or(0),
            _ => values.fold(0, i64::saturating_add),
        }
    });
    let Some(largest) = tallest.max().filter(|largest| *largest > 0) else {
        return (None, legend);
    };
    let scale = Scale::of(unit, largest);
    let labels: Vec<String> = report
        .buckets
        .iter()
        .map(|bucket| match report.bucket {
            // The year, and for hours of few days the date, say nothing new on an axis.
            BucketSize::Day => bucket.label.chars().skip(5).collect(),
            BucketSize::Hour | BucketSize::Minute => bucket.label.chars().skip(5).collect(),
            BucketSize::Month => bucket.label.clone(),
        })
        .collect();
    let draw = |width: f32, height, label_width: usize| {
        let room = (width as usize / label_width).max(1);
        let every = labels.len().div_ceil(room).max(1);
        plot(
            &series,
            &labels,
            &scale,
            (width, height),
            every,
            unit == Unit::Time,
        )
        .map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a chart failed");
        })
        .ok()
    };
    let label_width = match report.bucket {
        BucketSize::Hour | BucketSize::Minute => 90,
        BucketSize::Day | BucketSize::Month => 60,
    };
    let chart = draw(1000.0, 260.0, label_width)
        .zip(draw(360.0, 240.0, label_width))
        .map(|(wide, narrow)| Chart {
            unit: scale.unit.to_owned(),
            wide,
            narrow,
        });
    (chart, legend)
}

/// Bars on top of each other, or lines.
fn plot(
    series: &[Values],
    labels: &[String],
    scale: &Scale,
    (width, height): (f32, f32),
    label_every: usize,
    lines: bool,
) -> Result<String, charts_rs::Error> {
    let text: Color = TEXT.into();
    let list = series.iter().map(|(name, values)| {
        let heights = values
            .iter()
            .map(|value| value.map(|value| scale.height(value)));
        let mut one = Series::new_nullable(name.clone(), heights.collect());
        if !lines {
            one.stack = Some("all".to_owned());
        }
        one
    });
    let list: Vec<Series> = list.collect();
    let x_labels: Vec<String> = labels
        .iter()
        .enumerate()
        .map(|(index, label)| match index % label_every {
            0 => label.clone(),
            _ => String::new(),
        })
        .collect();
    macro_rules! dressed {
        ($chart:expr) => {{
            let mut chart = $chart;
            chart.width = width;
            chart.height = height;
            chart.margin = charts_rs::Box {
                left: 10.0,
                top: 8.0,
                right: 8.0,
                bottom: 0.0,
            };
            chart.background_color = Color::transparent();
            chart.font_family = "sans-serif".to_owned();
            chart.legend.show = Some(false);
            chart.series.colors = SERIES.map(Color::from).to_vec();
            chart.grid.stroke_color = LINE.into();
            chart.tooltip.show = true;
            chart.tooltip.font.color = text;
            chart.series.label.font.color = text;
            chart.series.label.font.size = 11.0;
            chart.compact = false;
            chart.x_axis = XAxisConfig {
                stroke_color: LINE.into(),
                ..chart.x_axis.clone()
            };
            chart.x_axis.font.color = text;
            chart.x_axis.font.size = 11.0;
            let mut y_axis = chart.y_axis_configs.first().cloned().unwrap_or_default();
            y_axis.font.color = text;
            y_axis.font.size = 11.0;
            y_axis.split_number = 4;
            y_axis.min = Some(0.0);
            y_axis.max = Some(scale.top);
            y_axis.formatter = Some(scale.format.to_owned());
            chart.y_axis_configs = vec![YAxisConfig {
                stroke_color: Color::transparent(),
                ..y_axis
            }];
            chart.svg()?
        }};
    }
    let svg = match lines {
        true => dressed!(LineChart::new(list, x_labels)),
        false => dressed!(BarChart::new(list, x_labels)),
    };
    Ok(themed(&svg, "Over time", scale.unit))
}

/// Today by hour; `None` where there is nothing to draw.
#[must_use]
pub fn by_hour(hours: &[Bucket], measure: Measure) -> Option<Chart> {
    let values: Vec<i64> = hours
        .iter()
        .map(|hour| match measure {
            Measure::Spend => hour.totals.cost.0.max(0),
            Measure::Requests => i64::try_from(hour.totals.requests).unwrap_or(i64::MAX),
        })
        .collect();
    let unit = match measure {
        Measure::Requests => Unit::Requests,
        Measure::Spend => Unit::Money,
    };
    let labels: Vec<String> = hours.iter().map(|hour| hour.label.clone()).collect();
    drawn(&values, &labels, unit, [3, 6])
}

/// What happened lately; `None` where there is nothing to draw.
#[must_use]
pub fn activity(lines: &[ActivityLine], measure: StatusMeasure) -> Option<Chart> {
    let of = |line: &ActivityLine| match measure {
        StatusMeasure::Requests => line.requests,
        StatusMeasure::Tokens => line.input_tokens + line.output_tokens,
        StatusMeasure::Latency => line.latency_ms.unwrap_or(0),
    };
    let unit = match measure {
        StatusMeasure::Requests => Unit::Requests,
        StatusMeasure::Tokens => Unit::Tokens,
        StatusMeasure::Latency => Unit::Time,
    };
    let values: Vec<i64> = lines
        .iter()
        .map(|line| i64::try_from(of(line)).unwrap_or(i64::MAX))
        .collect();
    let labels: Vec<String> = lines.iter().map(|line| line.label.clone()).collect();
    let every = labels.len().div_ceil(8).max(1);
    drawn(&values, &labels, unit, [every, every * 2])
}

/// Bars, in both widths; every so many are labelled.
fn drawn(values: &[i64], labels: &[String], unit: Unit, every: [usize; 2]) -> Option<Chart> {
    let largest = values.iter().copied().max().filter(|max| *max > 0)?;
    let scale = Scale::of(unit, largest);
    let heights: Vec<f32> = values.iter().map(|value| scale.height(*value)).collect();
    let [wide, narrow] = every;
    let draw = |width, height, every| {
        bars(&heights, labels, &scale, width, height, every).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a chart failed");
        })
    };
    // Text keeps its size in the picture's own units: a narrow picture has larger letters and
    // room for fewer labels.
    Some(Chart {
        unit: scale.unit.to_owned(),
        wide: draw(720.0, 230.0, wide).ok()?,
        narrow: draw(360.0, 220.0, narrow).ok()?,
    })
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Nano-USD.
    Money,
    Requests,
    Tokens,
    /// Milliseconds.
    Time,
}

/// What one step of the axis is worth.
#[derive(Debug, PartialEq)]
struct Scale {
    unit: &'static str,
    /// How the axis writes a number; `{t}` is charts-rs's place for it, grouped by thousands.
    format: &'static str,
    /// In what the values count: nano-USD, or requests.
    step: i64,
    /// The top of the axis, in steps.
    top: f32,
}

impl Scale {
    /// The largest unit in which `largest` is at least 1: an axis from $0.000001 to $0.000009 is
    /// read by nobody.
    fn of(unit: Unit, largest: i64) -> Self {
        let (unit, format, step) = match (unit, largest) {
            (Unit::Requests, _) => ("requests", "{t}", 1),
            (Unit::Tokens, 10_000_000..) => ("million tokens", "{t}M", 1_000_000),
            (Unit::Tokens, 10_000..) => ("thousand tokens", "{t}k", 1_000),
            (Unit::Tokens, _) => ("tokens", "{t}", 1),
            (Unit::Time, 10_000..) => ("seconds", "{t} s", 1_000),
            (Unit::Time, _) => ("milliseconds", "{t} ms", 1),
            (Unit::Money, 1_000_000_000..) => ("US dollars", "${t}", 1_000_000_000),
            (Unit::Money, 10_000_000..) => ("US cents", "{t}¢", 10_000_000),
            (Unit::Money, _) => ("millionths of a US dollar", "{t} µ$", 1_000),
        };
        let mut scale = Self {
            unit,
            format,
            step,
            top: 0.0,
        };
        scale.top = round_top(scale.height(largest));
        scale
    }

    #[expect(clippy::cast_precision_loss, reason = "a bar's height in a picture")]
    fn height(&self, value: i64) -> f32 {
        (value as f64 / self.step as f64) as f32
    }
}

/// The next of 1, 2, 4, 8 × 10ⁿ, so that the four parts of the axis are round as well.
fn round_top(largest: f32) -> f32 {
    // An axis of whole requests has no use for quarters of one.
    let mut decade = 1.0_f32;
    while decade * 8.0 < largest {
        decade *= 10.0;
    }
    [4.0, 8.0]
        .map(|part| part * decade)
        .into_iter()
        .find(|top| *top >= largest)
        .unwrap_or(decade * 10.0)
}

fn bars(
    heights: &[f32],
    labels: &[String],
    scale: &Scale,
    width: f32,
    height: f32,
    label_every: usize,
) -> Result<String, charts_rs::Error> {
    let text: Color = TEXT.into();
    let mut data = heights.to_vec();
    data.resize(data.len().max(HOURS), 0.0);
    let x_labels = (0..data.len()).map(|hour| match labels.get(hour) {
        Some(label) if hour % label_every == 0 => label.clone(),
        None if hour % label_every == 0 => format!("{hour:02}:00"),
        _ => String::new(),
    });
    let series = Series::new(scale.unit.to_owned(), data);
    let mut chart = BarChart::new(vec![series], x_labels.collect());
    chart.width = width;
    chart.height = height;
    // Room for the topmost label, and for the widest beside the axis: the picture's font is the
    // page's own, and wider than the one that charts-rs measures with.
    chart.margin = charts_rs::Box {
        left: 10.0,
        top: 8.0,
        right: 2.0,
        bottom: 0.0,
    };
    chart.background_color = Color::transparent();
    chart.font_family = "sans-serif".to_owned();
    chart.legend.show = Some(false);
    chart.series.colors = vec![BAR.into()];
    chart.grid.stroke_color = LINE.into();
    chart.tooltip.show = true;
    chart.tooltip.font.color = text;
    chart.series.label.font.color = text;
    chart.series.label.font.size = 11.0;
    chart.radius = Some(2.0);
    chart.compact = false;
    chart.x_axis = XAxisConfig {
        stroke_color: LINE.into(),
        ..chart.x_axis.clone()
    };
    chart.x_axis.font.color = text;
    chart.x_axis.font.size = 11.0;
    let mut y_axis = chart.y_axis_configs.first().cloned().unwrap_or_default();
    y_axis.font.color = text;
    y_axis.font.size = 11.0;
    y_axis.split_number = 4;
    y_axis.min = Some(0.0);
    y_axis.max = Some(scale.top);
    y_axis.formatter = Some(scale.format.to_owned());
    chart.y_axis_configs = vec![YAxisConfig {
        stroke_color: Color::transparent(),
        ..y_axis
    }];
    Ok(themed(&chart.svg()?, "Bars by hour", scale.unit))
}

/// The picture as the page needs it: no `<style>`, which the Content-Security-Policy refuses, no
/// size of its own, and a name for screen readers.
fn themed(svg: &str, what: &str, unit: &str) -> String {
    let mut rest = svg;
    let mut out = String::with_capacity(svg.len());
    while let Some(start) = rest.find("<style>") {
        out.push_str(&rest[..start]);
        rest = match rest[start..].find("</style>") {
            Some(end) => &rest[start + end + "</style>".len()..],
            None => "",
        };
    }
    out.push_str(rest);
    out.replacen(
        "<svg ",
        &format!("<svg role=\"img\" aria-label=\"{what}, in {unit}; the numbers are in the table below\" "),
        1,
    )
}

#[cfg(test)]
mod tests {
    use domain::{NanoUsd, Timestamp, report::Totals};

    use super::*;

    fn hours(costs: &[i64]) -> Vec<Bucket> {
        let bucket = |(hour, cost): (usize, &i64)| Bucket {
            start: Timestamp::default(),
            label: format!("{hour:02}:00"),
            totals: Totals {
                requests: 1,
                cost: NanoUsd(*cost),
                ..Totals::default()
            },
        };
        costs.iter().enumerate().map(bucket).collect()
    }

    #[test]
    fn the_unit_follows_the_largest_value() {
        let unit = |largest| Scale::of(Unit::Money, largest).unit;
        assert_eq!(unit(1_000_000_000), "US dollars");
        assert_eq!(unit(999_999_999), "US cents");
        assert_eq!(unit(10_000_000), "US cents");
        assert_eq!(unit(9_999_999), "millionths of a US dollar");
        assert_eq!(Scale::of(Unit::Requests, 5).unit, "requests");
    }

    #[test]
    fn the_axis_ends_at_a_round_number_above_the_largest_bar() {
        for (largest, top) in [
            (0.5, 4.0),
            (1.0, 4.0),
            (4.1, 8.0),
            (8.1, 40.0),
            (41.0, 80.0),
        ] {
            assert_eq!(round_top(largest), top, "{largest}");
        }
        let scale = Scale::of(Unit::Requests, i64::MAX);
        assert!(scale.top >= scale.height(i64::MAX));
    }

    #[test]
    fn a_chart_has_a_bar_for_each_hour_with_spend_and_only_colours_of_the_theme() {
        let chart = by_hour(&hours(&[0, 3_000_000_000, 1_000_000_000]), Measure::Spend);
        let chart = chart.expect("a chart");
        for svg in [&chart.wide, &chart.narrow] {
            assert!(!svg.contains("<style"), "the policy refuses it");
            assert!(!svg.contains("style=\""), "the policy refuses it");
            assert!(svg.contains("role=\"img\""));
            let foreign = svg
                .split('#')
                .skip(1)
                .find(|rest| !rest.starts_with("0000A"));
            assert_eq!(foreign.map(|rest| &rest[..6]), None, "a colour of its own");
        }
        assert_eq!(chart.unit, "US dollars");
    }

    #[test]
    fn an_empty_day_has_no_chart() {
        assert_eq!(by_hour(&[], Measure::Spend), None);
        assert_eq!(by_hour(&hours(&[0, 0]), Measure::Spend), None);
        assert!(by_hour(&hours(&[0]), Measure::Requests).is_some());
    }
}
