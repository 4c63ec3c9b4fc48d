//! Runs that the host before this one left behind. It had the data folder to itself, as this one has: so whoever held a run
//! is gone, and nobody need wait for a minute until its lease has run out.

use std::collections::BTreeMap;
use std::time::Duration;

use signalbox::aws::clients::Clients;
use signalbox::engine::runs::context::Runs;
use signalbox::engine::runs::restart;
use signalbox::environment::Environment;
use signalbox::outside::Outside;

/// The function that watches over runs: what it may reach is all that this needs.
const WATCHDOG: &str = "scheduler";
/// Nobody waits longer for a host that starts. What is left then is the watchdog's.
const TAKING_UP_MAX: Duration = Duration::from_secs(10);

/// Takes up what is left. To be called while the engines run and nothing is let in yet: what is done here could not be told
/// from the work of others. A host is useful without it, so a fault is no reason not to start.
pub(super) async fn take_up_runs(environments: &BTreeMap<String, Environment>, outside: &Outside) {
    // A template without it has no runs.
    let Some(environment) = environments.get(WATCHDOG) else { return };
    let taking_up = async {
        let clients = Clients::connect(environment, outside).map_err(|error| error.to_string())?;
        let runs = Runs::connect(&clients, environment, outside).map_err(|error| error.to_string())?;
        restart::take_up(&runs).await.map_err(|error| error.to_string())
    };
    match tokio::time::timeout(TAKING_UP_MAX, taking_up).await {
        Ok(Ok(_runs)) => {}
        Ok(Err(error)) => tracing::warn!(error, "runs are left to the watchdog"),
        Err(_) => tracing::warn!("runs are left to the watchdog: taking them up took too long"),
    }
}
