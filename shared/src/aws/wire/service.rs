//! A request to a service: signed, and sent in the one way or the other.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use super::connections::{Answer, Connections, NoAnswer};
use super::signature::{Signer, moment};
use crate::aws::through::{SignedRequest, Through, code};
use crate::outside::Clock;

/// The protocol of both services.
const JSON: &str = "application/x-amz-json-1.0";
const TOKEN: &str = "x-amz-security-token";
/// How long an answer may take where the SDK's HTTP client carries the request: as long as one of the SDK's own attempts.
const THROUGH_MAX: Duration = Duration::from_secs(6);

/// A service, and what requests to it are made with.
pub(super) struct Service {
    pub(super) signer: Signer,
    pub(super) host: String,
    pub(super) way: Way,
    pub(super) clock: Clock,
}

pub(super) enum Way {
    Kept(Arc<Connections>),
    /// Through the HTTP client that stands in for the network below the SDK: on a laptop, where a function's rights are checked in it, and
    /// in tests, where faults are.
    Through(Through),
}

impl Service {
    /// Notes an answer that is none here. It is made through the SDK now, and so are all for a while: what is refused once is refused again,
    /// and who slows down is the SDK.
    pub(super) fn left(&self, answer: &Answer) {
        let (status, code) = (answer.status.as_u16(), code(&answer.body));
        tracing::warn!(host = self.host, status, code, "call left to the SDK");
        if let Way::Kept(connections) = &self.way {
            connections.rest();
        }
    }

    /// Makes a call. An answer may have any status.
    pub(super) async fn call(&self, target: &'static str, call: &impl Serialize) -> Result<Answer, NoAnswer> {
        let body = serde_json::to_vec(call).map_err(|_| NoAnswer::NotSent)?;
        let moment = moment(self.clock.now());
        let mut headers = Vec::with_capacity(6);
        headers.extend([("content-type", JSON), ("host", self.host.as_str()), ("x-amz-date", moment.as_str())]);
        headers.extend(self.signer.token().map(|token| (TOKEN, token)));
        headers.push(("x-amz-target", target));
        let authorization = self.signer.authorization(&moment, &headers, &body);
        match &self.way {
            Way::Kept(connections) => {
                let request = request(&headers, &authorization, body).ok_or(NoAnswer::NotSent)?;
                connections.exchange(request).await
            }
            Way::Through(through) => {
                headers.retain(|(name, _)| *name != HOST.as_str());
                headers.push((AUTHORIZATION.as_str(), &authorization));
                let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                let sent = SignedRequest { path: "/".into(), headers, body: body.into() };
                let (_, operation) = target.split_once('.').unwrap_or_default();
                let answered = through.send(operation, sent, THROUGH_MAX).await.map_err(|_| NoAnswer::Unknown)?;
                let status = StatusCode::from_u16(answered.status).map_err(|_| NoAnswer::Unknown)?;
                Ok(Answer { status, body: answered.body })
            }
        }
    }
}

/// A request; none where a header's value is none of HTTP's, which a region or a token can be.
fn request(headers: &[(&'static str, &str)], authorization: &str, body: Vec<u8>) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::post("/").body(Full::from(body)).ok()?;
    let into = request.headers_mut();
    for (name, value) in headers {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(*name == TOKEN);
        into.insert(*name, value);
    }
    let mut authorization = HeaderValue::from_str(authorization).ok()?;
    authorization.set_sensitive(true);
    into.insert(AUTHORIZATION, authorization);
    Some(request)
}
