//! `POST …/exchange`: a brand is linked.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use signalbox::engine::connections::link;
use signalbox::http::sync_problem::SyncProblem;
use signalbox::http::wire::links::{ExchangeRequest, LinkDoneView};
use signalbox::http::wire::parameters::TenantOfBrand;

use super::{LinkProblems, OfBrand, VendorProblems, not_linked};
use crate::{Control, body};

const FAILED: &str = "Failed to exchange auth code";

/// Exchange a code for an access token, which becomes the secret of the brand's connection to Trackstar, and pull all of it. The connection is
/// made if it is not there; what else it is told stays. It is pulled every 5 minutes, unless it has a schedule.
///
/// Trackstar is asked first. A code is good once: where it was exchanged and the token could not be stored, `GET …/trackstar/health` says so
/// as `linking`, and the brand is to be connected again with a new link token.
#[utoipa::path(
    post, path = "/api/brands/{id}/integrations/trackstar/exchange", tag = "trackstar",
    params(
        ("id" = String, Path, description = "Which brand"),
        TenantOfBrand,
    ),
    request_body(content = ExchangeRequest),
    responses(
        (status = 200, description = "Linked, and stored", body = LinkDoneView),
        LinkProblems,
        VendorProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn exchange(
    State(control): State<Control>,
    of: OfBrand,
    body: Body,
) -> Result<Json<LinkDoneView>, SyncProblem> {
    let OfBrand { operator, link } = of;
    let fields = body::read(body).await?.unwrap_or_default();
    fields.check_spelling(&["authCode", "customerId"])?;
    let code = fields.filled_text("authCode")?;
    let code = code.ok_or_else(|| SyncProblem::invalid("authCode must be the code that Trackstar's pages gave"))?;
    let customer = fields.text("customerId")?.unwrap_or_else(|| link.name.to_string());
    let connected = link::connect(&control.links, &operator, &link, &code, Some(&customer)).await;
    let connected = connected.map_err(|error| not_linked(&control, FAILED, error))?;
    let message = match &connected.backfill {
        Some(_) => "The brand is linked to Trackstar, and all of it is being pulled",
        None => "The brand is linked to Trackstar. It is pulled with the next time of its schedule",
    };
    let connection_id = connected.stored.settings.get("connectionId").and_then(|id| id.as_str()).map(String::from);
    let run_id = connected.backfill.map(|run| run.to_string());
    Ok(Json(LinkDoneView { connection_id, run_id, ..LinkDoneView::done(message) }))
}
