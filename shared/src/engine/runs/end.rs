//! End: what a run's result does to the snapshot, and what is measured of it.

use serde_json::json;

use crate::aws::runs::transitions::SnapshotChange;
use crate::domain::datasets::manifest::{Layer, LayerRef, Merger, Overlay, merge_is_due};
use crate::domain::datasets::snapshot::{Manifest, Plan, SnapshotState};
use crate::domain::runs::run::{Run, RunStatus};
use crate::engine::runs::context::Engine;
use crate::engine::runs::slice::{Slice, SliceFault};
use crate::telemetry::metrics::Unit;

/// What the write phase left to be switched to.
#[derive(Debug, Default)]
pub struct Applied {
    /// The manifest of the new snapshot, where it differs from the old one.
    pub manifest: Option<Manifest>,
    /// Layers that the new manifest no longer names.
    pub replaced: Vec<LayerRef>,
}

impl Applied {
    /// Nothing was written.
    #[must_use]
    pub fn unchanged() -> Self {
        Self::default()
    }
}

/// The manifest with the plan's layer on top, merged into a new base when that pays. The new base is stored before
/// anything names it, so a crash here leaves segments that nothing reads.
///
/// # Errors
/// When a step fails.
pub async fn new_base_if_due(slice: &mut Slice<'_>, manifest: Manifest, plan: Plan) -> Result<Applied, SliceFault> {
    slice.run.counts = Some(plan.counts);
    slice.run.hash = Some(plan.hash);
    let mut layers = manifest.layers;
    if plan.layer.rows > 0 {
        layers.push(plan.layer);
    }
    let replaced = match layers.split_first() {
        Some((base, upper)) if !upper.is_empty() && merge_is_due(base.rows, upper) => {
            let merged = merge(slice, base, upper).await?;
            std::mem::replace(&mut layers, vec![merged])
        }
        _ => Vec::new(),
    };
    // All plans are done with: their rows were in this run's, see the diff.
    Ok(Applied { manifest: Some(Manifest { layers, plans: Vec::new() }), replaced })
}

async fn merge(slice: &mut Slice<'_>, base: &LayerRef, upper: &[LayerRef]) -> Result<LayerRef, SliceFault> {
    let connection = slice.connection();
    let mut overlay = Overlay::default();
    for layer in upper {
        overlay.lay(&slice.engine.aws.layer(&connection, layer).await?);
    }
    let mut merger = Merger::new(overlay);
    for number in 0..base.segments {
        slice.breathe().await?;
        merger.base(&slice.engine.aws.segment(&connection, base, number).await?.puts);
    }
    let layer = Layer { puts: merger.finish(), removals: Vec::new() };
    slice.store_layer("base", &layer).await
}

/// What the end of a run does to the state that clients see. A dry run does nothing to it (I5).
#[must_use]
pub fn snapshot_change(run: &Run) -> SnapshotChange {
    let mut change = SnapshotChange::default();
    if run.mode.is_dry() {
        return change;
    }
    match run.status {
        RunStatus::Success => {
            change.state = Some(SnapshotState {
                vendor: run.vendor.to_string(),
                total_items: run.counts.map_or(0, |counts| counts.total),
                last_run_at: run.completed_at,
                last_duration_ms: run.duration_ms,
                last_source: run.source_path.clone(),
                last_hash: run.hash.clone(),
                last_run_by: Some(run.actor.clone()),
                last_error: None,
                updated_at: Some(run.updated_at),
                created_at: None,
            });
        }
        RunStatus::Failed => change.error = run.error.as_ref().map(|error| error.detail.clone()),
        RunStatus::Pending | RunStatus::Skipped | RunStatus::Cancelled => {}
    }
    change
}

/// Counts a run that has ended, by status. Vendor, tenant and run are properties, not dimensions: they can be searched
/// for, and make no series.
pub fn measure(engine: &Engine, run: &Run) {
    let counts = run.counts.unwrap_or_default();
    let as_number = |count: u64| count as f64;
    let mut metrics = vec![
        ("runs", 1.0, Unit::Count),
        ("run_duration_ms", as_number(run.duration_ms.unwrap_or(0)), Unit::Milliseconds),
    ];
    if run.counts.is_some() {
        metrics.extend([
            ("items_created", as_number(counts.created), Unit::Count),
            ("items_updated", as_number(counts.updated), Unit::Count),
            ("items_removed", as_number(counts.removed), Unit::Count),
            ("items_unchanged", as_number(counts.unchanged), Unit::Count),
        ]);
    }
    let properties = [
        ("runId", json!(run.id)),
        ("tenant", json!(run.tenant)),
        ("vendor", json!(run.vendor)),
        ("dryRun", json!(run.mode.is_dry())),
        ("trigger", json!(run.trigger)),
    ];
    engine.outside.metrics.emit(run.updated_at, &[("status", run.status.as_str())], &metrics, &properties);
    tracing::info!(run_id = %run.id, tenant = %run.tenant, vendor = %run.vendor, status = run.status.as_str(),
        correlation_id = %run.correlation_id, duration_ms = run.duration_ms, created = counts.created,
        updated = counts.updated, removed = counts.removed, unchanged = counts.unchanged,
        error_code = run.error.as_ref().map(|error| error.code.as_str()), "run over");
}
