//! A delivery: one webhook, from the door to its effect.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::deliveries::signature::Proof;
use crate::domain::ids::{Connection, ProviderId, TenantId};

/// The largest body, in bytes. A queue's message may have 1 MiB with all its attributes.
pub const BODY_BYTES_MAX: usize = 900 * 1024;
/// The largest body that a queue takes in base64 alone, in bytes: it grows by a third on its way.
pub const ENCODED_BODY_BYTES_MAX: usize = 760 * 1024;
/// What one stored item holds of a body, in bytes; DynamoDB's limit is 400 KB with names and keys.
pub const BODY_PART_BYTES_MAX: usize = 350_000;

/// The provider of points of sale.
pub const POS: &str = "pos";
/// The provider of Trackstar's connections.
pub const TRACKSTAR: &str = "trackstar";
/// The origin of all that nobody is configured for.
pub const UNKNOWN_ORIGIN: &str = "unknown";

/// How a key begins that is made of the content, so that no sender's id is mistaken for one.
pub const CONTENT_KEY: &str = "content:";

/// How a key begins that is a body's hash, for want of an id. The guard against replays claims the same key, see
/// [`Label::goes_by_body`].
pub const BODY_KEY: &str = "body:";

/// How a key begins that a point of sale gave its event.
pub const GIVEN_KEY: &str = "key:";

/// How a key begins that any other sender gave its event.
pub const ID_KEY: &str = "id:";

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

impl Channel {
    /// Whether it is about shipments to the warehouse, or receipts of them.
    #[must_use]
    pub fn is_shipment(self) -> bool {
        matches!(self, Self::TrackstarShipment | Self::TrackstarReceipt)
    }
}

/// The origin of what comes over a connection: one of a bounded set, which lists, limits and counters go by. Points of sale
/// are one and Trackstar's brands are, as theirs may be many and are named by callers; all others are bounded by
/// configuration.
#[must_use]
pub fn origin(connection: &Connection) -> String {
    origin_of(connection.provider.as_str(), connection.name.as_str())
}

fn origin_of(provider: &str, name: &str) -> String {
    match provider {
        POS | TRACKSTAR => provider.to_owned(),
        _ => format!("{provider}/{name}"),
    }
}

/// What travels beside the body through the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    /// Over which connection it came.
    pub connection: Connection,
    /// What it does.
    pub channel: Channel,
    /// Its idempotency key; where it counts, [`Label::claim_key`] says.
    pub key: String,
    /// The sender's name of the event, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// SHA-256 of the body, lower hex.
    pub body_hash: String,
    /// When it was received, epoch milliseconds.
    pub received_ms: i64,
    /// In which shard of that hour its effect is listed, see [`placement`](super::placement). As the moment, it is the claim's.
    /// Versions that had no shards gave it none.
    #[serde(default)]
    pub shard: u8,
    /// The trace.
    pub correlation_id: String,
    /// Whether the body travels in base64, as a queue takes no control characters.
    #[serde(default)]
    pub base64: bool,
    /// Whether its body is claimed too, as its id is not signed: a captured body would pass under any other.
    #[serde(default, skip_serializing_if = "is_false")]
    pub claims_body: bool,
    /// Whether the signature covers its id. Then the key alone says which event it is, whatever else of the body was changed
    /// by its sender. Versions that did not say compared bodies under every key.
    #[serde(default, skip_serializing_if = "is_false")]
    pub signed_id: bool,
    /// What tells its content from another, where the body's hash does not: the hash of its canonical JSON, without the fields
    /// that its sender is known to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    /// When it was last handed to the queue, epoch milliseconds; not said by versions that did not measure from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enqueued_ms: Option<i64>,
    /// How it was taken in, for whoever applies it to count, as that costs less than counting at the door. None where the
    /// door counted it itself, and in messages of versions that did not say, or said it in words that this one does not
    /// know: a delivery is not lost for the sake of a count.
    #[serde(default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub taken_in: Option<TakenIn>,
    /// Whether somebody sent it through again, as the queue had given it up: its claim may have counted attempts that failed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sent_again: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field on by reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TakenIn>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or_default())
}

/// How a delivery was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenIn {
    /// What proved it.
    pub proof: Proof,
    /// How long it took until it was handed to the queue, or known not to need that, in milliseconds.
    pub ms: u64,
}

/// What became of a delivery that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Applied {
    /// Its effect has happened, or had already.
    Done,
    /// A newer version was there already: nothing to do.
    Older,
    /// It was kept, and nothing handles its kind yet.
    Unhandled,
}

