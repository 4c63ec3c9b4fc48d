//! Where a delivery lies once it has had its effect, and where it stands in lists by time.
//!
//! One partition of a table takes 1,000 write units a second, and one sender may have more. So deliveries lie by tenant, hour
//! and shard, and inside by moment, source and key: the write that there is anyway then serves a list, newest first, which
//! reads the shards of an hour beside one another. A key is looked up through its claim.
//!
//! The moment and the shard are those of the claim, which every attempt and repetition of one event takes over from it. So
//! another number of shards gives no event a second place; and whoever reads asks for the partitions that were
//! named as having something.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::domain::datasets::manifest::Fingerprint;
use crate::domain::dead_letter::DeadLetterId;
use crate::domain::deliveries::delivery::Label;
use crate::domain::deliveries::partition::Partition;
use crate::domain::ids::{Connection, ConnectionName, ProviderId};
use crate::domain::place::{NoPlace, TIME_DIGITS, split_time};

/// The most shards of an hour: as many queries beside one another as a list makes for it.
pub const SHARDS_MAX: u8 = 8;
/// The shards of an hour where nothing else is configured: 4,000 write units a second for one tenant.
pub const SHARDS_DEFAULT: u8 = 4;

const HOUR_MS: i64 = 3_600_000;

/// In one partition: what lists read, and behind all of it the parts of long bodies, which no list passes over.
const ENTRY: u8 = 0;
const PART: u8 = 1;
/// Ends a source in a sort key. No name holds it.
const END: u8 = 0;

/// The shard of a delivery, by its claim's key.
#[must_use]
pub fn shard_of(claim_key: &str, shards: u8) -> u8 {
    // As good as any part of a hash: there are few shards, and 2^32 values.
    let Fingerprint([a, b, c, d, ..]) = Fingerprint::of(claim_key.as_bytes());
    let shard = u32::from_be_bytes([a, b, c, d]) % u32::from(shards.clamp(1, SHARDS_MAX));
    u8::try_from(shard).unwrap_or(0)
}

/// An hour of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hour(i64);

impl Hour {
    /// The hour of a moment, epoch milliseconds.
    #[must_use]
    pub fn of(ms: i64) -> Self {
        Self(ms.max(0) / HOUR_MS)
    }

    /// The hour of a text that [`Hour`] is shown as; none for any other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let start: Timestamp = format!("{text}:00:00Z").parse().ok()?;
        Some(Self::of(start.as_millisecond())).filter(|hour| hour.to_string() == text)
    }

    /// Its first millisecond.
    #[must_use]
    pub fn start_ms(self) -> i64 {
        self.0 * HOUR_MS
    }

    /// The one before it; none before 1970.
    #[must_use]
    pub fn before(self) -> Option<Self> {
        (self.0 > 0).then_some(Self(self.0 - 1))
    }
}

/// `2026-01-15T12`: a key that a person who looks at the table can write.
impl fmt::Display for Hour {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = Timestamp::from_millisecond(self.start_ms()).unwrap_or(Timestamp::MAX);
        write!(formatter, "{}", start.strftime("%Y-%m-%dT%H"))
    }
}

/// `provider/name`: where a delivery came from, within its tenant.
#[must_use]
pub fn source_of(connection: &Connection) -> String {
    format!("{}/{}", connection.provider, connection.name)
}

/// The place of a delivery within its tenant.
///
/// Its idempotency key alone would not do: a key is remembered for 30 days, and an event that comes under it later is another
/// one, which must not take the place of the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPlace {
    /// When it was first received, which its claim says; of one that was let in, when it was refused. Epoch milliseconds.
    pub received_ms: i64,
    /// Which shard of that hour.
    pub shard: u8,
    /// `provider/name`.
    pub source: String,
    /// Of its key. The key itself may have hundreds of bytes, and stands in the item anyway.
    pub key: Fingerprint,
}

impl DeliveryPlace {
    /// The place of a delivery.
    #[must_use]
    pub fn of(label: &Label) -> Self {
        Self::new(&label.connection, &label.key, label.received_ms, label.shard)
    }

    /// The place of a delivery with this key, claimed at this moment.
    #[must_use]
    pub fn new(connection: &Connection, key: &str, received_ms: i64, shard: u8) -> Self {
        let key = Fingerprint::of(key.as_bytes());
        Self { received_ms: received_ms.max(0), shard, source: source_of(connection), key }
    }

