//! Stands between a function and a service of AWS, and counts what is called, written and sent; with TLS, where that is wanted.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::Result;

/// Operations that write, whose answer can say what that cost.
const WRITES: [&str; 5] = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"];
/// Operations that read, whose answer can say so too.
const READS: [&str; 3] = ["GetItem", "Query", "BatchGetItem"];
const CAPACITY: &str = "ReturnConsumedCapacity";

/// What was written since the last look.
#[derive(Debug, Default, Clone)]
pub(crate) struct Written {
    /// Items put, updated or deleted.
    pub(crate) items: u64,
    /// Items by table, without the stack's name.
    pub(crate) tables: BTreeMap<String, u64>,
    /// Write capacity units that the answers' `ConsumedCapacity` names.
    pub(crate) units: f64,
    /// Requests that wrote.
    pub(crate) requests: u64,
    /// Writes whose condition did not hold. DynamoDB takes units for them too, and names them nowhere.
    pub(crate) refused: u64,
    /// Messages sent to a queue.
    pub(crate) sent: u64,
    /// Read capacity units that the answers name.
    pub(crate) read_units: f64,
    /// Connections that were made.
    pub(crate) connections: u64,
    /// Requests by operation.
    pub(crate) operations: BTreeMap<String, u64>,
}

/// What becomes of the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// They go through.
    Fair,
    /// They are refused for lack of throughput.
    Throttled,
    /// They have no answer.
    Hanging,
    /// They go through, and each way to the service and back takes as long: one for TCP, one for TLS, one for each request.
    Distant(Duration),
}

/// A counting proxy.
pub(crate) struct Proxy {
    pub(crate) url: String,
    written: Arc<Mutex<Written>>,
    weather: watch::Sender<Weather>,
    server: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy of the endpoint `http://host:port`.
    pub(crate) async fn start(endpoint: &str) -> Result<Self> {
        Self::start_with(endpoint, None).await
    }

