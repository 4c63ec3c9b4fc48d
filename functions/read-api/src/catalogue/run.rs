//! `GET /api/catalog/moscot/sync/runs/{runId}`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, Uri};
use signalbox::domain::ids::RunId;
use signalbox::http::auth::tenant::in_query;
use signalbox::http::auth::{GENERAL, MOSCOT, READ};
use signalbox::http::problem::{FORBIDDEN, INTERNAL_ERROR, NOT_FOUND, Problem, ProblemView};
use signalbox::http::query::{Query, path_text};
use signalbox::http::wire::parameters::TenantMeant;
use signalbox::http::wire::vendor_sync::runs::{OneRunView, RunView};

use crate::{DEFAULT_VENDOR, Reads, connection};

/// A MOSCOT run. Another vendor's run is not found.
#[utoipa::path(
    get, path = "/api/catalog/moscot/sync/runs/{runId}", tag = "vendor sync",
    params(
        ("runId" = String, Path, description = "The run"),
        TenantMeant,
    ),
    responses(
        (status = 200, description = "The run", body = OneRunView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden: needs catalog:sync:read, or catalog:sync and catalog:sync:moscot", body = ProblemView),
        (status = 404, description = "not_found", body = ProblemView),
        (status = 500, description = "internal_error", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn run(
    State(reads): State<Reads>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<OneRunView>, Problem> {
    // The original had the code under `error` on some routes and under `code` on this one: both are sent.
    let both = |problem: Problem| {
        let code = problem.kind().code;
        problem.with("code", code)
    };
    let now = reads.now();
    let caller = match reads.authority.reader_of_brands(READ, &headers, now) {
        Ok(caller) => caller,
        Err(problem) => {
            // The older pair of scopes also reads here.
            let caller = reads.authority.service(&headers, now).map_err(|_| both(problem))?;
            if !(caller.has(READ) || (caller.has(GENERAL) && caller.has(MOSCOT))) {
                return Err(both(Problem::new(FORBIDDEN, "the token lacks the scope catalog:sync:read")));
            }
            caller
        }
    };
    let caller = caller.within(in_query(&Query::of(&uri)).map_err(both)?).map_err(both)?;
    let missing = || Problem::new(NOT_FOUND, "there is no such run of this vendor");
    let (Some(id), Some(connection)) = (RunId::parse(&path_text(id)), connection(&caller, DEFAULT_VENDOR)) else {
        return Err(missing());
    };
    let read = reads.runs.one(&connection, &id).await;
    let found = read.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?.ok_or_else(missing)?;
    // It may be there still: what has expired is swept some days later.
    if reads.runs.retention().hides(found.started_at, found.status.is_over(), now) {
        return Err(missing());
    }
    Ok(Json(OneRunView { ok: true, data: RunView::from(&found) }))
}
