//! `GET /api/brands/{id}/integrations/trackstar`: a brand's link.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::http::sync_problem::SyncProblem;
use signalbox::http::wire::links::{LinkView, OneLinkView};
use signalbox::http::wire::parameters::TenantOfBrand;

use super::{BrandPath, Found, LinkProblems, no_link, view};
use crate::Reads;

const FAILED: &str = "Failed to get integration";

/// A brand's link to Trackstar, with how far each of its lists is. Its access token is told to nobody.
#[utoipa::path(
    get, path = "/api/brands/{id}/integrations/trackstar", tag = "trackstar",
    params(
        ("id" = String, Path, description = "Which brand"),
        TenantOfBrand,
    ),
    responses((status = 200, description = "The link", body = OneLinkView), LinkProblems),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn link(
    State(reads): State<Reads>,
    path: BrandPath,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<OneLinkView>, SyncProblem> {
    let found = Found::read(&reads, (&uri, &headers), path, FAILED).await?;
    let stored = found.stored.as_ref().ok_or_else(no_link)?;
    let link = view(&reads, stored).await.map_err(|fault| SyncProblem::failed(FAILED, &fault))?;
    Ok(Json(OneLinkView { success: true, integration: LinkView { linking: found.linking(&reads), ..link } }))
}
