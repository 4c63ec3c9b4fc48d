//! Advance: one slice of a run, by whoever holds it.

use jiff::Timestamp;

use crate::aws::faults::AwsFault;
use crate::aws::queues::SliceMessage;
use crate::aws::runs::transitions::{CommitError, SnapshotChange};
use crate::domain::datasets::guard::check_removals;
use crate::domain::datasets::manifest::LayerRef;
use crate::domain::datasets::snapshot::{Manifest, Plan};
use crate::domain::ids::Connection;
use crate::domain::redact;
use crate::domain::runs::lease::{Hold, Standing};
use crate::domain::runs::run::{ATTEMPTS_MAX, Checkpoint, Run, RunError, RunStatus};
use crate::engine::runs::context::Engine;
use crate::engine::runs::end::{self as ending, Applied};
use crate::engine::runs::kinds::catalogue::{scan, write};
use crate::engine::runs::publish;
use crate::engine::runs::slice::{Slice, SliceFault};
use crate::vendors::catalogue::SourceError;

/// What a slice came to.
#[derive(Debug)]
pub enum SliceEnd {
    /// The run is over.
    Over(Run),
    /// The run goes on in another slice, whose message is queued.
    HandedOn(Run),
    /// Somebody else advances the run, or it is over already: nothing to do.
    NotOurs,
}

/// Takes the run's lease and advances it by one slice, until `until` at most.
///
/// # Errors
/// When AWS fails so that not even the failure can be stored. The lease runs out then, and the run is sent on.
pub async fn take_and_advance(engine: &Engine, message: &SliceMessage, until: Timestamp) -> Result<SliceEnd, AwsFault> {
    let connection = message.connection();
    let fence = engine.new_fence();
    match engine.aws.take_lease(&connection, &message.run_id, &fence, engine.now()).await? {
        Ok(hold) => match engine.aws.run(&connection, &message.run_id).await? {
            Some(run) => advance(engine, run, hold, until).await,
            None => Err(AwsFault { operation: "read run", detail: "leased but not stored".into(), transient: false }),
        },
        // A duplicate message. If the holder has died, its lease runs out and the watchdog sends the run on.
        // Or the run is over; if whoever ended it died before telling, the watchdog tells.
        Err(Standing::Held | Standing::Ours | Standing::Reserved(_) | Standing::Free) => Ok(SliceEnd::NotOurs),
    }
}

/// Advances a run that is held, until `until` at most.
///
/// # Errors
/// As [`take_and_advance`].
pub async fn advance(engine: &Engine, run: Run, hold: Hold, until: Timestamp) -> Result<SliceEnd, AwsFault> {
    let begun = run.checkpoint;
    let mut slice = Slice { engine, run, hold, until, begun };
    match slice_of(&mut slice).await {
        Ok(applied) => end(slice, RunStatus::Success, applied).await,
        Err(SliceFault::LeaseLost) => Ok(SliceEnd::NotOurs),
        Err(fault) => stop_short(slice, fault).await,
    }
}

/// The steps of a slice, in order. Each can be done again.
async fn slice_of(slice: &mut Slice<'_>) -> Result<Applied, SliceFault> {
    let connection = slice.connection();
    let manifest = slice.engine.aws.manifest(&connection).await?;
    if let Some(plan) = manifest.plan_of(&slice.run.id).cloned() {
        // An earlier slice, or one that died, had scanned and planned. If it died after another plan than the one that
        // the run's checkpoint is about, nothing of this one is known to be written.
        let begun = Checkpoint { plan: manifest.plans_made(&slice.run.id), ..Checkpoint::default() };
        slice.run.checkpoint = slice.run.checkpoint.filter(|found| found.plan == begun.plan).or(Some(begun));
        let layer = slice.engine.aws.layer(&connection, &plan.layer).await?;
        match write::write_changes(slice, &plan, &layer).await {
            // The plan is no longer what the source says: make another, which puts right what this one has written.
            Err(SliceFault::Source(SourceError::Changed)) => slice.run.checkpoint = None,
            written => {
                written?;
                return ending::new_base_if_due(slice, manifest, plan).await;
            }
        }
    }
    let found = scan::scan_catalogue(slice, &manifest).await?;
    slice.run.counts = Some(found.counts);
    slice.run.hash = Some(found.hash.clone());
    // A dry run removes nothing: it is there to show what an apply would, see `RunView`.
    if slice.run.mode.is_dry() {
        return Ok(Applied::unchanged());
    }
    check_removals(&found.counts, slice.run.allow_removals)?;
    if found.layer.is_empty() && manifest.plans.is_empty() {
        return Ok(Applied::unchanged());
    }
    let (manifest, plan) = commit_plan(slice, manifest, &found).await?;
    write::write_changes(slice, &plan, &found.layer).await?;
    ending::new_base_if_due(slice, manifest, plan).await
}

