//! The name a sender gives a delivery.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::refused::{Flaw, Refused};
use super::scheme::{HeaderLookup, IdSource, Scheme, Text, sent};
use crate::domain::canonical::Node;
use crate::domain::deliveries::delivery::{fits_a_key, without_byte_order_mark};

/// The longest id. It becomes a part of a key.
pub(super) const ID_BYTES_MAX: usize = 256;

/// The header that the IETF's draft gives to keys of clients, which is a string of RFC 8941.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The key that an `Idempotency-Key` stands for: what a string of RFC 8941 holds, as the IETF's draft writes keys, and any other
/// text as it is, as most clients write them. A quoted text in another script is no such string, and is read as one all the same.
#[must_use]
pub fn bare_key(text: &str) -> Cow<'_, str> {
    fn unquoted(text: &str) -> Option<String> {
        let mut rest = text.strip_prefix('"')?.chars();
        let mut key = String::new();
        loop {
            match rest.next()? {
                '"' => break,
                '\\' => key.push(rest.next().filter(|escaped| ['"', '\\'].contains(escaped))?),
                other => key.push(other),
            }
        }
        // Parameters may follow, and say nothing about the key.
        let after = rest.as_str().trim_start();
        (after.is_empty() || after.starts_with(';')).then_some(key)
    }
    unquoted(text.trim()).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The name a sender gives a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryId {
    /// The id as the sender wrote it, without white space around it.
    pub text: String,
    /// Whether the signature covers it. If not, a captured delivery passes under any id: claim on the id *and* the
    /// body's hash.
    pub signed: bool,
}

/// The id of a delivery whose signature was right; `None` where the sender gives none and the content must do. One that
/// is there and cannot be a key is refused: going by the content, it would be another event than its sender means.
pub(super) fn find(
    scheme: &Scheme,
    headers: &(impl HeaderLookup + ?Sized),
    signed_id: Option<&str>,
    timestamp: Option<&str>,
    body: &[u8],
) -> Result<Option<DeliveryId>, Refused> {
    let (place, found, signed) = match &scheme.id {
        None => return Ok(None),
        Some(IdSource::SignedHeader) => {
            return Ok(signed_id.map(|id| DeliveryId { text: id.to_owned(), signed: scheme.binds(id, timestamp) }));
        }
        Some(IdSource::Header(name)) => {
            let id = sent(headers, name).map(|value| header_text(name, value, ID_BYTES_MAX)).transpose();
            let id = id.map_err(unusable)?;
            let bare = |id| if name == IDEMPOTENCY_KEY { bare_key(id).into_owned() } else { id.to_owned() };
            (name, id.map(bare), false)
        }
        Some(IdSource::BodyField(name)) => (name, body_field(name, body), true),
    };
    let Some(id) = found.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()) else { return Ok(None) };
    check_text(place, &id, ID_BYTES_MAX).map_err(unusable)?;
    Ok(Some(DeliveryId { text: id, signed }))
}

fn unusable(refused: Refused) -> Refused {
    match refused {
        Refused::Malformed { place, flaw } => Refused::UnusableId { place, flaw },
        other => other,
    }
}

/// The id of a delivery that nobody verified.
pub(super) fn unverified(
    scheme: &Scheme,
    headers: &(impl HeaderLookup + ?Sized),
    body: &[u8],
) -> Result<Option<DeliveryId>, Refused> {
    let in_header = scheme.spellings.iter().find_map(|spelling| {
        let name = spelling.id.as_ref()?;
        Some((name, sent(headers, name)?))
    });
    let id = in_header.map(|(name, value)| header_text(name, value, ID_BYTES_MAX)).transpose()?;
    find(scheme, headers, id, None, body)
}

