//! The deliveries table.
//!
//! | key | holds |
//! |---|---|
//! | `tenant/provider/connection#key`, `claim` | a [`Claim`] |
//! | `tenant/pos#key:…`, `claim` | a [`Claim`] of a key that a point of sale gave |
//! | `rejected`, `sources` | the rings in which something was kept |
//! | `rejected#source`, `next` | the number of the newest rejected delivery of a source, and how many there were of each reason |
//! | `rejected#source`, `000000000042` | a [`Rejected`] delivery; the one whose place it takes is deleted |
//! | `rejected#source`, `body#000000000042` | its body |

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;

use super::clients::Aws;
use super::faults::{AwsFault, fault};
use super::items::{Item, is_over, item, key, number, text, value};
use super::transaction::OLD;
use crate::domain::claim::{Claim, ClaimStatus, Verdict, fitting_reason, judge};
use crate::domain::delivery::{REJECTED_SECONDS, Rejected, Rejection};
use crate::domain::place::{RejectedId, Ring};

/// How many deliveries were rejected, by source and reason.
pub type RejectedCounts = BTreeMap<(String, Rejection), u64>;

fn rejected_partition(ring: &str) -> String {
    format!("rejected#{ring}")
}

impl Aws {
    /// Claims a key: one conditional write, whose refusal brings the claim that stands in the way.
    ///
    /// A claim that has expired but was not swept yet counts as gone. Beside the verdict comes the claim that stands now.
    ///
    /// # Errors
    /// When the table cannot be written. The claim may stand all the same: the sender's next attempt finds it, and
    /// enqueues again.
    pub async fn claim(&self, claim_key: &str, claim: Claim) -> Result<(Verdict, Claim), AwsFault> {
        let call = self
            .dynamodb
            .put_item()
            .table_name(&self.names.deliveries)
            .set_item(Some(item(&claim, key(claim_key, "claim"))?))
            .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
            .expression_attribute_values(":now", number(claim.received_ms / 1000))
            .return_values_on_condition_check_failure(OLD);
        let Err(error) = call.send().await else { return Ok((Verdict::First, claim)) };
        use aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException;
        let Some(ConditionalCheckFailedException(refused)) = error.as_service_error() else {
            return Err(fault("claim delivery", &error));
        };
        let standing: Claim = value(refused.item.clone().unwrap_or_default())?;
        Ok((judge(&standing, &claim), standing))
    }

