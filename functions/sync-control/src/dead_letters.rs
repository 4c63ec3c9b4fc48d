//! What operators do with dead letters and rejected deliveries. Each deed is recorded with its actor.

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use signalbox::aws::faults::AwsFault;
use signalbox::domain::dead_letter::DeadLetterId;
use signalbox::domain::ids::TenantId;
use signalbox::domain::rejected::RejectedId;
use signalbox::engine::deliveries::admit::{Admitted, admit};
use signalbox::engine::deliveries::dead_letters::{Filter, Limits, RequeuedMany, requeue_matching};
use signalbox::engine::deliveries::operator::Operator;
use signalbox::engine::deliveries::receive::Received;
use signalbox::engine::deliveries::requeue::{Requeued, drop_dead_letter, requeue as requeue_one};
use signalbox::engine::deliveries::take_in::Intake;
use signalbox::http::auth::DELIVERIES_WRITE;
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{
    CONFLICT, INTERNAL_ERROR, INVALID_REQUEST, NOT_FOUND, Problem, ProblemView, UNPROCESSABLE, VERIFICATION_FAILED,
};
use signalbox::http::query::path_text;

use crate::Control;
use crate::body::{self, Sent};

/// What one call requeues, and looks at.
const LIMITS: Limits = Limits { found_max: 100, read_max: 5000 };

fn failed(fault: AwsFault) -> Problem {
    Problem::new(INTERNAL_ERROR, fault.to_string())
}

fn operator(control: &Control, headers: &HeaderMap, trace: CorrelationId) -> Result<Operator, Problem> {
    let caller = control.authority.service(headers, control.engine.now())?;
    caller.require_any(&[DELIVERIES_WRITE])?;
    Ok(Operator { tenant: caller.tenant.clone(), actor: caller.actor.clone(), correlation_id: trace.0 })
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
        (status = 409, description = "conflict: its key came with another body since", body = ProblemView),
        (status = 422, description = "unprocessable: nobody can tell where it should go", body = ProblemView),
        (status = 500, description = "internal_error", body = ProblemView),
    ),
    security(("service" = [])),
)]
pub(crate) async fn requeue(
    State(control): State<Control>,
    id: Result<Path<String>, PathRejection>,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let operator = operator(&control, &headers, trace)?;
    let id = dead_letter_id(id)?;
    match requeue_one(&control.deliveries, &operator, &id).await.map_err(failed)? {
        Requeued::Done => Ok(axum::Json(json!({"ok": true, "id": id})).into_response()),
        Requeued::NotFound => Err(no_dead_letter()),
        Requeued::NoLabel => Err(Problem::new(UNPROCESSABLE, "it has no label that says where it goes: drop it")),
        Requeued::Conflict => Err(Problem::new(CONFLICT, "another body came under its key since: drop it")),
    }
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
    id: Result<Path<String>, PathRejection>,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let operator = operator(&control, &headers, trace)?;
    let id = dead_letter_id(id)?;
    if !drop_dead_letter(&control.deliveries, &operator, &id).await.map_err(failed)? {
        return Err(no_dead_letter());
    }
    Ok(axum::Json(json!({"ok": true, "id": id})).into_response())
}

/// The id in the path. Parts of bodies are in the same partition, and are no dead letters.
fn dead_letter_id(path: Result<Path<String>, PathRejection>) -> Result<DeadLetterId, Problem> {
    path_text(path).parse().map_err(|_| no_dead_letter())
}

fn no_dead_letter() -> Problem {
    Problem::new(NOT_FOUND, "there is no such dead letter")
}

/// Send many dead letters through again, the newest first, at most 100 a call.
///
/// While `more` is true there are others to look at: send the answer's `cursor` with the next call.
#[utoipa::path(
    post, path = "/api/sync/dead-letters/requeue", tag = "operations",
    request_body(content = Object, description = "`{provider?, connection?, cursor?}`; an empty object means all"),
    responses(
        (status = 200, description = "`{ok: true, requeued, skipped, more, cursor}`: `skipped` do not match, have no label, have a key that came with another body since, or were decided on meanwhile", body = Object),
        (status = 400, description = "invalid_request: the body must be an object, the cursor one of an answer", body = ProblemView),
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
    let operator = operator(&control, &headers, trace)?;
    // Nothing said is not "all": that must be asked for with an empty object.
    let Sent::Object(fields) = body::read(body).await? else {
        return Err(Problem::new(INVALID_REQUEST, "the body must be a JSON object with the filter; {} means all"));
    };
    let (provider, connection) = (fields.text("provider")?, fields.text("connection")?);
    let from = fields.text("cursor")?.map(|cursor| cursor.parse()).transpose();
    let from = from.map_err(|_| Problem::fields(&[("cursor", "is unknown")]))?;
    let filter = Filter::new(provider.as_deref(), connection.as_deref(), None);
    let done = requeue_matching(&control.deliveries, &operator, &filter, from, LIMITS).await.map_err(failed)?;
    let RequeuedMany { requeued, skipped, next } = done;
    let more = next.is_some();
    Ok(axum::Json(json!({"ok": true, "requeued": requeued, "skipped": skipped, "more": more, "cursor": next}))
        .into_response())
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
    let operator = operator(&control, &headers, trace)?;
    if operator.tenant != TenantId::default() {
        return Err(Problem::new(NOT_FOUND, "there is no such rejected delivery"));
    }
    let id = match body::read(body).await? {
        Sent::Object(fields) => fields.text("id")?,
        Sent::Nothing | Sent::Unreadable => None,
    };
    let Some(id) = id.and_then(|id| id.parse::<RejectedId>().ok()) else {
        return Err(Problem::fields(&[("id", "must be an id as listed by GET /api/admin/deliveries")]));
    };
    let admitted = admit(&control.deliveries, &operator, &id).await;
    // An operator's calls are far apart: the next may be another instance's.
    control.deliveries.flush_all_counts().await;
    match admitted.map_err(failed)? {
        Admitted::NotFound => Err(Problem::new(NOT_FOUND, "there is no such rejected delivery")),
        Admitted::NoBody => Err(Problem::new(UNPROCESSABLE, "its body was not kept: the sender must send it again")),
        Admitted::Intake(Intake::Refused(refusal)) => {
            let conflict = refusal.reason == signalbox::domain::rejected::Rejection::Conflict;
            let kind = if conflict { CONFLICT } else { VERIFICATION_FAILED };
            Err(Problem::new(kind, refusal.detail).with("reason", refusal.reason.as_str()))
        }
        Admitted::Intake(Intake::Taken(received, _)) => {
            let status = if received == Received::First { "accepted" } else { "duplicate" };
            Ok((StatusCode::OK, axum::Json(json!({"ok": true, "status": status}))).into_response())
        }
    }
}
