//! Receive: claim a verified delivery and enqueue it. Only then is the sender acknowledged.

use jiff::Timestamp;

use crate::aws::faults::AwsFault;
use crate::domain::claim::{Claim, Verdict};
use crate::domain::delivery::{Label, TakenIn};
use crate::domain::signature::VerifiedDelivery;
use crate::engine::deliveries::context::Deliveries;

/// Claims a delivery, and enqueues it where the verdict is [`Verdict::First`] or [`Verdict::Again`]: one write unit and one
/// message. A duplicate costs one refused write.
///
/// With `guard_replay` the body is claimed too, a second write unit: the sender's id is not covered by the
/// signature, and a captured body would pass under any other id. It is not for senders that name two equal bodies on
/// purpose, as points of sale do.
///
/// A crash anywhere before the answer leaves the sender without one. It sends again, finds the claim of an attempt that
/// is not known to have been applied, and is enqueued again.
///
/// What is to be counted of the first travels in its label, to whoever applies it: here it would cost a second write unit.
/// `started` is when taking it in began.
///
/// # Errors
/// When AWS fails. The sender must not be acknowledged then.
pub async fn receive(
    deliveries: &Deliveries,
    label: &mut Label,
    delivery: &VerifiedDelivery,
    guard_replay: bool,
    started: Timestamp,
) -> Result<Verdict, AwsFault> {
    let nonce = hex::encode(deliveries.outside.entropy.bytes16());
    let at = label.received_at();
    let claim = Claim::of_delivery(label, &nonce, at);
    let (verdict, standing) = deliveries.aws.claim(&label.claim_key(), claim, at).await?;
    match verdict {
        // The same body, claimed by the guard below: a captured one, sent again without its id.
        Verdict::Conflict if label.goes_by_body() => return Ok(Verdict::Duplicate),
        Verdict::Conflict | Verdict::Duplicate => return Ok(verdict),
        Verdict::First | Verdict::Again => {}
    }
    if guard_replay {
        let claim = Claim::of_body(label, &nonce, at);
        if deliveries.aws.claim(&label.body_claim_key(), claim, at).await?.0 == Verdict::Conflict {
            // The body came under another key before: a replay.
            return Ok(Verdict::Duplicate);
        }
    }
    if verdict == Verdict::First {
        label.taken_in = Some(taken_in(deliveries, delivery, started));
    } else {
        // It is the event that was claimed then: its effect has that one's place, and what its sender does not date is as old
        // as when it first came, or a repetition would overwrite what is newer.
        label.received_ms = standing.received_ms;
        // What comes again to another source is the first one's event: it must not have an effect of its own there.
        if let Some(first) = standing.connection {
            label.origin.connection = first;
        }
    }
    enqueue(deliveries, label, delivery.body()).await?;
    Ok(verdict)
}

/// Hands a delivery to the queue, and notes when: what it waited for before that says nothing about the worker.
pub(super) async fn enqueue(deliveries: &Deliveries, label: &mut Label, body: &[u8]) -> Result<(), AwsFault> {
    label.enqueued_ms = Some(deliveries.now().as_millisecond());
    deliveries.queue.send(label, body).await
}

/// How a delivery is being taken in, until now.
pub(super) fn taken_in(deliveries: &Deliveries, delivery: &VerifiedDelivery, started: Timestamp) -> TakenIn {
    let ms = deliveries.now().as_millisecond() - started.as_millisecond();
    TakenIn { proof: delivery.proof(), ms: u64::try_from(ms).unwrap_or(0) }
}
