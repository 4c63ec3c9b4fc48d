//! Connections that are pulled, for the control centre's clients: how they do, what became of their runs, and how they are configured. In
//! their words, and with their errors.

mod config;
mod health;
mod logs;
mod runs;
mod status;

use http::{HeaderMap, Uri};
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::domain::ids::TenantId;
use signalbox::engine::connections::pulled::pulled;
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::problem::Problem;
use signalbox::http::query::Query;
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

/// The provider of calls that name none.
pub(super) const DEFAULT_PROVIDER: &str = "doorloop";

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default()
        .routes(routes!(status::status))
        .routes(routes!(runs::runs))
        .routes(routes!(runs::runs_of_integrations))
        .routes(routes!(runs::runs_of_provider))
        .routes(routes!(logs::stream))
        .routes(routes!(config::config))
        .routes(routes!(config::config_of_provider))
        .routes(routes!(config::configured))
        .routes(routes!(health::health))
}

/// The problems that the routes of a connection can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
pub(crate) enum PullProblems {
    /// missing_token, invalid_token: in this envelope `error` is `unauthorized`
    #[response(status = 401)]
    Unknown(AdminProblemView),
    /// forbidden, insufficient_scope: for administrators; a service token needs connections:read
    #[response(status = 403)]
    Forbidden(AdminProblemView),
    /// not_found: there is no such provider, or no connection to it
    #[response(status = 404)]
    NotFound(AdminProblemView),
    /// connection_not_named
    #[response(status = 409)]
    NotNamed(AdminProblemView),
    /// internal_error
    #[response(status = 500)]
    Failed(AdminProblemView),
    /// unavailable: what is stored could not be read; after `Retry-After`
    #[response(status = 503)]
    Unread(AdminProblemView),
}

/// The connection that a call is about, of those that the caller administers.
async fn asked_for(
    reads: &Reads,
    (uri, headers): (&Uri, &HeaderMap),
    provider: Option<&str>,
) -> Result<StoredConnection, AdminProblem> {
    let caller = reads.authority.admin_reader(uri, headers, reads.now())?;
    let query = Query::of(uri);
    let provider = provider.or(query.first(&["provider"])).unwrap_or(DEFAULT_PROVIDER);
    meant(reads, &caller.tenant, provider, &query).await
}

async fn meant(
    reads: &Reads,
    tenant: &TenantId,
    provider: &str,
    query: &Query,
) -> Result<StoredConnection, AdminProblem> {
    let named = query.first(&["connection"]);
    let found = pulled(&reads.connections, &reads.providers, (tenant, provider), named).await;
    Ok(found.map_err(|fault| Problem::unread(&fault))??)
}
