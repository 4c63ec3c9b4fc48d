//! Who may speak to the engines: whoever has the host's access key, and no browser. And nobody once the files are gone that
//! the engines write to.
//!
//! The engines themselves let everybody in, and tell browsers that any page may read what they answer. The key is made anew
//! at each start and stands in the functions' environments alone, so that neither a page nor another user of the machine has
//! it. Its id is compared, and no signature verified: who knows the id knows the secret beside it, and between two ends of one
//! process there is nobody who could change a request.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::Service;

use crate::gateway::hosts;
use crate::host::clients::AccessKey;
use crate::host::data::Opened;
use crate::server::Limits;

/// What an engine's clients may hold. The SDK's pools keep connections for 90 s: shorter than this, so that the side that
/// sends is the side that hangs up.
pub(crate) const LIMITS: Limits = Limits { connections_max: 4_096, head_wait: Duration::from_secs(120) };
/// Longer than the longest poll, for a request and its answer.
const CALL_MAX: Duration = Duration::from_secs(60);

/// What a request must pass.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) access_key: AccessKey,
    /// What the engines write to; `None` when it is all in memory.
    pub(crate) files: Option<Opened>,
}

impl Guard {
    pub(crate) fn before<S>(&self, engine: S) -> Guarded<S> {
        Guarded { engine, guard: self.clone() }
    }
}

/// An engine behind a guard.
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    engine: S,
    guard: Guard,
}

impl<S, B> Service<Request<Incoming>> for Guarded<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<Either<B, Full<Bytes>>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if let Err(why) = admitted(&request, &self.guard.access_key) {
            let refusal = refusal(StatusCode::FORBIDDEN, "UnrecognizedClientException", why);
            return Box::pin(async { Ok(refusal) });
        }
        // Three looks at the file system, microseconds: what was acknowledged a moment before the host noticed would be lost.
        if let Some(Err(why)) = self.guard.files.as_ref().map(Opened::is_there) {
            // A status that the SDK does not try again at.
            let refusal = refusal(StatusCode::GONE, "StorageLost", &why);
            return Box::pin(async { Ok(refusal) });
        }
        let answering = self.engine.call(request);
        Box::pin(async move {
            let Ok(answered) = tokio::time::timeout(CALL_MAX, answering).await else {
                return Ok(refusal(
                    StatusCode::REQUEST_TIMEOUT,
                    "RequestTimeout",
                    "the request did not arrive in time",
                ));
            };
            let mut response = answered?;
            response.headers_mut().remove(ACCESS_CONTROL_ALLOW_ORIGIN);
            Ok(response.map(Either::Left))
        })
    }
}

fn admitted<B>(request: &Request<B>, access_key: &AccessKey) -> Result<(), &'static str> {
    let headers = request.headers();
    if headers.contains_key(ORIGIN) || request.method() == Method::OPTIONS {
        return Err("no page of a browser may call this port");
    }
    // The key would do. A page that was made to look like this port is refused before it can guess.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !hosts::parse(host).is_some_and(hosts::is_loopback) {
        return Err("this port answers to localhost, 127.0.0.1 and [::1] alone");
    }
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // AWS4-HMAC-SHA256 Credential=<key id>/<day>/<region>/<service>/aws4_request, SignedHeaders=…, Signature=…
    let id = authorization.split_once("Credential=").and_then(|(_, rest)| rest.split_once('/')).map(|(id, _)| id);
    if id.is_some_and(|id| access_key.is(id)) {
        Ok(())
    } else {
        Err("the request is not signed with the access key that the local host made at its start")
    }
}

/// As AWS words a refusal, which the SDK reads.
fn refusal<B>(status: StatusCode, code: &str, why: &str) -> Response<Either<B, Full<Bytes>>> {
    let body = serde_json::json!({"__type": code, "message": why}).to_string();
    let mut response = Response::new(Either::Right(Full::new(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_the_key_is_let_in_and_no_browser() {
        let key = AccessKey::generate().unwrap();
        let signed = format!("AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/sqs/aws4_request, Signature=x", key.id);
        let with = |method: &str, headers: &[(&str, &str)]| {
            let request = headers
                .iter()
                .fold(Request::builder().method(method), |request, (name, value)| request.header(*name, *value));
            admitted(&request.body(()).unwrap(), &key)
        };
        let own = [("host", "127.0.0.1:1"), ("authorization", &signed)];
        assert_eq!(with("POST", &own), Ok(()));
        for (method, headers) in [
            ("POST", vec![]),
            ("POST", vec![own[0]]),
            ("POST", vec![own[0], ("authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/x, Signature=x")]),
            ("POST", vec![own[0], ("authorization", "AWS4-HMAC-SHA256 Credential=/20260101/x, Signature=x")]),
            ("POST", vec![own[0], ("authorization", &signed[..60])]),
            ("POST", vec![own[0], own[1], ("origin", "http://localhost:3000")]),
            ("OPTIONS", own.to_vec()),
            ("POST", vec![("host", "rebound.example:1"), own[1]]),
            ("POST", vec![own[1]]),
        ] {
            assert!(with(method, &headers).is_err(), "{method} {headers:?}");
        }
    }
}
