//! `signalbox wait-for-health`: the step between a deployment and its tests.

use std::process::ExitCode;

use clap::Args;
use signalbox_local::remote::health::{Failed, TRIES_DEFAULT, wait};

use super::remote::RemoteArguments;
use super::{block_on, fail, hint, say};

/// Asks /healthz and /livez until both answer with 2xx in the same try. Between two tries it waits 2 s, then 4, doubling, at
/// most 64: with the default tries and timeout all of it takes at most 382 s. Exit code 0 when it is healthy, 1 when it was not in time.
#[derive(Args)]
pub(crate) struct WaitForHealthArguments {
    #[command(flatten)]
    remote: RemoteArguments,
    /// How often it is tried
    #[arg(long, default_value_t = TRIES_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=100))]
    tries: u32,
}

pub(crate) fn run(arguments: &WaitForHealthArguments) -> ExitCode {
    let remote = match arguments.remote.remote() {
        Ok(remote) => remote,
        Err(error) => return fail(&error),
    };
    let (url, tries) = (&arguments.remote.url, arguments.tries);
    let tell = |failed: &Failed| {
        let then = failed.pause.map_or_else(String::new, |pause| format!("; again in {} s", pause.as_secs()));
        hint(&format!("{}/{tries}: {}{then}", failed.attempt, failed.said));
    };
    match block_on(wait(&remote, tries, tell)) {
        Ok(true) => {
            say(&format!("healthy: {url}"));
            ExitCode::SUCCESS
        }
        Ok(false) => fail(&format!("{url} is not healthy after {tries} tries")),
        Err(error) => fail(&error),
    }
}
