//! Schedules of connections: each time is started once, whoever looks, however often, and whatever dies in between.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox::aws::queues::due::DueMessage;
use signalbox::domain::connections::schedule::Schedule;
use signalbox::domain::connections::stored::{ConnectionState, StoredConnection};
use signalbox::domain::ids::Connection;
use signalbox::http::auth::{READ, WRITE};
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Verdict, Wire, at, every, first};

use crate::connections::desk::Desk;

/// A catalogue of the table that is due every hour.
async fn scheduled(desk: &Desk<'_>, hooks: &Hooks, source: &str) -> StoredConnection {
    scheduled_with(desk, hooks, json!({"source": source})).await
}

async fn scheduled_with(desk: &Desk<'_>, hooks: &Hooks, settings: Value) -> StoredConnection {
    let before = desk.put("acme/catalogue/shop", settings, None).await;
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

/// What is due is handed out, and started.
async fn tick(hooks: &Hooks, process: &Process) -> Result<(), Crashed> {
    process.fire("due").await?.unwrap();
    let messages = hooks.receive(Queue::Due).await;
    if !messages.is_empty() {
        let failed = process.handle(Queue::Due, &messages).await?;
        hooks.finish(Queue::Due, &messages, &failed).await;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_due_is_started_once_and_again_an_hour_later() {
    let root = tempfile::tempdir().unwrap();
    let hooks = hooks(&root).await;
    let desk = Desk::new(&hooks);
    scheduled(&desk, &hooks, "shop.json").await;
    let process = hooks.process(Wire::whole()).await;
    tick(&hooks, &process).await.unwrap();
    assert_eq!(runs(&hooks).await.len(), 0, "it is not due yet");
    for hour in 1..=3 {
        hooks.pass(Duration::from_secs(3600));
        tick(&hooks, &process).await.unwrap();
        hooks.work(Queue::Sync).await;
        tick(&hooks, &process).await.unwrap();
        let runs = runs(&hooks).await;
        assert_eq!((runs.len(), &runs[0]["status"], &runs[0]["actor"]), (hour, &json!("success"), &json!("schedule")));
    }
}

#[tokio::test]
async fn how_late_it_was_handed_out_is_measured_where_something_was() {
    const LAG: &str = "scheduler.due_lag_ms";
    let root = tempfile::tempdir().unwrap();
    let hooks = hooks(&root).await;
    let desk = Desk::new(&hooks);
    let stored = scheduled(&desk, &hooks, "shop.json").await;
    let process = hooks.process(Wire::whole()).await;
    process.fire("due").await.unwrap().unwrap();
    assert_eq!(process.metric(LAG).len(), 0);
    hooks.pass(Duration::from_secs(2 * 3600));
    let due = desk.store.due_time(&stored.connection).await.unwrap().unwrap().at;
    for _ in 0..2 {
        process.fire("due").await.unwrap().unwrap();
    }
    let late = hooks.clock.now().as_millisecond() - due.as_millisecond();
    assert_eq!(process.measured(LAG), [(String::new(), late as f64)].into(), "once, and of no dimension");
}

/// Each schedule by itself, as one that is gone must be missed while the others come; and also where it comes to nothing.
#[tokio::test]
async fn each_tick_that_comes_is_counted_by_its_schedule() {
    let root = tempfile::tempdir().unwrap();
    let hooks = hooks(&root).await;
    let process = hooks.process(Wire::whole()).await;
    for schedule in ["due", "due", "import", "watchdog", "nightly"] {
        process.fire(schedule).await.unwrap().unwrap();
    }
    let expected = [("due", 2.0), ("import", 1.0), ("nightly", 1.0), ("watchdog", 1.0)];
    let of = |(schedule, count)| (format!("schedule={schedule}"), count);
    assert_eq!(process.measured("scheduler.ticks"), expected.map(of).into());
    let dying = hooks.process(Wire::when(first("DynamoDB.GetItem"), Verdict::KillBefore)).await;
    dying.fire("due").await.unwrap_err();
    assert_eq!(dying.measured("scheduler.ticks"), [("schedule=due".into(), 1.0)].into());
}

#[tokio::test]
async fn a_paused_connection_is_started_no_more() {
    let root = tempfile::tempdir().unwrap();
    let hooks = hooks(&root).await;
    let desk = Desk::new(&hooks);
    let stored = scheduled(&desk, &hooks, "shop.json").await;
    hooks.pass(Duration::from_secs(3600));
    let process = hooks.process(Wire::whole()).await;
    process.fire("due").await.unwrap().unwrap();
    // As it was handed out already.
    let paused = ConnectionState::Paused { by: "ada".into(), why: String::new(), since: hooks.clock.now() };
    desk.store.put(Some(&stored), &stored.in_state(paused, desk.change()), &[], &[]).await.unwrap();
    assert_eq!(hooks.work(Queue::Due).await, 1);
    assert_eq!(runs(&hooks).await.len(), 0);
    assert_eq!(desk.store.due_time(&stored.connection).await.unwrap(), None, "nobody looks at it again");
}

#[tokio::test]
async fn a_time_at_which_nothing_can_be_started_leaves_its_reason() {
    let root = tempfile::tempdir().unwrap();
    let hooks = hooks(&root).await;
    let desk = Desk::new(&hooks);
    let bare = scheduled_with(&desk, &hooks, json!({})).await;
    hooks.pass(Duration::from_secs(3600));
    let process = hooks.process(Wire::whole()).await;
    for _ in 0..2 {
        tick(&hooks, &process).await.unwrap();
    }
    let runs = runs(&hooks).await;
    assert_eq!((runs.len(), &runs[0]["metadata"]["errorCode"]), (1, &json!("source_not_allowed")), "{runs:?}");
    let due = desk.store.due_time(&bare.connection).await.unwrap().unwrap();
    assert!(due.at > hooks.clock.now() && due.starts == 0, "it waits for its next time: {due:?}");
}

#[tokio::test]
async fn a_time_at_which_another_run_is_in_progress_leaves_one_skipped_run_however_often_it_comes() {
    let root = tempfile::tempdir().unwrap();
    let hooks = hooks(&root).await;
    scheduled(&Desk::new(&hooks), &hooks, "shop.json").await;
    hooks.pass(Duration::from_secs(3600));
    let brief = hooks.process_with(Wire::whole(), &[("INLINE_BUDGET_MS", "0")]).await;
    let (token, body) = (hooks.token("acme", &[WRITE]), Some(json!({"dryRun": false})));
    let manual = "/api/catalog/vendor-sync/shop/sync";
    assert_eq!(brief.ask("sync-control", "POST", manual, &token, body).await.unwrap().status, 202);
    brief.fire("due").await.unwrap().unwrap();
    let messages = hooks.receive(Queue::Due).await;
    let other = hooks.process(Wire::whole()).await;
    let (one, two) = tokio::join!(brief.handle(Queue::Due, &messages), other.handle(Queue::Due, &messages));
    assert_eq!((one.unwrap().len(), two.unwrap().len()), (0, 0));
    let mut runs = runs(&hooks).await;
    runs.retain(|run| run["actor"] == "schedule");
    assert_eq!((runs.len(), &runs[0]["metadata"]["errorCode"]), (1, &json!("sync_in_progress")), "{runs:?}");
}

/// A manual run between a crash and the next look, and whatever else: each time is started once, and passed over never.
#[tokio::test]
async fn a_crash_anywhere_starts_each_time_once() {
    let root = tempfile::tempdir().unwrap();
    let calls = {
        let hooks = hooks(&root).await;
        scheduled(&Desk::new(&hooks), &hooks, "shop.json").await;
        hooks.pass(Duration::from_secs(3600));
        let process = hooks.process(Wire::whole()).await;
        tick(&hooks, &process).await.unwrap();
        process.wire().calls()
    };
    for effect in ["SQS.SendMessageBatch", "DynamoDB.TransactWriteItems", "SQS.SendMessage"] {
        assert!(calls.iter().any(|call| call == effect), "{effect} is not among {calls:?}");
    }
    for (number, operation) in calls.iter().enumerate() {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            let hooks = hooks(&root).await;
            scheduled(&Desk::new(&hooks), &hooks, "shop.json").await;
            hooks.pass(Duration::from_secs(3600));
            let dying = hooks.process(Wire::when(at(number), verdict)).await;
            assert_eq!(tick(&hooks, &dying).await, Err(Crashed));
            let token = hooks.token("acme", &[WRITE]);
            let manual = "/api/catalog/vendor-sync/shop/sync";
            hooks.ask("POST", manual, Some(&token), Some(json!({"dryRun": false}))).await;
            // Whatever lies between: a quarter of an hour, and the watchdog, which sends a started run on.
            let process = hooks.process(Wire::whole()).await;
            for _ in 0..4 {
                hooks.pass(Duration::from_secs(200));
                tick(&hooks, &process).await.unwrap();
                process.fire("watchdog").await.unwrap().unwrap();
                hooks.work(Queue::Sync).await;
            }
            let mut runs = runs(&hooks).await;
            runs.retain(|run| run["actor"] == "schedule");
            assert_eq!(
                (runs.len(), &runs[0]["status"]),
                (1, &json!("success")),
                "call {number} ({operation}), {verdict:?}"
            );
        }
    }
}

#[tokio::test]
async fn ticks_and_messages_that_overlap_start_a_time_once_and_pass_none_over() {
    let root = tempfile::tempdir().unwrap();
    let hooks = hooks(&root).await;
    let desk = Desk::new(&hooks);
    let shop = scheduled(&desk, &hooks, "shop.json").await.connection;
    hooks.pass(Duration::from_secs(3600));
    let due = desk.store.due_time(&shop).await.unwrap().unwrap();
    let process = hooks.process(Wire::whole()).await;
    process.fire("due").await.unwrap().unwrap();
    let messages = hooks.receive(Queue::Due).await;
    // One of the two has read when it is due, and then stands still until the other is done.
    let slow = hooks.process(Wire::when(first("DynamoDB.TransactWriteItems"), Verdict::Hold)).await;
    let fast = async {
        slow.wire().held().await;
        process.handle(Queue::Due, &messages).await.unwrap();
        slow.wire().release();
    };
    let (done, ()) = tokio::join!(slow.handle(Queue::Due, &messages), fast);
    done.unwrap();
    let runs = runs(&hooks).await;
    assert_eq!((runs.len(), &runs[0]["status"]), (1, &json!("running")), "{runs:?}");
    let looked_at = desk.store.due_time(&shop).await.unwrap().unwrap();
    assert_eq!((looked_at.starts, looked_at.run.is_some(), looked_at.at > due.at), (1, true, true));
}

/// Of a source that does not answer, each start is looked at by its own id: neither a crash after it nor a manual run is
/// in the way of those that follow.
#[tokio::test]
async fn a_run_that_failed_for_a_reason_that_passes_is_started_three_more_times_whatever_crashes() {
    let closed = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().to_string();
    for killed in [None, Some(1), Some(2), Some(3)] {
        let hooks = Hooks::with(&[("CATALOG_HOSTS", &closed)]).await;
        let desk = Desk::new(&hooks);
        let before =
            desk.put("acme/catalogue/shop", json!({"source": format!("http://{closed}/shop.json")}), None).await;
        let daily = StoredConnection { schedule: Schedule::Every(1440), version: before.version + 1, ..before.clone() };
        desk.store.put(Some(&before), &daily, &[], &[]).await.unwrap();
        let due = desk.store.due_time(&daily.connection).await.unwrap().unwrap();
        hooks.clock.advance(Duration::try_from(due.at.duration_since(hooks.clock.now())).unwrap());
        let wire = match killed {
            Some(start) => Wire::when(
                every("DynamoDB.TransactWriteItems").about("ConnectionsTable").nth(start),
                Verdict::KillAfter,
            ),
            None => Wire::whole(),
        };
        let dying = hooks.process(wire).await;
        let process = hooks.process(Wire::whole()).await;
        let mut crashed = false;
        for _ in 0..20 {
            crashed = crashed || tick(&hooks, &dying).await.is_err();
            if crashed {
                tick(&hooks, &process).await.unwrap();
            }
            process.fire("watchdog").await.unwrap().unwrap();
            hooks.exhaust(Queue::Sync, &process).await;
            hooks.pass(Duration::from_secs(300));
        }
        assert_eq!(crashed, killed.is_some());
        let runs = runs(&hooks).await;
        let codes: BTreeSet<&str> = runs.iter().filter_map(|run| run["metadata"]["errorCode"].as_str()).collect();
        assert_eq!((runs.len(), codes), (4, ["source_unreadable"].into()), "killed after start {killed:?}: {runs:?}");
    }
}

/// A worker that takes nothing does not let messages pile up, and what is due still is handed out again after a while.
#[tokio::test]
async fn what_nobody_takes_is_handed_out_once_in_ten_minutes() {
    let root = tempfile::tempdir().unwrap();
    let hooks = hooks(&root).await;
    scheduled(&Desk::new(&hooks), &hooks, "shop.json").await;
    hooks.pass(Duration::from_secs(3600));
    let process = hooks.process(Wire::whole()).await;
    for minute in 0..30 {
        process.fire("due").await.unwrap().unwrap();
        let sent = process.wire().calls().iter().filter(|call| *call == "SQS.SendMessageBatch").count();
        assert_eq!(sent, 1 + minute / 10, "after {minute} minutes");
        hooks.pass(Duration::from_secs(60));
    }
}

/// More than a message, a call and a shard's page hold: each is handed out once, by as many calls as it takes.
#[tokio::test]
async fn many_are_handed_out_25_a_message_and_250_a_call() {
    let root = tempfile::tempdir().unwrap();
    let hooks = hooks(&root).await;
    let desk = Desk::new(&hooks);
    let named = |number: usize| -> Connection { format!("acme/catalogue/shop-{number}").parse().unwrap() };
    for number in 0..300 {
        let now = hooks.clock.now();
        desk.store.reschedule(&named(number), 1, Some(now), now).await.unwrap();
    }
    let process = hooks.process(Wire::whole()).await;
    process.fire("due").await.unwrap().unwrap();
    let calls = process.wire().calls();
    let queries = calls.iter().filter(|call| *call == "DynamoDB.Query").count();
    let sent = calls.iter().filter(|call| *call == "SQS.SendMessageBatch").count();
    assert_eq!((queries, sent), (8, 8), "a page and a call a shard");
    let mut handed_out = Vec::new();
    loop {
        let messages = hooks.receive(Queue::Due).await;
        if messages.is_empty() {
            break;
        }
        for message in &messages {
            let message: DueMessage = serde_json::from_str(message.body().unwrap()).unwrap();
            assert!(message.due.len() <= 25);
            handed_out.extend(message.due);
        }
        hooks.finish(Queue::Due, &messages, &[]).await;
    }
    handed_out.sort();
    let mut all: Vec<Connection> = (0..300).map(named).collect();
    all.sort();
    assert_eq!(handed_out, all);
}
