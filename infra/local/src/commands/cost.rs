//! `signalbox cost`: what webhooks and nightlies cost; `signalbox scale`: what a load uses of each limit.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use signalbox::domain::cost::prices::{DEFAULT_REGION, PriceList};
use signalbox_local::cost::bill::Basis;
use signalbox_local::cost::deployment::{Deployment, Unknown};
use signalbox_local::cost::profile::Profile;
use signalbox_local::cost::report::{self, Asked, Report};
use signalbox_local::cost::scale::{self, Load, Use};

use super::{fail, say};

/// More than any profile or list of prices has.
const BYTES_MAX: u64 = 1 << 20;

/// Prints what a million webhooks and a nightly cost, line by line, quantity times price, and what each choice costs. The
/// quantities were counted by a system test; docs/cost.md says what is in them.
#[derive(Args)]
pub(crate) struct CostArguments {
    #[command(flatten)]
    inputs: Inputs,
    /// Rows of the nightly
    #[arg(long, value_name = "COUNT", default_value_t = report::ROWS, value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    rows: u32,
    /// Which part of them has changed, in percent, in the second nightly
    #[arg(long, value_name = "PERCENT", default_value_t = report::CHANGED_PERCENT, value_parser = percent)]
    changed: f64,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Prints what a load uses of each limit of AWS and of the template, what breaks first, and what moves it. Pure arithmetic over the
/// same profile; docs/scale.md says what is in it.
#[derive(Args)]
pub(crate) struct ScaleArguments {
    #[command(flatten)]
    inputs: Inputs,
    /// New webhooks a second; more than once for more loads
    #[arg(long, value_name = "COUNT", default_values_t = scale::WEBHOOKS, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    webhooks: Vec<u32>,
    /// Tenants that they are spread over, each with a nightly
    #[arg(long, value_name = "COUNT", default_value_t = scale::TENANTS, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    tenants: u32,
    /// Which part of the webhooks fails until it is given up, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = scale::FAILING_PERCENT, value_parser = percent)]
    failing: f64,
    /// Bytes of a webhook's body
    #[arg(long, value_name = "BYTES", default_value_t = scale::BODY_BYTES, value_parser = clap::value_parser!(u32).range(0..=10_485_760))]
    body: u32,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Inputs {
    /// A profile of your own [default: docs/profile.json, built in]
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The region whose prices count
    #[arg(long, default_value = DEFAULT_REGION)]
    region: String,
    /// A list of prices of your own [default: shared/src/domain/cost/prices.json, built in]
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "a number of percent".to_owned())?;
    if (0.0..=100.0).contains(&number) { Ok(number) } else { Err("0 to 100".to_owned()) }
}

/// What of them could be read.
struct Read {
    profile: Profile,
    prices: PriceList,
    deployment: Deployment,
}

impl Inputs {
    fn read(&self) -> Result<Read, String> {
        let of = |file: &Path, error: &dyn Display| format!("{}: {error}", file.display());
        let profile = match &self.from {
            Some(file) => Profile::parse(&read(file)?).map_err(|error| of(file, &error))?,
            None => Profile::built_in().map_err(|error| format!("the built-in profile: {error}"))?,
        };
        let prices = match &self.prices {
            Some(file) => PriceList::parse(&read(file)?).map_err(|error| of(file, &error))?,
            None => PriceList::built_in().map_err(|error| format!("the built-in prices: {error}"))?.clone(),
        };
        let deployment = Deployment::of_template().map_err(|error| error.to_string())?;
        deployment
            .has_all_of(&profile)
            .map_err(|error| format!("the profile does not fit the template: {error}. Count again (docs/cost.md)"))?;
        Ok(Read { profile, prices, deployment })
    }
}

fn read(file: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let mut text = String::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(BYTES_MAX + 1).read_to_string(&mut text));
    match read {
        Ok(bytes) if bytes as u64 > BYTES_MAX => {
            Err(format!("{} is larger than 1 MiB: it is none of ours", file.display()))
        }
        Ok(_) => Ok(text),
        Err(error) => Err(format!("{} cannot be read: {error}", file.display())),
    }
}

/// Hands what was read to whoever makes a text of it.
fn run(inputs: &Inputs, print: impl FnOnce(Basis<'_>) -> Result<String, Unknown>) -> ExitCode {
    let read = match inputs.read() {
        Ok(read) => read,
        Err(error) => return fail(&error),
    };
    match read.prices.region(&inputs.region) {
        Ok(prices) => match print(Basis { profile: &read.profile, prices, deployment: &read.deployment }) {
            Ok(text) => {
                say(&text);
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error.to_string()),
        },
        Err(error) => fail(&format!("{error}: --prices FILE")),
    }
}

pub(crate) fn cost(arguments: &CostArguments) -> ExitCode {
    let asked = Asked { rows: f64::from(arguments.rows), changed: arguments.changed / 100.0 };
    run(&arguments.inputs, |basis| {
        let report = Report::of(basis, asked);
        Ok(if arguments.json { json!(report).to_string() } else { report.text(basis) })
    })
}

pub(crate) fn scale(arguments: &ScaleArguments) -> ExitCode {
    let load = |webhooks: &u32| Load {
        webhooks: f64::from(*webhooks),
        tenants: f64::from(arguments.tenants),
        failing: arguments.failing / 100.0,
        body: f64::from(arguments.body),
    };
    run(&arguments.inputs, |basis| {
        let loads: Vec<Load> = arguments.webhooks.iter().map(load).collect();
        if !arguments.json {
            return scale::text(basis, &loads);
        }
        let all: Result<Vec<_>, Unknown> = loads
            .iter()
            .map(|load| {
                let used = scale::used(basis, *load)?;
                let limit = |used: &Use| {
                    let mut limit = json!(used);
                    limit["percent"] = json!(used.percent());
                    limit["needed"] = json!(used.needed());
                    limit
                };
                let limits: Vec<_> = used.iter().map(limit).collect();
                Ok(json!({"webhooks": load.webhooks, "tenants": load.tenants, "uses": limits}))
            })
            .collect();
        Ok(json!(all?).to_string())
    })
}
