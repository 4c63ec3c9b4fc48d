//! Kept connections to one service: HTTP/1.1, with TLS where its endpoint has it.
//!
//! They do one thing: a request out, its answer in, within a time. What is tried again, and how, is not theirs to know; they say whether
//! a request that has no answer may have arrived. A connection whose answer was not read to its end is dropped with it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_rustls::TlsConnector;

use crate::aws::tls;
use crate::outside::Clock;

/// Connections at most. An instance has one event at a time, or a batch of ten; whoever finds none free waits for one.
const CONNECTIONS_MAX: u32 = 3;
/// How long a connection may take until it is there, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// How long an answer may take. What takes longer has the SDK's patience.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// The longest answer: an item of 400 KB, with its bytes as base64.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// A connection that nothing went over for so long is not used again, as by the SDK's client: something on the way may have forgotten it.
const IDLE_MAX_MS: i64 = 90_000;
/// For how long nothing is tried after a service could not be reached, did not answer in time, or answered otherwise than is understood:
/// each call would be made in vain before it is made in the other way, where attempts are counted and spread.
const REST_MS: i64 = 30_000;

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    host: String,
    port: u16,
    has_tls: bool,
}

impl Address {
    /// Of an endpoint: `https://dynamodb.eu-west-1.amazonaws.com`. None where it is no such URL.
    pub(super) fn of(endpoint: &str) -> Option<Self> {
        let uri: Uri = endpoint.parse().ok()?;
        let has_tls = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let port = uri.port_u16().unwrap_or(if has_tls { 443 } else { 80 });
        let is_root = matches!(uri.path(), "" | "/") && uri.query().is_none();
        // An address of version 6 has brackets here, and none where it is dialled. AWS has no such endpoint.
        let host = uri.host().filter(|host| !host.starts_with('['))?.to_owned();
        is_root.then_some(Self { host, port, has_tls })
    }

    /// What the header `host` says.
    pub(super) fn authority(&self) -> String {
        let usual = if self.has_tls { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nothing of the request has left.
    NotSent,
    /// It may have arrived, and may have had its effect.
    Unknown,
}

/// A connection that is free.
struct Kept {
    sender: SendRequest<Full<Bytes>>,
    used_ms: i64,
}

/// The connections to one service.
pub(super) struct Connections {
    address: Address,
    clock: Clock,
    places: Semaphore,
    free: Mutex<Vec<Kept>>,
    rests_until_ms: AtomicI64,
}

impl Connections {
    pub(super) fn new(address: Address, clock: Clock) -> Self {
        let places = Semaphore::new(CONNECTIONS_MAX as usize);
        Self { address, clock, places, free: Mutex::default(), rests_until_ms: AtomicI64::new(i64::MIN) }
    }

    /// Opens the first connection beside what else is done. A request that comes meanwhile waits for it, and does not open another.
    pub(super) fn prepare(self: Arc<Self>) {
        tokio::spawn(async move {
            let Ok(_all) = self.places.acquire_many(CONNECTIONS_MAX).await else { return };
            match self.connect().await {
                Some(sender) => self.keep(sender),
                None => self.rest(),
            }
        });
    }

    /// Sends a request, and waits for its answer.
    pub(super) async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, NoAnswer> {
        if self.rests() {
            return Err(NoAnswer::NotSent);
        }
        // As long as an answer may take, others are waited for. Whoever they wait for may have waited in vain.
        let place = self.clock.within(ANSWER_MAX, self.places.acquire()).await;
        let Some(Ok(place)) = place.filter(|_| !self.rests()) else { return Err(NoAnswer::NotSent) };
        let answered = self.clock.within(ANSWER_MAX, self.over_kept(request, place)).await;
        let unknown = |why: &str| tracing::warn!(host = %self.address.host, why, "call left to the SDK");
        match answered {
            Some(Err(NoAnswer::Unknown)) => unknown("the answer broke off"),
            Some(_) => {}
            None => {
                unknown("no answer in time");
                self.rest();
            }
        }
        answered.unwrap_or(Err(NoAnswer::Unknown))
    }

    /// Over a connection that is free, or over a new one where there is none that still takes it.
    async fn over_kept(
        &self,
        mut request: Request<Full<Bytes>>,
        _place: SemaphorePermit<'_>,
    ) -> Result<Answer, NoAnswer> {
        while let Some(mut sender) = self.take() {
            match sender.try_send_request(request).await {
                Ok(response) => return self.read(sender, response).await,
                // It was closed meanwhile, as a service does with one that is idle.
                Err(mut error) => request = error.take_message().ok_or(NoAnswer::Unknown)?,
            }
        }
        let Some(mut sender) = self.connect().await else {
            self.rest();
            return Err(NoAnswer::NotSent);
        };
        match sender.try_send_request(request).await {
            Ok(response) => self.read(sender, response).await,
            Err(mut error) => Err(error.take_message().map_or(NoAnswer::Unknown, |_| NoAnswer::NotSent)),
        }
    }

    async fn read(
        &self,
        sender: SendRequest<Full<Bytes>>,
        response: http::Response<hyper::body::Incoming>,
    ) -> Result<Answer, NoAnswer> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|_| NoAnswer::Unknown)?;
        self.keep(sender);
        Ok(Answer { status: head.status, body: body.to_bytes() })
    }

    fn take(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest_ms = self.now_ms() - IDLE_MAX_MS;
        // The one that was used last is the likeliest to be there still.
        while let Some(kept) = free.pop() {
            if kept.used_ms >= oldest_ms && !kept.sender.is_closed() {
                return Some(kept.sender);
            }
        }
        None
    }

    fn keep(&self, sender: SendRequest<Full<Bytes>>) {
        let kept = Kept { sender, used_ms: self.now_ms() };
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
    }

    async fn connect(&self) -> Option<SendRequest<Full<Bytes>>> {
        let connected = self.clock.within(CONNECT_MAX, self.dial()).await;
        let failed = |why: &str| tracing::warn!(host = %self.address.host, why, "no kept connection");
        match connected {
            Some(Ok(sender)) => Some(sender),
            Some(Err(error)) => {
                failed(&error.to_string());
                None
            }
            None => {
                failed("it took too long");
                None
            }
        }
    }

    async fn dial(&self) -> Result<SendRequest<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
        let Address { host, port, has_tls } = &self.address;
        let tcp = TcpStream::connect((host.as_str(), *port)).await?;
        tcp.set_nodelay(true)?;
        if !has_tls {
            return Ok(opened(tcp).await?);
        }
        let name = ServerName::try_from(host.clone())?;
        let tls = TlsConnector::from(tls::client_config()?).connect(name, tcp).await?;
        Ok(opened(tls).await?)
    }

    /// Whether nothing is to be tried now.
    fn rests(&self) -> bool {
        self.now_ms() < self.rests_until_ms.load(Ordering::Relaxed)
    }

    /// Lets nothing be tried for a while.
    pub(super) fn rest(&self) {
        self.rests_until_ms.store(self.now_ms() + REST_MS, Ordering::Relaxed);
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }
}

/// HTTP over a stream. What drives it ends when its sender is dropped, or the other side closes.
async fn opened<S>(stream: S) -> hyper::Result<SendRequest<Full<Bytes>>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move { drop(driver.await) });
    Ok(sender)
}
