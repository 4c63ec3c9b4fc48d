//! Places in lists: the ids and cursors that clients are given and send back. What they send may be anything, so it is
//! read here before it becomes a part of a key.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// SQS gives ids of up to 100 characters.
const MESSAGE_ID_BYTES_MAX: usize = 100;
/// `provider/connection`, each a name of at most 64 characters, with the kind behind it and some room.
const RING_BYTES_MAX: usize = 160;
/// Milliseconds of the Unix epoch are written with so many digits, so that they sort as text.
const TIME_DIGITS: usize = 13;
/// The most digits of a rejected delivery's number.
const NUMBER_DIGITS_MAX: usize = 12;

/// A text that names no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("names no place of this list")]
pub struct NoPlace;

/// A dead letter's id: when its message was first sent, and the queue's id of it. Sorts by time; it is its own cursor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeadLetterId(String);

impl DeadLetterId {
    /// The id of a message that was first sent at `sent_ms`, epoch milliseconds.
    #[must_use]
    pub fn new(sent_ms: i64, message_id: &str) -> Self {
        Self(format!("{sent_ms:0TIME_DIGITS$}-{message_id}"))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeadLetterId {
    type Err = NoPlace;
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (_, message_id) = split_time(text).ok_or(NoPlace)?;
        let fits = message_id.len() <= MESSAGE_ID_BYTES_MAX && message_id.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(NoPlace) }
    }
}

impl fmt::Display for DeadLetterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a ring holds. Those of one kind push out none of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ring {
    /// `pos`, `trackstar`, `provider/connection`, or `unknown`. No source holds a colon.
    pub source: String,
    /// Which of its rings.
    pub kind: RingKind,
}

impl Ring {
    /// The rings of a source.
    #[must_use]
    pub fn all_of(source: &str) -> [Self; 3] {
        RingKind::ALL.map(|kind| Self { source: source.to_owned(), kind })
    }
}

impl FromStr for Ring {
    type Err = NoPlace;
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let signed = [RingKind::Proved, RingKind::Acknowledged];
        let found = signed.into_iter().find_map(|kind| Some((text.strip_suffix(kind.suffix())?, kind)));
        let (source, kind) = found.unwrap_or((text, RingKind::Open));
        // It becomes a part of a key, whose length is bounded.
        if source.is_empty() || text.len() > RING_BYTES_MAX || text.contains(char::is_control) {
            return Err(NoPlace);
        }
        Ok(Self { source: source.to_owned(), kind })
    }
}

impl fmt::Display for Ring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.source, self.kind.suffix())
    }
}

/// A rejected delivery's id. In order, that of its number in its ring.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RejectedId {
    /// Where it is kept.
    pub ring: Ring,
    /// Counts from 1.
    pub number: i64,
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

/// Where a rejected delivery stands among those of all sources: its cursor. Ordered by time; within a millisecond by ring,
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

fn split_time(text: &str) -> Option<(i64, &str)> {
    let (time, rest) = text.split_once('-')?;
    let plain = time.len() == TIME_DIGITS && time.bytes().all(|byte| byte.is_ascii_digit());
    Some((time.parse().ok().filter(|_| plain)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_out_is_read_and_nothing_else_is() {
        let letter = DeadLetterId::new(1_731_705_121_000, "5fea7756-0ea4-451a-a703-a558b933e274");
        assert_eq!(letter.as_str().parse(), Ok(letter));
        assert_eq!(DeadLetterId::new(0, "").as_str().parse(), Ok(DeadLetterId("0000000000000-".into())));
        for source in ["github/acme-1", &format!("{0}/{0}", "x".repeat(64))] {
            for (ring, number) in Ring::all_of(source).into_iter().zip([1, 17, 999_999_999_999]) {
                let id = RejectedId { ring, number };
                let place = RejectedPlace { received_ms: 1_731_705_121_000, id };
                assert_eq!(place.to_string().parse(), Ok(place));
            }
        }

        let long = "x".repeat(2000);
        for bad in ["", "7", "1731705121000", "1731705121-a", "+731705121000-a", "1731705121000-a b", "1731705121000-æ"]
        {
            assert_eq!(bad.parse::<DeadLetterId>(), Err(NoPlace), "{bad}");
        }
        assert_eq!(format!("1731705121000-{long}").parse::<DeadLetterId>(), Err(NoPlace));
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
        assert_eq!(format!("{long}#1").parse::<RejectedId>(), Err(NoPlace));
    }

    #[test]
    fn places_are_ordered_by_time_then_as_they_came() {
        let in_order =
            ["0000000000002-pos#9", "0000000000002-pos#10", "0000000000002-pos:proved#1", "0000000000003-pos#8"];
        let places = in_order.map(|text| text.parse::<RejectedPlace>().unwrap());
        assert!(places.is_sorted(), "{places:?}");
    }
}
