//! Advance: one slice of a run, by whoever holds it.

use jiff::{SignedDuration, Timestamp};

use crate::aws::faults::AwsFault;
use crate::aws::meter;
use crate::aws::queues::sync::{DELAY_SECONDS_MAX, SliceMessage};
use crate::aws::runs::leases::Taken;
use crate::aws::runs::transitions::CommitError;
use crate::domain::redact;
use crate::domain::runs::failure::{Disposition, Failure, RunError};
use crate::domain::runs::lease::{Standing, StopRequest, Wait};
use crate::domain::runs::life::{self, CameTo, Next, Then};
use crate::domain::runs::run::{Run, RunStatus};
use crate::domain::runs::said;
use crate::domain::runs::slices::EndedBy;
use crate::engine::runs::context::{RunWorker, Runs};
use crate::engine::runs::end::{self, Switch};
use crate::engine::runs::slice::{Slice, SliceFault};
use crate::engine::runs::{kinds, publish};

/// What a slice came to.
#[derive(Debug)]
pub enum SliceEnd {
    /// The run is over.
    Over(Run),
    /// The run goes on in another slice, whose message is queued.
    HandedOn(Run),
    /// The run waits until then; a message for it is queued.
    Waits(Timestamp),
    /// Somebody else advances the run, or it is over already: nothing to do.
    NotOurs,
}

/// Takes the run's lease and advances it by one slice, until `until` at most.
///
/// # Errors
/// When AWS fails so that not even the failure can be stored. The lease runs out then, and the run is sent on.
pub async fn take_and_advance(
    worker: &RunWorker,
    message: &SliceMessage,
    until: Timestamp,
) -> Result<SliceEnd, AwsFault> {
    let (runs, connection) = (&worker.runs, &message.connection);
    let fence = runs.new_fence();
    match runs.store.take_lease(connection, &message.run_id, &fence, runs.now()).await? {
        Ok(taken) => match runs.store.reads.one(connection, &message.run_id).await? {
            Some(run) => advance(worker, run, taken, until).await,
            None => Err(AwsFault { operation: "read run", detail: "leased but not stored".into(), transient: false }),
        },
        // A queue delays a message by a quarter of an hour at most: for a longer wait it hops. If this fails the message that
        // brought us comes again.
        Err(Standing::Waits(at)) => {
            runs.queue.send(message, delay_seconds(at, runs.now())).await?;
            Ok(SliceEnd::Waits(at))
        }
        // A duplicate message. If the holder has died, its lease runs out and the watchdog sends the run on.
        // Or the run is over; if whoever ended it died before telling, the watchdog tells.
        Err(Standing::Held | Standing::Ours | Standing::Reserved(_) | Standing::Free) => Ok(SliceEnd::NotOurs),
    }
}

/// For how long a message must be delayed to come at a time and not before, as far as a queue can.
fn delay_seconds(at: Timestamp, now: Timestamp) -> u32 {
    let ms = (at.as_millisecond() - now.as_millisecond()).max(0);
    u32::try_from((ms + 999) / 1000).unwrap_or(DELAY_SECONDS_MAX).min(DELAY_SECONDS_MAX)
}

/// Advances a run that is held, until `until` at most: its kind does a step, and what comes next follows from that.
///
/// # Errors
/// As [`take_and_advance`].
pub async fn advance(worker: &RunWorker, run: Run, taken: Taken, until: Timestamp) -> Result<SliceEnd, AwsFault> {
    let before = run.spent.clone();
    worker.meter.slice(before, advance_counted(worker, run, taken, until)).await
}

/// What calls meanwhile is counted as the run's.
async fn advance_counted(worker: &RunWorker, run: Run, taken: Taken, until: Timestamp) -> Result<SliceEnd, AwsFault> {
    let begun = run.work.clone();
    let since = worker.runs.now();
    let mut slice = Slice { worker, run, hold: taken.hold, since, until, approval: taken.approval, begun };
    let step = match taken.stop {
        Some(stop) => Ok(Next::Stopped(stop)),
        None => kinds::step(&mut slice).await,
    };
    let mut applied = Switch::unchanged();
    let mut reason = None;
    let came_to = match step {
        Ok(Next::Done(done)) => {
            applied = done;
            CameTo::Done
        }
        Ok(Next::HandOn) if slice.must_end() => CameTo::CutShort,
        Ok(Next::HandOn) => CameTo::OutOfTime,
        Ok(Next::WaitUntil(wait)) => {
            reason = Some("it was asked to wait for longer than a run may take".to_owned());
            CameTo::Waits(wait)
        }
        Ok(Next::AwaitApproval) => CameTo::AwaitsApproval,
        Ok(Next::Stopped(stop)) => {
            reason = Some(stopped_by(&stop));
            CameTo::Stopped
        }
        Err(fault) => {
            let text = redact::error_text(&fault.to_string());
            tracing::warn!(run_id = %slice.run.id, connection = %slice.run.connection, error = text,
                may_pass = fault.may_pass(), "slice stopped short");
            let came_to = CameTo::Failed { failure: fault.failure(), may_pass: fault.may_pass() };
            let why = told(&fault);
            if fault.may_pass() {
                let now = slice.now();
                slice.run.say(said::fault(&why, now));
            }
            reason = Some(why);
            came_to
        }
    };
    let moved = slice.run.work.moved_since(&slice.begun);
    let after = life::after_slice(&slice.run, came_to, moved, slice.now());
    slice.run.unconnected = life::unconnected(&slice.run, came_to, moved);
    slice.run.attempts = after.attempts;
    slice.run.deadline_from = after.deadline_from;
    match after.then {
        Then::Leave => Ok(SliceEnd::NotOurs),
        Then::GoOn(wait) => go_on(slice, wait, EndedBy::of(came_to, wait)).await,
        Then::End(status, failure) => {
            let error = failure.map(|failure| RunError::new(failure, detail(failure, reason)));
            end_slice(slice, status, error, applied).await
        }
    }
}

