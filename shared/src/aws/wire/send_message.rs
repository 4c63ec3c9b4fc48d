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

/// Whether an answer says that the message is in the queue.
pub(super) fn is_sent(Answer { status, body }: &Answer) -> bool {
    *status == StatusCode::OK && serde_json::from_slice::<SendAnswer>(body).is_ok()
}
