//! From a request to an arrival: the raw body, and the headers that matter.

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::HeaderMap;
use signalbox::domain::delivery::Door;
use signalbox::engine::deliveries::context::Deliveries;
use signalbox::engine::deliveries::take_in::{Arrival, Headers};
use signalbox::http::correlation::{self, CorrelationId};

/// More than Lambda itself lets through.
const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Headers that are looked at, and kept with a rejected delivery.
const HEADERS_MAX: usize = 40;
const HEADER_BYTES_MAX: usize = 4096;
/// Credentials of other kinds: nobody verifies a webhook by them, and they must not be stored.
const LEFT_OUT: [&str; 5] = ["authorization", "cookie", "proxy-authorization", "x-admin-token", "x-service-token"];

/// Takes a request apart; a body that is more than any function gets counts as one that is too large.
pub(crate) async fn read(
    deliveries: &Deliveries,
    door: Door,
    headers: &HeaderMap,
    trace: CorrelationId,
    body: Body,
) -> Arrival {
    let body = to_bytes(body, REQUEST_BYTES_MAX).await.unwrap_or_else(|_| Bytes::from(vec![0; REQUEST_BYTES_MAX]));
    let kept = headers
        .iter()
        .filter(|(name, value)| !LEFT_OUT.contains(&name.as_str()) && value.len() <= HEADER_BYTES_MAX)
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .take(HEADERS_MAX)
        .collect();
    Arrival {
        door,
        headers: Headers(kept),
        body,
        correlation_made: correlation::from_headers(headers).is_none(),
        correlation_id: trace.0,
        received_at: deliveries.now(),
    }
}
