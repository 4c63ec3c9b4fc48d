//! How much lies in a queue.

use aws_sdk_sqs::types::QueueAttributeName as Attribute;

use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::environment::{Environment, StartError};

/// What a queue holds, about: SQS counts over its servers, and says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Not handed out.
    pub waiting: u64,
    /// Handed out, or waiting for another attempt.
    pub active: u64,
    /// Not to be handed out yet.
    pub delayed: u64,
}

/// The queues of runs and of deliveries, to look at.
#[derive(Clone, Debug)]
pub struct Queues {
    sqs: aws_sdk_sqs::Client,
    sync: String,
    webhooks: String,
}

impl Queues {
    /// The queues that `SYNC_QUEUE_URL` and `WEBHOOK_QUEUE_URL` name; nothing is called.
    ///
    /// # Errors
    /// When one is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self {
            sqs: clients.sqs.clone(),
            sync: environment.require("SYNC_QUEUE_URL")?.to_owned(),
            webhooks: environment.require("WEBHOOK_QUEUE_URL")?.to_owned(),
        })
    }

    /// What both hold: that of runs, and that of deliveries.
    ///
    /// # Errors
    /// When one cannot be asked.
    pub async fn depths(&self) -> Result<(Depth, Depth), AwsFault> {
        futures::future::try_join(self.depth(&self.sync), self.depth(&self.webhooks)).await
    }

    async fn depth(&self, url: &str) -> Result<Depth, AwsFault> {
        let names = [
            Attribute::ApproximateNumberOfMessages,
            Attribute::ApproximateNumberOfMessagesNotVisible,
            Attribute::ApproximateNumberOfMessagesDelayed,
        ];
        let call = self.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
        let found = call.send().await.map_err(|error| fault("look at queue", &error))?.attributes.unwrap_or_default();
        let number = |name: &Attribute| found.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        let [waiting, active, delayed] = names.each_ref().map(number);
        Ok(Depth { waiting, active, delayed })
    }
}
