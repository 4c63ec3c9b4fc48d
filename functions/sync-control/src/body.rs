//! Request bodies: bounded, and read as clients of the original wrote them.

use std::collections::HashSet;
use std::fmt;

use axum::body::{Body, to_bytes};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use signalbox::http::problem::{INVALID_REQUEST, PAYLOAD_TOO_LARGE, Problem};
use signalbox::http::query::Query;

/// The largest body, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The longest text in a body, in bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// How much of an unknown field's name an answer repeats.
const NAME_CHARACTERS_MAX: usize = 64;

/// How gzip begins (RFC 1952, section 2.3.1).
const GZIP: &[u8] = &[0x1F, 0x8B];

/// What Windows tools put before UTF-8. It is not JSON, and says nothing.
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// A JSON object's fields, read one by one so that a wrong type is named.
#[derive(Default)]
pub(crate) struct Fields(Map<String, Value>);

/// Takes the body in: none where it is empty or null. What is there and cannot be read is refused on every route: it may have
/// asked for a dry run.
pub(crate) async fn read(body: Body) -> Result<Option<Fields>, Problem> {
    let too_large = |_| Problem::new(PAYLOAD_TOO_LARGE, format!("a body may have {BODY_BYTES_MAX} bytes"));
    let bytes = to_bytes(body, BODY_BYTES_MAX).await.map_err(too_large)?;
    let json = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    if json.trim_ascii().is_empty() {
        return Ok(None);
    }
    let why = match serde_json::from_slice(json) {
        Ok(Value::Object(_)) if serde_json::from_slice::<EachOnce>(json).is_err() => {
            "the body has a field twice: which of them counts is anybody's guess"
        }
        Ok(Value::Object(fields)) => return Ok(Some(Fields(fields))),
        Ok(Value::Null) => return Ok(None),
        Ok(_) => "the body must be a JSON object",
        Err(_) if json.starts_with(GZIP) => "the body is compressed with gzip: send the JSON as it is",
        Err(_) if std::str::from_utf8(json).is_err() => "the body must be a JSON object in UTF-8",
        Err(_) => "the body must be a JSON object, and is not valid JSON",
    };
    Err(Problem::new(INVALID_REQUEST, why))
}

/// An object with no member twice: of `"dryRun": true` and `"dryRun": false` the last would win without a word.
struct EachOnce;

impl<'de> Deserialize<'de> for EachOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EachOnce)
    }
}

impl<'de> Visitor<'de> for EachOnce {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some((name, IgnoredAny)) = members.next_entry::<String, IgnoredAny>()? {
            if !names.insert(name) {
                return Err(serde::de::Error::custom("a member is there twice"));
            }
        }
        Ok(self)
    }
}

/// A switch of the query, refused in the way of a body's.
pub(crate) fn query_switch(query: &Query, name: &str) -> Result<Option<bool>, Problem> {
    query.switch(name).map_err(|_| wrong(name, "true or false"))
}

impl From<Map<String, Value>> for Fields {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

impl Fields {
    /// A field; absent and null are the same.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Whether a field is there, be it null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Refuses a field with another name than these, which is named in the answer.
    pub(crate) fn check_known(&self, names: &[&str]) -> Result<(), Problem> {
        let Some(unknown) = self.0.keys().find(|name| !names.contains(&name.as_str())) else { return Ok(()) };
        // A name may be as long as the body.
        let unknown: String = unknown.chars().take(NAME_CHARACTERS_MAX).collect();
        Err(Problem::fields(&[(&unknown, &format!("is unknown; there are {}", names.join(", ")))]))
    }

    /// Refuses null for any of these, which narrow what is meant: a variable that was not set would mean everything.
    pub(crate) fn check_set(&self, names: &[&str]) -> Result<(), Problem> {
        match names.iter().find(|name| self.0.get(**name).is_some_and(Value::is_null)) {
            None => Ok(()),
            Some(name) => Err(Problem::fields(&[(name, "must not be null: leave it out to mean all")])),
        }
    }

    /// Refuses a field that is one of these but for its spelling: passed over, `dryrun` would apply for real. Fields of other
    /// names stay passed over, as clients send some.
    pub(crate) fn check_spelling(&self, names: &[&str]) -> Result<(), Problem> {
        let letters = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let meant = |given: &String| names.iter().find(|name| *name != given && letters(name) == letters(given));
        match self.0.keys().find_map(|given| Some((given, meant(given)?))) {
            None => Ok(()),
            Some((given, name)) => {
                let given: String = given.chars().take(NAME_CHARACTERS_MAX).collect();
                Err(Problem::new(INVALID_REQUEST, format!("{given:?} is unknown: the field is {name}")))
            }
        }
    }

    /// A switch; absent and null are the same.
    pub(crate) fn switch(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(wrong(name, "true or false")),
        }
    }

    /// A text; absent, null and blank are the same.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.get(name) {
            None => Ok(None),
            // It may be stored with a run and each of its records.
            Some(Value::String(text)) if text.len() > TEXT_BYTES_MAX => {
                Err(Problem::new(INVALID_REQUEST, format!("{name} may have {TEXT_BYTES_MAX} bytes")))
            }
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Some(_) => Err(wrong(name, "a string")),
        }
    }

    /// A text that is not blank if it is there at all: for filters, where a variable that was not set would mean everything.
    pub(crate) fn filled_text(&self, name: &str) -> Result<Option<String>, Problem> {
        let text = self.text(name)?;
        let blank = text.is_none() && self.get(name).is_some();
        if blank { Err(Problem::fields(&[(name, "must not be blank")])) } else { Ok(text) }
    }

    /// How many objects an array holds; absent and null are none.
    pub(crate) fn objects(&self, name: &str) -> Result<usize, Problem> {
        match self.get(name) {
            None => Ok(0),
            Some(Value::Array(items)) if items.iter().all(Value::is_object) => Ok(items.len()),
            Some(_) => Err(wrong(name, "an array of objects")),
        }
    }
}

/// On these routes the detail is always a text.
fn wrong(name: &str, expected: &str) -> Problem {
    Problem::new(INVALID_REQUEST, format!("{name} must be {expected}"))
}
