//! Every read.

mod catalogue;
mod deliveries;
mod service;

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::HeaderMap;
use jiff::Timestamp;
use signalbox::aws::clients::Aws;
use signalbox::domain::ids::{Connection, Slug};
use signalbox::engine::catalogue::vendors::Vendors;
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::http::auth::{Authority, Caller};
use signalbox::http::correlation;
use signalbox::http::problem::{Problem, ProblemView};
use signalbox::outside::{Clock, Outside};
use utoipa::{IntoResponses, OpenApi};

/// The vendor of requests that name none.
const DEFAULT_VENDOR: &str = "moscot";

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct Reads {
    aws: Aws,
    clock: Clock,
    vendors: Vendors,
    /// For the size of the function.
    environment: Environment,
    authority: Authority,
    /// How long a probe waits for storage.
    readiness_timeout: Duration,
    /// When this instance started.
    started: Timestamp,
}

impl Reads {
    /// The time.
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Who reads, if they may.
    fn reader(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        self.authority.reader(headers, self.now())
    }
}

/// The problems that the operators' lists can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
pub(crate) enum ListProblems {
    /// invalid_request
    #[response(status = 400)]
    Invalid(ProblemView),
    /// missing_token, invalid_token
    #[response(status = 401)]
    Unknown(ProblemView),
    /// forbidden, insufficient_scope
    #[response(status = 403)]
    Forbidden(ProblemView),
    /// internal_error
    #[response(status = 500)]
    Failed(ProblemView),
}

/// The routes of this function.
#[derive(OpenApi)]
#[openapi(paths(
    catalogue::state::state,
    catalogue::runs::runs,
    catalogue::observability::observability,
    catalogue::overview::overview,
    catalogue::registry::list,
    catalogue::registry::entry,
    catalogue::run::run,
    service::session::mint,
    service::session::mint_by_post,
    service::documents::health,
    service::documents::openapi,
    deliveries::rejected::list,
    deliveries::dead_letters::list,
    service::probes::healthz,
    service::probes::livez,
    service::probes::startupz,
    service::probes::ready,
    service::probes::api_ready,
    service::probes::api_live,
    service::probes::api_health,
    service::probes::api,
    service::metrics::metrics,
))]
pub struct Routes;

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    // Below the range a new connection would fail the probe, above it the SDK has given up by itself.
    let readiness_ms = environment.number_in("READINESS_TIMEOUT", 5000, 100..=15_000)?;
    let reads = Reads {
        aws: Aws::connect(environment, outside)?,
        clock: outside.clock.clone(),
        vendors: Vendors::from_environment(environment)?,
        environment: environment.clone(),
        authority: Authority::from_environment(environment)?,
        readiness_timeout: Duration::from_millis(readiness_ms),
        started: outside.clock.now(),
    };
    let router = Router::new()
        .route("/api/catalog/vendor-sync/state", get(catalogue::state::state))
        .route("/api/catalog/vendor-sync/runs", get(catalogue::runs::runs))
        .route("/api/catalog/vendor-sync/observability", get(catalogue::observability::observability))
        .route("/api/catalog/vendor-sync/overview", get(catalogue::overview::overview))
        .route("/api/catalog/vendor-sync/registry", get(catalogue::registry::list))
        .route("/api/catalog/vendor-sync/registry/{slug}", get(catalogue::registry::entry))
        .route("/api/catalog/moscot/sync/runs/{runId}", get(catalogue::run::run))
        .route("/api/auth/dev-mint", get(service::session::mint).post(service::session::mint_by_post))
        .route("/health", get(service::documents::health))
        .route("/openapi.json", get(service::documents::openapi))
        .route("/api/admin/deliveries", get(deliveries::rejected::list))
        .route("/api/sync/dead-letters", get(deliveries::dead_letters::list))
        .route("/healthz", get(service::probes::healthz))
        .route("/livez", get(service::probes::livez))
        .route("/startupz", get(service::probes::startupz))
        .route("/health/ready", get(service::probes::ready))
        .route("/api", get(service::probes::api))
        .route("/api/health", get(service::probes::api_health))
        .route("/api/health/ready", get(service::probes::api_ready))
        .route("/api/health/live", get(service::probes::api_live))
        .route("/metrics", get(service::metrics::metrics))
        .layer(axum::middleware::from_fn_with_state(outside.clone(), correlation::trace))
        .with_state(reads);
    Ok(Function::Http(router))
}

/// The connection a reader asks for; `None` for a name that no vendor can have, of which nothing is known.
fn connection(caller: &Caller, vendor: &str) -> Option<Connection> {
    Slug::parse(vendor).ok().map(|slug| Connection::new(caller.tenant.clone(), slug))
}
