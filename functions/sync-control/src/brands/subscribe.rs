//! `POST …/webhooks/subscribe`: there is no such call of Trackstar's, and where its webhooks are set up.

use axum::Json;
use signalbox::http::wire::links::LinkDoneView;
use signalbox::http::wire::parameters::TenantOfBrand;

use super::{LinkProblems, OfBrand};

const WHERE: &str = "Nothing was subscribed: Trackstar's API has no call for it. Its webhooks are set up once for all brands of an \
    account, in Trackstar's dashboard under Webhooks: the address of this service with /api/webhooks/trackstar behind it, all events, \
    and its signing secret as TRACKSTAR_WEBHOOK_SECRET here";

/// Say where webhooks are set up. Trackstar has no call to subscribe to them, so nothing is done, and `success` is false.
#[utoipa::path(
    post, path = "/api/brands/{id}/integrations/trackstar/webhooks/subscribe", tag = "trackstar",
    params(
        ("id" = String, Path, description = "Which brand"),
        TenantOfBrand,
    ),
    responses(
        (status = 200, description = "What to do instead", body = LinkDoneView),
        LinkProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn subscribe(_of: OfBrand) -> Json<LinkDoneView> {
    Json(LinkDoneView { success: false, ..LinkDoneView::done(WHERE) })
}
