//! `SendMessage`, out and in.

use http::StatusCode;
use serde::{Deserialize, Serialize, Serializer};

use super::connections::Answer;

/// What the service knows it by.
pub(super) const TARGET: &str = "AmazonSQS.SendMessage";

/// A message that is sent.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::aws) struct SendMessage<'a> {
    pub(in crate::aws) queue_url: &'a str,
    pub(in crate::aws) message_body: &'a str,
    pub(in crate::aws) message_attributes: MessageAttributes<'a>,
    pub(in crate::aws) message_group_id: &'a str,
}

/// The one attribute that a message has.
#[derive(Debug, Clone, Copy)]
pub(in crate::aws) struct MessageAttributes<'a> {
    pub(in crate::aws) name: &'static str,
    pub(in crate::aws) text: &'a str,
}

impl Serialize for MessageAttributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Text<'a> {
            data_type: &'static str,
            string_value: &'a str,
        }
        serializer.collect_map([(self.name, Text { data_type: "String", string_value: self.text })])
    }
}

#[derive(Deserialize)]
struct SendAnswer {
    #[serde(rename = "MessageId")]
    _message_id: String,
}

/// Whether a message is in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::aws) enum Sent {
    /// It is.
    Done,
    /// It is not.
    Not,
    /// Nobody knows.
    Perhaps,
}

impl Sent {
    /// What an answer says.
    pub(super) fn read(Answer { status, body }: &Answer) -> Self {
        match *status {
            StatusCode::OK if serde_json::from_slice::<SendAnswer>(body).is_ok() => Self::Done,
            // Refused by the service itself.
            StatusCode::BAD_REQUEST => Self::Not,
            _ => Self::Perhaps,
        }
    }
}
