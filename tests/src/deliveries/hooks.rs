//! A host for webhooks: its queues move when a test moves them, its clock stands, and what it stored can be read.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox::domain::secret::Secret;
use signalbox::environment::Environment;
use signalbox::http::auth::{Claims, DELIVERIES_WRITE, OneOrMany, READ, mint};
use signalbox::outside::{Clock, Entropy, Outside};
use signalbox_local::host::poller::sqs_event;
use signalbox_local::{Host, Options};

use crate::deliveries::delivery::{Delivery, GITHUB_SECRET, POS_SECRET, POS_SECRET_PREVIOUS, Reply, TRACKSTAR_SECRET};
use crate::instance::Instance;
use crate::runs::stored::{Item, json as item_json};
use crate::wire::Wire;

/// Later than any real clock: the engine sweeps what has expired by the real one.
const START_SECONDS: i64 = 4_102_488_000;
const SERVICE_SECRET: &str = "service-secret-service-secret-00";
/// Trackstar's connections: two brands of one tenant, one of another, one that was switched off.
const CONNECTIONS: &str = r#"[
    {"connectionId": "conn-1", "tenant": "acme", "brand": "north"},
    {"connectionId": "conn-2", "tenant": "acme", "brand": "south"},
    {"connectionId": "conn-3", "tenant": "globex", "brand": "north"},
    {"connectionId": "conn-off", "tenant": "acme", "brand": "old", "active": false}
]"#;

/// A queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Of the worker.
    Webhooks,
    /// Of what it gave up on.
    DeadLetters,
}

/// A host, and who talks to it.
pub struct Hooks {
    /// The host.
    pub host: Host,
    /// Its time.
    pub clock: Clock,
    pub(crate) http: SharedHttpClient,
    pub(crate) entropy: Entropy,
    client: reqwest::Client,
}

