//! The queues, which move when a test moves them.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpClient};
use serde_json::json;

use crate::system::System;
use crate::wire::layer::{body, layer, operation, set_body};

/// The most that a queue hands out at once.
const BATCH: usize = 10;

/// A queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Of runs: a message per slice.
    Sync,
    /// Of deliveries.
    Webhooks,
    /// Of deliveries that the worker gave up on.
    DeadLetters,
}

impl Queue {
    /// The function that its messages go to.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Self::Sync => "sync-worker",
            Self::Webhooks => "webhook-worker",
            Self::DeadLetters => "dead-letters",
        }
    }

    /// Its name in `template.yaml`.
    fn name(self) -> &'static str {
        match self {
            Self::Sync => "SyncQueue",
            Self::Webhooks => "WebhookQueue",
            Self::DeadLetters => "WebhookDeadLetterQueue",
        }
    }
}

impl System {
    /// The address of a queue.
    #[must_use]
    pub fn queue_url(&self, queue: Queue) -> String {
        let environment = self.environment("webhooks");
        let known = environment.require("WEBHOOK_QUEUE_URL").expect("a queue");
        known.replace(Queue::Webhooks.name(), queue.name())
    }

    /// Up to ten messages, as a poller gets them.
    pub async fn receive(&self, queue: Queue) -> Vec<Message> {
        self.receive_up_to(queue, BATCH).await
    }

    /// As [`System::receive`], with another number.
    pub async fn receive_up_to(&self, queue: Queue, count_max: usize) -> Vec<Message> {
        let call = self.host.sqs().receive_message().queue_url(self.queue_url(queue));
        let call = call.max_number_of_messages(i32::try_from(count_max).expect("few"));
        let call = call.message_attribute_names("All").message_system_attribute_names(MessageSystemAttributeName::All);
        call.send().await.expect("the queue").messages.unwrap_or_default()
    }

    /// Deletes what is done, as a poller does, and lets what failed come again at once.
    pub async fn finish(&self, queue: Queue, messages: &[Message], failed: &[String]) {
        let url = self.queue_url(queue);
        let sqs = self.host.sqs();
        for message in messages {
            let handle = message.receipt_handle().expect("a handle");
            if failed.iter().any(|id| Some(id.as_str()) == message.message_id()) {
                let visible = sqs.change_message_visibility().queue_url(&url).receipt_handle(handle);
                // The function may have shown it already.
                if let Err(error) = visible.visibility_timeout(0).send().await {
                    let error = error.into_service_error();
                    assert_eq!(error.meta().code(), Some("MessageNotInflight"), "{error}");
                }
            } else {
                sqs.delete_message().queue_url(&url).receipt_handle(handle).send().await.expect("the queue");
            }
        }
    }
}

/// A client through which a message is there at once, sent or shown again: tests do not wait for its delay.
pub(crate) fn at_once(below: SharedHttpClient) -> SharedHttpClient {
    layer(below, |next, mut request| {
        let mut sent = body(&request);
        match operation(&request).as_str() {
            "SQS.SendMessage" => drop(sent.as_object_mut().and_then(|sent| sent.remove("DelaySeconds"))),
            "SQS.ChangeMessageVisibility" => sent["VisibilityTimeout"] = json!(0),
            _ => return next.call(request),
        }
        set_body(&mut request, &sent);
        next.call(request)
    })
}
