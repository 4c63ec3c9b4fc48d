//! Mirrors of categories: starting them, and deciding on those that wait for approval.

mod decide;
mod start;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::default()
        .routes(routes!(start::start_mirror))
        .routes(routes!(decide::approve_run))
        .routes(routes!(decide::reject_run))
        .routes(routes!(decide::stop_run))
}
