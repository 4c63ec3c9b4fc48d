//! `signalbox`: the local host and the operator's commands.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{local, token, verify};

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
    /// Say whether a captured webhook verifies and, if not, why
    Verify(verify::VerifyArguments),
}

fn main() -> ExitCode {
    // Before any thread exists, because it writes to the process's environment, where clap looks too.
    match dotenvy::from_path(".env") {
        Ok(()) => {}
        Err(dotenvy::Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return commands::fail(&format!(".env: {error}")),
    }
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Token(arguments)) => token::run(&arguments),
        Some(Command::Verify(arguments)) => verify::run(&arguments),
        Some(Command::Local(arguments)) => local::run(arguments),
        None => local::run(cli.local),
    }
}
