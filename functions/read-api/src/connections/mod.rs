//! Connections: a list of them, and one.

mod list;
mod one;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default().routes(routes!(list::list)).routes(routes!(one::one))
}
