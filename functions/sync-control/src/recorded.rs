//! Users of a platform's role act for any tenant, and each call is on that tenant's record before it is answered. A crash after it
//! leaves an entry for what was not done.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use signalbox::domain::audit::Action;
use signalbox::engine::operators::{Operator, Operators};
use signalbox::http::auth::Authority;
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::{Query, TENANT};

/// Records whoever enters a tenant's data that is not theirs; what cannot be recorded is not answered.
pub(crate) async fn recorded(
    State((authority, operators)): State<(Authority, Operators)>,
    request: Request,
    next: Next,
) -> Response {
    let query = Query::of(request.uri());
    let entered = authority.entered(request.headers(), query.first(&TENANT), operators.now());
    if let Some((actor, tenant)) = entered {
        let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
        let target = format!("{} {route}", request.method());
        let correlation_id = request.extensions().get::<CorrelationId>().map(|id| id.0.clone()).unwrap_or_default();
        let operator = Operator { tenant, actor, correlation_id };
        if let Err(fault) = operators.record(&operator, Action::EnterTenant, target, None).await {
            return Problem::internal(INTERNAL_ERROR, &fault).into_response();
        }
    }
    next.run(request).await
}
