//! A simulated Google, connections to it, and instances that ask over them.

use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::domain::ids::Connection;
use signalbox::domain::runs::lease::WaitReason;
use signalbox::engine::gbp::Google;
use signalbox::engine::runs::context::RunWorker;
use signalbox::engine::runs::slice::SliceFault;
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox::vendors::gbp::Location;
use signalbox_simulators::{Limits, Options, Running, Simulator, Vendor};
use signalbox_tests::answer::Answer;
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

/// How often somebody comes again who was told that another one asks for the token.
const LOOKS_MAX: usize = 200;

/// A simulated Google by the clock of the system, without limits unless it is told of some.
pub(super) async fn google(system: &System, change: impl FnOnce(&mut Options)) -> Running {
    let rows_of = [("locations".into(), 5), ("categories".into(), 250)].into();
    let clock = system.clock.clone();
    let mut options = Options { limits: Limits::Off, rows_of, clock, ..Options::new(Vendor::Gbp) };
    change(&mut options);
    Simulator::start(options).await.unwrap()
}

/// An instance of a function that asks Google.
pub(super) fn worker(system: &System, wire: &Wire) -> RunWorker {
    let (environment, outside) = (system.environment("sync-control"), system.outside(wire));
    let clients = Clients::connect(&environment, &outside).unwrap();
    RunWorker::connect(&clients, &environment, &outside).unwrap()
}

/// A tenant's connection to one of Google's accounts.
pub(super) async fn connected(
    system: &System,
    google: &Running,
    (tenant, account): (&str, u32),
    settings: Value,
) -> Connection {
    let connection: Connection = format!("{tenant}/gbp/main").parse().unwrap();
    let body = body(google, account, settings);
    operator(system, "PUT", &format!("{connection}"), body).await.expect(201);
    connection
}

/// What a connection to one of Google's accounts is told.
pub(super) fn body(google: &Running, account: u32, settings: Value) -> Value {
    let mut all = json!({"account": format!("accounts/{account}"), "clientId": format!("client-{account}"),
        "baseUrl": google.base_url(), "tokenUrl": google.token_url(), "requestsPerMinute": 60_000});
    settings.as_object().unwrap().iter().for_each(|(name, value)| all[name] = value.clone());
    json!({"settings": all, "secrets": {"current": google.google_secret(account)}})
}

/// What an operator of connections is answered.
pub(super) async fn operator(system: &System, method: &str, path: &str, body: Value) -> Answer {
    let token = system.service_token("operator", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let asked = system.request(method, &format!("/api/admin/connections/{path}")).bearer(&token);
    asked.body(body.to_string()).answer().await
}

/// The locations, as an instance reads them: it comes again where another one asks for the token.
pub(super) async fn locations(worker: &RunWorker, connection: &Connection) -> Result<Vec<Location>, SliceFault> {
    let mut google = Google::of(worker, connection).await?;
    for _ in 0..LOOKS_MAX {
        match google.locations().await {
            Err(SliceFault::Waits(wait)) if wait.reason == WaitReason::Backoff => tokio::task::yield_now().await,
            done => return done,
        }
    }
    panic!("nobody came to a token")
}

/// The code of the reason for which something failed.
pub(super) fn code<T: std::fmt::Debug>(found: Result<T, SliceFault>) -> &'static str {
    found.unwrap_err().failure().code()
}

/// How many requests of a path the simulated Google saw.
pub(super) fn seen(google: &Running, path: &str) -> usize {
    let (_, requests) = google.requests();
    requests.iter().filter(|request| request.path == path).count()
}
