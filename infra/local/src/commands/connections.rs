//! `signalbox connections`: operators' connections, from a terminal.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use signalbox::domain::connections::provider::Settings;
use signalbox::domain::connections::schedule::Schedule;
use signalbox::domain::ids::Connection;
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox::outside::Clock;
use signalbox_local::host::settings;
use signalbox_local::remote::connections::{
    Connections, Failed, ImportOptions, Listed, On, Shown, export, import, import_limits,
};
use signalbox_local::token::{self, Grant};

use super::remote::RemoteArguments;
use super::{block_on, fail, hint, say, secret, variables};

type Wrong = Box<dyn std::error::Error + Send + Sync>;

/// What is connected: tenants' shops, senders of webhooks, links. Exit code 0 when all was done, 1 when something was not.
#[derive(Args)]
pub(crate) struct ConnectionsArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make and change connections as a file has them
    ///
    /// In: a JSON file, {"connections": [{"connection": "tenant/provider/name", "displayName"?, "settings", "schedule"?,
    /// "state"?, "secrets"?: {"current": {"env": "NAME"}, "previous"?}}]}. Secrets are read from the variables that it names, here.
    /// Out: a line for each connection, + made, ~ changed with the names of what differs, - removed, = left, ! refused
    /// with the reason, and in a dry run ? the same but for its secrets, which are compared when they are written; and how many of each. A file that is wrong in any part changes nothing. Exit code 1 when it is, or
    /// when something was refused. What it makes is kept by operators.
    Import(ImportArguments),
    /// Write connections as such a file
    ///
    /// Out: the file, on standard output. It names the variables that secrets are to be read from, and has none itself;
    /// which they are is said on standard error.
    Export(ListArguments),
    /// Show connections as a table
    ///
    /// Out: connection, state, who keeps it, schedule, secret (its end) and version; a page of 50, and how to go on.
    List(PageArguments),
    /// Make a connection, or change some of it
    ///
    /// In: settings as name=value; a value that is JSON (true, 5, {…}, […]) is that, any other a text, and an empty one takes
    /// the setting away. What is not named stays. Out: the connection, without its secrets.
    Set(SetArguments),
    /// Say whether a connection can be used
    ///
    /// Out: ok, or why not. Exit code 1 when it cannot be used.
    Test(TestArguments),
}

#[derive(Args)]
struct ServiceArguments {
    #[command(flatten)]
    remote: RemoteArguments,
    /// A token with connections:read and connections:write, see `signalbox token`; of the local host one is made
    #[arg(long, env = "SIGNALBOX_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The local host's data folder, where the secret of its tokens is
    #[arg(long, env = "SIGNALBOX_DATA_DIR", default_value = ".signalbox", value_name = "FOLDER")]
    data_dir: PathBuf,
}

#[derive(Args)]
struct ImportArguments {
    /// The file; - reads standard input
    file: PathBuf,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Remove what operators keep of the file's tenants and providers, and the file does not name
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    service: ServiceArguments,
}

#[derive(Args)]
struct ListArguments {
    /// Those of this tenant
    #[arg(long)]
    tenant: Option<String>,
    /// Those of this provider
    #[arg(long)]
    provider: Option<String>,
    #[command(flatten)]
    service: ServiceArguments,
}

#[derive(Args)]
struct PageArguments {
    /// Where the page starts, as the page before says
    #[arg(long, conflicts_with = "all")]
    cursor: Option<String>,
    /// All pages
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    list: ListArguments,
}

#[derive(Args)]
struct SetArguments {
    /// tenant/provider/name
    connection: Connection,
    /// Settings
    #[arg(value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, Value)>,
    /// The name people read
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// The variable that has the secret; the one before stays good as well
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
    /// off, a number of minutes, or five fields of cron
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Option<String>,
    /// The zone of cron's fields, such as Europe/Copenhagen
    #[arg(long, requires = "schedule")]
    zone: Option<String>,
    #[command(flatten)]
    service: ServiceArguments,
}

#[derive(Args)]
struct TestArguments {
    /// tenant/provider/name
    connection: Connection,
    #[command(flatten)]
    service: ServiceArguments,
}

/// A catalogue is read from end to end, in up to 24 s.
const TEST_SECONDS_MIN: u64 = 30;

