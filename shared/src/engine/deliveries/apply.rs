//! Apply: a delivery's effect, exactly once though the queue delivers twice and in any order.
//!
//! First the effect, which is idempotent by itself, and its entry in the list of its hour; then the completion of the claim;
//! then the queue forgets the message. A crash between any two brings the message again, and the same effect.

use serde_json::Value;

use crate::aws::deliveries::effects::VersionPlace;
use crate::aws::faults::AwsFault;
use crate::domain::deliveries::counters::{Counter, FleetTally};
use crate::domain::deliveries::delivery::{Applied, Channel, Label, origin};
use crate::domain::ids::Entity;
use crate::domain::redact;
use crate::engine::deliveries::context::DeliveryWorker;
use crate::telemetry::metrics::Unit;
use crate::vendors::trackstar::{BadPayload, Envelope, read_inventory, read_shipment};

/// The longest wait before a failed delivery comes again, in seconds.
const RETRY_SECONDS_MAX: i32 = 900;

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

/// Applies one delivery, and notes it; with what there is to count of it.
///
/// It is counted when its completion is new: the queue may deliver it twice. A process that dies between the completion and
/// the count leaves it uncounted.
///
/// # Errors
/// When it could not be applied; the reason is noted on the claim, for the dead letter it may become.
pub async fn apply(worker: &DeliveryWorker, label: &Label, body: &[u8]) -> Result<(Applied, FleetTally), ApplyError> {
    match effect(worker, label, body).await {
        Ok(applied) => {
            let mut tally = FleetTally::default();
            if worker.store.complete_claim(&label.claim_key()).await? {
                let origin = origin(&label.connection);
                tally.add(&origin, Counter::Applied(applied), 1);
                if let Some(taken_in) = label.taken_in {
                    tally.taken_in(&origin, taken_in);
                }
            }
            measure(worker, label);
            Ok((applied, tally))
        }
        Err(error) => {
            if let ApplyError::Fault(fault) = &error {
                tracing::warn!(%fault, correlation_id = %label.correlation_id, "effect failed");
            }
            let reason = redact::error_text(&error.to_string());
            if let Err(fault) = worker.store.note_failure(&label.claim_key(), &reason).await {
                tracing::warn!(%fault, correlation_id = %label.correlation_id, "failure not noted");
            }
            Err(error)
        }
    }
}

async fn effect(worker: &DeliveryWorker, label: &Label, body: &[u8]) -> Result<Applied, ApplyError> {
    let (effects, now) = (&worker.effects, worker.outside.clock.now());
    // The brand was settled when the delivery was let in, and names its connection.
    let brand = label.connection.name.as_str();
    let applied = match label.channel {
        Channel::Event | Channel::TrackstarOther => {
            let unhandled = label.channel == Channel::TrackstarOther;
            let applied = if unhandled { Applied::Unhandled } else { Applied::Done };
            effects.store_event(label, body, applied, now).await?;
            applied
        }
        Channel::TrackstarInventory => {
            let inventory = read_inventory(brand, &Envelope::read(body)?.data)?;
            let dataset = label.connection.dataset(Entity::INVENTORY);
            let place = VersionPlace { dataset: &dataset, id: &inventory.sku, version_ms: inventory.version_ms };
            effects.store_version(label, body, place, &inventory, now).await?
        }
        Channel::TrackstarShipment | Channel::TrackstarReceipt => {
            let envelope = Envelope::read(body)?;
            let shipment = read_shipment(brand, &envelope.event_type, &envelope.data, label.received_ms)?;
            let entity = match label.channel {
                Channel::TrackstarShipment => Entity::INBOUND_SHIPMENTS,
                _ => Entity::INBOUND_SHIPMENT_RECEIPTS,
            };
            let dataset = label.connection.dataset(entity);
            let place = VersionPlace { dataset: &dataset, id: &shipment.id, version_ms: shipment.version_ms };
            effects.store_version(label, body, place, &shipment, now).await?
        }
    };
    Ok(applied)
}

fn measure(worker: &DeliveryWorker, label: &Label) {
    let now = worker.outside.clock.now();
    // One that was admitted or requeued has waited for a person before that.
    let since = label.enqueued_ms.unwrap_or(label.received_ms);
    let latency = (now.as_millisecond() - since).max(0) as f64;
    let properties = [
        ("tenant", Value::from(label.connection.tenant.as_str())),
        ("connection", Value::from(label.connection.name.as_str())),
        ("eventType", Value::from(label.event_type.as_deref())),
        ("correlationId", Value::from(label.correlation_id.as_str())),
    ];
    let dimensions = [("provider", label.connection.provider.as_str())];
    let metrics = [("webhook.processing_latency_ms", latency, Unit::Milliseconds)];
    worker.outside.metrics.emit(now, &dimensions, &metrics, &properties);
}

/// How long a delivery that failed for the `attempt`-th time waits: 5 s, doubling, at most a quarter of an hour.
#[must_use]
pub fn retry_seconds(attempt: u32) -> i32 {
    (5_i32 << attempt.saturating_sub(1).min(16)).min(RETRY_SECONDS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_wait_longer_each_time_up_to_a_bound() {
        let waits: Vec<i32> = [0, 1, 2, 3, 8, 9, 100].map(retry_seconds).to_vec();
        assert_eq!(waits, [5, 5, 10, 20, 640, 900, 900]);
    }
}
