//! Verifies a delivery, whatever the scheme.

use base64::Engine as _;
use jiff::Timestamp;

use super::id::{self, DeliveryId, ID_BYTES_MAX};
use super::live_secret::{LiveSecret, SecretLabel};
use super::mac::{self, Tag};
use super::refused::{Flaw, Refused};
use super::scheme::{
    Encoding, HeaderLookup, KeyForm, Part, SECRET_PREFIX, Scheme, Spelling, Text, TimestampForm, ValueForm, sent,
};

/// The longest signature header: sixteen signatures and some room.
const SIGNATURE_BYTES_MAX: usize = 4096;
/// The most signatures of one delivery. A sender that rotates its secret sends two.
const SIGNATURES_MAX: usize = 16;
/// The longest timestamp: RFC 3339 with nanoseconds and an offset.
const TIMESTAMP_BYTES_MAX: usize = 40;

/// What is known of a delivery once its signature was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The place of the secret that fitted, among those given.
    pub secret_index: usize,
    /// Its label: a rotation is over when nothing comes in under the previous one any more.
    pub secret_label: SecretLabel,
    /// The name the sender gives the delivery; `None` means to go by the content.
    pub delivery_id: Option<DeliveryId>,
    /// When the sender signed it, for schemes that say so.
    pub timestamp: Option<Timestamp>,
}

/// Verifies the signature of a delivery over the raw bytes of its body.
///
/// It does not matter which of the secrets and which of the signatures fit: that is how both sides rotate. A blank
/// secret fits nothing. `url` is the one that was registered with the sender, not the one that the request came to.
/// To verify a stored delivery again, `now` is when it was received.
///
/// # Errors
/// Why it is refused. The body has not been read then.
pub fn verify(
    scheme: &Scheme,
    secrets: &[LiveSecret],
    headers: &(impl HeaderLookup + ?Sized),
    url: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<Verified, Refused> {
    // Our own configuration first: without a secret no request can be right.
    if secrets.iter().all(LiveSecret::is_blank) {
        return Err(Refused::NoSecret);
    }
    let url = url.filter(|url| !url.trim().is_empty());
    if scheme.needs_url() && url.is_none() {
        return Err(Refused::NoUrl);
    }

    let sent = Sent::locate(scheme, headers)?;
    let (signatures, timestamp_text) = read_value(scheme, &sent)?;
    let timestamp = timestamp_text.map(|text| read_timestamp(scheme, &sent, text)).transpose()?;
    if let (Some(tolerance_seconds), Some(timestamp)) = (scheme.tolerance_seconds, timestamp) {
        check_tolerance(timestamp, now, tolerance_seconds)?;
    }

    let signed_headers = signed_headers(scheme, headers);
    let values = Values { id: sent.id, timestamp: timestamp_text, url, headers: &signed_headers, body };
    let (mut usable, mut unusable) = (false, None);
    for (secret_index, LiveSecret { label, secret }) in secrets.iter().enumerate().filter(|(_, one)| !one.is_blank()) {
        let Some(key) = key(scheme.key, secret.expose()) else {
            unusable = unusable.or(Some(Refused::SecretUnusable { label: *label }));
            continue;
        };
        usable = true;
        if mac::any_equal(&values.tag(&scheme.template, &key), &signatures) {
            let delivery_id = id::find(scheme, headers, sent.id, timestamp_text, body)?;
            return Ok(Verified { secret_index, secret_label: *label, delivery_id, timestamp });
        }
    }
    // With one that can be used beside it, what fits neither is a wrong signature, or a forgery would look like our fault.
    Err(unusable.filter(|_| !usable).unwrap_or(Refused::Mismatch))
}

/// The headers that a scheme signs by themselves, with their values; one that was not sent is empty.
pub(super) fn signed_headers<'a>(
    scheme: &'a Scheme,
    headers: &'a (impl HeaderLookup + ?Sized),
) -> Vec<(&'a str, &'a [u8])> {
    let value = |part: &'a Part| match part {
        Part::Header(name) => Some((name.as_ref(), sent(headers, name).unwrap_or_default())),
        _ => None,
    };
    scheme.template.iter().filter_map(value).collect()
}

/// The headers of a delivery, found but for their names not yet read.
pub(super) struct Sent<'a> {
    pub(super) spelling: &'a Spelling,
    pub(super) value: &'a str,
    pub(super) id: Option<&'a str>,
    pub(super) timestamp: Option<&'a str>,
}

impl<'a> Sent<'a> {
    /// Finds the headers. All must be of one spelling: an id of one and a signature of another were never signed
    /// together.
    pub(super) fn locate(scheme: &'a Scheme, headers: &'a (impl HeaderLookup + ?Sized)) -> Result<Self, Refused> {
        let found = |name: &Text| sent(headers, name).is_some();
        let whole = |spelling: &&Spelling| {
            found(&spelling.signature) && spelling.id.iter().chain(&spelling.timestamp).all(found)
        };
        let spelling = scheme.spellings.iter().find(whole);
        let spelling = spelling.or_else(|| scheme.spellings.iter().find(|spelling| found(&spelling.signature)));
        let Some(spelling) = spelling else {
            let headers = scheme.signature_headers().collect::<Vec<_>>().join(" or ");
            return Err(Refused::MissingSignature { headers });
        };
        let text = |name: &Text, bytes_max: usize| {
            let value = sent(headers, name).ok_or_else(|| Refused::MissingHeader { header: name.clone() })?;
            id::header_text(name, value, bytes_max)
        };
        Ok(Self {
            spelling,
            value: text(&spelling.signature, SIGNATURE_BYTES_MAX)?,
            id: spelling.id.as_ref().map(|name| text(name, ID_BYTES_MAX)).transpose()?,
            timestamp: spelling.timestamp.as_ref().map(|name| text(name, TIMESTAMP_BYTES_MAX)).transpose()?,
        })
    }
}