fn setting(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("it must be name=value")?;
    let value = match value {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    };
    Ok((name.trim().to_owned(), value))
}

impl ServiceArguments {
    fn connections(&self, seconds_min: u64) -> Result<Connections, Wrong> {
        let remote = self.remote.patient(seconds_min)?;
        let token = match &self.token {
            Some(token) => token.clone(),
            None if remote.is_here() => self.mint().map_err(|error| error.to_string())?,
            None => return Err("a token is needed: --token, or SIGNALBOX_TOKEN (see signalbox token --help)".into()),
        };
        Ok(Connections::new(remote, token))
    }

    fn mint(&self) -> Result<String, Box<dyn std::error::Error>> {
        let variables = variables();
        let secret = secret(settings::SERVICE_SECRET, &self.data_dir)?;
        let audience = settings::value(&variables, "SERVICE_JWT_AUDIENCE").unwrap_or(token::AUDIENCE_DEFAULT);
        let scopes = vec![CONNECTIONS_READ.into(), CONNECTIONS_WRITE.into()];
        Ok(token::mint(Grant { audience, scopes, ..Grant::default() }, &secret, Clock::default().now())?)
    }
}

impl ListArguments {
    fn listed(&self) -> Listed {
        Listed { tenant: self.tenant.clone(), provider: self.provider.clone() }
    }
}

pub(crate) fn run(arguments: &ConnectionsArguments) -> ExitCode {
    let done = block_on(async {
        match &arguments.command {
            Command::Import(arguments) => run_import(arguments).await,
            Command::Export(arguments) => run_export(arguments).await,
            Command::List(arguments) => run_list(arguments).await,
            Command::Set(arguments) => run_set(arguments).await,
            Command::Test(arguments) => run_test(arguments).await,
        }
    });
    match done {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Ok(false)) => ExitCode::FAILURE,
        Ok(Err(error)) => fail(&error),
        Err(error) => fail(&error),
    }
}

async fn run_import(arguments: &ImportArguments) -> Result<bool, Wrong> {
    let file = read(&arguments.file)?;
    let connections = arguments.service.connections(0)?;
    let options = ImportOptions { dry_run: arguments.dry_run, remove: arguments.remove };
    let variable = |name: &str| std::env::var(name).ok();
    let report = import(&connections, &file, variable, options, |line| say(line)).await?;
    hint(&format!("{report}{}", if options.dry_run { ": nothing was done (--dry-run)" } else { "" }));
    Ok(report.refused == 0)
}

/// A file, up to what an import takes and a little more, so that it says itself that there is too much.
fn read(path: &PathBuf) -> Result<String, Wrong> {
    let most = import_limits().bytes as u64 + 1;
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().take(most).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_string(&mut text))
    };
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text)
}

async fn run_export(arguments: &ListArguments) -> Result<bool, Wrong> {
    let connections = arguments.service.connections(0)?;
    let exported = export(&connections, &arguments.listed()).await?;
    say(&format!("{:#}", exported.file));
    if !exported.variables.is_empty() {
        let variables: Vec<&str> = exported.variables.iter().map(String::as_str).collect();
        hint(&format!("An import reads secrets from: {}", variables.join(", ")));
    }
    for masked in &exported.masked {
        hint(&format!("Masked, and to be written in full before it is imported elsewhere: {masked}"));
    }
    Ok(true)
}

/// What a table's row has, from left to right. Two spaces are between them.
const COLUMNS: [&str; 6] = ["CONNECTION", "STATE", "KEPT BY", "SCHEDULE", "SECRET", "VERSION"];

fn row(shown: &Shown) -> [String; 6] {
    let kept_by = shown
        .kept_in
        .as_ref()
        .map_or_else(|| shown.kept_by.clone(), |kept_in| format!("{} ({kept_in})", shown.kept_by));
    let schedule = match &shown.schedule {
        Schedule::Off => "off".into(),
        Schedule::Every(minutes) => format!("every {minutes} min"),
        Schedule::Pull(times) => {
            let off = if times.enabled { "" } else { "off: " };
            let full = times.full_at_hour_utc.map(|hour| format!(", all at {hour:02} UTC")).unwrap_or_default();
            format!("{off}every {} min{full}", times.every)
        }
        Schedule::Cron { pattern, zone } => format!("{pattern} {zone}"),
    };
    let secret = shown.secrets.as_ref().map_or_else(|| "-".into(), |secrets| secrets.masked.clone());
    [shown.connection.to_string(), shown.state.clone(), kept_by, schedule, secret, shown.version.to_string()]
}

