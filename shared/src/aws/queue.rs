//! The queue that carries runs to `sync-worker`, one message per slice.

use serde::{Deserialize, Serialize};

use super::clients::Aws;
use super::faults::{AwsFault, fault};
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
}