    /// The claim under a key, to see what became of it.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn claim_of(&self, claim_key: &str) -> Result<Option<Claim>, AwsFault> {
        let call = self
            .dynamodb
            .get_item()
            .table_name(&self.names.deliveries)
            .set_key(Some(key(claim_key, "claim")))
            .consistent_read(true);
        call.send().await.map_err(|error| fault("read claim", &error))?.item.map(value).transpose()
    }

    /// Notes that a delivery's effect has happened; false when that was noted before. Doing it twice is harmless.
    ///
    /// # Errors
    /// When the table cannot be written. The message comes again then, and so does its effect, which is idempotent.
    pub async fn complete_claim(&self, claim_key: &str) -> Result<bool, AwsFault> {
        let processed = serde_json::to_value(ClaimStatus::Processed).unwrap_or_default();
        let processed = text(processed.as_str().unwrap_or_default());
        let status = processed.clone();
        let before = self
            .update_claim(claim_key, "SET #status = :status REMOVE lastError, attempts", |call| {
                call.expression_attribute_names("#status", "status")
                    .expression_attribute_values(":status", status)
                    // What was there before comes back at no cost.
                    .return_values(ReturnValue::UpdatedOld)
            })
            .await?;
        Ok(before.get("status") != Some(&processed))
    }

    /// Notes that applying a delivery failed, and why, for whoever finds it among the dead letters: as much of the reason as
    /// the claim has room for.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn note_failure(&self, claim_key: &str, reason: &str) -> Result<(), AwsFault> {
        let reason = fitting_reason(claim_key, reason);
        self.update_claim(claim_key, "SET lastError = :reason ADD attempts :one", |call| {
            call.expression_attribute_values(":reason", text(reason)).expression_attribute_values(":one", number(1))
        })
        .await
        .map(drop)
    }

    async fn update_claim(
        &self,
        claim_key: &str,
        expression: &str,
        with: impl FnOnce(UpdateItemFluentBuilder) -> UpdateItemFluentBuilder + Send,
    ) -> Result<Item, AwsFault> {
        let call = self
            .dynamodb
            .update_item()
            .table_name(&self.names.deliveries)
            .set_key(Some(key(claim_key, "claim")))
            .update_expression(expression)
            // A claim that was swept must not come back as a half one.
            .condition_expression("attribute_exists(pk)");
        match with(call).send().await {
            Ok(done) => Ok(done.attributes.unwrap_or_default()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(Item::new())
            }
            Err(error) => Err(fault("update claim", &error)),
        }
    }

    /// Notes that something is kept in a ring. Lists and counters go by it, so it comes before anything is kept there.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn register_ring(&self, ring: &str) -> Result<(), AwsFault> {
        let call = self
            .dynamodb
            .update_item()
            .table_name(&self.names.deliveries)
            .set_key(Some(key("rejected", "sources")))
            .update_expression("ADD sources :source")
            .expression_attribute_values(":source", AttributeValue::Ss(vec![ring.to_owned()]));
        call.send().await.map(drop).map_err(|error| fault("register ring", &error))
    }

    /// Keeps a rejected delivery in a ring that is registered, and drops the one whose place it takes: a flood costs bounded
    /// storage. One that cannot be dropped expires all the same.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep_rejected(
        &self,
        source: &str,
        ring: Ring,
        rejected: &Rejected,
        body: Option<&[u8]>,
    ) -> Result<(), AwsFault> {
        const OPERATION: &str = "keep rejected delivery";
        let pk = rejected_partition(&ring.of(source));
        let call = self
            .dynamodb
            .update_item()
            .table_name(&self.names.deliveries)
            .set_key(Some(key(&pk, "next")))
            .update_expression("ADD #next :one, #reason :one")
            .expression_attribute_names("#next", "next")
            .expression_attribute_names("#reason", rejected.reason.as_str())
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew);
        let counted = call.send().await.map_err(|error| fault(OPERATION, &error))?;
        let next = counted.attributes.as_ref().and_then(|item| item.get("next")).and_then(|next| next.as_n().ok());
        let next: i64 = next.and_then(|next| next.parse().ok()).unwrap_or(0);

        let expires_at = number(rejected.received_ms / 1000 + REJECTED_SECONDS);
        let put = |sk: String, mut fields: Item| {
            fields.insert("expires_at".into(), expires_at.clone());
            fields.extend(key(&pk, sk));
            self.dynamodb.put_item().table_name(&self.names.deliveries).set_item(Some(fields)).send()
        };
        if let Some(body) = body {
            let fields = Item::from([("body".to_owned(), AttributeValue::B(Blob::new(body)))]);
            put(format!("body#{next:012}"), fields).await.map_err(|error| fault(OPERATION, &error))?;
        }
        put(format!("{next:012}"), item(rejected, Item::new())?).await.map_err(|error| fault(OPERATION, &error))?;
        let old = next - ring.places();
        if old > 0 {
            for sk in [format!("{old:012}"), format!("body#{old:012}")] {
                let call = self.dynamodb.delete_item().table_name(&self.names.deliveries).set_key(Some(key(&pk, sk)));
                if let Err(error) = call.send().await {
                    let fault = fault("drop rejected delivery", &error);
                    tracing::warn!(%fault, place = old, "rejected delivery left behind");
                }
            }
        }
        Ok(())
    }

    /// The rings in which something was kept: a bounded set, see [`Aws::register_ring`].
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn rejected_rings(&self) -> Result<Vec<String>, AwsFault> {
        let call = self
            .dynamodb
            .get_item()
            .table_name(&self.names.deliveries)
            .set_key(Some(key("rejected", "sources")))
            .consistent_read(true);
        let found = call.send().await.map_err(|error| fault("read sources", &error))?.item.unwrap_or_default();
        Ok(found.get("sources").and_then(|sources| sources.as_ss().ok()).cloned().unwrap_or_default())
    }

    /// How many deliveries were rejected since counting began, by source and reason: counted by the write that numbers them,
    /// so that what is kept is counted. Reasons that this version does not know are passed over.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn rejected_counts(&self) -> Result<RejectedCounts, AwsFault> {
        let rings = self.rejected_rings().await?;
        let read = rings.iter().map(|ring| {
            let call = self.dynamodb.get_item().table_name(&self.names.deliveries);
            call.set_key(Some(key(rejected_partition(ring), "next"))).consistent_read(true).send()
        });
        let mut counts = RejectedCounts::new();
        for (ring, found) in rings.iter().zip(futures::future::join_all(read).await) {
            let found = found.map_err(|error| fault("read counts of rejected deliveries", &error))?.item;
            for reason in Rejection::ALL {
                let count = found.as_ref().and_then(|item| item.get(reason.as_str())?.as_n().ok()?.parse().ok());
                if let Some(count) = count.filter(|count: &u64| *count > 0) {
                    let all: &mut u64 = counts.entry((Ring::source(ring).to_owned(), reason)).or_default();
                    *all = all.saturating_add(count);
                }
            }
        }
        Ok(counts)
    }

    /// The rejected deliveries of a ring with their numbers, newest first; none that has expired by `now`.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn rejected(&self, ring: &str, now: Timestamp) -> Result<Vec<(i64, Rejected)>, AwsFault> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.names.deliveries)
            .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
            .expression_attribute_values(":pk", text(rejected_partition(ring)))
            .expression_attribute_values(":low", text("000000000000"))
            .expression_attribute_values(":high", text("999999999999"))
            .scan_index_forward(false);
        // What is kept is bounded, and may be more than one page.
        let mut pages = query.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| fault("read rejected deliveries", &error))?;
            if is_over(&item, now) {
                continue;
            }
            let number = item.get("sk").and_then(|sk| sk.as_s().ok()).and_then(|sk| sk.parse().ok()).unwrap_or(0);
            found.push((number, value(item)?));
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
        let (pk, number) = (rejected_partition(&id.source), id.number);
        let get = |sk: String| {
            self.dynamodb
                .get_item()
                .table_name(&self.names.deliveries)
                .set_key(Some(key(&pk, sk)))
                .consistent_read(true)
                .send()
        };
        let read = |error| fault("read rejected delivery", &error);
        let found = get(format!("{number:012}")).await.map_err(read)?.item;
        let Some(found) = found.filter(|item| !is_over(item, now)) else { return Ok(None) };
        let rejected: Rejected = value(found)?;
        let body = match rejected.has_body {
            true => get(format!("body#{number:012}")).await.map_err(read)?.item,
            false => None,
        };
        let body = body.and_then(|mut item| item.remove("body")).and_then(|body| body.as_b().ok().cloned());
        Ok(Some((rejected, body.map(Blob::into_inner))))
    }

    /// Notes that a rejected delivery was let in after all.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn mark_admitted(&self, id: &RejectedId, at_ms: i64) -> Result<(), AwsFault> {
        let call = self
            .dynamodb
            .update_item()
            .table_name(&self.names.deliveries)
            .set_key(Some(key(rejected_partition(&id.source), format!("{:012}", id.number))))
            .update_expression("SET admittedMs = :at")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":at", number(at_ms));
        call.send().await.map(drop).map_err(|error| fault("mark delivery admitted", &error))
    }
}
