//! Runs: [`reads`] of them and the counters over them, the [`transitions`] of their life, and which are [`open`].
//!
//! | table | key | holds |
//! |---|---|---|
//! | runs | `tenant/provider/name`, run id | a run |
//! | runs | `tenant/provider/name#statistics`, `day#…` or `month#…` | a counter, see [`statistics`] |
//! | runs | `tenant/provider/name#log`, run id `#` number | what a run said with a commit, see [`log`] |
//! | runs | `mirrors#…`, run id or counter | the log of mirrors, see [`mirrors`] |
//! | control | `tenant/provider/name`, `lease` | the lease |
//! | control | `watchdog`, `cursor` | where the watchdog's next round begins |
//!
//! Index `by_status` pages through one status; the sparse index `open` holds only runs that still owe something:
//! their end, or the event that tells of it. The sparse index `attention` of the control table holds the leases of connections whose
//! last apply [`failed`].

pub mod failed;
mod fan_outs;
mod items;
pub mod leases;
pub mod log;
pub mod mirrors;
mod open;
pub mod reads;
mod statistics;
pub mod transitions;

use super::clients::Clients;
use super::datasets::snapshots::SnapshotStore;
use super::retention::retention;
use super::table::Table;
use crate::domain::retention::{RUNS_DAYS, RUNS_DAYS_MIN, Retention};
use crate::environment::{Environment, StartError};

/// The runs table, to read, and how long runs are kept.
#[derive(Clone, Debug)]
pub struct RunReads(Table, Retention);

impl RunReads {
    /// The table that `RUNS_TABLE` names, and the days of `RUNS_RETENTION_DAYS`; nothing is called.
    ///
    /// # Errors
    /// When it is not set, or the days make no sense.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        let kept = retention(environment, "RUNS_RETENTION_DAYS", RUNS_DAYS, RUNS_DAYS_MIN)?;
        Ok(Self(Table::connect(clients, environment, "RUNS_TABLE")?, kept))
    }

    /// How long runs are kept: lists and what counts them end at its edge.
    #[must_use]
    pub fn retention(&self) -> Retention {
        self.1
    }
}

/// What a run's transactions move together: the run, its lease, and the snapshot.
#[derive(Clone, Debug)]
pub struct RunStore {
    /// Reads of runs.
    pub reads: RunReads,
    /// The snapshots that runs end with.
    pub snapshots: SnapshotStore,
    control: Table,
}

impl RunStore {
    /// The tables that `RUNS_TABLE`, `SNAPSHOTS_TABLE` and `CONTROL_TABLE` name; nothing is called.
    ///
    /// # Errors
    /// When one is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self {
            reads: RunReads::connect(clients, environment)?,
            snapshots: SnapshotStore::connect(clients, environment)?,
            control: Table::connect(clients, environment, "CONTROL_TABLE")?,
        })
    }

    fn runs(&self) -> &Table {
        &self.reads.0
    }
}
