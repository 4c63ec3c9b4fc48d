//! Every read.

mod alerts;
mod brands;
mod catalogue;
mod categories;
mod completions;
mod connections;
mod deliveries;
mod digests;
mod flags;
mod mirror;
mod operations;
mod pulls;
mod service;
mod sync;

use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use signalbox::aws::alerts::AlertStore;
use signalbox::aws::clients::Clients;
use signalbox::aws::completions::NoticeStore;
use signalbox::aws::connections::breaker::Breakers;
use signalbox::aws::connections::last_test::LastTests;
use signalbox::aws::connections::last_used::LastUses;
use signalbox::aws::connections::linking::Linkings;
use signalbox::aws::connections::store::ConnectionStore;
use signalbox::aws::datasets::snapshots::SnapshotStore;
use signalbox::aws::deliveries::DeliveryStore;
use signalbox::aws::deliveries::effects::EffectStore;
use signalbox::aws::deliveries::listed::DeliveryReads;
use signalbox::aws::digests::DigestStore;
use signalbox::aws::journal::Journal;
use signalbox::aws::mirror::categories::CategoryStore;
use signalbox::aws::queues::depth::Queues;
use signalbox::aws::replays::ReplayStore;
use signalbox::aws::runs::RunReads;
use signalbox::aws::service_secrets::SecretsReader;
use signalbox::domain::ids::{Connection, ConnectionName};
use signalbox::domain::service_secrets::OF_TOKENS;
use signalbox::engine::catalogue::vendors::Vendors;
use signalbox::engine::flags::Flags;
use signalbox::engine::health::Looks;
use signalbox::engine::health::pulled::PulledReads;
use signalbox::engine::operators::Operators;
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::http::auth::tenant::in_query;
use signalbox::http::auth::{Authority, Caller, READ};
use signalbox::http::problem::{Problem, ProblemView};
use signalbox::http::query::Query;
use signalbox::http::recorded;
use signalbox::http::{correlation, unrouted};
use signalbox::outside::{Clock, Entropy, Outside, StorageCheck};
use signalbox::vendors::Providers;
use utoipa::IntoResponses;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// The vendor of requests that name none.
const DEFAULT_VENDOR: &str = "moscot";

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct Reads {
    runs: RunReads,
    alerts: AlertStore,
    notices: NoticeStore,
    digests: DigestStore,
    /// Where mails are kept, on one's own machine.
    outbox: Option<PathBuf>,
    looks: Looks,
    pulled: PulledReads,
    snapshots: SnapshotStore,
    tests: LastTests,
    categories: CategoryStore,
    connections: ConnectionStore,
    flags: Flags,
    breakers: Breakers,
    linkings: Linkings,
    uses: LastUses,
    deliveries: DeliveryStore,
    processed: DeliveryReads,
    journal: Journal,
    effects: EffectStore,
    replays: ReplayStore,
    queues: Queues,
    clock: Clock,
    vendors: Vendors,
    providers: Providers,
    /// For the size of the function.
    environment: Environment,
    authority: Authority,
    /// Where the live log is watched.
    live_logs_url: String,
    /// Of tickets.
    entropy: Entropy,
    /// How long a probe waits for storage.
    readiness_timeout: Duration,
    storage: StorageCheck,
    /// When this instance started.
    started: Timestamp,
}

impl Reads {
    /// The time.
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Who reads, if they may, within the tenant that the call names or else their own.
    fn reader_within(&self, uri: &Uri, headers: &HeaderMap) -> Result<Caller, Problem> {
        self.reader(headers)?.within(in_query(&Query::of(uri))?)
    }

    /// The same, also who is bound to brands: for routes that leave out what they do not see.
    fn reader_of_brands(&self, uri: &Uri, headers: &HeaderMap) -> Result<Caller, Problem> {
        let caller = self.authority.reader_of_brands(READ, headers, self.now())?;
        caller.within(in_query(&Query::of(uri))?)
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

fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default()
        .merge(alerts::routes())
        .merge(brands::routes())
        .merge(catalogue::routes())
        .merge(categories::routes())
        .merge(completions::routes())
        .merge(connections::routes())
        .merge(deliveries::routes())
        .merge(digests::routes())
        .merge(flags::routes())
        .merge(mirror::routes())
        .merge(operations::routes())
        .merge(pulls::routes())
        .merge(sync::routes())
        .merge(service::routes())
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
    // Below the range a new connection would fail the probe, above it the SDK has given up by itself.
    let readiness_ms = environment.number_in("READINESS_TIMEOUT", 5000, 100..=15_000)?;
    let clients = Clients::connect(environment, outside)?;
    let secrets = SecretsReader::start(&clients, environment, outside, &OF_TOKENS).await?;
    let reads = Reads {
        runs: RunReads::connect(&clients, environment)?,
        alerts: AlertStore::connect(&clients, environment)?,
        notices: NoticeStore::connect(&clients, environment)?,
        digests: DigestStore::connect(&clients, environment)?,
        outbox: environment.get("SIGNALBOX_OUTBOX").filter(|_| environment.is_local()).map(PathBuf::from),
        looks: Looks::connect(&clients, environment, outside)?,
        pulled: PulledReads::connect(&clients, environment, &outside.providers)?,
        snapshots: SnapshotStore::connect(&clients, environment)?,
        tests: LastTests::connect(&clients, environment)?,
        categories: CategoryStore::connect(&clients, environment)?,
        flags: Flags::connect(&clients, environment, outside)?,
        connections: ConnectionStore::connect(&clients, environment)?,
        breakers: Breakers::connect(&clients, environment)?,
        linkings: Linkings::connect(&clients, environment)?,
        uses: LastUses::connect(&clients, environment)?,
        deliveries: DeliveryStore::connect(&clients, environment)?,
        processed: DeliveryReads::connect(&clients, environment)?,
        journal: Journal::connect(&clients, environment)?,
        effects: EffectStore::connect(&clients, environment)?,
        replays: ReplayStore::connect(&clients, environment)?,
        queues: Queues::connect(&clients, environment)?,
        clock: outside.clock.clone(),
        vendors: Vendors::connect(&clients, environment, outside)?,
        providers: outside.providers.clone(),
        environment: environment.clone(),
        authority: Authority::new(environment, secrets.secrets()),
        live_logs_url: environment.require("LIVE_LOGS_URL")?.to_owned(),
        entropy: outside.entropy.clone(),
        readiness_timeout: Duration::from_millis(readiness_ms),
        storage: outside.storage.clone(),
        started: outside.clock.now(),
    };
    let recording = (reads.authority.clone(), Operators::connect(&clients, environment, outside)?);
    let router = unrouted::answered(Router::from(routes()))
        .layer(from_fn_with_state(recording, recorded::recorded::<Operators>))
        .layer(from_fn_with_state(secrets, with_secrets))
        .layer(from_fn_with_state(outside.clone(), correlation::trace))
        .with_state(reads);
    Ok(Function::Http(router))
}

/// Answers a request; secrets that are due are read again meanwhile.
async fn with_secrets(State(secrets): State<SecretsReader>, request: Request, next: Next) -> Response {
    secrets.during(next.run(request)).await
}

/// The connection a reader asks for; `None` for a name that no vendor can have, or a brand that they do not see, of which nothing is
/// known to them.
fn connection(caller: &Caller, vendor: &str) -> Option<Connection> {
    let name = ConnectionName::parse(vendor).ok().filter(|name| caller.sees(name))?;
    Some(Connection::catalogue(caller.tenant.clone(), name))
}
