//! The kinds of run, a folder each, and the one place of the engine that knows them.
//!
//! A kind does a step and answers with what comes next; whatever follows from that (ending, handing on, waiting, trying again)
//! is the same for all kinds, and not here.

pub mod catalogue;

use jiff::{SignedDuration, Timestamp};

use crate::domain::datasets::snapshot::SnapshotState;
use crate::domain::runs::lease::{Wait, WaitReason};
use crate::domain::runs::life::Next;
use crate::domain::runs::run::{Run, Work};
use crate::engine::runs::end::Switch;
use crate::engine::runs::slice::{Slice, SliceFault};
use crate::vendors::catalogue::{RetryAfter, SourceError};

/// Does what a slice has time for.
///
/// # Errors
/// What went wrong, where it is no answer of its own.
pub async fn step(slice: &mut Slice<'_>) -> Result<Next<Switch>, SliceFault> {
    let done = match &slice.run.work {
        Work::Catalogue(_) => catalogue::step(slice).await,
    };
    match done {
        Ok(applied) => Ok(Next::Done(applied)),
        Err(SliceFault::OutOfTime) => Ok(Next::HandOn),
        Err(SliceFault::Stop(stop)) => Ok(Next::Stopped(stop)),
        Err(SliceFault::Source(SourceError::Busy { retry_after, .. })) => {
            let until = asked_for(retry_after, slice.now());
            Ok(Next::WaitUntil(Wait { until, reason: WaitReason::RetryAfter }))
        }
        Err(fault) => Err(fault),
    }
}

/// The time that a vendor asks to wait for.
fn asked_for(retry_after: RetryAfter, now: Timestamp) -> Timestamp {
    match retry_after {
        RetryAfter::Seconds(seconds) => {
            let wait = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
            now.checked_add(wait).unwrap_or(Timestamp::MAX)
        }
        RetryAfter::At(at) => at,
    }
}

/// What clients see of the connection after a run that went well.
#[must_use]
pub fn snapshot_state(run: &Run) -> SnapshotState {
    match &run.work {
        Work::Catalogue(work) => catalogue::snapshot_state(run, work),
    }
}
