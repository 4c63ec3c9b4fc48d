//! Times as clients see and send them.

use std::borrow::Cow;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serializer};

/// The first second of the year 0. Years before it are not written with four digits.
const FIRST_SECOND: i64 = -62_167_219_200;

/// ISO-8601 in UTC with milliseconds and `Z`, as every timestamp that leaves.
#[must_use]
pub fn text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Reads a date or date-time, to the millisecond: that is how times are stored, so a finer bound would leave out a run
/// that is shown with the very same time. One without an offset is UTC; a bare date is its first millisecond. A year
/// before 0 is none, as [`text`] could not show it.
///
/// A zone by name (`[Europe/Copenhagen]`, RFC 9557) is refused: no functions carry the world's zones, and to pass over it is to be
/// hours off. What is written and lies beyond the last moment that can be held, as the `9999-12-31` that means "for ever", is that
/// moment.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    stored(exact(text.trim())?)
}

/// Reads the end of a range, which the range holds: as [`parse`], but a bare date is its last millisecond.
#[must_use]
pub fn parse_end(text: &str) -> Option<Timestamp> {
    match text.trim().parse::<civil::Date>() {
        Ok(date) if is_bare(text.trim()) => stored(in_utc(date.at(23, 59, 59, 999_000_000))),
        _ => parse(text),
    }
}

/// As [`parse`], of a query. A `+` that it left unescaped has become a space, and is read as the `+` it was; so a date, a space and
/// hours and minutes is refused, as that may be either.
#[must_use]
pub fn parse_query(text: &str) -> Option<Timestamp> {
    parse(&with_plus(text.trim())?)
}

/// As [`parse_end`], of a query.
#[must_use]
pub fn parse_end_query(text: &str) -> Option<Timestamp> {
    parse_end(&with_plus(text.trim())?)
}

fn with_plus(text: &str) -> Option<Cow<'_, str>> {
    let is_offset = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') && text.len() <= 5;
    match text.rsplit_once(' ').filter(|(_, after)| is_offset(after)) {
        Some((before, _)) if is_bare(before) => None,
        Some((before, after)) => Some(Cow::Owned(format!("{before}+{after}"))),
        None => Some(Cow::Borrowed(text)),
    }
}

fn stored(at: Timestamp) -> Option<Timestamp> {
    let last = Timestamp::from_second(Timestamp::MAX.as_second()).ok()?;
    // Of the last second the library counts no milliseconds.
    let at = Timestamp::from_millisecond(at.min(last).as_millisecond()).ok()?;
    (at.as_second() >= FIRST_SECOND).then_some(at)
}

/// jiff reads a date from a date-time as well.
fn is_bare(text: &str) -> bool {
    !text.contains([':', 'T', 't', ' ', '['])
}

/// As [`parse`], as finely as it is written: for what is compared and not shown.
#[must_use]
pub fn exact(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.contains('[') {
        return None;
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Ok(at) = text.parse::<civil::DateTime>() {
        return Some(in_utc(at));
    }
    if let Ok(date) = text.parse::<civil::Date>() {
        return Some(in_utc(date.at(0, 0, 0, 0)));
    }
    // Beyond the end with an offset: all that is left is the moment as it is written.
    let without = text.strip_suffix(['Z', 'z']).filter(|without| !is_bare(without))?;
    without.parse::<civil::DateTime>().ok().map(in_utc).filter(|at| *at == Timestamp::MAX)
}

/// A civil time goes on a day longer than moments do, so that each has its own in every zone.
fn in_utc(at: civil::DateTime) -> Timestamp {
    let end = if at.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
    at.to_zoned(TimeZone::UTC).map_or(end, |zoned| zoned.timestamp())
}

/// For `#[serde(with)]`: the text form above.
///
/// # Errors
/// Whatever the serializer reports.
pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*at))
}

/// For `#[serde(with)]`: reads what [`serialize`] wrote.
///
/// # Errors
/// When the text is not a time.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| serde::de::Error::custom("not a timestamp"))
}

/// The same for a time that may be absent.
pub mod optional {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Text, or null.
    ///
    /// # Errors
    /// Whatever the serializer reports.
    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads what [`serialize`] wrote.
    ///
    /// # Errors
    /// When a text is not a time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| super::parse(&text).ok_or_else(|| serde::de::Error::custom("not a timestamp")))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;

