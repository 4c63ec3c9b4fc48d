//! The same flows against the local host and against a second AWS, which is another implementation by other people: what
//! clients are told and what is stored must be the same. See `tests/deployment/second-aws/run --help`.

mod aws;
mod flows;
mod masked;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use serde_json::{Value, json};
use signalbox_local::template::environment_name;
use signalbox_local::{Host, Options};
use signalbox_tests::deliveries::delivery::{GITHUB_SECRET, POS_SECRET, TRACKSTAR_SECRET};
use signalbox_tests::tokens::{SERVICE_SECRET, SESSION_SECRET};

use crate::aws::Aws;

/// What goes wrong ends the comparison with its text: there is nobody to handle it.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What the samples in `events/` are signed with.
const SAMPLES_SECRET: &str = "replace-with-signalbox-webhook-secret";

/// Sends the same flows to the local host and to a second AWS, and compares what comes of them.
#[derive(Parser)]
enum Arguments {
    /// Prints the template's parameters, as JSON
    Parameters {
        /// A folder for the catalogue that is synced; absolute
        #[arg(long)]
        catalogues: PathBuf,
    },
    /// Prints the service's secrets by the names of their parameters, as JSON
    Secrets,
    /// Compares; fails when something differs
    Compare {
        /// The same folder
        #[arg(long)]
        catalogues: PathBuf,
        /// Where the second AWS answers
        #[arg(long)]
        endpoint: String,
        /// The names of the resources there, as deploy.py prints them
        #[arg(long)]
        resources: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse() {
        Arguments::Parameters { catalogues } => {
            say(&json!(parameters(&catalogues)).to_string());
            return ExitCode::SUCCESS;
        }
        Arguments::Secrets => {
            let secrets = SECRETS.map(|(name, value)| (format!("/signalbox/{name}"), value));
            say(&json!(BTreeMap::from(secrets)).to_string());
            return ExitCode::SUCCESS;
        }
        Arguments::Compare { catalogues, endpoint, resources } => compare(&catalogues, &endpoint, &resources).await,
    };
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(different) => {
            say(&format!("{different} steps differ"));
            ExitCode::FAILURE
        }
        Err(error) => {
            say(&format!("second-aws: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "what the command has to say")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// The service's secrets, the same for both. The samples' secret is the current one, the test kit's the previous.
const SECRETS: [(&str, &str); 6] = [
    ("SERVICE_JWT_SECRET", SERVICE_SECRET),
    ("SESSION_JWT_SECRET", SESSION_SECRET),
    ("TRACKSTAR_WEBHOOK_SECRET", SAMPLES_SECRET),
    ("TRACKSTAR_WEBHOOK_SECRET_PREVIOUS", TRACKSTAR_SECRET),
    ("WEBHOOK_SECRET", SAMPLES_SECRET),
    ("WEBHOOK_SECRET_PREVIOUS", POS_SECRET),
];

/// The template's parameters, the same for both.
fn parameters(catalogues: &Path) -> BTreeMap<&'static str, String> {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let senders = json!([{"provider": "github", "connection": "acme", "tenant": "t1", "scheme": "github",
        "secrets": [SAMPLES_SECRET, GITHUB_SECRET]}]);
    BTreeMap::from([
        ("Architecture", architecture.to_owned()),
        ("CatalogRoot", catalogues.display().to_string()),
        ("Stage", "production".to_owned()),
        ("TrackstarConnections", json!([{"connectionId": "conn-1", "tenant": "t1", "brand": "north"}]).to_string()),
        ("WebhookSenders", senders.to_string()),
    ])
}

/// How many steps differ.
async fn compare(catalogues: &Path, endpoint: &str, resources: &Path) -> Result<usize> {
    let parameters = parameters(catalogues).into_iter().map(|(name, value)| (environment_name(name), value));
    let secrets = SECRETS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let variables = parameters.chain(secrets).collect();
    let host = Host::start(Options { variables, ..Options::default() }).await?;
    let resources: BTreeMap<String, String> = serde_json::from_slice(&std::fs::read(resources)?)?;

    let here = flows::all(&Aws::embedded(host)?, catalogues).await?;
    let there = flows::all(&Aws::second(endpoint, resources)?, catalogues).await?;
    let mut different = 0;
    for ((step, here), (_, there)) in here.iter().zip(&there) {
        let differences = differences("", here, there);
        say(&format!("{} {step}", if differences.is_empty() { "same     " } else { "DIFFERENT" }));
        differences.iter().for_each(|difference| say(&format!("    {difference}")));
        different += usize::from(!differences.is_empty());
    }
    say(&format!("{} steps, {different} different", here.len()));
    Ok(different)
}

/// Where two values differ, and how.
fn differences(place: &str, here: &Value, there: &Value) -> Vec<String> {
    match (here, there) {
        _ if here == there => Vec::new(),
        (Value::Object(own), Value::Object(others)) => {
            let names: BTreeSet<&String> = own.keys().chain(others.keys()).collect();
            names.iter().flat_map(|name| differences(&format!("{place}/{name}"), &here[*name], &there[*name])).collect()
        }
        (Value::Array(own), Value::Array(others)) => {
            let places = 0..own.len().max(others.len());
            let at = |items: &[Value], place: usize| items.get(place).cloned().unwrap_or_default();
            places.flat_map(|item| differences(&format!("{place}/{item}"), &at(own, item), &at(others, item))).collect()
        }
        _ => vec![format!("{place}: the local host {here}, the second AWS {there}")],
    }
}