impl Applied {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Done, Self::Older, Self::Unhandled];

    /// The outcome in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Older => "older",
            Self::Unhandled => "unhandled",
        }
    }
}

impl Label {
    /// The key of its claim. One that a point of sale gave names the event for the whole tenant, whichever of its
    /// connections it comes to; content keys have their connection in them.
    #[must_use]
    pub fn claim_key(&self) -> String {
        claim_key(&self.connection, &self.key)
    }

    /// What tells its content from another's: the hash of what counts of its body.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        self.content_hash.as_deref().unwrap_or(&self.body_hash)
    }

    /// The key of its body's claim, where that is claimed too: the very one of a delivery whose key is its body's hash.
    #[must_use]
    pub fn body_claim_key(&self) -> String {
        format!("{}#{BODY_KEY}{}", self.connection, self.fingerprint())
    }

    /// Whether its key is the hash of its body, or of what counts of it. No other body has that key: where another claim stands under it, this body came
    /// before under an id.
    #[must_use]
    pub fn goes_by_body(&self) -> bool {
        self.key.starts_with(BODY_KEY)
    }

    /// The key that its body came with first, by the fingerprint of the claim that stands under [`Label::body_claim_key`]: that of
    /// a body names the key, and that of a delivery without an id is the body's hash.
    #[must_use]
    pub fn first_key(&self, fingerprint: &str) -> String {
        if fingerprint == self.fingerprint() { format!("{BODY_KEY}{fingerprint}") } else { fingerprint.to_owned() }
    }

    /// Whether it is that of a first attempt, so that nothing is known of it that its claim or its entry would say. An attempt
    /// of what was claimed before does not say how it was taken in, as the door has counted it.
    #[must_use]
    pub fn is_first_attempt(&self) -> bool {
        self.taken_in.is_some() && !self.sent_again
    }

    /// When it was received.
    #[must_use]
    pub fn received_at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.received_ms).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The key of the claim of what comes over a connection under a key, see [`Label::claim_key`].
#[must_use]
pub fn claim_key(connection: &Connection, key: &str) -> String {
    if connection.provider == ProviderId::POS && key.starts_with(GIVEN_KEY) {
        return given_claim_key(&connection.tenant, key);
    }
    format!("{connection}#{key}")
}

/// The key of the claim of a key that a point of sale gave, whichever of the tenant's it was.
#[must_use]
pub fn given_claim_key(tenant: &TenantId, key: &str) -> String {
    format!("{tenant}/{POS}#{key}")
}

/// The hash of a body, lower hex.
#[must_use]
pub fn body_hash(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

/// How many bytes of a body are looked at together.
const BLOCK: usize = 32;

/// Whether a queue takes the text as it is: the characters that SQS documents for SendMessage.
#[must_use]
pub fn fits_a_queue(body: &[u8]) -> bool {
    // Nearly all bodies are plain ASCII, which needs no decoding: it is passed over, and what comes after it begins a
    // character.
    let plain = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    // By blocks without a way out in the middle, which processors look at as one.
    let blocks = body.chunks_exact(BLOCK).take_while(|block| block.iter().fold(true, |all, byte| all & plain(byte)));
    let rest = &body[blocks.count() * BLOCK..];
    let rest = rest.iter().position(|byte| !plain(byte)).map_or(&[][..], |plain| &rest[plain..]);
    let allowed = |character: char| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    !body.is_empty() && std::str::from_utf8(rest).is_ok_and(|text| text.chars().all(allowed))
}

/// A text without the byte order mark that some programs write before it. It is signed with the rest, and says nothing.
#[must_use]
pub fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(text)
}

/// What a body is that was meant to be JSON, by how it begins: for whoever reads why it was refused.
#[must_use]
pub fn no_json(body: &[u8]) -> Option<&'static str> {
    match body {
        [] => Some("empty"),
        [0x1F, 0x8B, ..] => Some("compressed (gzip)"),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Some("compressed (zstd)"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, _, ..] | [_, 0, ..] => Some("UTF-16 or UTF-32, not UTF-8"),
        [b'<', ..] => Some("HTML or XML"),
        _ => None,
    }
}

