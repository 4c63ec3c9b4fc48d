//! `DELETE /api/admin/connections/{tenant}/{provider}/{name}`

use axum::extract::State;
use axum::{Extension, Json};
use http::HeaderMap;
use signalbox::domain::connections::stored::KeptBy;
use signalbox::engine;
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{Problem, ProblemView};
use signalbox::http::wire::connections::RemovedView;

use super::precondition::knows;
use super::{ConnectionPath, ConnectionProblems, operator, refused};
use crate::Control;

/// Remove a connection, with its secrets and its schedule. What it has synced and received stays.
#[utoipa::path(
    delete, path = "/api/admin/connections/{tenant}/{provider}/{name}", tag = "connections",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("provider" = String, Path, description = "To which kind of system"),
        ("name" = String, Path, description = "Which"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of an answer, or `*`"),
    ),
    responses(
        (status = 200, description = "Removed", body = RemovedView),
        (status = 400, description = "invalid_request", body = ProblemView),
        (status = 409, description = "kept_by_configuration; contended: after `Retry-After`", body = ProblemView),
        (status = 412, description = "precondition_failed: `version` is the one that is stored", body = ProblemView),
        ConnectionProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn delete(
    State(control): State<Control>,
    path: ConnectionPath,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
) -> Result<Json<RemovedView>, Problem> {
    let (operator, connection) = operator(&control, &headers, trace, path)?;
    let knows = knows(&headers)?;
    let desk = &control.connections;
    let deleted = engine::connections::delete::delete(desk, &operator, &connection, knows, &KeptBy::Operators).await;
    deleted.map_err(refused)?;
    Ok(Json(RemovedView { ok: true, connection: connection.to_string() }))
}
