//! The queue of what is due.

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use serde::{Deserialize, Serialize};

use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::domain::ids::Connection;
use crate::environment::{Environment, StartError};

/// How many connections a message names.
pub const CONNECTIONS_PER_MESSAGE: usize = 25;
/// How many messages a call sends; SQS's limit.
const MESSAGES_PER_CALL: usize = 10;
/// How many connections a call hands out. Of the longest names they are 50 KB, of 1 MB.
pub const CONNECTIONS_PER_CALL: usize = CONNECTIONS_PER_MESSAGE * MESSAGES_PER_CALL;

/// Asks a worker to start what is due of these connections. It carries no state: when each is due, and whether it still is, is
/// in the table, so that a duplicate finds nothing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueMessage {
    /// Which connections.
    pub due: Vec<Connection>,
}

/// The queue of what is due. As for [`SyncQueue`](super::sync::SyncQueue), a function that sends to it needs its address to start.
#[derive(Clone, Debug)]
pub struct DueQueue {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl DueQueue {
    /// The queue, over the clients that there are; nothing is called.
    ///
    /// # Errors
    /// When its address, `DUE_QUEUE_URL`, is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self { sqs: clients.sqs.clone(), url: environment.require("DUE_QUEUE_URL")?.to_owned() })
    }

    /// Hands out what is due of up to [`CONNECTIONS_PER_CALL`] connections.
    ///
    /// # Errors
    /// When the queue cannot be reached, or took a part of it alone. All of it is due still.
    pub async fn hand_out(&self, connections: &[Connection]) -> Result<(), AwsFault> {
        const OPERATION: &str = "hand out what is due";
        let damaged = |detail: String| AwsFault::damaged(OPERATION, detail);
        let entry = |(number, connections): (usize, &[Connection])| {
            let body = serde_json::to_string(&DueMessage { due: connections.to_vec() });
            let body = body.map_err(|error| damaged(error.to_string()))?;
            let entry = SendMessageBatchRequestEntry::builder().id(number.to_string()).message_body(body);
            entry.build().map_err(|error| damaged(error.to_string()))
        };
        let entries = connections.chunks(CONNECTIONS_PER_MESSAGE).enumerate().map(entry);
        let entries: Vec<SendMessageBatchRequestEntry> = entries.collect::<Result<_, AwsFault>>()?;
        let call = self.sqs.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let sent = call.send().await.map_err(|error| fault(OPERATION, &error))?;
        match sent.failed.first() {
            None => Ok(()),
            Some(failed) => {
                let detail = failed.message().unwrap_or(failed.code()).to_owned();
                Err(AwsFault { operation: OPERATION, detail, transient: !failed.sender_fault() })
            }
        }
    }
}
