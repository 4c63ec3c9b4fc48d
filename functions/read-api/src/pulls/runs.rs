//! `GET /api/admin/sync/runs`, and under its other names: the last runs of a connection, a row for each entity.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, Uri};
use signalbox::aws::runs::reads::Wanted;
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::problem::{INTERNAL_ERROR, INVALID_REQUEST, Problem};
use signalbox::http::query::{Query, path_text};
use signalbox::http::wire::entity_runs::EntityRunView;
use signalbox::http::wire::parameters::{ConnectionMeant, ConnectionOfProvider};
use signalbox::http::wire::sync_status::SyncRunsView;

use super::{PullProblems, asked_for};
use crate::Reads;

const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 50;

/// What became of the entities of a connection's last runs, newest first: a row for each entity whose end is known. `limit` is how many rows.
#[utoipa::path(
    get, path = "/api/admin/sync/runs", tag = "pulls",
    params(
        ("limit" = Option<u32>, Query, description = "Default 20; more than 50 are 50", minimum = 1),
        ConnectionMeant,
    ),
    responses(
        (status = 200, description = "The rows", body = SyncRunsView),
        (status = 400, description = "invalid_request", body = AdminProblemView),
        PullProblems,
    ),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn runs(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<SyncRunsView>, AdminProblem> {
    listed(&reads, (&uri, &headers), None).await
}

/// The same as `/api/admin/sync/runs`.
#[utoipa::path(
    get, path = "/api/admin/integrations/sync/runs", tag = "pulls",
    params(
        ("limit" = Option<u32>, Query, description = "Default 20; more than 50 are 50", minimum = 1),
        ConnectionMeant,
    ),
    responses(
        (status = 200, description = "The rows", body = SyncRunsView),
        (status = 400, description = "invalid_request", body = AdminProblemView),
        PullProblems,
    ),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn runs_of_integrations(
    reads: State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<SyncRunsView>, AdminProblem> {
    runs(reads, uri, headers).await
}

/// The same as `/api/admin/sync/runs`, of the provider in the path.
#[utoipa::path(
    get, path = "/api/admin/integrations/{provider}/sync/runs", tag = "pulls",
    params(
        ("provider" = String, Path, description = "Of which"),
        ("limit" = Option<u32>, Query, description = "Default 20; more than 50 are 50", minimum = 1),
        ConnectionOfProvider,
    ),
    responses(
        (status = 200, description = "The rows", body = SyncRunsView),
        (status = 400, description = "invalid_request", body = AdminProblemView),
        PullProblems,
    ),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn runs_of_provider(
    State(reads): State<Reads>,
    provider: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<SyncRunsView>, AdminProblem> {
    listed(&reads, (&uri, &headers), Some(&path_text::<String>(provider))).await
}

async fn listed(
    reads: &Reads,
    call: (&Uri, &HeaderMap),
    provider: Option<&str>,
) -> Result<Json<SyncRunsView>, AdminProblem> {
    let stored = asked_for(reads, call, provider).await?;
    let limit = Query::of(call.0).limit(&["limit"], LIMIT_DEFAULT, usize::MAX);
    let limit = limit.map_err(|_| AdminProblem::new(INVALID_REQUEST, "limit must be a whole number, 1 or more"))?;
    let limit = limit.min(LIMIT_MAX);
    // Each run has a row at least, but for one that is open.
    let start = reads.runs.retention().edge(reads.now());
    let wanted = Wanted { limit: limit + 1, start, ..Wanted::default() };
    let found = reads.runs.page(&stored.connection, &wanted).await;
    let found = found.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    // Of one that was removed, and had its name, nothing is shown.
    let own = found.iter().filter(|run| stored.has_run(&run.id));
    Ok(Json(SyncRunsView { ok: true, runs: own.flat_map(EntityRunView::of).take(limit).collect() }))
}
