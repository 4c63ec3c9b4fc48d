//! What another release stored is read, and gone on with: while a release goes out, and when one is taken back, old and new code
//! work on the same tables and queues. `tests/releases/` has what was stored, and `tests/releases/take` takes it down.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_sqs::types::MessageAttributeValue;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use signalbox::domain::ids::TenantId;
use signalbox::outside::{Clock, Outside};
use signalbox_local::token::{self, Grant};
use signalbox_local::{Host, Options, Storage};
use signalbox_simulators::{DemoOptions, DemoVendors, start_demo_vendors};
use tokio::time::Instant;

/// The release before the first, and the first: the two that may be side by side.
const RELEASES: [&str; 2] =
    [include_str!("../../../tests/releases/before-1.ndjson"), include_str!("../../../tests/releases/1.ndjson")];
const TEMPLATE: &str = include_str!("../../../template.yaml");
/// Webhooks that the script sent.
const WEBHOOKS: usize = 12;
/// Longer than anything here takes; a test that waits this long has failed.
const WAIT_MAX: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Item { table: String, item: Value },
    Message { queue: String, body: String, attributes: BTreeMap<String, Attribute> },
    Read { path: String, answer: Value },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    data_type: String,
    string_value: String,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Head {
    taken: String,
    secrets: BTreeMap<String, String>,
    keys: Value,
    vendor_key: String,
    doorloop: String,
}

/// A host of this release over what another one left.
struct Successor {
    host: Host,
    client: reqwest::Client,
    clock: Clock,
    head: Head,
    reads: Vec<(String, Value)>,
    vendors: DemoVendors,
    _folder: tempfile::TempDir,
}

impl Successor {
    /// Starts it. `more` is put into whatever the other one stored, as a later release would that stores more.
    async fn start(release: &str, more: Option<&str>) -> Self {
        let (head, stored) = release.split_once('\n').unwrap();
        let head: Head = serde_json::from_str(head).unwrap();
        let clock = Clock::fixed(head.taken.parse::<Timestamp>().unwrap());
        let vendors = DemoOptions {
            doorloop: 0,
            trackstar: 0,
            gbp: 0,
            teams: 0,
            key: head.vendor_key.clone(),
            clock: clock.clone(),
        };
        let vendors = start_demo_vendors(&vendors).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("keys.json"), head.keys.to_string()).unwrap();
        let options = Options {
            storage: Storage::Folder(folder.path().to_owned()),
            outside: Outside { clock: clock.clone(), ..Outside::default() },
            variables: head.secrets.clone(),
            // The engine removes what has expired by the real clock, by which all of this has.
            template: Some(TEMPLATE.replace("TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}", "")),
            ..Options::default()
        };
        let host = Host::start(options).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().timeout(WAIT_MAX).build().unwrap();
        let mut this = Self { host, client, clock, head, reads: Vec::new(), vendors, _folder: folder };
        // Vendors have other ports now.
        this.take_over(&stored.replace(&this.head.doorloop, &this.vendors.doorloop.url()), more).await;
        this
    }

    async fn take_over(&mut self, stored: &str, more: Option<&str>) {
        for line in stored.lines() {
            match serde_json::from_str(line).unwrap() {
                Line::Read { path, answer } => self.reads.push((path, answer)),
                Line::Item { table, mut item } => {
                    if let Some(more) = more {
                        item[more] = json!({"M": {"of": {"S": "a later release"}}});
                    }
                    let put = json!({"TableName": table, "Item": item}).to_string();
                    let key = format!("AWS4-HMAC-SHA256 Credential={}/", self.host.endpoints().access_key.id);
                    let call = self.client.post(&self.host.endpoints().dynamodb).body(put);
                    let answer = call
                        .header("x-amz-target", "DynamoDB_20120810.PutItem")
                        .header("authorization", key)
                        .send()
                        .await
                        .unwrap();
                    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
                }
                Line::Message { queue, body, attributes } => {
                    let with = |text: &str| match more {
                        Some(more) if text.starts_with('{') => text.replacen('{', &format!("{{\"{more}\":{{}},"), 1),
                        _ => text.to_owned(),
                    };
                    // A webhook's body is its sender's; what is ours lies beside it.
                    let body = if attributes.is_empty() { with(&body) } else { body };
                    let queue = self.host.sqs().get_queue_url().queue_name(queue).send().await.unwrap();
                    let mut call =
                        self.host.sqs().send_message().queue_url(queue.queue_url.unwrap()).message_body(body);
                    for (name, attribute) in attributes {
                        let value = MessageAttributeValue::builder().data_type(attribute.data_type);
                        let value = value.string_value(with(&attribute.string_value)).build().unwrap();
                        call = call.message_attributes(name, value);
                    }
                    call.send().await.unwrap();
                }
            }
        }
    }

    async fn get(&self, path: &str, tenant: &str) -> Value {
        let tenant = TenantId::parse(tenant).unwrap();
        let scopes = token::scopes("catalog:sync:read,deliveries:read,connections:read");
        let grant = Grant { tenant: Some(&tenant), scopes, ..Grant::default() };
        let token = token::mint(grant, &self.head.secrets["SERVICE_JWT_SECRET"], self.clock.now()).unwrap();
        let call = self.client.get(format!("{}{path}", self.host.url())).bearer_auth(token);
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}: {}", answer.text().await.unwrap());
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Asks until an answer is as it should be, while time passes.
    async fn until(&self, path: &str, tenant: &str, is: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let answer = self.get(path, tenant).await;
            if is(&answer) {
                return answer;
            }
            assert!(began.elapsed() < WAIT_MAX, "{path} stays so: {answer:#}");
            self.clock.advance(Duration::from_secs(5));
            // A run whose worker was killed in the middle is sent on by it, once its lease has run out.
            self.host.fire("Watchdog").await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn stop(self) {
        assert!(self.host.stop().await);
        self.vendors.stop().await;
    }
}

