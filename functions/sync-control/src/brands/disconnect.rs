//! `DELETE /api/brands/{id}/integrations/trackstar`: a brand's link is taken away.

use axum::Json;
use axum::extract::State;
use signalbox::engine::connections::link;
use signalbox::http::sync_problem::SyncProblem;
use signalbox::http::wire::links::LinkDoneView;
use signalbox::http::wire::parameters::TenantOfBrand;

use super::{LinkProblems, OfBrand, VendorProblems, not_linked};
use crate::Control;

/// Take a brand's link away: Trackstar forgets it and its access token, then we do. What was synced and received stays.
///
/// Where Trackstar was told and our record could not be removed, `GET …/trackstar/health` says so as `linking`: disconnect again.
#[utoipa::path(
    delete, path = "/api/brands/{id}/integrations/trackstar", tag = "trackstar",
    params(
        ("id" = String, Path, description = "Which brand"),
        TenantOfBrand,
    ),
    responses(
        (status = 200, description = "Taken away", body = LinkDoneView),
        LinkProblems,
        VendorProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn disconnect(State(control): State<Control>, of: OfBrand) -> Result<Json<LinkDoneView>, SyncProblem> {
    let OfBrand { operator, link } = of;
    let gone = link::disconnect(&control.links, &operator, &link).await;
    gone.map_err(|error| not_linked(&control, "Failed to disconnect", error))?;
    Ok(Json(LinkDoneView::done("The brand is not linked to Trackstar any more. What was synced and received stays")))
}
