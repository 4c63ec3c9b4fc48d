//! `POST …/rotate`: another secret, with the one before good as well until it is dropped.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use signalbox::engine::connections::change::{Deed, change};
use signalbox::engine::connections::secrets::{Given, Rotation};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{Problem, ProblemView};
use signalbox::http::wire::connections::{OneConnectionView, RotateRequest};

use super::precondition::knows;
use super::{ConnectionPath, ConnectionProblems, answer, operator, refused, secret};
use crate::Control;
use crate::body::{self, Fields};

/// Change a connection's secrets.
///
/// `{secret}` makes the current one the previous one, and both are good; sent again, it changes nothing. `{current, previous?}`
/// puts these in place of all others, `{dropPrevious: true}` ends a rotation, `{rewrap: true}` wraps the data keys anew.
#[utoipa::path(
    post, path = "/api/admin/connections/{tenant}/{provider}/{name}/rotate", tag = "connections",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("provider" = String, Path, description = "To which kind of system"),
        ("name" = String, Path, description = "Which"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of an answer, or `*`"),
    ),
    request_body(content = RotateRequest),
    responses(
        (status = 200, description = "Changed; `ETag` has its version", body = OneConnectionView),
        (status = 400, description = "invalid_request", body = ProblemView),
        (status = 409, description = "kept_by_configuration; contended: after `Retry-After`", body = ProblemView),
        (status = 412, description = "precondition_failed: `version` is the one that is stored", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        (status = 422, description = "unprocessable: what is stored cannot be opened, so give both", body = ProblemView),
        ConnectionProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn rotate(
    State(control): State<Control>,
    path: ConnectionPath,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (operator, connection) = operator(&control, &headers, trace, path)?;
    let knows = knows(&headers)?;
    let deed = Deed::Rotate(rotation(&body::read(body).await?.unwrap_or_default())?);
    let rotated = change(&control.connections, &operator, &connection, knows, &deed).await;
    Ok(answer(StatusCode::OK, &rotated.map_err(refused)?.connection))
}

fn rotation(fields: &Fields) -> Result<Rotation, Problem> {
    fields.check_known(&["secret", "current", "previous", "dropPrevious", "rewrap"])?;
    let asked = |name: &str| match fields.switch(name) {
        Ok(asked) => Ok(asked == Some(true)),
        Err(_) => Err(Problem::fields(&[(name, "must be true or false")])),
    };
    let given = |name: &str| secret(fields, name, name);
    match (given("secret")?, given("current")?, given("previous")?, asked("dropPrevious")?, asked("rewrap")?) {
        (Some(secret), None, None, false, false) => Ok(Rotation::Next(secret)),
        (None, Some(current), previous, false, false) => Ok(Rotation::Both(Given { current, previous })),
        (None, None, None, true, false) => Ok(Rotation::DropPrevious),
        (None, None, None, false, true) => Ok(Rotation::Rewrap),
        _ => Err(Problem::fields(&[(
            "secret",
            "must be there, or in its place current (and previous), dropPrevious or rewrap, one of them alone",
        )])),
    }
}
