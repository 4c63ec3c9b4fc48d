//! What operators do about alerts: say that they have seen one, and try the channel that they are told over.

mod acknowledge;
mod teams;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::default()
        .routes(routes!(acknowledge::acknowledge_alert))
        .routes(routes!(teams::test_teams))
        .routes(routes!(teams::test_teams_of_provider))
}
