//! How connections do, for the warehouse API's clients: in their words, and with their errors.

pub(crate) mod health;
mod lag;

use signalbox::http::auth::READ;
use signalbox::http::auth::user::{Access, Reach};
use signalbox::http::query::Query;
use signalbox::http::sync_problem::{SyncProblem, SyncProblemView};
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default().routes(routes!(health::sync_health)).routes(routes!(lag::lag))
}

/// The problems that each of these routes can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
pub(crate) enum SyncProblems {
    /// invalid_request
    #[response(status = 400)]
    Invalid(SyncProblemView),
    /// missing_token, invalid_token
    #[response(status = 401)]
    Unknown(SyncProblemView),
    /// forbidden, insufficient_scope
    #[response(status = 403)]
    Forbidden(SyncProblemView),
    /// internal_error
    #[response(status = 500)]
    Failed(SyncProblemView),
}

/// What the caller sees.
fn reach(reads: &Reads, query: &Query, headers: &http::HeaderMap) -> Result<Reach, SyncProblem> {
    Ok(reads.authority.reach((headers, query), Access::Read, READ, reads.now())?)
}
