//! What the queue of runs gives up on is found with its reason, once, and its run goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox::http::auth::{READ, WRITE};
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::process::Process;
use signalbox_tests::queues::Queue;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::wire::{Fault, Verdict, Wire, any, at};

use crate::deliveries::dead_letters::LIST;

const SYNC: &str = "/api/catalog/moscot/sync";
/// Of `template.yaml`.
const RECEIVES_MAX: usize = 5;

/// A run whose only message no worker finishes; its id.
async fn given_up(hooks: &Hooks) -> String {
    let root = hooks.environment("sync-control").require("CATALOG_ROOT").unwrap().to_owned();
    std::fs::write(format!("{root}/moscot.catalog.json"), Catalogue::small(5).json()).unwrap();
    let brief = hooks.process_with(Wire::whole(), &[("INLINE_BUDGET_MS", "0")]).await;
    let (token, body) = (hooks.token("default", &[WRITE]), Some(json!({})));
    assert_eq!(brief.ask("sync-control", "POST", SYNC, &token, body).await.unwrap().status, 202);
    let away = hooks.process(Wire::when(any(), Verdict::Fail(Fault::ServerError))).await;
    assert_eq!(hooks.exhaust(Queue::Sync, &away).await, RECEIVES_MAX);
    runs(hooks).await[0]["id"].as_str().unwrap().to_owned()
}

async fn runs(hooks: &Hooks) -> Vec<Value> {
    let token = hooks.token("default", &[READ]);
    let page = hooks.ask("GET", "/api/catalog/vendor-sync/runs", Some(&token), None).await.expect(200);
    page["data"]["items"].as_array().unwrap().clone()
}

/// What is recorded of a tenant.
async fn letters(hooks: &Hooks, tenant: &str) -> Vec<Value> {
    let page = hooks.ask("GET", LIST, Some(&hooks.operator(tenant)), None).await.expect(200);
    page["items"].as_array().unwrap().clone()
}

/// Records what is there, and leaves it to be handed out again.
async fn record(hooks: &Hooks, process: &Process) {
    let messages = hooks.receive(Queue::SyncDeadLetters).await;
    assert_eq!(process.handle(Queue::SyncDeadLetters, &messages).await.unwrap(), [""; 0]);
    let all: Vec<String> = messages.iter().map(|message| message.message_id().unwrap().to_owned()).collect();
    hooks.finish(Queue::SyncDeadLetters, &messages, &all).await;
}

#[tokio::test]
async fn a_slice_that_no_worker_finished_is_found_and_its_run_goes_on() {
    let hooks = Hooks::start().await;
    let run = given_up(&hooks).await;
    let process = hooks.process(Wire::whole()).await;
    record(&hooks, &process).await;
    assert_eq!(process.measured("dead_letters"), BTreeMap::from([("queue=syncs".to_owned(), 1.0)]));
    let found = letters(&hooks, "default").await;
    assert_eq!((found.len(), &found[0]["sync"]), (1, &json!({"of": "run", "runId": run})), "{found:?}");
    assert_eq!(found[0]["reason"], "no worker finished the message; its run is open, and the watchdog goes on with it");
    assert_eq!((&found[0]["provider"], &found[0]["connection"]), (&json!("catalogue"), &json!("moscot")));
    let id = found[0]["id"].as_str().unwrap();
    let operator = hooks.operator("default");
    let requeued = hooks.ask("POST", &format!("{LIST}/{id}/requeue"), Some(&operator), None).await;
    assert_eq!(requeued.problem(), (422, "unprocessable"));

    hooks.pass(Duration::from_secs(600));
    hooks.host.fire("Watchdog").await.unwrap();
    hooks.work(Queue::Sync).await;
    assert_eq!(runs(&hooks).await[0]["status"], "success");
    // It comes once more: one entry, which says what became of the run since.
    record(&hooks, &process).await;
    let found = letters(&hooks, "default").await;
    assert_eq!((found.len(), &found[0]["id"]), (1, &json!(id)));
    assert_eq!(found[0]["reason"], "no worker finished the message; its run ended as Success");
    hooks.ask("DELETE", &format!("{LIST}/{id}"), Some(&hooks.operator("default")), None).await.expect(200);
    assert!(letters(&hooks, "default").await.is_empty());
}

