//! The queue of runs, and of replays.

use serde::{Deserialize, Serialize};

use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::domain::deliveries::replay::ReplayId;
use crate::domain::ids::{Connection, RunId, TenantId};
use crate::domain::mirror::fan_out::FanOut;
use crate::domain::mirror::plan::Strategy;
use crate::domain::runs::run::Run;
use crate::environment::{Environment, StartError};

/// The most seconds a message can be delayed; SQS's limit.
pub const DELAY_SECONDS_MAX: u32 = 900;

/// Asks a worker to advance a run by one slice. It carries no state: a duplicate finds the run held or over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceMessage {
    /// Over which connection.
    pub connection: Connection,
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
        Self { connection: run.connection.clone(), run_id: run.id.clone(), correlation_id: run.correlation_id.clone() }
    }
}

/// Asks a worker to send a chunk of a replay through again. It carries no state: a duplicate finds the chunk held or through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayMessage {
    /// Whose.
    pub tenant: TenantId,
    /// Which replay.
    pub replay: ReplayId,
    /// Which chunk.
    pub chunk: u32,
}

/// Asks a worker to start children of a fan-out. It carries no state: a duplicate finds those started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FanOutMessage {
    /// Which.
    pub fan_out: RunId,
    /// Which way.
    pub strategy: Strategy,
}

impl FanOutMessage {
    /// The message for a fan-out.
    #[must_use]
    pub fn of(fan_out: &FanOut) -> Self {
        Self { fan_out: fan_out.id.clone(), strategy: fan_out.strategy }
    }
}

/// The queue of runs. A function that sends to it needs its address to start: what finds it missing later has stored what
/// it cannot hand on.
#[derive(Clone, Debug)]
pub struct SyncQueue {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl SyncQueue {
    /// The queue, over the clients that there are; nothing is called.
    ///
    /// # Errors
    /// When its address, `SYNC_QUEUE_URL`, is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self { sqs: clients.sqs.clone(), url: environment.require("SYNC_QUEUE_URL")?.to_owned() })
    }

    /// Queues the run's next slice, after a delay of at most [`DELAY_SECONDS_MAX`].
    ///
    /// # Errors
    /// When the queue cannot be reached. The watchdog then finds the run.
    pub async fn send(&self, message: &SliceMessage, delay_seconds: u32) -> Result<(), AwsFault> {
        self.put("queue slice", message, &message.connection.tenant, delay_seconds).await
    }

    /// Queues a chunk of a replay, after a delay as that of a slice.
    ///
    /// # Errors
    /// When the queue cannot be reached. The replay stands still until somebody starts it again.
    pub async fn send_replay(&self, message: &ReplayMessage, delay_seconds: u32) -> Result<(), AwsFault> {
        self.put("queue chunk of a replay", message, &message.tenant, delay_seconds).await
    }

    /// Queues the next part of a fan-out.
    ///
    /// # Errors
    /// When the queue cannot be reached. The watchdog then finds it.
    pub async fn send_fan_out(&self, message: &FanOutMessage) -> Result<(), AwsFault> {
        self.put("queue fan-out", message, &TenantId::DEFAULT, 0).await
    }

    async fn put(
        &self,
        operation: &'static str,
        message: &impl Serialize,
        tenant: &TenantId,
        delay_seconds: u32,
    ) -> Result<(), AwsFault> {
        let body = serde_json::to_string(message).map_err(|error| AwsFault::damaged(operation, error.to_string()))?;
        let delay = i32::try_from(delay_seconds.min(DELAY_SECONDS_MAX)).unwrap_or(0);
        let call = self
            .sqs
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            // On a standard queue the group makes for fairness between tenants (SQS fair queues), not for order.
            .message_group_id(tenant.as_str())
            .set_delay_seconds((delay > 0).then_some(delay));
        call.send().await.map_err(|error| fault(operation, &error))?;
        Ok(())
    }
}
