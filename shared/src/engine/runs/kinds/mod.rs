//! The kinds of run, a folder each, and the one place of the engine that knows them.
//!
//! A kind does a step and answers with what comes next; whatever follows from that (ending, handing on, waiting, trying again)
//! is the same for all kinds, and not here.

pub mod catalogue;
pub mod mirror;
pub mod pull;

use crate::domain::datasets::snapshot::SnapshotState;
use crate::domain::runs::lease::{Wait, WaitReason};
use crate::domain::runs::life::Next;
use crate::domain::runs::run::{Run, Work};
use crate::engine::runs::end::Switch;
use crate::engine::runs::slice::{Slice, SliceFault};
use crate::vendors::catalogue::SourceError;

/// Does what a slice has time for.
///
/// # Errors
/// What went wrong, where it is no answer of its own.
pub async fn step(slice: &mut Slice<'_>) -> Result<Next<Switch>, SliceFault> {
    let done = match &slice.run.work {
        Work::Catalogue(_) => catalogue::step(slice).await,
        Work::Pull(_) => pull::step(slice).await,
        // Boxed: it is a large part of what every slice would carry.
        Work::Mirror(_) => Box::pin(mirror::step(slice)).await,
    };
    match done {
        Ok(applied) => Ok(Next::Done(applied)),
        Err(SliceFault::OutOfTime) => Ok(Next::HandOn),
        Err(SliceFault::Stop(stop)) => Ok(Next::Stopped(stop)),
        Err(SliceFault::Waits(wait)) => Ok(Next::WaitUntil(wait)),
        Err(SliceFault::Unapproved) => Ok(Next::AwaitApproval),
        Err(SliceFault::Source(SourceError::Busy { retry_after, .. })) => {
            let until = retry_after.until(slice.now());
            Ok(Next::WaitUntil(Wait { until, reason: WaitReason::RetryAfter }))
        }
        Err(fault) => Err(fault),
    }
}

/// What clients see of the connection after a run that went well; none where nothing of it says how the connection is.
#[must_use]
pub fn snapshot_state(run: &Run) -> Option<SnapshotState> {
    match &run.work {
        Work::Catalogue(work) => Some(catalogue::snapshot_state(run, work)),
        Work::Pull(work) => pull::snapshot_state(run, work),
        Work::Mirror(work) => Some(mirror::snapshot_state(run, work)),
    }
}
