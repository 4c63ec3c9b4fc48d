//! Deliveries that were not let in: why, how they are kept, and where they stand in lists.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::deliveries::delivery::{BODY_PART_BYTES_MAX, Channel, Door};
use crate::domain::ids::Connection;
use crate::domain::place::{NoPlace, TIME_DIGITS, split_time};

/// The largest body that is kept with a rejected delivery, in bytes.
pub const REJECTED_BODY_BYTES_MAX: usize = 32 * 1024;
/// The largest body that is kept with a refusal that is acknowledged, in bytes: nobody sends it again, and one item holds it.
pub const ACKNOWLEDGED_BODY_BYTES_MAX: usize = BODY_PART_BYTES_MAX;
/// How long a rejected delivery is kept, in seconds.
pub const REJECTED_SECONDS: i64 = 14 * 86_400;

/// `provider/connection`, each a name of at most 64 characters, with the kind behind it and some room.
const RING_BYTES_MAX: usize = 160;
/// The most digits of a rejected delivery's number. Keys have them all, so that they sort as text.
pub const NUMBER_DIGITS_MAX: usize = 12;

/// Why a delivery was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// Our own secret for the sender is missing, or not usable.
    NoSecret,
    /// Its id is not signed, and its body came under another one before. Its sender was told that it came before; it is kept as
    /// it may be an event of its own all the same.
    SameBody,
}

impl Rejection {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::BadSignature,
        Self::TooLarge,
        Self::UnknownSender,
        Self::BadBody,
        Self::Conflict,
        Self::NoSecret,
        Self::SameBody,
    ];

    /// The reason in answers and filters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadSignature => "bad_signature",
            Self::TooLarge => "too_large",
            Self::UnknownSender => "unknown_sender",
            Self::BadBody => "bad_body",
            Self::Conflict => "conflict",
            Self::NoSecret => "no_secret",
            Self::SameBody => "same_body",
        }
    }

    /// Whether the door tells its senders of success all the same: with [`Rejection::SameBody`] always. With what they could not
    /// place as the original's routes did: those of shipments, and the one that takes any event, to which that of a new
    /// connection comes before it is configured. Nobody sends such a delivery again, so it must be kept whole.
    #[must_use]
    pub fn is_acknowledged_at(self, door: &Door) -> bool {
        match self {
            Self::SameBody => true,
            Self::UnknownSender => {
                matches!(door, Door::Trackstar { channel } if *channel != Channel::TrackstarInventory)
            }
            _ => false,
        }
    }
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
    /// The name of the connection it said.
    pub connection: String,
    /// The door it came to.
    pub door: Door,
    /// When it was received, epoch milliseconds.
    pub received_ms: i64,
    /// The trace.
    pub correlation_id: String,
    /// The body's length in bytes; what came of one that broke off.
    pub body_bytes: u64,
    /// SHA-256 of the body, lower hex; none of one that broke off, and in items of versions that left it out.
    #[serde(default)]
    pub body_hash: Option<String>,
    /// Whether the body is kept.
    #[serde(default)]
    pub has_body: bool,
    /// The headers that matter to its door, names in lower case: those that verification needs, and those that tell operators
    /// who it was.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// When an operator let it in after all.
    #[serde(default)]
    pub admitted_ms: Option<i64>,
}

impl Rejected {
    /// Where it claims to come from; none where it claims what can be no connection.
    #[must_use]
    pub fn claimed(&self) -> Option<Connection> {
        format!("{}/{}/{}", self.tenant, self.provider, self.connection).parse().ok()
    }
}

/// What a ring holds. Those of one kind push out none of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RingKind {
    /// Whose signature was not right: anybody can fill it.
    Open,
    /// Whose signature was right.
    Proved,
    /// Whose signature was right, and whose sender was told of success: nobody sends them again.
    Acknowledged,
}

impl RingKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Proved, Self::Acknowledged];

    /// The most that such a ring holds; the next one takes the place of the oldest.
    #[must_use]
    pub fn places(self) -> i64 {
        match self {
            Self::Open | Self::Proved => 200,
            Self::Acknowledged => 5000,
        }
    }

    /// Whether the signature of what it holds was right.
    #[must_use]
    pub fn is_proved(self) -> bool {
        self != Self::Open
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Open => "",
            Self::Proved => ":proved",
            Self::Acknowledged => ":acknowledged",
        }
    }
}

/// A ring of rejected deliveries: `pos`, `github/acme:proved`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ring {
    /// `pos`, `trackstar`, `provider/connection`, or `unknown`. No origin holds a colon.
    pub origin: String,
    /// Which of its rings.
    pub kind: RingKind,
}

impl Ring {
    /// Whether it holds what comes over connections of any tenant, and not over one alone.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        !self.origin.contains('/')
    }
}

impl FromStr for Ring {
    type Err = NoPlace;
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let signed = [RingKind::Proved, RingKind::Acknowledged];
        let found = signed.into_iter().find_map(|kind| Some((text.strip_suffix(kind.suffix())?, kind)));
        let (origin, kind) = found.unwrap_or((text, RingKind::Open));
        // It becomes a part of a key, whose length is bounded.
        if origin.is_empty() || text.len() > RING_BYTES_MAX || text.contains(char::is_control) {
            return Err(NoPlace);
        }
        Ok(Self { origin: origin.to_owned(), kind })
    }
}

impl fmt::Display for Ring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.origin, self.kind.suffix())
    }
}

