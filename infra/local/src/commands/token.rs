//! `signalbox token`: a service token for curl, and `signalbox token user`: one of a person.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use signalbox::domain::ids::{ConnectionName, TenantId};
use signalbox::http::auth::user::{Standing, UserClaims};
use signalbox::outside::Clock;
use signalbox_local::host::settings;
use signalbox_local::token::{self, Grant};

use super::{fail, say, secret, variables};

/// The token is signed with SERVICE_JWT_SECRET, else AUTH_JWT_SECRET, else the secret in the local host's data folder,
/// which is made if need be. Typical use: curl -H "Authorization: Bearer $(signalbox token write)" …
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct TokenArguments {
    #[command(subcommand)]
    whose: Option<Whose>,
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

#[derive(Subcommand)]
enum Whose {
    /// Print a user's token: a person's, in a role
    ///
    /// It is signed with JWT_SECRET, else with the secret in the local host's data folder.
    User(UserArguments),
}

#[derive(Args)]
pub(crate) struct UserArguments {
    /// PLATFORM_ADMIN, ADMIN and SUPER_ADMIN act for any tenant, THREEPL_ADMIN and TENANT_ADMIN for theirs; THREEPL_USER, BRAND_ADMIN and BRAND_USER read
    #[arg(long, value_name = "ROLE")]
    role: String,
    /// For which tenant; more than once for more of them
    #[arg(long, value_name = "TENANT", value_parser = tenant)]
    tenant: Vec<String>,
    /// For which brand alone; more than once for more of them
    #[arg(long, value_name = "BRAND", value_parser = brand)]
    brand: Vec<String>,
    /// How long it lives: seconds, or a number with s, m, h or d [default: 7d]
    #[arg(long, value_name = "TIME", value_parser = token::written_life)]
    expires: Option<i64>,
    /// Who it is for, as the record will name them: the claim userId
    #[arg(long, value_name = "NAME", default_value = "user", value_parser = actor)]
    actor: String,
    /// The local host's data folder
    #[arg(long, env = "SIGNALBOX_DATA_DIR", default_value = ".signalbox", value_name = "FOLDER")]
    data_dir: PathBuf,
}

/// The roles that a token is made for; a user's token may have others, all of which read.
const ROLES: [&str; 8] = [
    "PLATFORM_ADMIN",
    "ADMIN",
    "SUPER_ADMIN",
    "THREEPL_ADMIN",
    "TENANT_ADMIN",
    "THREEPL_USER",
    "BRAND_ADMIN",
    "BRAND_USER",
];

fn tenant(text: &str) -> Result<String, String> {
    TenantId::parse(text).map(String::from).map_err(|error| error.to_string())
}

fn brand(text: &str) -> Result<String, String> {
    ConnectionName::parse(text).map(String::from).map_err(|error| error.to_string())
}

fn actor(text: &str) -> Result<String, String> {
    let text = text.trim();
    if (1..=64).contains(&text.chars().count()) { Ok(text.to_owned()) } else { Err("1 to 64 characters".into()) }
}

pub(crate) fn run(arguments: &TokenArguments) -> ExitCode {
    let minted = match &arguments.whose {
        Some(Whose::User(user)) => mint_user(user),
        None => mint(arguments),
    };
    match minted {
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
    let scopes = token::known_scopes(&arguments.kind)?;
    let grant = Grant { actor: &arguments.actor, tenant: tenant.as_ref(), audience, scopes, life_seconds };
    Ok(token::mint(grant, &secret, Clock::default().now())?)
}

fn mint_user(arguments: &UserArguments) -> Result<String, Box<dyn std::error::Error>> {
    // Of another name it would read, as any role that is not known, and only that.
    if !ROLES.contains(&arguments.role.as_str()) {
        return Err(format!("{} is no role: there are {}", arguments.role, ROLES.join(", ")).into());
    }
    let standing = Standing::of(&arguments.role);
    if arguments.tenant.is_empty() && standing != Standing::Platform {
        return Err(format!("{} is a role of tenants: name one with --tenant", arguments.role).into());
    }
    if arguments.brand.is_empty() && standing == Standing::Brand {
        return Err(format!("{} is a role of brands: name one with --brand", arguments.role).into());
    }
    let secret = secret(settings::USER_SECRET, &arguments.data_dir)?;
    let claims = UserClaims {
        user_id: arguments.actor.clone(),
        role: arguments.role.clone(),
        tenant_ids: arguments.tenant.clone(),
        threepl_id: None,
        brand_ids: arguments.brand.clone(),
        iat: None,
        nbf: None,
        exp: 0,
    };
    let life = arguments.expires.unwrap_or(token::USER_LIFE_SECONDS_DEFAULT);
    Ok(token::mint_user(claims, life, &secret, Clock::default().now())?)
}
