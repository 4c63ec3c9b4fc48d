//! What both sync routes do: start a run, advance it while the caller waits, and say what came of it.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use jiff::SignedDuration;
use serde::Serialize;
use signalbox::domain::catalogue::vendor::{Asked, Vendor};
use signalbox::domain::ids::TenantId;
use signalbox::domain::runs::run::{Run, RunStatus};
use signalbox::engine::runs::advance::{SliceEnd, advance};
use signalbox::engine::runs::start::{StartRefused, StartRequest, start_run};
use signalbox::http::problem::{ERROR, INTEGRATION_NOT_SUPPORTED, Problem, SYNC_IN_PROGRESS};
use signalbox::http::wire::vendor_sync::triggers::AcceptedView;

use crate::Control;
use crate::connections::put::check_reach;

/// When the caller must have its answer, in milliseconds: the function is ended after 29 s.
const ANSWER_MS_MAX: i64 = 26_000;

/// What a trigger came to.
pub(crate) enum Outcome {
    /// The run is over, and went well.
    Done(Run),
    /// The run goes on in the background.
    GoesOn(Run),
}

/// Whether a caller may have a vendor read from the source that the request names: as with the one of a connection, files and
/// buckets are the deployment's. What the vendor is configured with is no other source.
pub(crate) fn check_named(caller: &TenantId, vendor: &Vendor, named: Option<&str>) -> Result<(), Problem> {
    match named.map(|named| vendor.source_shown_as(named)) {
        None | Some(Asked::Configured(_)) => Ok(()),
        Some(Asked::Named(named)) => check_reach(caller, &vendor.connection(), Some(named)),
    }
}

/// Starts a run and advances it for as long as a caller can be kept waiting.
pub(crate) async fn start(control: &Control, request: &StartRequest) -> Result<Outcome, Problem> {
    let arrived = control.now();
    let (run, taken) = start_run(&control.worker.runs, request, true).await.map_err(refused)?;
    let Some(taken) = taken else { return Ok(Outcome::GoesOn(run)) };
    let budget = SignedDuration::try_from(control.inline).unwrap_or(SignedDuration::ZERO);
    let until = arrived.checked_add(budget).unwrap_or(arrived);
    let started = run.clone();
    // A single step may outlast the budget. To drop it here is a crash like any other: the lease runs out and the
    // watchdog sends the run on; but the caller gets its answer.
    let spent = control.now().as_millisecond() - arrived.as_millisecond();
    let left = Duration::from_millis(u64::try_from(ANSWER_MS_MAX - spent).unwrap_or(0));
    let Ok(advanced) = tokio::time::timeout(left, advance(&control.worker, run, taken, until)).await else {
        tracing::warn!(run_id = %started.id, "run left to the watchdog: a step took too long");
        return Ok(Outcome::GoesOn(started));
    };
    match advanced {
        Ok(SliceEnd::Over(run)) if run.status == RunStatus::Success => Ok(Outcome::Done(run)),
        Ok(SliceEnd::Over(run)) => Err(Problem::of_run(&run)),
        Ok(SliceEnd::HandedOn(run)) => Ok(Outcome::GoesOn(run)),
        Ok(SliceEnd::NotOurs | SliceEnd::Waits(_)) => Ok(Outcome::GoesOn(started)),
        // The run is stored and open: the watchdog sends it on.
        Err(fault) if fault.transient => {
            tracing::warn!(run_id = %started.id, error = %fault, "run left to the watchdog");
            Ok(Outcome::GoesOn(started))
        }
        Err(fault) => Err(Problem::internal(ERROR, &fault).with("runId", started.id.as_str())),
    }
}

pub(crate) fn refused(refused: StartRefused) -> Problem {
    match &refused {
        StartRefused::Busy(holder, _) => {
            Problem::new(SYNC_IN_PROGRESS, refused.to_string()).with("runId", holder.as_str())
        }
        StartRefused::NotSupported(_) | StartRefused::Cools(_) => {
            Problem::new(INTEGRATION_NOT_SUPPORTED, refused.to_string())
        }
        StartRefused::Fault(fault) => Problem::internal(ERROR, fault),
    }
}

/// 202 with where to look, in the shape of the route.
pub(crate) fn goes_on<T: Serialize>(run: &Run, shape: impl FnOnce(AcceptedView) -> T) -> Response {
    let location = match run.connection.name.as_str() {
        "moscot" => format!("/api/catalog/moscot/sync/runs/{}", run.id),
        // A cursor names the first row of its page.
        vendor => format!("/api/catalog/vendor-sync/runs?vendor={vendor}&limit=1&cursor={}", run.id),
    };
    let value = HeaderValue::from_str(&location);
    let accepted =
        AcceptedView { ok: true, accepted: true, run_id: run.id.to_string(), status: run.status.as_str(), location };
    let mut response = (StatusCode::ACCEPTED, axum::Json(shape(accepted))).into_response();
    if let Ok(value) = value {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    response
}
