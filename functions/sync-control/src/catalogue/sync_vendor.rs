//! `POST /api/catalog/vendor-sync/{slug}/sync`: the route for any vendor, which only compares unless it is told to apply.

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Uri};
use signalbox::domain::catalogue::vendor::Integration;
use signalbox::domain::runs::run::{Mode, Trigger};
use signalbox::domain::time;
use signalbox::engine::runs::kinds::catalogue::work_of;
use signalbox::engine::runs::start::StartRequest;
use signalbox::http::auth::WRITE;
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{
    ERROR, INTEGRATION_NOT_SUPPORTED, MISSING_VENDOR_SLUG, Problem, ProblemView, VENDOR_NOT_CONFIGURED,
};
use signalbox::http::query::{Query, path_text};
use signalbox::http::wire::parameters::TenantMeant;
use signalbox::http::wire::vendor_sync::triggers::{VendorAcceptedView, VendorSyncRequest, VendorSyncView};

use super::start::{Outcome, check_named, goes_on, refused, start};
use crate::Control;
use crate::body::{self, Fields};

/// Sync a vendor's catalogue.
///
/// The mode comes from the body's `mode`, the query's `mode`, the body's `dryRun`, the query's `dryRun`, in this order;
/// without any of them it is a dry run. A mode that is none is passed over. With `inject` a dry run only counts the
/// objects given.
#[utoipa::path(
    post, path = "/api/catalog/vendor-sync/{slug}/sync", tag = "vendor sync",
    params(
        ("slug" = String, Path, description = "The vendor"),
        ("mode" = Option<String>, Query, description = "`dryRun` or `apply`, however spelt"),
        ("dryRun" = Option<String>, Query, description = "1, true, yes, on, or the name alone; or 0, false, no, off"),
        TenantMeant,
    ),
    request_body(content = Option<VendorSyncRequest>),
    responses(
        (status = 200, description = "The run is over", body = VendorSyncView),
        (status = 202, description = "The run goes on", body = VendorAcceptedView),
        (status = 400, description = "missing_vendor_slug, invalid_request", body = ProblemView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope", body = ProblemView),
        (status = 404, description = "vendor_not_configured", body = ProblemView),
        (status = 409, description = "sync_in_progress: `runId` is the run in progress", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        (status = 500, description = "error: the run failed; `detail` says why, `code` is the run's error code, `runId` the run", body = ProblemView),
        (status = 501, description = "integration_not_supported", body = ProblemView),
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn sync_vendor(
    State(control): State<Control>,
    slug: Result<Path<String>, PathRejection>,
    Extension(correlation): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = control.writer(&uri, &headers)?;
    caller.require_any(&[WRITE])?;
    let slug = path_text(slug);
    if slug.trim().is_empty() {
        return Err(Problem::new(MISSING_VENDOR_SLUG, "the path names no vendor"));
    }
    let found = control.vendor(&caller.tenant, &slug).await;
    let Some(vendor) = found.map_err(|fault| Problem::internal(ERROR, &fault))? else {
        return Err(Problem::new(VENDOR_NOT_CONFIGURED, "the vendor is not configured (VENDORS)"));
    };
    if vendor.integration == Integration::Api {
        let why = "the vendor is reached over an API, which catalogue sync does not support";
        return Err(Problem::new(INTEGRATION_NOT_SUPPORTED, why));
    }
    let fields = body::read(body).await?.unwrap_or_default();
    fields.check_spelling(&["mode", "dryRun", "sourcePath", "inject", "allowRemovals"])?;
    let mode = mode(&fields, &Query::of(&uri))?;
    let source_path = fields.text("sourcePath")?;
    check_named(&caller.tenant, &vendor, source_path.as_deref())?;
    let injected = fields.objects("inject")?;
    let allow_removals = fields.switch("allowRemovals")?.unwrap_or(false);

    let unstored = |run_id: &str, source: &str, count: usize| {
        let now = time::text(control.now());
        axum::Json(VendorSyncView::unstored(vendor.slug.as_str(), run_id, source, count as u64, now)).into_response()
    };
    if mode.is_dry() && injected > 0 {
        return Ok(unstored("inject-dry-run", "(inject)", injected));
    }
    if mode.is_dry() && source_path.is_none() && vendor.source.is_none() {
        return Ok(unstored("noop", "(none)", 0));
    }
    let request = StartRequest {
        connection: vendor.connection(),
        work: work_of(&vendor, source_path.as_deref(), allow_removals).map_err(refused)?,
        mode,
        actor: caller.actor.clone(),
        trigger: Trigger::Manual,
        correlation_id: correlation.0,
    };
    Ok(match start(&control, &request).await? {
        Outcome::Done(run) => axum::Json(VendorSyncView::from(&run)).into_response(),
        Outcome::GoesOn(run) => goes_on(&run, |accepted| VendorAcceptedView { accepted, mode: mode.into() }),
    })
}

fn mode(fields: &Fields, query: &Query) -> Result<Mode, Problem> {
    let dry = |dry: bool| if dry { Mode::DryRun } else { Mode::Apply };
    let named = fields.text("mode")?.and_then(|text| Mode::parse(&text));
    let body_dry = fields.switch("dryRun")?;
    let query_dry = body::query_switch(query, "dryRun")?;
    Ok(named
        .or_else(|| query.first(&["mode"]).and_then(Mode::parse))
        .or(body_dry.map(dry))
        .or(query_dry.map(dry))
        .unwrap_or(Mode::DryRun))
}
