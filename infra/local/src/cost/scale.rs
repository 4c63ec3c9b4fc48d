//! What a load uses of each limit, what breaks first, and what moves it. The limits are those of docs/capacity.md.

use serde::Serialize;

use super::bill::Basis;
use super::deployment::{Deployment, Unknown};
use super::report::{nightly, webhooks};
use super::text;

/// A partition of a table, and so an item: write units a second.
const PARTITION_UNITS: f64 = 1_000.0;
/// A table or an index, until the account's quota is raised.
const TABLE_UNITS: f64 = 40_000.0;
/// An on-demand table that is new.
const NEW_TABLE_UNITS: f64 = 4_000.0;
/// Invocations at a time of an account, until raised.
const ACCOUNT_INVOCATIONS: f64 = 1_000.0;
/// Requests a second that each invocation at a time is good for, however short they are.
const REQUESTS_PER_INVOCATION: f64 = 10.0;
/// Invocations at a time that a function gains in ten seconds.
const GAINED_IN_TEN_SECONDS: f64 = 1_000.0;
/// Batches that Lambda takes of a queue at a time at most.
const POLLED_AT_ONCE: f64 = 1_000.0;
/// Messages of a queue that are with somebody, or wait for another attempt.
const IN_FLIGHT: f64 = 120_000.0;
/// How long an attempt that failed waits until it is a dead letter (docs/deliveries.md).
const RETRIED_SECONDS: f64 = 7_200.0;
/// Requests a second of all HTTP APIs of an account, until raised.
const API_REQUESTS: f64 = 10_000.0;
/// Events a second of a bus where it takes the fewest, until raised.
const BUS_EVENTS: f64 = 400.0;
/// Write units that a run costs in the index of open runs: put, changed and taken out (docs/capacity.md).
const OPEN_INDEX_UNITS: f64 = 6.0;
/// Bytes of a message, and of what a function is invoked with.
const MESSAGE_BYTES: f64 = 1_048_576.0;
const PAYLOAD_BYTES: f64 = 6_291_456.0;
/// Rows of a small catalogue, as most of ten thousand are.
const SMALL_CATALOGUE: f64 = 100.0;
/// What is asked where nobody says otherwise: new webhooks a second, of two loads,
pub const WEBHOOKS: [u32; 2] = [1_000, 10_000];
/// tenants,
pub const TENANTS: u32 = 10_000;
/// which part fails, in percent,
pub const FAILING_PERCENT: f64 = 1.0;
/// and bytes of a body.
pub const BODY_BYTES: u32 = 1_024;
/// A limit is not to be used beyond this part of it.
const HEADROOM: f64 = 0.7;

