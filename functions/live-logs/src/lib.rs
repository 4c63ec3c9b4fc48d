//! The log of a connection's runs, as a stream of events for whoever watches.
//!
//! It has a URL of its own, as an HTTP API answers in one piece. Who may read what was decided where the ticket was given
//! (`GET /api/admin/sync/logs/stream`); here a ticket is all that counts, and is good once. Nothing is written but that a ticket was
//! used: a crash leaves a client that comes again, with another ticket and from where it was.

mod stream;

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, Uri};
use signalbox::aws::clients::Clients;
use signalbox::aws::runs::RunReads;
use signalbox::aws::runs::log::LogReads;
use signalbox::aws::service_secrets::SecretsReader;
use signalbox::aws::stream_tickets::StreamTickets;
use signalbox::domain::service_secrets::SESSION_JWT;
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::http::admin_problem::AdminProblem;
use signalbox::http::problem::{INVALID_TICKET, Problem};
use signalbox::http::query::Query;
use signalbox::http::stream_ticket::{LAST_EVENT_ID, StreamTicket, last_event_id};
use signalbox::http::{correlation, unrouted};
use signalbox::outside::Outside;

use crate::stream::Following;

/// The parameters of a call: all else is in the ticket.
const PARAMETERS: [&str; 2] = ["ticket", LAST_EVENT_ID];

#[derive(Clone)]
struct LiveLogs {
    logs: LogReads,
    tickets: StreamTickets,
    secrets: SecretsReader,
    outside: Outside,
}

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let clients = Clients::connect(environment, outside)?;
    let live_logs = LiveLogs {
        logs: RunReads::connect(&clients, environment)?.into(),
        tickets: StreamTickets::connect(&clients, environment)?,
        secrets: SecretsReader::start(&clients, environment, outside, &[SESSION_JWT]).await?,
        outside: outside.clone(),
    };
    let router = unrouted::answered(Router::new().route("/", get(stream)))
        .layer(from_fn_with_state(outside.clone(), correlation::trace))
        .with_state(live_logs);
    Ok(Function::Stream(router))
}

async fn stream(State(live_logs): State<LiveLogs>, uri: Uri, headers: HeaderMap) -> Result<Response, AdminProblem> {
    let (secrets, opened) = (live_logs.secrets.clone(), open(&live_logs, &uri, &headers));
    Ok(secrets.during(opened).await?.into_response())
}

async fn open(live_logs: &LiveLogs, uri: &Uri, headers: &HeaderMap) -> Result<Response, AdminProblem> {
    let LiveLogs { logs, tickets, secrets, outside } = live_logs;
    let query = Query::of(uri);
    query.only(&PARAMETERS)?;
    let now = outside.clock.now();
    let text = query.first(&["ticket"]).unwrap_or_default();
    let ticket = StreamTicket::read(text, &secrets.secrets(), now)?;
    // Where the browser has more than the call that brought the ticket.
    let place = last_event_id(&query, headers)?.or_else(|| ticket.place());
    let attempt: String = outside.entropy.bytes16().iter().map(|byte| format!("{byte:02x}")).collect();
    let spent = tickets.spend(&ticket.connection.tenant, ticket.nonce(), &attempt, ticket.ends()).await;
    if !spent.map_err(|fault| Problem::unread(&fault))? {
        return Err(AdminProblem::new(INVALID_TICKET, "the ticket was used before: ask for another one"));
    }
    let following = Following::begin(logs.clone(), outside, ticket, place).await;
    Ok(following.map_err(|fault| Problem::unread(&fault))?.into_response())
}
