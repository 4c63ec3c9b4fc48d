//! `GET /api/catalog/vendor-sync/state`

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::http::problem::{FAILED_TO_FETCH_STATE, MISSING_VENDOR, Problem, ProblemView};
use signalbox::http::query::{Query, VendorParameter, vendor};
use signalbox::http::wire::parameters::TenantMeant;
use signalbox::http::wire::vendor_sync::snapshot::{SnapshotView, StateView};

use crate::{DEFAULT_VENDOR, Reads, connection};

/// The names a vendor goes by in a query and in headers.
pub(crate) const VENDOR_NAMES: [&str; 2] = ["vendor", "v"];
pub(crate) const VENDOR_HEADERS: [&str; 3] = ["x-vendor", "vendor", "x-vendor-slug"];

/// The vendor of a request, or a refusal when it is there but blank.
pub(crate) fn vendor_of(uri: &Uri, headers: &HeaderMap) -> Result<String, Problem> {
    match vendor(&Query::of(uri), &VENDOR_NAMES, headers, &VENDOR_HEADERS) {
        VendorParameter::Named(name) => Ok(name),
        VendorParameter::Absent => Ok(DEFAULT_VENDOR.to_owned()),
        VendorParameter::Blank => Err(Problem::new(MISSING_VENDOR, "the vendor parameter is blank")),
    }
}

/// The state after a vendor's last applied run.
#[utoipa::path(
    get, path = "/api/catalog/vendor-sync/state", tag = "vendor sync",
    params(
        ("vendor" = Option<String>, Query, description = "The vendor; also `v`, or header `x-vendor`. Default moscot"),
        TenantMeant,
    ),
    responses(
        (status = 200, description = "The state; `snapshot` is null before the first run", body = StateView),
        (status = 400, description = "missing_vendor", body = ProblemView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope", body = ProblemView),
        (status = 500, description = "failed_to_fetch_state", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn state(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<StateView>, Problem> {
    let caller = reads.reader_of_brands(&uri, &headers)?;
    let vendor = vendor_of(&uri, &headers)?;
    let Some(connection) = connection(&caller, &vendor) else {
        return Ok(Json(StateView { ok: true, snapshot: None }));
    };
    let read = reads.snapshots.state(&connection).await;
    let snapshot = read.map_err(|fault| Problem::internal(FAILED_TO_FETCH_STATE, &fault))?;
    Ok(Json(StateView { ok: true, snapshot: snapshot.map(SnapshotView::from) }))
}
