//! Record what the queues gave up on.

use signalbox::aws::queue::QueuedDelivery;
use signalbox::domain::counters::Tally;
use signalbox::engine::deliveries::context::Deliveries;
use signalbox::engine::deliveries::give_up::give_up;
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let deliveries = Deliveries::without_senders(environment, outside)?;
    Ok(Function::sqs(move |messages| {
        let deliveries = deliveries.clone();
        async move {
            let mut failed = Vec::new();
            let mut recorded = Tally::default();
            for dead in messages.into_iter().map(QueuedDelivery::from) {
                let message_id = dead.message_id.clone();
                match give_up(&deliveries, dead).await {
                    Ok(tally) => recorded.merge(tally),
                    Err(fault) => {
                        tracing::error!(%fault, message_id, "dead letter not recorded");
                        failed.push(message_id);
                    }
                }
            }
            deliveries.counts.add(&recorded).await;
            failed
        }
    }))
}