/// Whether a text of a sender can be a part of a key, which travels through a queue: a replacement character stands for bytes
/// that were not text, and two keys that differ there would be one.
#[must_use]
pub fn fits_a_key(text: &str) -> bool {
    let plain = |character: char| !character.is_control() && character != char::REPLACEMENT_CHARACTER;
    text.chars().all(plain) && (text.is_empty() || fits_a_queue(text.as_bytes()))
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

impl Door {
    /// The origin of what comes to it, if its sender is configured.
    #[must_use]
    pub fn origin(&self) -> String {
        match self {
            Self::Pos { source, .. } => origin_of(POS, source),
            Self::Trackstar { .. } => origin_of(TRACKSTAR, ""),
            Self::Sender { provider, connection } => origin_of(provider, connection),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_passed_over_changes_no_answer(
            plain in "[ -~\\t\\n\\r]{0,70}",
            text in any::<String>(),
            edge in prop::sample::select(vec!["", "\u{7F}", "\u{1F}", "\u{0}", "æ", "\u{FFFD}", "\u{FFFE}", "\u{10000}"]),
            bytes in prop::collection::vec(any::<u8>(), 0..4),
        ) {
            for body in [
                plain.as_bytes(),
                format!("{plain}{edge}{plain}").as_bytes(),
                format!("{plain}{text}{edge}").as_bytes(),
                &[plain.as_bytes(), &bytes, plain.as_bytes()].concat(),
            ] {
                let refused = |it: char| matches!(it, '\0'..'\t' | '\u{B}' | '\u{C}' | '\u{E}'..' ' | '\u{FFFE}' | '\u{FFFF}');
                let fits = std::str::from_utf8(body).is_ok_and(|text| !text.is_empty() && !text.contains(refused));
                prop_assert_eq!(fits_a_queue(body), fits, "{:?}", body);
            }
        }
    }

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

    #[test]
    fn what_is_no_json_is_named_by_how_it_begins() {
        for (body, found) in [
            (&b""[..], Some("empty")),
            (b"\x1f\x8b\x08", Some("compressed (gzip)")),
            (b"\x28\xb5\x2f\xfd\x00", Some("compressed (zstd)")),
            (b"\xff\xfe{\0", Some("UTF-16 or UTF-32, not UTF-8")),
            (b"{\0}\0", Some("UTF-16 or UTF-32, not UTF-8")),
            (b"\0{\0}", Some("UTF-16 or UTF-32, not UTF-8")),
            (b"<html>", Some("HTML or XML")),
            (b"{", None),
            (b"\x1f", None),
            ("\u{FEFF}{".as_bytes(), None),
        ] {
            assert_eq!(no_json(body), found, "{body:?}");
        }
    }

    #[test]
    fn an_origin_is_one_of_a_bounded_set_wherever_it_is_asked_for() {
        let sender = |provider: &str| Door::Sender { provider: provider.into(), connection: "acme".into() };
        let pos = Door::Pos { source: "made-up".into(), tenant: "t1".into() };
        let trackstar = Door::Trackstar { channel: Channel::TrackstarOther };
        for (door, connection, expected) in [
            (pos, "t1/pos/made-up", "pos"),
            (trackstar, "t1/trackstar/north", "trackstar"),
            (sender("github"), "t1/github/acme", "github/acme"),
        ] {
            let connection: Connection = connection.parse().unwrap();
            assert_eq!((door.origin().as_str(), origin(&connection).as_str()), (expected, expected));
        }
    }

    #[test]
    fn a_label_of_a_version_that_did_not_say_how_it_was_taken_in_is_read() {
        let old = r#"{"connection":"t1/pos/demo","channel":"event","key":"key:1",
            "bodyHash":"","receivedMs":0,"correlationId":"trace"}"#;
        let label: Label = serde_json::from_str(old).unwrap();
        assert_eq!((label.taken_in, label.signed_id, &label.content_hash), (None, false, &None));
        let told = Label { signed_id: true, content_hash: Some("5f".into()), ..label.clone() };
        let text = serde_json::to_string(&told).unwrap();
        assert!(text.contains(r#""signedId":true,"contentHash":"5f""#), "{text}");
        assert_eq!(serde_json::from_str::<Label>(&text).unwrap(), told);
        let text = serde_json::to_string(&label).unwrap();
        assert!(!text.contains("signedId") && !text.contains("contentHash"), "{text}");
        let label = Label { taken_in: Some(TakenIn { proof: Proof::LocalBypass, ms: 7 }), ..label };
        let text = serde_json::to_string(&label).unwrap();
        assert!(text.contains(r#""takenIn":{"proof":"bypass","ms":7}"#), "{text}");
        assert_eq!(serde_json::from_str::<Label>(&text).unwrap(), label);
        for unknown in [r#"{"proof":"a new name","ms":7}"#, r#"{"ms":7}"#, "7", "null"] {
            let other = text.replace(r#"{"proof":"bypass","ms":7}"#, unknown);
            assert_eq!(serde_json::from_str::<Label>(&other).unwrap(), Label { taken_in: None, ..label.clone() });
        }
    }
}
