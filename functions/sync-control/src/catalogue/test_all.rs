//! `POST /api/catalog/vendor-sync/registry/test-all`: which vendors' sources can be read?

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::engine;
use signalbox::http::problem::{FAILED_TO_TEST_INTEGRATIONS, Problem, ProblemView};
use signalbox::http::wire::parameters::TenantMeant;
use signalbox::http::wire::vendor_sync::registry::{AllTestedView, TestFailureView};

use crate::Control;

/// Test the sources of all vendors, five at once.
///
/// It takes 24 seconds at most; what there is no time for is counted in `notTested`.
#[utoipa::path(
    post, path = "/api/catalog/vendor-sync/registry/test-all", tag = "vendor registry",
    params(TenantMeant),
    responses(
        (status = 200, description = "What they found", body = AllTestedView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope", body = ProblemView),
        (status = 500, description = "failed_to_test_integrations", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn test_all(
    State(control): State<Control>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<AllTestedView>, Problem> {
    let caller = control.visitor(&uri, &headers)?;
    let found = engine::catalogue::test_all::test_all(&control.worker, &control.tests, &caller.tenant)
        .await
        .map_err(|fault| Problem::internal(FAILED_TO_TEST_INTEGRATIONS, &fault))?;
    let (passed, failed) = (found.passed, found.failed.len());
    let failures = found.failed.into_iter().map(|(slug, error)| TestFailureView { slug: slug.to_string(), error });
    Ok(Json(AllTestedView {
        ok: true,
        tested: passed + failed,
        passed,
        failed,
        not_tested: found.left,
        failures: failures.collect(),
    }))
}
