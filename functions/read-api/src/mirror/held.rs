//! `GET /api/admin/mirror/held`: the mirrors that wait for approval, and what exactly would go.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::http::mirror_problem::{MirrorProblem, MirrorProblemView};
use signalbox::http::query::Query;
use signalbox::http::wire::mirror::{HeldMirrorView, HeldMirrorsView};

use super::{MirrorProblems, failed, let_in};
use crate::Reads;

const LIMIT: usize = 20;

/// The mirrors that wait for somebody to approve of what they would remove, the oldest first: 20 at most.
///
/// The oldest 500 open runs are looked at; `hasMore` says that there may be others.
#[utoipa::path(
    get, path = "/api/admin/mirror/held", tag = "mirror",
    responses(
        (status = 200, description = "Those", body = HeldMirrorsView),
        (status = 400, description = "invalid_request: a parameter that there is not", body = MirrorProblemView),
        MirrorProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn held_mirrors(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<HeldMirrorsView>, MirrorProblem> {
    let_in(&reads, &headers)?;
    Query::of(&uri).only(&[])?;
    let (runs, has_more) = reads.runs.held_mirrors(LIMIT).await.map_err(failed)?;
    let data = runs.iter().filter_map(HeldMirrorView::of).collect();
    Ok(Json(HeldMirrorsView { success: true, data, has_more }))
}
