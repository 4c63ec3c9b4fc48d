//! Schemes that an operator describes: HMAC-SHA256 under a header of the sender's choice.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor, value::MapAccessDeserializer};

use super::scheme::{Encoding, IdSource, KeyForm, Part, Scheme, Spelling, Text, TimestampForm, ValueForm};
use super::schemes;

/// The name of every scheme that a configuration describes.
pub const GENERIC: &str = "generic";
/// Without another word a timestamp may lie this far from now.
const TOLERANCE_SECONDS_DEFAULT: u32 = 300;
/// A day: more would not protect against replays, and most likely is milliseconds.
const TOLERANCE_SECONDS_MAX: u32 = 86_400;

/// A scheme's description: `{"header": "x-acme-signature", "prefix": "sha256=", "template": "{timestamp}.{body}", …}`.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Description {
    header: String,
    /// Stands before the signature, always.
    #[serde(default)]
    prefix: String,
    #[serde(default = "hex")]
    encoding: Encoding,
    #[serde(default = "raw")]
    key: KeyForm,
    timestamp_header: Option<String>,
    #[serde(default = "seconds")]
    timestamp_format: TimestampForm,
    tolerance_seconds: Option<u32>,
    /// A header that is a part of the signed text if the template says `{id}`, and unprotected if it does not.
    id_header: Option<String>,
    id_field: Option<String>,
    #[serde(default = "body")]
    template: String,
}

fn hex() -> Encoding {
    Encoding::Hex
}
fn raw() -> KeyForm {
    KeyForm::Raw
}
fn seconds() -> TimestampForm {
    TimestampForm::Seconds
}
fn body() -> String {
    "{body}".into()
}

/// Why a description is not a scheme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScheme {
    /// Not JSON, an unknown field, a wrong type.
    #[error("{0}")]
    Malformed(String),
    /// A header's name is not valid.
    #[error("{field} is not the name of a header: {name:?}")]
    HeaderName {
        /// The field of the description.
        field: &'static str,
        /// What it says.
        name: String,
    },
    /// The template holds something else in braces, or a brace alone.
    #[error(
        "the template has an unknown placeholder at {at:?}; it may hold {{id}}, {{timestamp}}, {{url}} and {{body}}"
    )]
    Placeholder {
        /// The template from there on.
        at: String,
    },
    /// A body that is not signed could be anything.
    #[error("the template must hold {{body}} once: otherwise the signature says nothing about the body")]
    NoBody,
    /// A placeholder stands there twice.
    #[error("the template holds {{{0}}} more than once")]
    Twice(&'static str),
    /// The template asks for what no header gives.
    #[error("the template holds {{{placeholder}}}, so {field} must name its header")]
    HeaderMissing {
        /// Without braces.
        placeholder: &'static str,
        /// The field of the description.
        field: &'static str,
    },
    /// One header cannot hold two things.
    #[error("{field} names a header that another field names, too: {name}")]
    SameHeader {
        /// The field of the description.
        field: &'static str,
        /// What it says.
        name: Text,
    },
    /// Anybody could set the timestamp.
    #[error("timestampHeader is given, but the template does not hold {{timestamp}}: it would not be signed")]
    TimestampUnsigned,
    /// There is nothing to tolerate.
    #[error("toleranceSeconds is given, but there is no timestampHeader")]
    ToleranceWithoutTimestamp,
    /// Zero refuses everything, much lets everything through.
    #[error("toleranceSeconds must be from 1 to {TOLERANCE_SECONDS_MAX}")]
    Tolerance,
    /// Two places for one id.
    #[error("give idHeader or idField, not both")]
    TwoIds,
    /// A name is too long, blank, or not text that a header can hold.
    #[error("{0} must be 1 to 64 printable characters")]
    Unprintable(&'static str),
}

impl Scheme {
    /// Reads a scheme from JSON: the name of one of ours (`"stripe"`), or a description of another.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_json(json: &str) -> Result<Self, InvalidScheme> {
        serde_json::from_str(json).map_err(|error| InvalidScheme::Malformed(error.to_string()))
    }
}

