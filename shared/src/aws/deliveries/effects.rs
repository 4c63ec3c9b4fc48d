//! What deliveries leave behind, in the records table. Every effect is idempotent by itself: placed by its event, or
//! versioned, so that an older version never overwrites a newer one. Its entry says that it has happened, and the write of
//! the entry says whether it had before. Where the claim is completed, that is a write of its own, which costs half of a transaction over both
//! and is as safe: between the two the message is still in the queue.
//!
//! | partition | sort key | holds |
//! |---|---|---|
//! | `tenant#deliveries#hour#shard` | moment, source, fingerprint of the key (`placement.rs`) | a delivery that has had its effect: its label, and where it is kept as it came its body, or how many parts of it lie behind all entries of the partition |
//! | `tenant#deliveries` | a shard of an hour (`partitions.rs`) | that there are deliveries in that partition |
//! | `tenant/provider/name/entity#digit` (`domain/datasets/placement.rs`) | fingerprint of the id: of the sku, the shipment, the receipt | the newest version; a large one names its delivery |

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;

use super::kept;
use super::partitions::Named;
use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, item, number, text};
use crate::aws::table::Table;
use crate::aws::wire::{self, NewItem, Put};
use crate::domain::datasets::manifest::Fingerprint;
use crate::domain::datasets::placement::partition;
use crate::domain::deliveries::delivery::{Applied, BODY_PART_BYTES_MAX, Label};
use crate::domain::deliveries::placement::DeliveryPlace;
use crate::domain::deliveries::version::Version;
use crate::domain::ids::Dataset;
use crate::domain::retention::Retention;
use crate::domain::time;
use crate::environment::{Environment, StartError};

/// What stays in the item of a version that is too large for one, each in bytes.
const SHORT_BYTES_MAX: usize = 1024;

/// What marks a version whose sender said a time too far ahead of its receipt, and its entry in the list.
const AHEAD: &str = "aheadOfReceipt";

/// Which thing a version is of, and which version.
#[derive(Debug, Clone, Copy)]
pub struct VersionPlace<'a> {
    /// What it is one of.
    pub dataset: &'a Dataset,
    /// Its id.
    pub id: &'a str,
    /// When its sender last changed it, as far as that counts.
    pub version: Version,
    /// Whether its sender said a time too far ahead of its receipt, which counts instead.
    pub ahead: bool,
}

impl VersionPlace<'_> {
    fn key(&self) -> Item {
        let fingerprint = Fingerprint::of(self.id.as_bytes());
        effect_key(partition(self.dataset, fingerprint), fingerprint.0.to_vec())
    }
}

/// What came of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// What became of its delivery.
    pub applied: Applied,
    /// Whether its entry said before that it had happened: another attempt was first, or this one's reply was lost.
    pub before: bool,
}

/// How an entry of the list has its delivery's body.
#[derive(Debug, Clone, Copy)]
enum Kept {
    /// In itself.
    Within,
    /// In so many parts.
    InParts(usize),
    /// Not at all: its effect is what it says.
    Not,
}

/// At least what a value takes of an item.
fn bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::L(items) => items.iter().map(|item| bytes(item) + 1).sum::<usize>() + 3,
        AttributeValue::M(members) => {
            members.iter().map(|(name, item)| name.len() + bytes(item) + 1).sum::<usize>() + 3
        }
        _ => 1,
    }
}

/// What became of a delivery, by its entry; none where that does not say that its effect has happened.
fn applied(entry: &Item) -> Option<Applied> {
    entry.get("processedAt")?;
    let outcome = entry.get("outcome").and_then(|outcome| outcome.as_s().ok());
    let known = Applied::ALL.into_iter().find(|applied| outcome.is_some_and(|outcome| outcome == applied.as_str()));
    // One of a younger version has happened all the same.
    Some(known.unwrap_or(Applied::Done))
}

fn effect_key(partition: String, sort: Vec<u8>) -> Item {
    Item::from([("pk".to_owned(), text(partition)), ("sk".to_owned(), AttributeValue::B(Blob::new(sort)))])
}

/// The records table, as deliveries write it, and how long they are kept. Clones share what they remember to have named.
#[derive(Clone, Debug)]
pub struct EffectStore(Table, Named, Retention);

