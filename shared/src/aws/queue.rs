//! The queues: one carries runs to `sync-worker`, a message per slice; the other deliveries to `webhook-worker`.

use aws_sdk_sqs::types::MessageAttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::clients::Aws;
use super::faults::{AwsFault, fault};
use crate::domain::delivery::Label;
use crate::domain::ids::{Connection, RunId, Slug, TenantId};
use crate::domain::run::Run;

/// The most seconds a message can be delayed; SQS's limit.
pub const DELAY_SECONDS_MAX: u32 = 900;

/// Asks a worker to advance a run by one slice. It carries no state: a duplicate finds the run held or over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceMessage {
    /// Whose run.
    pub tenant: TenantId,
    /// Which vendor's.
    pub vendor: Slug,
    /// Which run.
    pub run_id: RunId,
    /// The trace of the request that started it.
    #[serde(default)]
    pub correlation_id: String,
}

impl SliceMessage {
    /// The message for a run.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        Self {
            tenant: run.tenant.clone(),
            vendor: run.vendor.clone(),
            run_id: run.id.clone(),
            correlation_id: run.correlation_id.clone(),
        }
    }

    /// The run's connection.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection::new(self.tenant.clone(), self.vendor.clone())
    }
}

impl Aws {
    /// Queues the run's next slice, after a delay of at most [`DELAY_SECONDS_MAX`].
    ///
    /// # Errors
    /// When the queue cannot be reached. The watchdog then finds the run.
    pub async fn send_slice(&self, message: &SliceMessage, delay_seconds: u32) -> Result<(), AwsFault> {
        const OPERATION: &str = "queue slice";
        let url =
            self.names.sync_queue.as_ref().ok_or_else(|| AwsFault::damaged(OPERATION, "SYNC_QUEUE_URL is not set"))?;
        let body = serde_json::to_string(message).map_err(|error| AwsFault::damaged(OPERATION, error.to_string()))?;
        let delay = i32::try_from(delay_seconds.min(DELAY_SECONDS_MAX)).unwrap_or(0);
        let call = self
            .sqs
            .send_message()
            .queue_url(url)
            .message_body(body)
            // On a standard queue the group makes for fairness between tenants (SQS fair queues), not for order.
            .message_group_id(message.tenant.as_str())
            .set_delay_seconds((delay > 0).then_some(delay));
        call.send().await.map_err(|error| fault(OPERATION, &error))?;
        Ok(())
    }

    /// Queues a delivery: its body as it came, its label beside it.
    ///
    /// # Errors
    /// When the queue cannot be reached. The sender is not acknowledged then, and sends again.
    pub async fn send_delivery(&self, label: &Label, body: &[u8]) -> Result<(), AwsFault> {
        const OPERATION: &str = "queue delivery";
        let url = self.names.webhook_queue.as_ref();
        let url = url.ok_or_else(|| AwsFault::damaged(OPERATION, "WEBHOOK_QUEUE_URL is not set"))?;
        let encoded = |error: serde_json::Error| AwsFault::damaged(OPERATION, error.to_string());
        let text = match std::str::from_utf8(body) {
            _ if body.is_empty() => EMPTY_BODY.to_owned(),
            Ok(text) if !label.base64 => text.to_owned(),
            _ => BASE64.encode(body),
        };
        let attribute = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(serde_json::to_string(label).map_err(encoded)?)
            .build()
            .map_err(|error| AwsFault::damaged(OPERATION, error.to_string()))?;
        let call = self
            .sqs
            .send_message()
            .queue_url(url)
            .message_body(text)
            .message_attributes(LABEL_ATTRIBUTE, attribute)
            // On a standard queue the group makes for fairness between tenants (SQS fair queues), not for order.
            .message_group_id(label.origin.tenant.as_str());
        call.send().await.map(drop).map_err(|error| fault(OPERATION, &error))
    }

    /// Lets a message that failed come again after a while, instead of after the queue's visibility timeout.
    ///
    /// # Errors
    /// When the queue cannot be reached; the timeout then decides.
    pub async fn retry_delivery_in(&self, receipt_handle: &str, seconds: i32) -> Result<(), AwsFault> {
        const OPERATION: &str = "delay delivery";
        let url = self.names.webhook_queue.as_ref();
        let url = url.ok_or_else(|| AwsFault::damaged(OPERATION, "WEBHOOK_QUEUE_URL is not set"))?;
        let call = self.sqs.change_message_visibility().queue_url(url).receipt_handle(receipt_handle);
        call.visibility_timeout(seconds).send().await.map(drop).map_err(|error| fault(OPERATION, &error))
    }
}

/// The message attribute that carries a delivery's label.
pub const LABEL_ATTRIBUTE: &str = "signalbox";

/// What stands for an empty body: a queue takes none, and nothing else is encoded like this.
const EMPTY_BODY: &str = "=";

/// The body of a queued delivery.
///
/// # Errors
/// When it is not in the encoding its label names.
pub fn delivery_body(label: &Label, text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    if label.base64 && text == EMPTY_BODY {
        return Ok(Vec::new());
    }
    if label.base64 { BASE64.decode(text) } else { Ok(text.as_bytes().to_vec()) }
}
