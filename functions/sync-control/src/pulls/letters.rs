//! `/api/admin/sync/dlq`: the rows that pulls of a connection set aside.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use jiff::SignedDuration;
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::domain::dead_letter::DeadLetterId;
use signalbox::domain::ids::Entity;
use signalbox::domain::time;
use signalbox::engine::runs::kinds::pull::letters::{self, Dropped, Requeued, TRIES_MAX, Which};
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::problem::{
    ALREADY_DECIDED, INVALID_REQUEST, NOT_FOUND, REQUEUE_FAILED, SYNC_IN_PROGRESS, UNPROCESSABLE,
};
use signalbox::http::query::{Query, path_text};
use signalbox::http::wire::parameters::ConnectionMeant;
use signalbox::http::wire::set_aside::{
    RequeueRowRequest, RowRequeuedView, RowsForgottenView, RowsRequest, RowsRequeuedView, SetAsideRowView, SetAsideView,
};

use super::{Call, Meant, PullProblems, check_entity, failed};
use crate::body::Fields;
use crate::integrations::rests;
use crate::{Control, body};

/// How many rows a list shows.
const SHOWN_MAX: usize = 50;
/// What a call about many rows may be asked for: a filter that is misspelt would be none, and mean everything.
const PARAMETERS: &[&str] = &["entity", "provider", "connection"];
/// For how long one call begins with another row.
const REQUEUING: SignedDuration = SignedDuration::from_secs(20);

