//! `GET …/check`: what does one list of the vendor answer?

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::engine::runs::kinds::pull::look::Sight;
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::query::Query;
use signalbox::http::wire::integrations::CheckView;
use signalbox::http::wire::parameters::ConnectionOfProvider;

use super::{IntegrationProblems, ProviderPath, asked, entity, meant, ms, no_page, rows};
use crate::Control;

/// The most rows that are asked for.
const ROWS_MAX: usize = 10;

/// What one list of a vendor answers: how many rows, and their fields. Only lists that are pulled can be named. It draws on the connection's
/// quota, and its breaker may keep it from being asked.
#[utoipa::path(
    get, path = "/api/admin/integrations/{provider}/check", tag = "pulls",
    params(
        ("provider" = String, Path, description = "Which: any whose API is pulled"),
        ("endpoint" = Option<String>, Query, description = "Which list; the provider's first where none is named"),
        ("page_size" = Option<u32>, Query, description = "Default 1", minimum = 1, maximum = 10),
        ConnectionOfProvider,
    ),
    responses(
        (status = 200, description = "What it answers", body = CheckView),
        (status = 400, description = "invalid_request", body = AdminProblemView),
        (status = 502, description = "vendor_failed", body = AdminProblemView),
        (status = 503, description = "unavailable, vendor_rests: after `Retry-After`", body = AdminProblemView),
        IntegrationProblems,
    ),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn check(
    State(control): State<Control>,
    provider: ProviderPath,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<CheckView>, AdminProblem> {
    let caller = control.authority.admin_visitor(&uri, &headers, control.now())?;
    let query = Query::of(&uri);
    let rows = rows(&query, &["page_size", "pageSize"], 1, ROWS_MAX)?;
    let stored = meant(&control, &caller, &uri, provider).await?;
    let entity = entity(&control, &stored, ("endpoint", query.first(&["endpoint", "entity"])))?;
    let tried = asked(&control, &stored, Sight { entity: Some(&entity), rows, compares: false }).await;
    let looked = match &tried.looked {
        Ok(looked) => looked,
        Err(not) => return Err(no_page(&control, &stored, (&entity, &tried), not).await),
    };
    Ok(Json(CheckView {
        ok: true,
        endpoint: entity.to_string(),
        count: looked.rows,
        total: looked.total,
        sample_keys: looked.fields.clone(),
        status: looked.status,
        elapsed_ms: ms(tried.took),
    }))
}