fn table(rows: &[[String; 6]]) {
    let header = COLUMNS.map(str::to_owned);
    let all = || std::iter::once(&header).chain(rows);
    let mut widths = [0; 6];
    for row in all() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in all() {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        say(&cells.join("  ").trim_end());
    }
}

async fn run_list(PageArguments { cursor, all, list }: &PageArguments) -> Result<bool, Wrong> {
    let connections = list.service.connections(0)?;
    let mut rows = Vec::new();
    let mut next = None;
    if *all {
        connections.each(&list.listed(), |shown| rows.push(row(&shown))).await?;
    } else {
        let (items, cursor) = connections.page(&list.listed(), cursor.as_deref(), "50").await?;
        rows.extend(items.iter().map(row));
        next = cursor;
    }
    table(&rows);
    if let Some(next) = next {
        hint(&format!("There are more: --cursor {next}, or --all"));
    }
    Ok(true)
}

async fn run_set(arguments: &SetArguments) -> Result<bool, Wrong> {
    let SetArguments { connection, display_name, secret_env, schedule, zone, service, .. } = arguments;
    let secret = secret_env.as_deref().map(|name| {
        let value = std::env::var(name).ok().map(|value| value.trim().to_owned());
        value.filter(|value| !value.is_empty()).ok_or_else(|| format!("{name} is not set: it is to have the secret"))
    });
    let (secret, schedule) = (secret.transpose()?, schedule.as_deref().map(|text| written(text, zone.as_deref())));
    let connections = service.connections(0)?;
    let there = connections.get(connection).await?;
    let mut settings: Settings = there.as_ref().map(|there| there.settings.clone()).unwrap_or_default();
    settings.extend(arguments.settings.iter().cloned());
    settings.retain(|_, value| !value.is_null());
    let mut body = json!({"settings": settings});
    let display_name = display_name.clone().or_else(|| there.as_ref().map(|there| there.display_name.clone()));
    let schedule = schedule.or_else(|| there.as_ref().map(|there| json!(there.schedule)));
    for (name, value) in [("displayName", display_name.map(Value::from)), ("schedule", schedule)] {
        if let Some(value) = value {
            body[name] = value;
        }
    }
    let shown = match (&there, &secret) {
        (None, secret) => {
            if let Some(secret) = secret {
                body["secrets"] = json!({"current": secret});
            }
            connections.put(connection, &body, On::Absent).await?
        }
        (Some(there), secret) => {
            let is_same = there.settings == settings
                && body["displayName"] == there.display_name
                && body["schedule"] == json!(there.schedule);
            let mut shown = there.clone();
            if !is_same {
                shown = connections.put(connection, &body, On::Version(there.version)).await?;
            }
            if let Some(secret) = secret {
                shown = connections.rotate(connection, &json!({"secret": secret})).await?;
            }
            shown
        }
    };
    table(&[row(&shown)]);
    Ok(true)
}

/// A schedule, as a person writes it.
fn written(text: &str, zone: Option<&str>) -> Value {
    match text.trim() {
        "off" => json!("off"),
        text => match (text.parse::<u32>(), zone) {
            (Ok(minutes), _) => json!({"every": minutes}),
            (Err(_), None) => json!({"cron": text}),
            (Err(_), Some(zone)) => json!({"cron": text, "zone": zone}),
        },
    }
}

async fn run_test(TestArguments { connection, service }: &TestArguments) -> Result<bool, Wrong> {
    let connections = service.connections(TEST_SECONDS_MIN)?;
    let tested = connections.test(connection).await.map_err(|failed| match failed {
        Failed::Refused { status: 404, .. } => {
            format!("{connection}: there is no such connection, or not for this token")
        }
        other => other.to_string(),
    })?;
    match (tested.ok, tested.total_items) {
        (true, Some(items)) => say(&format!("ok: {items} items")),
        (true, None) => say(&"ok"),
        (false, _) => say(&format!("cannot be used: {}", tested.error.unwrap_or_default())),
    }
    Ok(tested.ok)
}
