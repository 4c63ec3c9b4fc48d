//! The queues, which move when a test moves them: a message is handed out once its time has come by the test's clock.

mod delays;

use std::time::Duration;

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::operation::change_message_visibility::ChangeMessageVisibilityError;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};

use signalbox_local::template::STACK;

pub(crate) use self::delays::Delays;
use self::delays::{Delayed, HIDDEN_SECONDS};
use crate::system::System;

/// The most that a queue hands out at once.
const BATCH: usize = 10;

/// A queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Of connections that are due.
    Due,
    /// Of runs: a message per slice.
    Sync,
    /// Of deliveries.
    Webhooks,
    /// Of deliveries that the worker gave up on.
    DeadLetters,
    /// Of slices that the worker gave up on.
    SyncDeadLetters,
    /// Of runs that are over.
    Completions,
}

impl Queue {
    /// The function that its messages go to.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Self::Due | Self::Sync => "sync-worker",
            Self::Webhooks => "webhook-worker",
            Self::DeadLetters | Self::SyncDeadLetters => "dead-letters",
            Self::Completions => "completions",
        }
    }

    /// Its name as the stack gives it, which the events of its messages have.
    #[must_use]
    pub fn physical_name(self) -> String {
        format!("{STACK}-{}", self.name())
    }

    /// Its name in `template.yaml`.
    fn name(self) -> &'static str {
        match self {
            Self::Due => "DueQueue",
            Self::Sync => "SyncQueue",
            Self::Webhooks => "WebhookQueue",
            Self::DeadLetters => "WebhookDeadLetterQueue",
            Self::SyncDeadLetters => "SyncDeadLetterQueue",
            Self::Completions => "CompletionQueue",
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

    /// A client of the queues as functions have it: what it delays is delayed by the test's clock.
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = self.host.sqs().config().to_builder().http_client(self.http.clone());
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    /// Up to ten messages whose time has come, as a poller gets them.
    pub async fn receive(&self, queue: Queue) -> Vec<Message> {
        self.receive_up_to(queue, BATCH).await
    }

    /// As [`System::receive`], with another number.
    pub async fn receive_up_to(&self, queue: Queue, count_max: usize) -> Vec<Message> {
        let url = self.queue_url(queue);
        let mut messages = Vec::new();
        while messages.len() < count_max {
            match self.delays.next_due(&url) {
                Some(Delayed::Early(message)) => messages.push(*message),
                // From here on the queue hands it out, or gives it up.
                Some(Delayed::Hidden(handle)) => self.hide(&url, &handle, 0).await,
                Some(Delayed::Sent(_)) | None => break,
            }
        }
        while messages.is_empty() {
            let call = self.host.sqs().receive_message().queue_url(&url);
            let call = call.max_number_of_messages(i32::try_from(count_max).expect("few"));
            let call = call.message_attribute_names("All");
            let call = call.message_system_attribute_names(MessageSystemAttributeName::All);
            let received = call.send().await.expect("the queue").messages.unwrap_or_default();
            if received.is_empty() {
                break;
            }
            for message in received {
                match self.delays.admit(message) {
                    Ok(message) => messages.push(message),
                    Err(early) => self.hide(&url, &early, HIDDEN_SECONDS).await,
                }
            }
        }
        messages
    }

    /// Deletes what is done, as a poller does. What failed comes again when its function has said, else at once, as if its
    /// visibility timeout had passed.
    pub async fn finish(&self, queue: Queue, messages: &[Message], failed: &[String]) {
        let url = self.queue_url(queue);
        for message in messages {
            let handle = message.receipt_handle().expect("a handle");
            if !failed.iter().any(|id| Some(id.as_str()) == message.message_id()) {
                self.delays.forget(handle);
                let delete = self.host.sqs().delete_message().queue_url(&url).receipt_handle(handle);
                delete.send().await.expect("the queue");
            } else if !self.delays.hides(handle) {
                self.hide(&url, handle, 0).await;
            }
        }
    }

    async fn hide(&self, url: &str, handle: &str, seconds: i32) {
        let call = self.host.sqs().change_message_visibility().queue_url(url).receipt_handle(handle);
        let hidden = call.visibility_timeout(seconds).send().await;
        // Who worked for longer than its visibility timeout finds it there again already.
        let again = |error: &SdkError<ChangeMessageVisibilityError>| error.code() == Some("MessageNotInflight");
        if !hidden.as_ref().is_err_and(again) {
            hidden.expect("the queue");
        }
    }

    /// How long until the next message that waits on a queue is due; nothing when none waits.
    #[must_use]
    pub fn due_in(&self, queue: Queue) -> Option<Duration> {
        self.delays.due_in(&self.queue_url(queue))
    }

    /// Lets time pass until the next message that waits on a queue is due: whether one waits.
    pub fn pass_until_due(&self, queue: Queue) -> bool {
        let due = self.due_in(queue);
        due.into_iter().for_each(|time| self.pass(time));
        due.is_some()
    }
}
