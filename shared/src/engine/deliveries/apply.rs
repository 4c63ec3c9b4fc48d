//! Apply: a delivery's effect, exactly once though the queue delivers twice and in any order.
//!
//! First the effect, which is idempotent by itself, and its entry in the list of its hour; then the completion of the claim, where
//! [`completion`](crate::domain::deliveries::completion) wants it; then the queue forgets the message. A crash between any two brings
//! the message again, and the same effect.

use jiff::Timestamp;

use crate::aws::deliveries::Completed;
use crate::aws::deliveries::effects::Effect;
use crate::aws::faults::AwsFault;
use crate::domain::deliveries::completion::Happened;
use crate::domain::deliveries::counters::{Counter, FleetTally};
use crate::domain::deliveries::delivery::{Applied, Channel, Label, origin};
use crate::domain::deliveries::hours::ConnectionTally;
use crate::domain::deliveries::retry::Cause;
use crate::domain::redact;
use crate::engine::deliveries::context::DeliveryWorker;
use crate::engine::deliveries::thing::Thing;
use crate::telemetry::metrics::{By, Level, Line, Unit};
use crate::vendors::trackstar::BadPayload;

/// Why a delivery was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// AWS failed. What it says names tables and keys: it is for the log, and operators see no more than this.
    #[error("storage failed; the log of this delivery says how")]
    Fault(#[from] AwsFault),
    /// The payload is not what its channel takes.
    #[error("the payload cannot be applied: {0}")]
    Payload(#[from] BadPayload),
}

impl ApplyError {
    /// Whether a later attempt may end otherwise.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Fault(_) => Cause::Passing,
            Self::Payload(_) => Cause::Lasting,
        }
    }

    /// What happened, for the log; no request data.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Fault(fault) => fault.to_string(),
            Self::Payload(bad) => bad.to_string(),
        }
    }
}

/// What there is to count of deliveries: for the fleet by origin, and for their connections by the hour.
#[derive(Debug, Default)]
pub struct Counted {
    /// For the fleet.
    pub fleet: FleetTally,
    /// For connections.
    pub connections: ConnectionTally,
}

impl Counted {
    /// Adds all of another.
    pub fn merge(&mut self, other: Self) {
        self.fleet.merge(other.fleet);
        self.connections.merge(other.connections);
    }
}

/// Applies one delivery, which the queue handed out for the `receives`th time, and notes it; what there is to count of it is added to
/// `counted`.
///
/// It is counted when its entry is new, or its failure the first: the queue may deliver it twice. A process that dies between
/// the entry and the count leaves it uncounted. That one which failed is through is counted when
/// its claim is completed: it may be another attempt that had the effect.
///
/// # Errors
/// When it could not be applied; the reason is noted on the claim, for the dead letter it may become. Or when it was, and its claim could
/// not be completed.
pub async fn apply(
    worker: &DeliveryWorker,
    label: &Label,
    body: &[u8],
    receives: u32,
    counted: &mut Counted,
) -> Result<Applied, ApplyError> {
    match effect(worker, label, body, receives).await {
        Ok((Effect { applied, before }, ahead)) => {
            let happened = Happened {
                before,
                first_attempt: label.is_first_attempt(),
                receives,
                entry_ends: worker.effects.ends(label),
                body_bytes: body.len(),
            };
            let failed_ms = if happened.completes_claim(worker.outside.clock.now()) {
                let completed = worker.store.complete_claim(&label.claim_key()).await;
                completed.map(|completed| failed_before(label, completed))
            } else {
                Ok(None)
            };
            // Also where the claim could not be completed: the next attempt finds the effect there, and counts it no more.
            let through_ms = failed_ms.as_ref().ok().copied().flatten();
            count(counted, label, (!before).then_some(applied), through_ms, worker.outside.clock.now());
            failed_ms?;
            log(worker, label, applied, ahead, !before);
            Ok(applied)
        }
        Err(error) => {
            let reason = redact::error_text(&error.to_string());
            let now = worker.outside.clock.now();
            match worker.store.note_failure(&label.claim_key(), &reason, now).await {
                Ok(Some(1)) => counted.connections.failed(&label.connection, label.received_ms, now.as_millisecond()),
                Ok(_) => {}
                Err(fault) => tracing::warn!(%fault, correlation_id = %label.correlation_id, "failure not noted"),
            }
            Err(error)
        }
    }
}

