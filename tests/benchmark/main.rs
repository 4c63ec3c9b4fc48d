//! The benchmark: what the functions cost, measured on the binaries that are deployed. See docs/benchmarks.md.
//!
//! A function runs as its own process, as Lambda runs it, driven over the Lambda Runtime API; the embedded services
//! stay in this process. So a function's CPU and memory are told apart from those of the database.

mod bootstrap;
mod build;
mod callgrind;
mod catalogue;
mod connections;
mod end_to_end;
mod events;
mod first_event;
mod flood;
mod function;
mod history;
mod history_data;
mod ingest;
mod install;
mod instructions;
mod large;
mod line;
mod memory;
mod mirror_data;
mod peers;
mod process;
mod proxy;
mod pulls;
mod reads;
mod report;
mod rows;
mod sales;
mod senders;
mod stage;
mod tls;
mod vendor;
mod writes;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use crate::build::Build;
use crate::report::Report;

/// What goes wrong ends the benchmark with its text: there is nobody to handle it.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures what the functions cost, on the binaries that are deployed. See docs/benchmarks.md.
#[derive(Parser)]
struct Arguments {
    /// What to measure
    #[arg(value_enum, default_value_t = Scenario::All)]
    scenario: Scenario,
    /// Where the figures are written as JSON
    #[arg(long, value_name = "FILE", default_value = "benchmark.json")]
    out: PathBuf,
    /// A catalogue to measure throughput with, as JSON array; the default is the one that comes with the project
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    /// Leave out the comparison with dlt, which needs Python and PyPI
    #[arg(long)]
    without_dlt: bool,
    /// Leave out the functions that webhooks is compared with, which need Node with npm, Python with PyPI
    #[arg(long)]
    without_peers: bool,
    /// How many connections a nightly has, and whose events come to one door
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    connections: usize,
    /// How many deliveries the long history of the reads has, with a tenth as many runs; the short one has a hundredth of both
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    deliveries: usize,
    /// How many runs the long history has that is read function by function
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    runs: usize,
    /// How many rows the large catalogue has
    #[arg(long, value_name = "COUNT", default_value_t = 5_000_000)]
    catalogue_rows: usize,
    /// How often each read is measured over each history
    #[arg(long, value_name = "COUNT", default_value_t = 400)]
    requests: usize,
    /// How many rows the simulated vendor has that this program is to be
    #[arg(long, value_name = "COUNT", default_value_t = 1_000, hide = true)]
    rows: u64,
    /// Measure binaries that are there already instead of building them
    #[arg(long, value_name = "FOLDER")]
    binaries: Option<PathBuf>,
    /// Of `instructions`: the folder of other binaries of the same functions, to compare with
    #[arg(long, value_name = "FOLDER")]
    before: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Everything
    All,
    /// CPU per row and megabytes per second
    Catalogue,
    /// Peak memory
    Memory,
    /// Items written
    Writes,
    /// Latency of reads over short and long histories
    History,
    /// What a pull costs, beside dlt's REST source
    Pulls,
    /// Sizes and start times
    Bootstrap,
    /// What a webhook costs, beside the functions that people would write for it, and to its effect
    Ingest,
    /// What a webhook costs to its effect: the part of ingest that has no peers
    EndToEnd,
    /// Instructions of a webhook, by callgrind: part of ingest; with --before beside those of other binaries
    Instructions,
    /// The first event of an instance, over TLS and without; needs openssl
    FirstEvent,
    /// A catalogue of --catalogue-rows rows, and 200,000 beside dlt; half an hour and 8 GB, so no part of all
    Large,
    /// Events of as many connections as --connections says at one door; minutes, so no part of all
    Senders,
    /// What a flood of forged webhooks costs, and how soon each is answered
    Flood,
    /// A nightly of many connections, pages of their list, and first webhooks; in this process, so no part of all
    Connections,
    /// Every read of the console over a short and a long history; in this process, so no part of all
    Reads,
    /// Is the simulated vendor of `pulls`, and measures nothing
    #[value(hide = true)]
    Vendor,
}

impl Scenario {
    /// The functions that it measures; none named are all of them.
    fn functions(self) -> &'static [&'static str] {
        match self {
            Self::All | Self::Bootstrap => &[],
            Self::Catalogue | Self::Memory | Self::Writes => &["sync-control"],
            Self::History => &["read-api", "sync-control"],
            Self::Large => &["sync-control", "sync-worker"],
            Self::Ingest | Self::EndToEnd | Self::Instructions => &["webhooks", "webhook-worker"],
            Self::Flood | Self::FirstEvent | Self::Senders => &["webhooks"],
            Self::Pulls => &["sync-worker"],
            Self::Connections | Self::Reads | Self::Vendor => &[],
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.scenario == Scenario::Vendor {
        return match vendor::serve(arguments.rows).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                report::note(&format!("vendor: {error}"));
                ExitCode::FAILURE
            }
        };
    }
    match measure(&arguments).await {
        Ok(report) => {
            report::say(&report.table());
            match std::fs::write(&arguments.out, report.json()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    report::say(&format!("{} cannot be written: {error}", arguments.out.display()));
                    ExitCode::FAILURE
                }
            }
        }
        Err(error) => {
            report::say(&format!("benchmark: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<Report> {
    let wanted = |scenario| arguments.scenario == Scenario::All || arguments.scenario == scenario;
    let mut report = Report::new();
    if arguments.scenario == Scenario::Connections {
        connections::measure(arguments.connections, &mut report).await?;
        return Ok(report);
    }
    if arguments.scenario == Scenario::Reads {
        reads::measure(arguments.deliveries, arguments.requests, &mut report).await?;
        return Ok(report);
    }
    let build = Build::make(arguments.binaries.as_deref(), arguments.scenario.functions())?;
    match (arguments.scenario, arguments.before.as_deref()) {
        (Scenario::Instructions, Some(before)) => instructions::compare(before, &build, &mut report).await?,
        (_, Some(_)) => return Err("--before goes with the scenario instructions alone".into()),
        (Scenario::Instructions, None) => instructions::measure(&build, &mut report).await?,
        (Scenario::EndToEnd, None) => end_to_end::measure(&build, &mut report).await?,
        (Scenario::Senders, None) => senders::measure(&build, arguments.connections, &mut report).await?,
        (Scenario::Large, None) => {
            large::measure(&build, arguments.catalogue_rows, !arguments.without_dlt, &mut report).await?;
        }
        (_, None) => {}
    }
    if wanted(Scenario::Bootstrap) {
        bootstrap::measure(&build, &mut report).await?;
    }
    if wanted(Scenario::Catalogue) {
        catalogue::measure(&build, arguments.catalogue.as_deref(), !arguments.without_dlt, &mut report).await?;
    }
    if wanted(Scenario::Writes) {
        writes::measure(&build, &mut report).await?;
    }
    if wanted(Scenario::Memory) {
        memory::measure(&build, &mut report).await?;
    }
    if wanted(Scenario::History) {
        history::measure(&build, arguments.runs, &mut report).await?;
    }
    if wanted(Scenario::Ingest) {
        ingest::measure(&build, !arguments.without_peers, &mut report).await?;
    }
    if wanted(Scenario::FirstEvent) {
        first_event::measure(&build, &mut report).await?;
    }
    if wanted(Scenario::Pulls) {
        pulls::measure(&build, !arguments.without_dlt, &mut report).await?;
    }
    if wanted(Scenario::Flood) {
        flood::measure(&build, &mut report).await?;
    }
    Ok(report)
}
