//! What is stored: what DynamoDB and SQS keep of a connection, with the conditions of its writes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use signalbox::domain::pull::breaker::Breaker;
use signalbox::domain::pull::pages::{Chain, Proof};
use signalbox::domain::pull::quota::Paid;
use signalbox::domain::runs::lease::{Hold, LEASE_MS, Lease, Standing, StopRequest, standing};
use signalbox::domain::runs::run::Run;

use super::world::{Broken, Bug};

#[derive(Default)]
pub(super) struct Store {
    /// The run that was started last.
    pub(super) run: Option<Stored>,
    pub(super) lease: Lease,
    /// With its version.
    pub(super) breaker: (Breaker, u64),
    /// The probes that are under way, and since when.
    pub(super) probes: Vec<(String, i64)>,
    pub(super) paid: Paid,
    /// The state after the last run that went well, and the records as they are: row and version.
    pub(super) snapshot: BTreeMap<u32, u32>,
    pub(super) records: BTreeMap<u32, u32>,
    /// Rows that a run was about to write which did not go well: their records may be anything.
    pub(super) left: BTreeSet<u32>,
    /// How many rows this run has written, for whoever counts so.
    pub(super) written: u64,
    /// When messages for the run are due.
    pub(super) queue: Vec<i64>,
    /// The fence of whoever took the lease last.
    last_fence: String,
}

/// A run, with what it keeps of its pages.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) run: Run,
    pub(super) pull: Pull,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Pull {
    pub(super) chain: Chain,
    /// The last row of the last page.
    pub(super) after: Option<u32>,
    /// What differs from the snapshot, of the pages that were read.
    pub(super) changed: BTreeMap<u32, u32>,
    /// What the last page is about to write.
    pub(super) to_write: Vec<(u32, u32)>,
    pub(super) seen: BTreeSet<u32>,
    /// What the list proves, once it has ended.
    pub(super) end: Option<Proof>,
}

/// Created, updated, removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts(pub(super) [u64; 3]);

impl Counts {
    /// The difference between two snapshots.
    pub(super) fn between(before: &BTreeMap<u32, u32>, after: &BTreeMap<u32, u32>) -> Self {
        let count = |found: usize| found as u64;
        Self([
            count(after.keys().filter(|row| !before.contains_key(row)).count()),
            count(after.iter().filter(|(row, version)| before.get(row).is_some_and(|old| old != *version)).count()),
            count(before.keys().filter(|row| !after.contains_key(row)).count()),
        ])
    }
}

impl Store {
    pub(super) fn open(&self) -> Option<&Stored> {
        self.run.as_ref().filter(|stored| !stored.run.status.is_over())
    }

    /// Takes the lease, as `RunStore::take_lease` does.
    pub(super) fn take(
        &mut self,
        fence: &str,
        now: Timestamp,
    ) -> Option<Result<(Hold, Option<StopRequest>), Standing>> {
        let run = self.open()?.run.id.clone();
        let (lease, now_ms) = (&mut self.lease, now.as_millisecond());
        let waits = lease.waits_until_ms.is_some_and(|until| until > now_ms) && lease.stop_by.is_none();
        if lease.run_id.as_ref() != Some(&run) || lease.until_ms >= now_ms || waits {
            return Some(Err(standing(Some(lease), &run, fence, now)));
        }
        *lease = Lease {
            fence: Some(fence.to_owned()),
            until_ms: now_ms + LEASE_MS,
            waits_until_ms: None,
            waits_for: None,
            ..lease.clone()
        };
        self.last_fence = fence.to_owned();
        Some(Ok((Hold { run_id: run, fence: fence.to_owned(), since: now }, lease.stop())))
    }

    /// Holds on for longer; none where somebody else holds the run.
    pub(super) fn renew(&mut self, hold: &mut Hold, now: Timestamp) -> Option<Option<StopRequest>> {
        if self.lease.fence.as_deref() != Some(&hold.fence) {
            return None;
        }
        self.lease.until_ms = now.as_millisecond() + LEASE_MS;
        hold.since = now;
        Some(self.lease.stop())
    }

    /// Whether a commit's condition holds. I3: it must be by whoever took the lease last.
    pub(super) fn commits(&self, hold: &Hold, bug: Option<Bug>) -> Result<bool, Broken> {
        let is_held = match bug {
            Some(Bug::CommitsWithoutFence) => self.lease.run_id.as_ref() == Some(&hold.run_id),
            _ => self.lease.fence.as_deref() == Some(&hold.fence),
        };
        if is_held && self.last_fence != hold.fence {
            let (late, last) = (&hold.fence, &self.last_fence);
            return Err(Broken::new("I3", format!("{late} commits, and {last} has taken the run since")));
        }
        Ok(is_held)
    }
}
