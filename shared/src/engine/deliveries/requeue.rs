//! Requeue or drop a dead letter. Who did it is recorded first: what cannot be recorded is not done.

use crate::aws::faults::AwsFault;
use crate::aws::journal::{Audit, DeadLetter};
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
        enqueue(deliveries, &mut label, &body).await?;
    }
    deliveries.aws.delete_dead_letter(&decider.tenant, &letter).await?;
    Ok(Decided::Done)
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
