//! `GET /api/admin/alerts`: what is wrong, and what was.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::domain::alerts::life::AlertState;
use signalbox::http::admin_problem::AdminProblem;
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::Query;
use signalbox::http::wire::alerts::{AlertView, AlertsView};

use super::{AlertProblems, limit, only, wrong};
use crate::Reads;

/// A tenant's alerts: those that are open first, the newest first of both. Those that are resolved stay for 90 days.
#[utoipa::path(
    get, path = "/api/admin/alerts", tag = "alerts",
    params(
        ("state" = Option<String>, Query, description = "`open` or `resolved`; both where none is named"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "From `cursor` of the page before"),
        ("tenant" = Option<String>, Query, description = "Whose; the token's tenant by default"),
    ),
    responses((status = 200, description = "A page", body = AlertsView), AlertProblems),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn alerts(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<AlertsView>, AdminProblem> {
    let caller = reads.authority.admin_reader(&uri, &headers, reads.now())?;
    let query = Query::of(&uri);
    only(&query, &["state", "limit", "cursor"])?;
    let limit = limit(&query)?;
    let state = match query.first(&["state"]).map(AlertState::parse) {
        None => None,
        Some(Some(state)) => Some(state),
        Some(None) => return Err(wrong("state must be open or resolved")),
    };
    let below = query.first(&["cursor"]).map(str::parse).transpose().map_err(|_| wrong("cursor is of no such list"))?;
    let page = reads.alerts.page(&caller.tenant, state, below.as_ref(), limit).await;
    let (found, next) = page.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    let cursor = next.map(|next| next.to_string());
    Ok(Json(AlertsView { ok: true, alerts: found.iter().map(AlertView::from).collect(), cursor }))
}