impl Hooks {
    /// A host in local mode.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A host with other values of the template's parameters; an empty one counts as unset.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let clock = Clock::fixed(Timestamp::from_second(START_SECONDS).expect("a time"));
        let senders = json!([
            {"provider": "github", "connection": "acme", "tenant": "acme", "scheme": "github", "secrets": [GITHUB_SECRET]},
            {"provider": "github", "connection": "globex", "tenant": "globex", "scheme": "github", "secrets": [GITHUB_SECRET]},
        ]);
        let senders = senders.to_string();
        let mut all: BTreeMap<String, String> = [
            ("SERVICE_JWT_SECRET", SERVICE_SECRET),
            ("SESSION_JWT_SECRET", "session-secret-session-secret-00"),
            ("WEBHOOK_SECRET", POS_SECRET),
            ("WEBHOOK_SECRET_PREVIOUS", POS_SECRET_PREVIOUS),
            ("TRACKSTAR_WEBHOOK_SECRET", TRACKSTAR_SECRET),
            ("TRACKSTAR_CONNECTIONS", CONNECTIONS),
            ("WEBHOOK_SENDERS", senders.as_str()),
        ]
        .into_iter()
        .chain(variables.iter().copied())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        all.retain(|_, value| !value.is_empty());
        let outside = Outside { clock: clock.clone(), ..Outside::default() };
        let options = Options { variables: all, outside, poll: false, ..Options::default() };
        let host = Host::start(options).await.expect("the host starts");
        let http = aws_smithy_http_client::Builder::new().build_http();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { host, clock, http, entropy: Entropy::seeded(11), client }
    }

    /// Instances of every function whose calls go over a wire.
    pub async fn instance(&self, wire: Wire) -> Instance {
        self.instance_with(wire, &[]).await
    }

    /// Instances with other environment variables.
    pub async fn instance_with(&self, wire: Wire, variables: &[(&str, &str)]) -> Instance {
        Instance::start(self, wire, variables).await
    }

    /// The environment of a function.
    #[must_use]
    pub fn environment(&self, function: &str) -> Environment {
        self.host.environment(function)
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Sends a delivery over HTTP.
    pub async fn send(&self, delivery: &Delivery) -> Reply {
        let mut request = self.client.post(format!("{}{}", self.host.url(), delivery.path));
        for (name, value) in &delivery.headers {
            request = request.header(name, value);
        }
        reply(request.body(delivery.body.clone())).await
    }

    /// Asks over HTTP, with a token where one is given.
    pub async fn ask(&self, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Reply {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.client.request(method, format!("{}{path}", self.host.url()));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        reply(request).await
    }

    /// A token of an operator of this tenant.
    #[must_use]
    pub fn operator(&self, tenant: &str) -> String {
        self.token(tenant, &[READ, DELIVERIES_WRITE])
    }

    /// A token of this tenant with these scopes.
    #[must_use]
    pub fn token(&self, tenant: &str, scopes: &[&str]) -> String {
        let now = self.clock.now().as_second();
        let claims = Claims {
            sub: Some("operator".into()),
            aud: Some(OneOrMany::One("clairity-services".into())),
            iat: Some(now),
            exp: now + 300,
            scopes: Some(OneOrMany::Many(scopes.iter().map(|scope| (*scope).to_owned()).collect())),
            tenant: (tenant != "default").then(|| tenant.to_owned()),
        };
        mint(&claims, &Secret::new(SERVICE_SECRET)).expect("a token")
    }

    /// Hands the queue's messages to its function until none is left; how many there were, failures included.
    pub async fn work(&self, queue: Queue) -> usize {
        let mut worked = 0;
        loop {
            let messages = self.receive(queue).await;
            if messages.is_empty() {
                return worked;
            }
            worked += messages.len();
            let answer =
                self.host.invoke(queue.function(), sqs_event(queue.function(), &messages)).await.expect("an answer");
            self.finish(queue, &messages, &failed(&answer)).await;
        }
    }

    /// Up to ten messages, as a poller gets them.
    pub async fn receive(&self, queue: Queue) -> Vec<Message> {
        let url = self.url(queue).await;
        let call = self.host.sqs().receive_message().queue_url(url).max_number_of_messages(10);
        let call = call.message_attribute_names("All").message_system_attribute_names(MessageSystemAttributeName::All);
        call.send().await.expect("the queue").messages.unwrap_or_default()
    }

    /// Deletes what is done, as a poller does, and lets what failed come again at once.
    pub async fn finish(&self, queue: Queue, messages: &[Message], failed: &[String]) {
        let url = self.url(queue).await;
        let sqs = self.host.sqs();
        for message in messages {
            let handle = message.receipt_handle().expect("a handle");
            if failed.iter().any(|id| Some(id.as_str()) == message.message_id()) {
                let visible = sqs.change_message_visibility().queue_url(&url).receipt_handle(handle);
                // The function may have shown it already.
                if let Err(error) = visible.visibility_timeout(0).send().await {
                    let error = error.into_service_error();
                    assert_eq!(error.meta().code(), Some("MessageNotInflight"), "{error}");
                }
            } else {
                sqs.delete_message().queue_url(&url).receipt_handle(handle).send().await.expect("the queue");
            }
        }
    }

    async fn url(&self, queue: Queue) -> String {
        let url = self.environment("webhooks").require("WEBHOOK_QUEUE_URL").expect("a queue").to_owned();
        if queue == Queue::Webhooks {
            return url;
        }
        let all = self.host.sqs().list_queues().send().await.expect("queues").queue_urls.unwrap_or_default();
        let dead = |found: &String| found.to_lowercase().replace('-', "").contains("webhookdeadletter");
        all.into_iter().find(dead).expect("the dead-letter queue")
    }

    /// Every item of a table whose partition begins with this.
    pub async fn items(&self, table: &'static str, partition: &str) -> Vec<Item> {
        let raw = self.raw(table, partition).await;
        let mut items: Vec<Item> = raw.into_iter().map(item_json).collect();
        let key = |item: &Item| [item["pk"].as_str().map(String::from), item["sk"].as_str().map(String::from)];
        items.sort_by_key(key);
        items
    }

    async fn raw(
        &self,
        table: &'static str,
        partition: &str,
    ) -> Vec<std::collections::HashMap<String, AttributeValue>> {
        let environment = self.environment("read-api");
        let table = environment.require(table).expect("a table").to_owned();
        let scan = self.host.dynamodb().scan().table_name(table).consistent_read(true);
        let scan = scan.filter_expression("begins_with(pk, :pk)");
        let scan = scan.expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
        let mut pages = scan.into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.expect("the table"));
        }
        items
    }

    /// The events that were kept of an origin (`tenant/provider/connection`): key → body, put together of its parts.
    pub async fn events(&self, origin: &str) -> BTreeMap<String, Vec<u8>> {
        let partition = format!("{origin}#deliveries");
        let mut parts: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut keys = BTreeMap::new();
        for item in self.raw("RECORDS_TABLE", &partition).await {
            let sort = item["sk"].as_b().expect("bytes").as_ref().to_vec();
            if let Some(key) = item.get("key") {
                let count: usize = item["parts"].as_n().expect("a number").parse().expect("a number");
                keys.insert(sort.clone(), (key.as_s().expect("text").clone(), count));
            }
            let payload = match &item["payload"] {
                AttributeValue::S(text) => text.clone().into_bytes(),
                bytes => bytes.as_b().expect("bytes").as_ref().to_vec(),
            };
            parts.insert(sort, payload);
        }
        let joined = keys.into_iter().map(|(sort, (key, count))| {
            let whole: Vec<&Vec<u8>> =
                parts.iter().filter(|(other, _)| other.starts_with(&sort)).map(|(_, part)| part).collect();
            assert_eq!(whole.len(), count, "parts of {key}");
            (key, whole.into_iter().flatten().copied().collect())
        });
        let joined: Vec<(String, Vec<u8>)> = joined.collect();
        let (count, by_key) = (joined.len(), joined.into_iter().collect::<BTreeMap<_, _>>());
        assert_eq!(by_key.len(), count, "an event was stored twice");
        by_key
    }
}

impl Queue {
    /// The function that its messages go to.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Self::Webhooks => "webhook-worker",
            Self::DeadLetters => "dead-letters",
        }
    }
}

async fn reply(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.expect("an answer");
    let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Reply::new(response.status().as_u16(), headers, response.text().await.expect("a body"))
}

/// The messages that a function's answer names as failed.
#[must_use]
pub fn failed(answer: &Value) -> Vec<String> {
    let failures = answer["batchItemFailures"].as_array().into_iter().flatten();
    failures.map(|failure| failure["itemIdentifier"].as_str().expect("an id").to_owned()).collect()
}
