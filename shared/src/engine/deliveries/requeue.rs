//! Requeue or drop a dead letter. Who did it is recorded first: what cannot be recorded is not done.

use crate::aws::faults::AwsFault;
use crate::aws::journal::{Audit, DeadLetter};
use crate::domain::claim::{Claim, Verdict};
use crate::domain::delivery::Label;
use crate::domain::ids::TenantId;
use crate::domain::place::DeadLetterId;
use crate::engine::deliveries::context::Deliveries;
use crate::engine::deliveries::receive::enqueue;

/// What to do with a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Send it through again.
    Requeue,
    /// Forget it.
    Drop,
}

/// Who decided.
#[derive(Debug, Clone)]
pub struct Decider {
    /// Whose data they may touch.
    pub tenant: TenantId,
    /// Who.
    pub actor: String,
    /// The trace.
    pub correlation_id: String,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// It is done.
    Done,
    /// There is no such dead letter.
    NotFound,
    /// It has no label: nobody knows where it should go. It can be dropped.
    Unreadable,
    /// Another body came under its key since, and its effect would take the place of that one's. It can be dropped.
    Conflict,
}

/// Carries out a decision. A crash between requeuing and forgetting leaves it listed; requeuing it again is harmless, as its
/// effect is idempotent.
///
/// # Errors
/// When AWS fails.
pub async fn decide(
    deliveries: &Deliveries,
    decider: &Decider,
    id: &DeadLetterId,
    decision: Decision,
) -> Result<Decided, AwsFault> {
    let Some((letter, body)) = deliveries.aws.dead_letter(&decider.tenant, id, deliveries.now()).await? else {
        return Ok(Decided::NotFound);
    };
    let label = match (decision, &letter.label) {
        (Decision::Requeue, None) => return Ok(Decided::Unreadable),
        (_, label) => label.clone(),
    };
    record(deliveries, decider, &letter, decision).await?;
    if let (Decision::Requeue, Some(mut label)) = (decision, label) {
        if !claim_again(deliveries, &mut label).await? {
            return Ok(Decided::Conflict);
        }
        enqueue(deliveries, &mut label, &body).await?;
    }
    deliveries.aws.delete_dead_letter(&decider.tenant, &letter).await?;
    Ok(Decided::Done)
}

/// Claims the key of a dead letter again; false when another body came under it since.
///
/// A dead letter is kept for longer than its claim. Without one, nothing would keep its event from taking the place of a later
/// one of the same key, its sender's next attempt would be a new event, and the reason could not be noted if it failed again.
/// That the worker makes a claim where it finds none was rejected: it knows no verdict, and cannot refuse.
async fn claim_again(deliveries: &Deliveries, label: &mut Label) -> Result<bool, AwsFault> {
    let nonce = hex::encode(deliveries.outside.entropy.bytes16());
    let body = label.claimed_body().to_owned();
    let mut claim = Claim::new(nonce, body, label.correlation_id.clone(), deliveries.now());
    claim.connection = Some(label.origin.connection.clone());
    let (verdict, standing) = deliveries.aws.claim(&label.claim_key(), claim).await?;
    // The same event may have come to another source since: it must not have an effect of its own here.
    if let Some(first) = standing.connection {
        label.origin.connection = first;
    }
    Ok(verdict != Verdict::Conflict)
}

async fn record(
    deliveries: &Deliveries,
    decider: &Decider,
    letter: &DeadLetter,
    decision: Decision,
) -> Result<(), AwsFault> {
    let entry = Audit {
        actor: decider.actor.clone(),
        action: match decision {
            Decision::Requeue => "dead_letter.requeue".into(),
            Decision::Drop => "dead_letter.drop".into(),
        },
        target: letter.id.to_string(),
        result: letter.payload_hash.clone(),
        at_ms: deliveries.now().as_millisecond(),
        correlation_id: decider.correlation_id.clone(),
    };
    deliveries.aws.audit(&decider.tenant, deliveries.outside.entropy.bytes16(), &entry).await
}
