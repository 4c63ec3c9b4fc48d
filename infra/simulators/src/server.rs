//! A simulated vendor that runs: its port, and all that a test may ask of it without HTTP.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Query, State as Shared};
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use http::{HeaderMap, Method, Uri, header};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::answer::{Answer, Call};
use crate::control;
use crate::faults::Fault;
use crate::gbp;
use crate::gbp::google::{Edit, GoogleChange};
use crate::options::{Options, Unusable};
use crate::rows::change::{RowsChange, RowsChanged};
use crate::seen::Seen;
use crate::state::{State, Wire};

/// The largest body that is read: an order with some ten thousand ids.
const BODY_BYTES_MAX: usize = 1 << 20;
/// How long requests in flight have when it is stopped.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Why a simulated vendor does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its options.
    #[error(transparent)]
    Options(#[from] Unusable),
    /// Its port.
    #[error("port {port} cannot be opened: {error}; --port names another, and 0 picks a free one")]
    Port {
        /// Which.
        port: u16,
        /// Why.
        error: io::Error,
    },
}

/// A simulated vendor.
#[derive(Debug, Clone, Copy)]
pub struct Simulator;

/// What handlers share.
pub(crate) struct Inside {
    state: Mutex<State>,
    stopped: watch::Receiver<bool>,
}

impl Inside {
    /// The state. A request that panicked left it whole enough to be looked at.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A simulated vendor that runs, until it is stopped or dropped.
pub struct Running {
    address: SocketAddr,
    inside: Arc<Inside>,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

impl Simulator {
    /// Starts a vendor on 127.0.0.1.
    ///
    /// # Errors
    /// When an option cannot be used, or the port is taken.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let port = options.port;
        let state = State::new(options)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let (listener, address) = listener
            .and_then(|listener| listener.local_addr().map(|address| (listener, address)))
            .map_err(|error| StartError::Port { port, error })?;
        let (stop, stopped) = watch::channel(false);
        let inside = Arc::new(Inside { state: Mutex::new(state), stopped: stopped.clone() });
        let router = Router::new()
            .merge(control::routes())
            .fallback(take_in)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(inside.clone());
        let served = tokio::spawn(async move {
            // It ends when it is told to: a listener that fails is tried again.
            let _ended = axum::serve(listener, router).with_graceful_shutdown(told(stopped)).await;
        });
        Ok(Running { address, inside, stop, served })
    }
}

/// Waits until it is stopped, or dropped.
async fn told(mut stopped: watch::Receiver<bool>) {
    let _dropped = stopped.wait_for(|stopped| *stopped).await;
}

async fn take_in(
    Shared(inside): Shared<Arc<Inside>>,
    method: Method,
    uri: Uri,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = Call { method, path: uri.path().to_owned(), query, headers, body };
    let (sent, clock, until) = {
        let mut state = inside.state();
        let clock = state.options.clock.clone();
        let now = clock.now();
        let sent = state.take_in(&call, uri.query().unwrap_or_default(), now);
        let until = now.saturating_add(sent.wait).unwrap_or(now);
        (sent, clock, until)
    };
    // By its clock, so that a test decides when it is over.
    let left = Duration::try_from(until.duration_since(clock.now())).unwrap_or_default();
    if !left.is_zero() {
        let waiting = clock.within(left, std::future::pending::<()>());
        tokio::select! {
            _over = waiting => {}
            () = told(inside.stopped.clone()) => {}
        }
    }
    match sent.wire {
        Wire::Whole => sent.answer.into_response(),
        Wire::Dropped => broken(sent.answer, 0),
        Wire::CutOff => {
            let half = sent.answer.body.len() / 2;
            broken(sent.answer, half)
        }
    }
}

/// An answer of which so many bytes arrive.
fn broken(answer: Answer, bytes: usize) -> Response {
    let promised = answer.body.len();
    let start = (bytes > 0).then(|| Ok(answer.body.slice(..bytes)));
    let end = stream::once(async move {
        // What came before is sent in the meantime. Where there is nothing, not even the head is.
        if bytes > 0 {
            tokio::task::yield_now().await;
        }
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, promised.into());
    *response.body_mut() = Body::from_stream(stream::iter(start).chain(end));
    response
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, where it is controlled.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base of the API, as a client is told it.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}{}", self.url(), self.inside.state().options.vendor.base_path())
    }

