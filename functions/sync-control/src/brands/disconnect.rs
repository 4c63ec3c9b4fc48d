//! `DELETE /api/brands/{id}/integrations/trackstar`: a brand's link is taken away.

use axum::extract::State;
use axum::{Extension, Json};
use http::{HeaderMap, Uri};
use signalbox::engine::connections::link;
use signalbox::http::correlation::CorrelationId;
use signalbox::http::sync_problem::SyncProblem;
use signalbox::http::wire::links::LinkDoneView;

use super::{BrandPath, LinkProblems, VendorProblems, brand, not_linked};
use crate::Control;

/// Take a brand's link away: Trackstar forgets it and its access token, then we do. What was synced and received stays.
///
/// Where Trackstar was told and our record could not be removed, `GET …/trackstar/health` says so as `linking`: disconnect again.
#[utoipa::path(
    delete, path = "/api/brands/{id}/integrations/trackstar", tag = "trackstar",
    params(
        ("id" = String, Path, description = "Which brand"),
        ("tenantId" = Option<String>, Query, description = "Whose; also in the header x-tenant-id"),
    ),
    responses(
        (status = 200, description = "Taken away", body = LinkDoneView),
        LinkProblems,
        VendorProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn disconnect(
    State(control): State<Control>,
    path: BrandPath,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<LinkDoneView>, SyncProblem> {
    let (operator, link) = brand(&control, (&uri, &headers), trace, path).await?;
    let gone = link::disconnect(&control.links, &operator, &link).await;
    gone.map_err(|error| not_linked(&control, "Failed to disconnect", error))?;
    Ok(Json(LinkDoneView::done("The brand is not linked to Trackstar any more. What was synced and received stays")))
}
