//! A run's life: what comes next, decided from the run, its lease, what others ask of it, and the time.
//!
//! Nothing happens here. The engine brings what a slice came to, or what the watchdog found, and does what it is told; so
//! every decision is a row of a table, and a simulation can drive them without a store.

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::RunId;
use crate::domain::mirror::backoff::backoff_ms;
use crate::domain::runs::failure::{Disposition, Failure};
use crate::domain::runs::lease::{Lease, StopRequest, Wait, WaitReason};
use crate::domain::runs::run::{Run, RunStatus, Work};

/// How long a message may be late before another is sent, in milliseconds. Each one more is given twice as long as the one
/// before: a queue that is behind must not be filled with copies.
pub const MESSAGE_LATE_MS: i64 = 120_000;
/// How long any of them is given.
pub const MESSAGE_LATE_MS_MAX: i64 = 960_000;
/// The shortest wait, though a vendor ask for less: its clock may be behind ours, and waits are no attempts, so that nothing
/// else would keep a run from asking again and again.
pub const WAIT_MIN: SignedDuration = SignedDuration::from_secs(30);
/// How long a run waits for approval.
pub const APPROVAL: SignedDuration = SignedDuration::from_hours(72);
/// The first backoff is twice this, and each further one twice the one before, in seconds.
const BACKOFF_SECONDS: i64 = 2;
/// How often it doubles.
const BACKOFF_DOUBLINGS_MAX: u32 = 8;

/// What a kind's step came to, and with it what comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<A> {
    /// All is done; what is to be switched to.
    Done(A),
    /// The slice's time is used up.
    HandOn,
    /// It may not go on before a time.
    WaitUntil(Wait),
    /// Somebody must approve before it goes on.
    AwaitApproval,
    /// It was asked to stop, and has.
    Stopped(StopRequest),
}

/// What a slice came to, without what it brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CameTo {
    /// All is done.
    Done,
    /// Its time is used up.
    OutOfTime,
    /// Its process is about to end.
    CutShort,
    /// It may not go on before a time.
    Waits(Wait),
    /// Somebody must approve.
    AwaitsApproval,
    /// It has stopped as it was asked to.
    Stopped,
    /// It failed; `may_pass` says whether the cause may pass by itself.
    Failed {
        /// Why.
        failure: Failure,
        /// Whether another attempt may do better.
        may_pass: bool,
    },
}

/// What is to be done after a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The run is over.
    End(RunStatus, Option<Failure>),
    /// It goes on in another slice: at once, or after a wait.
    GoOn(Option<Wait>),
    /// Nothing: somebody else has the run.
    Leave,
}

/// What follows from a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AfterSlice {
    /// Slices in a row that came to nothing, this one included.
    pub attempts: u32,
    /// From when the run's deadline is counted.
    pub deadline_from: Timestamp,
    /// What is to be done.
    pub then: Then,
}

/// When a run that does not move on is given up.
#[must_use]
pub fn deadline(run: &Run) -> Timestamp {
    let patience = run.work.patience();
    later(run.deadline_from, patience.without_progress).min(latest_end(run))
}

/// When a run must be over, however it moves on. How long somebody takes to approve of it is not its own time.
fn latest_end(run: &Run) -> Timestamp {
    let waited = SignedDuration::from_millis(i64::try_from(run.held_ms).unwrap_or(i64::MAX));
    let waits = if run.held.is_some() { APPROVAL } else { SignedDuration::ZERO };
    later(later(later(run.started_at, run.work.patience().in_all), waited), waits)
}

