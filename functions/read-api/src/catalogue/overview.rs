//! `GET /api/catalog/vendor-sync/overview`

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::engine;
use signalbox::http::problem::{FAILED_TO_LOAD_OVERVIEW, Problem, ProblemView};
use signalbox::http::wire::parameters::TenantMeant;
use signalbox::http::wire::vendor_sync::overview::{InProgressView, OverviewMetrics, OverviewView};

use crate::Reads;

/// The last 24 hours over all vendors.
#[utoipa::path(
    get, path = "/api/catalog/vendor-sync/overview", tag = "vendor sync",
    params(TenantMeant),
    responses(
        (status = 200, description = "The overview", body = OverviewView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope", body = ProblemView),
        (status = 500, description = "failed_to_load_overview", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn overview(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<OverviewView>, Problem> {
    let caller = reads.reader_of_brands(&uri, &headers)?;
    let failed = |fault| Problem::internal(FAILED_TO_LOAD_OVERVIEW, &fault);
    let mut vendors = reads.vendors.of(&caller.tenant).await.map_err(failed)?;
    vendors.retain(|vendor| caller.sees(&vendor.slug));
    let overview = engine::runs::history::overview(&reads.runs, &vendors, reads.now()).await.map_err(failed)?;
    let in_progress = overview.in_progress.iter().map(InProgressView::from).collect();
    let metrics = OverviewMetrics { last24h: (&overview.tally).into(), in_progress };
    Ok(Json(OverviewView { ok: true, metrics }))
}
