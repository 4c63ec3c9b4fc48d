//! What operators do with dead letters. Each deed is recorded with its actor.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use signalbox::domain::dead_letter::DeadLetterId;
use signalbox::domain::time;
use signalbox::engine::deliveries::dead_letters::{
    DeadLetterFilter, Limits, RequeuedMany, requeue_each, requeue_matching,
};
use signalbox::engine::deliveries::requeue::{Dropped, Requeued, drop_dead_letter, requeue as requeue_one};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{
    ALREADY_DECIDED, CONFLICT, INVALID_REQUEST, NOT_FOUND, Problem, ProblemView, UNPROCESSABLE,
};
use signalbox::http::query::path_text;
use signalbox::http::wire::operations::DecidedView;
use signalbox::http::wire::parameters::TenantMeant;
use signalbox::http::wire::requeue::{RequeueRequest, RequeuedOneView, RequeuedView};

use crate::body::Fields;
use crate::operator::{OperatorProblems, failed, operator};
use crate::{Control, body};

/// What one call requeues, and looks at.
const LIMITS: Limits = Limits { found_max: 100, read_max: 5000 };

/// Send a dead letter through again.
#[utoipa::path(
    post, path = "/api/sync/dead-letters/{id}/requeue", tag = "operations",
    params(
        ("id" = String, Path, description = "The dead letter"),
        TenantMeant,
    ),
    responses(
        (status = 200, description = "It is in the queue", body = DecidedView),
        (status = 400, description = "invalid_request: a body that cannot be read", body = ProblemView),
        (status = 404, description = "not_found", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        (status = 409, description = "conflict: its key came with another body since; already_decided: somebody else dropped or requeued it meanwhile", body = ProblemView),
        (status = 422, description = "unprocessable: nobody can tell where it should go", body = ProblemView),
        OperatorProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn requeue(
    State(control): State<Control>,
    id: Result<Path<String>, PathRejection>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<DecidedView>, Problem> {
    let operator = operator(&control, (&uri, &headers), trace)?;
    let id = dead_letter_id(id)?;
    // It takes none; but what somebody asks for is not passed over unread.
    body::read(body).await?;
    match requeue_one(&control.replays.requeuer, &operator, &id).await.map_err(failed)? {
        Requeued::Done => Ok(Json(DecidedView::from(&id))),
        Requeued::NotFound => Err(no_dead_letter()),
        Requeued::NoLabel => Err(Problem::new(UNPROCESSABLE, "it has no label that says where it goes: drop it")),
        Requeued::NotADelivery => {
            let detail = "it is no delivery: a row of a pull is applied by POST /api/admin/sync/dlq/{id}/requeue, and what a \
                message about a run was for goes on without it: drop it";
            Err(Problem::new(UNPROCESSABLE, detail))
        }
        Requeued::Conflict => Err(Problem::new(CONFLICT, "another body came under its key since: drop it")),
        Requeued::Decided => Err(already_decided("somebody else dropped it meanwhile, or requeued it")),
    }
}

/// Forget a dead letter.
#[utoipa::path(
    delete, path = "/api/sync/dead-letters/{id}", tag = "operations",
    params(
        ("id" = String, Path, description = "The dead letter"),
        TenantMeant,
    ),
    responses(
        (status = 200, description = "It is forgotten", body = DecidedView),
        (status = 400, description = "invalid_request: a body that cannot be read", body = ProblemView),
        (status = 404, description = "not_found: or it is gone meanwhile", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        (status = 409, description = "already_decided: somebody else is requeuing it", body = ProblemView),
        OperatorProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn forget(
    State(control): State<Control>,
    id: Result<Path<String>, PathRejection>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<DecidedView>, Problem> {
    let operator = operator(&control, (&uri, &headers), trace)?;
    let id = dead_letter_id(id)?;
    // It takes none; but what somebody asks for is not passed over unread.
    body::read(body).await?;
    match drop_dead_letter(&control.operators, &operator, &id).await.map_err(failed)? {
        Dropped::Done => Ok(Json(DecidedView::from(&id))),
        Dropped::NotFound => Err(no_dead_letter()),
        Dropped::Decided => {
            let begun = "somebody else is requeuing it; if it stays in the list, requeue it again, which finishes that";
            Err(already_decided(begun))
        }
    }
}

/// The id in the path. Parts of bodies are in the same partition, and are not dead letters.
fn dead_letter_id(path: Result<Path<String>, PathRejection>) -> Result<DeadLetterId, Problem> {
    path_text(path).parse().map_err(|_| no_dead_letter())
}

fn already_decided(detail: &str) -> Problem {
    Problem::new(ALREADY_DECIDED, detail)
}

fn no_dead_letter() -> Problem {
    Problem::new(NOT_FOUND, "there is no such dead letter")
}

/// Send many dead letters through again, the newest first, at most 100 a call.
///
/// While `more` is true there are others to look at: send the answer's `cursor` with the next call. What it would come to, GET
/// /api/sync/dead-letters/preview says before.
#[utoipa::path(
    post, path = "/api/sync/dead-letters/requeue", tag = "operations",
    params(TenantMeant),
    request_body(content = RequeueRequest),
    responses(
        (status = 200, description = "How many", body = RequeuedView),
        (status = 400, description = "invalid_request: the body must be an object of known fields, the cursor one of an answer", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        OperatorProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn requeue_many(
    State(control): State<Control>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<RequeuedView>, Problem> {
    let operator = operator(&control, (&uri, &headers), trace)?;
    // Nothing said is not "all": that must be asked for with an empty object.
    let Some(fields) = body::read(body).await? else {
        return Err(Problem::new(INVALID_REQUEST, "the body must be a JSON object with the filter; {} means all"));
    };
    // A filter that is misspelt or blank would be none, and everything would be requeued.
    fields.check_known(&[&DeadLetterFilter::FIELDS[..], &["from", "to", "ids", "cursor"]].concat())?;
    fields.check_set(&[&DeadLetterFilter::FIELDS[..], &["from", "to", "ids"]].concat())?;
    let beside_ids = [&DeadLetterFilter::FIELDS[..], &["from", "to", "cursor"]].concat();
    let done = match ids(&fields, LIMITS.found_max, &beside_ids)? {
        Some(ids) => requeue_each(&control.replays.requeuer, &operator, ids).await,
        None => {
            let filter = DeadLetterFilter::read(|name| fields.filled_text(name))?;
            let filter = filter.between(moment(&fields, "from")?, moment(&fields, "to")?);
            let from = fields.text("cursor")?.map(|cursor| cursor.parse()).transpose();
            let from = from.map_err(|_| Problem::fields(&[("cursor", "is unknown")]))?;
            requeue_matching(&control.replays.requeuer, &operator, &filter, from, LIMITS).await
        }
    };
    let RequeuedMany { requeued, skipped, next, results } = done.map_err(failed)?;
    let cursor = next.map(|id| id.to_string());
    let results = results.iter().map(|(id, result)| RequeuedOneView { id: id.to_string(), result: result.as_str() });
    let (more, results) = (cursor.is_some(), results.collect());
    Ok(Json(RequeuedView { ok: true, requeued, skipped, more, cursor, results }))
}

/// The dead letters that are named, where they are: without a filter beside them, as it would be passed over.
pub(super) fn ids(fields: &Fields, count_max: usize, others: &[&str]) -> Result<Option<Vec<DeadLetterId>>, Problem> {
    let Some(ids) = fields.get("ids") else { return Ok(None) };
    let wrong = |why: &str| Problem::fields(&[("ids", why)]);
    if others.iter().any(|name| fields.get(name).is_some()) {
        return Err(wrong("must stand alone: a filter beside them would be passed over"));
    }
    let named = ids.as_array().filter(|ids| (1..=count_max).contains(&ids.len()));
    let named = named.ok_or_else(|| wrong(&format!("must be an array of 1 to {count_max} ids")))?;
    let read: Option<Vec<DeadLetterId>> = named.iter().map(|id| id.as_str()?.parse().ok()).collect();
    read.map(Some).ok_or_else(|| wrong("must be ids as listed by GET /api/sync/dead-letters"))
}

/// A moment that a filter names.
pub(super) fn moment(fields: &Fields, name: &'static str) -> Result<Option<Timestamp>, Problem> {
    let parse = if name == "to" { time::parse_end_query } else { time::parse_query };
    match fields.filled_text(name)?.as_deref().map(parse) {
        Some(None) => Err(Problem::fields(&[(name, "must be a date or date-time")])),
        found => Ok(found.flatten()),
    }
}
