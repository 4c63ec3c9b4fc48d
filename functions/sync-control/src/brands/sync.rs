//! `POST …/sync`: a brand's link is pulled.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use serde_json::Value;
use signalbox::domain::ids::Entity;
use signalbox::domain::runs::run::{Mode, Trigger};
use signalbox::engine::runs::kinds::pull::{PullRequest, work_of};
use signalbox::engine::runs::on_record::start_on_record;
use signalbox::engine::runs::start::StartRequest;
use signalbox::http::problem::Problem;
use signalbox::http::sync_problem::{SyncProblem, SyncProblemView};
use signalbox::http::wire::links::{LinkDoneView, LinkSyncRequest};
use signalbox::http::wire::parameters::TenantOfBrand;

use super::{LinkProblems, NO_LINK, OfBrand};
use crate::Control;
use crate::body::{self, Fields};
use crate::catalogue::start::refused;

const FAILED: &str = "Failed to start sync";
/// More names than there are.
const NAMES_MAX: usize = 20;

/// Start a pull of some of a brand's lists: of what changed since the last one that went well.
#[utoipa::path(
    post, path = "/api/brands/{id}/integrations/trackstar/sync", tag = "trackstar",
    params(
        ("id" = String, Path, description = "Which brand"),
        TenantOfBrand,
    ),
    request_body(content = LinkSyncRequest),
    responses(
        (status = 200, description = "Started", body = LinkDoneView),
        LinkProblems,
        (status = 409, description = "sync_in_progress", body = SyncProblemView),
        (status = 413, description = "payload_too_large", body = SyncProblemView),
        (status = 501, description = "integration_not_supported", body = SyncProblemView),
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn sync(
    State(control): State<Control>,
    of: OfBrand,
    body: Body,
) -> Result<Json<LinkDoneView>, SyncProblem> {
    let OfBrand { operator, link } = of;
    let fields = body::read(body).await?.unwrap_or_default();
    fields.check_spelling(&["functionsToSync"])?;
    let entities = entities(&fields)?;
    let names: Vec<String> = entities.iter().map(ToString::to_string).collect();
    let stored = control.connections.store.read(&link).await;
    let stored = stored.map_err(|fault| SyncProblem::from(Problem::unread(&fault)))?;
    let missing = || SyncProblem::missing(NO_LINK, "the brand has no link to Trackstar");
    let stored = stored.ok_or_else(missing)?;
    let providers = &control.connections.providers;
    if !stored.is_pulled(providers.of(&link.provider)) {
        return Err(SyncProblem::invalid(
            "the link has no access token, and only sends webhooks: connect the brand, with link-token and exchange",
        ));
    }
    let wanted = PullRequest { entities, ..PullRequest::default() };
    let request = StartRequest {
        connection: link,
        work: work_of(providers, &stored, &wanted).map_err(|refused| SyncProblem::invalid(refused.to_string()))?,
        mode: Mode::Apply,
        actor: operator.actor.clone(),
        trigger: Trigger::Manual,
        correlation_id: operator.correlation_id.clone(),
    };
    let run = start_on_record(&control.worker.runs, &control.operators, &operator, &request, "").await;
    let run = run.map_err(|error| SyncProblem::from(refused(error)).called(FAILED))?;
    let done = LinkDoneView::done(format!("A pull of {} was started", names.join(", ")));
    Ok(Json(LinkDoneView { run_id: Some(run.id.to_string()), ..done }))
}

fn entities(fields: &Fields) -> Result<Vec<Entity>, SyncProblem> {
    let wrong = || {
        SyncProblem::invalid(
            "functionsToSync must name at least one of products, inventory, orders and shipments, also as get_products and so on",
        )
    };
    let names = fields.get("functionsToSync").and_then(Value::as_array);
    let names = names.filter(|names| (1..=NAMES_MAX).contains(&names.len())).ok_or_else(wrong)?;
    names.iter().map(|name| name.as_str().and_then(entity).ok_or_else(wrong)).collect()
}

/// A list, by the names that clients have for it.
fn entity(name: &str) -> Option<Entity> {
    let name = name.trim().to_lowercase().replace('-', "_");
    match name.strip_prefix("get_").unwrap_or(&name) {
        "products" => Some(Entity::PRODUCTS),
        "inventory" => Some(Entity::INVENTORY),
        "orders" => Some(Entity::ORDERS),
        "shipments" | "inbound_shipments" => Some(Entity::INBOUND_SHIPMENTS),
        _ => None,
    }
}
