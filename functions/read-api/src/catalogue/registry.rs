//! `GET /api/catalog/vendor-sync/registry` and `…/registry/{slug}`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, Uri};
use signalbox::aws::faults::AwsFault;
use signalbox::domain::catalogue::vendor::{Integration, Vendor};
use signalbox::domain::ids::ConnectionName;
use signalbox::domain::time;
use signalbox::http::problem::{
    FAILED_TO_LIST_VENDORS, FAILED_TO_LOAD_VENDOR, INVALID_VENDOR, NOT_FOUND, Problem, ProblemView,
};
use signalbox::http::query::path_text;
use signalbox::http::wire::parameters::TenantMeant;
use signalbox::http::wire::vendor_sync::registry::{
    LastTestMeta, OneVendorView, RegisteredIntegrationView, RegistryView, VendorView,
};
use signalbox::http::wire::vendor_sync::snapshot::SnapshotView;

use crate::Reads;

/// The vendors, by slug: those of the configuration, and connections to catalogues.
#[utoipa::path(
    get, path = "/api/catalog/vendor-sync/registry", tag = "vendor registry",
    params(TenantMeant),
    responses(
        (status = 200, description = "All of them", body = RegistryView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope", body = ProblemView),
        (status = 500, description = "failed_to_list_vendors", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn list(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<RegistryView>, Problem> {
    let caller = reads.reader_of_brands(&uri, &headers)?;
    let vendors = reads.vendors.of(&caller.tenant).await;
    let vendors = vendors.map_err(|fault| Problem::internal(FAILED_TO_LIST_VENDORS, &fault))?;
    let mut data = Vec::new();
    for vendor in vendors.iter().filter(|vendor| caller.sees(&vendor.slug)) {
        let view = view(&reads, vendor).await.map_err(|fault| Problem::internal(FAILED_TO_LIST_VENDORS, &fault))?;
        data.push(view);
    }
    Ok(Json(RegistryView { ok: true, data }))
}

/// One vendor.
#[utoipa::path(
    get, path = "/api/catalog/vendor-sync/registry/{slug}", tag = "vendor registry",
    params(
        ("slug" = String, Path, description = "The vendor"),
        TenantMeant,
    ),
    responses(
        (status = 200, description = "The vendor", body = OneVendorView),
        (status = 400, description = "invalid_vendor", body = ProblemView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope", body = ProblemView),
        (status = 404, description = "not_found", body = ProblemView),
        (status = 500, description = "failed_to_load_vendor", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn entry(
    State(reads): State<Reads>,
    slug: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<OneVendorView>, Problem> {
    let caller = reads.reader_of_brands(&uri, &headers)?;
    let slug =
        ConnectionName::parse(&path_text(slug)).map_err(|error| Problem::new(INVALID_VENDOR, error.to_string()))?;
    let found = reads.vendors.find(&caller.tenant, &slug).await;
    let found = found.map_err(|fault| Problem::internal(FAILED_TO_LOAD_VENDOR, &fault))?;
    let Some(vendor) = found.filter(|vendor| caller.sees(&vendor.slug)) else {
        return Err(Problem::new(NOT_FOUND, "there is no such vendor: neither a connection nor in VENDORS"));
    };
    let data = view(&reads, &vendor).await.map_err(|fault| Problem::internal(FAILED_TO_LOAD_VENDOR, &fault))?;
    Ok(Json(OneVendorView { ok: true, data }))
}

async fn view(reads: &Reads, vendor: &Vendor) -> Result<VendorView, AwsFault> {
    let connection = vendor.connection();
    let (state, test) = tokio::try_join!(reads.snapshots.state(&connection), reads.tests.of(&connection))?;
    let since = state.as_ref().and_then(|state| state.created_at);
    let changed = state.as_ref().and_then(|state| state.updated_at);
    let tested = test.as_ref().map(|test| test.checked_at);
    let integration = RegisteredIntegrationView {
        id: format!("{}-integration", vendor.slug),
        kind: vendor.integration.into(),
        scraper_path: vendor.shown_source().filter(|_| vendor.integration == Integration::Scraper),
        api_base_url: vendor.shown_source().filter(|_| vendor.integration == Integration::Api),
        api_auth_type: None,
        api_key: None,
        last_test_at: tested.map(time::text),
        last_test_ok: test.as_ref().map(|test| test.ok),
        error: test.as_ref().and_then(|test| test.error.clone()),
        meta: test.map(|test| LastTestMeta { source_path: test.source_path, total_items: test.total_items }),
        created_at: since.map(time::text),
        updated_at: tested.or(changed).map(time::text),
    };
    Ok(VendorView {
        id: vendor.slug.to_string(),
        slug: vendor.slug.to_string(),
        name: vendor.name.clone(),
        configured: vendor.is_configured,
        created_at: since.map(time::text),
        updated_at: changed.map(time::text),
        integration,
        state: state.map(SnapshotView::from),
    })
}
