//! One noisy tenant does not starve another: SQS keeps their waits apart by the group that each message carries. The embedded
//! queue does not, so what is tested is that every message has its tenant's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Call, Fault, Verdict, Wire};

/// The groups of what was sent, each with how often.
#[derive(Clone, Default)]
struct Groups(Arc<Mutex<Vec<Option<String>>>>);

impl Groups {
    /// A wire that notes them, and on which records cannot be written while `broken`.
    fn wire(&self, broken: bool) -> Wire {
        let sent = Arc::clone(&self.0);
        Wire::planned(move |call: &Call| match call.operation.as_str() {
            "SQS.SendMessage" => {
                sent.lock().unwrap().push(call.group.clone());
                Verdict::Pass
            }
            "DynamoDB.PutItem" if broken => Verdict::Fail(Fault::ServerError),
            _ => Verdict::Pass,
        })
    }

    fn take(&self) -> BTreeMap<Option<String>, usize> {
        let mut counts = BTreeMap::new();
        for group in self.0.lock().unwrap().drain(..) {
            *counts.entry(group).or_default() += 1;
        }
        counts
    }
}

fn groups(counts: impl IntoIterator<Item = (String, usize)>) -> BTreeMap<Option<String>, usize> {
    counts.into_iter().map(|(tenant, count)| (Some(tenant), count)).collect()
}

fn sale(tenant: usize, number: usize) -> Delivery {
    Delivery::pos(&format!("tenant{tenant}"), format!("{{\"n\":{number}}}"))
}

#[tokio::test]
async fn every_message_carries_its_tenant_as_its_group() {
    let hooks = Hooks::start().await;
    let sent = Groups::default();
    let process = hooks.process(sent.wire(false)).await;
    // One of them is much busier than the others.
    let number = |tenant: usize| if tenant == 0 { 40 } else { 1 };
    let expected = || groups((0..10).map(|tenant| (format!("tenant{tenant}"), number(tenant))));
    for (tenant, count) in (0..10).map(|tenant| (tenant, number(tenant))) {
        for event in 0..count {
            assert_eq!(process.send(&sale(tenant, event)).await.unwrap().status, 201);
        }
    }
    assert_eq!(sent.take(), expected());

    // What is given up, and what comes back from there.
    let broken = hooks.process(sent.wire(true)).await;
    let mut dead = 0;
    for _ in 0..1000 {
        if dead == 49 {
            break;
        }
        // Nothing is handed out by a look at the queue that gives messages up.
        let messages = hooks.receive(Queue::Webhooks).await;
        if messages.is_empty() {
            hooks.pass_until_due(Queue::Webhooks);
        }
        let failed = broken.handle(Queue::Webhooks, &messages).await.unwrap();
        hooks.finish(Queue::Webhooks, &messages, &failed).await;
        dead += hooks.work(Queue::DeadLetters).await;
    }
    assert_eq!(dead, 49);
    for tenant in (0..10).map(|tenant| format!("tenant{tenant}")) {
        let token = hooks.operator(&tenant);
        let body = Some(json!({}));
        let answer = process.ask("sync-control", "POST", "/api/sync/dead-letters/requeue", &token, body).await.unwrap();
        assert_eq!(answer.expect(200)["more"], false);
    }
    assert_eq!(sent.take(), expected());
}

/// The tenant is that of the delivery, never that of the operator.
#[tokio::test]
async fn what_an_operator_lets_in_carries_its_own_tenant() {
    let hooks = Hooks::start().await;
    let wrong = [("WEBHOOK_SECRET", "wrong-secret-wrong-secret-wrong-secret"), ("WEBHOOK_SECRET_PREVIOUS", "")];
    let before = hooks.process_with(Wire::whole(), &wrong).await;
    assert_eq!(before.send(&sale(3, 1)).await.unwrap().status, 403);
    let sent = Groups::default();
    let process = hooks.process(sent.wire(false)).await;
    let body = Some(json!({"id": "pos#1"}));
    let path = "/api/admin/deliveries/verify";
    let answer = process.ask("sync-control", "POST", path, &hooks.operator("default"), body).await.unwrap();
    assert_eq!(answer.expect(200)["status"], "accepted");
    assert_eq!(sent.take(), groups([("tenant3".to_owned(), 1)]));
}

#[tokio::test]
async fn deliveries_of_configured_senders_carry_the_configured_tenant() {
    let hooks = Hooks::start().await;
    let sent = Groups::default();
    let process = hooks.process(sent.wire(false)).await;
    let stock = json!({"event_type": "order.created", "connection_id": "conn-3", "data": {"id": "o1"}});
    for delivery in [Delivery::github("1", "{}"), Delivery::trackstar("", &stock)] {
        assert_eq!(process.send(&delivery).await.unwrap().status, 200);
    }
    assert_eq!(sent.take(), groups([("acme".to_owned(), 1), ("globex".to_owned(), 1)]));
}
