//! Publish: a domain event for each run that is over, without fail.
//!
//! The run's end leaves it in the index of open runs until its event was put on the bus; a crash in between is found
//! by the watchdog. So an event can come twice, never not at all.

use std::time::Duration;

use serde_json::{Value, json};

use crate::aws::bus::DomainEvent;
use crate::domain::runs::run::{Run, RunStatus};
use crate::domain::time;
use crate::engine::runs::context::Runs;

/// A bus that takes longer to answer is left to the watchdog. The SDK alone would try for a quarter of a minute.
pub const PUBLISH_MAX: Duration = Duration::from_secs(5);

/// What every event about a run says.
#[must_use]
pub fn detail(run: &Run) -> Value {
    json!({
        "runId": run.id,
        "tenant": run.connection.tenant,
        "connection": run.connection,
        "vendor": run.connection.name,
        "kind": run.work.kind(),
        "status": run.status.as_str(),
        "dryRun": run.mode.is_dry(),
        "trigger": run.trigger,
        "actor": run.actor,
        "startedAt": time::text(run.started_at),
        "completedAt": run.completed_at.map(time::text),
        "durationMs": run.duration_ms,
        "counts": run.work.counts(),
        "hash": run.work.hash(),
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
    let changed = run.work.counts().is_some_and(|counts| counts.created + counts.updated + counts.removed > 0);
    if run.status == RunStatus::Success && !run.mode.is_dry() && changed {
        events.push(DomainEvent { kind: "snapshot.changed", detail: detail(run) });
    }
    events
}

/// Puts the events of a run that is over on the bus, and closes it. A bus that cannot be reached is left to the
/// watchdog: the run itself is done. One that does not answer is not waited for.
pub async fn publish_end(runs: &Runs, run: &Run) {
    match tokio::time::timeout(PUBLISH_MAX, runs.bus.publish(&events(run))).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(run_id = %run.id, %error, "end of run not published yet");
            return;
        }
        Err(_) => {
            tracing::warn!(run_id = %run.id, "end of run not published in time");
            return;
        }
    }
    // If this fails the watchdog publishes once more.
    if let Err(error) = runs.store.close_run(&run.connection, &run.id).await {
        tracing::warn!(run_id = %run.id, %error, "run published and not closed");
    }
}