/// When one first failed that is through by this completion of its claim, epoch milliseconds.
pub(super) fn failed_before(label: &Label, completed: Completed) -> Option<i64> {
    // A version before this one did not say when.
    (completed.first && completed.attempts > 0).then(|| completed.failed_ms.unwrap_or(label.received_ms))
}

/// Counts what became of a delivery, where this attempt was the first to have its effect; else only that it is through.
fn count(counted: &mut Counted, label: &Label, applied: Option<Applied>, failed_ms: Option<i64>, now: Timestamp) {
    let (connection, now_ms) = (&label.connection, now.as_millisecond());
    let Some(applied) = applied else {
        failed_ms.into_iter().for_each(|failed_ms| counted.connections.recovered(connection, failed_ms, now_ms));
        return;
    };
    let origin = origin(connection);
    counted.fleet.add(&origin, Counter::Applied(applied), 1);
    if let Some(taken_in) = label.taken_in {
        counted.fleet.taken_in(&origin, taken_in);
    }
    counted.connections.processed(connection, applied, label.received_ms, now_ms, failed_ms);
}

/// What came of it, and whether its version was too far ahead of its receipt to count.
///
/// Of an attempt that is not the first, and of a message that was handed out before, it is looked whether its effect has happened: a read costs a fifth of a refused write, or less,
/// and a version that was removed since must not come back by a duplicate, nor another body under the same key have an effect of its own.
async fn effect(
    worker: &DeliveryWorker,
    label: &Label,
    body: &[u8],
    receives: u32,
) -> Result<(Effect, bool), ApplyError> {
    let (effects, now) = (&worker.effects, worker.outside.clock.now());
    if (!label.is_first_attempt() || receives != 1)
        && let Some(applied) = effects.happened(label).await?
    {
        return Ok((Effect { applied, before: true }, false));
    }
    let of_event = match label.channel {
        Channel::Event => Some(Applied::Done),
        Channel::TrackstarOther => Some(Applied::Unhandled),
        Channel::TrackstarInventory | Channel::TrackstarShipment | Channel::TrackstarReceipt => None,
    };
    if let Some(applied) = of_event {
        return Ok((effects.store_event(label, body, applied, now).await?, false));
    }
    let thing = Thing::read(label, body)?;
    Ok((effects.store_version(label, body, thing.place(), &thing.fields, now).await?, thing.ahead))
}

/// The worker's one line about a delivery that it applied, `first` or once more.
fn log(worker: &DeliveryWorker, label: &Label, applied: Applied, ahead: bool, first: bool) {
    let now = worker.outside.clock.now();
    // One that was admitted or requeued has waited for a person before that.
    let since = label.enqueued_ms.unwrap_or(label.received_ms);
    let latency = (now.as_millisecond() - since).max(0) as f64;
    // Somebody's clock is wrong.
    let level = if ahead { Level::Warn } else { Level::Info };
    let line = Line::new(level, "delivery applied").traced(&label.correlation_id);
    let line = line.with("outcome", applied.as_str()).with("key", label.key.as_str());
    let line = line.with("connection", label.connection.to_string()).with("eventType", label.event_type.as_deref());
    let line = if ahead { line.with("aheadOfReceipt", true) } else { line };
    let provider = ("provider", label.connection.provider.as_str());
    let took = [("webhook.processing_latency_ms", latency, Unit::Milliseconds)];
    let counted = [("webhook.applied", 1.0, Unit::Count)];
    let counted = By(&[provider, ("outcome", applied.as_str())], &counted[..usize::from(first)]);
    worker.outside.metrics.log(now, line, &[By(&[provider], &took), counted]);
}
