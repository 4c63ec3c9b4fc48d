//! What deliveries leave behind, in the records table. Every effect is idempotent by itself: keyed by its event, or
//! versioned, so that an older version never overwrites a newer one. Followed by the claim's completion that costs half of a
//! transaction over both, and is as safe: between the two the message is still in the queue.
//!
//! | partition | sort key | holds |
//! |---|---|---|
//! | `tenant/provider/name#deliveries` | fingerprint of the event's key, when the key was claimed | the delivery; a long body goes on under the same key with a number |
//! | `tenant/provider/name/entity#digit` | fingerprint of the id: of the sku, the shipment, the receipt | the newest version; a large one names its delivery |

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, item, number, text};
use crate::aws::table::Table;
use crate::aws::transaction::OLD;
use crate::domain::datasets::manifest::Fingerprint;
use crate::domain::datasets::placement::partition;
use crate::domain::deliveries::delivery::{BODY_PART_BYTES_MAX, Label};
use crate::domain::ids::Dataset;
use crate::domain::time;
use crate::environment::{Environment, StartError};

/// What stays in the item of a version that is too large for one, each in bytes.
const SHORT_BYTES_MAX: usize = 1024;

/// Which thing a version is of, and which version.
#[derive(Debug, Clone, Copy)]
pub struct VersionPlace<'a> {
    /// What it is one of.
    pub dataset: &'a Dataset,
    /// Its id.
    pub id: &'a str,
    /// When its sender last changed it, epoch milliseconds.
    pub version_ms: i64,
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

fn effect_key(partition: String, sort: Vec<u8>) -> Item {
    Item::from([("pk".to_owned(), text(partition)), ("sk".to_owned(), AttributeValue::B(Blob::new(sort)))])
}

/// Where a delivery is stored. Its idempotency key alone would not do: a key is remembered for 30 days, and an event that comes
/// under it later is another one, which must not take the place of the first. So the moment of its claim is a part of the
/// place; every attempt and repetition of one event has that of its claim ([`Label::received_ms`]).
fn event_key(label: &Label, part: Option<u8>) -> Item {
    let mut sort = Fingerprint::of(label.key.as_bytes()).0.to_vec();
    sort.extend(label.received_ms.to_be_bytes());
    sort.extend(part);
    effect_key(format!("{}#deliveries", label.connection), sort)
}

/// The records table, as deliveries write it.
#[derive(Clone, Debug)]
pub struct EffectStore(Table);

impl EffectStore {
    /// The table that `RECORDS_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "RECORDS_TABLE").map(Self)
    }

    /// Stores a delivery as it came, keyed by its event.
    ///
    /// # Errors
    /// When the table cannot be written. The first part is written last: without it the others are not seen.
    pub async fn store_event(&self, label: &Label, body: &[u8], handled: bool) -> Result<(), AwsFault> {
        const OPERATION: &str = "store event";
        let mut parts = body.chunks(BODY_PART_BYTES_MAX);
        let first = parts.next().unwrap_or_default();
        let count = parts.len() + 1;
        let further = (1_u8..).zip(parts).map(|(part, bytes)| (event_key(label, Some(part)), bytes));
        self.0.write_parts("payload", further, OPERATION).await?;
        // These are for counting and measuring: the effect is the same whichever attempt it comes from.
        let kept = Label { taken_in: None, enqueued_ms: None, ..label.clone() };
        let mut fields = item(&kept, event_key(label, None))?;
        // Text where it is text, so that a person who looks at the table can read it; a part may end inside a character.
        let payload = match std::str::from_utf8(first) {
            Ok(readable) if count == 1 => text(readable),
            _ => AttributeValue::B(Blob::new(first)),
        };
        fields.insert("payload".into(), payload);
        fields.insert("parts".into(), number(count));
        fields.insert("handled".into(), AttributeValue::Bool(handled));
        fields.insert("receivedAt".into(), text(time::text(label.received_at())));
        self.0.write(fields, OPERATION).await
    }

    /// Stores the newest version of a thing; false when a newer one is there already. Of two versions of one moment the one
    /// that came later counts. This very one may be there too, where the reply to the first write was lost or the worker died
    /// before the completion: it is the newest still.
    ///
    /// What one item cannot hold is kept as it came, before the version that names it: so it is never named and not there.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn store_version(
        &self,
        label: &Label,
        body: &[u8],
        place: VersionPlace<'_>,
        fields: &impl Serialize,
    ) -> Result<bool, AwsFault> {
        let VersionPlace { dataset, id, version_ms } = place;
        let fingerprint = Fingerprint::of(id.as_bytes());
        let key = effect_key(partition(dataset, fingerprint), fingerprint.0.to_vec());
        let mut fields = item(fields, key)?;
        if fields.iter().map(|(name, value)| name.len() + bytes(value)).sum::<usize>() > BODY_PART_BYTES_MAX {
            self.store_event(label, body, true).await?;
            fields.retain(|_, value| bytes(value) <= SHORT_BYTES_MAX);
            fields.insert("deliveryKey".into(), text(&label.key));
        }
        fields.insert("versionMs".into(), number(version_ms));
        fields.insert("receivedMs".into(), number(label.received_ms));
        let call = self
            .0
            .put_item(fields)
            // Two deliveries in any order: the older never overwrites the newer.
            .condition_expression(
                "attribute_not_exists(pk) OR versionMs < :version OR (versionMs = :version AND receivedMs < :received)",
            )
            .expression_attribute_values(":version", number(version_ms))
            .expression_attribute_values(":received", number(label.received_ms))
            .return_values_on_condition_check_failure(OLD);
        let Err(error) = call.send().await else { return Ok(true) };
        use aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException;
        let Some(ConditionalCheckFailedException(refused)) = error.as_service_error() else {
            return Err(fault("store version", &error));
        };
        let is = |name: &str, expected: i64| refused.item().and_then(|item| item.get(name)) == Some(&number(expected));
        Ok(is("versionMs", version_ms) && is("receivedMs", label.received_ms))
    }
}