    /// The same, which is reached by TLS where it is given what to answer with.
    pub(crate) async fn start_with(endpoint: &str, tls: Option<TlsAcceptor>) -> Result<Self> {
        let upstream = endpoint.strip_prefix("http://").ok_or("the endpoint is not on plain http")?.to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let url = match &tls {
            // By name, as the services are: the certificate is of it.
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        let written = Arc::new(Mutex::new(Written::default()));
        let counted = Arc::clone(&written);
        let (weather, today) = watch::channel(Weather::Fair);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (upstream, counted, today) = (upstream.clone(), Arc::clone(&counted), today.clone());
                let tls = tls.clone();
                // A connection that breaks shows as an error of the function.
                tokio::spawn(async move { drop(accept(stream, tls, &upstream, counted, today).await) });
            }
        });
        Ok(Self { url, written, weather, server })
    }

    /// From here on this becomes of the requests.
    pub(crate) fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// What was written since the last call.
    pub(crate) fn take(&self) -> Written {
        std::mem::take(&mut *self.written.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    upstream: &str,
    counted: Arc<Mutex<Written>>,
    today: watch::Receiver<Weather>,
) -> Result<()> {
    stream.set_nodelay(true)?;
    counted.lock().unwrap_or_else(PoisonError::into_inner).connections += 1;
    let weather = *today.borrow();
    if let Weather::Distant(way) = weather {
        // The kernel has accepted already: what that would have taken is made up for here.
        tokio::time::sleep(way * if tls.is_some() { 2 } else { 1 }).await;
    }
    match tls {
        Some(tls) => serve(tls.accept(stream).await?, upstream, counted, today).await,
        None => serve(stream, upstream, counted, today).await,
    }
}

/// Each connection has one of its own upstream.
async fn serve<S>(
    stream: S,
    upstream: &str,
    counted: Arc<Mutex<Written>>,
    today: watch::Receiver<Weather>,
) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let upstream = TcpStream::connect(upstream).await?;
    upstream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(upstream)).await?;
    tokio::spawn(async move { drop(connection.await) });
    let sender = Arc::new(AsyncMutex::new(sender));
    let service = service_fn(move |request: Request<Incoming>| {
        let (sender, counted) = (Arc::clone(&sender), Arc::clone(&counted));
        let weather = *today.borrow();
        async move {
            let answer = async {
                match weather {
                    Weather::Fair => {}
                    Weather::Throttled => return Ok(throttled()),
                    Weather::Hanging => std::future::pending().await,
                    Weather::Distant(way) => tokio::time::sleep(way).await,
                }
                let (mut parts, body) = request.into_parts();
                let mut body = body.collect().await?.to_bytes();
                let operation = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
                let operation = operation.and_then(|target| target.rsplit_once('.')).map(|(_, name)| name.to_owned());
                let mut sent: Value = serde_json::from_slice(&body).unwrap_or_default();
                let operation = operation.unwrap_or_default();
                let is_of_tables = WRITES.contains(&operation.as_str()) || READS.contains(&operation.as_str());
                if is_of_tables && sent[CAPACITY].is_null() {
                    // Whoever does not ask what a call costs is told all the same. The endpoint checks no signature.
                    sent[CAPACITY] = "TOTAL".into();
                    body = sent.to_string().into();
                    parts.headers.insert(CONTENT_LENGTH, body.len().into());
                }
                let request = Request::from_parts(parts, Full::new(body));
                let (parts, body) = sender.lock().await.send_request(request).await?.into_parts();
                let body = body.collect().await?.to_bytes();
                let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
                let mut written = counted.lock().unwrap_or_else(PoisonError::into_inner);
                *written.operations.entry(operation.clone()).or_default() += 1;
                if parts.status.is_success() {
                    written.count(&operation, &sent, &answer);
                } else if answer["__type"]
                    .as_str()
                    .is_some_and(|kind| kind.ends_with("ConditionalCheckFailedException"))
                {
                    written.refused += 1;
                }
                drop(written);
                Ok::<_, hyper::Error>(Response::from_parts(parts, Full::new(body)))
            };
            Ok::<_, Infallible>(answer.await.unwrap_or_else(|error| {
                let mut response = Response::new(Full::new(Bytes::from(error.to_string())));
                *response.status_mut() = http::StatusCode::BAD_GATEWAY;
                response
            }))
        }
    });
    Ok(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await?)
}

fn throttled() -> Response<Full<Bytes>> {
    let code = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
    let mut response = Response::new(Full::new(Bytes::from(format!(r#"{{"__type":"{code}","message":"slow down"}}"#))));
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    response
}

impl Written {
    fn count(&mut self, operation: &str, sent: &Value, answer: &Value) {
        let before = self.items;
        let consumed = &answer["ConsumedCapacity"];
        let all = consumed.as_array().map_or_else(|| std::slice::from_ref(consumed), Vec::as_slice);
        let units = all.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum::<f64>();
        match operation {
            "PutItem" | "UpdateItem" | "DeleteItem" => self.item(&sent["TableName"], 1),
            "BatchWriteItem" => {
                for (table, requests) in sent["RequestItems"].as_object().into_iter().flatten() {
                    let left = answer["UnprocessedItems"][table].as_array().map_or(0, Vec::len);
                    self.item(&table.as_str().into(), (requests.as_array().map_or(0, Vec::len) - left) as u64);
                }
            }
            "TransactWriteItems" => {
                for step in sent["TransactItems"].as_array().into_iter().flatten() {
                    for kind in ["Put", "Update", "Delete"] {
                        if let Some(step) = step.get(kind) {
                            self.item(&step["TableName"], 1);
                        }
                    }
                }
            }
            "SendMessage" => self.sent += 1,
            _ if READS.contains(&operation) => return self.read_units += units,
            _ => return,
        }
        self.requests += u64::from(self.items > before);
        self.units += units;
    }

    fn item(&mut self, table: &Value, count: u64) {
        let name = table.as_str().unwrap_or_default();
        let name = name.split('-').find(|part| part.ends_with("Table")).unwrap_or(name);
        *self.tables.entry(name.to_owned()).or_default() += count;
        self.items += count;
    }
}
