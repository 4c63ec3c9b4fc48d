//! What is read of connections to judge how they do.

use jiff::Timestamp;

use crate::aws::deliveries::DeliveryStore;
use crate::aws::faults::AwsFault;
use crate::aws::runs::RunReads;
use crate::aws::runs::reads::Wanted as WantedRuns;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::deliveries::hours::{DAY_HOURS, HourCounter, Hours};
use crate::domain::health::{Judgement, Numbers, Thresholds, judge, percentile};
use crate::domain::ids::{Connection, ProviderId};
use crate::domain::runs::run::{Run, RunStatus};
use crate::engine::deliveries::list::{self, ListReads, Listed, Source, Wanted, Which};

/// How many connections are looked at beside one another.
const AT_ONCE: usize = 16;
/// Deliveries whose lag is looked at.
pub const LAGS_MAX: usize = 100;
/// How often a list is asked to go on, where it stopped before it found enough: 20,000 deliveries in all.
const PARTS_MAX: usize = 10;
const DAY_MS: i64 = 86_400_000;

/// How one connection does.
#[derive(Debug)]
pub struct Looked {
    /// Which.
    pub stored: StoredConnection,
    /// Its counters.
    pub hours: Hours,
    /// The last run that was to change something, or that was not started; none of a provider of which nothing is synced.
    pub last_run: Option<Run>,
    /// What was judged.
    pub numbers: Numbers,
    /// And by what.
    pub thresholds: Thresholds,
    /// What came of it.
    pub judgement: Judgement,
}

/// Looks at connections: one query each for the counters, and of a catalogue one for the last run.
///
/// # Errors
/// When AWS fails.
pub async fn look(
    deliveries: &DeliveryStore,
    runs: &RunReads,
    connections: Vec<StoredConnection>,
    now: Timestamp,
) -> Result<Vec<Looked>, AwsFault> {
    let mut looked = Vec::with_capacity(connections.len());
    let mut left = connections.into_iter().peekable();
    while left.peek().is_some() {
        let some = left.by_ref().take(AT_ONCE).map(|stored| look_at(deliveries, runs, stored, now));
        looked.extend(futures::future::try_join_all(some).await?);
    }
    Ok(looked)
}

async fn look_at(
    deliveries: &DeliveryStore,
    runs: &RunReads,
    stored: StoredConnection,
    now: Timestamp,
) -> Result<Looked, AwsFault> {
    let connection = &stored.connection;
    let last_run = async {
        if connection.provider != ProviderId::CATALOGUE {
            return Ok(None);
        }
        let wanted = WantedRuns { limit: 1, ..WantedRuns::default() };
        Ok(runs.page(connection, &wanted).await?.pop())
    };
    let (hours, last_run) = futures::future::try_join(deliveries.hours(connection, DAY_HOURS), last_run).await?;
    let now_ms = now.as_millisecond();
    let day = hours.day(now_ms);
    let numbers = Numbers {
        sync_lag_ms: None,
        webhook_lag_ms: hours.last_received_ms().map(|last| (now_ms - last).max(0)),
        processed: day.count(HourCounter::Processed),
        failures: day.failures(),
        breaker_is_open: false,
        last_run_failed: last_run.as_ref().is_some_and(|run| run.status == RunStatus::Failed),
    };
    let thresholds = Thresholds::of_cadence(stored.cadence_minutes());
    let judgement = judge(&numbers, &thresholds);
    Ok(Looked { stored, hours, last_run, numbers, thresholds, judgement })
}

/// How long deliveries took from their receipt to their effect.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lags {
    /// Each of them in milliseconds, the shortest first.
    pub sorted: Vec<i64>,
    /// Whether all that are wanted were looked at.
    pub complete: bool,
}

impl Lags {
    /// Their mean; none of none.
    #[must_use]
    pub fn average(&self) -> Option<i64> {
        let sum: i64 = self.sorted.iter().sum();
        sum.checked_div(i64::try_from(self.sorted.len()).ok()?)
    }

    /// The value that so many of a hundred are not above; none of none.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Option<i64> {
        percentile(&self.sorted, percent)
    }
}

/// The lags of the newest deliveries of a connection, of the last day, [`LAGS_MAX`] at most: each exact.
///
/// # Errors
/// When AWS fails.
pub async fn lags(reads: ListReads<'_>, now: Timestamp, connection: &Connection) -> Result<Lags, AwsFault> {
    let from = Timestamp::from_millisecond(now.as_millisecond() - DAY_MS).ok();
    let mut wanted = Wanted {
        tenant: connection.tenant.clone(),
        which: Which::Processed,
        source: Some(Source { provider: connection.provider.clone(), name: Some(connection.name.clone()) }),
        from,
        to: None,
        correlation_id: None,
        key: None,
        below: None,
        limit: LAGS_MAX,
    };
    let mut lags = Lags::default();
    for _ in 0..PARTS_MAX {
        let part = list::page(reads, now, &wanted).await?;
        lags.sorted.extend(part.found.iter().filter_map(lag));
        lags.complete = part.next.is_none() || lags.sorted.len() >= LAGS_MAX;
        if lags.complete {
            break;
        }
        wanted.limit = LAGS_MAX - lags.sorted.len();
        wanted.below = part.next;
    }
    lags.sorted.sort_unstable();
    Ok(lags)
}

fn lag(listed: &Listed) -> Option<i64> {
    match listed {
        Listed::Processed(place, delivery) => {
            let processed_ms = delivery.processed_at?.as_millisecond();
            Some((processed_ms - place.received_ms).max(0))
        }
        Listed::Dead(_) | Listed::Claimed(..) => None,
    }
}
