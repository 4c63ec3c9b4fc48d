//! Event sources: queues that trigger functions. The poller is Lambda's, so it speaks to the queue with the SDK, gives
//! the function a real SQS event, and deletes what was done. What was not done stays on the queue, hidden until its
//! visibility timeout, and goes to the dead-letter queue in the end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::host::invoke::Invoker;
use crate::template::{ACCOUNT, EventSource, REGION};

/// SQS's most for one receive.
const RECEIVE_MAX: i32 = 10;
/// SQS's longest poll.
const POLL: Duration = Duration::from_secs(20);
/// After a receive that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Polls one queue until told to stop, then waits for the batches in flight: a batch that was done but not deleted
/// would be done again at the next start. How long that may take is the caller's to say.
pub(crate) async fn poll(
    source: EventSource,
    queue_url: String,
    sqs: Client,
    invoker: Arc<Invoker>,
    mut stop: watch::Receiver<bool>,
) {
    let source = Arc::new(source);
    let slots_max = source.concurrency_max.max(1);
    let slots = Arc::new(Semaphore::new(slots_max as usize));
    while !*stop.borrow() {
        // A slot first: messages taken off the queue while no slot is free would only grow old, invisible to others.
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            _stopped = stop.wait_for(|stop| *stop) => break,
        };
        let Ok(slot) = slot else { break };
        let batch = tokio::select! {
            batch = collect(&source, &queue_url, &sqs) => batch,
            _stopped = stop.wait_for(|stop| *stop) => break,
        };
        if batch.is_empty() {
            continue;
        }
        let (source, queue_url, sqs, invoker) =
            (Arc::clone(&source), queue_url.clone(), sqs.clone(), Arc::clone(&invoker));
        tokio::spawn(async move {
            let _slot = slot;
            deliver(&source, &queue_url, &sqs, &invoker, batch).await;
        });
    }
    let _all_done = slots.acquire_many(slots_max).await;
}

/// Fills a batch: until it is full, or its window has passed since its first message.
async fn collect(source: &EventSource, queue_url: &str, sqs: &Client) -> Vec<Message> {
    let mut batch: Vec<Message> = Vec::new();
    let mut closes: Option<Instant> = None;
    loop {
        let wanted = source.batch_size as usize - batch.len();
        let left = closes.map_or(POLL, |closes| closes.saturating_duration_since(Instant::now()).min(POLL));
        let received = sqs
            .receive_message()
            .queue_url(queue_url)
            .max_number_of_messages(i32::try_from(wanted).unwrap_or(RECEIVE_MAX).min(RECEIVE_MAX))
            .wait_time_seconds(i32::try_from(left.as_secs()).unwrap_or(0))
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await;
        match received {
            Ok(received) => batch.extend(received.messages.unwrap_or_default()),
            Err(error) => {
                tracing::warn!(queue = %source.queue, error = %error.into_service_error(), "a receive failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
        if batch.is_empty() {
            // Nothing came: back to the caller, who looks whether to stop.
            return batch;
        }
        let closes = *closes.get_or_insert_with(|| Instant::now() + source.window);
        if batch.len() >= source.batch_size as usize || Instant::now() + Duration::from_secs(1) > closes {
            return batch;
        }
    }
}

async fn deliver(source: &EventSource, queue_url: &str, sqs: &Client, invoker: &Invoker, batch: Vec<Message>) {
    let answer = invoker.invoke(&source.function, sqs_event(&source.queue, &batch)).await;
    let failed = match answer {
        Ok(answer) if source.partial_failures => failed_ids(&answer, &batch),
        Ok(_) => Some(BTreeSet::new()),
        Err(error) => {
            tracing::warn!(function = %source.function, %error, "a batch failed");
            None
        }
    };
    let Some(failed) = failed else { return };
    let done = batch.iter().filter(|message| !failed.contains(message.message_id().unwrap_or_default()));
    let entries: Vec<_> = done
        .enumerate()
        .filter_map(|(index, message)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
            entry.receipt_handle(message.receipt_handle()?).build().ok()
        })
        .collect();
    for chunk in entries.chunks(RECEIVE_MAX as usize) {
        let deleted = sqs.delete_message_batch().queue_url(queue_url).set_entries(Some(chunk.to_vec())).send().await;
        if let Err(error) = deleted {
            // They will come again: handlers have to take that anyway.
            tracing::warn!(queue = %source.queue, error = %error.into_service_error(), "a delete failed");
        }
    }
}

/// The ids that the function reports as failed; `None` when the whole batch counts as failed, which is also what a
/// malformed report, an empty id or an unknown one means to Lambda.
fn failed_ids(answer: &Value, batch: &[Message]) -> Option<BTreeSet<String>> {
    let failures = match answer {
        Value::Null => return Some(BTreeSet::new()),
        Value::Object(answer) => match answer.get("batchItemFailures") {
            None | Some(Value::Null) => return Some(BTreeSet::new()),
            Some(failures) => failures.as_array()?,
        },
        _ => return None,
    };
    let known: BTreeSet<&str> = batch.iter().filter_map(Message::message_id).collect();
    let id = |failure: &Value| failure["itemIdentifier"].as_str().filter(|id| known.contains(id)).map(str::to_owned);
    failures.iter().map(id).collect()
}

/// Messages of a queue as Lambda hands them to a function.
#[must_use]
pub fn sqs_event(queue: &str, messages: &[Message]) -> Value {
    json!({"Records": messages.iter().map(|message| record(queue, message)).collect::<Vec<_>>()})
}

fn record(queue: &str, message: &Message) -> Value {
    let attributes: Map<String, Value> = message
        .attributes()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_str().into()))
        .collect();
    let own: Map<String, Value> = message
        .message_attributes()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let binary = value.binary_value().map(|bytes| BASE64.encode(bytes));
            let value = json!({
                "stringValue": value.string_value(),
                "binaryValue": binary,
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value.data_type(),
            });
            (name.clone(), value)
        })
        .collect();
    json!({
        "messageId": message.message_id(),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "attributes": attributes,
        "messageAttributes": own,
        "md5OfBody": message.md5_of_body(),
        "md5OfMessageAttributes": message.md5_of_message_attributes(),
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"),
        "awsRegion": REGION,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn failed(answer: Value, expected: Option<&[&str]>) {
        let batch = ["a", "b"].map(|id| Message::builder().message_id(id).build());
        let expected = expected.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
        assert_eq!(failed_ids(&answer, &batch), expected, "{answer}");
    }

    #[test]
    fn a_batchs_report_is_read_as_lambda_reads_it() {
        failed(Value::Null, Some(&[]));
        failed(json!({}), Some(&[]));
        failed(json!({"batchItemFailures": null}), Some(&[]));
        failed(json!({"batchItemFailures": []}), Some(&[]));
        failed(json!({"batchItemFailures": [{"itemIdentifier": "b"}]}), Some(&["b"]));
        failed(json!({"batchItemFailures": [{"itemIdentifier": ""}]}), None);
        failed(json!({"batchItemFailures": [{"itemIdentifier": "z"}]}), None);
        failed(json!({"batchItemFailures": [{"wrong": "b"}]}), None);
        failed(json!({"batchItemFailures": "b"}), None);
        failed(json!("done"), None);
    }
}
