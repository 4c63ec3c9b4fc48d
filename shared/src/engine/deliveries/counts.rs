//! Counts for the whole fleet. What no other write can carry waits in memory, so that one write adds many.

use std::sync::{Mutex, PoisonError};

use crate::aws::clients::Aws;
use crate::domain::counters::Tally;
use crate::engine::deliveries::context::Deliveries;

/// What waits in memory is added to the fleet's counters with this many, or when this long has passed since the last time, in
/// milliseconds. So an instance that goes idle loses one less, and one in a burst writes once for as many.
const PENDING_MAX: usize = 25;
const FLUSH_MS: i64 = 1000;

/// What an instance has counted, and not yet added to the fleet's counters. It is lost with the instance.
#[derive(Default)]
pub(super) struct PendingCounts(Mutex<Pending>);

#[derive(Default)]
struct Pending {
    counts: Tally,
    number: usize,
    since_ms: i64,
}

impl PendingCounts {
    fn add(&self, count: impl FnOnce(&mut Tally)) {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pending.number += 1;
        count(&mut pending.counts);
    }

    /// Takes what waits, if `due` says so of how many there are and how long ago the last was taken, in milliseconds.
    fn take(&self, now_ms: i64, due: impl FnOnce(usize, i64) -> bool) -> Tally {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.counts.is_empty() || !due(pending.number, now_ms - pending.since_ms) {
            return Tally::default();
        }
        std::mem::replace(&mut *pending, Pending { since_ms: now_ms, ..Pending::default() }).counts
    }
}

impl Deliveries {
    /// Counts something for the whole fleet, some time soon. What an instance has counted and not yet added is lost with
    /// it; so only what no other write can carry is counted here.
    pub(super) fn count_soon(&self, count: impl FnOnce(&mut Tally)) {
        self.pending.add(count);
    }

    /// Adds what was counted to the fleet's counters, if that is much or was not done for a while.
    pub(super) async fn flush_counts_if_due(&self) {
        let due = |number, passed_ms| number >= PENDING_MAX || passed_ms >= FLUSH_MS;
        let counts = self.pending.take(self.now().as_millisecond(), due);
        count(&self.aws, &counts).await;
    }

    /// Adds what was counted now: for who is asked too seldom to wait for the next time.
    pub async fn flush_counts_now(&self) {
        let counts = self.pending.take(self.now().as_millisecond(), |_, _| true);
        count(&self.aws, &counts).await;
    }
}

/// Adds to the fleet's counters: one write a source. Nothing fails with it, as graphs are no reason to do work again.
pub async fn count(aws: &Aws, tally: &Tally) {
    let writes = tally.sources().map(|(source, counters)| aws.count_fleet(source, counters));
    for error in futures::future::join_all(writes).await.into_iter().filter_map(Result::err) {
        tracing::warn!(%error, "counts not added");
    }
}
