//! Connections: a list of them, one, and what they can lead to.

mod breaker;
mod drift;
mod list;
mod one;
mod providers;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default()
        .routes(routes!(list::list))
        .routes(routes!(one::one))
        .routes(routes!(breaker::breaker))
        .routes(routes!(drift::drift))
        .routes(routes!(providers::providers))
}
