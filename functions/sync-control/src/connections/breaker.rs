//! `POST …/breaker`: whether a connection's vendor is asked.

use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use http::HeaderMap;
use serde_json::Value;
use signalbox::domain::pull::breaker::Force;
use signalbox::engine::connections::breaker::force_breaker;
use signalbox::engine::runs::release::wake;
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{Problem, ProblemView};
use signalbox::http::wire::breaker::{BreakerRequest, OneBreakerView};

use super::{ConnectionPath, ConnectionProblems, operator, refused};
use crate::{Control, body};

/// Force a connection's breaker. `open`: its vendor is not asked. `closed`: it is asked whatever fails, and failures are forgotten; what
/// it asks for itself holds all the same. `auto`: it decides by itself again, and where it was forced open one request asks first.
#[utoipa::path(
    post, path = "/api/admin/connections/{tenant}/{provider}/{name}/breaker", tag = "connections",
    params(
        ("tenant" = String, Path, description = "Whose"),
        ("provider" = String, Path, description = "To which kind of system"),
        ("name" = String, Path, description = "Which"),
    ),
    request_body = BreakerRequest,
    responses(
        (status = 200, description = "The breaker, as it is now", body = OneBreakerView),
        (status = 400, description = "invalid_request", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        ConnectionProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn breaker(
    State(control): State<Control>,
    path: ConnectionPath,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<OneBreakerView>, Problem> {
    let (operator, connection) = operator(&control, &headers, trace, path)?;
    let fields = body::read(body).await?.unwrap_or_default();
    fields.check_known(&["state"])?;
    let force = match fields.get("state").and_then(Value::as_str) {
        Some("open") => Force::Open,
        Some("closed") => Force::Closed,
        Some("auto") => Force::Auto,
        _ => return Err(Problem::fields(&[("state", "must be open, closed or auto")])),
    };
    let breaker = force_breaker(&control.connections, &operator, &connection, force).await.map_err(refused)?;
    if force != Force::Open {
        wake(&control.worker.runs, &connection).await;
    }
    Ok(Json(OneBreakerView::new(&connection, &breaker, control.now())))
}