    /// Its partition.
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition { hour: Hour::of(self.received_ms), shard: self.shard }
    }

    /// Its sort key.
    #[must_use]
    pub fn sort(&self) -> Vec<u8> {
        self.sort_as(ENTRY)
    }

    /// The sort key of a part of its body. It names the body: two that have one key, made of what they mean, differ in white
    /// space, and an attempt with the one must not leave parts among those of the other.
    #[must_use]
    pub fn part_sort(&self, body_hash: &str, part: u8) -> Vec<u8> {
        let mut sort = self.sort_as(PART);
        sort.extend(Fingerprint::of(body_hash.as_bytes()).0);
        sort.push(part);
        sort
    }

    fn sort_as(&self, kind: u8) -> Vec<u8> {
        let mut sort = moment(kind, self.received_ms);
        sort.extend(self.source.as_bytes());
        sort.push(END);
        sort.extend(self.key.0);
        sort
    }

    /// The place that stands in this shard under this sort key.
    ///
    /// # Errors
    /// When no delivery stands under it.
    pub fn parse_sort(shard: u8, sort: &[u8]) -> Result<Self, NoPlace> {
        let (&[ENTRY], rest) = sort.split_first_chunk().ok_or(NoPlace)? else { return Err(NoPlace) };
        let (received_ms, rest) = rest.split_first_chunk().ok_or(NoPlace)?;
        let (rest, key) = rest.split_last_chunk().ok_or(NoPlace)?;
        let [source @ .., END] = rest else { return Err(NoPlace) };
        let received_ms = i64::try_from(u64::from_be_bytes(*received_ms)).map_err(|_| NoPlace)?;
        let source = std::str::from_utf8(source).map_err(|_| NoPlace)?;
        Ok(Self { received_ms, shard, source: source.to_owned(), key: Fingerprint(*key) })
    }
}

/// Its id in lists.
impl fmt::Display for DeliveryPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received_ms, shard, source, key } = self;
        write!(formatter, "{received_ms:0TIME_DIGITS$}-{source}-{}-{shard}", hex::encode(key.0))
    }
}

fn moment(kind: u8, ms: i64) -> Vec<u8> {
    let mut sort = vec![kind];
    sort.extend(u64::try_from(ms).unwrap_or(0).to_be_bytes());
    sort
}

/// The first sort key of a moment, epoch milliseconds: none lies before it that is not older.
#[must_use]
pub fn lowest_sort(ms: i64) -> Vec<u8> {
    moment(ENTRY, ms)
}

/// The text from which on dead letters have ids of this moment or later ones, epoch milliseconds.
#[must_use]
pub fn lowest_letter(ms: i64) -> String {
    format!("{:0TIME_DIGITS$}", ms.max(0))
}

/// Which of two of one moment comes first in a list by time. The order of the variants is the list's, from its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Within {
    /// Before all of the moment, where lists end: no delivery stands there.
    Start,
    /// One that has had its effect: in the order of sort keys.
    Delivery(String, Fingerprint),
    /// One that was given up on. Its id begins with the moment.
    Letter(DeadLetterId),
}

/// A place in a list by time, of deliveries that had their effect and of dead letters, and so the list's cursor: what lies
/// below it is what is left. Ordered by moment: that of the claim, or that at which a dead letter's message was sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListPlace {
    ms: i64,
    within: Within,
}

impl ListPlace {
    /// The place below which all is older than this moment, epoch milliseconds.
    #[must_use]
    pub fn before(ms: i64) -> Self {
        Self { ms: ms.max(0), within: Within::Start }
    }

    /// Where a delivery stands.
    #[must_use]
    pub fn of_delivery(place: &DeliveryPlace) -> Self {
        Self { ms: place.received_ms, within: Within::Delivery(place.source.clone(), place.key) }
    }

    /// Where a dead letter stands.
    #[must_use]
    pub fn of_letter(id: &DeadLetterId) -> Self {
        let ms = split_time(id.as_str()).map_or(0, |(ms, _)| ms);
        Self { ms, within: Within::Letter(id.clone()) }
    }

    /// The place above all of its moment: it says when, and names nothing.
    #[must_use]
    pub fn above_its_moment(&self) -> Self {
        Self::before(self.ms.saturating_add(1))
    }

    /// The hour in which the next one below it may lie; none where there is none.
    #[must_use]
    pub fn hour_below(&self) -> Option<Hour> {
        let ms = if self.within == Within::Start { self.ms - 1 } else { self.ms };
        (ms >= 0).then(|| Hour::of(ms))
    }

    /// The highest sort key that a delivery below it can have.
    #[must_use]
    pub fn highest_sort(&self) -> Vec<u8> {
        match &self.within {
            // All keys of the moment go on behind this.
            Within::Start => moment(ENTRY, self.ms),
            Within::Delivery(source, key) => {
                let mut sort = moment(ENTRY, self.ms);
                sort.extend(source.as_bytes());
                sort.push(END);
                // All are of one length: between a number and the next lies none.
                if let Some(below) = u128::from_be_bytes(key.0).checked_sub(1) {
                    sort.extend(below.to_be_bytes());
                }
                sort
            }
            Within::Letter(_) => moment(ENTRY, self.ms.saturating_add(1)),
        }
    }

