//! Publish: a domain event for each run that is over, without fail.
//!
//! The run's end leaves it in the index of open runs until its event was put on the bus; a crash in between is found
//! by the watchdog. So an event can come twice, never not at all.

use serde_json::{Value, json};

use crate::aws::bus::DomainEvent;
use crate::domain::runs::run::{Run, RunStatus};
use crate::domain::time;
use crate::engine::runs::context::Engine;

/// What every event about a run says.
#[must_use]
pub fn detail(run: &Run) -> Value {
    json!({
        "runId": run.id,
        "tenant": run.tenant,
        "vendor": run.vendor,
        "kind": "catalogue",
        "status": run.status.as_str(),
        "dryRun": run.mode.is_dry(),
        "trigger": run.trigger,
        "actor": run.actor,
        "startedAt": time::text(run.started_at),
        "completedAt": run.completed_at.map(time::text),
        "durationMs": run.duration_ms,
        "counts": run.counts,
        "hash": run.hash,
        "error": run.error,
        "correlationId": run.correlation_id,
    })
}

fn events(run: &Run) -> Vec<DomainEvent> {
    let kind = match run.status {
        RunStatus::Pending => "run.started",
        RunStatus::Success => "run.succeeded",
        RunStatus::Failed => "run.failed",
        RunStatus::Skipped => "run.skipped",
        RunStatus::Cancelled => "run.cancelled",
    };
    let mut events = vec![DomainEvent { kind, detail: detail(run) }];
    let changed = run.counts.is_some_and(|counts| counts.created + counts.updated + counts.removed > 0);
    if run.status == RunStatus::Success && !run.mode.is_dry() && changed {
        events.push(DomainEvent { kind: "snapshot.changed", detail: detail(run) });
    }
    events
}

/// Puts the events of a run that is over on the bus, and closes it. A bus that cannot be reached is left to the
/// watchdog: the run itself is done.
pub async fn publish_end(engine: &Engine, run: &Run) {
    if let Err(error) = engine.aws.publish(&events(run)).await {
        tracing::warn!(run_id = %run.id, %error, "end of run not published yet");
        return;
    }
    // If this fails the watchdog publishes once more.
    if let Err(error) = engine.aws.close_run(&run.connection(), &run.id).await {
        tracing::warn!(run_id = %run.id, %error, "run published and not closed");
    }
}
