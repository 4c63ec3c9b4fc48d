//! Receive a delivery: verify, claim, enqueue.

mod arrival;
mod pos;
mod sender;
mod trackstar;
mod trackstar_routes;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use signalbox::aws::clients::Clients;
use signalbox::aws::service_secrets::SecretsReader;
use signalbox::domain::service_secrets::OF_DELIVERIES;
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

/// Answers a request; secrets that are due are read again meanwhile.
async fn with_secrets(State(secrets): State<SecretsReader>, request: Request, next: Next) -> Response {
    secrets.during(next.run(request)).await
}

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let clients = Clients::connect(environment, outside)?.wired(environment, outside)?;
    clients.prepare_wire();
    let secrets = SecretsReader::start(&clients, environment, outside, &OF_DELIVERIES).await?;
    let deliveries = Deliveries::connect(&clients, environment, outside, secrets.secrets())?;
    let router = unrouted::answered(Router::from(routes()))
        .layer(from_fn_with_state(secrets, with_secrets))
        .layer(from_fn_with_state(outside.clone(), correlation::trace_alone))
        .with_state(deliveries);
    Ok(Function::Http(router))
}
