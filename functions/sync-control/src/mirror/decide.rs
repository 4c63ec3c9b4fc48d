//! `POST …/runs/{id}/approve` and `…/reject`: somebody decides on what a run would remove.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::HeaderMap;
use signalbox::domain::ids::{Connection, RunId};
use signalbox::engine::operators::Operator;
use signalbox::engine::runs::approve::{Decided, approve, reject};
use signalbox::engine::runs::stop::{self, Stopping};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{INTERNAL_ERROR, NOT_FOUND, Problem, ProblemView, RUN_NOT_HELD};
use signalbox::http::query::path_text;
use signalbox::http::wire::mirror::{ApproveRequest, DecidedView};

use crate::connections::{ConnectionProblems, operator};
use crate::{Control, body};

type RunPath = Result<Path<(String, String, String, String)>, PathRejection>;

/// Let a run that waits for approval remove what it would, or up to `removalsMax`.
///
/// It is planned anew first: one that would remove more by then waits again.
#[utoipa::path(
    post, path = "/api/admin/connections/{tenant}/{provider}/{name}/runs/{id}/approve", tag = "mirror",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("provider" = String, Path, description = "To which kind of system"),
        ("name" = String, Path, description = "Which"),
        ("id" = String, Path, description = "The run"),
    ),
    request_body(content = Option<ApproveRequest>),
    responses(
        (status = 200, description = "It goes on", body = DecidedView),
        (status = 400, description = "invalid_request", body = ProblemView),
        (status = 409, description = "run_not_held: it does not wait for approval", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        ConnectionProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn approve_run(
    State(control): State<Control>,
    path: RunPath,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<DecidedView>, Problem> {
    let (operator, connection, id) = of_run(&control, &headers, trace, path)?;
    let fields = body::read(body).await?.unwrap_or_default();
    fields.check_known(&["removalsMax"])?;
    let wrong = || Problem::fields(&[("removalsMax", "must be a whole number, 0 or more")]);
    let max = fields.get("removalsMax").map(|max| max.as_u64().ok_or_else(wrong)).transpose()?;
    let decided = approve(&control.worker.runs, (&control.operators, &operator), (&connection, &id), max).await;
    told(&id, decided.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?)
}

/// End a run that waits for approval: nothing of it is removed.
#[utoipa::path(
    post, path = "/api/admin/connections/{tenant}/{provider}/{name}/runs/{id}/reject", tag = "mirror",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("provider" = String, Path, description = "To which kind of system"),
        ("name" = String, Path, description = "Which"),
        ("id" = String, Path, description = "The run"),
    ),
    responses(
        (status = 200, description = "It is over", body = DecidedView),
        (status = 409, description = "run_not_held: it does not wait for approval", body = ProblemView),
        ConnectionProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn reject_run(
    State(control): State<Control>,
    path: RunPath,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
) -> Result<Json<DecidedView>, Problem> {
    let (operator, connection, id) = of_run(&control, &headers, trace, path)?;
    let decided = reject(&control.worker.runs, (&control.operators, &operator), (&connection, &id)).await;
    told(&id, decided.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?)
}

/// Stop a run, of whatever kind: at its next effect, also while it waits. What it has done stays.
#[utoipa::path(
    post, path = "/api/admin/connections/{tenant}/{provider}/{name}/runs/{id}/stop", tag = "mirror",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("provider" = String, Path, description = "To which kind of system"),
        ("name" = String, Path, description = "Which"),
        ("id" = String, Path, description = "The run"),
    ),
    responses(
        (status = 200, description = "It stops", body = DecidedView),
        (status = 404, description = "not_found: there is no such run that is not over", body = ProblemView),
        ConnectionProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn stop_run(
    State(control): State<Control>,
    path: RunPath,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
) -> Result<Json<DecidedView>, Problem> {
    let (operator, connection, id) = of_run(&control, &headers, trace, path)?;
    // Who may change the connection may stop it, and its tenant's record has it.
    let operator = Operator { tenant: connection.tenant.clone(), ..operator };
    let asked = stop::stop_run(&control.worker.runs, &control.operators, &operator, &connection, &id).await;
    match asked.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))? {
        Stopping::Asked => {
            Ok(Json(DecidedView { ok: true, run_id: id.to_string(), decision: "stopping", removals_max: None }))
        }
        Stopping::NotRunning => Err(Problem::new(NOT_FOUND, "there is no such run that is not over")),
    }
}

fn of_run(
    control: &Control,
    headers: &HeaderMap,
    trace: CorrelationId,
    path: RunPath,
) -> Result<(Operator, Connection, RunId), Problem> {
    let (tenant, provider, name, id) = path_text(path);
    let (operator, connection) = operator(control, headers, trace, Ok(Path((tenant, provider, name))))?;
    let id = RunId::parse(&id).ok_or_else(|| Problem::new(NOT_FOUND, "there is no such run"))?;
    Ok((operator, connection, id))
}

fn told(id: &RunId, decided: Decided) -> Result<Json<DecidedView>, Problem> {
    let (decision, removals_max) = match decided {
        Decided::Approved(max) => ("approved", Some(max)),
        Decided::Rejected => ("rejected", None),
        Decided::NotHeld => return Err(Problem::new(RUN_NOT_HELD, "there is no such run that waits for approval")),
    };
    Ok(Json(DecidedView { ok: true, run_id: id.to_string(), decision, removals_max }))
}
