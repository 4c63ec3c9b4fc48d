//! Deliveries that have had their effect, as lists read them: entries of the records table, without their bodies.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Deserialize;

use super::kept;
use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, text, value};
use crate::aws::table::Table;
use crate::domain::deliveries::delivery::{Applied, Label};
use crate::domain::deliveries::partition::Partition;
use crate::domain::deliveries::placement::{DeliveryPlace, ListPlace, lowest_sort};
use crate::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};
use crate::domain::retention::Retention;
use crate::environment::{Environment, StartError};

const OPERATION: &str = "read deliveries";
/// All but the body, which may have 350 KB. The placeholders are of words that DynamoDB has reserved.
const PROJECTION: &str = "sk, #connection, #key, eventType, bodyHash, bodyBytes, hasBody, correlationId, outcome, processedAt, \
     aheadOfReceipt";
const RESERVED: [(&str, &str); 2] = [("#connection", "connection"), ("#key", "key")];

/// A delivery that has had its effect.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Processed {
    /// Over which connection it came.
    pub connection: Connection,
    /// Its idempotency key.
    pub key: String,
    /// What happened, in its sender's words.
    #[serde(default)]
    pub event_type: Option<String>,
    /// SHA-256 of the body, lower hex.
    pub body_hash: String,
    /// The body's length in bytes.
    #[serde(default)]
    pub body_bytes: Option<u64>,
    /// Whether the body is kept.
    #[serde(default)]
    pub has_body: bool,
    /// The trace.
    pub correlation_id: String,
    /// What became of it.
    #[serde(default)]
    pub outcome: Option<Applied>,
    /// Whether its sender dated it too far ahead of its receipt, so that it counts as of then.
    #[serde(default)]
    pub ahead_of_receipt: bool,
    /// When it first had its effect. None of one whose body is kept already, and whose effect has not happened yet.
    #[serde(default, with = "crate::domain::time::optional")]
    pub processed_at: Option<Timestamp>,
}

/// An entry of the list. One that cannot be read, of a younger version perhaps, has a place all the same: it must not stop
/// whoever reads the others.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where it stands.
    pub place: DeliveryPlace,
    /// What it says.
    pub delivery: Option<Processed>,
}

/// A delivery that has had its effect, with all that is kept of it.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What lists say of it.
    pub delivery: Processed,
    /// What travelled with it.
    pub label: Label,
    /// Its body where that is kept; of one that is kept in parts the first, which is its beginning.
    pub beginning: Option<Vec<u8>>,
}

/// Of which connections entries are wanted. The table leaves out the others, which costs what it costs to read them, and neither their
/// way here nor the time to make sense of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// Any.
    Any,
    /// Those to this provider.
    Provider(ProviderId),
    /// This one.
    Connection(ProviderId, ConnectionName),
}

/// Which entries of a shard are wanted.
#[derive(Debug)]
pub struct Range<'a> {
    /// Not older than this, epoch milliseconds.
    pub from_ms: i64,
    /// Below this place.
    pub below: &'a ListPlace,
    /// Of these connections.
    pub of: &'a Of,
    /// How many are looked at.
    pub limit: usize,
}

/// Some entries of a shard.
#[derive(Debug)]
pub struct ShardPart {
    /// The newest first.
    pub entries: Vec<Entry>,
    /// How many were looked at for them.
    pub read: usize,
    /// All above this was looked at, and there may be more below; none where nothing is left.
    pub rest: Option<ListPlace>,
}

/// The records table, as lists of deliveries read it, and how long deliveries are kept.
#[derive(Clone, Debug)]
pub struct DeliveryReads(pub(super) Table, Retention);

