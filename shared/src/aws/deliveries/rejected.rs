//! Rejected deliveries, in the deliveries table.
//!
//! | key | holds |
//! |---|---|
//! | `rejected`, `origins` | the rings in which something was kept |
//! | `rejected#origin`, `next` | the number of the newest rejected delivery of an origin, and how many there were of each reason |
//! | `rejected#origin`, `000000000042` | a [`Rejected`] delivery; the one whose place it takes is deleted |
//! | `rejected#origin`, `body#000000000042` | its body |

use std::collections::BTreeMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;

use super::DeliveryStore;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, conditional, is_expired, item, key, number, text, value};
use crate::domain::deliveries::rejected::{
    NUMBER_DIGITS_MAX, REJECTED_SECONDS, Rejected, RejectedId, Rejection, Ring, RingKind,
};

/// How many deliveries were rejected, by origin and reason.
pub type RejectedCounts = BTreeMap<(String, Rejection), u64>;

fn partition(ring: &Ring) -> String {
    format!("rejected#{ring}")
}

fn entry_key(id: &RejectedId) -> Item {
    key(partition(&id.ring), format!("{:0NUMBER_DIGITS_MAX$}", id.number))
}

fn body_key(id: &RejectedId) -> Item {
    key(partition(&id.ring), format!("body#{:0NUMBER_DIGITS_MAX$}", id.number))
}

/// Whether an item is a rejected delivery, and not its body, that nobody has let in.
fn was_waiting(item: Option<&Item>) -> bool {
    item.is_some_and(|item| item.contains_key("reason") && !item.contains_key("admittedMs"))
}

impl DeliveryStore {
    /// Notes that something is kept in a ring. Lists and counters go by it, so it comes before anything is kept there.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn register_ring(&self, ring: &Ring) -> Result<(), AwsFault> {
        let call = self
            .0
            .update_item(key("rejected", "origins"))
            .update_expression("ADD origins :origin")
            .expression_attribute_values(":origin", AttributeValue::Ss(vec![ring.to_string()]));
        call.send().await.map(drop).map_err(|error| fault("register ring", &error))
    }

    /// Keeps a rejected delivery in a ring that is registered, and drops the one whose place it takes: a flood costs bounded
    /// storage. One that cannot be dropped expires all the same.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep_rejected(&self, ring: &Ring, rejected: &Rejected, body: Option<&[u8]>) -> Result<(), AwsFault> {
        let id = RejectedId { ring: ring.clone(), number: self.number_rejected(ring, rejected.reason).await? };
        self.put_rejected(&id, rejected, body).await?;
        let number = id.number - ring.kind.places();
        if number > 0 {
            self.evict_rejected(&RejectedId { number, ..id }).await;
        }
        Ok(())
    }

    /// The next number of a ring, by the same write that counts the reason.
    async fn number_rejected(&self, ring: &Ring, reason: Rejection) -> Result<i64, AwsFault> {
        const OPERATION: &str = "number rejected delivery";
        let call = self
            .0
            .update_item(key(partition(ring), "next"))
            .update_expression("ADD #next :one, #reason :one")
            .expression_attribute_names("#next", "next")
            .expression_attribute_names("#reason", reason.as_str())
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew);
        let counted = call.send().await.map_err(|error| fault(OPERATION, &error))?;
        let next = counted.attributes.as_ref().and_then(|item| item.get("next")?.as_n().ok()?.parse().ok());
        // Any number in its place would take the place of another delivery.
        next.ok_or_else(|| AwsFault::damaged(OPERATION, "the answer has no number"))
    }

    async fn put_rejected(&self, id: &RejectedId, rejected: &Rejected, body: Option<&[u8]>) -> Result<(), AwsFault> {
        const OPERATION: &str = "keep rejected delivery";
        let expires_at = number(rejected.received_ms / 1000 + REJECTED_SECONDS);
        let expiring = |mut key: Item| {
            key.insert("expires_at".into(), expires_at.clone());
            key
        };
        let parts = body.into_iter().map(|body| (expiring(body_key(id)), body));
        self.0.write_parts("body", parts, OPERATION).await?;
        self.0.write(item(rejected, expiring(entry_key(id)))?, OPERATION).await
    }

    async fn evict_rejected(&self, id: &RejectedId) {
        for key in [entry_key(id), body_key(id)] {
            match self.0.delete_item(key).return_values(ReturnValue::AllOld).send().await {
                // Nobody sends it again: whoever runs this must hear of it.
                Ok(gone) if id.ring.kind == RingKind::Acknowledged && was_waiting(gone.attributes()) => {
                    tracing::error!(ring = %id.ring, number = id.number, "acknowledged delivery pushed out");
                }
                Ok(_) => {}
                Err(error) => {
                    let fault = fault("drop rejected delivery", &error);
                    tracing::warn!(%fault, place = id.number, "rejected delivery left behind");
                }
            }
        }
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

    /// How many deliveries were rejected since counting began, by origin and reason: counted by the write that numbers them,
    /// so that what is kept is counted. Reasons that this version does not know are passed over.
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
            // Numbers start with a digit, bodies and the counters with a letter.
            .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
            .expression_attribute_values(":pk", text(partition(ring)))
            .expression_attribute_values(":low", text("0"))
            .expression_attribute_values(":high", text(":"))
            .scan_index_forward(false);
        // What is kept is bounded, and may be more than one page.
        let mut pages = query.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| fault(OPERATION, &error))?;
            if is_expired(&item, now) {
                continue;
            }
            let number = item.get("sk").and_then(|sk| sk.as_s().ok()?.parse().ok());
            let number = number.ok_or_else(|| AwsFault::damaged(OPERATION, "a key that is not a number"))?;
            found.push((RejectedId { ring: ring.clone(), number }, value(item)?));
        }
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
        let get = |key: Item| self.0.read(key, "read rejected delivery");
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
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":at", number(at_ms));
        conditional(call.send().await, "mark delivery admitted").map(drop)
    }
}
