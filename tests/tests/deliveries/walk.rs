//! A seeded walk: events, duplicates, conflicts and forgeries in any order, while calls are throttled, fail, lose their
//! replies, and processes die. What the queue gives up on is requeued. A failure prints the seed that replays it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;
use signalbox_tests::walk::{Dice, seed};
use signalbox_tests::wire::Wire;

use super::crash_matrix::Ledger;
use super::driver::Driver;

const STEPS: usize = 240;
/// Of a hundred calls so many fail, while the weather is bad.
const FAULTS: u64 = 35;
/// Of a thousand calls so many end the process.
const CRASHES: u64 = 20;

#[tokio::test]
async fn whatever_goes_wrong_each_acknowledged_event_has_one_effect() {
    let dice = Dice::new(seed(20_260_115));
    let hooks = Hooks::start().await;
    let weather = dice.apart();
    let mut driver = Driver::start(&hooks, weather.wire(FAULTS, CRASHES), || weather.wire(FAULTS, CRASHES)).await;
    let mut ledger = Ledger::default();
    // What must be there in the end: tenant and key → body.
    let mut expected: BTreeMap<(String, String), String> = BTreeMap::new();

    for step in 0..STEPS {
        let tenant = format!("tenant{}", dice.below(3));
        let key = format!("k{}", dice.below(60));
        let body = json!({"key": key, "step": step}).to_string();
        let taken = expected.get(&(tenant.clone(), format!("key:{key}"))).cloned();
        let delivery = |body: &str| Delivery::pos(&tenant, body).header("idempotency-key", &key);
        let (delivery, allowed): (_, &[u16]) = match (dice.below(10), &taken) {
            (0, _) => (delivery(&body).header("x-webhook-signature", &"0".repeat(64)), &[403]),
            (1, Some(_)) => (delivery(&body), &[409]),
            (_, Some(first)) => (delivery(first), &[204]),
            (_, None) => {
                expected.insert((tenant.clone(), format!("key:{key}")), body.clone());
                (delivery(&body), &[201, 204])
            }
        };
        // What comes again comes later, and is the same event all the same.
        hooks.pass(Duration::from_secs(1));
        let status = driver.send(&delivery).await;
        assert!(allowed.contains(&status), "step {step}: {status} instead of {allowed:?}");
        ledger.received += 1;
        ledger.duplicates += usize::from(status < 400 && taken.is_some());
        ledger.rejected += usize::from(status >= 400);
        // In the end there is something in the queue.
        if step + 40 < STEPS && dice.below(8) == 0 {
            driver.work(Queue::Webhooks).await;
        }
    }
    driver.process = hooks.process(weather.outage()).await;
    driver.work(Queue::Webhooks).await;
    driver.process = hooks.process(weather.wire(FAULTS, CRASHES)).await;
    driver.work(Queue::DeadLetters).await;
    let mut letters = 0;
    for tenant in 0..3 {
        letters += requeue(&hooks, &format!("tenant{tenant}")).await;
    }
    assert!(letters > 0, "nothing was in the queue while everything failed");
    driver.process = hooks.process(Wire::whole()).await;
    driver.work(Queue::Webhooks).await;
    assert_eq!(hooks.work(Queue::DeadLetters).await, 0, "given up though nothing failed");

    let mut found = BTreeMap::new();
    for tenant in (0..3).map(|tenant| format!("tenant{tenant}")) {
        for (key, body) in hooks.events(&format!("{tenant}/pos/demo")).await {
            found.insert((tenant.clone(), key), String::from_utf8(body).unwrap());
        }
        ledger.dead += hooks.items("JOURNAL_TABLE", &format!("{tenant}#dead-letters")).await.len();
    }
    assert_eq!(found, expected);
    ledger.applied = found.len();
    ledger.check("walk");
    println!("{} crashes, {letters} dead letters, all requeued", driver.crashes);
    ledger.print("walk");
}

/// Requeues all dead letters of a tenant: how many there were.
async fn requeue(hooks: &Hooks, tenant: &str) -> u64 {
    let token = hooks.operator(tenant);
    let answer = hooks.ask("POST", "/api/sync/dead-letters/requeue", Some(&token), Some(json!({}))).await.expect(200);
    assert_eq!(answer["more"], false);
    answer["requeued"].as_u64().unwrap()
}