#[tokio::test]
async fn whatever_a_message_is_about_is_kept_with_its_tenant() {
    let hooks = Hooks::start().await;
    let run = "018bcfe5-6800-7000-8000-000000000000";
    let replay = "0123456789abcdef0123456789abcdef";
    for (body, tenant, sync, reason) in [
        ("who am I".to_owned(), "default", json!({"of": "unreadable"}), "it cannot be read"),
        (
            json!({"connection": "acme/doorloop/main", "runId": run}).to_string(),
            "acme",
            json!({"of": "run", "runId": run}),
            "its run is not there",
        ),
        (
            json!({"tenant": "globex", "replay": replay, "chunk": 1}).to_string(),
            "globex",
            json!({"of": "replay", "replayId": replay}),
            "its replay stands still until somebody starts it again",
        ),
        (
            json!({"fanOut": run, "strategy": "gbp_to_platform"}).to_string(),
            "default",
            json!({"of": "fanOut", "runId": run}),
            "the watchdog goes on with it",
        ),
    ] {
        let url = hooks.queue_url(Queue::SyncDeadLetters);
        hooks.host.sqs().send_message().queue_url(url).message_body(&body).send().await.unwrap();
        assert_eq!(hooks.work(Queue::SyncDeadLetters).await, 1);
        hooks.pass(Duration::from_secs(1));
        let found = letters(&hooks, tenant).await;
        assert_eq!(found[0]["sync"], sync, "{body}");
        assert_eq!(found[0]["reason"], format!("no worker finished the message; {reason}"), "{body}");
        let kept = hooks.items("JOURNAL_TABLE", &format!("{tenant}#dead-letters")).await;
        let stored = json!(hex::encode(&body));
        assert!(kept.iter().any(|item| item.get("body") == Some(&stored)), "{body} in {kept:?}");
    }
}

#[tokio::test]
async fn a_crash_at_any_call_leaves_one_entry() {
    let calls = {
        let hooks = Hooks::start().await;
        given_up(&hooks).await;
        let process = hooks.process(Wire::whole()).await;
        record(&hooks, &process).await;
        process.wire().calls()
    };
    assert_eq!(calls, ["DynamoDB.GetItem", "DynamoDB.PutItem", "DynamoDB.PutItem"], "the run, the body, the entry");
    for number in 0..calls.len() {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            let hooks = Hooks::start().await;
            given_up(&hooks).await;
            let dying = hooks.process(Wire::when(at(number), verdict)).await;
            let messages = hooks.receive(Queue::SyncDeadLetters).await;
            assert!(dying.handle(Queue::SyncDeadLetters, &messages).await.is_err(), "{verdict:?} of call {number}");
            let all: Vec<String> = messages.iter().map(|message| message.message_id().unwrap().to_owned()).collect();
            hooks.finish(Queue::SyncDeadLetters, &messages, &all).await;
            assert_eq!(hooks.work(Queue::SyncDeadLetters).await, 1);
            assert_eq!(letters(&hooks, "default").await.len(), 1, "{verdict:?} of call {number}");
            let stored = hooks.items("JOURNAL_TABLE", "default#dead-letters").await;
            assert_eq!(stored.len(), 2, "entry and body: {stored:?}");
        }
    }
    // Storage that fails leaves the message where it is.
    let hooks = Hooks::start().await;
    given_up(&hooks).await;
    let away = hooks.process(Wire::when(any(), Verdict::Fail(Fault::ServerError))).await;
    let messages = hooks.receive(Queue::SyncDeadLetters).await;
    assert_eq!(away.handle(Queue::SyncDeadLetters, &messages).await.unwrap().len(), 1);
}