fn later(from: Timestamp, by: SignedDuration) -> Timestamp {
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Decides what comes after a slice of a run. `moved` says whether its checkpoint moved.
#[must_use]
pub fn after_slice(run: &Run, came_to: CameTo, moved: bool, now: Timestamp) -> AfterSlice {
    let before = if moved { 0 } else { run.attempts };
    let deadline_from = if moved { now } else { run.deadline_from };
    let end = |failure: Failure| Then::End(status_of(failure), Some(failure));
    let as_it_was = |then| AfterSlice { attempts: before, deadline_from, then };
    let late = now >= deadline(&Run { deadline_from, ..run.clone() });
    match came_to {
        CameTo::Done => as_it_was(Then::End(RunStatus::Success, None)),
        CameTo::Stopped => as_it_was(end(Failure::Stopped)),
        CameTo::Waits(Wait { until, reason }) => {
            let until = until.max(later(now, WAIT_MIN));
            // The vendor's time is not the run's. That it is not asked, as it failed before, is no word of the vendor's.
            let (counted_from, must_end) = match reason {
                WaitReason::Breaker => (deadline_from, deadline(&Run { deadline_from, ..run.clone() })),
                _ => (until, latest_end(run)),
            };
            match until >= must_end {
                true => as_it_was(end(too_long(reason))),
                false => AfterSlice {
                    attempts: before,
                    deadline_from: counted_from,
                    then: Then::GoOn(Some(Wait { until, reason })),
                },
            }
        }
        CameTo::AwaitsApproval => {
            let wait = Wait { until: later(now, APPROVAL), reason: WaitReason::Approval };
            AfterSlice { attempts: before, deadline_from: wait.until, then: Then::GoOn(Some(wait)) }
        }
        CameTo::OutOfTime | CameTo::CutShort if late => as_it_was(end(Failure::RunTooSlow)),
        // No attempt: that its process ends is no fault of the run, and says nothing of whether it gets on.
        CameTo::CutShort => as_it_was(Then::GoOn(None)),
        CameTo::OutOfTime => {
            let attempts = if moved { 0 } else { before + 1 };
            let then =
                if attempts >= run.work.patience().attempts_max { end(Failure::RunTooSlow) } else { Then::GoOn(None) };
            AfterSlice { attempts, deadline_from, then }
        }
        CameTo::Failed { failure, may_pass } => match failure.disposition() {
            Disposition::Leave => as_it_was(Then::Leave),
            Disposition::Retry if !may_pass => as_it_was(end(failure)),
            Disposition::Retry if late => as_it_was(end(Failure::RunTooSlow)),
            Disposition::Retry => {
                let attempts = before + 1;
                let then = if attempts >= run.work.patience().attempts_max {
                    end(failure)
                } else {
                    Then::GoOn(Some(backoff(run, attempts, now)))
                };
                AfterSlice { attempts, deadline_from, then }
            }
            Disposition::Fail | Disposition::Skip | Disposition::Cancel | Disposition::Refuse => {
                as_it_was(end(failure))
            }
        },
    }
}

/// Slices in a row that could not connect to the vendor, with this one.
#[must_use]
pub fn unconnected(run: &Run, came_to: CameTo, moved: bool) -> u32 {
    let before = if moved { 0 } else { run.unconnected };
    match came_to {
        CameTo::Failed { failure, .. } if failure.is_unconnected() => before + 1,
        _ => before,
    }
}

/// How long a run waits after its `attempts`-th fault in a row: 4 s, doubling; of a mirror less, as its clients know it.
fn backoff(run: &Run, attempts: u32, now: Timestamp) -> Wait {
    let time = match &run.work {
        Work::Mirror(_) => SignedDuration::from_millis(backoff_ms(&run.id, attempts)),
        Work::Catalogue(_) | Work::Pull(_) => {
            SignedDuration::from_secs(BACKOFF_SECONDS << attempts.min(BACKOFF_DOUBLINGS_MAX))
        }
    };
    Wait { until: later(now, time), reason: WaitReason::Backoff }
}

/// Why a run fails that would have to wait for longer than it may take.
fn too_long(reason: WaitReason) -> Failure {
    match reason {
        WaitReason::RetryAfter | WaitReason::Quota => Failure::SourceBusy,
        WaitReason::Breaker => Failure::SourceUnreadable,
        WaitReason::Backoff | WaitReason::Approval => Failure::RunTooSlow,
    }
}

/// How a run ends for a reason.
#[must_use]
pub fn status_of(failure: Failure) -> RunStatus {
    match failure.disposition() {
        Disposition::Skip => RunStatus::Skipped,
        Disposition::Cancel => RunStatus::Cancelled,
        Disposition::Retry | Disposition::Fail | Disposition::Refuse | Disposition::Leave => RunStatus::Failed,
    }
}

/// What the watchdog is to do about an open run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It is over, and nobody was told yet.
    Tell,
    /// Give it up.
    GiveUp(Failure),
    /// Nobody has it, and no message for it is under way: send one.
    SendOn,
    /// Somebody holds it, it waits, or its message is under way.
    Leave,
}

