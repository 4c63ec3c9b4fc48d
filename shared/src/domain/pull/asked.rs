//! What a vendor asks for in the headers of an answer: to be left alone until a time, or not to be asked more than so often.
//!
//! There is one standard header, `Retry-After` (RFC 9110, section 10.2.3), and many spellings of the others. A vendor may be wrong, or
//! have another clock: what it says is bounded by [`ASKED_MAX`].

use jiff::{SignedDuration, Timestamp};

use super::answer::Class;
use crate::domain::time;

/// The longest that a vendor's word is taken for. What asks for more is asked again after it.
pub const ASKED_MAX: SignedDuration = SignedDuration::from_hours(24);

/// From here on a number of seconds is one since the epoch: as a wait it would be 31 years.
const EPOCH_SECONDS_MIN: u64 = 1_000_000_000;
/// And from here on it is of milliseconds: of seconds it would be the year 5138.
const EPOCH_MILLISECONDS_MIN: u64 = 100_000_000_000;

const RETRY_AFTER: [&str; 3] = ["retry-after", "x-rate-limit-retry-after", "x-ratelimit-retry-after"];
const LIMIT: [&str; 3] = ["x-ratelimit-limit", "x-rate-limit-limit", "ratelimit-limit"];
const REMAINING: [&str; 3] = ["x-ratelimit-remaining", "x-rate-limit-remaining", "ratelimit-remaining"];
const RESET: [&str; 3] = ["x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset"];

/// How long a vendor asks to be left alone, as it says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// From now on.
    Seconds(u64),
    /// Until then.
    At(Timestamp),
}

impl RetryAfter {
    /// Reads the header's text: whole seconds, or a date in one of HTTP's three forms. What cannot be read is absent.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // More than fits is as long as anything.
            return Some(Self::Seconds(text.parse().unwrap_or(u64::MAX)));
        }
        let at = httpdate::parse_http_date(text).ok()?;
        Some(Self::At(Timestamp::try_from(at).unwrap_or(Timestamp::MAX)))
    }

    /// Until when, however far that is.
    #[must_use]
    pub fn until(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Seconds(seconds) => {
                let wait = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
                now.checked_add(wait).unwrap_or(Timestamp::MAX)
            }
            Self::At(at) => at,
        }
    }
}

/// What the headers of an answer say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// How many requests are allowed in the vendor's window.
    pub limit: Option<u64>,
    /// How many of them are left.
    pub remaining: Option<u64>,
    /// When there are more, at most [`ASKED_MAX`] from now.
    pub resets_at: Option<Timestamp>,
    /// Before when it wants no request, at most [`ASKED_MAX`] from now.
    pub retry_at: Option<Timestamp>,
}

impl Asked {
    /// Reads it. `header` gives the text of a header by its name in lower case. What cannot be read is absent.
    #[must_use]
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>, now: Timestamp) -> Self {
        let first = |names: [&str; 3]| names.iter().find_map(|name| seconds(header(name)?));
        let moment = |name: &&str| moment(header(name)?, now);
        Self {
            limit: first(LIMIT),
            remaining: first(REMAINING),
            resets_at: RESET.iter().find_map(moment),
            // Of several the latest: to wait too long harms nobody.
            retry_at: RETRY_AFTER.iter().filter_map(moment).max(),
        }
    }

    /// Before when the vendor is not to be asked again, by what it says beside an answer of this class.
    #[must_use]
    pub fn not_before(&self, class: Class) -> Option<Timestamp> {
        let waits = self.retry_at.filter(|_| class.may_pass());
        let is_used_up = class == Class::Busy || self.remaining == Some(0);
        waits.or(self.resets_at.filter(|_| is_used_up))
    }
}