impl<'de> Deserialize<'de> for Scheme {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Scheme;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a scheme's name, or an object that describes one")
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Scheme, E> {
                schemes::find(name).cloned().ok_or_else(|| {
                    let names: Vec<&str> = schemes::ALL.iter().map(|scheme| scheme.name()).collect();
                    E::custom(format!("no scheme is called {name:?}; there are {}", names.join(", ")))
                })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scheme, A::Error> {
                let description = Description::deserialize(MapAccessDeserializer::new(map))?;
                scheme(description).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

fn scheme(description: Description) -> Result<Scheme, InvalidScheme> {
    let template = template(&description.template)?;
    let signature = header_name("header", &description.header)?;
    let timestamp = description.timestamp_header.map(|name| header_name("timestampHeader", &name)).transpose()?;
    let id_header = description.id_header.map(|name| header_name("idHeader", &name)).transpose()?;
    for (field, name, others) in [
        ("timestampHeader", &timestamp, [Some(&signature), None]),
        ("idHeader", &id_header, [Some(&signature), timestamp.as_ref()]),
    ] {
        if let Some(name) = name.as_ref().filter(|name| others.contains(&Some(name))) {
            return Err(InvalidScheme::SameHeader { field, name: name.clone() });
        }
    }
    if !description.prefix.is_empty() {
        printable("prefix", &description.prefix)?;
    }

    let signs = |part: &Part| template.contains(part);
    let tolerance_seconds = match (&timestamp, signs(&Part::Timestamp), description.tolerance_seconds) {
        (None, true, _) => {
            return Err(InvalidScheme::HeaderMissing { placeholder: "timestamp", field: "timestampHeader" });
        }
        (Some(_), false, _) => return Err(InvalidScheme::TimestampUnsigned),
        (None, false, Some(_)) => return Err(InvalidScheme::ToleranceWithoutTimestamp),
        (None, false, None) => None,
        (Some(_), true, Some(seconds)) if !(1..=TOLERANCE_SECONDS_MAX).contains(&seconds) => {
            return Err(InvalidScheme::Tolerance);
        }
        (Some(_), true, seconds) => Some(seconds.unwrap_or(TOLERANCE_SECONDS_DEFAULT)),
    };
    let (signed_id, id) = match (id_header, description.id_field) {
        (Some(_), Some(_)) => return Err(InvalidScheme::TwoIds),
        (None, _) if signs(&Part::Id) => {
            return Err(InvalidScheme::HeaderMissing { placeholder: "id", field: "idHeader" });
        }
        (Some(name), None) if signs(&Part::Id) => (Some(name), Some(IdSource::SignedHeader)),
        (Some(name), None) => (None, Some(IdSource::Header(name))),
        (None, Some(field)) => (None, Some(IdSource::BodyField(printable("idField", &field)?))),
        (None, None) => (None, None),
    };

    Ok(Scheme {
        name: Text::Borrowed(GENERIC),
        spellings: Cow::Owned(vec![Spelling { signature, timestamp, id: signed_id }]),
        template: Cow::Owned(template),
        key: description.key,
        value: ValueForm::One { prefix: description.prefix.into(), required: true },
        encoding: description.encoding,
        timestamp: description.timestamp_format,
        tolerance_seconds,
        id,
    })
}

fn template(text: &str) -> Result<Vec<Part>, InvalidScheme> {
    const PLACEHOLDERS: [(&str, Part); 4] =
        [("id", Part::Id), ("timestamp", Part::Timestamp), ("url", Part::Url), ("body", Part::Body)];
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let literal_end = rest.find(['{', '}']).unwrap_or(rest.len());
        if literal_end > 0 {
            parts.push(Part::Literal(rest[..literal_end].to_owned().into()));
            rest = &rest[literal_end..];
            continue;
        }
        let known = PLACEHOLDERS.iter().find_map(|(name, part)| {
            let after = rest.strip_prefix('{')?.strip_prefix(name)?.strip_prefix('}')?;
            Some((*name, part, after))
        });
        let Some((name, part, after)) = known else {
            return Err(InvalidScheme::Placeholder { at: rest.chars().take(40).collect() });
        };
        if parts.contains(part) {
            return Err(InvalidScheme::Twice(name));
        }
        parts.push(part.clone());
        rest = after;
    }
    if parts.contains(&Part::Body) { Ok(parts) } else { Err(InvalidScheme::NoBody) }
}

fn header_name(field: &'static str, name: &str) -> Result<Text, InvalidScheme> {
    // RFC 9110's token.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let name = name.trim().to_ascii_lowercase();
    if name.is_empty() || name.len() > 64 || !name.bytes().all(allowed) {
        return Err(InvalidScheme::HeaderName { field, name: name.chars().take(64).collect() });
    }
    Ok(name.into())
}

fn printable(field: &'static str, text: &str) -> Result<Text, InvalidScheme> {
    let fine = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fine { Ok(text.to_owned().into()) } else { Err(InvalidScheme::Unprintable(field)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(json: &str, expected: &str) {
        let error = Scheme::from_json(json).unwrap_err().to_string();
        assert!(error.contains(expected), "{json}: {error}");
    }

    #[test]
    fn a_description_says_what_is_wrong_with_it() {
        refused("", "EOF");
        refused("7", "a scheme's name, or an object");
        refused(r#""stripes""#, "no scheme is called \"stripes\"; there are standard-webhooks, svix, packr, pos, ");
        refused("{}", "missing field `header`");
        refused(r#"{"header":"x-a","heeder":1}"#, "unknown field `heeder`");
        refused(r#"{"header":"x-a","encoding":"base32"}"#, "unknown variant `base32`");
        refused(r#"{"header":"x a"}"#, "header is not the name of a header: \"x a\"");
        refused(r#"{"header":""}"#, "header is not the name of a header");
        refused(r#"{"header":"x-a","template":"{id}.{body}"}"#, "so idHeader must name its header");
        refused(r#"{"header":"x-a","template":"{timestamp}.{body}"}"#, "so timestampHeader must name its header");
        refused(r#"{"header":"x-a","template":"{timestamp}"}"#, "must hold {body} once");
        refused(r#"{"header":"x-a","template":""}"#, "must hold {body} once");
        refused(r#"{"header":"x-a","template":"{body}{body}"}"#, "holds {body} more than once");
        refused(r#"{"header":"x-a","template":"{method}{body}"}"#, "unknown placeholder at \"{method}{body}\"");
        refused(r#"{"header":"x-a","template":"{body}}"}"#, "unknown placeholder at \"}\"");
        refused(r#"{"header":"x-a","timestampHeader":"x-t"}"#, "would not be signed");
        refused(r#"{"header":"x-a","toleranceSeconds":5}"#, "there is no timestampHeader");
        refused(
            r#"{"header":"x-a","timestampHeader":"x-t","template":"{timestamp}{body}","toleranceSeconds":0}"#,
            "from 1 to 86400",
        );
        refused(r#"{"header":"x-a","idHeader":"x-i","idField":"id"}"#, "not both");
        refused(r#"{"header":"x-a","idHeader":"X-A"}"#, "idHeader names a header that another field names, too: x-a");
        refused(
            r#"{"header":"x-a","timestampHeader":"x-a","template":"{timestamp}{body}"}"#,
            "timestampHeader names a header that another field names",
        );
        refused(
            r#"{"header":"x-a","timestampHeader":"x-t","idHeader":"x-t","template":"{timestamp}{body}"}"#,
            "idHeader names a header that another field names",
        );
        refused(r#"{"header":"x-a","idField":""}"#, "idField must be 1 to 64");
        refused(r#"{"header":"x-a","prefix":"a b"}"#, "prefix must be 1 to 64");
    }

    #[test]
    fn names_and_the_tolerance_are_as_large_as_they_may_be_and_no_larger() {
        let described = |length: usize, tolerance: u32| {
            let name = "x".repeat(length);
            format!(
                r#"{{"header":"{name}","prefix":"{name}","idField":"{name}","timestampHeader":"x-t",
                    "template":"{{timestamp}}{{body}}","toleranceSeconds":{tolerance}}}"#
            )
        };
        let scheme = Scheme::from_json(&described(64, 86_400)).unwrap();
        assert_eq!(scheme.tolerance_seconds(), Some(86_400));
        assert_eq!(Scheme::from_json(&described(1, 1)).unwrap().tolerance_seconds(), Some(1));
        refused(&described(64, 86_401), "from 1 to 86400");
        let long = "x".repeat(65);
        refused(&format!(r#"{{"header":"{long}"}}"#), "header is not the name of a header");
        refused(&format!(r#"{{"header":"x-a","prefix":"{long}"}}"#), "prefix must be 1 to 64");
        refused(&format!(r#"{{"header":"x-a","idField":"{long}"}}"#), "idField must be 1 to 64");
    }

    #[test]
    fn a_description_need_only_name_the_header() {
        let scheme = Scheme::from_json(r#"{"header":"X-Acme-Signature"}"#).unwrap();
        assert_eq!(scheme.name(), GENERIC);
        assert_eq!(scheme.signature_headers().collect::<Vec<_>>(), ["x-acme-signature"]);
        assert_eq!(scheme.tolerance_seconds(), None);
        let timed = r#"{"header":"x-a","timestampHeader":"x-t","template":"{timestamp}:{body}"}"#;
        assert_eq!(Scheme::from_json(timed).unwrap().tolerance_seconds(), Some(300));
    }

    #[test]
    fn a_name_stands_for_a_scheme_of_ours() {
        assert_eq!(Scheme::from_json(r#""Stripe""#).unwrap(), schemes::STRIPE);
    }
}
