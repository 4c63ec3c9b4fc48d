//! Rejected deliveries, in the deliveries table.
//!
//! | key | holds |
//! |---|---|
//! | `rejected`, `origins` | the rings in which something was kept |
//! | `rejected#origin`, `next` | the number of the newest rejected delivery of an origin, and how many there were of each reason |
//! | `rejected#origin`, `000000000042` | a [`Rejected`] delivery with its number, in the place that this has in the ring |
//! | `rejected#origin`, `body#000000000042` | the body of the one that was last kept there with a body, and that one's number |
//!
//! The sparse index `rejected` holds the `next` of each ring, by the hour in which something was kept there last.
//!
//! What is kept is written over what had the place before. To delete that instead would cost as much as to write it.

use std::collections::{BTreeMap, HashSet};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;

use super::DeliveryStore;
use crate::aws::clients::Patience;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, conditional, is_expired, item, key, number, text, value};
use crate::domain::deliveries::placement::Hour;
use crate::domain::deliveries::rejected::{
    NUMBER_DIGITS_MAX, REJECTED_SECONDS, Rejected, RejectedId, Rejection, Ring, RingKind,
};

/// How many deliveries were rejected, by origin and reason.
pub type RejectedCounts = BTreeMap<(String, Rejection), u64>;

/// The one key of the index `rejected`.
const REJECTED: &str = "rejected";
/// What the partition of a ring begins with.
const RING: &str = "rejected#";

fn partition(ring: &Ring) -> String {
    format!("{RING}{ring}")
}

fn entry_key(id: &RejectedId) -> Item {
    key(partition(&id.ring), format!("{:0NUMBER_DIGITS_MAX$}", id.place()))
}

fn body_key(id: &RejectedId) -> Item {
    key(partition(&id.ring), format!("body#{:0NUMBER_DIGITS_MAX$}", id.place()))
}

/// The number of the rejected delivery that an item, or a body, is of.
fn number_of(item: &Item) -> Option<i64> {
    item.get(NUMBER)?.as_n().ok()?.parse().ok()
}

/// Its attribute.
const NUMBER: &str = "number";

