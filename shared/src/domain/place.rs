//! Places in lists: the ids and cursors that clients are given and send back. What they send may be anything, so it is
//! read here before it becomes a part of a key.

use std::fmt;
use std::str::FromStr;

/// SQS gives ids of up to 100 characters.
const MESSAGE_ID_BYTES_MAX: usize = 100;
/// `provider/connection`, each a name of at most 64 characters, and some room.
const SOURCE_BYTES_MAX: usize = 160;
/// Milliseconds of the Unix epoch are written with so many digits, so that they sort as text.
const TIME_DIGITS: usize = 13;
/// The most digits of a rejected delivery's number.
const NUMBER_DIGITS_MAX: usize = 12;

/// A text that names no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("names no place of this list")]
pub struct NoPlace;

/// A dead letter's id: when its message was first sent, and the queue's id of it. Sorts by time; it is its own cursor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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

/// The rings in which a source's rejected deliveries are kept, so that those of one kind push out none of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ring {
    /// Whose signature was not right: anybody can fill it.
    Open,
    /// Whose signature was right.
    Proved,
    /// Whose signature was right, and whose sender was told of success: nobody sends them again.
    Acknowledged,
}

impl Ring {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Proved, Self::Acknowledged];

    /// The most that it holds; the next one takes the place of the oldest.
    #[must_use]
    pub fn places(self) -> i64 {
        match self {
            Self::Open | Self::Proved => 200,
            Self::Acknowledged => 5000,
        }
    }

    /// The name of this ring of a source. No source holds a colon.
    #[must_use]
    pub fn of(self, source: &str) -> String {
        format!("{source}{}", self.suffix())
    }

    /// The source of a ring of that name, and which of its rings it is.
    #[must_use]
    pub fn parse(name: &str) -> (&str, Self) {
        let signed = [Self::Proved, Self::Acknowledged];
        let found = signed.into_iter().find_map(|ring| Some((name.strip_suffix(ring.suffix())?, ring)));
        found.unwrap_or((name, Self::Open))
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

/// A rejected delivery's id: its ring, and its number there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedId {
    /// The name of a [`Ring`] of `pos`, `trackstar`, `provider/connection`, or `unknown`.
    pub source: String,
    /// Counts from 1.
    pub number: i64,
}

impl RejectedId {
    /// Whether a text can be a source: it becomes a part of a key, whose length is bounded.
    #[must_use]
    pub fn is_source(text: &str) -> bool {
        !text.is_empty() && text.len() <= SOURCE_BYTES_MAX && !text.contains(char::is_control)
    }
}

impl FromStr for RejectedId {
    type Err = NoPlace;
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (source, number) = text.rsplit_once('#').ok_or(NoPlace)?;
        let plain = number.len() <= NUMBER_DIGITS_MAX && number.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || number.starts_with('0') || !Self::is_source(source) {
            return Err(NoPlace);
        }
        Ok(Self { source: source.to_owned(), number: number.parse().map_err(|_| NoPlace)? })
    }
}

impl fmt::Display for RejectedId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}#{}", self.source, self.number)
    }
}

/// Where a rejected delivery stands among those of all sources: its cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        let id = RejectedId { source: "github/acme-1".into(), number: 17 };
        let place = RejectedPlace { received_ms: 1_731_705_121_000, id };
        assert_eq!(place.to_string().parse(), Ok(place));
        for ring in Ring::ALL {
            assert_eq!(Ring::parse(&ring.of("github/acme-1")), ("github/acme-1", ring));
        }
        let source = Ring::Acknowledged.of(&format!("{0}/{0}", "x".repeat(64)));
        let id = RejectedId { source, number: 999_999_999_999 };
        assert_eq!(id.to_string().parse(), Ok(id));

        let long = "x".repeat(2000);
        for bad in ["", "7", "1731705121000", "1731705121-a", "+731705121000-a", "1731705121000-a b", "1731705121000-æ"]
        {
            assert_eq!(bad.parse::<DeadLetterId>(), Err(NoPlace), "{bad}");
        }
        assert_eq!(format!("1731705121000-{long}").parse::<DeadLetterId>(), Err(NoPlace));
        for bad in ["", "pos", "#1", "pos#", "pos#0", "pos#017", "pos#-1", "pos#+1", "pos#9999999999999", "p\u{7}s#1"] {
            assert_eq!(bad.parse::<RejectedId>(), Err(NoPlace), "{bad}");
            assert_eq!(format!("1731705121000-{bad}").parse::<RejectedPlace>(), Err(NoPlace), "{bad}");
        }
        assert_eq!(format!("{long}#1").parse::<RejectedId>(), Err(NoPlace));
    }
}