/// Stores the plan: first its segments, which nothing names yet, then the manifest that names them.
async fn commit_plan(
    slice: &mut Slice<'_>,
    mut manifest: Manifest,
    found: &scan::Scanned,
) -> Result<(Manifest, Plan), SliceFault> {
    let connection = slice.connection();
    let number = manifest.plans_made(&slice.run.id);
    let layer = slice.store_layer(&number.to_string(), &found.layer).await?;
    let plan = Plan {
        run_id: slice.run.id.clone(),
        number,
        layer,
        source_version: found.source_version.clone(),
        hash: found.hash.clone(),
        counts: found.counts,
        rows: found.rows,
    };
    // The new plan names every row that earlier ones do, see the diff's `touched`: it takes their place, or plans of runs
    // that fail would pile up.
    let void = std::mem::replace(&mut manifest.plans, vec![plan.clone()]);
    slice.engine.aws.commit_plan(&connection, &slice.hold, &manifest).await?;
    expire(slice.engine, &connection, void.into_iter().map(|plan| plan.layer), slice.engine.now()).await;
    slice.run.checkpoint = Some(Checkpoint { plan: number + 1, ..Checkpoint::default() });
    Ok((manifest, plan))
}

async fn stop_short(mut slice: Slice<'_>, fault: SliceFault) -> Result<SliceEnd, AwsFault> {
    let engine = slice.engine;
    tracing::warn!(run_id = %slice.run.id, vendor = %slice.run.vendor, error = %redact::error_text(&fault.to_string()),
        transient = fault.is_transient(), "slice stopped short");
    let moved = slice.run.checkpoint.is_some() && slice.run.checkpoint != slice.begun;
    if !(matches!(fault, SliceFault::OutOfTime) && moved) {
        slice.run.attempts += 1;
    }
    // The watchdog finds a late run only while nobody holds it.
    let late = engine.now() >= slice.run.deadline();
    let fault = if late && fault.is_transient() { SliceFault::OutOfTime } else { fault };
    if fault.is_transient() && !late && slice.run.attempts < ATTEMPTS_MAX {
        slice.run.updated_at = engine.now();
        match engine.aws.hand_on(&slice.run, &slice.hold).await {
            Ok(()) => {}
            Err(CommitError::LeaseLost) => return Ok(SliceEnd::NotOurs),
            Err(CommitError::Fault(fault)) => return Err(fault),
        }
        // A crash before this message leaves an open run that nobody holds: the watchdog sends it on.
        let delay = if matches!(fault, SliceFault::OutOfTime) { 0 } else { 2_u32 << slice.run.attempts.min(8) };
        engine.queue.send(&SliceMessage::of(&slice.run), delay).await?;
        return Ok(SliceEnd::HandedOn(slice.run));
    }
    let detail = redact::error_text(&fault.to_string());
    slice.run.error = Some(RunError { code: fault.code().into(), detail });
    end(slice, RunStatus::Failed, Applied::unchanged()).await
}

async fn end(slice: Slice<'_>, status: RunStatus, applied: Applied) -> Result<SliceEnd, AwsFault> {
    let Applied { manifest, replaced } = applied;
    let run = slice.run.ended(status, slice.engine.now());
    let change = SnapshotChange { manifest, ..ending::snapshot_change(&run) };
    match slice.engine.aws.end_run(&run, &slice.hold, &change).await {
        Ok(()) => {}
        Err(CommitError::LeaseLost) => return Ok(SliceEnd::NotOurs),
        Err(CommitError::Fault(fault)) => return Err(fault),
    }
    ending::measure(slice.engine, &run);
    publish::publish_end(slice.engine, &run).await;
    expire(slice.engine, &run.connection(), replaced, run.updated_at).await;
    Ok(SliceEnd::Over(run))
}

/// Lets layers expire that no manifest names any more. What is left over costs pennies and is never read: no reason to fail.
async fn expire(engine: &Engine, connection: &Connection, layers: impl IntoIterator<Item = LayerRef>, now: Timestamp) {
    for layer in layers {
        if let Err(error) = engine.aws.expire_layer(connection, &layer, now).await {
            tracing::warn!(%connection, layer = layer.id, %error, "replaced layer left behind");
        }
    }
}
