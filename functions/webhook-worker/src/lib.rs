//! Apply deliveries, effect once: up to ten at a time, each on its own.

use signalbox::aws::clients::Clients;
use signalbox::aws::queues::webhook::QueuedDelivery;
use signalbox::domain::deliveries::counters::FleetTally;
use signalbox::domain::deliveries::delivery::Label;
use signalbox::domain::deliveries::retry::{Cause, wait_seconds};
use signalbox::engine::deliveries::apply::apply;
use signalbox::engine::deliveries::context::DeliveryWorker;
use signalbox::engine::deliveries::counts::count;
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;
use tracing::Instrument as _;

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let worker = DeliveryWorker::connect(&Clients::connect(environment, outside)?, environment, outside)?;
    Ok(Function::sqs(move |messages| {
        let worker = worker.clone();
        async move {
            let queued: Vec<QueuedDelivery> = messages.into_iter().map(QueuedDelivery::from).collect();
            let handled = futures::future::join_all(queued.iter().map(|queued| handle(&worker, queued))).await;
            // One that failed comes again, and is noted then.
            let applied = queued.iter().zip(&handled).filter(|(_, handled)| handled.is_some());
            let labels = applied.filter_map(|(queued, _)| queued.label.as_ref());
            worker.uses.note(labels, worker.outside.clock.now().as_millisecond()).await;
            let mut failed = Vec::new();
            let mut applied = FleetTally::default();
            for (queued, handled) in queued.into_iter().zip(handled) {
                match handled {
                    Some(tally) => applied.merge(tally),
                    None => failed.push(queued.message_id),
                }
            }
            // Once for all of the batch: counting each by itself would cost as much as completing it.
            count(&worker.store, &applied).await;
            failed
        }
    }))
}

/// Applies one message: what there is to count of it, or `None`, which brings it back. A message that cannot be read fails
/// alone, until the queue gives it up.
async fn handle(worker: &DeliveryWorker, queued: &QueuedDelivery) -> Option<FleetTally> {
    let Some(label) = &queued.label else {
        let wait = delay(worker, queued, Cause::Lasting).await;
        tracing::error!(message_id = queued.message_id, attempt = queued.receives, wait, "message that cannot be read");
        return None;
    };
    let span = tracing::info_span!("delivery", correlation_id = label.correlation_id, connection = %label.connection);
    apply_or_delay(worker, queued, label).instrument(span).await
}

async fn apply_or_delay(worker: &DeliveryWorker, queued: &QueuedDelivery, label: &Label) -> Option<FleetTally> {
    match apply(worker, label, &queued.body).await {
        Ok((_, tally)) => Some(tally),
        Err(error) => {
            let wait = delay(worker, queued, error.cause()).await;
            tracing::warn!(fault = error.detail(), attempt = queued.receives, wait, "delivery failed");
            None
        }
    }
}

/// Lets a message that failed wait: for how many seconds.
async fn delay(worker: &DeliveryWorker, queued: &QueuedDelivery, cause: Cause) -> i32 {
    let [spread, ..] = worker.outside.entropy.bytes16();
    let wait = wait_seconds(cause, queued.receives, spread);
    // Best effort: without it the queue's visibility timeout decides.
    if let Err(fault) = worker.queue.retry_in(&queued.receipt_handle, wait).await {
        tracing::warn!(%fault, "delivery not delayed");
    }
    wait
}
