//! Users of a platform's role act for any tenant, and each call is on that tenant's record before it is answered. A crash after it
//! leaves an entry for what was not done.

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use signalbox::domain::audit::Action;
use signalbox::engine::operators::{Operator, Operators};
use signalbox::http::auth::Authority;
use signalbox::http::auth::tenant::{Entered, TENANT_HEADER};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::Query;

/// How much of a path is recorded, in characters.
const PATH_CHARACTERS_MAX: usize = 300;

/// Records whoever enters a tenant's data that is not theirs; what cannot be recorded is not answered.
pub(crate) async fn recorded(
    State((authority, operators)): State<(Authority, Operators)>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let query = Query::of(request.uri());
    let in_path = parameters.iter().flatten().find_map(|(name, value)| (name == "tenant").then_some(value));
    let entered = match authority.entered((request.headers(), &query, in_path), operators.now()) {
        Ok(entered) => entered,
        Err(problem) => return problem.into_response(),
    };
    if let Some(Entered { actor, tenant, header }) = entered {
        let is_route = request.extensions().get::<MatchedPath>().is_some();
        let path = if is_route { request.uri().path() } else { "-" };
        let target = format!("{} {path}", request.method()).chars().take(PATH_CHARACTERS_MAX).collect();
        let correlation_id = request.extensions().get::<CorrelationId>().map(|id| id.0.clone()).unwrap_or_default();
        let operator = Operator { tenant, actor, correlation_id };
        if let Err(fault) = operators.record(&operator, Action::EnterTenant, target, None).await {
            return Problem::internal(INTERNAL_ERROR, &fault).into_response();
        }
        // What is served is what is on record.
        if let Some(header) = header {
            request.headers_mut().insert(TENANT_HEADER, header);
        }
    }
    next.run(request).await
}
