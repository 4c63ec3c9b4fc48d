//! What every function does at least once, within its rights: the host refuses what the template does not allow. That no right is given
//! for nothing, the comparison behind all tests says (`tests/tests/house/recorded.rs`).
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox::domain::deliveries::signature::schemes;
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE, DELIVERIES_WRITE, READ, WRITE};
use signalbox_simulators::{ChannelAnswer, SimulatedChannel};
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::wire::{Fault, Verdict, Wire, every};

const SYNC: &str = "/api/catalog/moscot/sync";
const LETTERS: &str = "/api/sync/dead-letters";

#[tokio::test]
async fn a_walk_through_all_functions_lacks_no_right() {
    let hooks = Hooks::start().await;
    runs(&hooks).await;
    connections(&hooks).await;
    categories(&hooks).await;
    deliveries(&hooks).await;
    alerts(&hooks).await;
    completions(&hooks).await;
    digests(&hooks).await;
    reads(&hooks).await;
}

async fn ask(hooks: &Hooks, method: &str, path: &str, body: Option<Value>) -> Value {
    let token = hooks.token("default", &[READ, WRITE, CONNECTIONS_READ, CONNECTIONS_WRITE, DELIVERIES_WRITE]);
    let answer = hooks.ask(method, path, Some(&token), body).await;
    assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text);
    answer.body
}

/// A run from its trigger to its end, by whoever can advance it; one that is in the way of another, and one given up.
async fn runs(hooks: &Hooks) {
    ask(hooks, "POST", SYNC, Some(json!({}))).await;
    ask(hooks, "POST", "/api/catalog/vendor-sync/registry/moscot/test", Some(json!({}))).await;
    ask(hooks, "POST", "/api/catalog/vendor-sync/registry/test-all", None).await;
    let root = hooks.environment("sync-control").require("CATALOG_ROOT").unwrap().to_owned();
    std::fs::write(format!("{root}/moscot.catalog.json"), Catalogue::small(60).json()).unwrap();

    let brief = [("INLINE_BUDGET_MS", "0"), ("SLICE_BUDGET_MS", "0")];
    let brief = hooks.process_with(Wire::whole(), &brief).await;
    let token = hooks.token("default", &[WRITE]);
    let start = async || {
        let body = Some(json!({"allowRemovals": true}));
        assert_eq!(brief.ask("sync-control", "POST", SYNC, &token, body).await.unwrap().status, 202);
    };
    start().await;
    // Another one is in the way.
    let second = hooks.ask("POST", SYNC, Some(&token), None).await;
    assert_eq!(second.problem(), (409, "sync_in_progress"));
    hooks.host.fire("Nightly").await.unwrap();
    let messages = hooks.receive(Queue::Sync).await;
    let failed = brief.handle(Queue::Sync, &messages).await.unwrap();
    hooks.finish(Queue::Sync, &messages, &failed).await;
    hooks.work(Queue::Sync).await;

    start().await;
    // As a round leaves it that had more open runs than it looks at.
    let control = hooks.environment("scheduler").require("CONTROL_TABLE").unwrap().to_owned();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let cursor = hooks.host.dynamodb().put_item().table_name(control).item("pk", text("watchdog"));
    let cursor = cursor.item("sk", text("cursor")).item("connection", text("default/catalogue/moscot"));
    cursor.item("runId", text("018bcfe5-6800-7000-8000-000000000000")).send().await.unwrap();
    hooks.host.fire("Watchdog").await.unwrap();
    hooks.pass(Duration::from_secs(300));
    hooks.host.fire("Watchdog").await.unwrap();
    hooks.pass(Duration::from_secs(2 * 3600));
    hooks.host.fire("Watchdog").await.unwrap();
    hooks.work(Queue::Sync).await;
    hooks.host.fire("Nightly").await.unwrap();
    hooks.work(Queue::Sync).await;
}

/// A category whose slug is given up, which the flag lets its tenant have.
async fn categories(hooks: &Hooks) {
    let flag = "/api/admin/flags/override/platform/FF_TENANT_PLATFORM_CATEGORY";
    ask(hooks, "POST", flag, Some(json!({"value": true}))).await;
    let list = "/api/v1/tenants/acme/categories";
    let made = ask(hooks, "POST", list, Some(json!({"name": "Shoes", "slug": "shoes"}))).await;
    let one = format!("{list}/{}", made["data"]["id"].as_str().unwrap());
    ask(hooks, "PUT", &one, Some(json!({"slug": "boots"}))).await;
}

