//! The other side: what a sender sends. For the load test, the smoke test and our own tests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::live_secret::SecretLabel;
use super::refused::Refused;
use super::scheme::{Encoding, IdSource, Scheme, Text, TimestampForm, ValueForm};
use super::verify::{Values, key};
use crate::domain::secret::Secret;

/// The headers that make the body a delivery of this scheme, under the first of its spellings. `id` is passed over
/// where the scheme has no header for it; other headers that it signs count as not sent.
///
/// # Errors
/// When the scheme signs the URL and none is given, or the secret cannot be used as a key of this scheme.
pub fn sign(
    scheme: &Scheme,
    secret: &Secret,
    id: Option<&str>,
    at: Timestamp,
    url: Option<&str>,
    body: &[u8],
) -> Result<Vec<(Text, String)>, Refused> {
    if scheme.needs_url() && url.is_none() {
        return Err(Refused::NoUrl);
    }
    let spelling = scheme.spellings.first().ok_or(Refused::MissingSignature { headers: String::new() })?;
    let key = key(scheme.key, secret.expose()).ok_or(Refused::SecretUnusable { label: SecretLabel::Current })?;
    let timestamp = match scheme.timestamp {
        TimestampForm::Seconds => at.as_second().to_string(),
        TimestampForm::Milliseconds => at.as_millisecond().to_string(),
        TimestampForm::Rfc3339 => at.to_string(),
    };
    let id = id.unwrap_or_default();
    let values = Values { id: Some(id), timestamp: Some(&timestamp), url, headers: &[], body };
    let tag = values.tag(&scheme.template, &key);
    let tag = match scheme.encoding {
        Encoding::Hex => hex::encode(tag),
        Encoding::Base64 => STANDARD.encode(tag),
    };
    let value = match &scheme.value {
        ValueForm::One { prefix, .. } => format!("{prefix}{tag}"),
        ValueForm::Versions { version } => format!("{version},{tag}"),
        ValueForm::Fields { timestamp: field, signature } => format!("{field}={timestamp},{signature}={tag}"),
    };

    let mut headers = vec![(spelling.signature.clone(), value)];
    headers.extend(spelling.id.iter().map(|name| (name.clone(), id.to_owned())));
    headers.extend(spelling.timestamp.iter().map(|name| (name.clone(), timestamp.clone())));
    if let Some(IdSource::Header(name)) = &scheme.id {
        headers.push((name.clone(), id.to_owned()));
    }
    Ok(headers)
}
