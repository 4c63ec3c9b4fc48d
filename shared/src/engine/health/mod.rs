//! What is read of connections to judge how they do, and what of them all needs [`attention`].

pub mod attention;
mod hours;
mod lags;
pub mod pulled;
pub mod pulls;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

pub use self::lags::{LAGS_MAX, Lags, lags};
use self::pulls::PullReads;
use crate::aws::clients::Clients;
use crate::aws::deliveries::DeliveryStore;
use crate::aws::faults::AwsFault;
use crate::aws::runs::failed::FailedRuns;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::deliveries::hours::{HourCounter, Hours};
use crate::domain::health::{Judgement, Numbers, Thresholds, judge};
use crate::domain::ids::{Connection, ProviderId, RunId};
use crate::domain::pull::breaker::State;
use crate::domain::runs::pulls::Pulls;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;

/// How one connection does.
#[derive(Debug)]
pub struct Looked {
    /// Which.
    pub stored: StoredConnection,
    /// Its counters.
    pub hours: Hours,
    /// What is known of its vendor's API; nothing where it is not pulled.
    pub pulls: Pulls,
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
    /// What is known of pulls.
    pub pulls: PullReads,
    kept: Arc<Mutex<hours::Kept>>,
}

impl Looks {
    /// The tables that `DELIVERIES_TABLE`, `CONTROL_TABLE`, `CONNECTIONS_TABLE`, `RUNS_TABLE` and `SNAPSHOTS_TABLE` name; nothing is
    /// called.
    ///
    /// # Errors
    /// When one is not set.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Ok(Self {
            deliveries: DeliveryStore::connect(clients, environment)?,
            failed: FailedRuns::connect(clients, environment)?,
            pulls: PullReads::connect(clients, environment, outside)?,
            kept: Arc::default(),
        })
    }

    /// Looks at connections, none of them twice: in batches, but for a query of the counters of each that this instance does not know.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn at(&self, connections: Vec<StoredConnection>, now: Timestamp) -> Result<Vec<Looked>, AwsFault> {
        let names = |wanted: &dyn Fn(&StoredConnection) -> bool| -> Vec<Connection> {
            connections.iter().filter(|stored| wanted(stored)).map(|stored| stored.connection.clone()).collect()
        };
        let is_catalogue = |stored: &StoredConnection| stored.connection.provider == ProviderId::CATALOGUE;
        let others = names(&|stored| !is_catalogue(stored));
        let synced = names(&|stored| is_catalogue(stored) || self.pulls.are_of(stored));
        let (mut hours, mut failed, mut pulls) = futures::future::try_join3(
            self.hours(&others, now),
            self.failed.of(synced.iter()),
            self.pulls.read(&connections, now),
        )
        .await?;
        let looked = connections.into_iter().map(|stored| {
            let connection = &stored.connection;
            let (hours, failed) = (hours.remove(connection), failed.remove(connection));
            let failed = failed.filter(|run| stored.has_run(run));
            let pulls = pulls.remove(connection).unwrap_or_default();
            judged(stored, hours.unwrap_or_default(), pulls, failed, now)
        });
        Ok(looked.collect())
    }

    async fn hours(&self, connections: &[Connection], now: Timestamp) -> Result<HashMap<Connection, Hours>, AwsFault> {
        hours::read(&self.deliveries, &self.kept, connections, now.as_millisecond()).await
    }
}

fn judged(stored: StoredConnection, hours: Hours, pulls: Pulls, failed: Option<RunId>, now: Timestamp) -> Looked {
    let now_ms = now.as_millisecond();
    let day = hours.day(now_ms);
    let numbers = Numbers {
        sync_lag_ms: pulls.lag_ms(now),
        by_hand_alone: !stored.is_expected(),
        webhook_lag_ms: hours.last_received_ms().map(|last| (now_ms - last).max(0)),
        processed: day.count(HourCounter::Processed),
        failures: day.failures(),
        breaker_is_open: pulls.breaker.state(now) == State::Open,
        last_run_failed: failed.is_some(),
    };
    let thresholds = thresholds(&stored, &pulls);
    let judgement = judge(&numbers, &thresholds);
    Looked { stored, hours, pulls, failed, numbers, thresholds, judgement }
}

/// What it is judged by: its cadence, or else how long its schedule takes to come again.
fn thresholds(stored: &StoredConnection, pulls: &Pulls) -> Thresholds {
    let cadence = stored.cadence_minutes();
    let again = pulls.synced_at.filter(|_| cadence.is_none()).and_then(|synced| {
        // From then to its next time, or between two of them: one by hand right before a time makes none of them late earlier.
        let next = stored.schedule.next_after(synced, &stored.connection)?;
        let second = stored.schedule.next_after(next, &stored.connection).unwrap_or(next);
        let between = |from: Timestamp, to: Timestamp| to.as_millisecond() - from.as_millisecond();
        Some(between(synced, next).max(between(next, second)))
    });
    Thresholds::of_cadence(cadence).of_schedule(again)
}
