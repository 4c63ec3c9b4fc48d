//! What operators do with dead letters and rejected deliveries. Each deed is recorded with its actor.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use signalbox::aws::faults::AwsFault;
use signalbox::domain::ids::TenantId;
use signalbox::domain::place::RejectedId;
use signalbox::engine::deliveries::admit::{Admitted, admit};
use signalbox::engine::deliveries::requeue::{Decided, Decider, Decision, decide};
use signalbox::engine::deliveries::take_in::Intake;
use signalbox::http::auth::DELIVERIES_WRITE;
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{
    CONFLICT, INTERNAL_ERROR, INVALID_REQUEST, NOT_FOUND, Problem, ProblemView, UNPROCESSABLE, VERIFICATION_FAILED,
};

use crate::Control;
use crate::body::{self, Sent};

/// Dead letters that one call requeues at most; the answer says how many are left to ask for.
const REQUEUE_MAX: usize = 100;
/// Dead letters that are read at once, and that one call looks at.
const PAGE: usize = 100;
const READ_MAX: usize = 5000;

fn failed(fault: AwsFault) -> Problem {
    Problem::new(INTERNAL_ERROR, fault.to_string())
}

fn decider(control: &Control, headers: &HeaderMap, trace: CorrelationId) -> Result<Decider, Problem> {
    let caller = control.authority.service(headers, control.engine.now())?;
    caller.require_any(&[DELIVERIES_WRITE])?;
    Ok(Decider { tenant: caller.tenant.clone(), actor: caller.actor.clone(), correlation_id: trace.0 })
}

/// Send a dead letter through again.
#[utoipa::path(
    post, path = "/api/sync/dead-letters/{id}/requeue", tag = "operations",
    params(("id" = String, Path, description = "The dead letter")),
    responses(
        (status = 200, description = "`{ok: true, id}`", body = Object),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope: needs deliveries:write", body = ProblemView),
        (status = 404, description = "not_found", body = ProblemView),
        (status = 422, description = "unprocessable: nobody can tell where it should go", body = ProblemView),
        (status = 500, description = "internal_error", body = ProblemView),
    ),
    security(("service" = [])),
)]
pub(crate) async fn requeue(
    State(control): State<Control>,
    Path(id): Path<String>,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let decider = decider(&control, &headers, trace)?;
    decided(&control, &decider, &id, Decision::Requeue).await
}

/// Forget a dead letter.
#[utoipa::path(
    delete, path = "/api/sync/dead-letters/{id}", tag = "operations",
    params(("id" = String, Path, description = "The dead letter")),
    responses(
        (status = 200, description = "`{ok: true, id}`", body = Object),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope: needs deliveries:write", body = ProblemView),
        (status = 404, description = "not_found", body = ProblemView),
        (status = 500, description = "internal_error", body = ProblemView),
    ),
    security(("service" = [])),
)]
pub(crate) async fn forget(
    State(control): State<Control>,
    Path(id): Path<String>,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let decider = decider(&control, &headers, trace)?;
    decided(&control, &decider, &id, Decision::Drop).await
}

async fn decided(control: &Control, decider: &Decider, id: &str, decision: Decision) -> Result<Response, Problem> {
    match decide(&control.deliveries, decider, id, decision).await.map_err(failed)? {
        Decided::Done => Ok(axum::Json(json!({"ok": true, "id": id})).into_response()),
        Decided::NotFound => Err(Problem::new(NOT_FOUND, "there is no such dead letter")),
        Decided::Unreadable => Err(Problem::new(UNPROCESSABLE, "it has no label that says where it goes: drop it")),
    }
}

