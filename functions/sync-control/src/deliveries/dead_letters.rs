//! What operators do with dead letters. Each deed is recorded with its actor.

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde_json::json;
use signalbox::domain::deliveries::dead_letter::DeadLetterId;
use signalbox::engine::deliveries::dead_letters::{Filter, Limits, RequeuedMany, requeue_matching};
use signalbox::engine::deliveries::requeue::{Requeued, drop_dead_letter, requeue as requeue_one};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{CONFLICT, INVALID_REQUEST, NOT_FOUND, Problem, ProblemView, UNPROCESSABLE};
use signalbox::http::query::path_text;

use crate::Control;
use crate::body::{self, Sent};
use crate::operator::{OperatorProblems, failed, operator};

/// What one call requeues, and looks at.
const LIMITS: Limits = Limits { found_max: 100, read_max: 5000 };

/// Send a dead letter through again.
#[utoipa::path(
    post, path = "/api/sync/dead-letters/{id}/requeue", tag = "operations",
    params(("id" = String, Path, description = "The dead letter")),
    responses(
        (status = 200, description = "`{ok: true, id}`", body = Object),
        (status = 404, description = "not_found", body = ProblemView),
        (status = 409, description = "conflict: its key came with another body since", body = ProblemView),
        (status = 422, description = "unprocessable: nobody can tell where it should go", body = ProblemView),
        OperatorProblems,
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
        (status = 404, description = "not_found", body = ProblemView),
        OperatorProblems,
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

/// The id in the path. Parts of bodies are in the same partition, and are not dead letters.
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
    request_body(content = Object, description = "`{provider?, connection?, reason?, cursor?}`: the filters of GET /api/sync/dead-letters, and no other field; an empty object means all"),
    responses(
        (status = 200, description = "`{ok: true, requeued, skipped, more, cursor}`: `skipped` do not match, have no label, have a key that came with another body since, or were decided on meanwhile", body = Object),
        (status = 400, description = "invalid_request: the body must be an object of known fields, the cursor one of an answer", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        OperatorProblems,
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
    // A filter that is misspelt or blank would be none, and everything would be requeued.
    fields.check_known(&[&Filter::FIELDS[..], &["cursor"]].concat())?;
    let filter = Filter::read(|name| fields.filled_text(name))?;
    let from = fields.text("cursor")?.map(|cursor| cursor.parse()).transpose();
    let from = from.map_err(|_| Problem::fields(&[("cursor", "is unknown")]))?;
    let done = requeue_matching(&control.deliveries, &operator, &filter, from, LIMITS).await.map_err(failed)?;
    let RequeuedMany { requeued, skipped, next } = done;
    let more = next.is_some();
    Ok(axum::Json(json!({"ok": true, "requeued": requeued, "skipped": skipped, "more": more, "cursor": next}))
        .into_response())
}
