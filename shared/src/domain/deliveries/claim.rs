//! The claim: the idempotency key of a delivery, and what a second one under the same key means.
//!
//! Plain "put if absent, then send" loses acknowledged events: the SDK's own retry of a put whose reply was lost finds
//! the key taken and calls its first attempt a duplicate; and a crash between the two leaves a key that lets
//! nothing through any more. So a claim carries a nonce of its attempt, and a status that says whether the effect is known
//! to have happened. Where it is not, a second delivery goes the way of the first, and the worker finds what there is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::deliveries::delivery::{CONTENT_KEY, Label};
use crate::domain::ids::ConnectionName;

/// How long a key is remembered, in seconds: longer than a message can live in the queue (4 days) and in the dead-letter
/// queue (14 days), and longer than any sender retries (Stripe: 3 days, Shopify: 2 days, Svix: 28 hours).
pub const CLAIM_SECONDS: i64 = 30 * 86_400;

/// The most bytes of a claim: a write unit.
const BYTES_MAX: usize = 1024;

/// What a claim takes at most beside its key and the reason noted last, in bytes. Each attribute counts with its name, and
/// a number as one byte for two digits, and one more:
///
/// | attribute | name | value |
/// |---|---|---|
/// | `pk` | 2 | the key, see [`fitting_reason`] |
/// | `sk` | 2 | 5: `claim` |
/// | `status` | 6 | 9: `processed` |
/// | `nonce` | 5 | 32: 16 bytes in hex |
/// | `bodyHash` | 8 | 64: 32 bytes in hex |
/// | `correlationId` | 13 | 128: the longest trace |
/// | `connection` | 10 | 64: the longest name |
/// | `receivedMs` | 10 | 8: 13 digits |
/// | `shard` | 5 | 2: 1 digit |
/// | `expires_at` | 10 | 6: 10 digits |
/// | `attempts` | 8 | 3: up to 4 digits |
/// | `failedMs` | 8 | 8: 13 digits |
/// | `lastError` | 9 | the reason |
///
/// These are 425; the rest is for what an engine may count otherwise.
const BESIDE_KEY_AND_REASON_BYTES_MAX: usize = 433;

/// How far a claimed delivery got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimStatus {
    /// Claimed; enqueued, or its attempt died before that. Whether its effect has happened, its entry says: see
    /// [`completion`](super::completion).
    Received,
    /// Its effect has happened, and the claim was told.
    Processed,
}

/// A claim, as stored: at most 1 KB, so that it costs one write unit whatever the body's size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// How far it got.
    pub status: ClaimStatus,
    /// Tells one attempt from another.
    pub nonce: String,
    /// What a second delivery under the same key must have in common with this one, or it is a conflict: the fingerprint of
    /// the IETF's draft on the `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header). What it is made of, the
    /// constructors of [`NewClaim`] say. Stored under the name that it had when it was always the body's hash.
    #[serde(rename = "bodyHash")]
    pub fingerprint: String,
    /// The trace.
    pub correlation_id: String,
    /// The name of the connection of the first, whose event it is: a key may hold for several.
    #[serde(default)]
    pub connection: Option<ConnectionName>,
    /// When the delivery was received that claimed it, epoch milliseconds; a part of its effect's place.
    pub received_ms: i64,
    /// The other part: an attempt of it that comes once there is another number of shards has no effect of its own.
    #[serde(default)]
    pub shard: u8,
    /// From when it no longer counts, epoch seconds. DynamoDB's time to live sweeps it some time later.
    #[serde(rename = "expires_at")]
    pub expires_at: i64,
    /// Why applying it failed last, if it did.
    #[serde(default)]
    pub last_error: Option<String>,
    /// How often applying it failed.
    #[serde(default)]
    pub attempts: Option<u32>,
}

/// A claim that is to be made, and what one that stands in its way must have in common with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClaim {
    /// What is stored.
    pub claim: Claim,
    same: Same,
}

/// Which claim under the same key is one of the same event.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Same {
    /// Any: the signature covers the id, so its sender says that it is.
    Any,
    /// One with a fingerprint of these.
    Fingerprint(Vec<String>),
}

