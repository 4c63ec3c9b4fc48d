//! From a request to an arrival: the raw body, and the headers that matter. What all doors do with it.

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::ExtensionRejection;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use signalbox::domain::deliveries::delivery::Door;
use signalbox::engine::deliveries::arrival::{Arrival, ArrivedBody, Headers};
use signalbox::engine::deliveries::context::Deliveries;
use signalbox::engine::deliveries::headers::needed;
use signalbox::engine::deliveries::take_in::{Intake, IntakeError, NotTakenIn, take_in};
use signalbox::http::correlation::{self, CorrelationId};
use signalbox::http::problem::{RETRY_AFTER, UNAVAILABLE};

/// What is kept of a header's value. One more than any reader takes, so that what was cut is too long for it.
const HEADER_BYTES_MAX: usize = 4096 + 1;

/// A request at any door.
pub(crate) struct Incoming {
    deliveries: Deliveries,
    trace: CorrelationId,
    headers: HeaderMap,
    body: Body,
}

impl FromRequest<Deliveries> for Incoming {
    type Rejection = ExtensionRejection;

    async fn from_request(request: Request, deliveries: &Deliveries) -> Result<Self, ExtensionRejection> {
        let (mut parts, body) = request.into_parts();
        let Extension(trace) = Extension::from_request_parts(&mut parts, deliveries).await?;
        Ok(Self { deliveries: deliveries.clone(), trace, headers: parts.headers, body })
    }
}

/// Why a sender must send again; the fault is logged.
pub(crate) struct SendAgain {
    /// The status.
    pub(crate) status: StatusCode,
    /// The stable code.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) message: &'static str,
    /// The trace, if the body had a better one.
    pub(crate) trace: Option<String>,
}

impl SendAgain {
    fn new(IntakeError { why, trace }: IntakeError) -> Self {
        match why {
            NotTakenIn::Unread(_) => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                code: UNAVAILABLE.kind.code,
                message: "whom it is from could not be looked up: send it again",
                trace,
            },
            NotTakenIn::NotStored(_) => Self {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                code: "storage_failed",
                message: "it could not be stored: send it again",
                trace,
            },
        }
    }

    /// An answer in the words of a door, with the time after which its sender may come again where that is soon.
    pub(crate) fn answered(&self, mut response: Response) -> Response {
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        response
    }
}

impl Incoming {
    /// A header's value; what is blank counts as absent.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        text(&self.headers, name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Takes it in at a door.
    pub(crate) async fn take_in(self, door: Door) -> Result<Intake, SendAgain> {
        // Whom to verify with. Who cannot be asked for is neither known nor unknown, and must come again.
        let failed = |error: IntakeError| {
            tracing::error!(fault = %error, "delivery not taken in");
            SendAgain::new(error)
        };
        let behind = self.deliveries.behind(&door).await;
        let behind = behind.map_err(|fault| failed(IntakeError { why: NotTakenIn::Unread(fault), trace: None }))?;
        // Each once: how many there are is bounded by what is looked for.
        let kept = needed(&self.deliveries.senders, behind.as_deref(), &door).into_iter();
        let kept = kept.filter_map(|name| Some((name.to_owned(), text(&self.headers, name)?))).collect();
        let arrival = Arrival {
            door,
            behind,
            headers: Headers(kept),
            body: ArrivedBody::read(self.body.into_data_stream()).await,
            correlation_made: correlation::from_headers(&self.headers).is_none(),
            correlation_id: self.trace.0,
            received_at: self.deliveries.now(),
        };
        take_in(&self.deliveries, &arrival).await.map_err(failed)
    }
}

/// A header's value. One that is not UTF-8, or is too long, is made unusable rather than dropped: a header that was sent must
/// not count as absent.
fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut text = String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned();
    if text.len() > HEADER_BYTES_MAX {
        text.truncate(text.floor_char_boundary(HEADER_BYTES_MAX));
        // Readers trim: what is left must not look whole.
        text.push(char::REPLACEMENT_CHARACTER);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_value_is_text_and_what_is_none_is_not_absent() {
        for (value, expected) in [
            ("vare-æ-1".as_bytes(), "vare-æ-1"),
            (b"vare-\xe6-1", "vare-\u{FFFD}-1"),
            (b"", ""),
            (&[b'k'; 5000], &format!("{}\u{FFFD}", "k".repeat(HEADER_BYTES_MAX))),
        ] {
            let headers = [(http::header::ORIGIN, HeaderValue::from_bytes(value).unwrap())].into_iter().collect();
            assert_eq!(text(&headers, "origin").as_deref(), Some(expected));
            assert_eq!(text(&headers, "idempotency-key"), None);
        }
    }
}
