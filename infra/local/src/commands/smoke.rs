//! `signalbox smoke`: the first look at a deployment.

use std::process::ExitCode;

use clap::Args;
use signalbox::outside::Clock;
use signalbox_local::remote::smoke::{Check, smoke};

use super::sender::SenderArguments;
use super::{block_on, fail, say};

/// Looks at /healthz and /metrics, sends one new event and the same again. Every run sends another event, which stays
/// in the tables. Exit code 0 when all is well, 1 when not.
#[derive(Args)]
pub(crate) struct SmokeArguments {
    #[command(flatten)]
    sender: SenderArguments,
    /// A token that may read, for /metrics outside local mode; see `signalbox token`
    #[arg(long, env = "SIGNALBOX_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

pub(crate) fn run(arguments: &SmokeArguments) -> ExitCode {
    let sender = match arguments.sender.sender() {
        Ok(sender) => sender,
        Err(error) => return fail(&error),
    };
    say(&format!("asking {}", sender.remote().base()));
    let tell = |check: &Check| {
        let mark = if check.passed { "ok" } else { "FAILED" };
        say(&format!("{mark:<6} {}: {}", check.what, check.found));
    };
    let done = block_on(smoke(&sender, arguments.token.as_deref(), Clock::default().now(), tell));
    match done {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Ok(false)) => ExitCode::FAILURE,
        Ok(Err(error)) => fail(&error),
        Err(error) => fail(&error),
    }
}