    /// The key that is let in.
    #[must_use]
    pub fn key(&self) -> String {
        self.inside.state().options.key.clone()
    }

    /// The id of Trackstar's oldest connection, if one is left; DoorLoop has none.
    #[must_use]
    pub fn connection_id(&self) -> Option<String> {
        self.inside.state().connection_id().map(str::to_owned)
    }

    /// The access token of Trackstar's oldest connection, if one is left; DoorLoop has none.
    #[must_use]
    pub fn access_token(&self) -> Option<String> {
        self.inside.state().access_token().map(str::to_owned)
    }

    /// What the pages of Trackstar do once a brand's owner has agreed: a code in place of the link's token, if there is such a link.
    #[must_use]
    pub fn agree(&self, link_token: &str) -> Option<String> {
        self.inside.state().links.agree(link_token)
    }

    /// The access token of one of Trackstar's connections.
    #[must_use]
    pub fn access_token_of(&self, connection_id: &str) -> Option<String> {
        self.inside.state().links.token_of(connection_id).map(str::to_owned)
    }

    /// How many connections Trackstar has.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.inside.state().links.count()
    }

    /// Where Google gives access tokens.
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("{}{}", self.url(), gbp::TOKEN_PATH)
    }

    /// The secret of a connection to one of Google's accounts: the OAuth client's, and the refresh token.
    #[must_use]
    pub fn google_secret(&self, account: u32) -> String {
        let key = self.key();
        format!("{key} {key}-{account}")
    }

    /// How many access tokens Google gave.
    #[must_use]
    pub fn refreshes(&self) -> u64 {
        self.inside.state().google.refreshes
    }

    /// How often each of Google's locations was edited, by name, and the last 20,000 edits.
    #[must_use]
    pub fn edits(&self) -> (BTreeMap<String, u64>, Vec<Edit>) {
        let state = self.inside.state();
        (state.google.counts.clone(), state.google.edits.iter().cloned().collect())
    }

    /// Does what somebody at Google does, or whoever agreed.
    ///
    /// # Errors
    /// When there is no such location.
    pub fn change_google(&self, change: &GoogleChange) -> Result<(), Unusable> {
        let mut state = self.inside.state();
        let State { google, rows, .. } = &mut *state;
        google.change(rows, change)
    }

    /// How many requests of the API there were, and the last 20,000 of them.
    #[must_use]
    pub fn requests(&self) -> (u64, Vec<Seen>) {
        let state = self.inside.state();
        (state.requests.count, state.requests.last.iter().cloned().collect())
    }

    /// How many rows an entity has, if there is one.
    #[must_use]
    pub fn rows(&self, entity: &str) -> Option<u64> {
        let state = self.inside.state();
        Some(state.rows.dataset(state.rows.entity(entity)?).len())
    }

    /// Sets a fault, beside those that are set.
    ///
    /// # Errors
    /// When it makes no sense for this vendor, or there are too many.
    pub fn set_fault(&self, fault: Fault) -> Result<(), Unusable> {
        self.inside.state().arm(vec![fault])
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.inside.state().armed.clear();
    }

    /// Changes rows.
    ///
    /// # Errors
    /// When there is no such entity or row, or there would be too many.
    pub fn change_rows(&self, order: &RowsChange) -> Result<RowsChanged, Unusable> {
        let mut state = self.inside.state();
        let now = state.options.clock.now();
        state.rows.order(order, now.as_millisecond())
    }

    /// Puts everything back to what it was at the start: rows, faults, limits, connections, requests.
    ///
    /// # Errors
    /// None: the options were good enough for the start.
    pub fn reset(&self) -> Result<(), Unusable> {
        control::reset(&mut self.inside.state())
    }

    /// Stops, once the requests in flight are answered or have had their time.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(STOP_MAX, &mut self.served).await.is_err() {
            self.served.abort();
        }
    }
}
