//! Which of two deliveries about one thing is newer: what their sender says of when it changed the thing, as finely as it says it.

use jiff::Timestamp;

use crate::domain::time;

/// How far ahead of its receipt a version may be. A clock may be wrong, or a time be written in another zone; beyond that a
/// record would take no change any more until then.
const AHEAD_SECONDS_MAX: i64 = 86_400;

/// So many digits behind the second are what a timestamp holds.
const NANOSECOND_DIGITS: usize = 9;
/// And so many more are compared.
const FINER_DIGITS: usize = 9;
const PER_NANOSECOND: i128 = 1_000_000_000;
const PER_MILLISECOND: i128 = 1_000_000 * PER_NANOSECOND;

/// When a sender changed a thing, in attoseconds of the Unix epoch: 18 digits behind the second. No sender is known to write
/// more; what is beyond them does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(i128);

impl Version {
    /// Reads a date or date-time; none for what is no time.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, finer) = split_fraction(text);
        time::parse(&whole)?;
        let digits = finer.iter().chain(std::iter::repeat(&b'0')).take(FINER_DIGITS);
        let finer = digits.fold(0, |number, digit| number * 10 + i128::from(digit - b'0'));
        Some(Self(time::exact(&whole)?.as_nanosecond() * PER_NANOSECOND + finer))
    }

    /// The version of what is as old as its receipt.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(moment.as_nanosecond() * PER_NANOSECOND)
    }

    /// The moment, to the nanosecond.
    #[must_use]
    pub fn moment(self) -> Timestamp {
        Timestamp::from_nanosecond(self.0.div_euclid(PER_NANOSECOND)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The version that counts of what was received at this moment, and whether it is another one: what is more than a day ahead
    /// counts as of then.
    #[must_use]
    pub fn as_of(self, received_at: Timestamp) -> (Self, bool) {
        let receipt = Self::at(received_at);
        let ahead = self > Self(receipt.0 + i128::from(AHEAD_SECONDS_MAX) * 1000 * PER_MILLISECOND);
        (if ahead { receipt } else { self }, ahead)
    }

    /// The latest that any version may be by now; what is stored beyond it was stored by a version of ours that knew no bound.
    #[must_use]
    pub fn latest(now: Timestamp) -> Self {
        Self(Self::at(now).0 + i128::from(AHEAD_SECONDS_MAX) * 1000 * PER_MILLISECOND)
    }

    /// Whether this version changes nothing any more where a record has another: `stored` is that one's, as [`Version::stored`]
    /// writes it. Of two of one moment the one that was received later counts; what lies further ahead than any may gives way.
    #[must_use]
    pub fn is_stale(self, received_ms: i64, stored: &str, stored_received_ms: i64, now: Timestamp) -> bool {
        let Some(standing) = read_stored(stored).map(Self) else { return false };
        standing <= Self::latest(now) && (standing, stored_received_ms) > (self, received_ms)
    }

    /// Milliseconds of the Unix epoch with as many decimals as there are: a number that a table compares, also with those of
    /// versions of ours that stored whole ones.
    #[must_use]
    pub fn stored(self) -> String {
        let (sign, size) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let per = PER_MILLISECOND.unsigned_abs();
        let text = format!("{sign}{}.{:015}", size / per, size % per);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// Reads what [`Version::stored`] wrote, or a version of ours that stored whole milliseconds.
fn read_stored(text: &str) -> Option<i128> {
    let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
    let (whole, finer) = size.split_once('.').unwrap_or((size, ""));
    let finer: i128 = format!("{finer:0<15}").get(..15)?.parse().ok()?;
    let whole: i128 = whole.parse().ok()?;
    Some(sign * (whole.checked_mul(PER_MILLISECOND)? + finer))
}

/// The text with no more digits behind its second than a timestamp holds, and those that are left.
fn split_fraction(text: &str) -> (String, Vec<u8>) {
    let Some(point) = text.find(['.', ',']) else { return (text.to_owned(), Vec::new()) };
    let digits = text[point + 1..].bytes().take_while(u8::is_ascii_digit).count();
    let (kept, end) = (point + 1 + digits.min(NANOSECOND_DIGITS), point + 1 + digits);
    (format!("{}{}", &text[..kept], &text[end..]), text.as_bytes()[kept..end].to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_version_is_stale_beside_a_newer_one_that_may_be_there() {
        let version = |text: &str| Version::parse(text).unwrap();
        let now: Timestamp = "2026-01-15T12:00:00Z".parse().unwrap();
        let ours = version("2026-01-15T11:00:00.000000000000000001Z");
        for (standing, received_ms, stale) in [
            ("2026-01-15T11:00:00.000000000000000002Z", 5, true),
            ("2026-01-15T11:00:00Z", 9, false),
            ("2026-01-15T11:00:00.000000000000000001Z", 8, true),
            ("2026-01-15T11:00:00.000000000000000001Z", 7, false),
            // Nobody may be as far ahead.
            ("2026-01-16T12:00:01Z", 5, false),
        ] {
            assert_eq!(ours.is_stale(7, &version(standing).stored(), received_ms, now), stale, "{standing}");
        }
        assert!(!version("1960-01-01").is_stale(7, &version("1959-12-31").stored(), 9, now));
        assert!(version("1960-01-01").is_stale(7, &version("1960-01-01T00:00:00.5Z").stored(), 9, now));
        assert!(!ours.is_stale(7, "no number", 9, now));
    }

    #[test]
    fn a_version_is_stored_as_milliseconds_with_all_the_decimals_that_were_sent() {
        for (text, stored) in [
            ("1970-01-01", Some("0")),
            ("1970-01-01T00:00:01Z", Some("1000")),
            ("2024-06-07T08:09:10.123Z", Some("1717747750123")),
            ("2024-06-07T08:09:10.1234Z", Some("1717747750123.4")),
            ("2024-06-07T08:09:10.123456789Z", Some("1717747750123.456789")),
            ("2024-06-07T10:09:10.123456789+02:00", Some("1717747750123.456789")),
            ("2024-06-07T08:09:10,1234567891Z", Some("1717747750123.4567891")),
            ("2024-06-07T08:09:10.123456789123456789Z", Some("1717747750123.456789123456789")),
            ("2024-06-07T08:09:10.1234567891234567899Z", Some("1717747750123.456789123456789")),
            ("2024-06-07T08:09:10.100000000000000000Z", Some("1717747750100")),
            ("1969-12-31T23:59:59.9999995Z", Some("-0.0005")),
            ("1969-12-31T23:59:59.9999999995Z", Some("-0.0000005")),
            ("1969-12-31T23:59:59Z", Some("-1000")),
            ("2024-06-07 02:00", Some("1717725600000")),
            ("soon", None),
            ("2024-06-07T08:09:10.Z", None),
            ("2024-06-07T08:09:10.x123Z", None),
            ("…,1", None),
            ("", None),
        ] {
            assert_eq!(Version::parse(text).map(Version::stored).as_deref(), stored, "{text}");
        }
    }

    #[test]
    fn more_than_a_day_ahead_of_its_receipt_a_version_counts_as_of_then() {
        let received: Timestamp = "2026-01-15T12:00:00.250Z".parse().unwrap();
        for (text, ahead) in [
            ("2026-01-15T12:00:00.250Z", false),
            ("2026-01-16T12:00:00.250Z", false),
            ("2026-01-16T12:00:00.2500000000000001Z", true),
            ("2026-01-17T00:00:00Z", true),
            ("9999-12-30T00:00:00Z", true),
            ("9999-12-31", true),
            ("9999-12-31T23:59:59.9999999999Z", true),
            ("0000-01-01T00:00:00Z", false),
        ] {
            let version = Version::parse(text).unwrap();
            let expected = if ahead { Version::at(received) } else { version };
            assert_eq!(version.as_of(received), (expected, ahead), "{text}");
            assert_eq!(version > Version::latest(received), ahead, "{text}");
        }
    }

    proptest! {
        #[test]
        fn versions_are_ordered_as_what_was_sent(seconds in 0_u32..60, one in "[0-9]{1,18}", other in "[0-9]{1,18}") {
            let version = |fraction: &str| Version::parse(&format!("2026-01-15T12:00:{seconds:02}.{fraction}Z")).unwrap();
            let digits = |fraction: &str| format!("{fraction:0<18}");
            prop_assert_eq!(version(&one).cmp(&version(&other)), digits(&one).cmp(&digits(&other)));
        }

        #[test]
        fn any_text_is_a_version_or_none(text in "\\PC{0,40}") {
            let _any = Version::parse(&text).map(|version| version.as_of(Timestamp::UNIX_EPOCH).0.stored());
        }
    }
}