    #[test]
    fn dates_and_date_times_are_read_as_utc() {
        for (input, expected) in [
            ("2024-06-07", Some("2024-06-07T00:00:00.000Z")),
            ("2024-06-07T08:09:10", Some("2024-06-07T08:09:10.000Z")),
            ("2024-06-07T08:09:10.1234Z", Some("2024-06-07T08:09:10.123Z")),
            ("2024-06-07T08:09:10+02:00", Some("2024-06-07T06:09:10.000Z")),
            (" 2024-06-07T23:59:59.999Z ", Some("2024-06-07T23:59:59.999Z")),
            ("0000-01-01", Some("0000-01-01T00:00:00.000Z")),
            ("2024-06-07 08:09:10", Some("2024-06-07T08:09:10.000Z")),
            ("2024-06-07 02:00", Some("2024-06-07T02:00:00.000Z")),
            ("2024-06-07T08:09:10 02:00", None),
            ("9999-12-30T21:59:59Z", Some("9999-12-30T21:59:59.000Z")),
            ("9999-12-31", Some("9999-12-30T22:00:00.000Z")),
            ("9999-12-31 23:59:59", Some("9999-12-30T22:00:00.000Z")),
            ("9999-12-31T23:59:59Z", Some("9999-12-30T22:00:00.000Z")),
            ("9999-12-31T23:59:59.999+00:00", Some("9999-12-30T22:00:00.000Z")),
            ("9999-12-31Z", None),
            ("9999-12-32", None),
            ("2024-06-07T08:09:10[Europe/Copenhagen]", None),
            ("2024-06-07T08:09:10Z[Europe/Copenhagen]", None),
            ("2024-06-07T08:09:10+02:00[UTC]", None),
            ("2024-06-07[UTC]", None),
            ("2024-06-07+02:00", None),
            ("2024-06-07Z", None),
            ("-000001-12-31", None),
            ("0000-01-01T00:00:00+02:00", None),
            ("07-06-2024", None),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(parse(input).map(text).as_deref(), expected, "{input}");
        }
        for input in ["2024-06-07T08:09:10.1239Z", "1969-12-31T23:59:59.9999Z"] {
            let read = parse(input);
            assert_eq!(read, read.map(text).and_then(|shown| parse(&shown)), "{input}");
        }
    }

    #[test]
    fn a_plus_that_a_query_left_unescaped_is_read_as_one() {
        for (input, expected) in [
            ("2024-06-07T08:09:10 02:00", Some("2024-06-07T06:09:10.000Z")),
            ("2024-06-07T08:09:10.5 0200", Some("2024-06-07T06:09:10.500Z")),
            ("2024-06-07 08:09:10 02:00", Some("2024-06-07T06:09:10.000Z")),
            ("2024-06-07T08:09 02", Some("2024-06-07T06:09:00.000Z")),
            ("2024-06-07 08:09:10", Some("2024-06-07T08:09:10.000Z")),
            (" 2024-06-07T08:09:10Z ", Some("2024-06-07T08:09:10.000Z")),
            ("2024-06-07 02:00", None),
            ("2024-06-07T08:09:10Z 02:00", None),
        ] {
            assert_eq!(parse_query(input).map(text).as_deref(), expected, "{input}");
            assert_eq!(parse_end_query(input).map(text).as_deref(), expected, "{input}");
        }
        assert_eq!(parse_end_query("2024-06-07").map(text).as_deref(), Some("2024-06-07T23:59:59.999Z"));
    }

    #[test]
    fn a_date_as_the_end_of_a_range_is_all_of_that_day() {
        for (input, expected) in [
            ("2024-06-07", Some("2024-06-07T23:59:59.999Z")),
            (" 2024-02-29 ", Some("2024-02-29T23:59:59.999Z")),
            ("2024-06-07T00:00:00", Some("2024-06-07T00:00:00.000Z")),
            ("2024-06-07T08:09:10+02:00", Some("2024-06-07T06:09:10.000Z")),
            ("9999-12-30", Some("9999-12-30T22:00:00.000Z")),
            ("9999-12-31", Some("9999-12-30T22:00:00.000Z")),
            ("2024-02-30", None),
            ("2024-06-07[UTC]", None),
            ("2024-06-07Z", None),
            ("", None),
        ] {
            assert_eq!(parse_end(input).map(text).as_deref(), expected, "{input}");
        }
    }

    #[test]
    fn a_stored_time_is_the_text_of_an_answer_and_nothing_else_is_read() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Stored {
            #[serde(with = "crate::domain::time")]
            at: Timestamp,
            #[serde(with = "crate::domain::time::optional")]
            perhaps: Option<Timestamp>,
        }
        let at = Timestamp::from_millisecond(1_717_747_750_123).unwrap();
        for (stored, json) in [
            (
                Stored { at, perhaps: Some(at) },
                r#"{"at":"2024-06-07T08:09:10.123Z","perhaps":"2024-06-07T08:09:10.123Z"}"#,
            ),
            (Stored { at, perhaps: None }, r#"{"at":"2024-06-07T08:09:10.123Z","perhaps":null}"#),
        ] {
            assert_eq!(serde_json::to_string(&stored).unwrap(), json);
            assert_eq!(serde_json::from_str::<Stored>(json).unwrap(), stored);
        }
        for json in [r#"{"at":"soon","perhaps":null}"#, r#"{"at":"2024-06-07","perhaps":"soon"}"#] {
            let error = serde_json::from_str::<Stored>(json).unwrap_err().to_string();
            assert!(error.starts_with("not a timestamp"), "{error}");
        }
    }
}