impl NewClaim {
    /// The claim of a delivery that is made at `at`, under [`Label::claim_key`]. Its fingerprint is that of what counts of its
    /// body, unless the key is made of that.
    ///
    /// Where the signature covers the id, another body under it is the same event: senders move counters of their envelope with
    /// each attempt, and nobody else can give the id to anything. The fingerprint is stored all the same, for a time in which
    /// the id is not signed any more.
    #[must_use]
    pub fn of_delivery(label: &Label, nonce: &str, at: Timestamp) -> Self {
        let by_content = label.key.starts_with(CONTENT_KEY);
        let fingerprint = if by_content { CONTENT_KEY } else { label.fingerprint() };
        let connection = Some(label.connection.name.clone());
        let claim = Claim { connection, ..Claim::new(label, nonce, at, fingerprint) };
        let same = if label.signed_id {
            Same::Any
        } else {
            // A claim of a version that knew no other hash has the body's.
            Same::Fingerprint(vec![fingerprint.to_owned(), label.body_hash.clone()])
        };
        Self { claim, same }
    }

    /// The claim of a delivery's body that is made at `at`, under [`Label::body_claim_key`]. Its fingerprint is the key that
    /// the body came with first: under another one it is a repetition.
    #[must_use]
    pub fn of_body(label: &Label, nonce: &str, at: Timestamp) -> Self {
        let claim = Claim::new(label, nonce, at, &label.key);
        Self { same: Same::Fingerprint(vec![claim.fingerprint.clone()]), claim }
    }

    fn is_of_the_event_of(&self, existing: &Claim) -> bool {
        match &self.same {
            Same::Any => true,
            Same::Fingerprint(fingerprints) => fingerprints.contains(&existing.fingerprint),
        }
    }
}

impl Claim {
    fn new(label: &Label, nonce: &str, at: Timestamp, fingerprint: &str) -> Self {
        Self {
            status: ClaimStatus::Received,
            nonce: nonce.to_owned(),
            fingerprint: fingerprint.to_owned(),
            correlation_id: label.correlation_id.clone(),
            connection: None,
            received_ms: label.received_ms,
            shard: label.shard,
            expires_at: at.as_second() + CLAIM_SECONDS,
            last_error: None,
            attempts: None,
        }
    }
}

/// As much of a reason as a claim under this key has room for, so that noting it, and removing it on completion, costs one
/// write unit. The longest key, of three names of 64 bytes and an id of 256, leaves 144 bytes; one of ninety leaves all
/// that is ever kept of an error text.
#[must_use]
pub fn fitting_reason<'a>(claim_key: &str, reason: &'a str) -> &'a str {
    let room = BYTES_MAX.saturating_sub(BESIDE_KEY_AND_REASON_BYTES_MAX + claim_key.len());
    &reason[..reason.floor_char_boundary(room)]
}

/// What a delivery is, by what stands under its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The first: enqueue it.
    First,
    /// One seen before. Its effect is not known to have happened, and its attempt may have died before enqueuing: enqueue
    /// again, for the worker's effect is idempotent, and has the claim know of it.
    Again,
    /// One seen before, whose effect is known to have happened.
    Duplicate,
    /// Another body under the same key: never processed as the first one.
    Conflict,
}

