//! The table and its JSON.

use std::io::Write as _;

use serde::Serialize;

use crate::process;

/// One measured figure.
#[derive(Serialize)]
struct Figure {
    figure: String,
    value: f64,
    unit: &'static str,
    /// The target in words; absent where the figure is only there to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
}

/// What a figure should be.
pub(crate) enum Target {
    /// There is none: it is there to compare with.
    None,
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// Neither more nor less.
    Exactly(f64),
}

/// All figures of a run of the benchmark.
#[derive(Serialize)]
pub(crate) struct Report {
    machine: Machine,
    figures: Vec<Figure>,
}

#[derive(Serialize)]
struct Machine {
    cpu: String,
    cores: usize,
    architecture: &'static str,
}

impl Report {
    pub(crate) fn new() -> Self {
        let (cpu, cores) = process::machine();
        Self { machine: Machine { cpu, cores, architecture: std::env::consts::ARCH }, figures: Vec::new() }
    }

    pub(crate) fn add(&mut self, figure: impl Into<String>, value: f64, unit: &'static str, target: Target) {
        let figure = figure.into();
        let (met, target) = match target {
            Target::None => (None, None),
            Target::AtMost(limit) => (Some(value <= limit), Some(format!("≤ {} {unit}", number(limit)))),
            Target::AtLeast(limit) => (Some(value >= limit), Some(format!("≥ {} {unit}", number(limit)))),
            Target::Exactly(wanted) => {
                (Some((value - wanted).abs() < 1e-9), Some(format!("{} {unit}", number(wanted))))
            }
        };
        note(&format!("{figure}: {} {unit}", number(value)));
        self.figures.push(Figure { figure, value, unit, target, met });
    }

    /// The figures as a Markdown table.
    pub(crate) fn table(&self) -> String {
        let Machine { cpu, cores, architecture } = &self.machine;
        let mut lines = vec![
            String::new(),
            format!("{cpu}, {cores} cores, {architecture}"),
            String::new(),
            "| figure | measured | target | met |".to_owned(),
            "|---|---|---|---|".to_owned(),
        ];
        lines.extend(self.figures.iter().map(|figure| {
            let met = figure.met.map_or("", |met| if met { "yes" } else { "**no**" });
            let target = figure.target.as_deref().unwrap_or_default();
            format!("| {} | {} {} | {target} | {met} |", figure.figure, number(figure.value), figure.unit)
        }));
        lines.join("\n")
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// Three digits that matter; whole numbers whole.
fn number(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 1000.0 {
        return format!("{value:.0}");
    }
    let digits = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

/// The median.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The value below which 95 of 100 lie.
pub(crate) fn p95(values: Vec<f64>) -> f64 {
    percentile(values, 95)
}

/// The value below which 99 of 100 lie.
pub(crate) fn p99(values: Vec<f64>) -> f64 {
    percentile(values, 99)
}

fn percentile(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() * percent / 100).copied().unwrap_or(f64::NAN)
}

/// The result, on standard output.
pub(crate) fn say(text: &str) {
    // Nobody is left to tell when standard output is gone.
    let _closed = writeln!(std::io::stdout(), "{text}");
}

/// Progress, on standard error.
pub(crate) fn note(text: &str) {
    let _closed = writeln!(std::io::stderr(), "· {text}");
}
