//! `GET /api/admin/sync-stats`: the mirrors of the last 24 hours.

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use jiff::SignedDuration;
use signalbox::aws::runs::mirrors::MirrorsOf;
use signalbox::domain::runs::window::cover;
use signalbox::http::mirror_problem::MirrorProblem;
use signalbox::http::wire::mirror::MirrorStatsView;

use super::{MirrorProblems, failed, let_in};
use crate::Reads;

const ERRORS_MAX: usize = 5;

/// The mirrors of tenants that started in the last 24 hours. Those that were skipped have a figure of their own; those of a fan-out count one
/// by one, and their fan-out does not.
#[utoipa::path(
    get, path = "/api/admin/sync-stats", tag = "mirror",
    responses((status = 200, description = "The figures", body = MirrorStatsView), MirrorProblems),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn mirror_stats(
    State(reads): State<Reads>,
    headers: HeaderMap,
) -> Result<Json<MirrorStatsView>, MirrorProblem> {
    let_in(&reads, &headers)?;
    let now = reads.now();
    let since = now.checked_sub(SignedDuration::from_hours(24)).unwrap_or(now);
    let (of, day) = (MirrorsOf::default(), cover(Some(since), Some(now)));
    let tally = reads.runs.mirror_tally(&of, &day).await.map_err(failed)?;
    let errors = reads.runs.failed_mirrors(since, ERRORS_MAX).await.map_err(failed)?;
    Ok(Json(MirrorStatsView::of(&tally, errors)))
}
