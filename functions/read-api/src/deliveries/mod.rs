//! Webhooks: what was not let in, and what was given up on.

mod dead_letters;
mod rejected;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default().routes(routes!(rejected::list)).routes(routes!(dead_letters::list))
}