/// A number of seconds, rounded up. Of a list (`10, 10;w=1`) the first, which is the one that counts.
fn seconds(text: &str) -> Option<u64> {
    let first = text.split([',', ';']).next().unwrap_or_default().trim();
    let (whole, fraction) = first.split_once('.').unwrap_or((first, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let more = u64::from(fraction.bytes().any(|byte| byte != b'0'));
    Some(whole.parse().unwrap_or(u64::MAX).saturating_add(more))
}

/// A moment: seconds from now, seconds or milliseconds of the epoch, or a date.
fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    let latest = now.checked_add(ASKED_MAX).unwrap_or(Timestamp::MAX);
    let of_epoch = |seconds: u64| Timestamp::from_second(i64::try_from(seconds).unwrap_or(i64::MAX));
    // A date has a comma as well.
    let found = match RetryAfter::parse(text) {
        Some(RetryAfter::At(at)) => at,
        _ => match seconds(text) {
            Some(wait) if wait < EPOCH_SECONDS_MIN => RetryAfter::Seconds(wait).until(now),
            Some(at) if at < EPOCH_MILLISECONDS_MIN => of_epoch(at).unwrap_or(latest),
            Some(at) => of_epoch(at.div_ceil(1_000)).unwrap_or(latest),
            None => time::exact(text)?,
        },
    };
    Some(found.clamp(now, latest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: &str = "2026-01-15T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn read(headers: &[(&str, &str)]) -> Asked {
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        Asked::read(header, at(NOW))
    }

    #[test]
    fn retry_after_is_read_in_all_of_its_forms() {
        let date = RetryAfter::At(at("2026-01-15T12:30:00Z"));
        for (text, expected) in [
            ("1800", Some(RetryAfter::Seconds(1800))),
            (" 5 ", Some(RetryAfter::Seconds(5))),
            ("Thu, 15 Jan 2026 12:30:00 GMT", Some(date)),
            ("Thursday, 15-Jan-26 12:30:00 GMT", Some(date)),
            ("Thu Jan 15 12:30:00 2026", Some(date)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(RetryAfter::At(Timestamp::MAX))),
            ("999999999999999999999999", Some(RetryAfter::Seconds(u64::MAX))),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(RetryAfter::parse(text), expected, "{text}");
        }
        assert_eq!(RetryAfter::Seconds(u64::MAX).until(at(NOW)), Timestamp::MAX);
    }

    #[test]
    fn a_wait_is_read_in_every_spelling() {
        let minute = Some(at("2026-01-15T12:01:00Z"));
        let day = Some(at("2026-01-16T12:00:00Z"));
        for (name, text, expected) in [
            ("retry-after", "60", minute),
            ("retry-after", "59.2", minute),
            ("retry-after", "Thu, 15 Jan 2026 12:01:00 GMT", minute),
            ("retry-after", "1768478460", minute),
            ("x-rate-limit-retry-after", "60", minute),
            ("x-ratelimit-retry-after", "60", minute),
            ("retry-after", "0", Some(at(NOW))),
            ("retry-after", "Thu, 15 Jan 2026 11:00:00 GMT", Some(at(NOW))),
            ("retry-after", "999999999999999999999999", day),
            ("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT", day),
            ("retry-after", "-5", None),
            ("retry-after", "NaN", None),
            ("retry-after", "", None),
            ("x-retry", "60", None),
        ] {
            let asked = read(&[(name, text)]);
            assert_eq!((asked.retry_at, asked.not_before(Class::Busy)), (expected, expected), "{name}: {text}");
        }
        let both = read(&[("retry-after", "5"), ("x-rate-limit-retry-after", "60")]);
        assert_eq!(both.retry_at, minute, "the latest of several");
    }

    #[test]
    fn a_reset_is_read_as_seconds_or_as_a_moment() {
        let minute = Some(at("2026-01-15T12:01:00Z"));
        for (name, text, expected) in [
            ("x-ratelimit-reset", "1768478460", minute),
            ("x-ratelimit-reset", "1768478460000", minute),
            ("x-ratelimit-reset", "60", minute),
            ("x-rate-limit-reset", "1768478460", minute),
            ("ratelimit-reset", "60", minute),
            ("ratelimit-reset", "60, 3600", minute),
            ("x-ratelimit-reset", "2026-01-15T12:01:00Z", minute),
            ("x-ratelimit-reset", "1700000000", Some(at(NOW))),
            ("x-ratelimit-reset", "18446744073709551616", Some(at("2026-01-16T12:00:00Z"))),
            ("x-ratelimit-reset", "later", None),
        ] {
            assert_eq!(read(&[(name, text)]).resets_at, expected, "{name}: {text}");
        }
    }

    #[test]
    fn what_is_asked_for_counts_with_the_answers_that_it_is_meant_for() {
        let retry = ("retry-after", "5");
        let reset = ("x-ratelimit-reset", "60");
        let used_up = ("x-ratelimit-remaining", "0");
        let left = ("x-rate-limit-remaining", "3");
        let (soon, later) = (Some(at("2026-01-15T12:00:05Z")), Some(at("2026-01-15T12:01:00Z")));
        for (headers, class, expected) in [
            (&[retry, reset][..], Class::Busy, soon),
            (&[reset, left], Class::Busy, later),
            (&[retry], Class::Down, soon),
            (&[reset, left], Class::Down, None),
            (&[retry], Class::Fine, None),
            (&[reset, used_up], Class::Fine, later),
            (&[reset, left], Class::Fine, None),
            (&[used_up], Class::Fine, None),
            (&[retry], Class::Refused, None),
        ] {
            assert_eq!(read(headers).not_before(class), expected, "{headers:?} {class:?}");
        }
        let asked = read(&[("ratelimit-limit", "10, 10;w=1"), left]);
        assert_eq!((asked.limit, asked.remaining), (Some(10), Some(3)));
    }

    proptest! {
        #[test]
        fn whatever_a_vendor_writes_the_wait_is_bounded(text in "\\PC{0,30}|[0-9]{1,25}(\\.[0-9]{1,3})?") {
            for name in RETRY_AFTER.iter().chain(&RESET) {
                let asked = read(&[(name, &text), ("x-ratelimit-remaining", "0")]);
                for found in asked.retry_at.iter().chain(&asked.resets_at) {
                    prop_assert!(*found >= at(NOW) && *found <= at("2026-01-16T12:00:00Z"), "{found}");
                }
            }
        }
    }
}
