//! Receive a delivery: verify, claim, enqueue.

mod arrival;
mod pos;
mod sender;
mod trackstar;
mod trackstar_routes;

use axum::Router;
use signalbox::aws::clients::Clients;
use signalbox::engine::deliveries::context::Deliveries;
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::http::{correlation, unrouted};
use signalbox::outside::Outside;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

fn routes() -> OpenApiRouter<Deliveries> {
    OpenApiRouter::default()
        .routes(routes!(pos::ingest))
        .routes(routes!(trackstar::any))
        .routes(routes!(trackstar::inventory))
        .routes(routes!(trackstar::inbound_shipments))
        .routes(routes!(trackstar::inbound_shipment_receipts))
        .routes(routes!(sender::any))
}

/// The description of this function's routes, made from the very list that it answers by.
#[must_use]
pub fn openapi() -> OpenApi {
    routes().into_openapi()
}

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let deliveries = Deliveries::connect(&Clients::connect(environment, outside)?, environment, outside)?;
    let router = unrouted::answered(Router::from(routes()))
        .layer(axum::middleware::from_fn_with_state(outside.clone(), correlation::trace_alone))
        .with_state(deliveries);
    Ok(Function::Http(router))
}
