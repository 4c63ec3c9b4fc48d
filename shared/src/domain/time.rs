//! Times as clients see and send them.

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
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let at = Timestamp::from_millisecond(exact(text)?.as_millisecond()).ok()?;
    (at.as_second() >= FIRST_SECOND).then_some(at)
}

fn exact(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Ok(at) = text.parse::<civil::DateTime>() {
        return at.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    }
    text.parse::<civil::Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
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