impl EffectStore {
    /// The table that `RECORDS_TABLE` names, and the days of `DELIVERIES_RETENTION_DAYS`; nothing is called.
    ///
    /// # Errors
    /// When it is not set, or the days make no sense.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self(Table::connect(clients, environment, "RECORDS_TABLE")?, Named::default(), kept(environment)?))
    }

    /// When an entry goes, where it does: with all of the day in which it was received. As an attribute, for its own item and the parts
    /// of its body alike.
    fn goes(&self, label: &Label) -> Option<(String, AttributeValue)> {
        Some(("expires_at".to_owned(), number(self.ends(label)?.as_second())))
    }

    /// When the entry of a delivery goes; none where it stays for ever.
    #[must_use]
    pub fn ends(&self, label: &Label) -> Option<Timestamp> {
        let received_at = label.received_at();
        self.2.ends(received_at, received_at)
    }

    /// What became of a delivery that has had its effect, as of now; none of one that has not.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn happened(&self, label: &Label) -> Result<Option<Applied>, AwsFault> {
        let place = DeliveryPlace::of(label);
        let key = effect_key(place.partition().key(&label.connection.tenant), place.sort());
        // Not the body, which costs its reading all the same.
        let call = self.0.get_item(key).consistent_read(true).projection_expression("processedAt, outcome");
        let found = call.send().await.map_err(|error| fault("look for an effect", &error))?.item;
        Ok(found.as_ref().and_then(applied))
    }

    /// Stores a delivery as it came, and that it was applied at `at`.
    ///
    /// # Errors
    /// When the table cannot be written. The entry is written last: without it the parts of a long body are not seen.
    pub async fn store_event(
        &self,
        label: &Label,
        body: &[u8],
        applied: Applied,
        at: Timestamp,
    ) -> Result<Effect, AwsFault> {
        let long = body.len() > BODY_PART_BYTES_MAX;
        let kept = if long { self.store_parts(label, body).await? } else { Kept::Within };
        let before = self.list(label, body, kept, Some((applied, at)), false).await?;
        Ok(Effect { applied, before: before.is_some() })
    }

    /// Stores the newest version of a thing, unless a newer one is there already, and lists its delivery: after a crash between
    /// the two the message comes again, and it is listed then. The other way round it would be listed as processed, and might
    /// still be given up on.
    ///
    /// What one item cannot hold is kept as it came, before the version that names it: so it is never named and not there. Its
    /// entry says that it was processed only once it was.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn store_version(
        &self,
        label: &Label,
        body: &[u8],
        place: VersionPlace<'_>,
        fields: &impl Serialize,
        at: Timestamp,
    ) -> Result<Effect, AwsFault> {
        let mut kept = Kept::Not;
        let mut fields = item(fields, place.key())?;
        if fields.iter().map(|(name, value)| name.len() + bytes(value)).sum::<usize>() > BODY_PART_BYTES_MAX {
            kept = self.store_parts(label, body).await?;
            if let Some(applied) = self.list(label, body, kept, None, place.ahead).await? {
                return Ok(Effect { applied, before: true });
            }
            fields.retain(|_, value| bytes(value) <= SHORT_BYTES_MAX);
            fields.insert("deliveryKey".into(), text(&label.key));
            fields.insert("deliveryShard".into(), number(label.shard));
        }
        if place.ahead {
            fields.insert(AHEAD.into(), AttributeValue::Bool(true));
        }
        let newest = self.put_version(label, place.version, fields, at).await?;
        let applied = if newest { Applied::Done } else { Applied::Older };
        let before = self.list(label, body, kept, Some((applied, at)), place.ahead).await?;
        Ok(Effect { applied, before: before.is_some() })
    }

    /// False when a newer version is there already. Of two versions of one moment the one that came later counts. This very one
    /// may be there too, where the reply to the first write was lost or the worker died before the completion: it is the newest
    /// still. One that lies further ahead of now than any may be was stored when there was no bound, and gives way.
    async fn put_version(
        &self,
        label: &Label,
        version: Version,
        mut fields: Item,
        at: Timestamp,
    ) -> Result<bool, AwsFault> {
        // Two deliveries in any order: the older never overwrites the newer.
        const NEWER: &str = "attribute_not_exists(pk) OR versionMs < :version OR versionMs > :latest \
             OR (versionMs = :version AND receivedMs < :received)";
        fields.insert("versionMs".into(), number(version.stored()));
        fields.insert("receivedMs".into(), number(label.received_ms));
        let values = [
            (":version", number(version.stored())),
            (":latest", number(Version::latest(at).stored())),
            (":received", number(label.received_ms)),
        ];
        let Some(stands) = self.put("store version", fields, NEWER, values).await? else { return Ok(true) };
        let is = |name: &str, expected: AttributeValue| stands.get(name) == Some(&expected);
        Ok(is("versionMs", number(version.stored())) && is("receivedMs", number(label.received_ms)))
    }

    /// Puts an item where a condition holds of the one under its key. Where it does not, what stands there comes back with the
    /// refusal, which costs as much as the put.
    async fn put<const VALUES: usize>(
        &self,
        operation: &'static str,
        fields: Item,
        condition: &'static str,
        values: [(&str, AttributeValue); VALUES],
    ) -> Result<Option<Item>, AwsFault> {
        let new = NewItem { item: fields, condition, values: wire::values(values) };
        match self.0.store(new, operation).await? {
            Put::Done => Ok(None),
            Put::Refused(stands) => Ok(Some(stands)),
        }
    }

    /// Whether a version of a thing would change nothing, as a newer one is there.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn is_stale(&self, place: VersionPlace<'_>, received_ms: i64, at: Timestamp) -> Result<bool, AwsFault> {
        let stored = self.0.read(place.key(), "read version").await?.unwrap_or_default();
        let number = |name: &str| stored.get(name).and_then(|value| value.as_n().ok());
        let received = number("receivedMs").and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(number("versionMs").is_some_and(|version| place.version.is_stale(received_ms, version, received, at)))
    }

    async fn store_parts(&self, label: &Label, body: &[u8]) -> Result<Kept, AwsFault> {
        let (tenant, place) = (&label.connection.tenant, DeliveryPlace::of(label));
        let parts = body.chunks(BODY_PART_BYTES_MAX);
        let kept = Kept::InParts(parts.len());
        let keyed = (0_u8..).zip(parts).map(|(part, bytes)| {
            let mut fields = effect_key(place.partition().key(tenant), place.part_sort(&label.body_hash, part));
            fields.extend(self.goes(label));
            (fields, bytes)
        });
        self.0.write_parts("payload", keyed, "store parts of a body").await?;
        Ok(kept)
    }

    /// Puts a delivery into the list of its hour: as processed, or, while it is not, only for whoever looks for its body. What became of
    /// it, where it was listed as processed before.
    ///
    /// The first that says when it was processed stands. A message that the queue hands out twice, or that a sender's attempt
    /// brings again, changes nothing of what is listed; its write is refused, at the same price. So is the SDK's own repetition of
    /// a write whose reply was lost: to tell it from another attempt's would take a nonce in each entry, for no more than a count.
    async fn list(
        &self,
        label: &Label,
        body: &[u8],
        kept: Kept,
        processed: Option<(Applied, Timestamp)>,
        ahead: bool,
    ) -> Result<Option<Applied>, AwsFault> {
        let (tenant, place) = (&label.connection.tenant, DeliveryPlace::of(label));
        self.1.name(&self.0, tenant, place.partition(), self.goes(label)).await?;
        // These are for claiming, and for completing the claim. How it was taken in stays: nothing else says which secret proved it.
        let own = Label { signed_id: false, content_hash: None, sent_again: false, ..label.clone() };
        let mut fields = item(&own, effect_key(place.partition().key(tenant), place.sort()))?;
        fields.insert("receivedAt".into(), text(time::text(label.received_at())));
        fields.insert("bodyBytes".into(), number(body.len()));
        fields.extend(self.goes(label));
        if ahead {
            fields.insert(AHEAD.into(), AttributeValue::Bool(true));
        }
        fields.insert("hasBody".into(), AttributeValue::Bool(!matches!(kept, Kept::Not)));
        match kept {
            Kept::Within => {
                // Text where it is text, so that a person who looks at the table can read it.
                let readable = std::str::from_utf8(body).map(text);
                fields.insert("payload".into(), readable.unwrap_or_else(|_| AttributeValue::B(Blob::new(body))));
            }
            Kept::InParts(count) => drop(fields.insert("parts".into(), number(count))),
            Kept::Not => {}
        }
        if let Some((applied, at)) = processed {
            fields.insert("outcome".into(), text(applied.as_str()));
            fields.insert("processedAt".into(), text(time::text(at)));
        }
        let before = self.put("list delivery", fields, "attribute_not_exists(processedAt)", []).await?;
        Ok(before.map(|before| applied(&before).unwrap_or(Applied::Done)))
    }
}
