//! `POST …/test`: can the connection be used?

use axum::extract::State;
use axum::{Extension, Json};
use http::HeaderMap;
use signalbox::domain::time;
use signalbox::engine;
use signalbox::engine::connections::desk::Refused;
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{Problem, ProblemView, TOO_OFTEN};
use signalbox::http::wire::connections::{ConnectionTestView, ConnectionTestedView};

use super::{ConnectionPath, ConnectionProblems, operator, refused};
use crate::Control;

/// Test a connection. A catalogue's source is read from end to end; a vendor that is pulled is asked for one row, within its quota and breaker;
/// a channel of alerts is sent a test message, 15 a minute and 60 an hour at most; of a sender, settings and secrets are looked at, and nobody is
/// called. One that cannot be used is a result: 200 with `data.ok` false and `data.error`.
#[utoipa::path(
    post, path = "/api/admin/connections/{tenant}/{provider}/{name}/test", tag = "connections",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("provider" = String, Path, description = "To which kind of system"),
        ("name" = String, Path, description = "Which"),
    ),
    responses(
        (status = 200, description = "What it found", body = ConnectionTestedView),
        (status = 429, description = "too_often: after `Retry-After`", body = ProblemView),
        ConnectionProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn test(
    State(control): State<Control>,
    path: ConnectionPath,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
) -> Result<Json<ConnectionTestedView>, Problem> {
    let (operator, connection) = operator(&control, &headers, trace, path)?;
    let Control { connections, worker, tests, alerts, .. } = &control;
    let test = engine::connections::test::test(connections, worker, (tests, alerts), &operator, &connection).await;
    let test = test.map_err(|why| match why {
        Refused::TooOften(until) => Problem::new(TOO_OFTEN, why.to_string()).again(until, control.now()),
        other => refused(other),
    })?;
    let data = ConnectionTestView {
        ok: test.ok,
        connection: connection.to_string(),
        checked_at: time::text(test.checked_at),
        source_path: test.source_path,
        total_items: test.total_items,
        error: test.error,
    };
    Ok(Json(ConnectionTestedView { ok: true, data }))
}