/// What moves a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "camelCase")]
pub enum Moved {
    /// A parameter of the template.
    Parameter(&'static str),
    /// Something else that the template says.
    Template(&'static str),
    /// A quota of the account.
    Quota(&'static str),
    /// Another form of what is stored.
    Design(&'static str),
}

/// A limit, and what a load uses of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Use {
    /// Of what.
    pub what: String,
    /// How much is used.
    pub used: f64,
    /// How much there is.
    pub limit: f64,
    /// What moves it.
    pub moved: Moved,
}

impl Use {
    /// How much of it is used, in percent.
    #[must_use]
    pub fn percent(&self) -> f64 {
        self.used / self.limit * 100.0
    }

    /// What the limit would have to be.
    #[must_use]
    pub fn needed(&self) -> f64 {
        (self.used / HEADROOM).max(self.limit)
    }
}

/// A load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// New webhooks a second.
    pub webhooks: f64,
    /// Tenants that they are spread over, each of which has a nightly.
    pub tenants: f64,
    /// Which part of the webhooks fails and is tried until it is given up.
    pub failing: f64,
    /// The bytes of a webhook's body.
    pub body: f64,
}

/// What a load uses of each limit, that first which is used most.
///
/// # Errors
/// When the template lacks a parameter that is a limit.
pub fn used(basis: Basis<'_>, load: Load) -> Result<Vec<Use>, Unknown> {
    let mut used: Vec<Use> = Vec::new();
    let mut add = |what: &str, amount: f64, limit: f64, moved: Moved| {
        used.push(Use { what: what.to_owned(), used: amount, limit, moved });
    };
    let (deployment, rate) = (basis.deployment, load.webhooks);
    let each = webhooks(basis.profile, 10.0).per(1.0);
    let seconds = |function: &str| basis.billed_ms(function, &each) / 1_000.0;

    let parameter = |name| Ok((deployment.parameter(name)?, Moved::Parameter(name)));
    let (limit, moved) = parameter("ThrottlingRate")?;
    add("HTTP API: requests a second, as deployed", rate, limit, moved);
    add("HTTP API: requests a second of an account", rate, API_REQUESTS, Moved::Quota("API Gateway throttle"));
    // Short requests are bounded by their number, long ones by their time.
    let at_door = (rate * seconds("webhooks")).max(rate / REQUESTS_PER_INVOCATION);
    let (limit, moved) = parameter("WebhooksConcurrency")?;
    add("webhooks: invocations at a time", at_door, limit, moved);
    let batch = deployment.batch("WebhookQueue")?;
    let behind = rate * seconds("webhook-worker");
    let (limit, moved) = parameter("WebhookWorkerConcurrency")?;
    add("webhook-worker: batches at a time", behind, limit, moved);
    add(
        "webhook-worker: batches polled at a time",
        behind,
        POLLED_AT_ONCE,
        Moved::Template("BatchSize of WebhookWorker"),
    );
    let (runs_at_once, runs_moved) = parameter("SyncWorkerConcurrency")?;
    let at_once = at_door + behind + runs_at_once;
    add("account: invocations at a time", at_once, ACCOUNT_INVOCATIONS, Moved::Quota("Lambda concurrent executions"));
    add(
        "webhooks: gained in ten seconds, from none",
        at_door,
        GAINED_IN_TEN_SECONDS,
        Moved::Design("provisioned concurrency"),
    );
    let waiting = rate * load.failing * RETRIED_SECONDS + behind * batch;
    add(
        "WebhookQueue: messages in flight",
        waiting,
        IN_FLIGHT,
        Moved::Design("the waits of retries (retry.rs), or maxReceiveCount"),
    );
    add("WebhookQueue: bytes of a message", load.body, MESSAGE_BYTES, Moved::Design("bodies beside the queue"));
    add("webhooks: bytes of a request", load.body, PAYLOAD_BYTES, Moved::Design("uploads past the function"));
    for (table, units) in &each.tables {
        if units.write > 1e-6 {
            let written = rate * units.write;
            add(
                &format!("{table}: write units a second"),
                written,
                TABLE_UNITS,
                Moved::Quota("DynamoDB table write units"),
            );
            add(
                &format!("{table}: write units while it is new"),
                written,
                NEW_TABLE_UNITS,
                Moved::Template("WarmThroughput of the table"),
            );
        }
    }
    let (shards, moved) = parameter("DeliveryShards")?;
    let needed = rate / PARTITION_UNITS;
    add("one tenant's list of an hour: shards, all its own", needed, shards, moved);
    add("one tenant's list of an hour: shards, spread", needed / load.tenants, shards, moved);
    add(
        "counter of all points of sale: one item",
        rate / batch,
        PARTITION_UNITS,
        Moved::Design("the counter in shards"),
    );

    // The nightly of all of them is spread over three minutes.
    let a_second = load.tenants / signalbox::domain::connections::schedule::SPREAD.as_secs_f64();
    let night = nightly(basis.profile, SMALL_CATALOGUE, 0.0);
    let slice = basis.billed_ms("sync-worker", &night) / 1_000.0;
    add("nightly: slices at a time", a_second * slice, runs_at_once, runs_moved);
    add(
        "nightly: index of open runs, one key",
        a_second * OPEN_INDEX_UNITS,
        PARTITION_UNITS,
        Moved::Design("a digit of the connection in its key"),
    );
    add(
        "nightly: events a second, smallest region",
        a_second * night.bus_events,
        BUS_EVENTS,
        Moved::Quota("EventBridge PutEvents"),
    );
    for (table, units) in &night.tables {
        let written = a_second * units.write;
        if written / NEW_TABLE_UNITS > 0.01 {
            add(
                &format!("nightly: {table} while it is new"),
                written,
                NEW_TABLE_UNITS,
                Moved::Template("WarmThroughput of the table"),
            );
        }
    }
    used.sort_by(|one, other| other.percent().total_cmp(&one.percent()));
    Ok(used)
}

/// Loads of so many webhooks a second as they are where nobody says otherwise.
#[must_use]
pub fn default_loads() -> [Load; 2] {
    WEBHOOKS.map(|webhooks| Load {
        webhooks: f64::from(webhooks),
        tenants: f64::from(TENANTS),
        failing: FAILING_PERCENT / 100.0,
        body: f64::from(BODY_BYTES),
    })
}

/// What loads use of each limit, as text.
///
/// # Errors
/// When the template lacks a parameter that is a limit.
pub fn text(basis: Basis<'_>, loads: &[Load]) -> Result<String, Unknown> {
    let tables: Result<Vec<String>, Unknown> =
        loads.iter().map(|load| Ok(table(basis.deployment, *load, &used(basis, *load)?))).collect();
    Ok(tables?.join("\n\n"))
}

fn table(deployment: &Deployment, load: Load, used: &[Use]) -> String {
    let failing = load.failing * 100.0;
    let mut lines = vec![
        format!(
            "{} webhooks a second of {} tenants, {failing} % of which fail until they are given up",
            text::whole(load.webhooks),
            text::whole(load.tenants),
        ),
        format!("  {:<48}{:>10}{:>11}{:>11}  what moves it", "what", "needed", "limit", "used"),
    ];
    for limit in used {
        let (moved, name) = match limit.moved {
            Moved::Parameter(name) => ("parameter", name),
            Moved::Template(name) => ("template", name),
            Moved::Quota(name) => ("quota", name),
            Moved::Design(name) => ("design", name),
        };
        let is_number = matches!(limit.moved, Moved::Parameter(_) | Moved::Quota(_));
        let needed = if is_number && limit.percent() > HEADROOM * 100.0 {
            match deployment.most(name).filter(|most| limit.needed() > *most) {
                Some(most) => format!(", to {}, which is its most and too little", text::whole(most)),
                None => format!(", to {}", text::whole(limit.needed().ceil())),
            }
        } else {
            String::new()
        };
        let (used, percent) = (text::quantity(limit.used), text::percent(limit.percent()));
        let of = text::whole(limit.limit);
        lines.push(format!("  {:<48}{used:>10}{of:>11}{percent:>11}  {moved}: {name}{needed}", limit.what));
    }
    let beyond = |percent: f64| used.iter().filter(|limit| limit.percent() > percent).count();
    let (exceeded, near) = (beyond(100.0), beyond(HEADROOM * 100.0));
    lines.push(match used.first().filter(|_| exceeded > 0) {
        None => "  nothing breaks".to_owned(),
        Some(first) => format!("  breaks first: {}", first.what),
    });
    let (headroom, close) = (HEADROOM * 100.0, near - exceeded);
    lines.push(format!("  limits that are exceeded: {exceeded}; used by more than {headroom:.0} % besides: {close}"));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use signalbox::domain::cost::prices::{DEFAULT_REGION, PriceList};

    use super::*;
    use crate::cost::profile::Profile;

    fn at(webhooks: f64, tenants: f64) -> Vec<Use> {
        let (deployment, profile) = (Deployment::of_template().unwrap(), Profile::built_in().unwrap());
        let prices = PriceList::built_in().unwrap().region(DEFAULT_REGION).unwrap();
        let load = Load { webhooks, tenants, failing: 0.01, body: 1_024.0 };
        used(Basis { profile: &profile, prices, deployment: &deployment }, load).unwrap()
    }

    fn of<'a>(used: &'a [Use], what: &str) -> &'a Use {
        used.iter().find(|limit| limit.what.starts_with(what)).unwrap_or_else(|| panic!("{what}: {used:?}"))
    }