/// Send many dead letters through again, the newest first, at most 100 a call; `more` asks for another.
#[utoipa::path(
    post, path = "/api/sync/dead-letters/requeue", tag = "operations",
    request_body(content = Object, description = "`{provider?, connection?}`; an empty object means all"),
    responses(
        (status = 200, description = "`{ok: true, requeued, skipped, more}`", body = Object),
        (status = 400, description = "invalid_request: the body must be an object", body = ProblemView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope: needs deliveries:write", body = ProblemView),
        (status = 500, description = "internal_error", body = ProblemView),
    ),
    security(("service" = [])),
)]
pub(crate) async fn requeue_many(
    State(control): State<Control>,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let decider = decider(&control, &headers, trace)?;
    // Nothing said is not "all": that must be asked for with an empty object.
    let Sent::Object(fields) = body::read(body).await? else {
        return Err(Problem::new(INVALID_REQUEST, "the body must be a JSON object with the filter; {} means all"));
    };
    let (provider, connection) = (fields.text("provider")?, fields.text("connection")?);
    let (mut requeued, mut skipped, mut read) = (0, 0, 0);
    let mut from: Option<String> = None;
    let now = control.engine.now();
    // What does not match stays, so the next part has to begin behind it.
    let more = 'all: loop {
        let letters = control.deliveries.aws.dead_letters(&decider.tenant, from.as_deref(), PAGE + 1).await;
        let mut letters = letters.map_err(failed)?;
        let rest = if letters.len() > PAGE { letters.pop().map(|letter| letter.id) } else { None };
        read += letters.len();
        for letter in letters.into_iter().filter(|letter| !letter.is_over(now)) {
            let wanted = letter.is_from(provider.as_deref(), connection.as_deref());
            if wanted && requeued == REQUEUE_MAX {
                break 'all true;
            }
            let done = match wanted {
                true => decide(&control.deliveries, &decider, &letter.id, Decision::Requeue).await.map_err(failed)?,
                false => Decided::Unreadable,
            };
            if done == Decided::Done {
                requeued += 1;
            } else {
                skipped += 1;
            }
        }
        from = rest;
        if from.is_none() || read >= READ_MAX {
            break from.is_some();
        }
    };
    Ok(axum::Json(json!({"ok": true, "requeued": requeued, "skipped": skipped, "more": more})).into_response())
}

/// Verify a rejected delivery again, as of when it was received, and let it in. For operators of the default tenant:
/// who was refused has proved no tenant.
#[utoipa::path(
    post, path = "/api/admin/deliveries/verify", tag = "operations",
    request_body(content = Object, description = "`{id}` as listed by GET /api/admin/deliveries"),
    responses(
        (status = 200, description = "Let in: `{ok: true, status: \"accepted\"|\"duplicate\"}`", body = Object),
        (status = 400, description = "invalid_request", body = ProblemView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope: needs deliveries:write", body = ProblemView),
        (status = 404, description = "not_found", body = ProblemView),
        (status = 409, description = "conflict", body = ProblemView),
        (status = 422, description = "verification_failed, unprocessable: `reason` says why it is still refused; or its body was not kept", body = ProblemView),
        (status = 500, description = "internal_error", body = ProblemView),
    ),
    security(("service" = [])),
)]
pub(crate) async fn verify(
    State(control): State<Control>,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let decider = decider(&control, &headers, trace)?;
    if decider.tenant != TenantId::default() {
        return Err(Problem::new(NOT_FOUND, "there is no such rejected delivery"));
    }
    let id = match body::read(body).await? {
        Sent::Object(fields) => fields.text("id")?,
        Sent::Nothing | Sent::Unreadable => None,
    };
    let Some(id) = id.and_then(|id| id.parse::<RejectedId>().ok()) else {
        return Err(Problem::fields(&[("id", "must be an id as listed by GET /api/admin/deliveries")]));
    };
    let admitted = admit(&control.deliveries, &decider, &id).await;
    // An operator's calls are far apart: the next may be another instance's.
    control.deliveries.flush_counts_now().await;
    match admitted.map_err(failed)? {
        Admitted::NotFound => Err(Problem::new(NOT_FOUND, "there is no such rejected delivery")),
        Admitted::NoBody => Err(Problem::new(UNPROCESSABLE, "its body was not kept: the sender must send it again")),
        Admitted::Intake(Intake::Refused(refusal)) => {
            let conflict = refusal.reason == signalbox::domain::delivery::Rejection::Conflict;
            let kind = if conflict { CONFLICT } else { VERIFICATION_FAILED };
            Err(Problem::new(kind, refusal.detail).with("reason", refusal.reason.as_str()))
        }
        Admitted::Intake(intake) => {
            Ok((StatusCode::OK, axum::Json(json!({"ok": true, "status": intake.as_str()}))).into_response())
        }
    }
}
