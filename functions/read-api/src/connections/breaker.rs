//! `GET /api/admin/connections/{tenant}/{provider}/{name}/breaker`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::HeaderMap;
use signalbox::http::problem::{Problem, ProblemView};
use signalbox::http::wire::breaker::OneBreakerView;

use super::one::{missing, named};
use crate::Reads;

/// Whether a connection's vendor is asked, as of a moment ago.
#[utoipa::path(
    get, path = "/api/admin/connections/{tenant}/{provider}/{name}/breaker", tag = "connections",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("provider" = String, Path, description = "To which kind of system"),
        ("name" = String, Path, description = "Which"),
    ),
    responses(
        (status = 200, description = "The breaker", body = OneBreakerView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope: needs connections:read", body = ProblemView),
        (status = 404, description = "not_found", body = ProblemView),
        (status = 500, description = "internal_error", body = ProblemView),
        (status = 503, description = "unavailable: it could not be read; after `Retry-After`", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn breaker(
    State(reads): State<Reads>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Json<OneBreakerView>, Problem> {
    let connection = named(&reads, &headers, path)?;
    let unread = |fault| Problem::unread(&fault);
    reads.connections.glance(&connection).await.map_err(unread)?.ok_or_else(missing)?;
    let breaker = reads.breakers.of(&connection).await.map_err(unread)?;
    Ok(Json(OneBreakerView::new(&connection, &breaker, reads.now())))
}
