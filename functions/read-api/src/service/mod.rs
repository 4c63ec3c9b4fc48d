//! The service itself: its documents, probes, metrics, and a browser's session.

mod documents;
mod memory;
mod metrics;
mod probes;
mod session;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default()
        .routes(routes!(session::mint, session::mint_by_post))
        .routes(routes!(session::who, session::sign_in, session::sign_out))
        .routes(routes!(documents::openapi))
        .routes(routes!(probes::healthz))
        .routes(routes!(probes::livez))
        .routes(routes!(probes::startupz))
        .routes(routes!(probes::ready))
        .routes(routes!(probes::api))
        .routes(routes!(probes::api_health))
        .routes(routes!(probes::api_ready))
        .routes(routes!(probes::api_live))
        .routes(routes!(metrics::metrics))
}
