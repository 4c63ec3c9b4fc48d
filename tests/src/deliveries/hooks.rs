//! A system for webhooks: it knows its senders, and what it stored can be read.

use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use signalbox::domain::deliveries::placement::DeliveryPlace;
use signalbox::function::NothingDone;
use signalbox::http::auth::{DELIVERIES_WRITE, READ};
use signalbox_local::host::poller::sqs_event;

use crate::answer::Answer;
use crate::deliveries::delivery::{Delivery, GITHUB_SECRET, POS_SECRET, POS_SECRET_PREVIOUS, TRACKSTAR_SECRET};
use crate::items::{Item, json};
use crate::process::{Process, failed, ids};
use crate::queues::Queue;
use crate::system::{Settings, System};

/// Trackstar's connections: two brands of one tenant, one of another, one that was switched off.
const CONNECTIONS: &str = r#"[
    {"connectionId": "conn-1", "tenant": "acme", "brand": "north"},
    {"connectionId": "conn-2", "tenant": "acme", "brand": "south"},
    {"connectionId": "conn-3", "tenant": "globex", "brand": "north"},
    {"connectionId": "conn-off", "tenant": "acme", "brand": "old", "active": false}
]"#;

/// A system that knows its senders.
pub struct Hooks(System);

impl Deref for Hooks {
    type Target = System;

    fn deref(&self) -> &System {
        &self.0
    }
}

impl Hooks {
    /// A host in local mode.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A host with other values of the template's parameters; an empty one counts as unset.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let sender = |tenant: &str| {
            json!({"provider": "github", "connection": tenant, "tenant": tenant, "scheme": "github",
            "secrets": [GITHUB_SECRET]})
        };
        let senders = json!([sender("acme"), sender("globex")]).to_string();
        let settings = Settings::default().with(&[
            ("WEBHOOK_SECRET", POS_SECRET),
            ("WEBHOOK_SECRET_PREVIOUS", POS_SECRET_PREVIOUS),
            ("TRACKSTAR_WEBHOOK_SECRET", TRACKSTAR_SECRET),
            ("TRACKSTAR_CONNECTIONS", CONNECTIONS),
            ("WEBHOOK_SENDERS", &senders),
        ]);
        Self(System::with(settings.with(variables)).await)
    }

    /// Sends a delivery over HTTP.
    pub async fn send(&self, delivery: &Delivery) -> Answer {
        let request = self.post(&delivery.path);
        let request = delivery.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.bytes(delivery.body.clone()).answer().await
    }

    /// Asks over HTTP, with a token where one is given.
    pub async fn ask(&self, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(token) = token {
            request = request.bearer(token);
        }
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        request.answer().await
    }

    /// A token of an operator of this tenant.
    #[must_use]
    pub fn operator(&self, tenant: &str) -> String {
        self.token(tenant, &[READ, DELIVERIES_WRITE])
    }

    /// A token of this tenant with these scopes.
    #[must_use]
    pub fn token(&self, tenant: &str, scopes: &[&str]) -> String {
        self.service_token("operator", tenant, scopes)
    }

    /// Hands the queue's messages to the host's function until none is due; how many there were, failures included.
    pub async fn work(&self, queue: Queue) -> usize {
        let mut worked = 0;
        loop {
            let messages = self.receive(queue).await;
            if messages.is_empty() {
                return worked;
            }
            worked += messages.len();
            let event = sqs_event(&queue.physical_name(), &messages);
            let failed = match self.host.invoke(queue.function(), event).await {
                Err(error) if error.to_string().ends_with(&NothingDone.to_string()) => ids(&messages),
                answer => failed(&answer.expect("an answer")),
            };
            self.finish(queue, &messages, &failed).await;
        }
    }

    /// Has this process work on the queue until nothing is left of it, and lets time pass whenever what failed waits: how
    /// often messages were handed out.
    ///
    /// # Panics
    /// When the process dies.
    pub async fn exhaust(&self, queue: Queue, process: &Process) -> usize {
        let mut handed = 0;
        loop {
            let messages = self.receive(queue).await;
            if messages.is_empty() {
                if self.pass_until_due(queue) {
                    continue;
                }
                return handed;
            }
            handed += messages.len();
            let failed = process.handle(queue, &messages).await.expect("the process lives");
            self.finish(queue, &messages, &failed).await;
        }
    }

    /// What lists say of the deliveries of a connection (`tenant/provider/name`), and what is kept with them.
    pub async fn entries(&self, connection: &str) -> Vec<Item> {
        self.raw_entries(connection).await.into_iter().map(json).collect()
    }

    async fn raw_entries(&self, connection: &str) -> Vec<HashMap<String, AttributeValue>> {
        let of_connection = AttributeValue::S(connection.to_owned());
        let mut entries = self.raw_deliveries(connection).await;
        entries.retain(|item| item.get("connection") == Some(&of_connection));
        entries
    }

    /// Those of all of its tenant, and parts of bodies.
    async fn raw_deliveries(&self, connection: &str) -> Vec<HashMap<String, AttributeValue>> {
        let (tenant, _) = connection.split_once('/').expect("tenant/provider/name");
        self.raw_items("RECORDS_TABLE", &format!("{tenant}#deliveries#")).await
    }

    /// The events that were kept of a connection (`tenant/provider/name`): key → body, put together of its parts.
    pub async fn events(&self, connection: &str) -> BTreeMap<String, Vec<u8>> {
        let text = |item: &HashMap<String, AttributeValue>, name: &str| item[name].as_s().expect("text").clone();
        let sort = |item: &HashMap<String, AttributeValue>| item["sk"].as_b().expect("bytes").as_ref().to_vec();
        let payload = |item: &HashMap<String, AttributeValue>| match &item["payload"] {
            AttributeValue::S(text) => text.clone().into_bytes(),
            bytes => bytes.as_b().expect("bytes").as_ref().to_vec(),
        };
        let all = self.raw_deliveries(connection).await;
        let mut events = BTreeMap::new();
        for entry in self.raw_entries(connection).await {
            if entry["hasBody"] != AttributeValue::Bool(true) {
                continue;
            }
            let place = DeliveryPlace::parse_sort(0, &sort(&entry)).expect("the key of an entry");
            let count: Option<u8> =
                entry.get("parts").map(|parts| parts.as_n().expect("a number").parse().expect("few"));
            let body = count.map_or_else(
                || payload(&entry),
                |count| {
                    let part = |number: u8| {
                        let wanted = place.part_sort(&text(&entry, "bodyHash"), number);
                        all.iter().find(|item| sort(item) == wanted && item["pk"] == entry["pk"]).expect("a part")
                    };
                    (0..count).flat_map(|number| payload(part(number))).collect()
                },
            );
            let key = text(&entry, "key");
            assert!(events.insert(key.clone(), body).is_none(), "{key} was stored twice");
        }
        events
    }
}
