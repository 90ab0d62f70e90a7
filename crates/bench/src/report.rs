//! Turns the figures of a run into Markdown: a table for the terminal, the
//! gates, and one row for the history in `BENCHMARKS.md`. It rounds and
//! compares, and measures nothing.

use std::fmt::Write;

use crate::circumstances::Circumstances;
use crate::measure::{Figures, PACED_RATE, Results};
use crate::statistics::{Ratio, median, ratio};

/// The limits that a release has to keep, as issues tighten them.
mod gates {
    /// CPU per request, as a multiple of the yardstick's.
    pub const CPU_PER_REQUEST: f64 = 2.5;
    /// CPU per chunk of a stream, as a multiple of the yardstick's.
    pub const CPU_PER_CHUNK: f64 = 1.5;
    /// MiB resident after load.
    pub const MEMORY: f64 = 40.0;
    /// Milliseconds until `/health` answers, the database open.
    pub const START: f64 = 100.0;
}

/// How far from 1 the CPU ratios of a self-test may be.
const SELF_TEST_TOLERANCE: f64 = 0.15;

/// One line of the report.
struct Line {
    name: String,
    unit: &'static str,
    yardstick: f64,
    subject: f64,
    ratio: Option<Ratio>,
}

impl Line {
    fn new(
        name: impl Into<String>,
        unit: &'static str,
        yardstick: &[f64],
        subject: &[f64],
    ) -> Self {
        Self {
            name: name.into(),
            unit,
            yardstick: median(yardstick).unwrap_or(f64::NAN),
            subject: median(subject).unwrap_or(f64::NAN),
            ratio: ratio(subject, yardstick),
        }
    }

    /// For figures whose rounds say more together than apart.
    fn overall(name: &str, unit: &'static str, yardstick: f64, subject: f64) -> Self {
        Self::new(name, unit, &[yardstick], &[subject])
    }

    /// `1.97× (37.4 µs)`.
    fn brief(&self) -> String {
        let unit = self.unit;
        match self.ratio {
            Some(ratio) => format!("{:.2}× ({} {unit})", ratio.median, number(self.subject)),
            None => format!("n/a ({} {unit})", number(self.subject)),
        }
    }
}

struct Gate {
    name: &'static str,
    limit: String,
    found: String,
    holds: bool,
}

/// The conclusions of one run.
pub struct Report<'a> {
    results: &'a Results,
    cpu_per_request: Line,
    requests_per_core: Line,
    cpu_per_large_request: Line,
    added_p50: Line,
    added_p99: Line,
    added_first_byte: Line,
    cpu_per_chunk: Line,
    idle_memory: Line,
    loaded_memory: Line,
    start: Line,
    first_start: Line,
}

impl<'a> Report<'a> {
    /// Takes medians and ratios of a run's figures.
    pub fn new(results: &'a Results) -> Self {
        let (yardstick, subject) = (&results.yardstick, &results.subject);
        let line = |name: &str, unit, figures: fn(&Figures) -> &[f64]| {
            Line::new(name, unit, figures(yardstick), figures(subject))
        };
        Self {
            results,
            cpu_per_request: line("CPU per request", "µs", |side| &side.cpu_per_request),
            requests_per_core: Line::new(
                "requests/s per core",
                "/s",
                &requests_per_core(yardstick),
                &requests_per_core(subject),
            ),
            cpu_per_large_request: line("CPU per 100 kB prompt", "µs", |side| {
                &side.cpu_per_large_request
            }),
            added_p50: Line::new(
                format!("added p50 at {PACED_RATE}/s"),
                "µs",
                &yardstick.added_p50,
                &subject.added_p50,
            ),
            added_p99: Line::new(
                format!("added p99 at {PACED_RATE}/s"),
                "µs",
                &yardstick.added_p99,
                &subject.added_p99,
            ),
            added_first_byte: line("added time to first byte of a stream", "µs", |side| {
                &side.added_first_byte
            }),
            cpu_per_chunk: line("CPU per chunk of a stream", "µs", |side| {
                &side.cpu_per_chunk
            }),
            idle_memory: Line::overall(
                "memory idle",
                "MiB",
                yardstick.idle_memory,
                subject.idle_memory,
            ),
            loaded_memory: Line::overall(
                "memory after load",
                "MiB",
                highest(&yardstick.loaded_memory),
                highest(&subject.loaded_memory),
            ),
            start: line("start-up to /health", "ms", |side| &side.starts),
            first_start: Line::overall(
                "first start-up (creates the database)",
                "ms",
                yardstick.first_start,
                subject.first_start,
            ),
        }
    }

