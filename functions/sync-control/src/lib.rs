//! Every control write: starting and stopping syncs, testing vendors, changing connections, deciding on dead letters and rejected deliveries.

mod alerts;
mod body;
mod brands;
mod catalogue;
mod categories;
mod connections;
mod deliveries;
mod digests;
mod flags;
mod integrations;
mod mirror;
mod operator;
mod pulls;

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use signalbox::aws::alerts::AlertStore;
use signalbox::aws::clients::Clients;
use signalbox::aws::connections::last_test::LastTests;
use signalbox::aws::digests::DigestStore;
use signalbox::aws::faults::AwsFault;
use signalbox::aws::service_secrets::SecretsReader;
use signalbox::domain::catalogue::vendor::Vendor;
use signalbox::domain::ids::{ConnectionName, TenantId};
use signalbox::domain::service_secrets::{self, Name, ServiceSecrets};
use signalbox::engine::categories::Categories;
use signalbox::engine::connections::desk::Desk;
use signalbox::engine::connections::link::Links;
use signalbox::engine::deliveries::context::Deliveries;
use signalbox::engine::deliveries::replay::Replays;
use signalbox::engine::flags::Flags;
use signalbox::engine::mirror::Mirrors;
use signalbox::engine::operators::Operators;
use signalbox::engine::runs::context::RunWorker;
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::http::auth::tenant::in_query;
use signalbox::http::auth::{Authority, Caller};
use signalbox::http::problem::Problem;
use signalbox::http::query::Query;
use signalbox::http::recorded;
use signalbox::http::{correlation, unrouted};
use signalbox::outside::Outside;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct Control {
    worker: RunWorker,
    alerts: AlertStore,
    tests: LastTests,
    categories: Categories,
    connections: Desk,
    flags: Flags,
    links: Links,
    deliveries: Deliveries,
    digests: DigestStore,
    service_secrets: ServiceSecrets,
    operators: Operators,
    mirrors: Mirrors,
    replays: Replays,
    authority: Authority,
    /// How long a trigger advances its run before it answers that the run goes on without it.
    inline: Duration,
    /// Whether somebody may start a backfill by hand.
    manual_backfill: bool,
}

impl Control {
    /// The time.
    fn now(&self) -> Timestamp {
        self.worker.runs.now()
    }

    /// Who changes something, within the tenant that the call names or else their own.
    fn writer(&self, uri: &Uri, headers: &HeaderMap) -> Result<Caller, Problem> {
        self.authority.writer(headers, self.now())?.within(in_query(&Query::of(uri))?)
    }

    /// Who tries something that changes nothing, within the tenant that the call names or else their own.
    fn visitor(&self, uri: &Uri, headers: &HeaderMap) -> Result<Caller, Problem> {
        self.authority.visitor(headers, self.now())?.within(in_query(&Query::of(uri))?)
    }

    /// A vendor of a tenant, if there is one.
    async fn vendor(&self, tenant: &TenantId, slug: &str) -> Result<Option<Vendor>, AwsFault> {
        match ConnectionName::parse(slug) {
            Ok(slug) => self.worker.runs.vendors.find(tenant, &slug).await,
            Err(_) => Ok(None),
        }
    }
}

fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::default()
        .merge(alerts::routes())
        .merge(brands::routes())
        .merge(catalogue::routes())
        .merge(categories::routes())
        .merge(connections::routes())
        .merge(deliveries::routes())
        .merge(digests::routes())
        .merge(flags::routes())
        .merge(integrations::routes())
        .merge(mirror::routes())
        .merge(pulls::routes())
}

/// The description of this function's routes, made from the very list that it answers by.
#[must_use]
pub fn openapi() -> OpenApi {
    routes().into_openapi()
}

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let clients = Clients::connect(environment, outside)?.counted();
    let names: Vec<Name> = service_secrets::all().collect();
    let secrets = SecretsReader::start(&clients, environment, outside, &names).await?;
    let worker = RunWorker::connect(&clients, environment, outside)?;
    let connections = Desk::connect(&clients, environment, outside)?;
    let flags = Flags::connect(&clients, environment, outside)?;
    let control = Control {
        links: Links::new((connections.clone(), worker.clone()), secrets.secrets(), &clients, environment)?,
        mirrors: Mirrors::connect(&worker.runs, &flags, &clients, environment)?,
        worker,
        alerts: AlertStore::connect(&clients, environment)?,
        tests: LastTests::connect(&clients, environment)?,
        categories: Categories::connect(&clients, environment, outside)?,
        connections,
        flags,
        deliveries: Deliveries::connect(&clients, environment, outside, secrets.secrets())?,
        digests: DigestStore::connect(&clients, environment)?,
        service_secrets: secrets.secrets(),
        operators: Operators::connect(&clients, environment, outside)?,
        replays: Replays::connect(&clients, environment, outside)?,
        authority: Authority::new(environment, secrets.secrets()),
        inline: Duration::from_millis(environment.number("INLINE_BUDGET_MS", 20_000)?),
        manual_backfill: environment.switch("ALLOW_MANUAL_BACKFILL", true)?,
    };
    let recording = (control.authority.clone(), control.operators.clone());
    let router = unrouted::answered(Router::from(routes()))
        .layer(from_fn_with_state(recording, recorded::recorded::<Operators>))
        .layer(from_fn_with_state(secrets, with_secrets))
        .layer(from_fn_with_state(outside.clone(), correlation::trace))
        .with_state(control);
    Ok(Function::Http(router))
}

/// Answers a request; secrets that are due are read again meanwhile.
async fn with_secrets(State(secrets): State<SecretsReader>, request: Request, next: Next) -> Response {
    secrets.during(next.run(request)).await
}
