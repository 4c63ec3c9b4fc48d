//! Give up: record what a queue could not have processed, so that somebody can look, requeue or drop it.

use crate::aws::deliveries::DeliveryStore;
use crate::aws::deliveries::effects::EffectStore;
use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::aws::queues::webhook::QueuedDelivery;
use crate::domain::dead_letter::{DEAD_LETTER_SECONDS, DeadLetter, DeadLetterId, Subject};
use crate::domain::deliveries::counters::Counter;
use crate::domain::deliveries::delivery::{UNKNOWN_ORIGIN, body_hash, origin};
use crate::domain::ids::TenantId;
use crate::engine::deliveries::apply::{Counted, failed_before};
use crate::outside::Outside;
use crate::telemetry::metrics::{By, Level, Line, Unit};

/// Records a dead letter, and says what there is to count of it. The same message recorded twice is one entry.
///
/// Of a delivery that has had its effect nothing is left to decide: its message was a duplicate's, or could not be ended. Its claim
/// is completed, and nothing recorded.
///
/// # Errors
/// When AWS fails; the message stays in the dead-letter queue then.
pub async fn give_up(
    store: &DeliveryStore,
    effects: &EffectStore,
    journal: &Journal,
    outside: &Outside,
    dead: QueuedDelivery,
) -> Result<Counted, AwsFault> {
    let now = outside.clock.now();
    if let Some(label) = &dead.label
        && effects.happened(label).await?.is_some()
    {
        let completed = store.complete_claim(&label.claim_key()).await?;
        let mut counted = Counted::default();
        // Its failures have no dead letter behind them, and are over.
        if let Some(failed_ms) = failed_before(label, completed) {
            counted.connections.recovered(&label.connection, failed_ms, now.as_millisecond());
        }
        tracing::warn!(
            correlation_id = label.correlation_id, connection = %label.connection, key = label.key,
            "given up, and no dead letter: its effect has happened"
        );
        return Ok(counted);
    }
    let (reason, noted) = match &dead.label {
        Some(label) => {
            let claim = store.claim_of(&label.claim_key()).await?;
            let (error, noted) = claim.map(|claim| (claim.last_error, claim.attempts)).unwrap_or_default();
            (error.unwrap_or_else(|| "the worker did not finish".to_owned()), noted.unwrap_or(0))
        }
        None => ("the message has no label that can be read".to_owned(), 0),
    };
    let letter = DeadLetter {
        id: DeadLetterId::new(dead.sent_ms, &dead.message_id),
        reason,
        // A dead-letter queue may count anew; and a worker that died has noted nothing.
        attempts: dead.receives.max(noted),
        payload_hash: body_hash(&dead.body),
        recorded_ms: now.as_millisecond(),
        expires_at: now.as_second() + DEAD_LETTER_SECONDS,
        parts: DeadLetter::parts_of(&dead.body),
        subject: Subject::Delivery { label: dead.label },
    };
    let tenant = letter.connection().map_or_else(TenantId::default, |connection| connection.tenant.clone());
    let first = journal.put_dead_letter(&tenant, &letter, &dead.body).await?;
    let line = Line::new(Level::Error, "dead letter recorded").with("dead_letter", letter.id.to_string());
    let line = line.with("tenant", tenant.as_str()).with("reason", letter.reason.as_str());
    let line = line.with("attempts", letter.attempts);
    let line = line.with("correlation_id", letter.label().map(|label| label.correlation_id.as_str()));
    // Also one that is recorded once more: counted twice it alarms, and not at all nobody looks.
    let measured = By(&[("queue", "webhooks")], &[("dead_letters", 1.0, Unit::Count)]);
    outside.metrics.log(now, line, &[measured]);
    let mut counted = Counted::default();
    if first {
        let origin = letter.connection().map_or_else(|| UNKNOWN_ORIGIN.to_owned(), origin);
        counted.fleet.add(&origin, Counter::Dead, 1);
    }
    Ok(counted)
}
