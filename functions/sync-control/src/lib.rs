//! Every control write: starting syncs, testing vendors, deciding on dead letters and rejected deliveries.

mod body;
mod catalogue;
mod deliveries;
mod operator;

use std::time::Duration;

use axum::Router;
use axum::routing::{delete, post};
use signalbox::engine::deliveries::context::Deliveries;
use signalbox::engine::runs::context::Engine;
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::http::auth::Authority;
use signalbox::http::correlation;
use signalbox::outside::Outside;
use utoipa::OpenApi;

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct Control {
    engine: Engine,
    deliveries: Deliveries,
    authority: Authority,
    /// How long a trigger advances its run before it answers that the run goes on without it.
    inline: Duration,
}

/// The routes of this function.
#[derive(OpenApi)]
#[openapi(paths(
    catalogue::sync_moscot::sync_moscot,
    catalogue::sync_vendor::sync_vendor,
    catalogue::test_vendor::test_vendor,
    deliveries::dead_letters::requeue,
    deliveries::dead_letters::requeue_many,
    deliveries::dead_letters::forget,
    deliveries::rejected::verify
))]
pub struct Routes;

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let engine = Engine::new(environment, outside)?;
    let control = Control {
        deliveries: Deliveries::with_senders_over(engine.aws.clone(), environment, outside)?,
        engine,
        authority: Authority::from_environment(environment)?,
        inline: Duration::from_millis(environment.number("INLINE_BUDGET_MS", 20_000)?),
    };
    let router = Router::new()
        .route("/api/catalog/moscot/sync", post(catalogue::sync_moscot::sync_moscot))
        .route("/api/catalog/vendor-sync/{slug}/sync", post(catalogue::sync_vendor::sync_vendor))
        .route("/api/catalog/vendor-sync/registry/{slug}/test", post(catalogue::test_vendor::test_vendor))
        .route("/api/sync/dead-letters/{id}/requeue", post(deliveries::dead_letters::requeue))
        .route("/api/sync/dead-letters/requeue", post(deliveries::dead_letters::requeue_many))
        .route("/api/sync/dead-letters/{id}", delete(deliveries::dead_letters::forget))
        .route("/api/admin/deliveries/verify", post(deliveries::rejected::verify))
        .layer(axum::middleware::from_fn_with_state(outside.clone(), correlation::trace))
        .with_state(control);
    Ok(Function::Http(router))
}
