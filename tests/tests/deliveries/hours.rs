//! What is counted of each connection by the hour.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::items::Item;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Fault, Verdict, Wire, every};

use super::dead_letters::named;

/// The counters of a connection, the oldest hour first, without what only keys and sweeps go by.
async fn hours(hooks: &Hooks, connection: &str) -> Vec<Item> {
    let mut hours = hooks.items("DELIVERIES_TABLE", &format!("{connection}#hours")).await;
    for hour in &mut hours {
        hour.retain(|name, _| !["pk", "sk", "expires_at", "lag.sum_ms"].contains(&name.as_str()));
    }
    hours
}

#[tokio::test]
async fn an_event_is_counted_once_in_the_hour_in_which_it_was_handled() {
    let hooks = Hooks::start().await;
    let start = hooks.clock.now().as_millisecond();
    let text = |ms: i64| (start + ms).to_string();
    for key in ["a", "b"] {
        assert_eq!(hooks.send(&named("t1", key)).await.status, 201);
    }
    // Storage is away for the first attempt of both, and comes back.
    let broken = hooks.process(Wire::when(every("DynamoDB.PutItem"), Verdict::Fail(Fault::ServerError))).await;
    let messages = hooks.receive(Queue::Webhooks).await;
    let failed = broken.handle(Queue::Webhooks, &messages).await.unwrap();
    assert_eq!(failed.len(), 2);
    hooks.finish(Queue::Webhooks, &messages, &failed).await;
    let first = json!({"received": "2", "failed": "2", "lastReceivedMs": text(0)});
    assert_eq!(json!(hours(&hooks, "t1/pos/demo").await), json!([first]));

    hooks.pass(Duration::from_secs(3600));
    assert_eq!(hooks.send(&named("t1", "c")).await.status, 201);
    assert_eq!(hooks.work(Queue::Webhooks).await, 3);
    // A sender's second attempt, and one that the queue hands out once more, are nothing new.
    assert_eq!(hooks.send(&named("t1", "c")).await.status, 204);
    assert!(broken.handle(Queue::Webhooks, &messages).await.unwrap().len() == 2);
    let hour = 3_600_000;
    let second = json!({"received": "1", "processed": "3", "late": "2", "lag.le.100": "1", "lag.above": "2",
        "lastReceivedMs": text(hour), "lastProcessedMs": text(hour)});
    let counted = json!(hours(&hooks, "t1/pos/demo").await);
    assert_eq!((&counted[1], &counted[0]["recovered"]), (&second, &json!("2")), "where they had failed");
}

#[tokio::test]
async fn a_batch_is_counted_for_each_of_its_connections_and_a_count_that_fails_fails_nothing() {
    let hooks = Hooks::start().await;
    let sent = async |key: &str| {
        let github = Delivery::github(key, format!("{{\"n\":\"{key}\"}}"));
        (hooks.send(&named("t1", key)).await.status, hooks.send(&github).await.status)
    };
    assert_eq!(sent("a").await, (201, 200));
    assert_eq!(hooks.work(Queue::Webhooks).await, 2);
    for connection in ["t1/pos/demo", "acme/github/acme"] {
        assert_eq!(hours(&hooks, connection).await[0]["processed"], "1", "{connection}");
    }
    assert_eq!(sent("b").await, (201, 200));
    // Both completions, and then what is counted.
    let updates = AtomicUsize::new(0);
    let wire = Wire::planned(move |call| {
        let is_update = call.operation == "DynamoDB.UpdateItem" && call.about.contains(&"DeliveriesTable".to_owned());
        match is_update && updates.fetch_add(1, Ordering::SeqCst) >= 2 {
            true => Verdict::Fail(Fault::ServerError),
            false => Verdict::Pass,
        }
    });
    let messages = hooks.receive(Queue::Webhooks).await;
    assert!(hooks.process(wire).await.handle(Queue::Webhooks, &messages).await.unwrap().is_empty());
    assert_eq!(hours(&hooks, "t1/pos/demo").await[0]["processed"], "1");
}
