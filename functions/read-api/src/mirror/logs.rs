//! `GET /api/admin/sync-logs` and `GET /api/admin/mirror/last-run`: the log of mirrors.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::aws::runs::mirrors::MirrorsOf;
use signalbox::domain::ids::TenantId;
use signalbox::domain::mirror::plan::Strategy;
use signalbox::http::mirror_problem::MirrorProblem;
use signalbox::http::query::Query;
use signalbox::http::wire::mirror::{LastMirrorView, MirrorLogView, MirrorLogsView, OffsetView};

use super::{MirrorProblems, failed, let_in};
use crate::Reads;

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 100;

/// The log of mirrors, newest first. `offset` reaches to its end: what comes before is counted, and at most the rows of one hour are read
/// beside the page.
#[utoipa::path(
    get, path = "/api/admin/sync-logs", tag = "mirror",
    params(
        ("limit" = Option<u32>, Query, description = "Default 50; less than 1 is 1, more than 100 are 100, and what is no number is the default"),
        ("offset" = Option<u64>, Query, description = "How many rows come before the page; what is less, or no number, is 0"),
        ("tenantId" = Option<String>, Query, description = "Whose alone"),
        ("strategy" = Option<String>, Query, description = "`platform_to_gbp` or `gbp_to_platform` alone"),
    ),
    responses((status = 200, description = "A page", body = MirrorLogsView), MirrorProblems),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn mirror_logs(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<MirrorLogsView>, MirrorProblem> {
    let_in(&reads, &headers)?;
    let query = Query::of(&uri);
    let limit = number(&query, "limit").map_or(LIMIT_DEFAULT, |limit| limit.clamp(1.0, LIMIT_MAX as f64) as usize);
    let offset = number(&query, "offset").map_or(0, |offset| offset.max(0.0) as u64);
    let (rows, total) = match of(&query) {
        Some(of) => reads.runs.mirror_log(&of, offset, limit, reads.now()).await.map_err(failed)?,
        None => (Vec::new(), 0),
    };
    let has_more = offset.saturating_add(limit as u64) < total;
    let data = rows.into_iter().map(MirrorLogView::from).collect();
    Ok(Json(MirrorLogsView { success: true, data, pagination: OffsetView { total, limit, offset, has_more } }))
}

/// The newest mirror of a tenant, or the newest of all tenants where none is named.
#[utoipa::path(
    get, path = "/api/admin/mirror/last-run", tag = "mirror",
    params(
        ("tenantId" = Option<String>, Query, description = "Whose; that of all tenants together where none is named"),
        ("strategy" = Option<String>, Query, description = "Default `platform_to_gbp`"),
    ),
    responses((status = 200, description = "The row, or null", body = LastMirrorView), MirrorProblems),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn last_mirror(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<LastMirrorView>, MirrorProblem> {
    let_in(&reads, &headers)?;
    let data = match of(&Query::of(&uri)) {
        Some(of) => {
            let strategy = of.strategy.unwrap_or(Strategy::PlatformToGbp);
            reads.runs.last_mirror(of.tenant.as_ref(), strategy, reads.now()).await.map_err(failed)?
        }
        None => None,
    };
    Ok(Json(LastMirrorView { success: true, data: data.map(MirrorLogView::from) }))
}

/// Which rows are asked for; none where a name is none that any row has.
fn of(query: &Query) -> Option<MirrorsOf> {
    let named = |name: &str| query.first(&[name]).filter(|value| !value.is_empty());
    let tenant = named("tenantId").map(TenantId::parse).transpose().ok()?;
    let strategy = match named("strategy") {
        None => None,
        Some(strategy) => Some(Strategy::parse(strategy)?),
    };
    Some(MirrorsOf { tenant, strategy })
}

/// A number of the query, as these clients spell them.
fn number(query: &Query, name: &str) -> Option<f64> {
    query.first(&[name])?.trim().parse().ok().filter(|number: &f64| !number.is_nan())
}
