//! `Retry-After`: how long a vendor asks to be left alone (RFC 9110, section 10.2.3).

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;

/// How long, as the vendor says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// From now on.
    Seconds(u64),
    /// Until then.
    At(Timestamp),
}

impl RetryAfter {
    /// Reads it from an answer that says that there is no answer yet: 429 or 503. What cannot be read is absent.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            return None;
        }
        let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // More than fits is as long as anything.
            return Some(Self::Seconds(text.parse().unwrap_or(u64::MAX)));
        }
        let at = httpdate::parse_http_date(text).ok()?;
        Some(Self::At(Timestamp::try_from(at).unwrap_or(Timestamp::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_from_answers_that_ask_for_one() {
        let at = RetryAfter::At("2026-01-15T12:30:00Z".parse().unwrap());
        for (status, text, expected) in [
            (429, "1800", Some(RetryAfter::Seconds(1800))),
            (503, " 5 ", Some(RetryAfter::Seconds(5))),
            (429, "Thu, 15 Jan 2026 12:30:00 GMT", Some(at)),
            (429, "Thursday, 15-Jan-26 12:30:00 GMT", Some(at)),
            (429, "Thu Jan 15 12:30:00 2026", Some(at)),
            (429, "Fri, 31 Dec 9999 23:59:59 GMT", Some(RetryAfter::At(Timestamp::MAX))),
            (429, "999999999999999999999999", Some(RetryAfter::Seconds(u64::MAX))),
            (200, "1800", None),
            (500, "1800", None),
            (429, "soon", None),
            (429, "-1", None),
            (429, "", None),
        ] {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(RetryAfter::of(StatusCode::from_u16(status).unwrap(), &headers), expected, "{status} {text}");
        }
        assert_eq!(RetryAfter::of(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new()), None);
    }
}
