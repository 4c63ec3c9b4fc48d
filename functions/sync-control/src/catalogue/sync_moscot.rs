//! `POST /api/catalog/moscot/sync`: the older route, which applies unless it is told not to.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Uri};
use signalbox::domain::runs::run::{Mode, Trigger};
use signalbox::engine::runs::kinds::catalogue::work_of;
use signalbox::engine::runs::start::StartRequest;
use signalbox::http::auth::{MOSCOT, WRITE};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{ERROR, INVALID_REQUEST, Problem, ProblemView, VENDOR_NOT_CONFIGURED};
use signalbox::http::query::Query;
use signalbox::http::wire::parameters::TenantMeant;
use signalbox::http::wire::vendor_sync::triggers::{MoscotAcceptedView, MoscotSyncRequest, MoscotSyncView};

use super::start::{Outcome, check_named, goes_on, refused, start};
use crate::{Control, body};

/// Sync the MOSCOT catalogue.
///
/// The body decides `dryRun`, then the query; without either the sync applies. It answers when the run is over, or
/// with 202 when that takes longer than 20 s.
#[utoipa::path(
    post, path = "/api/catalog/moscot/sync", tag = "vendor sync",
    params(
        ("dryRun" = Option<String>, Query, description = "1, true, yes, on, or the name alone: compare and count, write nothing. 0, false, no or off: apply"),
        TenantMeant,
    ),
    request_body(content = Option<MoscotSyncRequest>),
    responses(
        (status = 200, description = "The run is over", body = MoscotSyncView),
        (status = 202, description = "The run goes on", body = MoscotAcceptedView),
        (status = 400, description = "invalid_request: the body is no JSON object, or a field of it has a wrong type", body = ProblemView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope", body = ProblemView),
        (status = 404, description = "vendor_not_configured", body = ProblemView),
        (status = 409, description = "sync_in_progress: `runId` is the run in progress", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        (status = 500, description = "error: the run failed; `detail` says why, `code` is the run's error code, `runId` the run", body = ProblemView),
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn sync_moscot(
    State(control): State<Control>,
    Extension(correlation): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = control.writer(&uri, &headers)?;
    caller.require_any(&[WRITE, MOSCOT])?;
    let fields = body::read(body).await?.unwrap_or_default();
    fields.check_spelling(&["dryRun", "sourcePath", "allowRemovals"])?;
    // The other route's field. Passed over, it would apply for real.
    if fields.text("mode")?.is_some() {
        return Err(Problem::new(INVALID_REQUEST, "this route has no mode: send dryRun, true or false"));
    }
    let dry_by_query = body::query_switch(&Query::of(&uri), "dryRun")?;
    let dry = fields.switch("dryRun")?.or(dry_by_query).unwrap_or(false);
    let found = control.vendor(&caller.tenant, "moscot").await;
    let Some(vendor) = found.map_err(|fault| Problem::internal(ERROR, &fault))? else {
        return Err(Problem::new(VENDOR_NOT_CONFIGURED, "vendor moscot is not configured (VENDORS)"));
    };
    let source_path = fields.text("sourcePath")?;
    check_named(&caller.tenant, &vendor, source_path.as_deref())?;
    let allow_removals = fields.switch("allowRemovals")?.unwrap_or(false);
    let request = StartRequest {
        connection: vendor.connection(),
        work: work_of(&vendor, source_path.as_deref(), allow_removals).map_err(refused)?,
        mode: if dry { Mode::DryRun } else { Mode::Apply },
        actor: caller.actor.clone(),
        trigger: Trigger::Manual,
        correlation_id: correlation.0,
    };
    Ok(match start(&control, &request).await? {
        Outcome::Done(run) => axum::Json(MoscotSyncView::from(&run)).into_response(),
        Outcome::GoesOn(run) => goes_on(&run, |accepted| MoscotAcceptedView { accepted, dry_run: dry }),
    })
}