    #[test]
    fn each_limit_is_used_in_step_with_the_load() {
        let (thousand, ten) = (at(1_000.0, 10_000.0), at(10_000.0, 10_000.0));
        for (what, expected) in [
            ("HTTP API: requests a second, as deployed", 200.0),
            ("HTTP API: requests a second of an account", 10.0),
            ("webhooks: invocations at a time", 100.0),
            ("counter of all points of sale", 10.0),
            ("one tenant's list of an hour: shards, all", 25.0),
            ("one tenant's list of an hour: shards, spread", 0.0025),
        ] {
            let percent = of(&thousand, what).percent();
            assert!((percent - expected).abs() < expected / 50.0, "{what}: {percent}");
            assert!((of(&ten, what).percent() / percent - 10.0).abs() < 0.01, "{what}");
        }
        // A hundredth of them for two hours.
        assert!(of(&thousand, "WebhookQueue: messages in flight").used > 72_000.0);
        assert!((of(&thousand, "nightly: index").percent() - 33.3).abs() < 0.1);
        assert!((of(&at(1_000.0, 20_000.0), "nightly: index").percent() - 66.7).abs() < 0.1);
    }

    #[test]
    fn what_is_used_most_comes_first_and_says_how_far_it_must_move() {
        let (deployment, used) = (Deployment::of_template().unwrap(), at(10_000.0, 10_000.0));
        assert!(used.windows(2).all(|pair| pair[0].percent() >= pair[1].percent()));
        assert!(
            used[0].percent() > 100.0 && (used[0].needed() * HEADROOM - used[0].used).abs() < 1e-6,
            "{:?}",
            used[0]
        );
        let load = Load { webhooks: 10.0, tenants: 10.0, failing: 0.0, body: 1_024.0 };
        assert!(table(&deployment, load, &at(10.0, 10.0)).contains("  nothing breaks\n"));
        // At a limit is not beyond it: the account's requests are used up exactly.
        let beyond = used.iter().filter(|limit| limit.percent() > 100.0).count();
        let account = of(&used, "HTTP API: requests a second of an account");
        assert!((account.percent() - 100.0).abs() < 1e-9 && beyond < used.len());
        let last = format!("  breaks first: {}\n  limits that are exceeded: {beyond};", used[0].what);
        let said = table(&deployment, load, &used);
        assert!(said.contains(&last), "{said}");
        // The template lets there be eight.
        assert!(said.contains("DeliveryShards, to 8, which is its most and too little"), "{said}");
    }
}
