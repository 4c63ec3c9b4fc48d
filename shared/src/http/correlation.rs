//! The trace of a request: one id, taken from the caller or made, in every log line, event and answer.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tracing::Instrument as _;

use crate::domain::correlation::{self, SOURCES, is_plain};
use crate::outside::Outside;

/// The header that carries the id in an answer.
pub const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// What browsers are told with every answer: not to frame it, and not to guess what it is.
const SECURITY: [(HeaderName, &str); 3] = [
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_XSS_PROTECTION, "1; mode=block"),
];

/// The id of a request, among its extensions.
#[derive(Debug, Clone)]
pub struct CorrelationId(pub String);

/// The id that a request carries, if it is one that can be logged.
#[must_use]
pub fn from_headers(headers: &HeaderMap) -> Option<String> {
    let found = SOURCES.iter().filter_map(|name| headers.get(*name)?.to_str().ok()).map(str::trim);
    found.filter(|id| is_plain(id)).map(String::from).next()
}

/// Middleware: finds or makes the id, logs the request by its route (never its query, which may hold a token), and
/// echoes the id.
pub async fn trace(State(outside): State<Outside>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let started = outside.clock.now().as_millisecond();
    let clock = outside.clock.clone();
    traced(&outside, request, async |request| {
        let response = next.run(request).await;
        let elapsed_ms = clock.now().as_millisecond() - started;
        tracing::info!(%method, route, status = response.status().as_u16(), elapsed_ms, "answered");
        response
    })
    .await
}

/// The same without a line: for a function whose work says itself what became of each request, as a second line would cost as
/// much again. Status and duration are in the gateway's log.
pub async fn trace_alone(State(outside): State<Outside>, request: Request, next: Next) -> Response {
    traced(&outside, request, async |request| next.run(request).await).await
}

async fn traced(outside: &Outside, mut request: Request, answer: impl AsyncFnOnce(Request) -> Response) -> Response {
    let id = from_headers(request.headers());
    let id = id.unwrap_or_else(|| correlation::made(outside.clock.now(), outside.entropy.bytes16()));
    request.extensions_mut().insert(CorrelationId(id.clone()));
    let span = tracing::info_span!("request", correlation_id = %id);
    let mut response = answer(request).instrument(span).await;
    for (name, value) in SECURITY {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    // A handler that found a better one, in the body, has set it.
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().entry(HEADER).or_insert(value);
    }
    response
}