/// What of the one answer is not in the other: a field that is gone or says something else. More fields may be there.
fn missing(before: &Value, now: &Value, at: &str, found: &mut Vec<String>) {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            for (name, value) in before {
                missing(value, now.get(name).unwrap_or(&Value::Null), &format!("{at}.{name}"), found);
            }
        }
        (Value::Array(before), Value::Array(now)) if before.len() == now.len() => {
            for (index, (before, now)) in before.iter().zip(now).enumerate() {
                missing(before, now, &format!("{at}[{index}]"), found);
            }
        }
        _ if before == now => {}
        _ => found.push(format!("{at}: {before} is {now}")),
    }
}

async fn lives_side_by_side(release: &str, more: Option<&str>) {
    let successor = Successor::start(release, more).await;

    let mut changed = Vec::new();
    for (path, before) in &successor.reads {
        missing(before, &successor.get(path, "default").await, path, &mut changed);
    }
    assert!(changed.is_empty(), "this release answers otherwise over what another one stored: {changed:#?}");

    // The run that waited goes on, with the secret that the other release sealed.
    let runs = "/api/admin/sync/runs?limit=1";
    let ended = |answer: &Value| {
        let run = &answer["runs"][0];
        run["entity"] == "tenants" && run["result"] == "success"
    };
    successor.until(runs, "default", ended).await;

    // Each webhook has its effect once, those that were still in the queue too.
    let processed = "/api/admin/deliveries?status=processed&source=github/main&limit=100";
    let applied = |answer: &Value| answer["items"].as_array().is_some_and(|items| items.len() >= WEBHOOKS);
    let answer = successor.until(processed, "acme", applied).await;
    let keys: Vec<&str> = answer["items"].as_array().unwrap().iter().filter_map(|item| item["key"].as_str()).collect();
    let once: BTreeSet<&str> = keys.iter().copied().collect();
    assert_eq!((keys.len(), once.len()), (WEBHOOKS, WEBHOOKS), "{keys:?}");
    successor.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_release_stored_is_read_and_gone_on_with() {
    for release in RELEASES {
        lives_side_by_side(release, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_later_release_stores_beside_it_disturbs_nothing() {
    for release in RELEASES {
        lives_side_by_side(release, Some("ofALaterRelease")).await;
    }
}
