//! From a request to an arrival: the raw body, and the headers that matter.

use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use http::HeaderMap;
use signalbox::domain::delivery::Door;
use signalbox::engine::deliveries::arrival::{Arrival, ArrivedBody, Headers};
use signalbox::engine::deliveries::context::Deliveries;
use signalbox::engine::deliveries::headers::needed;
use signalbox::http::correlation::{self, CorrelationId};

/// What is kept of a header's value. One more than any reader takes, so that what was cut is too long for it.
const HEADER_BYTES_MAX: usize = 4096 + 1;

/// Takes a request apart.
pub(crate) async fn read(
    deliveries: &Deliveries,
    door: Door,
    headers: &HeaderMap,
    trace: CorrelationId,
    body: Body,
) -> Arrival {
    let body = ArrivedBody::read(body.into_data_stream()).await;
    // Each once: how many there are is bounded by what is looked for.
    let kept = needed(&deliveries.senders, &door).into_iter();
    let kept = kept.filter_map(|name| Some((name.to_owned(), text(headers, name)?))).collect();
    Arrival {
        door,
        headers: Headers(kept),
        body,
        correlation_made: correlation::from_headers(headers).is_none(),
        correlation_id: trace.0,
        received_at: deliveries.now(),
    }
}

/// What a path names; where its encoding is broken, a name that nobody can have. It goes the way of all such names: its
/// signature is looked at, its refusal kept, and the answer is in the route's own form.
pub(crate) fn named<T>(path: Result<Path<T>, PathRejection>, nobody: impl FnOnce(String) -> T) -> T {
    path.map_or_else(|_| nobody(char::REPLACEMENT_CHARACTER.into()), |Path(named)| named)
}

/// A header's value. What is no UTF-8, or too long, stays unusable: a header that was sent must not count as absent.
pub(crate) fn text(headers: &HeaderMap, name: &str) -> Option<String> {
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
