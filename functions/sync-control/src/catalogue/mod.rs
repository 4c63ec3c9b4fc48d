//! The vendor sync: starting runs, testing vendors, changing their credentials.

mod credentials;
pub(crate) mod start;
mod sync_moscot;
mod sync_vendor;
mod test_all;
mod test_vendor;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::default()
        .routes(routes!(sync_moscot::sync_moscot))
        .routes(routes!(sync_vendor::sync_vendor))
        .routes(routes!(credentials::set_credentials))
        .routes(routes!(test_all::test_all))
        .routes(routes!(test_vendor::test_vendor))
}