impl DeliveryStore {
    /// Notes that something is kept in a ring. Lists and counters go by it, so it comes before anything is kept there.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn register_ring(&self, ring: &Ring, patience: Patience) -> Result<(), AwsFault> {
        let call = self
            .0
            .update_item(key("rejected", "origins"))
            .update_expression("ADD origins :origin")
            .expression_attribute_values(":origin", AttributeValue::Ss(vec![ring.to_string()]));
        let sent = call.customize().config_override(patience.of_call()).send().await;
        sent.map(drop).map_err(|error| fault("register ring", &error))
    }

    /// The next number of a ring that is registered, by the same write that counts the reason.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn number_rejected(
        &self,
        ring: &Ring,
        reason: Rejection,
        hour: Hour,
        patience: Patience,
    ) -> Result<RejectedId, AwsFault> {
        const OPERATION: &str = "number rejected delivery";
        let call = self
            .0
            .update_item(key(partition(ring), "next"))
            // By the hour and not by the moment: the index is written once an hour then, and not with each.
            .update_expression("ADD #next :one, #reason :one SET rejected = :rejected, lastHour = :hour")
            .expression_attribute_names("#next", "next")
            .expression_attribute_names("#reason", reason.as_str())
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":rejected", text(REJECTED))
            .expression_attribute_values(":hour", text(hour.to_string()))
            .return_values(ReturnValue::UpdatedNew);
        let sent = call.customize().config_override(patience.of_call()).send().await;
        let counted = sent.map_err(|error| fault(OPERATION, &error))?;
        let next = counted.attributes.as_ref().and_then(|item| item.get("next")?.as_n().ok()?.parse().ok());
        // Any number in its place would take the place of another delivery.
        let number = next.ok_or_else(|| AwsFault::damaged(OPERATION, "the answer has no number"))?;
        Ok(RejectedId { ring: ring.clone(), number })
    }

    /// Keeps a rejected delivery under its number, over the one whose place it takes: a flood costs bounded storage. The body
    /// is first, so that none is named and not there; the older one, whose body is gone then, says so for a moment.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep_rejected(
        &self,
        id: &RejectedId,
        rejected: &Rejected,
        body: Option<&[u8]>,
        patience: Patience,
    ) -> Result<(), AwsFault> {
        let own = |mut key: Item| {
            key.insert(NUMBER.into(), number(id.number));
            key.insert("expires_at".into(), number(rejected.received_ms / 1000 + REJECTED_SECONDS));
            key
        };
        if let Some(body) = body {
            let mut fields = own(body_key(id));
            fields.insert("body".into(), AttributeValue::B(Blob::new(body)));
            self.put_rejected(fields, patience).await?;
        }
        let before = self.put_rejected(item(rejected, own(entry_key(id)))?, patience).await?;
        let waiting = before.filter(|before| !before.contains_key("admittedMs"));
        if let Some(before) = waiting.filter(|_| id.ring.kind == RingKind::Acknowledged) {
            // Nobody sends it again: whoever runs this must hear of it.
            tracing::error!(ring = %id.ring, number = number_of(&before), "acknowledged delivery pushed out");
        }
        Ok(())
    }

    /// Writes an item, and says what was there before.
    async fn put_rejected(&self, fields: Item, patience: Patience) -> Result<Option<Item>, AwsFault> {
        let call = self.0.put_item(fields).return_values(ReturnValue::AllOld);
        let sent = call.customize().config_override(patience.of_call()).send().await;
        Ok(sent.map_err(|error| fault("keep rejected delivery", &error))?.attributes)
    }

    /// The rings in which something was kept: a bounded set, see [`DeliveryStore::register_ring`].
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn rejected_rings(&self) -> Result<Vec<Ring>, AwsFault> {
        const OPERATION: &str = "read rings";
        let found = self.0.read(key("rejected", "origins"), OPERATION).await?;
        let names = found.as_ref().and_then(|item| item.get("origins")?.as_ss().ok()).map_or(&[][..], Vec::as_slice);
        let parse = |name: &String| name.parse().map_err(|_| AwsFault::damaged(OPERATION, "a name that no ring has"));
        names.iter().map(parse).collect()
    }

    /// The rings in which something was kept in this hour or later, those of the last hours first, so many at most, each with the
    /// number of its newest: one query, and one batch of reads.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn rejected_since(&self, hour: Hour, limit: usize) -> Result<Vec<RejectedId>, AwsFault> {
        const OPERATION: &str = "read rings of late";
        let call = self
            .0
            .query()
            .index_name("rejected")
            .key_condition_expression("rejected = :rejected AND lastHour >= :hour")
            .expression_attribute_values(":rejected", text(REJECTED))
            .expression_attribute_values(":hour", text(hour.to_string()))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault(OPERATION, &error))?;
        let newest = |item: &Item| {
            let ring = item.get("pk")?.as_s().ok()?.strip_prefix(RING)?.parse().ok()?;
            Some(RejectedId { ring, number: item.get("next")?.as_n().ok()?.parse().ok()? })
        };
        let rings = page.items.unwrap_or_default();
        let next = rings.iter().filter_map(|item| Some(key(item.get("pk")?.as_s().ok()?, "next"))).collect();
        Ok(self.0.glance_at(next, None, OPERATION).await?.iter().filter_map(newest).collect())
    }

    /// Some rejected deliveries, none of them named twice, as of a moment ago, in no order: those that are still kept, and none that has
    /// expired by `now`.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn rejected_at(
        &self,
        wanted: &[RejectedId],
        now: Timestamp,
    ) -> Result<Vec<(RejectedId, Rejected)>, AwsFault> {
        let keys = wanted.iter().map(entry_key).collect();
        let found = self.0.glance_at(keys, None, "read rejected deliveries").await?;
        let wanted: HashSet<&RejectedId> = wanted.iter().collect();
        let mut kept = Vec::with_capacity(found.len());
        for item in found.into_iter().filter(|item| !is_expired(item, now)) {
            let ring = item.get("pk").and_then(|pk| pk.as_s().ok()?.strip_prefix(RING)?.parse().ok());
            let id = ring.zip(number_of(&item)).map(|(ring, number)| RejectedId { ring, number });
            // Another may have taken its place.
            if let Some(id) = id.filter(|id| wanted.contains(id)) {
                kept.push((id, value(item)?));
            }
        }
        Ok(kept)
    }

    /// How many deliveries got a number since counting began, by origin and reason: counted by the write that numbers them,
    /// so that what is kept is counted. Those that got none are among the fleet's counters. Reasons that this version does not
    /// know are passed over.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn rejected_counts(&self) -> Result<RejectedCounts, AwsFault> {
        const OPERATION: &str = "read counts of rejected deliveries";
        let rings = self.rejected_rings().await?;
        let read = rings.iter().map(|ring| self.0.read(key(partition(ring), "next"), OPERATION));
        let read = futures::future::try_join_all(read).await?;
        let mut counts = RejectedCounts::new();
        for (ring, found) in rings.iter().zip(read) {
            for reason in Rejection::ALL {
                let count = found.as_ref().and_then(|item| item.get(reason.as_str())?.as_n().ok()?.parse().ok());
                if let Some(count) = count.filter(|count: &u64| *count > 0) {
                    let all: &mut u64 = counts.entry((ring.origin.clone(), reason)).or_default();
                    *all = all.saturating_add(count);
                }
            }
        }
        Ok(counts)
    }

    /// The rejected deliveries of a ring with their ids, newest first; none that has expired by `now`.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn rejected(&self, ring: &Ring, now: Timestamp) -> Result<Vec<(RejectedId, Rejected)>, AwsFault> {
        const OPERATION: &str = "read rejected deliveries";
        let query = self
            .0
            .query()
            // Places start with a digit, bodies and the counters with a letter.
            .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
            .expression_attribute_values(":pk", text(partition(ring)))
            .expression_attribute_values(":low", text("0"))
            .expression_attribute_values(":high", text(":"));
        // What is kept is bounded, and may be more than one page.
        let mut pages = query.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| fault(OPERATION, &error))?;
            if is_expired(&item, now) {
                continue;
            }
            let number = number_of(&item).ok_or_else(|| AwsFault::damaged(OPERATION, "one without a number"))?;
            found.push((RejectedId { ring: ring.clone(), number }, value(item)?));
        }
        // They lie by their places, of which the newest has any.
        found.sort_by(|(a, _), (b, _)| b.cmp(a));
        Ok(found)
    }

    /// One rejected delivery with its body, unless it has expired by `now`.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn rejected_one(
        &self,
        id: &RejectedId,
        now: Timestamp,
    ) -> Result<Option<(Rejected, Option<Vec<u8>>)>, AwsFault> {
        // Another may have taken its place.
        let get = async |key: Item| {
            let found = self.0.read(key, "read rejected delivery").await?;
            Ok::<_, AwsFault>(found.filter(|item| number_of(item) == Some(id.number)))
        };
        let found = get(entry_key(id)).await?.filter(|item| !is_expired(item, now));
        let Some(found) = found else { return Ok(None) };
        let rejected: Rejected = value(found)?;
        let body = if rejected.has_body { get(body_key(id)).await? } else { None };
        let body = body.and_then(|mut item| item.remove("body")).and_then(|body| body.as_b().ok().cloned());
        Ok(Some((rejected, body.map(Blob::into_inner))))
    }

    /// Notes that a rejected delivery was let in after all, if it is still kept: its place may have been taken meanwhile, and
    /// it is let in all the same.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn mark_admitted(&self, id: &RejectedId, at_ms: i64) -> Result<(), AwsFault> {
        let call = self
            .0
            .update_item(entry_key(id))
            .update_expression("SET admittedMs = :at")
            .condition_expression("#number = :number")
            .expression_attribute_names("#number", NUMBER)
            .expression_attribute_values(":number", number(id.number))
            .expression_attribute_values(":at", number(at_ms));
        conditional(call.send().await, "mark delivery admitted").map(drop)
    }
}