    /// The text up to which dead letters have ids that lie below it. Where that is one of a dead letter, it is not among them.
    #[must_use]
    pub fn highest_letter(&self) -> String {
        match &self.within {
            Within::Letter(id) => id.to_string(),
            // All ids of the moment go on behind this.
            Within::Start | Within::Delivery(..) => lowest_letter(self.ms),
        }
    }
}

impl FromStr for ListPlace {
    type Err = NoPlace;
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let Some((ms, rest)) = split_time(text) else {
            // With what would follow, as this text is only the time.
            return split_time(&format!("{text}-")).map(|(ms, _)| Self::before(ms)).ok_or(NoPlace);
        };
        if let Some(message_id) = rest.strip_prefix("dead-") {
            return Ok(Self::of_letter(&format!("{ms:0TIME_DIGITS$}-{message_id}").parse()?));
        }
        let (source, key) = rest.strip_prefix("done-").and_then(|rest| rest.rsplit_once('-')).ok_or(NoPlace)?;
        let (provider, name) = source.split_once('/').ok_or(NoPlace)?;
        let is_name = ProviderId::parse(provider).is_ok_and(|parsed| parsed.as_str() == provider)
            && ConnectionName::parse(name).is_ok_and(|parsed| parsed.as_str() == name);
        let mut fingerprint = [0; 16];
        let lower = key.bytes().all(|byte| !byte.is_ascii_uppercase());
        if !is_name || !lower || hex::decode_to_slice(key, &mut fingerprint).is_err() {
            return Err(NoPlace);
        }
        Ok(Self { ms, within: Within::Delivery(source.to_owned(), Fingerprint(fingerprint)) })
    }
}

