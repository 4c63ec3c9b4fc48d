//! Claims, in the deliveries table.
//!
//! | key | holds |
//! |---|---|
//! | `tenant/provider/connection#key`, `claim` | a [`Claim`], under the key that its body or its event carries |
//! | `tenant/pos#key:…`, `claim` | a [`Claim`] of a key that a point of sale gave |

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;

use super::DeliveryStore;
use crate::aws::faults::AwsFault;
use crate::aws::items::{Item, conditional, item, key, number, text, value};
use crate::aws::wire::{NewItem, Put, values};
use crate::domain::deliveries::claim::{Claim, ClaimStatus, NewClaim, Verdict, fitting_reason, judge};

/// What a claim said when its delivery had its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completed {
    /// Whether that was not noted before.
    pub first: bool,
    /// How many attempts had failed.
    pub attempts: u32,
    /// When the first of them did, epoch milliseconds; none where a version noted it that did not say.
    pub failed_ms: Option<i64>,
}

fn attempts(item: &Item) -> Option<u32> {
    item.get("attempts")?.as_n().ok()?.parse().ok()
}

fn failed_ms(item: &Item) -> Option<i64> {
    item.get("failedMs")?.as_n().ok()?.parse().ok()
}

impl DeliveryStore {
    /// Claims a key: one conditional write, whose refusal brings the claim that stands in the way.
    ///
    /// A claim that has expired by `at` but was not swept yet counts as gone. Beside the verdict comes the claim that stands now.
    ///
    /// # Errors
    /// When the table cannot be written. The claim may stand all the same: the sender's next attempt finds it, and
    /// enqueues again.
    pub async fn claim(&self, claim_key: &str, ours: NewClaim, at: Timestamp) -> Result<(Verdict, Claim), AwsFault> {
        let new = NewItem {
            item: item(&ours.claim, key(claim_key, "claim"))?,
            condition: "attribute_not_exists(pk) OR expires_at <= :now",
            values: values([(":now", number(at.as_second()))]),
        };
        match self.0.store(new, "claim delivery").await? {
            Put::Done => Ok((Verdict::First, ours.claim)),
            // By our own, where a first attempt was stored and its reply lost: its nonce says so.
            Put::Refused(standing) => {
                let standing: Claim = value(standing)?;
                Ok((judge(&standing, &ours), standing))
            }
        }
    }

    /// The claim under a key, to see what became of it.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn claim_of(&self, claim_key: &str) -> Result<Option<Claim>, AwsFault> {
        let found = self.0.read(key(claim_key, "claim"), "read claim").await?;
        found.map(value).transpose()
    }

    /// Notes that a delivery's effect has happened. Doing it twice is harmless. What failed before stays on it, for whoever asks what
    /// became of it.
    ///
    /// # Errors
    /// When the table cannot be written. The message comes again then, and so does its effect, which is idempotent.
    pub async fn complete_claim(&self, claim_key: &str) -> Result<Completed, AwsFault> {
        const OPERATION: &str = "complete claim";
        let processed = serde_dynamo::to_attribute_value(ClaimStatus::Processed);
        let processed: AttributeValue = processed.map_err(|error| AwsFault::damaged(OPERATION, error.to_string()))?;
        let status = processed.clone();
        let before = self
            .update_claim(OPERATION, claim_key, "SET #status = :status", |call| {
                call.expression_attribute_names("#status", "status")
                    .expression_attribute_values(":status", status)
                    // What was there before comes back at no cost.
                    .return_values(ReturnValue::AllOld)
            })
            .await?;
        let first = before.get("status") != Some(&processed);
        Ok(Completed { first, attempts: attempts(&before).unwrap_or(0), failed_ms: failed_ms(&before) })
    }

    /// Notes that applying a delivery failed, and why, for whoever finds it among the dead letters: as much of the reason as
    /// the claim has room for. How many have failed by now; none where there is no claim any more, and of one
    /// that had its effect before.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn note_failure(&self, claim_key: &str, reason: &str, now: Timestamp) -> Result<Option<u32>, AwsFault> {
        const UPDATE: &str = "SET lastError = :reason, failedMs = if_not_exists(failedMs, :now) ADD attempts :one";
        let reason = fitting_reason(claim_key, reason);
        let noted = self.update_claim("note failure", claim_key, UPDATE, |call| {
            call.expression_attribute_values(":reason", text(reason))
                .expression_attribute_values(":now", number(now.as_millisecond()))
                .expression_attribute_values(":one", number(1))
                // What stands there now comes back at no cost.
                .return_values(ReturnValue::AllNew)
        });
        let noted = noted.await?;
        let status = noted.get("status").cloned().map(serde_dynamo::from_attribute_value::<_, ClaimStatus>);
        let is_processed = status.is_some_and(|status| status.is_ok_and(|status| status == ClaimStatus::Processed));
        Ok(attempts(&noted).filter(|_| !is_processed))
    }

    async fn update_claim(
        &self,
        operation: &'static str,
        claim_key: &str,
        expression: &str,
        with: impl FnOnce(UpdateItemFluentBuilder) -> UpdateItemFluentBuilder + Send,
    ) -> Result<Item, AwsFault> {
        let call = self
            .0
            .update_item(key(claim_key, "claim"))
            .update_expression(expression)
            // A claim that was swept must not come back as a half one.
            .condition_expression("attribute_exists(pk)");
        let done = conditional(with(call).send().await, operation)?;
        Ok(done.and_then(|done| done.attributes).unwrap_or_default())
    }
}
