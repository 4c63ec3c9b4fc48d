//! The watchdog: finds runs that have stopped moving, and sends them on or gives them up.

use crate::aws::faults::AwsFault;
use crate::aws::queues::SliceMessage;
use crate::aws::runs::transitions::{CommitError, SnapshotChange};
use crate::domain::ids::{Connection, RunId};
use crate::domain::runs::run::{Run, RunError, RunStatus};
use crate::engine::runs::context::Engine;
use crate::engine::runs::{end, publish};

/// Open runs looked at in one round; the rest wait for the next.
const RUNS_MAX: usize = 100;

/// What a round did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Round {
    /// Runs whose end had not been told.
    pub told: u64,
    /// Runs that nobody held, sent on.
    pub sent_on: u64,
    /// Runs past their deadline, failed.
    pub given_up: u64,
    /// Runs that somebody holds.
    pub moving: u64,
}

/// Looks at every open run once.
///
/// # Errors
/// The first fault, after all runs were looked at: one that cannot be mended must not keep the others waiting.
pub async fn watch(engine: &Engine) -> Result<Round, AwsFault> {
    let mut round = Round::default();
    let mut fault = None;
    for run in engine.aws.open_runs(RUNS_MAX).await? {
        if let Err(error) = look_at(engine, &run, &mut round).await {
            tracing::warn!(run_id = %run.id, %error, "watchdog could not mend run");
            fault.get_or_insert(error);
        }
    }
    tracing::info!(
        told = round.told,
        sent_on = round.sent_on,
        given_up = round.given_up,
        moving = round.moving,
        "watchdog round"
    );
    fault.map_or(Ok(round), Err)
}

async fn look_at(engine: &Engine, run: &Run, round: &mut Round) -> Result<(), AwsFault> {
    let connection = run.connection();
    if run.status.is_over() {
        round.told += 1;
        publish::publish_end(engine, run).await;
        return Ok(());
    }
    if give_up_if_late(engine, &connection, &run.id).await? {
        round.given_up += 1;
        return Ok(());
    }
    let now = engine.now().as_millisecond();
    match engine.aws.lease_of(&connection).await? {
        Some(lease) if lease.run_id.as_ref() == Some(&run.id) && lease.until_ms < now => {
            // A message may be waiting already: two of them do no harm, none would.
            round.sent_on += 1;
            engine.queue.send(&SliceMessage::of(run), 0).await
        }
        _ => {
            round.moving += 1;
            Ok(())
        }
    }
}

/// Fails a run that is past its deadline and that nobody holds; true if it is over now.
///
/// # Errors
/// When AWS fails.
pub async fn give_up_if_late(engine: &Engine, connection: &Connection, id: &RunId) -> Result<bool, AwsFault> {
    let now = engine.now();
    let Some(mut run) = engine.aws.run(connection, id).await? else { return Ok(false) };
    if run.status.is_over() {
        return Ok(true);
    }
    if now < run.deadline() {
        return Ok(false);
    }
    let fence = engine.new_fence();
    let Ok(hold) = engine.aws.take_lease(connection, id, &fence, now).await? else { return Ok(false) };
    let detail = "the run was not over by its deadline; records it wrote are put right by the next run".to_owned();
    run.error = Some(RunError { code: "run_too_slow".into(), detail });
    let run = run.ended(RunStatus::Failed, now);
    let change: SnapshotChange = end::snapshot_change(&run);
    match engine.aws.end_run(&run, &hold, &change).await {
        Ok(()) => {}
        Err(CommitError::LeaseLost) => return Ok(false),
        Err(CommitError::Fault(fault)) => return Err(fault),
    }
    end::measure(engine, &run);
    publish::publish_end(engine, &run).await;
    Ok(true)
}