    /// The whole report.
    pub fn markdown(&self, circumstances: &Circumstances) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text, circumstances);
        text
    }

    fn write(&self, out: &mut String, circumstances: &Circumstances) -> std::fmt::Result {
        let name = self.results.subject_name;
        let Circumstances {
            revision,
            date,
            machine,
        } = circumstances;
        writeln!(out, "### {name} {revision}, {date}\n")?;
        writeln!(
            out,
            "{machine}; medians of {} rounds.\n",
            self.results.rounds
        )?;
        writeln!(
            out,
            "| | × yardstick | lowest–highest round | {name} | yardstick |"
        )?;
        writeln!(out, "|---|---|---|---|---|")?;
        for line in self.lines() {
            let (times, spread) = match line.ratio {
                Some(ratio) => (
                    format!("{:.2}×", ratio.median),
                    format!("{:.2}–{:.2}", ratio.low, ratio.high),
                ),
                None => ("n/a".to_owned(), String::new()),
            };
            writeln!(
                out,
                "| {} | {times} | {spread} | {} {unit} | {} {unit} |",
                line.name,
                number(line.subject),
                number(line.yardstick),
                unit = line.unit,
            )?;
        }
        for (side, figures) in [
            ("yardstick", &self.results.yardstick),
            (name, &self.results.subject),
        ] {
            writeln!(
                out,
                "\n{side} with all connections busy: {} requests/s, its core {:.0} % used.",
                number(median(&figures.requests_per_second).unwrap_or(f64::NAN)),
                100.0 * median(&figures.core_use).unwrap_or(f64::NAN),
            )?;
        }
        if let Some(bytes) = self.results.stored_per_request {
            writeln!(out, "\nThe database grew by {bytes:.0} bytes per request.")?;
        }
        writeln!(out, "\n| gate | limit | found | |\n|---|---|---|---|")?;
        for gate in self.gates() {
            let mark = if gate.holds { "✓" } else { "✗" };
            writeln!(
                out,
                "| {} | {} | {} | {mark} |",
                gate.name, gate.limit, gate.found
            )?;
        }
        writeln!(
            out,
            "\nFor the history:\n\n{}",
            self.history_row(circumstances)
        )
    }

    /// One row of the history table in `BENCHMARKS.md`, its last cell left to
    /// whoever knows what changed.
    fn history_row(&self, circumstances: &Circumstances) -> String {
        let cells = [
            circumstances.date.clone(),
            circumstances.revision.clone(),
            self.cpu_per_request.brief(),
            self.requests_per_core.brief(),
            self.cpu_per_large_request.brief(),
            self.added_p50.brief(),
            self.added_p99.brief(),
            self.added_first_byte.brief(),
            self.cpu_per_chunk.brief(),
            format!(
                "{}, {} MiB",
                number(self.idle_memory.subject),
                number(self.loaded_memory.subject)
            ),
            format!("{} ms", number(self.start.subject)),
            String::new(),
        ];
        format!("| {} |", cells.join(" | "))
    }

    fn lines(&self) -> [&Line; 11] {
        [
            &self.cpu_per_request,
            &self.requests_per_core,
            &self.cpu_per_large_request,
            &self.added_p50,
            &self.added_p99,
            &self.added_first_byte,
            &self.cpu_per_chunk,
            &self.idle_memory,
            &self.loaded_memory,
            &self.start,
            &self.first_start,
        ]
    }

    fn gates(&self) -> [Gate; 4] {
        let times = |name, line: &Line, limit: f64| Gate {
            name,
            limit: format!("≤ {limit}×"),
            found: line.brief(),
            holds: line.ratio.is_some_and(|ratio| ratio.median <= limit),
        };
        let (memory, start) = (self.loaded_memory.subject, self.start.subject);
        [
            times(
                "CPU per request",
                &self.cpu_per_request,
                gates::CPU_PER_REQUEST,
            ),
            times("CPU per chunk", &self.cpu_per_chunk, gates::CPU_PER_CHUNK),
            Gate {
                name: "memory after load",
                limit: format!("≤ {} MiB", gates::MEMORY),
                found: format!("{} MiB", number(memory)),
                holds: memory <= gates::MEMORY,
            },
            Gate {
                name: "start-up",
                limit: format!("< {} ms", gates::START),
                found: format!("{} ms", number(start)),
                holds: start < gates::START,
            },
        ]
    }

    /// Whether every gate holds.
    pub fn gates_hold(&self) -> bool {
        self.gates().iter().all(|gate| gate.holds)
    }

    /// Whether two yardsticks came out alike in the figures that noise hurts least.
    pub fn sides_agree(&self) -> bool {
        [
            &self.cpu_per_request,
            &self.cpu_per_large_request,
            &self.cpu_per_chunk,
        ]
        .iter()
        .all(|line| {
            line.ratio
                .is_some_and(|ratio| (ratio.median - 1.0).abs() <= SELF_TEST_TOLERANCE)
        })
    }
}

