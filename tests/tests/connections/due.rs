//! Schedules of connections: each time is started once, whoever looks, however often, and whatever dies in between.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::domain::connections::schedule::Schedule;
use signalbox::domain::connections::stored::{ConnectionState, StoredConnection};
use signalbox::http::auth::READ;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::process::Process;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Verdict, Wire, at};

use crate::connections::desk::Desk;

/// A catalogue of the table that is due every hour.
async fn scheduled(desk: &Desk<'_>, hooks: &Hooks, source: &str) -> StoredConnection {
    let before = desk.put("acme/catalogue/shop", json!({"source": source}), None).await;
    let after = StoredConnection { schedule: Schedule::Every(60), version: before.version + 1, ..before.clone() };
    desk.store.put(Some(&before), &after, &[], &[]).await.unwrap();
    let now = hooks.clock.now();
    desk.store.reschedule(&after.connection, after.version, after.due_after(now), now).await.unwrap();
    after
}

async fn hooks(root: &tempfile::TempDir) -> Hooks {
    std::fs::write(root.path().join("shop.json"), r#"[{"catalogId":"a"}]"#).unwrap();
    Hooks::with(&[("CATALOG_ROOT", root.path().to_str().unwrap())]).await
}

/// The runs of the shop, newest first.
async fn runs(hooks: &Hooks) -> Vec<Value> {
    let token = hooks.token("acme", &[READ]);
    let page = hooks.ask("GET", "/api/catalog/vendor-sync/runs?vendor=shop", Some(&token), None).await.expect(200);
    page["data"]["items"].as_array().unwrap().clone()
}

async fn tick(process: &Process) {
    process.fire("due").await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_due_is_started_once_and_again_an_hour_later() {
    let root = tempfile::tempdir().unwrap();
    let hooks = hooks(&root).await;
    let desk = Desk::new(&hooks);
    scheduled(&desk, &hooks, "shop.json").await;
    let process = hooks.process(Wire::whole()).await;
    tick(&process).await;
    assert_eq!(runs(&hooks).await.len(), 0, "it is not due yet");
    for hour in 1..=3 {
        hooks.pass(Duration::from_secs(3600));
        tick(&process).await;
        hooks.work(Queue::Sync).await;
        tick(&process).await;
        let runs = runs(&hooks).await;
        assert_eq!((runs.len(), &runs[0]["status"], &runs[0]["actor"]), (hour, &json!("success"), &json!("schedule")));
    }
}

#[tokio::test]
async fn a_paused_connection_is_started_no_more() {
    let root = tempfile::tempdir().unwrap();
    let hooks = hooks(&root).await;
    let desk = Desk::new(&hooks);
    let stored = scheduled(&desk, &hooks, "shop.json").await;
    let paused = ConnectionState::Paused { by: "ada".into(), why: String::new(), since: hooks.clock.now() };
    desk.store.put(Some(&stored), &stored.in_state(paused, desk.change()), &[], &[]).await.unwrap();
    let process = hooks.process(Wire::whole()).await;
    hooks.pass(Duration::from_secs(3600));
    tick(&process).await;
    assert_eq!(runs(&hooks).await.len(), 0);
    assert!(desk.store.due(hooks.clock.now(), 10).await.unwrap().is_empty(), "nobody looks at it again");
}

#[tokio::test]
async fn a_crash_anywhere_starts_each_time_once() {
    let root = tempfile::tempdir().unwrap();
    let calls = {
        let hooks = hooks(&root).await;
        scheduled(&Desk::new(&hooks), &hooks, "shop.json").await;
        hooks.pass(Duration::from_secs(3600));
        let process = hooks.process(Wire::whole()).await;
        tick(&process).await;
        process.wire().calls()
    };
    assert!(calls.len() > 10, "{calls:?}");
    for (number, operation) in calls.iter().enumerate() {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            let hooks = hooks(&root).await;
            scheduled(&Desk::new(&hooks), &hooks, "shop.json").await;
            hooks.pass(Duration::from_secs(3600));
            let dying = hooks.process(Wire::when(at(number), verdict)).await;
            let _crashed = dying.fire("due").await;
            // Whatever lies between: the next minutes, and the watchdog, which sends a started run on.
            let process = hooks.process(Wire::whole()).await;
            for _ in 0..4 {
                hooks.pass(Duration::from_secs(60));
                tick(&process).await;
                process.fire("watchdog").await.unwrap().unwrap();
                hooks.work(Queue::Sync).await;
            }
            let runs = runs(&hooks).await;
            assert_eq!(
                (runs.len(), &runs[0]["status"]),
                (1, &json!("success")),
                "call {number} ({operation}), {verdict:?}"
            );
        }
    }
}
