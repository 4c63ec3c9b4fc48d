//! What is read of connections to judge how they do, and what of them all needs [`attention`].

pub mod attention;
mod hours;
mod lags;
pub mod pulled;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

pub use self::lags::{LAGS_MAX, Lags, lags};
use crate::aws::clients::Clients;
use crate::aws::deliveries::DeliveryStore;
use crate::aws::faults::AwsFault;
use crate::aws::runs::failed::FailedRuns;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::deliveries::hours::{HourCounter, Hours};
use crate::domain::health::{Judgement, Numbers, Thresholds, judge};
use crate::domain::ids::{Connection, ProviderId, RunId};
use crate::environment::{Environment, StartError};

/// How one connection does.
#[derive(Debug)]
pub struct Looked {
    /// Which.
    pub stored: StoredConnection,
    /// Its counters.
    pub hours: Hours,
    /// The run that was to change something last, where it failed; none of a provider of which nothing is synced.
    pub failed: Option<RunId>,
    /// What was judged.
    pub numbers: Numbers,
    /// And by what.
    pub thresholds: Thresholds,
    /// What came of it.
    pub judgement: Judgement,
}

/// Looks at connections. Clones are the same.
#[derive(Clone, Debug)]
pub struct Looks {
    /// The counters.
    pub deliveries: DeliveryStore,
    /// The runs that failed.
    pub failed: FailedRuns,
    kept: Arc<Mutex<hours::Kept>>,
}

impl Looks {
    /// The tables that `DELIVERIES_TABLE` and `CONTROL_TABLE` name; nothing is called.
    ///
    /// # Errors
    /// When one is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        let deliveries = DeliveryStore::connect(clients, environment)?;
        Ok(Self { deliveries, failed: FailedRuns::connect(clients, environment)?, kept: Arc::default() })
    }

    /// Looks at connections, none of them twice: in batches, but for a query of the counters of each that this instance does not know.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn at(&self, connections: Vec<StoredConnection>, now: Timestamp) -> Result<Vec<Looked>, AwsFault> {
        let names: Vec<Connection> = connections.iter().map(|stored| stored.connection.clone()).collect();
        let (catalogues, others): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|connection| connection.provider == ProviderId::CATALOGUE);
        let (mut hours, mut failed) =
            futures::future::try_join(self.hours(&others, now), self.failed.of(catalogues.iter())).await?;
        let looked = connections.into_iter().map(|stored| {
            let (hours, failed) = (hours.remove(&stored.connection), failed.remove(&stored.connection));
            let failed = failed.filter(|run| stored.has_run(run));
            judged(stored, hours.unwrap_or_default(), failed, now)
        });
        Ok(looked.collect())
    }

    async fn hours(&self, connections: &[Connection], now: Timestamp) -> Result<HashMap<Connection, Hours>, AwsFault> {
        hours::read(&self.deliveries, &self.kept, connections, now.as_millisecond()).await
    }
}

fn judged(stored: StoredConnection, hours: Hours, failed: Option<RunId>, now: Timestamp) -> Looked {
    let now_ms = now.as_millisecond();
    let day = hours.day(now_ms);
    let numbers = Numbers {
        sync_lag_ms: None,
        webhook_lag_ms: hours.last_received_ms().map(|last| (now_ms - last).max(0)),
        processed: day.count(HourCounter::Processed),
        failures: day.failures(),
        breaker_is_open: false,
        last_run_failed: failed.is_some(),
    };
    let thresholds = Thresholds::of_cadence(stored.cadence_minutes());
    let judgement = judge(&numbers, &thresholds);
    Looked { stored, hours, failed, numbers, thresholds, judgement }
}
