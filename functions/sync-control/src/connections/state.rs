//! `POST …/pause` and `POST …/resume`: whether a connection works. Also of one that a configuration keeps: what is on fire
//! must be stopped at once.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use signalbox::engine::connections::change::{Deed, change};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{Problem, ProblemView};
use signalbox::http::wire::connections::{OneConnectionView, PauseRequest};

use super::precondition::knows;
use super::{ConnectionPath, ConnectionProblems, answer, operator, refused};
use crate::{Control, body};

/// Pause a connection: nothing is started for it by itself, and no webhook is taken in. What it has is kept. One that is paused
/// already stays as it is.
#[utoipa::path(
    post, path = "/api/admin/connections/{tenant}/{provider}/{name}/pause", tag = "connections",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("provider" = String, Path, description = "To which kind of system"),
        ("name" = String, Path, description = "Which"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of an answer, or `*`"),
    ),
    request_body(content = Option<PauseRequest>),
    responses(
        (status = 200, description = "It is paused; `ETag` has its version", body = OneConnectionView),
        (status = 400, description = "invalid_request", body = ProblemView),
        (status = 409, description = "contended: after `Retry-After`", body = ProblemView),
        (status = 412, description = "precondition_failed: `version` is the one that is stored", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        ConnectionProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn pause(
    State(control): State<Control>,
    path: ConnectionPath,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (operator, connection) = operator(&control, &headers, trace, path)?;
    let knows = knows(&headers)?;
    let fields = body::read(body).await?.unwrap_or_default();
    fields.check_known(&["why"])?;
    let why = match fields.get("why") {
        None => String::new(),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(_) => return Err(Problem::fields(&[("why", "must be a text")])),
    };
    let paused = change(&control.connections, &operator, &connection, knows, &Deed::Pause { why }).await;
    Ok(answer(StatusCode::OK, &paused.map_err(refused)?.connection))
}

/// Let a paused connection go on: it is due at the next time of its schedule. One that works stays as it is.
#[utoipa::path(
    post, path = "/api/admin/connections/{tenant}/{provider}/{name}/resume", tag = "connections",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("provider" = String, Path, description = "To which kind of system"),
        ("name" = String, Path, description = "Which"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of an answer, or `*`"),
    ),
    responses(
        (status = 200, description = "It works; `ETag` has its version", body = OneConnectionView),
        (status = 400, description = "invalid_request", body = ProblemView),
        (status = 409, description = "contended: after `Retry-After`", body = ProblemView),
        (status = 412, description = "precondition_failed: `version` is the one that is stored", body = ProblemView),
        ConnectionProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn resume(
    State(control): State<Control>,
    path: ConnectionPath,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (operator, connection) = operator(&control, &headers, trace, path)?;
    let knows = knows(&headers)?;
    let resumed = change(&control.connections, &operator, &connection, knows, &Deed::Resume).await;
    Ok(answer(StatusCode::OK, &resumed.map_err(refused)?.connection))
}
