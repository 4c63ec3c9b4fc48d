//! A delivery: one webhook, from the door to its effect.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ids::TenantId;

/// The largest body, in bytes. A queue's message may have 1 MiB with all its attributes.
pub const BODY_BYTES_MAX: usize = 900 * 1024;
/// The largest body that a queue takes in base64 alone, in bytes: it grows by a third on its way.
pub const ENCODED_BODY_BYTES_MAX: usize = 760 * 1024;
/// The largest body that is kept with a rejected delivery, in bytes.
pub const REJECTED_BODY_BYTES_MAX: usize = 32 * 1024;
/// How many rejected deliveries are kept per source.
pub const REJECTED_MAX: i64 = 200;
/// For how long, in seconds.
pub const REJECTED_SECONDS: i64 = 14 * 86_400;

/// How a key begins that is made of the content, so that no sender's id is mistaken for one.
pub const CONTENT_KEY: &str = "content:";

/// What kind of effect a delivery has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// Kept as it came: points of sale, and senders without an effect of their own.
    Event,
    /// Trackstar stock levels: the newest per sku.
    TrackstarInventory,
    /// Trackstar shipments to the warehouse: the newest per shipment.
    TrackstarShipment,
    /// Trackstar receipts of such shipments.
    TrackstarReceipt,
    /// Any other Trackstar event: kept, marked as unhandled.
    TrackstarOther,
}

/// Where a delivery comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Whose.
    pub tenant: TenantId,
    /// The kind of sender: `pos`, `trackstar`, `github` …
    pub provider: String,
    /// The sender's source or connection.
    pub connection: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.tenant, self.provider, self.connection)
    }
}

/// What travels beside the body through the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    /// Where it comes from.
    pub origin: Origin,
    /// What it does.
    pub channel: Channel,
    /// Its idempotency key within the origin.
    pub key: String,
    /// The sender's name of the event, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// SHA-256 of the body, lower hex.
    pub body_hash: String,
    /// When it was received, epoch milliseconds.
    pub received_ms: i64,
    /// The trace.
    pub correlation_id: String,
    /// Whether the body travels in base64, as a queue takes no control characters.
    #[serde(default)]
    pub base64: bool,
}

impl Label {
    /// The key of its claim.
    #[must_use]
    pub fn claim_key(&self) -> String {
        format!("{}#{}", self.origin, self.key)
    }

    /// What a second delivery under the same key must have in common with this one, or it is a conflict: the bytes, unless
    /// the key is made of the content. Equal content in another order or with other white space is no other content.
    #[must_use]
    pub fn claimed_body(&self) -> &str {
        if self.key.starts_with(CONTENT_KEY) { CONTENT_KEY } else { &self.body_hash }
    }

    /// When it was received.
    #[must_use]
    pub fn received_at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.received_ms).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The hash of a body, lower hex.
#[must_use]
pub fn body_hash(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

/// Whether a queue takes the text as it is: the characters that SQS documents for SendMessage.
#[must_use]
pub fn fits_a_queue(body: &[u8]) -> bool {
    let allowed = |character: char| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    !body.is_empty() && std::str::from_utf8(body).is_ok_and(|text| text.chars().all(allowed))
}

/// Why a delivery was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// No signature, or a wrong one.
    BadSignature,
    /// The body is larger than it may be.
    TooLarge,
    /// Nobody of that name is configured.
    UnknownSender,
    /// The body is not what the route takes.
    BadBody,
    /// Another body came under the same key.
    Conflict,
}

impl Rejection {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::BadSignature, Self::TooLarge, Self::UnknownSender, Self::BadBody, Self::Conflict];

    /// The reason in answers and filters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadSignature => "bad_signature",
            Self::TooLarge => "too_large",
            Self::UnknownSender => "unknown_sender",
            Self::BadBody => "bad_body",
            Self::Conflict => "conflict",
        }
    }
}

/// The door a delivery came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Door {
    /// `/pos/{source}/ingest`
    Pos {
        /// The source, as the path names it.
        source: String,
        /// The tenant, as a header names it.
        tenant: String,
    },
    /// `/api/webhooks/trackstar…`
    Trackstar {
        /// What the path says it is about; the event's own name wins where it is known.
        channel: Channel,
    },
    /// `/webhooks/{provider}/{connection}`
    Sender {
        /// As the path names it.
        provider: String,
        /// As the path names it.
        connection: String,
    },
}

/// A delivery that was not let in, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejected {
    /// Why.
    pub reason: Rejection,
    /// Why, for people; no secret.
    pub detail: String,
    /// Whose it says it is; not verified where the signature was wrong.
    pub tenant: String,
    /// The kind of sender.
    pub provider: String,
    /// The source or connection it named.
    pub connection: String,
    /// The door it came to.
    pub door: Door,
    /// When it was received, epoch milliseconds.
    pub received_ms: i64,
    /// The trace.
    pub correlation_id: String,
    /// The body's length in bytes.
    pub body_bytes: u64,
    /// SHA-256 of the body, lower hex; none when it was too large to be read.
    #[serde(default)]
    pub body_hash: Option<String>,
    /// Whether the body is kept.
    #[serde(default)]
    pub has_body: bool,
    /// The headers that verification needs, lower case.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// When an operator let it in after all.
    #[serde(default)]
    pub admitted_ms: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_a_queue_would_refuse_travel_encoded() {
        for (body, fits) in [
            (&b"{\"a\":1}\r\n\t"[..], true),
            ("æ😀".as_bytes(), true),
            (b"", false),
            (b"\x00", false),
            (b"\x1b[0m", false),
            (b"\xff\xfe", false),
            ("\u{FFFF}".as_bytes(), false),
        ] {
            assert_eq!(fits_a_queue(body), fits, "{body:?}");
        }
    }
}
