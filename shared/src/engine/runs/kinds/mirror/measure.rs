//! What is measured of a mirror that is over, and the line that says that the two sides differed. Tenant and run are properties and no
//! dimensions, as are the counts: none of them makes a series.

use serde_json::json;

use crate::domain::mirror::log::{Outcome, job_of, outcome};
use crate::domain::runs::failure::RunError;
use crate::domain::runs::run::Run;
use crate::outside::Outside;
use crate::telemetry::metrics::{By, Unit};

/// Measures a mirror that is over. Another run is passed over.
pub fn measure(outside: &Outside, run: &Run) {
    let Some(work) = run.work.mirror() else { return };
    let counts = work.counts().unwrap_or_default();
    let (strategy, dry) = (work.strategy.as_str(), if run.mode.is_dry() { "true" } else { "false" });
    let job = job_of(run, work);
    let properties = [
        ("runId", json!(run.id)),
        ("jobId", json!(job)),
        ("tenant", json!(run.connection.tenant)),
        ("created", json!(counts.created)),
        ("updated", json!(counts.updated)),
        ("deleted", json!(counts.removed)),
    ];
    let emit = |dimensions: &[(&str, &str)], name: &str, value: f64, unit: Unit| {
        outside.metrics.emit(run.updated_at, &[By(dimensions, &[(name, value, unit)])], &properties);
    };
    let of_run = [("strategy", strategy), ("dryRun", dry)];
    match outcome(run) {
        Outcome::Running => return,
        Outcome::Success => emit(&of_run, "category_mirror_success_total", 1.0, Unit::Count),
        Outcome::Failed => emit(&[("strategy", strategy)], "category_mirror_fail_total", 1.0, Unit::Count),
        Outcome::Skipped => {
            let reason = run.error.as_ref().map_or("", RunError::code);
            let dimensions = [("strategy", strategy), ("dryRun", dry), ("reason", reason)];
            emit(&dimensions, "category_mirror_skipped_total", 1.0, Unit::Count);
            return;
        }
    }
    let ms = run.duration_ms.unwrap_or(0) as f64;
    emit(&[("strategy", strategy)], "category_mirror_last_duration_ms", ms, Unit::Milliseconds);
    if work.is_out_of_sync() {
        emit(&[("strategy", strategy)], "gbp_sync_out_of_sync_detected", 1.0, Unit::Count);
        let (created, updated, deleted) = (counts.created, counts.updated, counts.removed);
        tracing::warn!(run_id = %run.id, tenant = %run.connection.tenant, created, updated, deleted,
            "[GBP_SYNC] OUT-OF-SYNC detected: [GBP_SYNC][{job}] OUT-OF-SYNC detected: +{created} ~{updated} -{deleted}");
    }
}
