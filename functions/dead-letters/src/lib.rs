//! Record what the queues gave up on.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use signalbox::aws::faults::AwsFault;
use signalbox::aws::queue::{LABEL_ATTRIBUTE, delivery_body};
use signalbox::domain::counters::Tally;
use signalbox::domain::delivery::Label;
use signalbox::engine::deliveries::context::Deliveries;
use signalbox::engine::deliveries::give_up::{Dead, give_up};
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let deliveries = Deliveries::without_senders(environment, outside)?;
    Ok(Function::sqs(move |event: SqsEvent, _context| {
        let deliveries = deliveries.clone();
        async move {
            let mut response = SqsBatchResponse::default();
            let mut recorded = Tally::default();
            for message in &event.records {
                match record(&deliveries, message).await {
                    Ok(tally) => recorded.merge(tally),
                    Err(fault) => {
                        tracing::error!(%fault, message_id = message.message_id, "dead letter not recorded");
                        let mut failure = BatchItemFailure::default();
                        failure.item_identifier = message.message_id.clone().unwrap_or_default();
                        response.batch_item_failures.push(failure);
                    }
                }
            }
            deliveries.count(&recorded).await;
            response
        }
    }))
}

async fn record(deliveries: &Deliveries, message: &SqsMessage) -> Result<Tally, AwsFault> {
    let text = message.body.as_deref().unwrap_or_default();
    let attribute = message.message_attributes.get(LABEL_ATTRIBUTE).and_then(|value| value.string_value.as_deref());
    let label: Option<Label> = attribute.and_then(|label| serde_json::from_str(label).ok());
    let decoded = label.as_ref().and_then(|label| delivery_body(label, text).ok());
    let number = |name: &str| message.attributes.get(name).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    let dead = Dead {
        message_id: message.message_id.as_deref().unwrap_or_default(),
        sent_ms: number("SentTimestamp"),
        attempts: u32::try_from(number("ApproximateReceiveCount")).unwrap_or(0),
        label,
        body: decoded.as_deref().unwrap_or(text.as_bytes()),
    };
    give_up(deliveries, dead).await
}