/// Ends a run for a fault, also for one that may pass: there is nobody who could go on with it in another slice.
///
/// # Errors
/// As [`take_and_advance`].
pub(super) async fn end_short(slice: Slice<'_>, fault: &SliceFault) -> Result<SliceEnd, AwsFault> {
    let failure = fault.failure();
    if failure.disposition() == Disposition::Leave {
        return Ok(SliceEnd::NotOurs);
    }
    let error = RunError::new(failure, detail(failure, Some(told(fault))));
    end_slice(slice, life::status_of(failure), Some(error), Switch::unchanged()).await
}

/// What a fault is told as. What storage says names tables and keys: it is for the log.
fn told(fault: &SliceFault) -> String {
    match fault.failure() {
        Failure::StorageFailed => "storage failed; the next run puts right what this one wrote".to_owned(),
        _ => redact::error_text(&fault.to_string()),
    }
}

fn stopped_by(stop: &StopRequest) -> String {
    format!("stopped by {}", stop.by)
}

/// What people are told of the end of a run.
fn detail(failure: Failure, reason: Option<String>) -> String {
    match (failure, reason) {
        (Failure::RunTooSlow, None) => "the run made no progress for too long, or took too long in all".to_owned(),
        (Failure::RunTooSlow, Some(last)) => format!("the run made no progress for too long; at last: {last}"),
        (_, reason) => reason.unwrap_or_else(|| failure.remedy().to_owned()),
    }
}

/// Lets go of the run, and queues the message of its next slice.
async fn go_on(mut slice: Slice<'_>, wait: Option<Wait>, by: EndedBy) -> Result<SliceEnd, AwsFault> {
    let worker = slice.worker;
    let (runs, now) = (&worker.runs, slice.now());
    slice.run.updated_at = now;
    slice.run.wait = wait;
    let (slices_before, log_before) = (slice.run.slices.clone(), slice.run.log.clone());
    slice.run.slices.note(slice.since, now, by);
    if let Some(wait) = wait {
        slice.run.say(said::waits(wait, now));
    }
    slice.run.log.seal(now);
    slice.run.spent = meter::spent();
    let delay = wait.map_or(0, |wait| delay_seconds(wait.until, now));
    let queued = now.checked_add(SignedDuration::from_secs(delay.into())).unwrap_or(now);
    match runs.store.hand_on(&slice.run, &slice.hold, wait, queued).await {
        Ok(()) => {}
        Err(CommitError::LeaseLost) => return Ok(SliceEnd::NotOurs),
        Err(CommitError::Fault(fault)) => return Err(fault),
        // It is held still, and goes no further.
        Err(CommitError::Stop(stop)) => {
            let error = RunError::new(Failure::Stopped, stopped_by(&stop));
            (slice.run.slices, slice.run.log) = (slices_before, log_before);
            return end_slice(slice, RunStatus::Cancelled, Some(error), Switch::unchanged()).await;
        }
    }
    if let Some(wait) = wait {
        tracing::info!(run_id = %slice.run.id, until = %wait.until, "run {}", wait.reason.text());
    }
    // A crash before this message leaves an open run that nobody holds: the watchdog sends it on.
    runs.queue.send(&SliceMessage::of(&slice.run), delay).await?;
    Ok(SliceEnd::HandedOn(slice.run))
}

async fn end_slice(
    slice: Slice<'_>,
    status: RunStatus,
    error: Option<RunError>,
    applied: Switch,
) -> Result<SliceEnd, AwsFault> {
    let Switch { manifest, replaced } = applied;
    let now = slice.worker.runs.now();
    let mut run = slice.run.ended(status, error, now);
    if !run.slices.is_empty() {
        run.slices.note(slice.since, now, EndedBy::Over);
    }
    run.spent = meter::spent();
    let runs: &Runs = &slice.worker.runs;
    if !end::end(runs, &run, &slice.hold, manifest).await? {
        return Ok(SliceEnd::NotOurs);
    }
    publish::publish_end(runs, &run).await;
    end::expire(runs, replaced, run.updated_at).await;
    Ok(SliceEnd::Over(run))
}
