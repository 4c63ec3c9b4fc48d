//! SQS: the embedded engine decides who sees which message when, the journal keeps the messages (`journal.rs`).
//!
//! What a crash leaves behind, step by step:
//! - *send*: written to the journal, then handed to the engine, then acknowledged. Between the first two the sender has
//!   no answer and sends again; the message is delivered twice, as SQS allows.
//! - *receive*: counted in the journal before the message leaves, so that a message which kills the process is given
//!   up too, instead of killing it for ever. After a restart what was in flight is visible at once: its worker is gone.
//! - *delete*: the journal first. The engine's leftover id finds no entry and is dropped at its next turn.
//! - *give up*: the journal moves the message to the dead-letter queue in one statement; the engine follows, or the
//!   next start does.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use rustack_sqs_core::config::SqsConfig;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_core::message::{md5_of_body, md5_of_message_attributes};
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::body::SqsResponseBody;
use rustack_sqs_http::dispatch::SqsHandler;
use rustack_sqs_http::response::json_response;
use rustack_sqs_model::error::SqsError;
use rustack_sqs_model::input::{
    ChangeMessageVisibilityBatchInput, ChangeMessageVisibilityInput, CreateQueueInput, DeleteMessageBatchInput,
    DeleteMessageInput, GetQueueAttributesInput, PurgeQueueInput, ReceiveMessageInput, SendMessageBatchInput,
    SendMessageInput,
};
use rustack_sqs_model::operations::SqsOperation;
use rustack_sqs_model::output::{
    DeleteMessageBatchOutput, DeleteMessageOutput, ReceiveMessageOutput, SendMessageBatchOutput, SendMessageOutput,
};
use rustack_sqs_model::types::{
    DeleteMessageBatchResultEntry, Message, SendMessageBatchRequestEntry, SendMessageBatchResultEntry,
};
use serde::Serialize;
use signalbox::outside::{Clock, Entropy};

use super::EngineError;
use super::journal::{Entry, Journal};
use super::message::{Receipt, arn, check_batch, failure, message, parse, size};
use crate::template::{ACCOUNT, Queue};

/// SQS's limit of a message, and of a batch as a whole; the engine alone would stop at a quarter of it.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// SQS's longest delay, which the engine does not check.
const DELAY_SECONDS_MAX: i32 = 900;

/// The queues.
pub struct Queues {
    engine: Arc<RustackSqs>,
    plain: RustackSqsHandler,
    journal: Journal,
    endpoint: String,
    settings: BTreeMap<String, Queue>,
    clock: Clock,
    entropy: Entropy,
}

impl Queues {
    /// Creates the template's queues and puts every message of the journal back on its own.
    ///
    /// # Errors
    /// When a queue is refused or the journal cannot be read.
    pub async fn start(
        port: u16,
        queues: &[Queue],
        journal: Journal,
        clock: Clock,
        entropy: Entropy,
    ) -> Result<Arc<Self>, EngineError> {
        let config = SqsConfig { host: "127.0.0.1".into(), port, ..SqsConfig::default() };
        let engine = Arc::new(RustackSqs::new(config));
        let this = Arc::new(Self {
            plain: RustackSqsHandler::new(Arc::clone(&engine)),
            engine,
            journal,
            endpoint: format!("http://127.0.0.1:{port}"),
            settings: queues.iter().map(|queue| (queue.name.clone(), queue.clone())).collect(),
            clock,
            entropy,
        });
        for queue in queues {
            this.create(queue).await.map_err(|error| refused(queue, &error))?;
        }
        for name in this.journal.queues()?.iter().filter(|name| !this.settings.contains_key(*name)) {
            tracing::warn!(queue = %name, "the journal has messages of a queue that the template no longer has");
        }
        Ok(this)
    }

