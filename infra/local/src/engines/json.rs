//! AWS's JSON protocol in front of the engines that are the host's own: one operation a request, named by its target.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::Service;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Much more than any request of these services may have.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// A client that sends its body more slowly than this is let go.
const BODY_WAIT_MAX: Duration = Duration::from_secs(30);

/// Why a request is refused, as AWS names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refused {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }
}

/// What answers.
pub(crate) trait Engine: Clone + Send + Sync + 'static {
    /// What its targets begin with.
    const TARGET: &'static str;

    /// Performs an operation.
    fn perform(&self, operation: &str, request: &[u8]) -> Result<Value, Refused>;
}

/// An engine's server.
#[derive(Clone)]
pub(crate) struct JsonHandler<E>(pub(crate) E);

impl<E: Engine> Service<Request<Incoming>> for JsonHandler<E> {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let engine = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
            let operation = target.strip_prefix(E::TARGET).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
            let body = tokio::time::timeout(BODY_WAIT_MAX, Limited::new(body, BODY_BYTES_MAX).collect()).await;
            let answer = match body {
                Ok(Ok(body)) => engine.perform(operation, &body.to_bytes()),
                Ok(Err(error)) => Err(Refused::new("SerializationException", error.to_string())),
                Err(_) => Err(Refused::new("SerializationException", "the body did not arrive in time")),
            };
            let (status, body) = match answer {
                Ok(body) => (StatusCode::OK, body),
                Err(Refused { code, message }) => {
                    tracing::debug!(target, code, message, "refused");
                    (StatusCode::BAD_REQUEST, json!({"__type": code, "message": message}))
                }
            };
            let mut response = Response::new(Full::new(body.to_string().into()));
            *response.status_mut() = status;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
            Ok(response)
        })
    }
}

/// A request's body. A field that an engine does not know is refused: to pass over it could be to do something else.
pub(crate) fn read<T: DeserializeOwned>(request: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(request).map_err(|error| {
        // The text of another error may quote the body.
        let kind =
            if error.is_data() { "has a field that is missing, unknown or of another kind" } else { "is no JSON" };
        Refused::validation(format!("the body {kind} (line {}, column {})", error.line(), error.column()))
    })
}

/// A value's text, the same for equal values.
pub(crate) fn text(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts in maps")
}

pub(crate) fn no_operation(operation: &str) -> Refused {
    Refused::new("UnknownOperationException", format!("the local host has no operation {operation:?}"))
}
