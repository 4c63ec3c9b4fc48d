//! The HTTP front, as API Gateway's HTTP API is: a request becomes an event of payload format 2.0, the function's
//! answer a response. A route that the template does not have does not exist.

mod admission;
pub(crate) mod cors;
pub mod event;
pub(crate) mod function_url;
pub(crate) mod hosts;
pub mod routes;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::middleware::{self, Next};
use axum::response::IntoResponse as _;
use axum::routing::any;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::service::TowerToHyperService;
use signalbox::outside::{Clock, Entropy};
use tokio::net::TcpListener;
use tower_http::cors::CorsLayer;

use self::event::Arrived;
use self::hosts::Hosts;
use self::routes::Routes;
use crate::host::invoke::{InvokeError, Invoker};
use crate::server::{self, Limits};

/// API Gateway's limit of a request's body.
const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;
/// API Gateway's limit of an integration; the function may go on after it.
const INTEGRATION_MAX: Duration = Duration::from_secs(30);
/// A client that sends its body more slowly than this is let go.
const BODY_WAIT_MAX: Duration = Duration::from_secs(30);
/// What clients may hold. A browser keeps six connections.
const LIMITS: Limits = Limits { connections_max: 1_000, head_wait: Duration::from_secs(20) };

pub(crate) struct Gateway {
    pub(crate) routes: Routes,
    /// Functions that have a URL of their own.
    pub(crate) urls: BTreeSet<String>,
    pub(crate) hosts: Hosts,
    /// The front's own.
    pub(crate) port: u16,
    pub(crate) invoker: Arc<Invoker>,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
}

/// Which pages may call: the API, and each function that has a URL of its own.
pub(crate) struct Pages {
    pub(crate) api: Option<CorsLayer>,
    pub(crate) urls: BTreeMap<String, Option<CorsLayer>>,
}

/// Serves until `stop` resolves and the requests in flight are answered.
pub(crate) async fn serve(listener: TcpListener, gateway: Gateway, pages: Pages, stop: impl Future<Output = ()>) {
    let gateway = Arc::new(gateway);
    let with = |app: axum::Router, cors: Option<CorsLayer>| match cors {
        Some(cors) => app.layer(cors),
        None => app,
    };
    let mut app = with(axum::Router::new().fallback(answer).with_state(Arc::clone(&gateway)), pages.api);
    for (function, cors) in pages.urls {
        let below = function_url::path_of(&function);
        let own = axum::Router::new().route(&below, any(answer)).route(&format!("{below}{{*within}}"), any(answer));
        app = app.merge(with(own.with_state(Arc::clone(&gateway)), cors));
    }
    // Around CORS, which answers preflights itself.
    let app = TowerToHyperService::new(app.layer(middleware::from_fn_with_state(gateway, admit)));
    let service_for = |client: SocketAddr| {
        let app = app.clone();
        service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(client));
            app.call(request)
        })
    };
    server::serve(listener, LIMITS, service_for, stop).await;
}

async fn admit(State(gateway): State<Arc<Gateway>>, request: axum::extract::Request, next: Next) -> Response<Body> {
    let (parts, body) = request.into_parts();
    match admission::admit(&parts, &gateway.hosts) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await.into_response(),
        Err((status, message)) => refusal(status, &message),
    }
}

async fn answer(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let request_id = uuid::Builder::from_random_bytes(gateway.entropy.bytes16()).into_uuid().to_string();
    let (client, port, now) = (client.ip(), gateway.port, gateway.clock.now());
    if let Some((function, path)) = function_url::find(&gateway.urls, parts.uri.path()) {
        // A stream is asked for without a body.
        let arrived = Arrived { parts: &parts, body: &[], client, port, now, request_id };
        return function_url::answer(&gateway, function, &path, arrived).await;
    }
    let Some(found) = gateway.routes.find(parts.method.as_str(), parts.uri.path()) else {
        return refusal(StatusCode::NOT_FOUND, "Not Found");
    };
    let body = match tokio::time::timeout(BODY_WAIT_MAX, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long");
        }
        Ok(Err(_)) => return refusal(StatusCode::BAD_REQUEST, "Bad Request"),
        Err(_) => return refusal(StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
    };
    let function = found.function.to_owned();
    let arrived = Arrived { parts: &parts, body: &body, client, port, now, request_id };
    let event = event::request(&arrived, &found);
    match gateway.invoker.invoke_within(&function, event, INTEGRATION_MAX).await {
        Ok(answer) => event::response(answer).unwrap_or_else(|reason| {
            tracing::error!(%function, reason, "the function's answer is no HTTP response");
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }),
        Err(error) => {
            tracing::error!(%function, %error, "no answer");
            match error {
                InvokeError::Failed { .. } => refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
                _ => refusal(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            }
        }
    }
}

fn refusal(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(serde_json::json!({"message": message}).to_string()));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}
