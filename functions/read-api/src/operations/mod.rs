//! For operators: what was done, and what there is to look after.

mod audit;
mod overview;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default().routes(routes!(audit::audit_entries)).routes(routes!(overview::connections_overview))
}