impl DeliveryReads {
    /// The table that `RECORDS_TABLE` names, and the days of `DELIVERIES_RETENTION_DAYS`; nothing is called.
    ///
    /// # Errors
    /// When it is not set, or the days make no sense.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self(Table::connect(clients, environment, "RECORDS_TABLE")?, kept(environment)?))
    }

    /// How long deliveries are kept: lists end at its edge.
    #[must_use]
    pub fn retention(&self) -> Retention {
        self.1
    }

    /// The entries of a partition that are wanted, as of a moment ago: one query, which may find fewer than `limit` and still leave
    /// some.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn below(
        &self,
        tenant: &TenantId,
        partition: Partition,
        range: Range<'_>,
    ) -> Result<ShardPart, AwsFault> {
        let (low, high) = (lowest_sort(range.from_ms), range.below.highest_sort());
        if low > high {
            return Ok(ShardPart { entries: Vec::new(), read: 0, rest: None });
        }
        let mut call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
            .expression_attribute_values(":pk", text(partition.key(tenant)))
            .expression_attribute_values(":low", AttributeValue::B(Blob::new(low)))
            .expression_attribute_values(":high", AttributeValue::B(Blob::new(high)))
            .projection_expression(PROJECTION)
            .scan_index_forward(false)
            .limit(i32::try_from(range.limit).unwrap_or(i32::MAX));
        for (placeholder, name) in RESERVED {
            call = call.expression_attribute_names(placeholder, name);
        }
        let filter = match range.of {
            Of::Any => None,
            Of::Provider(provider) => Some(("begins_with(#connection, :of)", format!("{tenant}/{provider}/"))),
            Of::Connection(provider, name) => Some(("#connection = :of", format!("{tenant}/{provider}/{name}"))),
        };
        if let Some((expression, of)) = filter {
            call = call.filter_expression(expression).expression_attribute_values(":of", text(of));
        }
        let page = call.send().await.map_err(|error| fault(OPERATION, &error))?;
        let last = page.last_evaluated_key.filter(|key| !key.is_empty());
        let rest =
            last.map(|key| place(partition.shard, &key).map(|place| ListPlace::of_delivery(&place))).transpose()?;
        let entries = page.items.unwrap_or_default().into_iter().map(|item| entry(partition.shard, item));
        let read = usize::try_from(page.scanned_count).unwrap_or(range.limit);
        Ok(ShardPart { entries: entries.collect::<Result<_, AwsFault>>()?, read, rest })
    }

    /// The entry at a place.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn at(&self, tenant: &TenantId, place: &DeliveryPlace) -> Result<Option<Entry>, AwsFault> {
        let sort = AttributeValue::B(Blob::new(place.sort()));
        let key = Item::from([("pk".to_owned(), text(place.partition().key(tenant))), ("sk".to_owned(), sort)]);
        let mut call = self.0.get_item(key).consistent_read(true).projection_expression(PROJECTION);
        for (placeholder, name) in RESERVED {
            call = call.expression_attribute_names(placeholder, name);
        }
        let found = call.send().await.map_err(|error| fault(OPERATION, &error))?.item;
        found.map(|item| entry(place.shard, item)).transpose()
    }

    /// What is kept of the delivery at a place: one read, and a second where its body is in parts. None where there is none, or
    /// its effect has not happened.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn kept(&self, tenant: &TenantId, place: &DeliveryPlace) -> Result<Option<Kept>, AwsFault> {
        let key = |sort: Vec<u8>| {
            let sort = AttributeValue::B(Blob::new(sort));
            Item::from([("pk".to_owned(), text(place.partition().key(tenant))), ("sk".to_owned(), sort)])
        };
        let Some(mut item) = self.0.read(key(place.sort()), OPERATION).await? else { return Ok(None) };
        let (mut beginning, in_parts) = (item.remove("payload").and_then(bytes), item.contains_key("parts"));
        let label: Label = value(item.clone())?;
        let delivery: Processed = value(item)?;
        if delivery.processed_at.is_none() {
            return Ok(None);
        }
        if in_parts {
            let part = self.0.read(key(place.part_sort(&label.body_hash, 0)), OPERATION).await?;
            beginning = part.and_then(|mut part| part.remove("payload")).and_then(bytes);
        }
        Ok(Some(Kept { delivery, label, beginning }))
    }
}

/// A body, which is a text where it can be one.
fn bytes(value: AttributeValue) -> Option<Vec<u8>> {
    match value {
        AttributeValue::S(text) => Some(text.into_bytes()),
        AttributeValue::B(blob) => Some(blob.into_inner()),
        _ => None,
    }
}

fn place(shard: u8, item: &Item) -> Result<DeliveryPlace, AwsFault> {
    let sort = item.get("sk").and_then(|sort| sort.as_b().ok());
    let place = sort.and_then(|sort| DeliveryPlace::parse_sort(shard, sort.as_ref()).ok());
    place.ok_or_else(|| AwsFault::damaged(OPERATION, "a key that no delivery has"))
}

fn entry(shard: u8, item: Item) -> Result<Entry, AwsFault> {
    let place = place(shard, &item)?;
    let delivery = value(item).inspect_err(|error| tracing::error!(%error, %place, "delivery passed over")).ok();
    Ok(Entry { place, delivery })
}