/// The rows that pulls set aside, as they could not be taken. They are a tenant's data: who may decide on them sees them.
#[utoipa::path(
    get, path = "/api/admin/sync/dlq", tag = "pulls",
    params(
        ("entity" = Option<String>, Query, description = "Of this entity alone"),
        ConnectionMeant,
    ),
    responses(
        (status = 200, description = "The newest 50", body = SetAsideView),
        (status = 400, description = "invalid_request: a name that no entity has, a parameter that there is not", body = AdminProblemView),
        (status = 409, description = "connection_not_named", body = AdminProblemView),
        PullProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn list(State(control): State<Control>, call: Call) -> Result<Json<SetAsideView>, AdminProblem> {
    call.query.only(PARAMETERS)?;
    let entity = call.query.first(&["entity"]).map(entity).transpose()?;
    let Meant { stored, .. } = call.meant(&control).await?;
    let (journal, connection, now) = (&control.operators.journal, &stored.connection, control.now());
    let which = Which { stored: &stored, entity: entity.as_ref() };
    check_named(&control, &stored, entity.as_ref())?;
    let listed = letters::list(journal, now, which, None, SHOWN_MAX).await.map_err(failed)?;
    let (total, more) = (listed.total, listed.next.is_some());
    let rows = letters::with_rows(journal, now, connection, listed.letters).await.map_err(failed)?;
    let items: Vec<SetAsideRowView> =
        rows.iter().filter_map(|(letter, row)| SetAsideRowView::of(letter, row, TRIES_MAX)).collect();
    Ok(Json(SetAsideView { ok: true, total, count: items.len(), more, items }))
}

/// Apply a row that was set aside.
///
/// Where it has an id, the vendor is asked for it once more: what is applied is what the vendor has now, by a run of its own, and
/// `changedSince` says whether that is another row than was set aside. What may pass is tried three times, 2 s and 4 s apart.
#[utoipa::path(
    post, path = "/api/admin/sync/dlq/requeue", tag = "pulls",
    params(ConnectionMeant),
    request_body(content = RequeueRowRequest),
    responses(
        (status = 200, description = "It is applied, and gone from the list", body = RowRequeuedView),
        (status = 400, description = "invalid_request: no id", body = AdminProblemView),
        (status = 404, description = "not_found: `DLQ item not found`", body = AdminProblemView),
        (status = 409, description = "sync_in_progress: another run has the connection; already_decided: somebody else decided on it; connection_not_named", body = AdminProblemView),
        (status = 422, description = "unprocessable: it still cannot be taken, and stays; `error` says why", body = AdminProblemView),
        (status = 503, description = "vendor_rests: the vendor is not asked now, and it stays; `retryAt` says until when, and `Retry-After` in how many seconds", body = AdminProblemView),
        PullProblems,
        (status = 500, description = "requeue_failed: `Requeue failed after retries`, and it stays; internal_error", body = AdminProblemView),
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn requeue(
    State(control): State<Control>,
    call: Call,
    body: Body,
) -> Result<Json<RowRequeuedView>, AdminProblem> {
    let fields = body::read(body).await?.unwrap_or_default();
    let id = fields.text("id")?.ok_or_else(|| AdminProblem::new(INVALID_REQUEST, "id is required"))?;
    let id = id.parse().map_err(|_| not_found())?;
    let meant = call.meant(&control).await?;
    apply(&control, &meant, &id).await
}

/// Apply a row that was set aside; as `POST /api/admin/sync/dlq/requeue`, with the id in the path.
#[utoipa::path(
    post, path = "/api/admin/sync/dlq/{id}/requeue", tag = "pulls",
    params(
        ("id" = String, Path, description = "Its `id` in the list"),
        ConnectionMeant,
    ),
    responses(
        (status = 200, description = "It is applied, and gone from the list", body = RowRequeuedView),
        (status = 400, description = "invalid_request: a body that cannot be read", body = AdminProblemView),
        (status = 404, description = "not_found: `DLQ item not found`", body = AdminProblemView),
        (status = 409, description = "sync_in_progress: another run has the connection; already_decided: somebody else decided on it; connection_not_named", body = AdminProblemView),
        (status = 422, description = "unprocessable: it still cannot be taken, and stays; `error` says why", body = AdminProblemView),
        (status = 503, description = "vendor_rests: the vendor is not asked now, and it stays; `retryAt` says until when, and `Retry-After` in how many seconds", body = AdminProblemView),
        PullProblems,
        (status = 500, description = "requeue_failed: `Requeue failed after retries`, and it stays; internal_error", body = AdminProblemView),
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn requeue_one(
    State(control): State<Control>,
    call: Call,
    id: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<Json<RowRequeuedView>, AdminProblem> {
    // It takes none; but what somebody asks for is not passed over unread.
    body::read(body).await?;
    let id = path_text(id).parse().map_err(|_| not_found())?;
    let meant = call.meant(&control).await?;
    apply(&control, &meant, &id).await
}

async fn apply(control: &Control, meant: &Meant, id: &DeadLetterId) -> Result<Json<RowRequeuedView>, AdminProblem> {
    let Meant { operator, stored, .. } = meant;
    let requeued = letters::requeue(&control.worker, &control.operators, operator, stored, id).await;
    match requeued.map_err(failed)? {
        Requeued::Applied { run_id, changed_since } => {
            let message = if changed_since { "Requeued: the vendor's row has changed since" } else { "Requeued" };
            Ok(Json(RowRequeuedView { ok: true, message, run_id: run_id.to_string(), changed_since }))
        }
        Requeued::NotFound => Err(not_found()),
        Requeued::Decided => Err(AdminProblem::new(ALREADY_DECIDED, "somebody else decided on it meanwhile")),
        Requeued::Busy(run_id) => {
            let busy = AdminProblem::new(SYNC_IN_PROGRESS, "sync already running").with("runId", run_id.as_str());
            Err(busy.hint("it stays: requeue it when that run is over"))
        }
        Requeued::Refused { why, remedy } => {
            Err(AdminProblem::new(UNPROCESSABLE, format!("it still cannot be taken: {why}")).hint(remedy))
        }
        Requeued::Waits(wait) => Err(rests(control, &stored.connection, &wait).await),
        Requeued::Failed(why) => Err(AdminProblem::new(REQUEUE_FAILED.kind, "Requeue failed after retries").hint(why)),
    }
}

/// Apply the rows that were set aside, the newest first: at most 25 a call, and for 20 s.
///
/// Each is a run of its own. While `more` is true there are others to look at: send the answer's `cursor` with the next call. What was tried
/// in vain stays in the list.
#[utoipa::path(
    post, path = "/api/admin/sync/dlq/requeue-all", tag = "pulls",
    params(ConnectionMeant),
    request_body(content = Option<RowsRequest>),
    responses(
        (status = 200, description = "How many", body = RowsRequeuedView),
        (status = 400, description = "invalid_request: a name that no entity has, a parameter that there is not, a cursor that is none of an answer", body = AdminProblemView),
        (status = 409, description = "sync_in_progress: another run has the connection, and nothing was applied; connection_not_named", body = AdminProblemView),
        (status = 503, description = "vendor_rests: the vendor is not asked now, and nothing was applied", body = AdminProblemView),
        PullProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn requeue_all(
    State(control): State<Control>,
    call: Call,
    body: Body,
) -> Result<Json<RowsRequeuedView>, AdminProblem> {
    let fields = body::read(body).await?.unwrap_or_default();
    let entity = named(&call.query, &fields)?;
    let cursor = fields.filled_text("cursor")?.map(|cursor| cursor.parse()).transpose();
    let cursor = cursor.map_err(|_| AdminProblem::new(INVALID_REQUEST, "cursor is unknown"))?;
    let Meant { operator, stored, .. } = call.meant(&control).await?;
    let which = Which { stored: &stored, entity: entity.as_ref() };
    check_named(&control, &stored, entity.as_ref())?;
    let now = control.now();
    let until = now.checked_add(REQUEUING).unwrap_or(now);
    let done = letters::requeue_all(&control.worker, &control.operators, &operator, which, cursor, until);
    let done = done.await.map_err(failed)?;
    if let Some(busy) = done.busy.as_ref().filter(|_| done.applied + done.stayed == 0) {
        return Err(AdminProblem::new(SYNC_IN_PROGRESS, "sync already running").with("runId", busy.as_str()));
    }
    if let Some(wait) = done.waits.as_ref().filter(|_| done.applied + done.stayed == 0) {
        return Err(rests(&control, &stored.connection, wait).await);
    }
    Ok(Json(RowsRequeuedView {
        ok: true,
        count: done.applied,
        changed_since: done.changed,
        failed: done.stayed,
        more: done.next.is_some(),
        cursor: done.next.map(|id| id.to_string()),
        busy: done.busy.map(|run| run.to_string()),
        rests_until: done.waits.map(|wait| time::text(wait.until)),
    }))
}

/// Forget a row that was set aside.
#[utoipa::path(
    delete, path = "/api/admin/sync/dlq/{id}", tag = "pulls",
    params(
        ("id" = String, Path, description = "Its `id` in the list"),
        ConnectionMeant,
    ),
    responses(
        (status = 200, description = "It is forgotten", body = RowsForgottenView),
        (status = 400, description = "invalid_request: a body that cannot be read", body = AdminProblemView),
        (status = 404, description = "not_found: `DLQ item not found`", body = AdminProblemView),
        (status = 409, description = "already_decided: somebody is applying it; connection_not_named", body = AdminProblemView),
        PullProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn forget(
    State(control): State<Control>,
    call: Call,
    id: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<Json<RowsForgottenView>, AdminProblem> {
    // It takes none; but what somebody asks for is not passed over unread.
    body::read(body).await?;
    let id = path_text(id).parse().map_err(|_| not_found())?;
    let Meant { operator, stored, .. } = call.meant(&control).await?;
    match letters::forget(&control.operators, &operator, &stored, &id).await.map_err(failed)? {
        Dropped::Done => Ok(Json(RowsForgottenView { ok: true, count: 1, more: false, message: "Deleted" })),
        Dropped::NotFound => Err(not_found()),
        Dropped::Decided => Err(AdminProblem::new(ALREADY_DECIDED, "somebody is applying it")
            .hint("if it stays in the list, requeue it again, which finishes that")),
    }
}

/// Forget the rows that were set aside, the newest first: at most 500 a call.
#[utoipa::path(
    post, path = "/api/admin/sync/dlq/clear", tag = "pulls",
    params(ConnectionMeant),
    request_body(content = Option<RowsRequest>),
    responses(
        (status = 200, description = "How many; of those that somebody is applying none", body = RowsForgottenView),
        (status = 400, description = "invalid_request: a name that no entity has, a parameter that there is not", body = AdminProblemView),
        (status = 409, description = "connection_not_named", body = AdminProblemView),
        PullProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn clear(
    State(control): State<Control>,
    call: Call,
    body: Body,
) -> Result<Json<RowsForgottenView>, AdminProblem> {
    let fields = body::read(body).await?.unwrap_or_default();
    let entity = named(&call.query, &fields)?;
    let Meant { operator, stored, .. } = call.meant(&control).await?;
    let which = Which { stored: &stored, entity: entity.as_ref() };
    check_named(&control, &stored, entity.as_ref())?;
    let (count, more) = letters::clear(&control.operators, &operator, which).await.map_err(failed)?;
    Ok(Json(RowsForgottenView { ok: true, count, more, message: "Cleared" }))
}

/// The entity that a call names, in its body or its query: a filter that is blank would be none, and mean everything.
fn named(query: &Query, fields: &Fields) -> Result<Option<Entity>, AdminProblem> {
    fields.check_spelling(&["entity", "cursor"])?;
    query.only(PARAMETERS)?;
    let in_query = query.all(&["entity"]).next();
    let in_body = fields.filled_text("entity")?;
    in_body.as_deref().or(in_query).map(entity).transpose()
}

/// A name that the vendor has no list of would list and forget nothing, without a word.
fn check_named(control: &Control, stored: &StoredConnection, entity: Option<&Entity>) -> Result<(), AdminProblem> {
    entity.map_or(Ok(()), |entity| check_entity(control, stored, entity.as_str()))
}

fn entity(name: &str) -> Result<Entity, AdminProblem> {
    Entity::parse(name).map_err(|error| AdminProblem::new(INVALID_REQUEST, format!("entity: {error}")))
}

fn not_found() -> AdminProblem {
    AdminProblem::new(NOT_FOUND, "DLQ item not found")
}
