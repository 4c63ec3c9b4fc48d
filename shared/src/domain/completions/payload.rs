//! What a receiver is told of a run, as Standard Webhooks have it: a type, a time, and what happened.

use serde_json::{Value, json};

use crate::domain::mirror::log::job_of;
use crate::domain::runs::run::{Run, RunStatus, Work};
use crate::domain::time;

/// The kinds of runs, as [`Work::kind`] names them.
pub const KINDS: [&str; 3] = ["catalogue", "pull", "mirror"];
/// How a run can be over, as [`outcome`] names it.
pub const OUTCOMES: [&str; 4] = ["completed", "failed", "skipped", "cancelled"];

/// How a run was over; none where it is not.
#[must_use]
pub fn outcome(run: &Run) -> Option<&'static str> {
    match run.status {
        RunStatus::Pending => None,
        RunStatus::Success => Some("completed"),
        RunStatus::Failed => Some("failed"),
        RunStatus::Skipped => Some("skipped"),
        RunStatus::Cancelled => Some("cancelled"),
    }
}

/// What is said of a run that is over; none where it is not. `console` is where the console is.
#[must_use]
pub fn payload(run: &Run, console: Option<&str>) -> Option<Value> {
    let (outcome, over_at) = (outcome(run)?, run.completed_at?);
    let mirror = run.work.mirror();
    Some(json!({
        "type": format!("run.{outcome}"),
        "timestamp": time::text(over_at),
        "data": {
            "runId": run.id,
            "jobId": mirror.map(|work| job_of(run, work)),
            "tenant": run.connection.tenant,
            "connection": format!("{}/{}", run.connection.provider, run.connection.name),
            "kind": run.work.kind(),
            "strategy": mirror.map(|work| work.strategy),
            "outcome": outcome,
            "dryRun": run.mode.is_dry(),
            "trigger": run.trigger,
            "startedAt": time::text(run.started_at),
            "completedAt": time::text(over_at),
            "durationMs": run.duration_ms,
            "counts": run.work.counts(),
            "error": run.error,
            "correlationId": run.correlation_id,
            "links": {"console": console.map(|console| place(run, console))},
        },
    }))
}

/// Where the console shows the run.
fn place(run: &Run, console: &str) -> String {
    let (tenant, name) = (&run.connection.tenant, &run.connection.name);
    match run.work {
        Work::Catalogue(_) => format!("{console}/vendor-sync?for={tenant}&vendor={name}&run={}", run.id),
        Work::Pull(_) => {
            let provider = &run.connection.provider;
            format!("{console}/systems/integrations?for={tenant}&provider={provider}&connection={name}")
        }
        Work::Mirror(_) => format!("{console}/settings/admin/gbp-sync?for={tenant}&open={}", run.id),
    }
}
