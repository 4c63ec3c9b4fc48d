//! The first sync, so that a new user has something to see: one request to the host's own front, as a client makes it.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// The front answers within 30 s, whatever happens.
const WAIT_MAX: Duration = Duration::from_secs(40);

/// Syncs the project's catalogue and returns what the front answered.
///
/// # Errors
/// Why there is no run, in a sentence.
pub(crate) async fn sync(address: std::net::SocketAddr, token: &str) -> Result<Value, String> {
    tokio::time::timeout(WAIT_MAX, post(address, token)).await.map_err(|_| "no answer in time".to_owned())?
}

async fn post(address: std::net::SocketAddr, token: &str) -> Result<Value, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let stream = TcpStream::connect(address).await.map_err(|error| text(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| text(&error))?;
    let connection = tokio::spawn(connection);
    let request = Request::post("/api/catalog/moscot/sync")
        .header("host", address.to_string())
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from_static(b"{}")))
        .map_err(|error| text(&error))?;
    let response = sender.send_request(request).await.map_err(|error| text(&error))?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|error| text(&error))?.to_bytes();
    connection.abort();
    if !status.is_success() {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body)));
    }
    serde_json::from_slice(&body).map_err(|error| text(&error))
}
