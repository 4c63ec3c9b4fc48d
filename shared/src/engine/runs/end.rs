//! End: what a run's result does to the snapshot, what is measured of it, and what is let go of.

use serde_json::json;

use crate::aws::faults::AwsFault;
use crate::aws::runs::transitions::{CommitError, SnapshotChange};
use crate::domain::datasets::manifest::LayerRef;
use crate::domain::datasets::snapshot::Manifest;
use crate::domain::ids::Dataset;
use crate::domain::runs::failure::RunError;
use crate::domain::runs::lease::Hold;
use crate::domain::runs::run::{Run, RunStatus};
use crate::engine::runs::context::Runs;
use crate::engine::runs::kinds;
use crate::telemetry::metrics::{By, Unit};

/// What a run's steps left to be switched to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Switch {
    /// The manifest of the new snapshot, where it differs from the old one.
    pub manifest: Option<(Dataset, Manifest)>,
    /// Layers that the new manifest no longer names.
    pub replaced: Option<(Dataset, Vec<LayerRef>)>,
}

impl Switch {
    /// Nothing was written.
    #[must_use]
    pub fn unchanged() -> Self {
        Self::default()
    }
}

/// Ends a run that is held; false when somebody else has it. Whoever calls it tells of the end.
///
/// # Errors
/// When AWS fails. The lease runs out then, and the run is sent on.
pub async fn end(runs: &Runs, run: &Run, hold: &Hold, manifest: Option<(Dataset, Manifest)>) -> Result<bool, AwsFault> {
    let change = SnapshotChange { manifest, ..snapshot_change(run) };
    match runs.store.end_run(run, hold, &change).await {
        Ok(()) => {
            measure(runs, run);
            Ok(true)
        }
        Err(CommitError::LeaseLost | CommitError::Stop(_)) => Ok(false),
        Err(CommitError::Fault(fault)) => Err(fault),
    }
}

/// What the end of a run does to the state that clients see. A dry run does nothing to it (I5).
fn snapshot_change(run: &Run) -> SnapshotChange {
    let mut change = SnapshotChange::default();
    if run.mode.is_dry() {
        return change;
    }
    match run.status {
        RunStatus::Success => change.state = kinds::snapshot_state(run),
        RunStatus::Failed => change.error = run.error.as_ref().map(|error| error.detail.clone()),
        RunStatus::Pending | RunStatus::Skipped | RunStatus::Cancelled => {}
    }
    change
}

/// Lets layers expire that no manifest names any more. What is left over costs pennies and is never read: no reason to fail.
pub async fn expire(runs: &Runs, replaced: Option<(Dataset, Vec<LayerRef>)>, now: jiff::Timestamp) {
    let Some((dataset, layers)) = replaced else { return };
    for layer in layers {
        if let Err(error) = runs.store.snapshots.expire_layer(&dataset, &layer, now).await {
            tracing::warn!(%dataset, layer = layer.id, %error, "replaced layer left behind");
        }
    }
}

/// Counts a run that has ended, by status, and by status and provider. Vendor, tenant and run are properties, not dimensions: they can be
/// searched for, and make no series.
fn measure(runs: &Runs, run: &Run) {
    let counts = run.work.counts().unwrap_or_default();
    let as_number = |count: u64| count as f64;
    let counted = ("runs", 1.0, Unit::Count);
    let mut metrics = vec![counted, ("run_duration_ms", as_number(run.duration_ms.unwrap_or(0)), Unit::Milliseconds)];
    if run.work.counts().is_some() {
        metrics.extend([
            ("items_created", as_number(counts.created), Unit::Count),
            ("items_updated", as_number(counts.updated), Unit::Count),
            ("items_removed", as_number(counts.removed), Unit::Count),
            ("items_unchanged", as_number(counts.unchanged), Unit::Count),
        ]);
    }
    let properties = [
        ("runId", json!(run.id)),
        ("tenant", json!(run.connection.tenant)),
        ("vendor", json!(run.connection.name)),
        ("dryRun", json!(run.mode.is_dry())),
        ("trigger", json!(run.trigger)),
    ];
    kinds::mirror::measure(&runs.outside, run);
    let (status, provider) = (("status", run.status.as_str()), ("provider", run.connection.provider.as_str()));
    let measured = [By(&[status], &metrics), By(&[status, provider], &[counted])];
    runs.outside.metrics.emit(run.updated_at, &measured, &properties);
    tracing::info!(run_id = %run.id, connection = %run.connection, status = run.status.as_str(),
        correlation_id = %run.correlation_id, duration_ms = run.duration_ms, created = counts.created,
        updated = counts.updated, removed = counts.removed, unchanged = counts.unchanged,
        error_code = run.error.as_ref().map(RunError::code), "run over");
}
