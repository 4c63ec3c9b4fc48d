//! Webhooks: deciding on what was not let in, and on what was given up.

mod dead_letters;
mod fetched;
mod rejected;
mod replay;
mod replays;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::default()
        .routes(routes!(dead_letters::requeue))
        .routes(routes!(dead_letters::requeue_many))
        .routes(routes!(dead_letters::forget))
        .routes(routes!(rejected::verify))
        .routes(routes!(replay::replay))
        .routes(routes!(replays::start))
        .routes(routes!(replays::stop))
}
