//! Users of a platform's role act for any tenant, and each call is on that tenant's record before it is answered. A crash after it
//! leaves an entry for what was not done.

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::auth::Authority;
use super::auth::tenant::{Entered, TENANT_HEADER};
use super::correlation::CorrelationId;
use super::problem::{INTERNAL_ERROR, Problem};
use super::query::Query;
use crate::domain::audit::{Entry, Recorder};

/// How much of a path is recorded, in characters.
const PATH_CHARACTERS_MAX: usize = 300;

/// Records whoever enters a tenant's data that is not theirs; what cannot be recorded is not answered.
pub async fn recorded<R: Recorder>(
    State((authority, recorder)): State<(Authority, R)>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let query = Query::of(request.uri());
    let in_path = parameters.iter().flatten().find_map(|(name, value)| (name == "tenant").then_some(value));
    let entered = match authority.entered((request.headers(), &query, in_path), recorder.now()) {
        Ok(entered) => entered,
        Err(problem) => return problem.into_response(),
    };
    if let Some(Entered { actor, tenant, header }) = entered {
        let is_route = request.extensions().get::<MatchedPath>().is_some();
        let path = if is_route { request.uri().path() } else { "-" };
        let target = format!("{} {path}", request.method()).chars().take(PATH_CHARACTERS_MAX).collect();
        let correlation_id = request.extensions().get::<CorrelationId>().map(|id| id.0.clone()).unwrap_or_default();
        if let Err(fault) = recorder.entered(Entry { tenant, actor, correlation_id, target }).await {
            return Problem::internal(INTERNAL_ERROR, &fault).into_response();
        }
        // What is served is what is on record.
        if let Some(header) = header {
            request.headers_mut().insert(TENANT_HEADER, header);
        }
    }
    next.run(request).await
}
