//! Webhooks: what became of them, and what was given up on.

mod dead_letters;
mod list;
mod one;
mod preview;
mod rejected;
mod replays;
pub(crate) mod taken_in;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default()
        .routes(routes!(list::list))
        .routes(routes!(dead_letters::list))
        .routes(routes!(preview::show))
        .routes(routes!(replays::list))
        .routes(routes!(replays::one))
        .merge(one::route())
}
