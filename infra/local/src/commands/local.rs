//! `signalbox local`: the host, until Ctrl-C or SIGTERM.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::FalseyValueParser;
use signalbox::domain::catalogue::vendor::parse_vendors;
use signalbox_local::host::settings::{self, Variables};
use signalbox_local::{Host, Options, Storage};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

use super::{fail, hint, say, variables};

/// As shells say of a process that Ctrl-C ended.
const EXIT_AT_ONCE: i32 = 130;

#[derive(Args)]
pub(crate) struct LocalArguments {
    /// Port on 127.0.0.1; 0 picks a free one
    #[arg(long, env = "SIGNALBOX_PORT", default_value_t = 9000)]
    port: u16,
    /// Host names to answer to beside localhost, 127.0.0.1 and [::1], comma-separated
    #[arg(long, env = "SIGNALBOX_ALLOWED_HOSTS", value_delimiter = ',', value_name = "NAMES")]
    allowed_hosts: Vec<String>,
    /// Where tables, queues, secrets and catalogues are kept
    #[arg(long, env = "SIGNALBOX_DATA_DIR", default_value = ".signalbox", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// Keep data in memory; the data folder then holds generated secrets alone
    #[arg(long, env = "SIGNALBOX_EPHEMERAL", value_parser = FalseyValueParser::new())]
    ephemeral: bool,
    /// Start empty, without the demo's vendors, runs, webhooks and dead letter (SIGNALBOX_DEMO=0)
    #[arg(long)]
    no_demo: bool,
}

pub(crate) fn run(arguments: LocalArguments) -> ExitCode {
    let variables = variables();
    start_logs(&variables);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let code = runtime.block_on(serve(arguments, variables));
    // What still runs has had its time; waiting for it would break the promise of ten seconds.
    runtime.shutdown_background();
    code
}

/// Says once that the host is to stop, and ends the process at the next signal, whatever it is doing: from a thread of its
/// own, which no work of the host's can keep.
fn watch_signals() -> std::io::Result<oneshot::Receiver<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt) = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    let (tell, told) = oneshot::channel();
    let mut first = Some(tell);
    let watching = move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                let Some(tell) = first.take() else {
                    hint(&"Ended at once; what was in flight goes on at the next start.");
                    std::process::exit(EXIT_AT_ONCE);
                };
                // Nobody hears it when the host is ending for another reason.
                let _ended = tell.send(());
            }
        });
    };
    std::thread::Builder::new().name("signals".into()).spawn(watching)?;
    Ok(told)
}

async fn serve(arguments: LocalArguments, variables: Variables) -> ExitCode {
    // Before anything is started: a signal that comes during the start is not lost.
    let mut stop = match watch_signals() {
        Ok(stop) => stop,
        Err(error) => return fail(&error),
    };
    let folder = arguments.data_dir.clone();
    let demo_off = settings::value(&variables, "SIGNALBOX_DEMO")
        .is_some_and(|value| ["0", "false", "no", "off"].contains(&value.trim().to_ascii_lowercase().as_str()));
    let host = Host::start(Options {
        port: arguments.port,
        allowed_hosts: arguments.allowed_hosts.clone(),
        storage: if arguments.ephemeral { Storage::Ephemeral } else { Storage::Folder(folder.clone()) },
        secrets: Some(folder),
        demo: !arguments.no_demo && !demo_off,
        schedules: true,
        variables,
        ..Options::default()
    });
    let host = match host.await {
        Ok(host) => host,
        Err(error) => return fail(&error),
    };
    welcome(&host, &arguments);
    say(&format!("signalbox ready on {}", host.url()));
    let lost = tokio::select! {
        _ = &mut stop => None,
        reason = host.lost() => Some(reason),
    };
    match &lost {
        None => hint(&"Stopping: finishing what is in flight … Ctrl-C again ends at once."),
        Some(_) => hint(&"Stopping: the data folder is lost."),
    }
    let finished = host.stop().await;
    if let Some(reason) = lost {
        return fail(&format!("{reason}. What it held cannot be kept; put the folder back and start again"));
    }
    if !finished {
        hint(&"Not all work was finished in time; it goes on at the next start.");
    }
    ExitCode::SUCCESS
}

fn welcome(host: &Host, arguments: &LocalArguments) {
    let url = host.url();
    let program = std::env::args().next().unwrap_or_else(|| "signalbox".into());
    let folder = match arguments.data_dir.to_str() {
        Some(".signalbox") | None => String::new(),
        Some(folder) => format!(" --data-dir {folder}"),
    };
    let kept = if arguments.ephemeral { "in memory".into() } else { arguments.data_dir.display().to_string() };
    hint(&format!("Data      {kept}"));
    for (variable, masked) in host.secrets().masked() {
        hint(&format!("Secret    {variable}={masked} (generated)"));
    }
    let simulated: Vec<String> =
        host.simulated_vendors().into_iter().map(|(name, place)| format!("{name} at {place}")).collect();
    if !simulated.is_empty() {
        hint(&format!("Simulated vendors: {}; what they do wrong on demand: docs/simulators.md", simulated.join(", ")));
    }
    // What is shown works with the vendors that there are; without a name the reads are about MOSCOT.
    let vendors =
        host.environment("sync-control").get("VENDORS").map(parse_vendors).and_then(Result::ok).unwrap_or_default();
    let moscot = vendors.iter().find(|vendor| vendor.slug.as_str() == "moscot");
    let slug = moscot.or(vendors.first()).map_or("moscot", |vendor| vendor.slug.as_str());
    hint(&format!(
        "\
Open      {url}/
          {url}/vendor-sync?vendor={slug}
Look      curl -s '{url}/api/catalog/vendor-sync/runs?vendor={slug}'
          curl -s '{url}/api/catalog/vendor-sync/observability?vendor={slug}'
          curl -s '{url}/api/catalog/vendor-sync/state?vendor={slug}'
          curl -s {url}/openapi.json
Sync      curl -s -X POST {url}/api/catalog/vendor-sync/{slug}/sync -d '{{\"dryRun\": false}}' \\
            -H \"Authorization: Bearer $({program} token write{folder})\"
Log       LOG_LEVEL=info shows every request and delivery too
Stop      Ctrl-C
"
    ));
}

/// What is shown unless `LOG_LEVEL` says otherwise: runs, and what goes wrong. A line for each request and each delivery would push
/// the hints of the start out of sight.
const LEVELS: &str = "warn,signalbox=info,signalbox::http=warn,signalbox::deliveries=warn";

/// Logs go to standard error, as text: a person reads them here. In AWS they are JSON on standard output.
fn start_logs(variables: &Variables) {
    let level = settings::value(variables, "LOG_LEVEL").unwrap_or(LEVELS);
    // dynoxide warns of every failed condition, which here is how things are meant to work.
    let filter = EnvFilter::try_new(format!("{level},dynoxide=error")).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).compact().init();
}
