//! Counts for the whole fleet. What no other write can carry waits in memory, so that one write adds many.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::aws::clients::Patience;
use crate::aws::deliveries::DeliveryStore;
use crate::aws::faults::AwsFault;
use crate::domain::deliveries::counters::FleetTally;
use crate::domain::deliveries::hours::ConnectionTally;
use crate::engine::deliveries::reject::STORING_MAX;
use crate::outside::Clock;

/// What waits in memory is added to the fleet's counters with this many, or when this long has passed since the last time, in
/// milliseconds. So an instance that goes idle loses one less, and one in a burst writes once for as many.
const PENDING_MAX: usize = 25;
const FLUSH_MS: i64 = 1000;

/// The counts of an instance: what it has added to the fleet's counters, and what it has not yet, which is lost with it.
pub struct WaitingCounts {
    store: DeliveryStore,
    pending: Mutex<Pending>,
}

#[derive(Default)]
struct Pending {
    counts: FleetTally,
    number: usize,
    since_ms: i64,
}

impl WaitingCounts {
    pub(super) fn new(store: DeliveryStore) -> Self {
        Self { store, pending: Mutex::default() }
    }

    /// Counts something some time soon: only what no other write can carry, as it may be lost until then.
    pub(super) fn soon(&self, count: impl FnOnce(&mut FleetTally)) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.number += 1;
        count(&mut pending.counts);
    }

    /// Adds what waits to the fleet's counters, if that is much or was not done for a while. A sender waits for its answer
    /// meanwhile: so it is tried once, and not for long.
    pub(super) async fn flush_if_due(&self, clock: &Clock) {
        let due = |number, passed_ms| number >= PENDING_MAX || passed_ms >= FLUSH_MS;
        let waiting = self.take(clock.now(), due);
        if clock.within(STORING_MAX, add(&self.store, &waiting, Patience::Once)).await.is_none() {
            tracing::warn!(error = %AwsFault::unanswered("count", STORING_MAX), "counts not added");
        }
    }

    /// Adds what waits now: for who is asked too seldom to wait for the next time.
    pub async fn flush_now(&self, now: Timestamp) {
        count(&self.store, &self.take(now, |_, _| true)).await;
    }

    /// Takes what waits, if `due` says so of how many there are and how long ago the last was taken, in milliseconds.
    fn take(&self, now: Timestamp, due: impl FnOnce(usize, i64) -> bool) -> FleetTally {
        let now_ms = now.as_millisecond();
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.counts.is_empty() || !due(pending.number, now_ms - pending.since_ms) {
            return FleetTally::default();
        }
        std::mem::replace(&mut *pending, Pending { since_ms: now_ms, ..Pending::default() }).counts
    }
}

/// Adds to the fleet's counters: one write an origin. Nothing fails with it: work is not done again for the sake of a graph.
pub async fn count(store: &DeliveryStore, tally: &FleetTally) {
    add(store, tally, Patience::Usual).await;
}

/// Adds to connections' counters: one write a connection and hour. As with the fleet's, nothing fails with it.
pub async fn count_connections(store: &DeliveryStore, tally: &ConnectionTally) {
    let writes = tally.hours().map(|(connection, hour, counts)| store.count_hour(connection, hour, counts));
    for error in futures::future::join_all(writes).await.into_iter().filter_map(Result::err) {
        tracing::warn!(%error, "counts of a connection not added");
    }
}

async fn add(store: &DeliveryStore, tally: &FleetTally, patience: Patience) {
    let writes = tally.origins().map(|(origin, counters)| store.count_fleet(origin, counters, patience));
    for error in futures::future::join_all(writes).await.into_iter().filter_map(Result::err) {
        tracing::warn!(%error, "counts not added");
    }
}
