//! Apply deliveries, effect once: up to ten at a time, each on its own.

use signalbox::aws::clients::Clients;
use signalbox::aws::queues::webhook::QueuedDelivery;
use signalbox::domain::deliveries::delivery::{Label, UNKNOWN_ORIGIN};
use signalbox::domain::deliveries::retry::{Cause, wait_seconds};
use signalbox::engine::deliveries::apply::{Counted, apply};
use signalbox::engine::deliveries::context::DeliveryWorker;
use signalbox::engine::deliveries::counts::{count, count_connections};
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;
use signalbox::telemetry::metrics::{By, Level, Line, Unit};
use tracing::Instrument as _;

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let clients = Clients::connect(environment, outside)?.wired(environment, outside)?;
    let worker = DeliveryWorker::connect(&clients, environment, outside)?;
    Ok(Function::sqs(move |messages| {
        let worker = worker.clone();
        async move {
            let queued: Vec<QueuedDelivery> = messages.into_iter().map(QueuedDelivery::from).collect();
            let handled = futures::future::join_all(queued.iter().map(|queued| handle(&worker, queued))).await;
            // One that failed comes again, and is noted then.
            let applied = queued.iter().zip(&handled).filter(|(_, (is_done, _))| *is_done);
            let labels = applied.filter_map(|(queued, _)| queued.label.as_ref());
            worker.uses.note(labels, worker.outside.clock.now().as_millisecond()).await;
            let mut failed = Vec::new();
            let mut counted = Counted::default();
            for (queued, (is_done, of_one)) in queued.into_iter().zip(handled) {
                counted.merge(of_one);
                if !is_done {
                    failed.push(queued.message_id);
                }
            }
            // Once for all of the batch: counting each by itself would cost as much as its effect.
            let connections = count_connections(&worker.store, &counted.connections);
            futures::future::join(count(&worker.store, &counted.fleet), connections).await;
            failed
        }
    }))
}

/// Applies one message: whether that is done, as the queue brings it back otherwise, and what there is to count of it. A message
/// that cannot be read fails alone, until the queue gives it up.
async fn handle(worker: &DeliveryWorker, queued: &QueuedDelivery) -> (bool, Counted) {
    let mut counted = Counted::default();
    let Some(label) = &queued.label else {
        let wait = delay(worker, queued, Cause::Lasting).await;
        let line =
            Line::new(Level::Error, "message that cannot be read").with("message_id", queued.message_id.as_str());
        failed(worker, line.with("attempt", queued.receives).with("wait", wait), UNKNOWN_ORIGIN);
        return (false, counted);
    };
    let span = tracing::info_span!("delivery", correlation_id = label.correlation_id, connection = %label.connection);
    let is_done = apply_or_delay(worker, queued, label, &mut counted).instrument(span).await;
    (is_done, counted)
}

async fn apply_or_delay(
    worker: &DeliveryWorker,
    queued: &QueuedDelivery,
    label: &Label,
    counted: &mut Counted,
) -> bool {
    match apply(worker, label, &queued.body, queued.receives, counted).await {
        Ok(_) => true,
        Err(error) => {
            let wait = delay(worker, queued, error.cause()).await;
            let line = Line::new(Level::Warn, "delivery failed").traced(&label.correlation_id);
            let line = line.with("connection", label.connection.to_string()).with("fault", error.detail());
            let line = line.with("attempt", queued.receives).with("wait", wait);
            failed(worker, line, label.connection.provider.as_str());
            false
        }
    }
}

/// Says that an attempt failed, which counts it.
fn failed(worker: &DeliveryWorker, line: Line, provider: &str) {
    let measured = By(&[("provider", provider)], &[("webhook.failed", 1.0, Unit::Count)]);
    worker.outside.metrics.log(worker.outside.clock.now(), line, &[measured]);
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