/// Decides what the watchdog does about an open run.
#[must_use]
pub fn on_watch(run: &Run, lease: Option<&Lease>, now: Timestamp) -> Look {
    if run.status.is_over() {
        return Look::Tell;
    }
    // Another run's lease, or none: what the index shows is older than what is stored.
    let Some(lease) = lease.filter(|lease| lease.run_id.as_ref() == Some(&run.id)) else { return Look::Leave };
    if lease.is_held(now) || lease.waits_until(now).is_some() {
        return Look::Leave;
    }
    let stopping = lease.stop_by.is_some();
    if lease.waits_for == Some(WaitReason::Approval) && !stopping {
        return Look::GiveUp(Failure::ApprovalExpired);
    }
    if now >= deadline(run) {
        return Look::GiveUp(if stopping { Failure::Stopped } else { Failure::RunTooSlow });
    }
    if now.as_millisecond() >= expected_ms(run, lease, now) { Look::SendOn } else { Look::Leave }
}

/// Whether a run is to be taken up at once by a host that starts again, and had all workers in its own process: whoever
/// held it is gone, whatever the lease says. A run that waits has its message, which waits with it.
#[must_use]
pub fn on_restart(run: &Run, lease: &Lease, now: Timestamp) -> bool {
    !run.status.is_over() && lease.run_id.as_ref() == Some(&run.id) && lease.waits_until(now).is_none()
}

/// Until when the message of a run that nobody holds may still come.
fn expected_ms(run: &Run, lease: &Lease, now: Timestamp) -> i64 {
    // A holder that fell silent has used up its message: that one is not under way.
    if lease.fence.is_some() && lease.queued_ms <= lease.until_ms {
        return lease.until_ms;
    }
    let (queued_ms, due_ms) = match lease.stop() {
        // The message of a stop does not wait for that of a wait.
        Some(stop) if lease.queued_ms > now.as_millisecond() => (stop.at_ms, stop.at_ms),
        Some(stop) => (lease.queued_ms.max(stop.at_ms), stop.at_ms),
        None => {
            let waited_until_ms = lease.waits_until_ms.unwrap_or_default();
            (lease.queued_ms.max(waited_until_ms), waited_until_ms)
        }
    };
    // Since when one has been expected: what is left of it shows how many were sent in vain.
    let since_ms = run.updated_at.as_millisecond().max(lease.until_ms).max(due_ms);
    queued_ms + (queued_ms - since_ms).clamp(MESSAGE_LATE_MS, MESSAGE_LATE_MS_MAX)
}

/// Whether a run may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MayStart {
    /// It may.
    Now,
    /// Once the run in the way is given up: one past its deadline must not block its connection until the watchdog comes by.
    AfterGivingUp(RunId, Failure),
    /// Another run has the connection.
    Busy(RunId),
}

/// Decides whether a run may start where another one, if any, has the connection.
#[must_use]
pub fn may_start(in_the_way: Option<(&Run, Option<&Lease>)>, now: Timestamp) -> MayStart {
    let Some((run, lease)) = in_the_way else { return MayStart::Now };
    match on_watch(run, lease, now) {
        Look::GiveUp(failure) => MayStart::AfterGivingUp(run.id.clone(), failure),
        // Over, and its lease was let go of by the same transaction.
        Look::Tell => MayStart::Now,
        Look::SendOn | Look::Leave => MayStart::Busy(run.id.clone()),
    }
}

#[cfg(test)]
#[path = "life_tests.rs"]
mod tests;
