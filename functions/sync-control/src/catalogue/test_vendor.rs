//! `POST /api/catalog/vendor-sync/registry/{slug}/test`: can the vendor's source be read?

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, Uri};
use signalbox::aws::connections::last_test::VendorTest;
use signalbox::domain::catalogue::vendor::{Integration, Vendor};
use signalbox::domain::time;
use signalbox::engine;
use signalbox::http::problem::{INVALID_VENDOR, NOT_IMPLEMENTED, Problem, ProblemView, TEST_FAILED};
use signalbox::http::query::path_text;
use signalbox::http::wire::parameters::TenantMeant;
use signalbox::http::wire::vendor_sync::registry::{
    VendorTestMeta, VendorTestRequest, VendorTestView, VendorTestedView,
};

use super::start::check_named;
use crate::{Control, body};

/// Test a vendor's source.
///
/// Reads it from end to end and changes nothing. A test that failed is a result: 200 with `data.ok` false and
/// `data.meta.error`.
#[utoipa::path(
    post, path = "/api/catalog/vendor-sync/registry/{slug}/test", tag = "vendor registry",
    params(
        ("slug" = String, Path, description = "The vendor"),
        TenantMeant,
    ),
    request_body(content = Option<VendorTestRequest>),
    responses(
        (status = 200, description = "What it found", body = VendorTestedView),
        (status = 400, description = "invalid_vendor, invalid_request", body = ProblemView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        (status = 500, description = "test_failed", body = ProblemView),
        (status = 501, description = "not_implemented", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn test_vendor(
    State(control): State<Control>,
    slug: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<VendorTestedView>, Problem> {
    let caller = control.visitor(&uri, &headers)?;
    let found = control.vendor(&caller.tenant, &path_text(slug)).await;
    let Some(vendor) = found.map_err(|fault| Problem::internal(TEST_FAILED, &fault))? else {
        return Err(Problem::new(INVALID_VENDOR, "the vendor is not configured (VENDORS)"));
    };
    if vendor.integration == Integration::Api {
        return Err(Problem::new(NOT_IMPLEMENTED, "a vendor that is reached over an API cannot be tested yet"));
    }
    let fields = body::read(body).await?.unwrap_or_default();
    let source = fields.text("sourcePath")?;
    check_named(&caller.tenant, &vendor, source.as_deref())?;
    let test = engine::catalogue::test_vendor::test_vendor(&control.worker, &control.tests, &vendor, source.as_deref())
        .await
        .map_err(|fault| Problem::internal(TEST_FAILED, &fault))?;
    Ok(Json(VendorTestedView { ok: true, data: view(&vendor, test) }))
}

fn view(vendor: &Vendor, test: VendorTest) -> VendorTestView {
    VendorTestView {
        ok: test.ok,
        vendor: vendor.slug.to_string(),
        vendor_name: vendor.name.clone(),
        integration_id: format!("{}-integration", vendor.slug),
        kind: vendor.integration.into(),
        checked_at: time::text(test.checked_at),
        meta: VendorTestMeta { source_path: test.source_path, total_items: test.total_items, error: test.error },
    }
}
