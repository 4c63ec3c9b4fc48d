//! The vendor sync: runs, their windows, snapshots, and the configured vendors.

mod observability;
mod overview;
mod registry;
mod run;
mod runs;
mod state;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default()
        .routes(routes!(state::state))
        .routes(routes!(runs::runs))
        .routes(routes!(observability::observability))
        .routes(routes!(overview::overview))
        .routes(routes!(registry::list))
        .routes(routes!(registry::entry))
        .routes(routes!(run::run))
}
