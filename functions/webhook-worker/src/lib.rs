//! Apply deliveries, effect once: up to ten at a time, each on its own.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use signalbox::aws::queue::{LABEL_ATTRIBUTE, delivery_body};
use signalbox::domain::counters::Tally;
use signalbox::domain::delivery::Label;
use signalbox::engine::deliveries::apply::{apply, retry_seconds};
use signalbox::engine::deliveries::context::Deliveries;
use signalbox::environment::{Environment, StartError};
use signalbox::function::Function;
use signalbox::outside::Outside;
use tracing::Instrument as _;

/// Builds the handler from its environment.
///
/// # Errors
/// When the environment is unusable.
pub async fn build(environment: &Environment, outside: &Outside) -> Result<Function, StartError> {
    let deliveries = Deliveries::without_senders(environment, outside)?;
    Ok(Function::sqs(move |event: SqsEvent, _context| {
        let deliveries = deliveries.clone();
        async move {
            let handled = event.records.iter().map(|message| handle(&deliveries, message));
            let handled = futures::future::join_all(handled).await;
            let mut response = SqsBatchResponse::default();
            let mut applied = Tally::default();
            for (message, handled) in event.records.iter().zip(handled) {
                match handled {
                    Some(tally) => applied.merge(tally),
                    None => {
                        let mut failure = BatchItemFailure::default();
                        failure.item_identifier = message.message_id.clone().unwrap_or_default();
                        response.batch_item_failures.push(failure);
                    }
                }
            }
            // Once for all of the batch: counting each by itself would cost as much as completing it.
            deliveries.count(&applied).await;
            response
        }
    }))
}

/// Applies one message: what there is to count of it, or `None`, which brings it back. A message that cannot be read fails
/// alone, until the queue gives it up.
async fn handle(deliveries: &Deliveries, message: &SqsMessage) -> Option<Tally> {
    let attribute = message.message_attributes.get(LABEL_ATTRIBUTE).and_then(|value| value.string_value.as_deref());
    let Some(label) = attribute.and_then(|text| serde_json::from_str::<Label>(text).ok()) else {
        tracing::error!(message_id = message.message_id, "message without a label");
        return None;
    };
    let span = tracing::info_span!("delivery", correlation_id = label.correlation_id, origin = %label.origin);
    async {
        let text = message.body.as_deref().unwrap_or_default();
        let Ok(body) = delivery_body(&label, text) else {
            tracing::error!(message_id = message.message_id, "message with an unreadable body");
            return None;
        };
        match apply(deliveries, &label, &body).await {
            Ok((applied, tally)) => {
                tracing::info!(?applied, key = label.key, "delivery applied");
                Some(tally)
            }
            Err(error) => {
                let attempt = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
                let wait = retry_seconds(attempt.unwrap_or(1));
                tracing::warn!(%error, attempt, wait, "delivery failed");
                // Best effort: without it the queue's visibility timeout decides.
                if let Err(fault) =
                    deliveries.aws.retry_delivery_in(message.receipt_handle.as_deref().unwrap_or_default(), wait).await
                {
                    tracing::warn!(%fault, "delivery not delayed");
                }
                None
            }
        }
    }
    .instrument(span)
    .await
}