impl fmt::Display for ListPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:0TIME_DIGITS$}", self.ms)?;
        match &self.within {
            Within::Start => Ok(()),
            Within::Delivery(source, key) => write!(formatter, "-done-{source}-{}", hex::encode(key.0)),
            Within::Letter(id) => {
                let message_id = split_time(id.as_str()).map_or("", |(_, message_id)| message_id);
                write!(formatter, "-dead-{message_id}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::ids::TenantId;

    const HOUR: i64 = HOUR_MS;

    fn place(received_ms: i64, source: &str, key: &str) -> DeliveryPlace {
        let connection: Connection = format!("acme/{source}").parse().unwrap();
        DeliveryPlace::new(&connection, key, received_ms, 3)
    }

    #[test]
    fn a_delivery_lies_by_tenant_hour_and_shard() {
        let tenant = TenantId::parse("acme").unwrap();
        for (ms, expected) in [
            (0, "acme#deliveries#1970-01-01T00#3"),
            (-1, "acme#deliveries#1970-01-01T00#3"),
            (HOUR - 1, "acme#deliveries#1970-01-01T00#3"),
            (HOUR, "acme#deliveries#1970-01-01T01#3"),
            (1_768_478_399_999, "acme#deliveries#2026-01-15T11#3"),
            (1_768_478_400_000, "acme#deliveries#2026-01-15T12#3"),
        ] {
            let partition = place(ms, "pos/demo", "key:k").partition();
            assert_eq!(partition.key(&tenant), expected, "{ms}");
        }
        assert_eq!(Hour::of(0).before(), None);
        assert_eq!(Hour::of(HOUR).before(), Some(Hour::of(0)));
    }

    #[test]
    fn in_one_partition_they_are_sorted_by_moment_then_source() {
        let in_order = [
            place(5, "pos/z", "key:1"),
            // A name that goes on is another source behind the first, whatever its character is.
            place(6, "pos-2/a", "key:1"),
            place(6, "pos/a", "key:1"),
            place(6, "pos/a.b", "key:1"),
            place(6, "pos/b", "key:1"),
            place(256, "pos/a", "key:1"),
            place(1 << 40, "pos/a", "key:1"),
        ];
        let sorts: Vec<Vec<u8>> = in_order.iter().map(DeliveryPlace::sort).collect();
        assert!(sorts.is_sorted(), "{sorts:?}");
        let places: Vec<ListPlace> = in_order.iter().map(ListPlace::of_delivery).collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn parts_lie_behind_all_entries_and_by_their_body() {
        let last = place(i64::MAX, "pos/z", "key:1").sort();
        let first = place(0, "pos/a", "key:1");
        let parts = [first.part_sort("one", 0), first.part_sort("one", 1), first.part_sort("two", 0)];
        assert!(parts.iter().all(|part| *part > last));
        assert!(parts[0] < parts[1] && parts[0] != parts[2]);
        assert!(parts.iter().all(|part| DeliveryPlace::parse_sort(0, part).is_err()));
    }

    #[test]
    fn a_key_has_one_shard_of_those_that_there_are() {
        let counts = |shards: u8| {
            let mut counts = [0; SHARDS_MAX as usize];
            (0..800).for_each(|number| counts[usize::from(shard_of(&format!("t/pos#key:{number}"), shards))] += 1);
            counts
        };
        for (shards, used) in [(0, 1), (1, 1), (2, 2), (4, 4), (8, 8), (9, 8), (255, 8)] {
            let counts = counts(shards);
            assert!(counts[..used].iter().all(|count| *count > 600 / used), "{shards}: {counts:?}");
            assert!(counts[used..].iter().all(|count| *count == 0), "{shards}: {counts:?}");
        }
    }

    #[test]
    fn what_was_given_out_as_a_cursor_is_read_and_nothing_else_is() {
        let letter: DeadLetterId = "1768478400000-5fea7756".parse().unwrap();
        for (place, text) in [
            (ListPlace::before(7), "0000000000007".to_owned()),
            (ListPlace::before(-7), "0000000000000".to_owned()),
            (ListPlace::of_letter(&letter), "1768478400000-dead-5fea7756".to_owned()),
            (
                ListPlace::of_delivery(&place(7, "pos/a-b", "key:1")),
                format!("0000000000007-done-pos/a-b-{}", hex::encode(Fingerprint::of(b"key:1").0)),
            ),
        ] {
            assert_eq!(place.to_string(), text);
            assert_eq!(text.parse(), Ok(place));
        }
        let hash = "0".repeat(32);
        for bad in [
            "",
            "7",
            "0000000000007-",
            "00000000000070",
            "+000000000007",
            "0000000000007-dead",
            "0000000000007-dead-a b",
            "0000000000007-done-",
            "0000000000007-done-pos/a",
            &format!("0000000000007-done-pos-{hash}"),
            &format!("0000000000007-done-pos/a/b-{hash}"),
            &format!("0000000000007-done-Pos/a-{hash}"),
            &format!("0000000000007-done-pos/a-{}", hash.replace('0', "A")),
            &format!("0000000000007-done-pos/a-{hash}0"),
            &format!("0000000000007-gone-pos/a-{hash}"),
        ] {
            assert_eq!(bad.parse::<ListPlace>(), Err(NoPlace), "{bad}");
        }
    }

    fn any_place() -> impl Strategy<Value = DeliveryPlace> {
        let source = prop::sample::select(vec!["pos/a", "pos/a.b", "pos/b", "pos-2/a", "github/acme"]);
        // Few, so that many meet; and the first and last of all.
        let key = prop_oneof![
            Just([0; 16]),
            Just([255; 16]),
            (0..4_u8).prop_map(|last| {
                let mut key = [0; 16];
                key[15] = last;
                key
            })
        ];
        (0..4_i64, source, key).prop_map(|(ms, source, key)| DeliveryPlace {
            received_ms: ms,
            shard: 0,
            source: source.to_owned(),
            key: Fingerprint(key),
        })
    }

    fn any_below() -> impl Strategy<Value = ListPlace> {
        let letter = (0..4_i64, "[a-c]{0,2}").prop_map(|(ms, id)| ListPlace::of_letter(&DeadLetterId::new(ms, &id)));
        prop_oneof![
            any_place().prop_map(|place| ListPlace::of_delivery(&place)),
            letter,
            (0..5_i64).prop_map(ListPlace::before)
        ]
    }

    proptest! {
        #[test]
        fn a_place_is_read_back_from_its_sort_key(place in any_place()) {
            prop_assert_eq!(DeliveryPlace::parse_sort(0, &place.sort()), Ok(place));
        }

        /// What a query finds up to the highest key is what lies below, and no more.
        #[test]
        fn what_is_below_a_cursor_is_what_its_keys_bound(place in any_place(), below in any_below(), from_ms in 0..5_i64) {
            let is_below = ListPlace::of_delivery(&place) < below;
            prop_assert_eq!(place.sort() <= below.highest_sort(), is_below);
            prop_assert_eq!(place.sort() >= lowest_sort(from_ms), place.received_ms >= from_ms);
            // No hour is passed over in which something lies.
            prop_assert!(!is_below || below.hour_below() >= Some(Hour::of(place.received_ms)));
        }

        #[test]
        fn dead_letters_below_a_cursor_are_those_that_its_texts_bound(
            ms in 0..4_i64, id in "[a-c]{0,2}", below in any_below(), from_ms in 0..5_i64,
        ) {
            let id = DeadLetterId::new(ms, &id);
            let place = ListPlace::of_letter(&id);
            // The one at the cursor is bounded too, and is not below.
            prop_assert_eq!(id.as_str() <= below.highest_letter().as_str(), place <= below);
            prop_assert_eq!(id.as_str() >= lowest_letter(from_ms).as_str(), ms >= from_ms);
            prop_assert_eq!(place.to_string().parse(), Ok(place));
        }
    }
}