/// A header's value as text of a bounded length.
pub(super) fn header_text<'a>(name: &Text, value: &'a [u8], bytes_max: usize) -> Result<&'a str, Refused> {
    let malformed = |flaw| Refused::Malformed { place: name.clone(), flaw };
    // Before anything looks at each byte.
    if value.len() > bytes_max {
        return Err(malformed(Flaw::TooLong { bytes_max }));
    }
    let text = std::str::from_utf8(value).map_err(|_| malformed(Flaw::NotText))?;
    check_text(name, text, bytes_max)?;
    Ok(text)
}

fn check_text(place: &Text, text: &str, bytes_max: usize) -> Result<(), Refused> {
    let malformed = |flaw| Err(Refused::Malformed { place: place.clone(), flaw });
    if text.len() > bytes_max {
        return malformed(Flaw::TooLong { bytes_max });
    }
    if fits_a_key(text) { Ok(()) } else { malformed(Flaw::NotText) }
}

/// A top-level field of a JSON object, if it is a string or an integer. The rest of the body is passed over, not kept.
fn body_field(name: &str, body: &[u8]) -> Option<String> {
    let mut json = serde_json::Deserializer::from_slice(without_byte_order_mark(body));
    let found = Field(name).deserialize(&mut json).ok()?;
    json.end().ok()?;
    found
}

struct Field<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Field<'_> {
    type Value = Option<String>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Field<'_> {
    type Value = Option<String>;
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != self.0 {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            // Of two equal keys the last one counts, as in `JSON.parse`.
            let sent = map.next_value::<&RawValue>()?.get();
            found = match Node::read(sent.as_bytes()).map_err(A::Error::custom)? {
                Node::Text(text) => Some(text.into_owned()),
                Node::Unsigned(number) => Some(number.to_string()),
                Node::Signed(number) => Some(number.to_string()),
                // A snowflake may have more digits than an integer of 64 bits.
                Node::Exact(_) | Node::Float(_) if sent.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()) => {
                    Some(sent.to_owned())
                }
                _ => None,
            };
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_key_and_the_same_one_bare_are_one() {
        for (text, expected) in [
            ("A5", "A5"),
            (r#""A5""#, "A5"),
            (r#" "A5" "#, "A5"),
            (r#""A5";v=1"#, "A5"),
            (r#""A5" ; v="x""#, "A5"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            (r#""vare-æ""#, "vare-æ"),
            ("\"\"", ""),
            // No string of RFC 8941: as it was sent.
            (r#""A5"#, r#""A5"#),
            (r#"A5""#, r#"A5""#),
            (r#"A"5"#, r#"A"5"#),
            (r#""A5"x"#, r#""A5"x"#),
            (r#""A\5""#, r#""A\5""#),
            (r#""A5\"#, r#""A5\"#),
            ("\"", "\""),
            ("'A5'", "'A5'"),
            ("", ""),
        ] {
            assert_eq!(bare_key(text), expected, "{text}");
        }
    }

    #[test]
    fn an_id_in_the_body_is_a_string_or_an_integer_at_the_top() {
        for (body, expected) in [
            (r#"{"a":[{"id":"inner"}],"id":"evt_1"}"#, Some("evt_1")),
            (r#"{"id":"evt_1","id":"evt_2"}"#, Some("evt_2")),
            (r#"{"\u0069d":"e\u0076t"}"#, Some("evt")),
            ("\u{FEFF}{\"id\":\"evt_1\"}", Some("evt_1")),
            (r#"{"id":17}"#, Some("17")),
            (r#"{"id":-1}"#, Some("-1")),
            (r#"{"id":18446744073709551617}"#, Some("18446744073709551617")),
            (r#"{"id":18446744073709552000}"#, Some("18446744073709552000")),
            (r#"{"id":1.5}"#, None),
            (r#"{"id":1.2345678901234567}"#, None),
            (r#"{"id":null}"#, None),
            (r#"{"id":{"id":"inner"}}"#, None),
            (r#"{"a":{"id":"inner"}}"#, None),
            (r#"{"id":"evt_1"} {}"#, None),
            (r#"{"id":"evt_1""#, None),
            (r#"["id"]"#, None),
            ("", None),
        ] {
            assert_eq!(body_field("id", body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
