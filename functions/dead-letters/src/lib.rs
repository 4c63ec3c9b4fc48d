//! Record what the queues gave up on.

use signalbox::aws::clients::Aws;
use signalbox::aws::queues::QueuedDelivery;
use signalbox::domain::deliveries::counters::Tally;
use signalbox::engine::deliveries::counts::count;
use signalbox::engine::deliveries::give_up::give_up;
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let (aws, clock) = (Aws::connect(environment, outside)?, outside.clock.clone());
    Ok(Function::sqs(move |messages| {
        let (aws, clock) = (aws.clone(), clock.clone());
        async move {
            let mut failed = Vec::new();
            let mut recorded = Tally::default();
            for dead in messages.into_iter().map(QueuedDelivery::from) {
                let message_id = dead.message_id.clone();
                match give_up(&aws, clock.now(), dead).await {
                    Ok(tally) => recorded.merge(tally),
                    Err(fault) => {
                        tracing::error!(%fault, message_id, "dead letter not recorded");
                        failed.push(message_id);
                    }
                }
            }
            count(&aws, &recorded).await;
            failed
        }
    }))
}
