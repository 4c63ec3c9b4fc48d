//! Record what the queues gave up on.

use signalbox::aws::clients::Clients;
use signalbox::aws::deliveries::DeliveryStore;
use signalbox::aws::journal::Journal;
use signalbox::aws::queues::webhook::QueuedDelivery;
use signalbox::domain::deliveries::counters::FleetTally;
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
    let clients = Clients::connect(environment, outside)?;
    let store = DeliveryStore::connect(&clients, environment)?;
    let journal = Journal::connect(&clients, environment)?;
    let outside = outside.clone();
    Ok(Function::sqs(move |messages| {
        let (store, journal, outside) = (store.clone(), journal.clone(), outside.clone());
        async move {
            let mut failed = Vec::new();
            let mut recorded = FleetTally::default();
            for dead in messages.into_iter().map(QueuedDelivery::from) {
                let message_id = dead.message_id.clone();
                match give_up(&store, &journal, &outside, dead).await {
                    Ok(tally) => recorded.merge(tally),
                    Err(fault) => {
                        tracing::error!(%fault, message_id, "dead letter not recorded");
                        failed.push(message_id);
                    }
                }
            }
            count(&store, &recorded).await;
            failed
        }
    }))
}
