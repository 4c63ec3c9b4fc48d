//! The HTTP front, as API Gateway's HTTP API is: a request becomes an event of payload format 2.0, the function's
//! answer a response. A route that the template does not have does not exist.

pub(crate) mod cors;
pub mod event;
pub mod routes;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use signalbox::outside::{Clock, Entropy};
use tokio::net::TcpListener;
use tower_http::cors::CorsLayer;

use self::event::Arrived;
use self::routes::Routes;
use crate::host::invoke::{InvokeError, Invoker};

/// API Gateway's limit of a request's body.
const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;
/// API Gateway's limit of an integration; the function may go on after it.
const INTEGRATION_MAX: Duration = Duration::from_secs(30);
/// A client that sends its body more slowly than this is let go.
const BODY_WAIT_MAX: Duration = Duration::from_secs(30);

pub(crate) struct Gateway {
    pub(crate) routes: Routes,
    pub(crate) invoker: Arc<Invoker>,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) cors: Option<CorsLayer>,
}

/// Serves until `stop` resolves and the requests in flight are answered.
pub(crate) async fn serve(
    listener: TcpListener,
    mut gateway: Gateway,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let cors = gateway.cors.take();
    let mut app = axum::Router::new().fallback(answer).with_state(Arc::new(gateway));
    if let Some(cors) = cors {
        app = app.layer(cors);
    }
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(stop).await
}

async fn answer(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
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
    let request_id = uuid::Builder::from_random_bytes(gateway.entropy.bytes16()).into_uuid().to_string();
    let function = found.function.to_owned();
    let arrived = Arrived { parts: &parts, body: &body, client: client.ip(), now: gateway.clock.now(), request_id };
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
