//! `signalbox smoke`: the first look at a deployment.

use std::error::Error;
use std::process::ExitCode;

use clap::Args;
use signalbox::outside::Clock;
use signalbox_local::host::settings;
use signalbox_local::remote::Remote;
use signalbox_local::remote::smoke::{Check, smoke};
use signalbox_local::remote::smoke_mirror::{MirrorSmoke, smoke_mirror};
use signalbox_local::token;

use super::sender::SenderArguments;
use super::{block_on, fail, say, secret};

/// How long a token lives that is made for the local host.
const ADMIN_SECONDS: i64 = 300;

/// Looks at /healthz and /metrics, sends one new event and the same again. Every run sends another event, which stays
/// in the tables. With --mirror it makes a dry run of a tenant's category mirror instead, which changes nothing. One line a check; exit
/// code 0 when all is well, 1 when not.
#[derive(Args)]
pub(crate) struct SmokeArguments {
    #[command(flatten)]
    sender: SenderArguments,
    /// A token that may read, for /metrics outside local mode; see `signalbox token`
    #[arg(long, env = "SIGNALBOX_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Look at the category mirror instead, by a dry run of one tenant
    #[arg(long)]
    mirror: bool,
    /// With --mirror: where it answers, in place of --url
    #[arg(long, env = "API_BASE_URL", value_name = "URL")]
    api_base_url: Option<String>,
    /// With --mirror: a token of a platform's administrator, see `signalbox token user`. For the local host one is made
    #[arg(long, env = "ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    admin_token: Option<String>,
    /// With --mirror: whose categories are compared
    #[arg(long, env = "TEST_TENANT_ID", value_name = "TENANT", default_value = "default")]
    mirror_tenant: String,
}

pub(crate) fn run(arguments: &SmokeArguments) -> ExitCode {
    let passed = if arguments.mirror { run_mirror(arguments) } else { run_event(arguments) };
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&error),
    }
}

fn tell(check: &Check) {
    let mark = if check.passed { "ok" } else { "FAILED" };
    say(&format!("{mark:<6} {}: {}", check.what, check.found));
}

fn run_event(arguments: &SmokeArguments) -> Result<bool, Box<dyn Error>> {
    let sender = arguments.sender.sender()?;
    say(&format!("asking {}", sender.remote().base()));
    Ok(block_on(smoke(&sender, arguments.token.as_deref(), Clock::default().now(), tell))??)
}

fn run_mirror(arguments: &SmokeArguments) -> Result<bool, Box<dyn Error>> {
    let sender = &arguments.sender;
    let remote = match &arguments.api_base_url {
        Some(url) => Remote::new(url, sender.remote.timeout())?,
        None => sender.remote.remote()?,
    };
    let admin = match &arguments.admin_token {
        Some(token) => token.trim().to_owned(),
        // The secret in the data folder is that of the local host alone.
        None if remote.is_here() => {
            let secret = secret(settings::USER_SECRET, &sender.data_dir)?;
            token::mint_administrator("smoke", ADMIN_SECONDS, &secret, Clock::default().now())?
        }
        None => return Err("ADMIN_TOKEN is not set: give a token of a platform's administrator".into()),
    };
    say(&format!("asking {} about {}", remote.base(), arguments.mirror_tenant));
    let smoke = MirrorSmoke { remote: &remote, admin: &admin, tenant: &arguments.mirror_tenant };
    Ok(block_on(smoke_mirror(&smoke, tell))?)
}