/// What one fully used core would carry. The load's own core is often used up
/// before the proxy's, so the calls a second that were seen are a bound of the
/// load and would flatter the slower proxy.
fn requests_per_core(figures: &Figures) -> Vec<f64> {
    figures
        .requests_per_second
        .iter()
        .zip(&figures.core_use)
        .map(|(rate, core_use)| rate / core_use)
        .collect()
}

fn highest(samples: &[f64]) -> f64 {
    samples.iter().copied().fold(f64::NAN, f64::max)
}

/// Three significant digits, as much as such a measurement is worth.
fn number(value: f64) -> String {
    match value.abs() {
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(factor: f64) -> Figures {
        Figures {
            cpu_per_request: vec![20.0 * factor; 3],
            requests_per_second: vec![20_000.0; 3],
            core_use: vec![0.4 * factor; 3],
            cpu_per_large_request: vec![60.0 * factor; 3],
            added_p50: vec![100.0 * factor; 3],
            added_p99: vec![200.0 * factor; 3],
            added_first_byte: vec![100.0 * factor; 3],
            cpu_per_chunk: vec![6.0 * factor; 3],
            idle_memory: 10.0 * factor,
            loaded_memory: vec![12.0 * factor, 18.0 * factor, 15.0 * factor],
            starts: vec![10.0 * factor; 3],
            first_start: 10.0 * factor,
        }
    }

    fn results(factor: f64) -> Results {
        Results {
            subject_name: "LLM Router",
            rounds: 3,
            yardstick: side(1.0),
            subject: side(factor),
            stored_per_request: Some(150.0),
        }
    }

    fn circumstances() -> Circumstances {
        Circumstances {
            revision: "abc1234".to_owned(),
            date: "2026-01-02".to_owned(),
            machine: "2 cores".to_owned(),
        }
    }

    fn failed_gates(results: &Results) -> Vec<&'static str> {
        let report = Report::new(results);
        let failed = report.gates().into_iter().filter(|gate| !gate.holds);
        failed.map(|gate| gate.name).collect()
    }

    #[test]
    fn each_gate_fails_by_its_own_figure() {
        assert_eq!(failed_gates(&results(1.4)), Vec::<&str>::new());
        assert_eq!(failed_gates(&results(2.0)), ["CPU per chunk"]);
        assert_eq!(
            failed_gates(&results(2.51)),
            ["CPU per request", "CPU per chunk", "memory after load"]
        );
        assert_eq!(failed_gates(&results(10.0)).len(), 4);
    }

    #[test]
    fn a_gate_without_a_ratio_is_missed() {
        let mut unmeasured = results(1.0);
        unmeasured.yardstick.cpu_per_chunk = vec![0.0; 3];
        assert_eq!(failed_gates(&unmeasured), ["CPU per chunk"]);
    }

    #[test]
    fn requests_per_core_are_those_of_a_fully_used_core() {
        // 20,000 requests a second with 40 % of a core are 50,000 with all of it.
        assert_eq!(requests_per_core(&side(1.0)), vec![50_000.0; 3]);
        let results = results(2.0);
        let report = Report::new(&results);
        assert_eq!(report.requests_per_core.brief(), "0.50× (25000 /s)");
    }

    #[test]
    fn the_history_row_has_a_cell_for_each_column() {
        let results = results(2.0);
        let row = Report::new(&results).history_row(&circumstances());
        let header = include_str!("../../../BENCHMARKS.md")
            .lines()
            .find(|line| line.starts_with("| date |"))
            .expect("BENCHMARKS.md has a history table");
        assert_eq!(row.matches('|').count(), header.matches('|').count());
        assert!(row.starts_with("| 2026-01-02 | abc1234 | 2.00× (40.0 µs) | 0.50× (25000 /s) |"));
        assert!(row.contains("| 20.0, 36.0 MiB | 20.0 ms |"));
    }

    #[test]
    fn two_yardsticks_agree_only_when_they_are_alike() {
        assert!(Report::new(&results(1.1)).sides_agree());
        assert!(!Report::new(&results(1.3)).sides_agree());
        assert!(!Report::new(&results(0.7)).sides_agree());
    }
}