/// The life of a connection with secrets, and those who read others.
async fn connections(hooks: &Hooks) {
    const LIST: &str = "/api/admin/connections";
    let one = format!("{LIST}/acme/stripe/main");
    let put = json!({"settings": {}, "secrets": {"current": "a-secret"}});
    ask(hooks, "PUT", &one, Some(put)).await;
    // Another instance's, which has not made the data key.
    let process = hooks.process(Wire::whole()).await;
    let token = hooks.token("default", &[CONNECTIONS_WRITE]);
    let secret = Some(json!({"secret": "another-secret"}));
    process.ask("sync-control", "POST", &format!("{one}/rotate"), &token, secret).await.unwrap().expect(200);
    ask(hooks, "POST", &format!("{one}/rotate"), Some(json!({"rewrap": true}))).await;
    ask(hooks, "POST", &format!("{one}/breaker"), Some(json!({"state": "open"}))).await;
    for path in [LIST, &format!("{LIST}?tenant=acme"), &one, &format!("{one}/breaker")] {
        ask(hooks, "GET", path, None).await;
    }
    ask(hooks, "DELETE", &one, None).await;

    let doorloop = json!({"settings": {}, "secrets": {"current": "a-key"}});
    ask(hooks, "PUT", &format!("{LIST}/default/doorloop/main"), Some(doorloop)).await;
    ask(hooks, "GET", "/api/admin/sync/scheduler", None).await;
    let watched =
        hooks.get("/api/admin/sync/logs/stream?follow=false").bearer(&hooks.token("default", &[CONNECTIONS_READ]));
    assert_eq!(watched.answer().await.status, 200);

    // Who reads them: a door, and a worker.
    const SECRET: &str = "a-secret-of-github";
    let sender = json!({"settings": {}, "secrets": {"current": SECRET}});
    ask(hooks, "PUT", &format!("{LIST}/acme/github/hub"), Some(sender)).await;
    let push =
        Delivery::signed("/webhooks/github/hub", &schemes::GITHUB, SECRET, Some("1"), Timestamp::UNIX_EPOCH, "{}");
    assert!(hooks.send(&push).await.status < 300);
    let shop = json!({"settings": {"source": "moscot.catalog.json"}});
    ask(hooks, "PUT", &format!("{LIST}/default/catalogue/shop"), Some(shop)).await;
    let brief = hooks.process_with(Wire::whole(), &[("INLINE_BUDGET_MS", "0")]).await;
    let (token, body) = (hooks.token("default", &[WRITE]), Some(json!({"dryRun": false})));
    let sync = "/api/catalog/vendor-sync/shop/sync";
    assert_eq!(brief.ask("sync-control", "POST", sync, &token, body).await.unwrap().status, 202);
    hooks.work(Queue::Sync).await;

    // Who starts them: one that has a source, and one that has none.
    for (name, settings) in [("shop", json!({"source": "moscot.catalog.json"})), ("bare", json!({}))] {
        let due = json!({"settings": settings, "schedule": {"every": 1}});
        ask(hooks, "PUT", &format!("{LIST}/default/catalogue/{name}"), Some(due)).await;
    }
    hooks.pass(Duration::from_secs(120));
    // A run is in the way of one of them.
    let (token, body) = (hooks.token("default", &[WRITE]), Some(json!({"dryRun": false})));
    assert_eq!(brief.ask("sync-control", "POST", sync, &token, body).await.unwrap().status, 202);
    hooks.host.fire("Due").await.unwrap();
    hooks.work(Queue::Due).await;
    hooks.work(Queue::Sync).await;

    // Who imports them: with a secret of its store, and another instance that has not made the data keys.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("connections.json");
    let secrets = json!({"current": {"ssm": "stripe"}});
    let sender = json!({"connection": "acme/stripe/imported", "secrets": secrets});
    std::fs::write(&file, json!({"connections": [sender]}).to_string()).unwrap();
    hooks.host.parameters().put("/signalbox/connections/stripe", "a-secret-of-stripe");
    let named = [("CONNECTIONS", file.to_str().unwrap())];
    for _instance in 0..2 {
        hooks.process_with(Wire::whole(), &named).await.fire("import").await.unwrap().unwrap();
    }
}