    async fn create(&self, queue: &Queue) -> Result<(), SqsError> {
        let attributes = [
            ("VisibilityTimeout", queue.visibility_seconds),
            ("MessageRetentionPeriod", queue.retention_seconds),
            ("DelaySeconds", queue.delay_seconds),
        ];
        // Without a RedrivePolicy: giving up is the journal's, or a message moved twice by two rules might be lost.
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_string())).into();
        let input = CreateQueueInput { queue_name: queue.name.clone(), attributes, tags: HashMap::new() };
        self.engine.create_queue(input).await?;
        let now_ms = self.now().as_millisecond();
        let waiting = self.journal.waiting(&queue.name).map_err(unwritten)?;
        for (id, visible_ms) in waiting {
            let hidden_seconds = (visible_ms - now_ms).max(0).div_euclid(1000).min(DELAY_SECONDS_MAX.into());
            self.hand_over(&queue.name, id, i32::try_from(hidden_seconds).unwrap_or(0)).await?;
        }
        Ok(())
    }

    /// Forgets what is older than its queue keeps messages.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn expire(&self) -> Result<(), EngineError> {
        for queue in self.settings.values() {
            let cutoff_ms = self.now().as_millisecond() - i64::from(queue.retention_seconds) * 1000;
            self.journal.expire(&queue.name, cutoff_ms)?;
        }
        Ok(())
    }

    async fn hand_over(&self, queue: &str, id: String, delay_seconds: i32) -> Result<(), SqsError> {
        let input = SendMessageInput {
            queue_url: self.url(queue),
            message_body: id,
            delay_seconds: Some(delay_seconds),
            ..SendMessageInput::default()
        };
        self.engine.send_message(input).await.map(drop)
    }

    async fn send(&self, input: SendMessageInput) -> Result<SendMessageOutput, SqsError> {
        let entry = SendMessageBatchRequestEntry {
            id: String::new(),
            message_body: input.message_body,
            delay_seconds: input.delay_seconds,
            message_deduplication_id: input.message_deduplication_id,
            message_group_id: input.message_group_id,
            message_attributes: input.message_attributes,
            message_system_attributes: input.message_system_attributes,
        };
        let (delay_seconds, row, accepted) = self.accept(self.known(&input.queue_url)?, entry)?;
        self.commit(vec![(delay_seconds, row)]).await?;
        Ok(SendMessageOutput {
            message_id: Some(accepted.message_id),
            md5_of_message_body: Some(accepted.md5_of_message_body),
            md5_of_message_attributes: accepted.md5_of_message_attributes,
            ..SendMessageOutput::default()
        })
    }

    async fn send_batch(&self, input: SendMessageBatchInput) -> Result<SendMessageBatchOutput, SqsError> {
        let queue = self.known(&input.queue_url)?;
        check_batch(input.entries.iter().map(|entry| entry.id.as_str()))?;
        if input.entries.iter().map(size).sum::<usize>() > MESSAGE_BYTES_MAX {
            return Err(SqsError::invalid_parameter_value("Batch requests cannot be longer than 1048576 bytes."));
        }
        let mut output = SendMessageBatchOutput::default();
        let mut rows = Vec::new();
        for entry in input.entries {
            let id = entry.id.clone();
            match self.accept(queue, entry) {
                Ok((delay_seconds, row, accepted)) => {
                    rows.push((delay_seconds, row));
                    output.successful.push(accepted);
                }
                Err(error) => output.failed.push(failure(id, &error)),
            }
        }
        self.commit(rows).await?;
        Ok(output)
    }

    /// Checks a message and gives it its id.
    fn accept(
        &self,
        queue: &Queue,
        entry: SendMessageBatchRequestEntry,
    ) -> Result<(i32, Entry, SendMessageBatchResultEntry), SqsError> {
        if entry.message_body.is_empty() {
            return Err(SqsError::missing_parameter("The request must contain the parameter MessageBody."));
        }
        if size(&entry) > MESSAGE_BYTES_MAX {
            return Err(SqsError::invalid_parameter_value(
                "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
            ));
        }
        let delay_seconds = entry.delay_seconds.unwrap_or_else(|| i32::try_from(queue.delay_seconds).unwrap_or(0));
        if !(0..=DELAY_SECONDS_MAX).contains(&delay_seconds) {
            return Err(SqsError::invalid_parameter_value(format!(
                "Value {delay_seconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
            )));
        }
        let id = uuid::Builder::from_random_bytes(self.entropy.bytes16()).into_uuid().to_string();
        let sent_ms = self.now().as_millisecond();
        let accepted = SendMessageBatchResultEntry {
            id: entry.id,
            message_id: id.clone(),
            md5_of_message_body: md5_of_body(&entry.message_body),
            md5_of_message_attributes: md5_of_message_attributes(&entry.message_attributes),
            sequence_number: None,
        };
        let row = Entry {
            id,
            queue: queue.name.clone(),
            body: entry.message_body,
            attributes: text(&entry.message_attributes)?,
            system_attributes: text(&entry.message_system_attributes)?,
            group: entry.message_group_id,
            sent_ms,
            visible_ms: sent_ms + i64::from(delay_seconds) * 1000,
            first_received_ms: None,
            receives: 0,
            source: None,
        };
        Ok((delay_seconds, row, accepted))
    }

    async fn commit(&self, rows: Vec<(i32, Entry)>) -> Result<(), SqsError> {
        let (delays, entries): (Vec<i32>, Vec<Entry>) = rows.into_iter().unzip();
        self.journal.keep(&entries).map_err(unwritten)?;
        for (delay_seconds, entry) in delays.into_iter().zip(entries) {
            if let Err(error) = self.hand_over(&entry.queue, entry.id.clone(), delay_seconds).await {
                // The sender is told that it failed; without this the next start would deliver it all the same.
                self.journal.retract(&entry.id).map_err(unwritten)?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Waits for messages. Waiting is cancelled with the caller, or the engine would hand messages to nobody, and hide
    /// them for their visibility timeout; what follows is not.
    async fn receive(self: Arc<Self>, input: ReceiveMessageInput) -> Result<ReceiveMessageOutput, SqsError> {
        self.known(&input.queue_url)?;
        loop {
            let tokens = self.engine.receive_message(input.clone()).await?.messages;
            if tokens.is_empty() {
                return Ok(ReceiveMessageOutput::default());
            }
            let (this, asked) = (Arc::clone(&self), input.clone());
            let messages = finish(async move { this.open_all(&asked, tokens).await }).await?;
            // Leftovers of deleted messages and given-up ones are no reason to end a long poll early, nor to tell who
            // asks without waiting that the queue is empty. Each round removes some for good.
            if !messages.is_empty() {
                return Ok(ReceiveMessageOutput { messages });
            }
        }
    }

    async fn open_all(&self, input: &ReceiveMessageInput, tokens: Vec<Message>) -> Result<Vec<Message>, SqsError> {
        let queue = self.known(&input.queue_url)?;
        let wanted: Vec<String> =
            input.attribute_names.iter().chain(&input.message_system_attribute_names).cloned().collect();
        let mut messages = Vec::with_capacity(tokens.len());
        for token in tokens {
            messages.extend(self.open(queue, token, &wanted, &input.message_attribute_names).await?);
        }
        Ok(messages)
    }

    /// Replaces the engine's token by the message it stands for.
    async fn open(
        &self,
        queue: &Queue,
        token: Message,
        wanted: &[String],
        wanted_own: &[String],
    ) -> Result<Option<Message>, SqsError> {
        let id = token.body.unwrap_or_default();
        let handle = token.receipt_handle.unwrap_or_default();
        let entry = self.journal.receive(&id, self.now().as_millisecond()).map_err(unwritten)?;
        // Deleted, or given up by a host that died before the engine followed.
        let Some(entry) = entry.filter(|entry| entry.queue == queue.name) else {
            self.forget(&queue.name, handle).await?;
            return Ok(None);
        };
        if let Some(redrive) = queue.redrive.as_ref().filter(|redrive| entry.receives > redrive.receives_max) {
            self.journal.move_to(&id, &redrive.queue, Some(&queue.name)).map_err(unwritten)?;
            self.hand_over(&redrive.queue, id, 0).await?;
            self.forget(&queue.name, handle).await?;
            return Ok(None);
        }
        Ok(Some(message(entry, &handle, wanted, wanted_own)?))
    }

    async fn forget(&self, queue: &str, engine_handle: String) -> Result<(), SqsError> {
        let input = DeleteMessageInput { queue_url: self.url(queue), receipt_handle: engine_handle };
        self.engine.delete_message(input).await.map(drop)
    }

    async fn delete(&self, queue_url: &str, handle: &str) -> Result<(), SqsError> {
        let queue = self.known(queue_url)?;
        let receipt = Receipt::parse(handle)?;
        if self.journal.delete(receipt.id, receipt.receives).map_err(unwritten)? {
            self.forget(&queue.name, receipt.engine_handle.to_owned()).await?;
        }
        // An old receipt deletes nothing and succeeds, as in SQS.
        Ok(())
    }

    async fn delete_batch(&self, input: DeleteMessageBatchInput) -> Result<DeleteMessageBatchOutput, SqsError> {
        check_batch(input.entries.iter().map(|entry| entry.id.as_str()))?;
        let mut output = DeleteMessageBatchOutput::default();
        for entry in input.entries {
            match self.delete(&input.queue_url, &entry.receipt_handle).await {
                Ok(()) => output.successful.push(DeleteMessageBatchResultEntry { id: entry.id }),
                Err(error) => output.failed.push(failure(entry.id, &error)),
            }
        }
        Ok(output)
    }

    async fn handle(&self, operation: SqsOperation, body: Bytes) -> Result<Response<SqsResponseBody>, SqsError> {
        match operation {
            SqsOperation::SendMessage => reply(&self.send(parse(&body)?).await?),
            SqsOperation::SendMessageBatch => reply(&self.send_batch(parse(&body)?).await?),
            SqsOperation::DeleteMessage => {
                let input: DeleteMessageInput = parse(&body)?;
                self.delete(&input.queue_url, &input.receipt_handle).await?;
                reply(&DeleteMessageOutput {})
            }
            SqsOperation::DeleteMessageBatch => reply(&self.delete_batch(parse(&body)?).await?),
            SqsOperation::ChangeMessageVisibility => {
                let mut input: ChangeMessageVisibilityInput = parse(&body)?;
                input.receipt_handle = Receipt::parse(&input.receipt_handle)?.engine_handle.to_owned();
                reply(&self.engine.change_message_visibility(input).await?)
            }
            SqsOperation::ChangeMessageVisibilityBatch => {
                let mut input: ChangeMessageVisibilityBatchInput = parse(&body)?;
                for entry in &mut input.entries {
                    entry.receipt_handle = Receipt::parse(&entry.receipt_handle)?.engine_handle.to_owned();
                }
                reply(&self.engine.change_message_visibility_batch(input).await?)
            }
            SqsOperation::PurgeQueue => {
                let input: PurgeQueueInput = parse(&body)?;
                let queue = self.known(&input.queue_url)?.name.clone();
                let output = self.engine.purge_queue(input).await?;
                self.journal.purge(&queue).map_err(unwritten)?;
                reply(&output)
            }
            SqsOperation::GetQueueAttributes => reply(&self.attributes(parse(&body)?).await?),
            SqsOperation::CreateQueue | SqsOperation::DeleteQueue => {
                // Queues are the template's: one made here would have no settings, one removed would strand messages.
                Err(SqsError::invalid_parameter_value("The local host's queues are those of template.yaml"))
            }
            // Names, URLs and tags are the engine's alone.
            other => self.plain.handle_operation(other, body).await,
        }
    }

    async fn attributes(
        &self,
        input: GetQueueAttributesInput,
    ) -> Result<rustack_sqs_model::output::GetQueueAttributesOutput, SqsError> {
        let redrive = self.known(&input.queue_url)?.redrive.clone();
        let asked = input.attribute_names.iter().any(|name| name == "All" || name == "RedrivePolicy");
        let mut output = self.engine.get_queue_attributes(input).await?;
        if let Some(redrive) = redrive.filter(|_| asked) {
            let policy = serde_json::json!({
                "deadLetterTargetArn": arn(&redrive.queue),
                "maxReceiveCount": redrive.receives_max,
            });
            output.attributes.insert("RedrivePolicy".into(), policy.to_string());
        }
        Ok(output)
    }

    fn known(&self, queue_url: &str) -> Result<&Queue, SqsError> {
        let name = queue_url.rsplit('/').next().unwrap_or_default();
        let unknown = || SqsError::non_existent_queue("The specified queue does not exist.");
        self.settings.get(name).ok_or_else(unknown)
    }

    fn url(&self, queue: &str) -> String {
        format!("{}/{ACCOUNT}/{queue}", self.endpoint)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl std::fmt::Debug for Queues {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Queues").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// What the queue server serves.
pub(crate) struct QueueHandler(pub(crate) Arc<Queues>);

impl SqsHandler for QueueHandler {
    fn handle_operation(
        &self,
        operation: SqsOperation,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Result<Response<SqsResponseBody>, SqsError>> + Send>> {
        let queues = Arc::clone(&self.0);
        Box::pin(async move {
            match operation {
                SqsOperation::ReceiveMessage => reply(&queues.receive(parse(&body)?).await?),
                other => finish(async move { queues.handle(other, body).await }).await,
            }
        })
    }
}

/// Runs work on a task of its own: a caller that hangs up half-way must not leave journal and engine disagreeing.
async fn finish<T: Send + 'static>(
    work: impl Future<Output = Result<T, SqsError>> + Send + 'static,
) -> Result<T, SqsError> {
    tokio::spawn(work).await.unwrap_or_else(|_| Err(SqsError::internal_error("the queue engine failed")))
}

fn text<T: Serialize>(value: &T) -> Result<String, SqsError> {
    serde_json::to_string(value).map_err(|error| SqsError::internal_error(error.to_string()))
}

fn reply<T: Serialize>(output: &T) -> Result<Response<SqsResponseBody>, SqsError> {
    let body = serde_json::to_vec(output).map_err(|error| SqsError::internal_error(error.to_string()))?;
    Ok(json_response(body, ""))
}

fn unwritten(error: rusqlite::Error) -> SqsError {
    tracing::error!(%error, "the queues' journal failed");
    SqsError::internal_error("the message could not be kept")
}

fn refused(queue: &Queue, error: &SqsError) -> EngineError {
    EngineError::Queue { queue: queue.logical_id.clone(), reason: error.message.clone() }
}
