//! `signalbox token`: a service token for curl.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use signalbox::domain::ids::TenantId;
use signalbox::outside::Clock;
use signalbox_local::host::settings;
use signalbox_local::token::{self, Grant};

use super::{fail, say, secret, variables};

/// The token is signed with SERVICE_JWT_SECRET, else AUTH_JWT_SECRET, else the secret in the local host's data folder,
/// which is made if need be. Typical use: curl -H "Authorization: Bearer $(signalbox token write)" …
#[derive(Args)]
pub(crate) struct TokenArguments {
    /// read, write, or a comma-separated list of scopes
    #[arg(value_name = "read|write|SCOPE[,SCOPE]", default_value = "read", hide_default_value = true)]
    kind: String,
    /// How long the token lives [default: 300]
    #[arg(value_name = "TTL_SECONDS", allow_hyphen_values = true)]
    life: Option<String>,
    /// Whose data the token is for [default: the default tenant]
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Who it is for, as runs and audit entries will name them
    #[arg(long, value_name = "NAME", default_value = token::ACTOR_DEFAULT, value_parser = actor)]
    actor: String,
    /// The local host's data folder
    #[arg(long, env = "SIGNALBOX_DATA_DIR", default_value = ".signalbox", value_name = "FOLDER")]
    data_dir: PathBuf,
}

fn actor(text: &str) -> Result<String, String> {
    let text = text.trim();
    if (1..=64).contains(&text.chars().count()) { Ok(text.to_owned()) } else { Err("1 to 64 characters".into()) }
}

pub(crate) fn run(arguments: &TokenArguments) -> ExitCode {
    match mint(arguments) {
        Ok(token) => {
            say(&token);
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

fn mint(arguments: &TokenArguments) -> Result<String, Box<dyn std::error::Error>> {
    let variables = variables();
    let tenant = arguments.tenant.as_deref().map(TenantId::parse).transpose()?;
    let life_seconds = token::life_seconds(arguments.life.as_deref())?;
    let secret = secret(settings::SERVICE_SECRET, &arguments.data_dir)?;
    let audience = settings::value(&variables, "SERVICE_JWT_AUDIENCE").unwrap_or(token::AUDIENCE_DEFAULT);
    let scopes = token::scopes(&arguments.kind);
    let grant = Grant { actor: &arguments.actor, tenant: tenant.as_ref(), audience, scopes, life_seconds };
    Ok(token::mint(grant, &secret, Clock::default().now())?)
}