/// A delivery at the door, refused, applied, and given up; and what operators decide.
async fn deliveries(hooks: &Hooks) {
    let sale = |key: &str| Delivery::pos("default", format!("{{\"of\":\"{key}\"}}")).header("idempotency-key", key);
    assert_eq!(hooks.send(&sale("a")).await.status, 201);
    assert_eq!(hooks.send(&sale("a")).await.status, 204);
    hooks.work(Queue::Webhooks).await;

    let forged = sale("forged").header("x-webhook-signature", &"0".repeat(64));
    assert_eq!(hooks.send(&forged).await.status, 403);
    let stock =
        json!({"event_id": "e", "event_type": "inventory.updated", "connection_id": "conn-of-nobody", "data": {}});
    assert!(hooks.send(&Delivery::trackstar("/inbound-shipments", &stock)).await.status < 500);
    let kept = ask(hooks, "GET", "/api/admin/deliveries", None).await;
    for item in kept["items"].as_array().unwrap().iter().take(2) {
        let token = hooks.token("default", &[DELIVERIES_WRITE]);
        hooks.ask("POST", "/api/admin/deliveries/verify", Some(&token), Some(json!({"id": item["id"]}))).await;
    }

    let broken = hooks.process(Wire::when(every("DynamoDB.PutItem"), Verdict::Fail(Fault::ServerError))).await;
    for key in ["b", "c"] {
        assert_eq!(hooks.send(&sale(key)).await.status, 201);
        hooks.exhaust(Queue::Webhooks, &broken).await;
        assert_eq!(hooks.work(Queue::DeadLetters).await, 1);
    }
    let letters = ask(hooks, "GET", LETTERS, None).await;
    // Of a connection that is on no page.
    ask(hooks, "GET", "/api/admin/overview", None).await;
    let id = letters["items"][0]["id"].as_str().unwrap();
    ask(hooks, "GET", &format!("/api/admin/deliveries/{id}"), None).await;
    ask(hooks, "DELETE", &format!("{LETTERS}/{id}"), None).await;
    ask(hooks, "POST", &format!("{LETTERS}/requeue"), Some(json!({}))).await;
    replays(hooks).await;

    // And a message about a run that nobody finished.
    let slice = json!({"connection": "default/catalogue/moscot", "runId": "018bcfe5-6800-7000-8000-000000000000"});
    let url = hooks.queue_url(Queue::SyncDeadLetters);
    hooks.host.sqs().send_message().queue_url(url).message_body(slice.to_string()).send().await.unwrap();
    assert_eq!(hooks.work(Queue::SyncDeadLetters).await, 1);
}

/// A replay of what has versions, foreseen, begun, and done.
async fn replays(hooks: &Hooks) {
    let label = json!({"connection": "default/trackstar/north", "channel": "trackstar-inventory", "key": "id:1",
        "bodyHash": "", "receivedMs": 0, "correlationId": "trace"});
    let data = json!({"id": "p", "sku": "A", "updated_date": "2026-01-15T12:00:00Z", "onhand": 5});
    let body = json!({"connection_id": "c", "event_type": "inventory.updated", "data": data});
    let record = json!({"messageId": "m", "body": body.to_string(), "eventSource": "aws:sqs",
        "attributes": {"SentTimestamp": "4102488000000", "ApproximateReceiveCount": "16"},
        "messageAttributes": {"signalbox": {"stringValue": label.to_string(), "dataType": "String",
            "stringListValues": [], "binaryListValues": []}}});
    hooks.host.invoke("dead-letters", json!({"Records": [record]})).await.unwrap();
    let path = "/api/admin/replays";
    ask(hooks, "POST", path, Some(json!({"dryRun": true}))).await;
    let started = ask(hooks, "POST", path, Some(json!({}))).await;
    let one = format!("{path}/{}", started["id"].as_str().unwrap());
    ask(hooks, "POST", &format!("{one}/stop"), None).await;
    ask(hooks, "POST", path, Some(json!({}))).await;
    hooks.work(Queue::Sync).await;
    for path in [path, &one] {
        ask(hooks, "GET", path, None).await;
    }
}

