//! Start: a run is stored before the caller gets its answer.

use std::time::Duration;

use crate::aws::bus::DomainEvent;
use crate::aws::faults::AwsFault;
use crate::aws::queues::SliceMessage;
use crate::aws::runs::transitions::Started;
use crate::domain::catalogue::vendor::{Integration, Vendor};
use crate::domain::ids::RunId;
use crate::domain::redact;
use crate::domain::runs::lease::Hold;
use crate::domain::runs::run::{Mode, Run, RunError, RunStatus, Trigger};
use crate::engine::runs::context::Engine;
use crate::engine::runs::{publish, watchdog};

const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(2);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// Whether to write.
    pub mode: Mode,
    /// Another source than the configured one.
    pub source_path: Option<String>,
    /// Whether the removal guard lets go.
    pub allow_removals: bool,
    /// Who asks.
    pub actor: String,
    /// What asks.
    pub trigger: Trigger,
    /// The trace.
    pub correlation_id: String,
}

/// Why no run was started.
#[derive(Debug, thiserror::Error)]
pub enum StartRefused {
    /// Another run has the connection.
    #[error("run {0} is in progress")]
    Busy(RunId),
    /// The vendor's integration cannot be synced.
    #[error("vendor {0} is reached over an API, which catalogue sync does not support")]
    NotSupported(String),
    /// AWS failed; nothing was started, or the watchdog will find it.
    #[error(transparent)]
    Fault(#[from] AwsFault),
}

/// Stores a run and reserves its connection. The caller holds the run if it asks to, and must then advance it.
///
/// # Errors
/// See [`StartRefused`].
pub async fn start_run(
    engine: &Engine,
    vendor: &Vendor,
    request: &StartRequest,
    hold: bool,
) -> Result<(Run, Option<Hold>), StartRefused> {
    if vendor.integration == Integration::Api {
        return Err(StartRefused::NotSupported(vendor.slug.to_string()));
    }
    let mut given_up = false;
    loop {
        let run = new_run(engine, vendor, request);
        let fence = hold.then(|| engine.new_fence());
        match engine.aws.start_run(&run, fence.as_deref(), run.started_at).await? {
            Started::Yes => {
                tracing::info!(run_id = %run.id, vendor = %run.vendor, tenant = %run.tenant, mode = ?run.mode, "run started");
                announce(engine, &run).await;
                let hold = fence.map(|fence| Hold { run_id: run.id.clone(), fence, since: run.started_at });
                return Ok((run, hold));
            }
            // A run past its deadline must not block its connection until the watchdog comes by.
            Started::Busy(holder)
                if !given_up && watchdog::give_up_if_late(engine, &run.connection(), &holder).await? =>
            {
                given_up = true;
            }
            Started::Busy(holder) => return Err(StartRefused::Busy(holder)),
        }
    }
}

fn new_run(engine: &Engine, vendor: &Vendor, request: &StartRequest) -> Run {
    let id = engine.new_run_id();
    let now = id.started_at().unwrap_or_else(|| engine.now());
    Run {
        id,
        tenant: vendor.tenant.clone(),
        vendor: vendor.slug.clone(),
        status: RunStatus::Pending,
        mode: request.mode,
        actor: request.actor.clone(),
        trigger: request.trigger,
        // A source with a credential in it is refused when it is read; the history keeps what it was, without.
        source_path: request.source_path.as_deref().or(vendor.source.as_deref()).map(redact::source),
        allow_removals: request.allow_removals,
        started_at: now,
        updated_at: now,
        completed_at: None,
        duration_ms: None,
        counts: None,
        hash: None,
        error: None,
        checkpoint: None,
        attempts: 0,
        correlation_id: request.correlation_id.clone(),
    }
}

/// A start is told of at once and at best: the run itself is stored, and its end is told of without fail.
async fn announce(engine: &Engine, run: &Run) {
    let event = DomainEvent { kind: "run.started", detail: publish::detail(run) };
    // The caller waits: a bus that is slow to answer is not waited for.
    match tokio::time::timeout(ANNOUNCE_TIMEOUT, engine.aws.publish(&[event])).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(run_id = %run.id, %error, "start of run not published"),
        Err(_) => tracing::warn!(run_id = %run.id, "start of run not published in time"),
    }
}

/// Starts a run that a worker takes up. If the connection is reserved, a skipped run is stored with the reason.
///
/// # Errors
/// When AWS failed, or the vendor cannot be synced.
pub async fn start_in_background(
    engine: &Engine,
    vendor: &Vendor,
    request: &StartRequest,
) -> Result<Run, StartRefused> {
    match start_run(engine, vendor, request, false).await {
        Ok((run, _)) => {
            // A crash before this message leaves an open run that nobody holds: the watchdog sends it on.
            engine.queue.send(&SliceMessage::of(&run), 0).await?;
            Ok(run)
        }
        Err(StartRefused::Busy(holder)) => {
            let run = new_run(engine, vendor, request);
            let at = run.started_at;
            let mut run = run.ended(RunStatus::Skipped, at);
            let detail = format!("skipped: run {holder} was in progress");
            run.error = Some(RunError { code: "sync_in_progress".into(), detail });
            engine.aws.record_run(&run).await?;
            publish::publish_end(engine, &run).await;
            Ok(run)
        }
        Err(other) => Err(other),
    }
}
