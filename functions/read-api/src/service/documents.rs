//! `/openapi.json`

use axum::response::{IntoResponse, Response};
use http::header;

/// Written from the code by the tests, which also fail when it is not up to date.
const OPENAPI: &str = include_str!("../../../../docs/openapi.json");

/// This description of the API, OpenAPI 3.1.
#[utoipa::path(
    get, path = "/openapi.json", tag = "service",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
)]
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}