/// An alert from its event to a message that nobody takes, and until its connection is gone.
async fn alerts(hooks: &Hooks) {
    let one = |provider: &str| format!("/api/admin/connections/default/{provider}/watched");
    // A port that is closed: what is sent there fails at once.
    let channel = json!({"settings": {}, "secrets": {"current": "http://127.0.0.1:1/a"}});
    ask(hooks, "PUT", &one("teams"), Some(channel)).await;
    let late = json!({"settings": {"source": "gone.json"}, "schedule": {"every": 1}});
    ask(hooks, "PUT", &one("catalogue"), Some(late)).await;
    hooks.pass(Duration::from_secs(13 * 3600));
    for _ in 0..3 {
        hooks.host.fire("Tick").await.unwrap();
        hooks.pass(Duration::from_secs(60));
    }
    ask(hooks, "DELETE", &one("catalogue"), None).await;
    for _ in 0..2 {
        hooks.host.fire("Tick").await.unwrap();
        hooks.pass(Duration::from_secs(60));
    }
    let open = ask(hooks, "GET", "/api/admin/alerts?state=open", None).await;
    if let Some(id) = open["alerts"][0]["id"].as_str() {
        ask(hooks, "POST", &format!("/api/admin/alerts/{id}/acknowledge"), None).await;
    }
    ask(hooks, "GET", "/api/admin/alerts/messages", None).await;
}

/// A run that is over, and a receiver that says that it is gone.
async fn completions(hooks: &Hooks) {
    let channel = SimulatedChannel::start(0).await.unwrap();
    channel.answer(ChannelAnswer { status: Some(410), retry_after: None, times: 1 }).unwrap();
    let receiver = json!({"settings": {"url": channel.webhook_url()}, "secrets": {"current": "whsec_c2VjcmV0"}});
    ask(hooks, "PUT", "/api/admin/connections/default/completion-webhook/main", Some(receiver)).await;
    ask(hooks, "POST", SYNC, Some(json!({}))).await;
    hooks.work(Queue::Completions).await;
    hooks.host.fire("Again").await.unwrap();
    ask(hooks, "GET", "/api/admin/completions", None).await;
}

/// A week that is over, and who is told of it.
async fn digests(hooks: &Hooks) {
    let one = |provider: &str| format!("/api/admin/connections/default/{provider}/weekly");
    ask(hooks, "PUT", &one("weekly-digest"), Some(json!({"settings": {"to": ["ada@shop.example"]}}))).await;
    let channel = json!({"settings": {"weeklyDigest": "tenant"}, "secrets": {"current": "http://127.0.0.1:1/a"}});
    ask(hooks, "PUT", &one("teams"), Some(channel)).await;
    for _ in 0..7 * 4 {
        hooks.pass(Duration::from_secs(6 * 3600));
        hooks.host.fire("Weekly").await.unwrap();
    }
    ask(hooks, "GET", "/api/admin/digests", None).await;
}

async fn reads(hooks: &Hooks) {
    let runs = ask(hooks, "GET", "/api/catalog/vendor-sync/runs", None).await;
    let id = runs["data"]["items"][0]["id"].as_str().unwrap();
    ask(hooks, "GET", &format!("{SYNC}/runs/{id}"), None).await;
    for path in [
        "runs?status=success",
        "state",
        "overview",
        "observability?start=2020-01-01",
        "observability?start=2020-01-01&status=success",
        "registry/moscot",
    ] {
        ask(hooks, "GET", &format!("/api/catalog/vendor-sync/{path}"), None).await;
    }
    let found = "/api/admin/deliveries?status=all";
    for path in ["/metrics", "/health/ready", LETTERS, found, &format!("{found}&source=pos&key=a")] {
        ask(hooks, "GET", path, None).await;
    }
    ask(hooks, "GET", "/api/admin/mirror/held", None).await;
    ask(hooks, "GET", "/api/admin/overview", None).await;
    // Whoever enters a tenant's data is put on its record, also by who only reads.
    let entered = hooks.get("/api/sync/health").bearer(&hooks.user_token("SUPER_ADMIN", &[], &[])).answer().await;
    assert_eq!(entered.status, 200, "{}", entered.text);
}