/// The signatures in the header's value, and the timestamp: from there, or from its own header.
pub(super) fn read_value<'a>(scheme: &Scheme, sent: &Sent<'a>) -> Result<(Vec<Tag>, Option<&'a str>), Refused> {
    let malformed = |flaw| Refused::Malformed { place: sent.spelling.signature.clone(), flaw };
    let mut timestamp = sent.timestamp;
    let signatures = match &scheme.value {
        ValueForm::One { prefix, required } => {
            let rest = strip_prefix_any_case(sent.value, prefix);
            if rest.is_none() && *required {
                return Err(malformed(Flaw::NoPrefix { prefix: prefix.clone() }));
            }
            vec![mac::decode(rest.unwrap_or(sent.value), scheme.encoding).map_err(malformed)?]
        }
        ValueForm::Versions { version } => {
            let items = sent.value.split_ascii_whitespace().filter_map(|item| item.split_once(','));
            several(version, items, scheme.encoding).map_err(malformed)?
        }
        ValueForm::Fields { timestamp: field, signature } => {
            let items = || sent.value.split(',').filter_map(|item| item.trim().split_once('='));
            let found = items().find(|(name, _)| name == field).map(|(_, value)| value);
            timestamp = Some(found.ok_or_else(|| malformed(Flaw::NoTimestamp { field: field.clone() }))?);
            several(signature, items(), scheme.encoding).map_err(malformed)?
        }
    };
    Ok((signatures, timestamp))
}

/// The signatures of the one version that we know. One that cannot be read does not spoil the others.
fn several<'a>(
    version: &Text,
    items: impl Iterator<Item = (&'a str, &'a str)>,
    encoding: Encoding,
) -> Result<Vec<Tag>, Flaw> {
    let of_version: Vec<&str> = items.filter(|(name, _)| name == version).map(|(_, value)| value).collect();
    if of_version.len() > SIGNATURES_MAX {
        return Err(Flaw::TooMany { signatures_max: SIGNATURES_MAX });
    }
    let mut flaw = Flaw::NoSignature { version: version.clone() };
    let mut signatures = Vec::new();
    for text in of_version {
        match mac::decode(text, encoding) {
            Ok(signature) => signatures.push(signature),
            Err(other) => flaw = other,
        }
    }
    if signatures.is_empty() { Err(flaw) } else { Ok(signatures) }
}

/// `SHA256=` is as good as `sha256=`; the prefix says how to read the signature, it protects nothing.
fn strip_prefix_any_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn read_timestamp(scheme: &Scheme, sent: &Sent<'_>, text: &str) -> Result<Timestamp, Refused> {
    let digits = || text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    let read = match scheme.timestamp {
        TimestampForm::Seconds => digits().and_then(|seconds| Timestamp::from_second(seconds).ok()),
        TimestampForm::Milliseconds => digits().and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok()),
        TimestampForm::Rfc3339 => text.parse().ok(),
    };
    let place = sent.spelling.timestamp.as_ref().unwrap_or(&sent.spelling.signature);
    read.ok_or_else(|| Refused::Malformed { place: place.clone(), flaw: Flaw::NotATimestamp })
}

/// Whole seconds, as senders count them; exactly the tolerance still passes.
fn check_tolerance(timestamp: Timestamp, now: Timestamp, tolerance_seconds: u32) -> Result<(), Refused> {
    let age = now.as_second() - timestamp.as_second();
    let seconds = age.unsigned_abs();
    if seconds <= u64::from(tolerance_seconds) {
        Ok(())
    } else if age > 0 {
        Err(Refused::TimestampTooOld { seconds, tolerance_seconds })
    } else {
        Err(Refused::TimestampTooNew { seconds, tolerance_seconds })
    }
}

/// The key that the secret stands for; `None` if it is not what the scheme needs.
pub(super) fn key(form: KeyForm, secret: &[u8]) -> Option<Vec<u8>> {
    match form {
        KeyForm::Raw => Some(secret.to_vec()),
        KeyForm::Base64 => {
            let encoded = secret.strip_prefix(SECRET_PREFIX.as_bytes()).unwrap_or(secret);
            mac::BASE64.decode(encoded).ok().filter(|key| !key.is_empty())
        }
    }
}

/// What a template is filled in with.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) timestamp: Option<&'a str>,
    pub(super) url: Option<&'a str>,
    pub(super) headers: &'a [(&'a str, &'a [u8])],
    pub(super) body: &'a [u8],
}

impl Values<'_> {
    /// The MAC of the filled-in template.
    pub(super) fn tag(&self, template: &[Part], key: &[u8]) -> Tag {
        mac::hmac_sha256(
            key,
            template.iter().map(|part| match part {
                Part::Literal(literal) => literal.as_bytes(),
                Part::Id => self.id.unwrap_or_default().as_bytes(),
                Part::Timestamp => self.timestamp.unwrap_or_default().as_bytes(),
                Part::Url => self.url.unwrap_or_default().as_bytes(),
                Part::Header(name) => {
                    self.headers.iter().find(|(found, _)| found == name).map_or(&[][..], |(_, value)| value)
                }
                Part::Body => self.body,
            }),
        )
    }
}
