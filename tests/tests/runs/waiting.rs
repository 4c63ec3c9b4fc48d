//! A run that may not go on before a time: it waits as a state, whoever looks at it, and is resumed once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use serde_json::{Value, json};
use signalbox::engine::runs::stop::Stopping;
use signalbox_tests::queues::Queue;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;

use super::stops::stop;

const MINUTE: Duration = Duration::from_secs(60);

/// A vendor that asks for half an hour the first so many times, and then answers.
struct Vendor {
    address: String,
    asked: Arc<AtomicUsize>,
}

impl Vendor {
    async fn busy(times: usize, retry_after: &'static str) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let answer = move || async move {
            if count.fetch_add(1, Ordering::SeqCst) < times {
                return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, retry_after)]).into_response();
            }
            ([(header::LAST_MODIFIED, "Thu, 15 Jan 2026 10:00:00 GMT")], Catalogue::small(30).json()).into_response()
        };
        let router = Router::new().route("/catalog.json", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Starts a sync from it, which goes on in the background.
    async fn sync(&self, world: &World<'_>) {
        let process = world.healthy().await;
        let answer = process.sync(json!({"sourcePath": format!("http://{}/catalog.json", self.address)})).await;
        assert_eq!((answer.status, &answer.body["accepted"]), (202, &json!(true)), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_run_that_waits_half_an_hour_is_left_alone_by_thirty_rounds_and_resumed_once() {
    let system = System::start().await;
    let mut world = system.operators_world();
    let vendor = Vendor::busy(1, "1800").await;
    world.set("CATALOG_HOSTS", vendor.address.clone());
    vendor.sync(&world).await;
    let stored = world.stored().await;
    assert_eq!((stored.statuses(), vendor.asked()), (vec!["Pending"], 1));
    assert_eq!(stored.lease["waitsFor"], "retryAfter");
    assert!(!world.runs().await[0].contains_key("expires_at"), "what waits is not history yet");
    // Who looks at it, or starts another, learns how long it takes.
    let process = world.healthy().await;
    let until = stored.runs[0]["wait"]["until"].as_str().unwrap();
    let busy = process.sync(json!({})).await;
    let run = busy.body["runId"].as_str().unwrap();
    assert_eq!(busy.body["detail"], format!("run {run} is in progress, and waits until {until}"));
    let shown = process.get(&format!("/api/catalog/moscot/sync/runs/{run}")).await;
    let metadata = &shown.body["data"]["metadata"];
    assert_eq!((&metadata["waitsUntil"], &metadata["waitsFor"]), (&json!(until), &json!("retryAfter")));
    // A wait is no attempt.
    assert_eq!(world.runs().await[0]["attempts"], Value::String("0".into()));

    let process = world.healthy().await;
    for round in 0..29 {
        system.pass(MINUTE);
        process.watchdog().await.unwrap().unwrap();
        process.drain().await.unwrap();
        assert_eq!((world.statuses().await, vendor.asked()), (vec!["Pending".to_owned()], 1), "round {round}");
    }
    // A queue delays a message for a quarter of an hour: it hopped once, and nobody sent another.
    let sent = process.wire().calls().into_iter().filter(|call| call == "SQS.SendMessage").count();
    assert_eq!((sent, world.open_runs().await), (1, 1));

    system.pass(MINUTE);
    process.watchdog().await.unwrap().unwrap();
    process.drain().await.unwrap();
    let stored = world.stored().await;
    assert_eq!((stored.statuses(), stored.products().len()), (vec!["Success"], 30));
    stored.check_consistent();
    assert!(!stored.runs[0].contains_key("wait"), "{:?}", stored.runs[0]);
    assert!(world.runs().await[0].contains_key("expires_at"), "it is over");
    // Its slices are told: the one that was asked to wait, and half an hour later the one that ended it.
    let shown = process.get(&format!("/api/catalog/moscot/sync/runs/{run}")).await;
    let metadata = &shown.body["data"]["metadata"];
    let slices = metadata["slices"].as_array().unwrap();
    let ended: Vec<&str> = slices.iter().map(|slice| slice["endedBy"].as_str().unwrap()).collect();
    assert_eq!((ended, &metadata["slicesBefore"]), (vec!["retryAfter", "over"], &json!(0)));
    assert!(slices[1]["startedAt"].as_str().unwrap() >= until, "{metadata}");
    let asked = vendor.asked();
    assert!(process.drain().await.is_ok() && system.due_in(Queue::Sync).is_none(), "a message too many");
    // Read to compare, and read again to write.
    assert_eq!((asked, vendor.asked()), (3, 3));
}

#[tokio::test]
async fn a_run_whose_vendor_asks_again_and_again_is_given_up_in_the_end() {
    let system = System::start().await;
    let mut world = system.operators_world();
    let vendor = Vendor::busy(usize::MAX, "7200").await;
    world.set("CATALOG_HOSTS", vendor.address.clone());
    vendor.sync(&world).await;
    world.healthy().await.drain_with_time().await.unwrap();
    let stored = world.stored().await;
    assert_eq!((stored.statuses(), vendor.asked()), (vec!["Failed"], 12));
    assert_eq!(stored.runs[0]["error"]["code"], "source_busy");
    assert_eq!((stored.open, world.told("run.failed").len()), (0, 1));
    stored.check_consistent();
}

#[tokio::test]
async fn a_run_that_waits_stops_at_once_when_it_is_asked_to() {
    let system = System::start().await;
    let mut world = system.operators_world();
    let vendor = Vendor::busy(1, "1800").await;
    world.set("CATALOG_HOSTS", vendor.address.clone());
    vendor.sync(&world).await;
    assert_eq!(stop(&world, &world.tenant).await, Stopping::Asked);
    let before = system.clock.now();
    world.healthy().await.drain().await.unwrap();
    let stored = world.stored().await;
    assert_eq!((stored.statuses(), vendor.asked()), (vec!["Cancelled"], 1));
    assert_eq!(stored.runs[0]["error"]["code"], "stopped");
    assert!(system.clock.now().as_second() - before.as_second() < 60);
    stored.check_consistent();
}

#[tokio::test]
async fn a_message_that_is_lost_while_a_run_waits_is_made_up_for() {
    let system = System::start().await;
    let mut world = system.operators_world();
    let vendor = Vendor::busy(1, "60").await;
    world.set("CATALOG_HOSTS", vendor.address.clone());
    vendor.sync(&world).await;
    system.pass(MINUTE);
    let lost = system.receive(Queue::Sync).await;
    system.finish(Queue::Sync, &lost, &[]).await;
    assert_eq!(lost.len(), 1);
    world.settle().await;
    assert_eq!(world.stored().await.statuses(), ["Success"]);
}
