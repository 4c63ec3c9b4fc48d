//! Release: whatever run has a connection is stopped, and the connection is free again.
//!
//! A run that nobody holds, as it waits or its message is under way, is ended here and now. One that somebody holds stops at that
//! worker's next effect. Where nobody answers for it any more, the worker's token is taken away ([`cut_off`]): nothing of it commits
//! from then on, but a call of it may be under way until its lease would have run out. So the connection stays reserved until then, at
//! most a minute: at no time do two runs write.

use jiff::Timestamp;

use crate::aws::faults::AwsFault;
use crate::aws::queues::sync::SliceMessage;
use crate::domain::ids::{Connection, RunId};
use crate::domain::runs::failure::{Failure, RunError};
use crate::domain::runs::lease::StopRequest;
use crate::domain::runs::run::{Run, RunStatus};
use crate::engine::runs::context::Runs;
use crate::engine::runs::{end, publish};

/// How often a lease that moves while it is looked at is looked at again.
const TRIES_MAX: usize = 4;

/// What became of whatever has a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Released {
    /// Nothing has it.
    Nothing,
    /// The run is over, and the connection is free.
    Now(RunId),
    /// The run was asked to stop: its worker stops at its next effect.
    Asked(RunId),
    /// Its worker is cut off, and the connection is free at that time.
    At(RunId, Timestamp),
}

impl Released {
    /// The run that has, or had, the connection.
    #[must_use]
    pub fn run(&self) -> Option<&RunId> {
        match self {
            Self::Nothing => None,
            Self::Now(run) | Self::Asked(run) | Self::At(run, _) => Some(run),
        }
    }
}

/// Asks whatever run has a connection to stop. Who asks must have it on record. Asking twice is harmless: the first who asked is
/// remembered.
///
/// # Errors
/// When AWS fails. What was asked stands if it was stored: the watchdog sees to it.
pub async fn stop_current(runs: &Runs, connection: &Connection, by: &str) -> Result<Released, AwsFault> {
    let lease = runs.store.lease_of(connection).await?;
    let Some(id) = lease.and_then(|lease| lease.run_id) else { return Ok(Released::Nothing) };
    let now = runs.now();
    let Some(lease) = runs.store.request_stop(connection, &id, by, now).await? else { return Ok(Released::Nothing) };
    if lease.is_held(now) {
        return Ok(Released::Asked(id));
    }
    match end_unheld(runs, connection, &id, by).await? {
        Some(run) => Ok(Released::Now(run.id)),
        None => Ok(after_race(runs, connection, id, lease.until_ms).await),
    }
}

/// Lets a run go on at once that waits for its connection's breaker, as somebody has just let its vendor be asked. Where that fails, or in a
/// crash before it, the run waits until the time that it was told.
pub async fn wake(runs: &Runs, connection: &Connection) {
    let woken = async {
        let Some(id) = runs.store.end_breaker_wait(connection, runs.now()).await? else { return Ok(()) };
        let message = SliceMessage { connection: connection.clone(), run_id: id, correlation_id: String::new() };
        runs.queue.send(&message, 0).await
    };
    if let Err(error) = woken.await {
        tracing::warn!(%connection, %error, "a run that waits for its breaker is left to wait");
    }
}

/// Ends a run that waits for approval, as somebody decided so: the run as it ended; none where it waits no more.
///
/// # Errors
/// As [`stop_current`].
pub async fn reject(
    runs: &Runs,
    connection: &Connection,
    id: &RunId,
    by: &str,
    detail: String,
) -> Result<Option<Run>, AwsFault> {
    // A crash after this leaves a run that was stopped: it is over all the same.
    if !runs.store.reject(connection, id, by, runs.now()).await? {
        return Ok(None);
    }
    end_unheld_as(runs, connection, id, |_| RunError::new(Failure::ApprovalRejected, detail)).await
}

/// Stops whatever run has a connection, and cuts its worker off. Who asks must have it on record.
///
/// # Errors
/// As [`stop_current`].
pub async fn cut_off(runs: &Runs, connection: &Connection, by: &str) -> Result<Released, AwsFault> {
    for _ in 0..TRIES_MAX {
        let lease = runs.store.lease_of(connection).await?;
        let Some(id) = lease.and_then(|lease| lease.run_id) else { return Ok(Released::Nothing) };
        let now = runs.now();
        let Some(lease) = runs.store.request_stop(connection, &id, by, now).await? else { continue };
        if !lease.is_held(now) {
            match end_unheld(runs, connection, &id, by).await? {
                Some(run) => return Ok(Released::Now(run.id)),
                // Cut off before: nobody has it until then.
                None if lease.fence.is_none() && lease.until_ms >= now.as_millisecond() => {
                    return Ok(after_race(runs, connection, id, lease.until_ms).await);
                }
                None => continue,
            }
        }
        if runs.store.cut_off(connection, &lease).await? {
            return Ok(after_race(runs, connection, id, lease.until_ms).await);
        }
    }
    Err(AwsFault { operation: "release lease", detail: "others move it at the same time".into(), transient: true })
}

/// The run as it ended; none where somebody has it after all, or may have a call under way.
async fn end_unheld(runs: &Runs, connection: &Connection, id: &RunId, by: &str) -> Result<Option<Run>, AwsFault> {
    end_unheld_as(runs, connection, id, |stop| {
        let by = stop.map_or_else(|| by.to_owned(), |stop| stop.by);
        RunError::new(Failure::Stopped, format!("stopped by {by}"))
    })
    .await
}

async fn end_unheld_as(
    runs: &Runs,
    connection: &Connection,
    id: &RunId,
    why: impl FnOnce(Option<StopRequest>) -> RunError,
) -> Result<Option<Run>, AwsFault> {
    let (now, fence) = (runs.now(), runs.new_fence());
    let Ok(taken) = runs.store.take_lease(connection, id, &fence, now).await? else { return Ok(None) };
    let Some(run) = runs.store.reads.one(connection, id).await?.filter(|run| !run.status.is_over()) else {
        return Ok(None);
    };
    let run = run.ended(RunStatus::Cancelled, Some(why(taken.stop)), now);
    if !end::end(runs, &run, &taken.hold, None).await? {
        return Ok(None);
    }
    publish::publish_end(runs, &run).await;
    Ok(Some(run))
}

/// A worker is to end it as soon as one can. Without the message the watchdog sends one.
async fn after_race(runs: &Runs, connection: &Connection, id: RunId, until_ms: i64) -> Released {
    let left_ms = until_ms.saturating_sub(runs.now().as_millisecond()).max(0);
    // A second more: a lease holds to the end of its last millisecond.
    let delay = u32::try_from(left_ms / 1_000 + 1).unwrap_or_default();
    let message = SliceMessage { connection: connection.clone(), run_id: id.clone(), correlation_id: String::new() };
    if let Err(error) = runs.queue.send(&message, delay).await {
        tracing::warn!(run_id = %id, %error, "a run that was stopped is left to the watchdog");
    }
    match Timestamp::from_millisecond(until_ms) {
        Ok(until) if left_ms > 0 => Released::At(id, until),
        _ => Released::Asked(id),
    }
}