/// Judges a delivery by the claim that stood in its way.
#[must_use]
pub fn judge(existing: &Claim, ours: &NewClaim) -> Verdict {
    if existing.nonce == ours.claim.nonce {
        // Our own write had succeeded; only its reply was lost.
        Verdict::First
    } else if !ours.is_of_the_event_of(existing) {
        Verdict::Conflict
    } else if existing.status == ClaimStatus::Processed {
        Verdict::Duplicate
    } else {
        Verdict::Again
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::deliveries::delivery::Channel;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    fn label(key: &str, body_hash: &str) -> Label {
        Label {
            connection: "default/erp/main".parse().unwrap(),
            channel: Channel::Event,
            key: key.into(),
            event_type: None,
            body_hash: body_hash.into(),
            received_ms: 0,
            shard: 3,
            correlation_id: "trace".into(),
            base64: false,
            claims_body: false,
            signed_id: false,
            content_hash: None,
            enqueued_ms: None,
            taken_in: None,
            sent_again: false,
        }
    }

    #[test]
    fn a_reason_is_cut_between_characters_to_what_is_left_beside_the_key() {
        for (key_bytes, reason, kept) in [
            (447, "x".repeat(500), 144),
            (447, "æ".repeat(500), 144),
            (448, "æ".repeat(500), 142),
            (448, "😀".repeat(500), 140),
            (90, "x".repeat(500), 500),
            (2000, "x".repeat(500), 0),
            (447, String::new(), 0),
        ] {
            assert_eq!(fitting_reason(&"k".repeat(key_bytes), &reason).len(), kept, "{key_bytes} bytes");
        }
    }

    #[test]
    fn a_claim_in_the_way_is_judged_by_nonce_then_fingerprint_then_status() {
        let theirs = |status| Claim { status, ..NewClaim::of_delivery(&label("id:1", "hash"), "theirs", AT).claim };
        for (status, nonce, hash, expected) in [
            (ClaimStatus::Received, "theirs", "hash", Verdict::First),
            (ClaimStatus::Received, "ours", "hash", Verdict::Again),
            (ClaimStatus::Processed, "ours", "hash", Verdict::Duplicate),
            (ClaimStatus::Received, "ours", "other", Verdict::Conflict),
            (ClaimStatus::Processed, "ours", "other", Verdict::Conflict),
        ] {
            assert_eq!(judge(&theirs(status), &NewClaim::of_delivery(&label("id:1", hash), nonce, AT)), expected);
        }
    }

    /// Whatever the claim that stands there was made of, also by a version that knew the body's hash alone.
    #[test]
    fn under_a_signed_id_nothing_conflicts_and_under_another_what_counts_of_the_body_decides() {
        let signed = |hash: &str| Label { signed_id: true, ..label("id:1", hash) };
        let counted = |content: &str, hash: &str| Label { content_hash: Some(content.into()), ..label("id:1", hash) };
        let unsigned = label("id:1", "one");
        for (first, second, same) in [
            (signed("one"), signed("two"), true),
            (unsigned.clone(), signed("two"), true),
            (signed("one"), label("id:1", "two"), false),
            (signed("one"), unsigned.clone(), true),
            (counted("content", "one"), counted("content", "two"), true),
            (counted("content", "one"), counted("other", "two"), false),
            (unsigned.clone(), counted("content", "one"), true),
            (unsigned, counted("content", "two"), false),
        ] {
            for (status, verdict) in
                [(ClaimStatus::Received, Verdict::Again), (ClaimStatus::Processed, Verdict::Duplicate)]
            {
                let theirs = Claim { status, ..NewClaim::of_delivery(&first, "theirs", AT).claim };
                let expected = if same { verdict } else { Verdict::Conflict };
                let found = judge(&theirs, &NewClaim::of_delivery(&second, "ours", AT));
                assert_eq!(found, expected, "{first:?} then {second:?}");
            }
        }
    }

    #[test]
    fn a_body_conflicts_under_another_key_and_a_key_of_the_content_never() {
        let body = |key: &str, nonce: &str| NewClaim::of_body(&label(key, "hash"), nonce, AT);
        assert_eq!(judge(&body("id:1", "theirs").claim, &body("id:2", "ours")), Verdict::Conflict);
        assert_eq!(judge(&body("id:1", "theirs").claim, &body("id:1", "ours")), Verdict::Again);
        let content = |hash: &str, nonce: &str| NewClaim::of_delivery(&label("content:1", hash), nonce, AT);
        assert_eq!(judge(&content("one", "theirs").claim, &content("two", "ours")), Verdict::Again);
    }

    #[test]
    fn a_claim_is_read_under_the_names_it_is_stored_with() {
        let label = Label { received_ms: 1_500, ..label("id:1", "hash") };
        let at = Timestamp::from_second(1).unwrap();
        let stored = |connection: Option<&str>, fingerprint: &str| {
            serde_json::json!({
                "status": "received", "nonce": "nonce", "bodyHash": fingerprint, "correlationId": "trace",
                "connection": connection, "receivedMs": 1_500, "shard": 3, "expires_at": 2_592_001, "lastError": null, "attempts": null,
            })
        };
        for (claim, stored) in [
            (NewClaim::of_delivery(&label, "nonce", at).claim, stored(Some("main"), "hash")),
            (NewClaim::of_body(&label, "nonce", at).claim, stored(None, "id:1")),
        ] {
            assert_eq!(serde_json::to_value(&claim).unwrap(), stored);
            assert_eq!(serde_json::from_value::<Claim>(stored).unwrap(), claim);
        }
    }
}
