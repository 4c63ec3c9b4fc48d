//! `POST …/link-token`: a token for the pages where a brand's owner agrees.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use signalbox::engine::connections::link;
use signalbox::http::sync_problem::SyncProblem;
use signalbox::http::wire::links::{LinkTokenRequest, LinkTokenView};
use signalbox::http::wire::parameters::TenantOfBrand;

use super::{LinkProblems, OfBrand, VendorProblems, not_linked};
use crate::{Control, body};

/// A token for Trackstar's component of the browser, in which the brand's owner agrees. Of a brand that has a link already, it links that
/// once more. It changes nothing here.
#[utoipa::path(
    post, path = "/api/brands/{id}/integrations/trackstar/link-token", tag = "trackstar",
    params(
        ("id" = String, Path, description = "Which brand"),
        TenantOfBrand,
    ),
    request_body(content = LinkTokenRequest),
    responses(
        (status = 200, description = "The token", body = LinkTokenView),
        LinkProblems,
        VendorProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn link_token(
    State(control): State<Control>,
    of: OfBrand,
    body: Body,
) -> Result<Json<LinkTokenView>, SyncProblem> {
    let OfBrand { link, .. } = of;
    let fields = body::read(body).await?.unwrap_or_default();
    fields.check_spelling(&["customerId"])?;
    fields.text("customerId")?;
    let made = link::link_token(&control.links, &link).await;
    let link_token = made.map_err(|error| not_linked(&control, "Failed to create link token", error))?;
    Ok(Json(LinkTokenView { success: true, link_token }))
}
