//! Record what the queues gave up on: deliveries, and messages about runs.

use std::sync::Arc;

use signalbox::aws::clients::Clients;
use signalbox::aws::deliveries::DeliveryStore;
use signalbox::aws::deliveries::effects::EffectStore;
use signalbox::aws::journal::Journal;
use signalbox::aws::queues::given_up::GivenUp;
use signalbox::aws::queues::webhook::QueuedDelivery;
use signalbox::aws::runs::RunReads;
use signalbox::engine::deliveries::apply::Counted;
use signalbox::engine::deliveries::counts::{count, count_connections};
use signalbox::engine::deliveries::give_up::give_up;
use signalbox::engine::runs::given_up;
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
    let effects = EffectStore::connect(&clients, environment)?;
    let journal = Journal::connect(&clients, environment)?;
    let reads = RunReads::connect(&clients, environment)?;
    // What its messages come from. Both queues have one function, and a message that cannot be read does not say of which it is.
    let syncs = Arc::<str>::from(environment.require("SYNC_DEAD_LETTER_QUEUE_ARN")?);
    let outside = outside.clone();
    Ok(Function::sqs(move |messages| {
        let (store, effects, journal, outside) = (store.clone(), effects.clone(), journal.clone(), outside.clone());
        let (reads, syncs) = (reads.clone(), Arc::clone(&syncs));
        async move {
            let mut failed = Vec::new();
            let mut recorded = Counted::default();
            for message in messages {
                let message_id = message.message_id.clone().unwrap_or_default();
                let done = match message.event_source_arn.as_deref() {
                    Some(queue) if *queue == *syncs => {
                        let dead = GivenUp::from(message);
                        given_up::record(&reads, &journal, &outside, dead).await.map(|()| Counted::default())
                    }
                    _ => give_up(&store, &effects, &journal, &outside, QueuedDelivery::from(message)).await,
                };
                match done {
                    Ok(counted) => recorded.merge(counted),
                    Err(fault) => {
                        tracing::error!(%fault, message_id, "dead letter not recorded");
                        failed.push(message_id);
                    }
                }
            }
            count(&store, &recorded.fleet).await;
            count_connections(&store, &recorded.connections).await;
            failed
        }
    }))
}
