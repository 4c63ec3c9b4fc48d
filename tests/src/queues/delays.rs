//! Messages that are not to be handed out yet. The queues' engine goes by the real clock and would keep a test waiting, so
//! delays are taken from the requests to it, and kept on the test's own clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_sqs::types::Message;
use aws_smithy_runtime_api::client::http::{
    HttpConnector as _, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox::outside::Clock;
use signalbox_local::host::layer::layer;

use crate::wire::request::{body, operation, set_body};

/// The longest that a queue hides a message, in seconds: longer than any test takes.
pub(super) const HIDDEN_SECONDS: i32 = 43_200;

/// What waits, of all queues. Clones are the same.
#[derive(Clone)]
pub(crate) struct Delays {
    clock: Clock,
    waiting: Arc<Mutex<Vec<Waiting>>>,
}

#[derive(Debug)]
struct Waiting {
    /// The address of its queue.
    queue: String,
    due: Timestamp,
    message: Delayed,
}

/// A message that waits, as far as it is known.
#[derive(Debug)]
pub(super) enum Delayed {
    /// Sent with a delay, and on its queue: its id.
    Sent(String),
    /// Sent with a delay, and taken off its queue too early.
    Early(Box<Message>),
    /// Handed out, and hidden by who could not work on it: its receipt handle.
    Hidden(String),
}

impl Delays {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, waiting: Arc::default() }
    }

    /// A client that delays by this clock what is sent through it. A batch of messages is delayed by the engine's.
    pub(crate) fn http(&self, by_way_of: SharedHttpClient) -> SharedHttpClient {
        let this = self.clone();
        layer(by_way_of, move |next, request| HttpConnectorFuture::new(this.clone().send(next, request)))
    }

    async fn send(self, next: SharedHttpConnector, mut request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let operation = operation(&request);
        if !matches!(operation.as_str(), "SQS.SendMessage" | "SQS.ChangeMessageVisibility") {
            return next.call(request).await;
        }
        let mut sent = body(&request);
        let queue = sent["QueueUrl"].as_str().unwrap_or_default().to_owned();
        if operation == "SQS.SendMessage" {
            let Some(seconds) = sent.as_object_mut().and_then(|sent| sent.remove("DelaySeconds")) else {
                return next.call(request).await;
            };
            set_body(&mut request, &sent);
            let (response, answer) = read(next.call(request).await?).await?;
            if let Some(id) = answer["MessageId"].as_str() {
                self.keep(&queue, &seconds, Delayed::Sent(id.to_owned()));
            }
            return Ok(response);
        }
        let seconds = std::mem::replace(&mut sent["VisibilityTimeout"], json!(HIDDEN_SECONDS));
        let handle = sent["ReceiptHandle"].as_str().unwrap_or_default().to_owned();
        set_body(&mut request, &sent);
        let response = next.call(request).await?;
        if response.status().is_success() {
            self.forget(&handle);
            self.keep(&queue, &seconds, Delayed::Hidden(handle));
        }
        Ok(response)
    }

    fn keep(&self, queue: &str, seconds: &Value, message: Delayed) {
        let due = self.clock.now() + Duration::from_secs(seconds.as_u64().expect("seconds"));
        self.waiting.lock().unwrap().push(Waiting { queue: queue.to_owned(), due, message });
    }

    /// The message of this receipt handle is hidden no longer.
    pub(super) fn forget(&self, handle: &str) {
        let mut waiting = self.waiting.lock().unwrap();
        waiting.retain(|one| !matches!(&one.message, Delayed::Hidden(hidden) if hidden == handle));
    }

    /// Whether this message is hidden until some time.
    pub(super) fn hides(&self, handle: &str) -> bool {
        let waiting = self.waiting.lock().unwrap();
        waiting.iter().any(|one| matches!(&one.message, Delayed::Hidden(hidden) if hidden == handle))
    }

    /// What becomes of a message that the queue handed out: it is in time, or kept for later. Then it is to be hidden, by this
    /// receipt handle.
    pub(super) fn admit(&self, message: Message) -> Result<Message, String> {
        let mut waiting = self.waiting.lock().unwrap();
        let sent =
            |one: &Waiting| matches!(&one.message, Delayed::Sent(id) if Some(id.as_str()) == message.message_id());
        let Some(place) = waiting.iter().position(sent) else { return Ok(message) };
        if waiting[place].due <= self.clock.now() {
            waiting.remove(place);
            return Ok(message);
        }
        let handle = message.receipt_handle().expect("a handle").to_owned();
        waiting[place].message = Delayed::Early(Box::new(message));
        Err(handle)
    }

    /// The next message of a queue whose time has come and that the queue cannot hand out by itself.
    pub(super) fn next_due(&self, queue: &str) -> Option<Delayed> {
        let now = self.clock.now();
        let mut waiting = self.waiting.lock().unwrap();
        let due = waiting
            .iter()
            .enumerate()
            .filter(|(_, one)| one.queue == queue && one.due <= now && !matches!(one.message, Delayed::Sent(_)));
        let (place, _) = due.min_by_key(|(_, one)| one.due)?;
        Some(waiting.remove(place).message)
    }

    /// How long until the next message that waits on a queue is due; nothing when none waits.
    pub(super) fn due_in(&self, queue: &str) -> Option<Duration> {
        let waiting = self.waiting.lock().unwrap();
        let due = waiting.iter().filter(|one| one.queue == queue).map(|one| one.due).min()?;
        // One whose time has come may be on its queue still.
        Some(Duration::try_from(self.clock.now().duration_until(due)).unwrap_or_default())
    }
}

/// The JSON of a response, which stays as it is.
async fn read(mut response: HttpResponse) -> Result<(HttpResponse, Value), ConnectorError> {
    let streamed = std::mem::replace(response.body_mut(), SdkBody::empty());
    let whole =
        ByteStream::new(streamed).collect().await.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    let answer = serde_json::from_slice(&whole).unwrap_or_default();
    *response.body_mut() = SdkBody::from(whole);
    Ok((response, answer))
}
