//! `signalbox`: the local host and the operator's commands.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{
    check_loadtest, connections, cost, data, loadtest, local, simulate, smoke, token, verify, wait_for_health,
};

/// Signalbox, an integration sync control plane, on your laptop.
///
/// Without a command it starts the local host: every function, route, queue, table and schedule of template.yaml in
/// one process. A file named .env in the current folder is read first; variables that are set already win over it.
#[derive(Parser)]
#[command(name = "signalbox", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    local: local::LocalArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Start the local host (the default)
    Local(local::LocalArguments),
    /// Print a service token, and nothing else
    Token(token::TokenArguments),
    /// Say whether a captured webhook, its body read from standard input, verifies and, if not, why
    Verify(verify::VerifyArguments),
    /// Import, export, list, set and test connections
    Connections(connections::ConnectionsArguments),
    /// Take data out of the tables, of a tenant or all there is, as a file of lines
    ///
    /// Secrets are in no export; those that are to be set again are named at the end. It reads the tables from end to end, some 0.03 $ and
    /// half a minute a GB, and writes nothing to them. See docs/data.md.
    ///
    /// signalbox export --tenant acme --to acme.ndjson
    /// signalbox export --all --only connections,records --to - --stack-outputs outputs.json | gzip > all.gz
    #[command(verbatim_doc_comment)]
    Export(data::ExportArguments),
    /// Put a file of `signalbox export` into the tables; what is there stays
    ///
    /// The file is read to its end before anything is written. To do it again goes on. Connections that are new are paused, as they have no
    /// secrets yet. Exit code 3: something that is there differs, and was kept. See docs/data.md.
    ///
    /// signalbox import acme.ndjson --dry-run
    /// signalbox import acme.ndjson --stack-outputs outputs.json
    #[command(verbatim_doc_comment)]
    Import(data::ImportArguments),
    /// Erase a tenant from all tables, and print how many items of which kinds went
    ///
    /// Its connections must be paused or deleted, and no run of it may be open. It is on record before, under the tenant's name; that entry
    /// stays. To do it again after a crash goes on. See docs/data.md for what is somebody else's to delete.
    ///
    /// signalbox erase --tenant acme --dry-run
    /// signalbox erase --tenant acme --confirm acme --actor jo
    #[command(verbatim_doc_comment)]
    Erase(data::EraseArguments),
    /// Simulate a vendor's API on this machine, with faults on demand
    Simulate(simulate::SimulateArguments),
    /// Wait until a deployment is healthy
    WaitForHealth(wait_for_health::WaitForHealthArguments),
    /// Look whether a deployment does what it should, with one event
    Smoke(smoke::SmokeArguments),
    /// Send many signed events, some more than once, and count the answers
    Loadtest(loadtest::LoadtestArguments),
    /// Say whether a load test's report is good enough
    CheckLoadtest(check_loadtest::CheckLoadtestArguments),
    /// Print what webhooks and nightlies cost, line by line
    Cost(cost::CostArguments),
    /// Print what a load uses of each limit, and what breaks first
    Scale(cost::ScaleArguments),
}

/// Called wrongly. Not clap's 2: to gates of deployments that is a load test with failures.
const EXIT_USAGE: u8 = 1;

fn main() -> ExitCode {
    // Before any thread exists, because it writes to the process's environment, where clap looks too.
    match dotenvy::from_path(".env") {
        Ok(()) => {}
        Err(dotenvy::Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return commands::fail(&format!(".env: {error}")),
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // It cannot be said that nothing can be said.
            let _closed = error.print();
            return if error.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match cli.command {
        Some(Command::Token(arguments)) => token::run(&arguments),
        Some(Command::Verify(arguments)) => verify::run(&arguments),
        Some(Command::Connections(arguments)) => connections::run(&arguments),
        Some(Command::Export(arguments)) => data::run_export(&arguments),
        Some(Command::Import(arguments)) => data::run_import(&arguments),
        Some(Command::Erase(arguments)) => data::run_erase(&arguments),
        Some(Command::Simulate(arguments)) => simulate::run(arguments),
        Some(Command::WaitForHealth(arguments)) => wait_for_health::run(&arguments),
        Some(Command::Smoke(arguments)) => smoke::run(&arguments),
        Some(Command::Loadtest(arguments)) => loadtest::run(&arguments),
        Some(Command::CheckLoadtest(arguments)) => check_loadtest::run(&arguments),
        Some(Command::Cost(arguments)) => cost::cost(&arguments),
        Some(Command::Scale(arguments)) => cost::scale(&arguments),
        Some(Command::Local(arguments)) => local::run(arguments),
        None => local::run(cli.local),
    }
}
