//! `signalbox simulate`: a vendor to run against, until Ctrl-C or SIGTERM.

use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use signalbox_simulators::{Fault, Filters, Limits, Options, Running, SimulatedChannel, Simulator, Vendor};
use tokio::signal::unix::{SignalKind, signal};

use super::{block_on, fail, hint, say};

/// Speaks what the vendor documents, over rows that are made up: the same for the same seed. It listens on 127.0.0.1 alone, and keeps
/// nothing: what is changed is as before at the next start.
#[derive(Args)]
#[command(after_help = "\
Faults (KIND): rate-limited, status, slow, dropped, cut-off, html, not-json, moving-rows, repeated, truncated,
shrinking-total, missing-field, retyped-field, new-field. Each can be limited to an entity, and to so many requests
(for) from such a one on (from), counted from 1. More can be set while it runs: docs/simulators.md.

Examples:
  signalbox simulate doorloop --rows 50000 --limits off
  signalbox simulate doorloop --rows-of tenants=20000 --fault html,entity=tenants,from=3,for=2
  signalbox simulate gbp --locations 200 --accounts 50 --fault rate-limited,entity=edits,from=10,for=3
  signalbox simulate trackstar --fault rate-limited,seconds=30,for=5 --without returns --without inventory")]
pub(crate) struct SimulateArguments {
    /// Whose API; of teams, a channel that takes alerts, the port is all there is to choose
    #[arg(value_parser = simulated())]
    vendor: Simulated,
    /// Port on 127.0.0.1; 0 picks a free one [default: 9101 for doorloop, 9102 for trackstar, 9103 for teams, 9104 for gbp]
    #[arg(long)]
    port: Option<u16>,
    /// Rows in all, up to 1,000,000, divided among the entities
    #[arg(long, default_value_t = 1000)]
    rows: u64,
    /// Rows of one entity, whatever its part of all would be; more than once for more of them
    #[arg(long, value_name = "ENTITY=COUNT", value_parser = entity_count)]
    rows_of: Vec<(String, u64)>,
    /// Locations, of gbp: as --rows-of locations=COUNT
    #[arg(long, value_name = "COUNT")]
    locations: Option<u64>,
    /// Accounts, of gbp: locations are divided among them
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    accounts: u32,
    /// What rows, ids and tokens are made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The API key that is let in [default: simulated-doorloop-key, simulated-trackstar-key, simulated-gbp-key]
    #[arg(long)]
    key: Option<String>,
    /// How many requests it takes: documented, off, or a list such as 50/minute,500/hour
    #[arg(long, default_value = "documented")]
    limits: Limits,
    /// What it does with a filter by time: honoured, ignored or refused [default: ignored by doorloop and gbp, honoured by trackstar]
    #[arg(long)]
    filters: Option<Filters>,
    /// An entity that the key has no right to (doorloop: 405, gbp: 403) or that is not implemented (trackstar: 501, returns unless this
    /// is given); more than once for more of them
    #[arg(long, value_name = "ENTITY")]
    without: Option<Vec<String>>,
    /// A fault from the start on; more than once for more of them
    #[arg(long = "fault", value_name = "KIND[,NAME=VALUE]…")]
    faults: Vec<Fault>,
}

/// What is simulated.
#[derive(Debug, Clone, Copy)]
enum Simulated {
    Vendor(Vendor),
    /// A channel of Teams.
    Teams,
}

const TEAMS: &str = "teams";
const TEAMS_PORT: u16 = 9103;

fn simulated() -> impl clap::builder::TypedValueParser<Value = Simulated> {
    PossibleValuesParser::new(Vendor::ALL.map(Vendor::name).into_iter().chain([TEAMS])).try_map(|name| {
        match name.as_str() {
            TEAMS => Ok(Simulated::Teams),
            name => name.parse::<Vendor>().map(Simulated::Vendor),
        }
    })
}

fn entity_count(text: &str) -> Result<(String, u64), String> {
    let (entity, count) = text.split_once('=').ok_or("write ENTITY=COUNT")?;
    Ok((entity.to_owned(), count.parse().map_err(|_| format!("{count} is no number of rows"))?))
}