/// A rejected delivery's id. In order, that of its number in its ring.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RejectedId {
    /// Where it is kept.
    pub ring: Ring,
    /// Counts from 1.
    pub number: i64,
}

impl RejectedId {
    /// Its place in its ring, which it takes from the one that came a whole round before.
    #[must_use]
    pub fn place(&self) -> i64 {
        self.number.rem_euclid(self.ring.kind.places())
    }
}

impl FromStr for RejectedId {
    type Err = NoPlace;
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (ring, number) = text.rsplit_once('#').ok_or(NoPlace)?;
        let plain = number.len() <= NUMBER_DIGITS_MAX && number.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || number.starts_with('0') {
            return Err(NoPlace);
        }
        Ok(Self { ring: ring.parse()?, number: number.parse().map_err(|_| NoPlace)? })
    }
}

impl fmt::Display for RejectedId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}#{}", self.ring, self.number)
    }
}

/// Where a rejected delivery stands among those of all origins: its cursor. Ordered by time; within a millisecond by ring,
/// and in a ring as they came.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RejectedPlace {
    /// When it was received, epoch milliseconds.
    pub received_ms: i64,
    /// Its id.
    pub id: RejectedId,
}

impl FromStr for RejectedPlace {
    type Err = NoPlace;
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (received_ms, id) = split_time(text).ok_or(NoPlace)?;
        Ok(Self { received_ms, id: id.parse()? })
    }
}

impl fmt::Display for RejectedPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:0TIME_DIGITS$}-{}", self.received_ms, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_out_is_read_and_nothing_else_is() {
        for origin in ["github/acme-1", &format!("{0}/{0}", "x".repeat(64))] {
            for (ring, number) in RingKind::ALL.map(|kind| Ring { origin: origin.to_owned(), kind }).into_iter().zip([
                1,
                17,
                999_999_999_999,
            ]) {
                let id = RejectedId { ring, number };
                let place = RejectedPlace { received_ms: 1_731_705_121_000, id };
                assert_eq!(place.to_string().parse(), Ok(place));
            }
        }
        let longest = "x".repeat(RING_BYTES_MAX);
        assert!(format!("{longest}#1").parse::<RejectedId>().is_ok());
        for bad in [
            "",
            "pos",
            "#1",
            "pos#",
            "pos#0",
            "pos#017",
            "pos#-1",
            "pos#+1",
            "pos#9999999999999",
            "p\u{7}s#1",
            ":proved#1",
        ] {
            assert_eq!(bad.parse::<RejectedId>(), Err(NoPlace), "{bad}");
            assert_eq!(format!("1731705121000-{bad}").parse::<RejectedPlace>(), Err(NoPlace), "{bad}");
        }
        assert_eq!(format!("{longest}x#1").parse::<RejectedId>(), Err(NoPlace));
    }

    #[test]
    fn places_are_ordered_by_time_then_as_they_came() {
        let in_order =
            ["0000000000002-pos#9", "0000000000002-pos#10", "0000000000002-pos:proved#1", "0000000000003-pos#8"];
        let places = in_order.map(|text| text.parse::<RejectedPlace>().unwrap());
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn a_reason_is_called_the_same_in_answers_and_where_it_is_stored() {
        for reason in Rejection::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }

    #[test]
    fn only_what_nobody_could_place_and_what_came_before_is_acknowledged() {
        let trackstar = |channel| Door::Trackstar { channel };
        for (door, expected) in [
            (trackstar(Channel::TrackstarShipment), true),
            (trackstar(Channel::TrackstarReceipt), true),
            (trackstar(Channel::TrackstarOther), true),
            (trackstar(Channel::TrackstarInventory), false),
            (Door::Pos { source: "shop".into(), tenant: "acme".into() }, false),
        ] {
            for reason in Rejection::ALL {
                let expected = reason == Rejection::SameBody || expected && reason == Rejection::UnknownSender;
                assert_eq!(reason.is_acknowledged_at(&door), expected, "{reason:?} at {door:?}");
            }
        }
    }

    #[test]
    fn a_ring_holds_more_of_what_nobody_sends_again_for_two_weeks() {
        let rings = RingKind::ALL.map(|kind| (kind.places(), kind.is_proved()));
        assert_eq!(rings, [(200, false), (200, true), (5000, true)]);
        let place = |id: &str| id.parse::<RejectedId>().unwrap().place();
        let places = ["pos#1", "pos#200", "pos#201", "pos:proved#400", "pos:acknowledged#5001"].map(place);
        assert_eq!(places, [1, 0, 1, 0, 1]);
        assert_eq!(REJECTED_SECONDS, 1_209_600);
        assert_eq!(REJECTED_BODY_BYTES_MAX, 32_768);
    }

    #[test]
    fn a_rejected_delivery_is_stored_under_these_names() {
        for door in [
            serde_json::json!({"kind": "pos", "source": "demo", "tenant": "acme"}),
            serde_json::json!({"kind": "trackstar", "channel": "trackstar-inventory"}),
            serde_json::json!({"kind": "sender", "provider": "github", "connection": "main"}),
        ] {
            let stored = serde_json::json!({
                "reason": "bad_signature", "detail": "why", "tenant": "acme", "provider": "pos", "connection": "demo",
                "door": door, "receivedMs": 7, "correlationId": "trace", "bodyBytes": 2, "bodyHash": "5f",
                "hasBody": true, "headers": [["x-signature", "00"]], "admittedMs": null,
            });
            let rejected: Rejected = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(serde_json::to_value(&rejected).unwrap(), stored);
        }
    }
}
