//! Receive a delivery: verify, claim, enqueue.

mod arrival;
mod pos;
mod sender;
mod trackstar;
mod trackstar_routes;

use axum::Router;
use axum::routing::post;
use signalbox::engine::deliveries::context::Deliveries;
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::http::correlation;
use signalbox::outside::Outside;
use utoipa::OpenApi;

/// The routes of this function.
#[derive(OpenApi)]
#[openapi(paths(
    pos::ingest,
    trackstar::inventory,
    trackstar::inbound_shipments,
    trackstar::inbound_shipment_receipts,
    trackstar::any,
    sender::any,
))]
pub struct Routes;

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let deliveries = Deliveries::with_senders(environment, outside)?;
    let router = Router::new()
        .route("/pos/{source}/ingest", post(pos::ingest))
        .route("/api/webhooks/trackstar", post(trackstar::any))
        .route("/api/webhooks/trackstar/inventory", post(trackstar::inventory))
        .route("/api/webhooks/trackstar/inbound-shipments", post(trackstar::inbound_shipments))
        .route("/api/webhooks/trackstar/inbound-shipment-receipts", post(trackstar::inbound_shipment_receipts))
        .route("/webhooks/{provider}/{connection}", post(sender::any))
        .layer(axum::middleware::from_fn_with_state(outside.clone(), correlation::trace))
        .with_state(deliveries);
    Ok(Function::Http(router))
}