const fn port_default(vendor: Vendor) -> u16 {
    match vendor {
        Vendor::Doorloop => 9101,
        Vendor::Trackstar => 9102,
        Vendor::Gbp => 9104,
    }
}

pub(crate) fn run(arguments: SimulateArguments) -> ExitCode {
    let Simulated::Vendor(vendor) = arguments.vendor else {
        return ended(block_on(serve_channel(arguments.port.unwrap_or(TEAMS_PORT))));
    };
    let defaults = Options::new(vendor);
    let locations = arguments.locations.map(|count| ("locations".to_owned(), count));
    let options = Options {
        port: arguments.port.unwrap_or(port_default(vendor)),
        rows: arguments.rows,
        rows_of: arguments.rows_of.into_iter().chain(locations).collect(),
        accounts: arguments.accounts,
        seed: arguments.seed,
        key: arguments.key.unwrap_or(defaults.key),
        limits: arguments.limits,
        filters: arguments.filters.unwrap_or(defaults.filters),
        without: arguments.without.unwrap_or(defaults.without),
        faults: arguments.faults,
        ..Options::new(vendor)
    };
    ended(block_on(serve(options)))
}

fn ended<E: std::fmt::Display>(ended: Result<Result<(), Box<dyn std::error::Error>>, E>) -> ExitCode {
    match ended {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => fail(&error),
        Err(error) => fail(&error),
    }
}

async fn serve_channel(port: u16) -> Result<(), Box<dyn std::error::Error>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let channel = SimulatedChannel::start(port).await?;
    let url = channel.url();
    hint(&format!(
        "\
Cards     {}
Webhooks  {}
Messages  curl -s {url}/messages
Break     curl -s {url}/answers -d '{{\"status\": 429, \"retryAfter\": 60, \"for\": 2}}', without a status it says nothing
Stop      Ctrl-C
",
        channel.workflow_url(),
        channel.webhook_url()
    ));
    say(&format!("simulated {TEAMS} ready on {url}"));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    channel.stop().await;
    Ok(())
}

async fn serve(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    // Before it is started: a signal that comes during the start is not lost.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let vendor = options.vendor;
    let running = Simulator::start(options).await?;
    welcome(vendor, &running);
    say(&format!("simulated {vendor} ready on {}", running.base_url()));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    running.stop().await;
    Ok(())
}

fn welcome(vendor: Vendor, running: &Running) {
    let (base, url, key) = (running.base_url(), running.url(), running.key());
    let rows = vendor.entities().filter_map(|entity| Some(format!("{entity} {}", running.rows(entity)?)));
    hint(&format!("Rows      {}", rows.collect::<Vec<_>>().join(", ")));
    match running.access_token() {
        _ if vendor == Vendor::Gbp => hint(&format!(
            "\
Secret    {}
Token     curl -s {} -d grant_type=refresh_token -d client_id=any -d client_secret={key} -d refresh_token={key}-1
Look      curl -s '{base}/accounts/1/locations?readMask=name,categories' -H \"authorization: Bearer $TOKEN\"
Edits     curl -s {url}/_simulator/edits
Consent   curl -s {url}/_simulator/google -d '{{\"revoke\": [1]}}'",
            running.google_secret(1),
            running.token_url()
        )),
        Some(token) => hint(&format!(
            "\
Key       {key}
Token     {token}
Look      curl -s '{base}/wms/orders?limit=1' -H 'x-trackstar-api-key: {key}' \\
            -H 'x-trackstar-access-token: {token}'"
        )),
        None => hint(&format!(
            "\
Key       {key}
Look      curl -s '{base}/tenants?page_size=1' -H 'authorization: bearer {key}'"
        )),
    }
    hint(&format!(
        "\
Break     curl -s {url}/_simulator/faults -d '{{\"fault\": \"html\", \"for\": 1}}'
Change    curl -s {url}/_simulator/rows -d '{{\"entity\": \"{}\", \"change\": 3, \"remove\": 1, \"add\": 1}}'
Requests  curl -s {url}/_simulator/requests
Stop      Ctrl-C
",
        vendor.entities().next().unwrap_or_default()
    ));
}
