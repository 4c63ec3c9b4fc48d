//! What is measured of deliveries: each fate by its dimensions, on the lines that are there anyway.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::types::Message;
use serde_json::json;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::logged::Logged;
use signalbox_tests::process::Process;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Fault, Verdict, Wire, every};

fn sale(number: usize) -> Delivery {
    Delivery::pos("t1", format!("{{\"n\":{number}}}"))
}

fn forged() -> Delivery {
    sale(1).header("x-webhook-signature", &"0".repeat(64))
}

fn stock(minute: usize) -> Delivery {
    let at = format!("2026-01-15T12:0{minute}:00Z");
    let data = json!({"id": format!("i{minute}"), "sku": "S-1", "onhand": minute, "updated_date": at});
    let body = json!({"event_type": "inventory.updated", "connection_id": "conn-1", "data": data});
    Delivery::trackstar("/inventory", &body)
}

fn sums<const N: usize>(expected: [(&str, f64); N]) -> BTreeMap<String, f64> {
    expected.map(|(dimensions, sum)| (dimensions.to_owned(), sum)).into()
}

async fn send(process: &Process, delivery: &Delivery, status: u16) {
    assert_eq!(process.send(delivery).await.unwrap().status, status);
}

/// Applies what is there; the messages, as they may come again.
async fn apply(hooks: &Hooks, process: &Process) -> Vec<Message> {
    let messages = hooks.receive(Queue::Webhooks).await;
    assert_eq!(process.handle(Queue::Webhooks, &messages).await.unwrap(), [""; 0]);
    messages
}

#[tokio::test]
async fn each_fate_of_a_delivery_is_measured_by_its_provider() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    send(&process, &sale(1), 201).await;
    send(&process, &sale(1), 204).await;
    send(&process, &forged(), 403).await;
    send(&process, &Delivery::pos("t1", "no JSON"), 400).await;
    send(&process, &Delivery { path: "/webhooks/github/nobody".into(), ..Delivery::github("1", "{}") }, 404).await;
    // The second is another event by its id, and none by its body: a duplicate, that is kept.
    for id in ["1", "2"] {
        send(&process, &Delivery::github(id, "{}"), 200).await;
    }
    let mut came = Vec::new();
    for minute in [2, 1] {
        send(&process, &stock(minute), 200).await;
        came.extend(apply(&hooks, &process).await);
    }
    // Delivered once more, it has no second effect.
    assert_eq!(process.handle(Queue::Webhooks, &came).await.unwrap(), [""; 0]);

    let received = sums([("provider=github", 1.0), ("provider=pos", 1.0), ("provider=trackstar", 2.0)]);
    assert_eq!(process.measured("webhook.received"), received);
    let duplicates = sums([("provider=github", 1.0), ("provider=pos", 1.0)]);
    assert_eq!(process.measured("webhook.duplicate_events"), duplicates);
    let rejected = sums([
        ("provider=pos reason=bad_body", 1.0),
        ("provider=pos reason=bad_signature", 1.0),
        ("provider=unknown reason=unknown_sender", 1.0),
    ]);
    assert_eq!(process.measured("webhook.rejected"), rejected);
    assert_eq!(process.measured("webhook.signature_failures"), sums([("provider=pos", 1.0)]));
    let applied = sums([
        ("provider=github outcome=done", 1.0),
        ("provider=pos outcome=done", 1.0),
        ("provider=trackstar outcome=done", 1.0),
        ("provider=trackstar outcome=older", 1.0),
    ]);
    assert_eq!(process.measured("webhook.applied"), applied);
    for nothing in ["webhook.unkept", "webhook.failed", "dead_letters"] {
        assert_eq!(process.measured(nothing), BTreeMap::new(), "{nothing}");
    }
}

#[tokio::test]
async fn attempts_that_fail_and_what_is_given_up_are_measured() {
    let hooks = Hooks::start().await;
    send(&hooks.process(Wire::whole()).await, &sale(1), 201).await;
    let url = hooks.queue_url(Queue::Webhooks);
    hooks.host.sqs().send_message().queue_url(url).message_body("who am I").send().await.unwrap();
    let broken = hooks.process(Wire::when(every("DynamoDB.PutItem"), Verdict::Fail(Fault::ServerError))).await;
    let handed = hooks.exhaust(Queue::Webhooks, &broken).await;
    let failed = broken.measured("webhook.failed");
    assert_eq!(failed.keys().collect::<Vec<_>>(), ["provider=pos", "provider=unknown"]);
    assert_eq!(failed.values().sum::<f64>() as usize, handed);

    let process = hooks.process(Wire::whole()).await;
    let messages = hooks.receive(Queue::DeadLetters).await;
    assert_eq!(process.handle(Queue::DeadLetters, &messages).await.unwrap(), [""; 0]);
    assert_eq!(process.measured("dead_letters"), sums([("queue=webhooks", 2.0)]));
}

/// All reasons of a second have a line each, and each refusal is in one of them.
#[tokio::test]
async fn a_flood_of_two_reasons_is_measured_by_both() {
    let _logged = Logged::here();
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let bad = Delivery::pos("t1", "no JSON");
    for (delivery, status, times) in [(forged(), 403, 12), (bad, 400, 11)] {
        for _ in 0..times {
            send(&process, &delivery, status).await;
        }
    }
    hooks.pass(Duration::from_secs(1));
    send(&process, &forged(), 403).await;
    let rejected = sums([("provider=pos reason=bad_body", 11.0), ("provider=pos reason=bad_signature", 13.0)]);
    assert_eq!(process.measured("webhook.rejected"), rejected);
    assert_eq!(process.measured("webhook.signature_failures"), sums([("provider=pos", 13.0)]));
    assert_eq!(process.measured("webhook.unkept"), sums([("provider=pos", 4.0)]));
    assert_eq!((process.said("delivery rejected").len(), process.said("refusals counted").len()), (20, 3));
}
