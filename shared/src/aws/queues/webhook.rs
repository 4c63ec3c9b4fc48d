//! The queue of deliveries.

use std::borrow::Cow;

use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::types::MessageAttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::wire::{MessageAttributes, SendMessage, Sent, Wire};
use crate::domain::deliveries::delivery::Label;
use crate::environment::{Environment, StartError};

/// The queue of deliveries. As for [`SyncQueue`](super::sync::SyncQueue), a function that sends to it needs its address to start.
#[derive(Clone, Debug)]
pub struct WebhookQueue {
    sqs: aws_sdk_sqs::Client,
    wire: Wire,
    url: String,
}

impl WebhookQueue {
    /// The queue, over the clients that there are; nothing is called.
    ///
    /// # Errors
    /// When its address, `WEBHOOK_QUEUE_URL`, is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        let url = environment.require("WEBHOOK_QUEUE_URL")?.to_owned();
        Ok(Self { sqs: clients.sqs.clone(), wire: clients.wire.clone(), url })
    }

    /// Queues a delivery: its body as it came, its label beside it.
    ///
    /// # Errors
    /// When the queue cannot be reached. The sender is not acknowledged then, and sends again.
    pub async fn send(&self, label: &Label, body: &[u8]) -> Result<(), AwsFault> {
        const OPERATION: &str = "queue delivery";
        let damaged = |error: serde_json::Error| AwsFault::damaged(OPERATION, error.to_string());
        let (text, body) = (serde_json::to_string(label).map_err(damaged)?, encoded(label, body));
        let sent = SendMessage {
            queue_url: &self.url,
            message_body: &body,
            message_attributes: MessageAttributes { name: LABEL_ATTRIBUTE, text: &text },
            // On a standard queue the group makes for fairness between tenants (SQS fair queues), not for order.
            message_group_id: label.connection.tenant.as_str(),
        };
        let text = match self.wire.send_message(&sent).await {
            Sent::Done => return Ok(()),
            Sent::Not => text,
            // It may be in the queue already. So whoever applies this one looks first whether its effect has happened.
            Sent::Perhaps => serde_json::to_string(&Label { sent_again: true, ..label.clone() }).map_err(damaged)?,
        };
        let attribute = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(text)
            .build()
            .map_err(|error| AwsFault::damaged(OPERATION, error.to_string()))?;
        let call = self
            .sqs
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .message_attributes(LABEL_ATTRIBUTE, attribute)
            .message_group_id(label.connection.tenant.as_str());
        call.send().await.map(drop).map_err(|error| fault(OPERATION, &error))
    }

    /// Lets a message that failed come again after a while, instead of after the queue's visibility timeout.
    ///
    /// # Errors
    /// When the queue cannot be reached; the timeout then decides.
    pub async fn retry_in(&self, receipt_handle: &str, seconds: i32) -> Result<(), AwsFault> {
        const OPERATION: &str = "delay delivery";
        let call = self.sqs.change_message_visibility().queue_url(&self.url).receipt_handle(receipt_handle);
        call.visibility_timeout(seconds).send().await.map(drop).map_err(|error| fault(OPERATION, &error))
    }
}

/// The message attribute that carries a delivery's label.
pub const LABEL_ATTRIBUTE: &str = "signalbox";

/// What stands for an empty body: a queue takes none, and nothing else is encoded like this.
const EMPTY_BODY: &str = "=";

fn encoded<'a>(label: &Label, body: &'a [u8]) -> Cow<'a, str> {
    match std::str::from_utf8(body) {
        _ if body.is_empty() => EMPTY_BODY.into(),
        Ok(text) if !label.base64 => text.into(),
        _ => BASE64.encode(body).into(),
    }
}

/// The body of a message; none when it is not in the encoding that its label names.
fn decoded(label: &Label, text: &str) -> Option<Vec<u8>> {
    match label.base64 {
        true if text == EMPTY_BODY => Some(Vec::new()),
        true => BASE64.decode(text).ok(),
        false => Some(text.as_bytes().to_vec()),
    }
}

/// A delivery, as a queue hands it out. It cannot be printed, as its body may hold anything (I9).
#[derive(Clone)]
pub struct QueuedDelivery {
    /// The queue's id of it, the same over all attempts.
    pub message_id: String,
    /// What names this attempt to the queue.
    pub receipt_handle: String,
    /// When it was first sent, epoch milliseconds; 0 where the queue does not say.
    pub sent_ms: i64,
    /// How often it was handed out, this time included; 0 where the queue does not say.
    pub receives: u32,
    /// What travelled beside the body; none when it cannot be read, or the body is not in the encoding that it names. Nobody
    /// can apply such a message.
    pub label: Option<Label>,
    /// The body; the message's text as it is where there is no label.
    pub body: Vec<u8>,
}

impl From<SqsMessage> for QueuedDelivery {
    fn from(message: SqsMessage) -> Self {
        let text = message.body.unwrap_or_default();
        let attribute = message.message_attributes.get(LABEL_ATTRIBUTE).and_then(|value| value.string_value.as_deref());
        let label = attribute.and_then(|label| serde_json::from_str::<Label>(label).ok());
        let read = label.and_then(|label| Some((decoded(&label, &text)?, label)));
        let (body, label) = match read {
            Some((body, label)) => (body, Some(label)),
            None => (text.into_bytes(), None),
        };
        let number = |name: &str| message.attributes.get(name).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        Self {
            sent_ms: number("SentTimestamp"),
            receives: u32::try_from(number("ApproximateReceiveCount")).unwrap_or(0),
            message_id: message.message_id.unwrap_or_default(),
            receipt_handle: message.receipt_handle.unwrap_or_default(),
            label,
            body,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn message(label: &Value, body: &str) -> QueuedDelivery {
        let message = json!({"messageId": "m", "receiptHandle": "h", "body": body,
            "attributes": {"SentTimestamp": "17", "ApproximateReceiveCount": "2"},
            "messageAttributes": {LABEL_ATTRIBUTE: {"stringValue": label.to_string(), "dataType": "String",
                "stringListValues": [], "binaryListValues": []}}});
        serde_json::from_value::<SqsMessage>(message).unwrap().into()
    }

    fn label(base64: bool) -> Value {
        json!({"connection": "t1/pos/demo", "channel": "event", "key": "key:1",
            "bodyHash": "", "receivedMs": 0, "correlationId": "trace", "base64": base64})
    }

    #[test]
    fn what_is_sent_is_what_is_read() {
        for (body, base64) in [(&b"{}"[..], false), (b"=", false), (b"", true), (b"\xff\x00", true), (b"=", true)] {
            let sent: Label = serde_json::from_value(label(base64)).unwrap();
            let read = message(&label(base64), &encoded(&sent, body));
            assert_eq!((read.body.as_slice(), read.label), (body, Some(sent)));
            assert_eq!((read.message_id.as_str(), read.receipt_handle.as_str()), ("m", "h"));
            assert_eq!((read.sent_ms, read.receives), (17, 2));
        }
    }

    #[test]
    fn what_cannot_be_read_is_handed_out_as_it_is_and_without_a_label() {
        for (label, body) in [(json!("no label"), "{}"), (label(true), "no base64!")] {
            let read = message(&label, body);
            assert_eq!((read.body.as_slice(), read.label), (body.as_bytes(), None));
        }
        let bare: QueuedDelivery = SqsMessage::default().into();
        assert_eq!((bare.message_id.as_str(), bare.sent_ms, bare.receives), ("", 0, 0));
        assert!(bare.label.is_none() && bare.body.is_empty());
    }
}
