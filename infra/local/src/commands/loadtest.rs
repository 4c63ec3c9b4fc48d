//! `signalbox loadtest`: many signed events, some more than once.

use std::io::{IsTerminal as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use signalbox_local::remote::load::{Load, LoadReport};

use super::sender::SenderArguments;
use super::{block_on, fail, say};

/// How often the progress is drawn.
const TICK: Duration = Duration::from_millis(200);

/// The exit code of a load of which something was not answered with 2xx.
const EXIT_OTHER: u8 = 2;

/// Sends signed events of a point of sale, some of them more than once, and prints one JSON line (indented, at a terminal): `total`, `duplicates`
/// (by construction), `success` (any 2xx), `other`, `accepted` (201), `repeated` (204), what `others` were, and latencies in
/// milliseconds. The same command sent again sends the same events, so all are answered with 204; --prefix makes
/// others. Exit code 0 when everything was answered with 2xx, 2 when not, 1 when it could not be sent.
#[derive(Args)]
pub(crate) struct LoadtestArguments {
    #[command(flatten)]
    sender: SenderArguments,
    /// Requests in all
    #[arg(long, default_value_t = 100)]
    total: usize,
    /// Different events among them [default: half of the total, rounded up]
    #[arg(long)]
    unique: Option<usize>,
    /// Requests at once
    #[arg(long, default_value_t = 10)]
    concurrency: usize,
    /// How often a request is sent again that had no answer, a 429 or a 5xx, as senders do; waits up to 5 s between
    #[arg(long, value_name = "TIMES", default_value_t = 0)]
    retries: u32,
    /// The beginning of every event's name
    #[arg(long, default_value = "LOAD")]
    prefix: String,
    /// Name events by the header Idempotency-Key instead of by their content
    #[arg(long)]
    idempotency_key: bool,
    /// The order of the requests is drawn from it
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Write the line into a file too, for check-loadtest
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(arguments: &LoadtestArguments) -> ExitCode {
    match load(arguments) {
        Ok(report) if report.other == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(EXIT_OTHER),
        Err(error) => fail(&error),
    }
}

fn load(arguments: &LoadtestArguments) -> Result<LoadReport, Box<dyn std::error::Error>> {
    let sender = arguments.sender.sender()?;
    let load = Load {
        total: arguments.total,
        unique: arguments.unique.unwrap_or(arguments.total.div_ceil(2)),
        concurrency: arguments.concurrency,
        retries: arguments.retries,
        prefix: arguments.prefix.clone(),
        explicit_keys: arguments.idempotency_key,
        seed: arguments.seed,
    };
    // On standard error, and only where that is a terminal. It is there before the first answer, and moves between two: a slow
    // host is no hanging one.
    let bar = ProgressBar::new(load.total as u64);
    bar.set_style(ProgressStyle::with_template("{spinner} {bar:40} {pos}/{len} requests, {per_sec}, {eta} left")?);
    bar.enable_steady_tick(TICK);
    let report = block_on(load.send(&sender, || bar.inc(1)))?;
    bar.finish_and_clear();
    let report = report?;
    let line = serde_json::to_string(&report)?;
    let shown = if stdout().is_terminal() { serde_json::to_string_pretty(&report)? } else { line.clone() };
    say(&shown);
    if let Some(file) = &arguments.out {
        std::fs::write(file, line + "\n").map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    }
    Ok(report)
}
