//! The demo's webhooks: let in, sent twice, refused, and given up on.

use std::time::Duration;

use aws_sdk_sqs::types::MessageAttributeValue;
use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox::aws::queues::webhook::LABEL_ATTRIBUTE;
use signalbox::domain::deliveries::delivery::body_hash;
use signalbox::domain::secret::Secret;

use crate::remote::Remote;
use crate::remote::point_of_sale::{Event, PointOfSale};

const SOURCE: &str = "demo";
const TENANT: &str = "default";
const SALES: u32 = 5;
/// How often one is sent that is refused: on a machine that compiles beside it, five were not enough.
const SENT_MAX: u32 = 20;
/// For a second after storage was slow, refusals are counted alone.
const REST: Duration = Duration::from_millis(1_100);
/// Retries take two hours, so this one is put where they end.
const GIVEN_UP: &str = "demo-sale-given-up";

/// Where the queue of deliveries puts what it gives up on.
pub(super) struct DeadLetterQueue {
    pub(super) sqs: aws_sdk_sqs::Client,
    pub(super) name: String,
}

impl DeadLetterQueue {
    async fn send(&self, label: String, body: String) -> Result<(), String> {
        let wrong = |error: &dyn std::error::Error| error.to_string();
        let address = self.sqs.get_queue_url().queue_name(&self.name).send().await.map_err(|error| wrong(&error))?;
        let attribute = MessageAttributeValue::builder().data_type("String").string_value(label).build();
        let call = self.sqs.send_message().set_queue_url(address.queue_url).message_body(body);
        let call = call.message_attributes(LABEL_ATTRIBUTE, attribute.map_err(|error| wrong(&error))?);
        call.send().await.map(drop).map_err(|error| wrong(&error))
    }
}

/// A point of sale, somebody who does not know its secret, and the dead-letter queue.
pub(super) struct Webhooks {
    shop: PointOfSale,
    stranger: PointOfSale,
    dead_letters: DeadLetterQueue,
}

impl Webhooks {
    pub(super) fn new(remote: Remote, secret: Secret, signs_headers: bool, dead_letters: DeadLetterQueue) -> Self {
        let of =
            |secret: Secret| PointOfSale::new(remote.clone(), SOURCE, TENANT, secret).signing_headers(signs_headers);
        let stranger = of(Secret::new("the demo's wrong secret, which nobody has set"));
        Self { shop: of(secret), stranger, dead_letters }
    }

    /// The dead letter is last: what a crash before it leaves is made again without a second one.
    ///
    /// # Errors
    /// What could not be made, in a sentence.
    pub(super) async fn make(&self, now: Timestamp) -> Result<(), String> {
        for number in 1..=SALES {
            deliver(&self.shop, &event(&self.shop, sale(&format!("DEMO-{number}"), number), &key(number))?).await?;
        }
        // Sent again it is a duplicate; with another body it is refused, as is what is not signed with the secret.
        deliver(&self.shop, &event(&self.shop, sale("DEMO-1", 1), &key(1))?).await?;
        self.refused(&self.shop, &event(&self.shop, sale("DEMO-1", 2), &key(1))?).await?;
        self.refused(&self.stranger, &event(&self.stranger, sale("DEMO-9", 1), "demo-sale-forged")?).await?;
        // Signed with the secret, and then laid out anew on its way: `signalbox verify` says so of what arrives.
        let sent = sale("DEMO-8", 1);
        let laid_out: Value = serde_json::from_str(&sent).map_err(|error| error.to_string())?;
        let rewritten = event(&self.shop, sent, "demo-sale-rewritten")?.rewritten(format!("{laid_out:#}"));
        self.refused(&self.shop, &rewritten).await?;
        let body = sale("DEMO-9", 9);
        let label = json!({
            "connection": format!("{TENANT}/pos/{SOURCE}"), "channel": "event", "key": format!("key:{GIVEN_UP}"),
            "eventType": "demo", "bodyHash": body_hash(body.as_bytes()), "receivedMs": now.as_millisecond(),
            "correlationId": GIVEN_UP, "enqueuedMs": now.as_millisecond(), "takenIn": {"proof": "current", "ms": 1},
        });
        self.dead_letters.send(label.to_string(), body).await
    }

    /// Sends what is refused; again where it was not kept, as a refusal waits but briefly for storage that is slow on a busy machine.
    async fn refused(&self, by: &PointOfSale, event: &Event) -> Result<(), String> {
        let before = self.kept().await?;
        for _ in 0..SENT_MAX {
            deliver(by, event).await?;
            if self.kept().await? > before {
                break;
            }
            tokio::time::sleep(REST).await;
        }
        Ok(())
    }

    /// How many refused ones are listed.
    async fn kept(&self) -> Result<usize, String> {
        let answer = self.shop.remote().get("/api/admin/deliveries", None).await.map_err(|error| error.to_string())?;
        let page: Value = serde_json::from_str(&answer.text).map_err(|error| error.to_string())?;
        Ok(page["items"].as_array().map_or(0, Vec::len))
    }
}

fn event(by: &PointOfSale, body: String, key: &str) -> Result<Event, String> {
    by.event(body, Some(key.to_owned())).map_err(|error| error.to_string())
}

async fn deliver(by: &PointOfSale, event: &Event) -> Result<(), String> {
    let answer = by.send(event).await.map_err(|error| error.to_string())?;
    if answer.status >= 500 { Err(answer.told()) } else { Ok(()) }
}

fn key(number: u32) -> String {
    format!("demo-sale-{number}")
}

fn sale(sku: &str, quantity: u32) -> String {
    json!({"demo": true, "sku": sku, "qty": quantity, "price": 1999}).to_string()
}
