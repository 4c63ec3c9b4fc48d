//! Mirrors of categories: their log, and the figures of a day.

mod logs;
mod stats;

use http::HeaderMap;
use signalbox::aws::faults::AwsFault;
use signalbox::http::auth::user::Access;
use signalbox::http::mirror_problem::{MirrorProblem, MirrorProblemView, NotLetInView};
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default()
        .routes(routes!(stats::mirror_stats))
        .routes(routes!(logs::mirror_logs))
        .routes(routes!(logs::last_mirror))
}

/// The problems that each of these routes can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
pub(crate) enum MirrorProblems {
    /// authentication_required, token_expired, invalid_token
    #[response(status = 401)]
    Unknown(NotLetInView),
    /// platform_admin_required
    #[response(status = 403)]
    Forbidden(NotLetInView),
    /// internal_error
    #[response(status = 500)]
    Failed(MirrorProblemView),
}

fn let_in(reads: &Reads, headers: &HeaderMap) -> Result<(), MirrorProblem> {
    reads.authority.platform_admin(headers, Access::Read, reads.now())?;
    Ok(())
}

fn failed(fault: AwsFault) -> MirrorProblem {
    Problem::internal(INTERNAL_ERROR, &fault).into()
}
