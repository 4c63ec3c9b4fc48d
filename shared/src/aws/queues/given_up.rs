//! The dead-letter queue of runs: what workers were handed often enough and did not finish.

use aws_lambda_events::sqs::SqsMessage;

use super::WorkMessage;

/// A message that the queue of runs gave up, as its dead-letter queue hands it out.
#[derive(Debug, Clone)]
pub struct GivenUp {
    /// The queue's id of it, the same over all attempts.
    pub message_id: String,
    /// When it was first sent, epoch milliseconds; 0 where the queue does not say.
    pub sent_ms: i64,
    /// How often it was handed out; 0 where the queue does not say.
    pub receives: u32,
    /// What it asks for; none when it cannot be read.
    pub work: Option<WorkMessage>,
    /// Its text.
    pub body: String,
}

impl From<SqsMessage> for GivenUp {
    fn from(message: SqsMessage) -> Self {
        let number = |name: &str| message.attributes.get(name).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        let body = message.body.unwrap_or_default();
        Self {
            sent_ms: number("SentTimestamp"),
            receives: u32::try_from(number("ApproximateReceiveCount")).unwrap_or(0),
            work: serde_json::from_str(&body).ok(),
            message_id: message.message_id.unwrap_or_default(),
            body,
        }
    }
}
