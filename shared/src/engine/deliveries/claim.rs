//! Claim: a verified delivery is claimed, then enqueued. Only then is its sender acknowledged.

use jiff::Timestamp;

use crate::aws::deliveries::DeliveryStore;
use crate::aws::deliveries::effects::EffectStore;
use crate::aws::faults::AwsFault;
use crate::aws::queues::webhook::WebhookQueue;
use crate::domain::deliveries::claim::{Claim, NewClaim, Verdict, judge};
use crate::domain::deliveries::delivery::{Label, TakenIn};
use crate::domain::deliveries::signature::VerifiedDelivery;
use crate::engine::deliveries::context::Deliveries;
use crate::outside::Outside;

/// Claims a delivery, and enqueues it where the verdict is [`Verdict::First`] or [`Verdict::Again`]: one write unit and one
/// message. A duplicate costs one refused write, and where it is the first of its event a message too: its worker completes the claim then.
///
/// A crash anywhere before the answer leaves the sender without one. It sends again, finds the claim of an attempt that
/// is not known to have been applied, and is enqueued again.
///
/// What is to be counted of the first travels in its label, to whoever applies it: here it would cost a second write unit.
/// `started` is when taking it in began. Beside the verdict comes how it was taken in, until a message was sent or known not to be needed.
///
/// # Errors
/// When AWS fails. The sender must not be acknowledged then.
pub(super) async fn claim_and_enqueue(
    deliveries: &Deliveries,
    label: &mut Label,
    delivery: &VerifiedDelivery,
    started: Timestamp,
) -> Result<(Verdict, TakenIn), AwsFault> {
    let at = label.received_at();
    let verdict = claim(&deliveries.store, &deliveries.outside, label, at).await?;
    let taken_in = taken_in(deliveries, delivery, started);
    match verdict {
        Verdict::Conflict | Verdict::Duplicate => return Ok((verdict, taken_in)),
        Verdict::First => label.taken_in = Some(taken_in),
        Verdict::Again => {}
    }
    enqueue(&deliveries.queue, &deliveries.outside, label, delivery.body()).await?;
    Ok((verdict, taken_in))
}

/// Claims the key of a delivery at `at`. Where it was claimed before, the label becomes that of the event that was: it takes
/// over its key, its connection, and the time it came, which together are the place of its effect.
///
/// With [`Label::claims_body`] the body is claimed too, a second write unit. Where the body came before under another key, it is
/// a repetition of that event, whose first attempt may have died before its message was sent: so that event's claim says what
/// follows, and to answer by the body's claim alone would lose it. It is not for senders that name two equal bodies on
/// purpose, as points of sale do.
///
/// # Errors
/// When AWS fails.
pub(super) async fn claim(
    store: &DeliveryStore,
    outside: &Outside,
    label: &mut Label,
    at: Timestamp,
) -> Result<Verdict, AwsFault> {
    let nonce = hex::encode(outside.entropy.bytes16());
    let ours = NewClaim::of_delivery(label, &nonce, at);
    let (mut verdict, mut standing) = store.claim(&label.claim_key(), ours, at).await?;
    let first_key = match verdict {
        Verdict::Conflict if label.goes_by_body() => Some(label.first_key(&standing.fingerprint)),
        Verdict::First | Verdict::Again if label.claims_body => {
            let ours = NewClaim::of_body(label, &nonce, at);
            let (verdict, of_body) = store.claim(&label.body_claim_key(), ours, at).await?;
            (verdict == Verdict::Conflict).then(|| label.first_key(&of_body.fingerprint))
        }
        _ => None,
    };
    if let Some(first_key) = first_key {
        label.key = first_key;
        let ours = NewClaim::of_delivery(label, &nonce, at);
        (verdict, standing) = store.claim(&label.claim_key(), ours, at).await?;
        // Its claim is gone, and its body's is not: it came before all the same.
        if verdict == Verdict::First {
            verdict = Verdict::Again;
        }
    }
    if matches!(verdict, Verdict::Again | Verdict::Duplicate) {
        become_event_of(label, standing);
    }
    Ok(verdict)
}

/// Makes a label that of the event that was claimed before.
fn become_event_of(label: &mut Label, standing: Claim) {
    // What its sender does not date is as old as when it first came, or a repetition would overwrite what is newer.
    label.received_ms = standing.received_ms;
    label.shard = standing.shard;
    // What comes again over another connection is the first one's event: it must not have an effect of its own there.
    if let Some(first) = standing.connection {
        label.connection.name = first;
    }
}

/// What [`claim`] would say at `at`, and of an event that has had its effect that it is a duplicate, whether its claim says so or its
/// entry alone. It reads, and claims nothing.
pub(super) async fn foresee(
    store: &DeliveryStore,
    effects: &EffectStore,
    label: &Label,
    at: Timestamp,
) -> Result<Verdict, AwsFault> {
    let look = async |claim_key: &str, ours: &NewClaim| {
        let standing = store.claim_of(claim_key).await?.filter(|standing| standing.expires_at > at.as_second());
        let verdict = standing.as_ref().map_or(Verdict::First, |standing| judge(standing, ours));
        Ok::<_, AwsFault>((verdict, standing))
    };
    let of_delivery = |label: &Label| NewClaim::of_delivery(label, "", at);
    let mut label = label.clone();
    let (mut verdict, mut standing) = look(&label.claim_key(), &of_delivery(&label)).await?;
    let named_by = match verdict {
        Verdict::Conflict if label.goes_by_body() => standing.clone(),
        Verdict::First | Verdict::Again if label.claims_body => {
            let (verdict, of_body) = look(&label.body_claim_key(), &NewClaim::of_body(&label, "", at)).await?;
            of_body.filter(|_| verdict == Verdict::Conflict)
        }
        _ => None,
    };
    if let Some(named_by) = named_by {
        label.key = label.first_key(&named_by.fingerprint);
        (verdict, standing) = look(&label.claim_key(), &of_delivery(&label)).await?;
        if verdict == Verdict::First {
            verdict = Verdict::Again;
        }
    }
    if let (Verdict::Again, Some(standing)) = (verdict, standing) {
        become_event_of(&mut label, standing);
        if effects.happened(&label).await?.is_some() {
            return Ok(Verdict::Duplicate);
        }
    }
    Ok(verdict)
}

/// Hands a delivery to the queue, and notes when: what it waited for before that says nothing about the worker.
pub(super) async fn enqueue(
    queue: &WebhookQueue,
    outside: &Outside,
    label: &mut Label,
    body: &[u8],
) -> Result<(), AwsFault> {
    label.enqueued_ms = Some(outside.clock.now().as_millisecond());
    queue.send(label, body).await
}

/// How a delivery is being taken in, until now.
pub(super) fn taken_in(deliveries: &Deliveries, delivery: &VerifiedDelivery, started: Timestamp) -> TakenIn {
    let ms = deliveries.now().as_millisecond() - started.as_millisecond();
    TakenIn { proof: delivery.proof(), ms: u64::try_from(ms).unwrap_or(0) }
}
