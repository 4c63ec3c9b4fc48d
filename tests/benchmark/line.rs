//! A door, the queue behind it, and what applies what is in it: two functions, each in a process of its own, and this process as the
//! pollers that Lambda has, ten messages at a time.

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use serde_json::Value;
use signalbox::environment::Environment;
use signalbox_local::host::poller::sqs_event;

use crate::Result;
use crate::function::FunctionProcess;
use crate::sales::{Sales, WEBHOOKS, expect};

/// As the template's event source has it.
const BATCH: usize = 10;

/// Both functions, running.
pub(crate) struct Line {
    pub(crate) door: FunctionProcess,
    pub(crate) worker: FunctionProcess,
    queue: Queue,
}

/// What was applied.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Applied {
    pub(crate) messages: usize,
    pub(crate) batches: usize,
}

struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Line {
    pub(crate) fn new(sales: &Sales, door: FunctionProcess, worker: FunctionProcess) -> Result<Self> {
        let environment: Environment = sales.stage.host.environment(WEBHOOKS);
        let url = environment.require("WEBHOOK_QUEUE_URL")?.to_owned();
        Ok(Self { door, worker, queue: Queue { client: sales.stage.host.sqs().clone(), url } })
    }

    /// Hands the events to the door, one after another.
    pub(crate) async fn take_in(&mut self, events: &[Value], status: u16) -> Result<()> {
        for event in events {
            expect(WEBHOOKS, &self.door.invoke(event).await?, status)?;
        }
        Ok(())
    }

    /// Hands all that is in the queue to the worker.
    pub(crate) async fn apply(&mut self) -> Result<Applied> {
        let mut applied = Applied::default();
        loop {
            let batch = self.queue.batch().await?;
            if batch.is_empty() {
                return Ok(applied);
            }
            let name = self.queue.url.rsplit('/').next().unwrap_or_default();
            let answer = self.worker.invoke(&sqs_event(name, &batch)).await?;
            if answer.value["batchItemFailures"].as_array().is_some_and(|failures| !failures.is_empty()) {
                return Err(format!("the worker left messages: {}", answer.value).into());
            }
            self.queue.delete(&batch).await?;
            applied.messages += batch.len();
            applied.batches += 1;
        }
    }
}

impl Queue {
    /// Ten messages, or fewer where there are no more.
    async fn batch(&self) -> Result<Vec<Message>> {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let received = self
                .client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(i32::try_from(BATCH - batch.len())?)
                .wait_time_seconds(0)
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .message_attribute_names("All")
                .send()
                .await?;
            let messages = received.messages.unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            batch.extend(messages);
        }
        Ok(batch)
    }

    async fn delete(&self, batch: &[Message]) -> Result<()> {
        let mut entries = Vec::with_capacity(batch.len());
        for (number, message) in batch.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder().id(number.to_string());
            entries.push(entry.set_receipt_handle(message.receipt_handle.clone()).build()?);
        }
        self.client.delete_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await?;
        Ok(())
    }
}
