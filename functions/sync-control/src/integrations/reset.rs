//! `POST …/circuit-breaker/reset`: the vendor is asked again, and what failed is forgotten.

use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use http::{HeaderMap, Uri};
use signalbox::domain::pull::breaker::Force;
use signalbox::engine::connections::breaker::force_breaker;
use signalbox::engine::runs::release::wake;
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::wire::breaker::OneBreakerView;
use signalbox::http::wire::integrations::BreakerResetView;
use signalbox::http::wire::parameters::ConnectionOfProvider;

use super::{IntegrationProblems, ProviderPath, meant};
use crate::connections::refused;
use crate::operator::operator_of;
use crate::{Control, body};

/// Reset a breaker: it is closed, what failed is forgotten, and from then on it decides by itself again. Both are on record
/// (`connection.breaker`). A crash between leaves it forced closed: send it again.
#[utoipa::path(
    post, path = "/api/admin/integrations/{provider}/circuit-breaker/reset", tag = "pulls",
    params(
        ("provider" = String, Path, description = "Which: any whose API is pulled"),
        ConnectionOfProvider,
    ),
    responses(
        (status = 200, description = "It decides by itself, from nothing", body = BreakerResetView),
        (status = 400, description = "invalid_request: a body that cannot be read", body = AdminProblemView),
        (status = 413, description = "payload_too_large", body = AdminProblemView),
        (status = 503, description = "unavailable: what is stored could not be read; after `Retry-After`", body = AdminProblemView),
        IntegrationProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn reset(
    State(control): State<Control>,
    provider: ProviderPath,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<BreakerResetView>, AdminProblem> {
    let caller = control.authority.admin_writer(&uri, &headers, control.now())?;
    // It takes none; but what somebody asks for is not passed over unread.
    body::read(body).await?;
    let stored = meant(&control, &caller, &uri, provider).await?;
    let operator = operator_of(caller, trace);
    let force = async |force| force_breaker(&control.connections, &operator, &stored.connection, force).await;
    force(Force::Closed).await.map_err(refused)?;
    let breaker = force(Force::Auto).await.map_err(refused)?;
    wake(&control.worker.runs, &stored.connection).await;
    let circuit_breaker = OneBreakerView::new(&stored.connection, &breaker, control.now()).data;
    Ok(Json(BreakerResetView { ok: true, message: "Circuit breaker reset", circuit_breaker }))
}
