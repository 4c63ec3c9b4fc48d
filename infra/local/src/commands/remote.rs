//! What the commands that ask a deployment have in common: where it is, and how long to wait for it.

use std::time::Duration;

use clap::Args;
use signalbox_local::remote::{Remote, RemoteError};

#[derive(Args)]
pub(crate) struct RemoteArguments {
    /// Where it answers; the default is the local host
    #[arg(long, env = "API_URL", default_value = "http://127.0.0.1:9000")]
    pub(crate) url: String,
    /// How long to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

impl RemoteArguments {
    pub(crate) fn remote(&self) -> Result<Remote, RemoteError> {
        self.patient(0)
    }

    /// How long to wait for an answer.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// One that waits for at least so long, whatever is asked for.
    pub(crate) fn patient(&self, seconds_min: u64) -> Result<Remote, RemoteError> {
        Remote::new(&self.url, Duration::from_secs(self.timeout.max(seconds_min)))
    }
}
