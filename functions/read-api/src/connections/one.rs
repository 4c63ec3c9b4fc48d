//! `GET /api/admin/connections/{tenant}/{provider}/{name}`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use signalbox::domain::ids::Connection;
use signalbox::http::auth::CONNECTIONS_READ;
use signalbox::http::problem::{NOT_FOUND, Problem, ProblemView};
use signalbox::http::query::path_text;
use signalbox::http::wire::connections::OneConnectionView;

use crate::Reads;

/// Which connection is asked for, of those that the caller may see; any other is not there.
pub(super) fn named(
    reads: &Reads,
    headers: &HeaderMap,
    path: Result<Path<(String, String, String)>, PathRejection>,
) -> Result<Connection, Problem> {
    let caller = reads.authority.reader_of_brands(CONNECTIONS_READ, headers, reads.now())?;
    let (tenant, provider, name) = path_text(path);
    let connection: Connection = format!("{tenant}/{provider}/{name}").parse().map_err(|_| missing())?;
    let is_seen = caller.may_touch(&connection.tenant) && caller.sees(&connection.name);
    if is_seen { Ok(connection) } else { Err(missing()) }
}

pub(super) fn missing() -> Problem {
    Problem::new(NOT_FOUND, "there is no such connection")
}

/// One connection, as of now, without its secrets.
#[utoipa::path(
    get, path = "/api/admin/connections/{tenant}/{provider}/{name}", tag = "connections",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("provider" = String, Path, description = "To which kind of system"),
        ("name" = String, Path, description = "Which"),
    ),
    responses(
        (status = 200, description = "The connection; `ETag` has its version", body = OneConnectionView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope: needs connections:read", body = ProblemView),
        (status = 404, description = "not_found", body = ProblemView),
        (status = 500, description = "internal_error", body = ProblemView),
        (status = 503, description = "unavailable: it could not be read; after `Retry-After`", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn one(
    State(reads): State<Reads>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let connection = named(&reads, &headers, path)?;
    let stored = reads.connections.read(&connection).await;
    let stored = stored.map_err(|fault| Problem::unread(&fault))?.ok_or_else(missing)?;
    let mut view = OneConnectionView::from(&stored);
    if let Some(secrets) = &mut view.data.secrets {
        let used = reads.uses.of(&connection).await;
        let used = used.map_err(|fault| Problem::unread(&fault))?;
        secrets.last_used = Some(used.of(&stored).into());
    }
    let mut response = Json(view).into_response();
    if let Ok(version) = HeaderValue::from_str(&format!("\"{}\"", stored.version)) {
        response.headers_mut().insert(header::ETAG, version);
    }
    Ok(response)
}
