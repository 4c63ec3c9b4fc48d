//! What a webhook costs, counted where the SDK calls.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use signalbox_tests::deliveries::Delivery;
use signalbox_tests::hooks::{Hooks, Queue};
use signalbox_tests::instance::Instance;
use signalbox_tests::wire::Wire;

const PUT: &str = "DynamoDB.PutItem";
const SEND: &str = "SQS.SendMessage";

fn sale(bytes: usize, key: &str) -> Delivery {
    Delivery::pos("t1", format!("{{\"pad\":\"{}\"}}", "x".repeat(bytes))).header("idempotency-key", key)
}

/// The calls that something makes.
async fn calls(process: &Instance, delivery: &Delivery, status: u16) -> Vec<String> {
    let before = process.wire().calls().len();
    assert_eq!(process.send(delivery).await.unwrap().status, status);
    process.wire().calls().split_off(before)
}

async fn apply(hooks: &Hooks, process: &Instance) -> BTreeMap<String, usize> {
    let before = process.wire().calls().len();
    let messages = hooks.receive(Queue::Webhooks).await;
    assert!(process.handle("webhook-worker", &messages).await.unwrap().is_empty());
    hooks.finish(Queue::Webhooks, &messages, &[]).await;
    let mut counts = BTreeMap::new();
    for call in process.wire().calls().split_off(before) {
        *counts.entry(call).or_default() += 1;
    }
    counts
}

/// What writing the item again costs: the engine counts units as DynamoDB does, by the item's size.
async fn write_units(hooks: &Hooks, key: &str) -> f64 {
    let table = hooks.environment("webhooks").require("DELIVERIES_TABLE").unwrap().to_owned();
    let scan = hooks.host.dynamodb().scan().table_name(&table).filter_expression("pk = :pk");
    let scan = scan.expression_attribute_values(":pk", AttributeValue::S(format!("t1/pos/demo#key:{key}")));
    let item = scan.send().await.unwrap().items.unwrap().pop().expect("the claim");
    let put = hooks.host.dynamodb().put_item().table_name(table).set_item(Some(item));
    let put = put.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.unwrap();
    put.consumed_capacity.unwrap().capacity_units.unwrap()
}

#[tokio::test]
async fn a_new_event_costs_one_write_and_one_message_whatever_its_size() {
    let hooks = Hooks::start().await;
    let process = hooks.instance(Wire::whole()).await;
    let long = "k".repeat(255);
    for (bytes, key, trace) in [(2, "small", "t"), (800 * 1024, "large", "t"), (2, long.as_str(), &*"t".repeat(128))] {
        let delivery = sale(bytes, key).header("x-request-id", trace);
        assert_eq!(calls(&process, &delivery, 201).await, [PUT, SEND], "{bytes} bytes");
        let units = write_units(&hooks, key).await;
        assert!((units - 1.0).abs() < f64::EPSILON, "{bytes} bytes: {units} write units");
    }
}

#[tokio::test]
async fn an_event_costs_one_effect_and_one_completion_to_apply() {
    let hooks = Hooks::start().await;
    let process = hooks.instance(Wire::whole()).await;
    assert_eq!(process.send(&sale(2, "small")).await.unwrap().status, 201);
    assert_eq!(apply(&hooks, &process).await, [(PUT.into(), 1), ("DynamoDB.UpdateItem".into(), 1)].into());
    // Three items of 350 KB hold it.
    assert_eq!(process.send(&sale(800 * 1024, "large")).await.unwrap().status, 201);
    assert_eq!(apply(&hooks, &process).await, [(PUT.into(), 3), ("DynamoDB.UpdateItem".into(), 1)].into());
}

#[tokio::test]
async fn a_duplicate_of_what_is_applied_costs_one_refused_write() {
    let hooks = Hooks::start().await;
    let process = hooks.instance(Wire::whole()).await;
    let delivery = sale(2, "k");
    assert_eq!(process.send(&delivery).await.unwrap().status, 201);
    apply(&hooks, &process).await;
    // An instance adds what it has counted every ten seconds, once for all duplicates of these.
    assert_eq!(calls(&process, &delivery, 204).await, [PUT, "DynamoDB.UpdateItem"]);
    for _ in 0..50 {
        assert_eq!(calls(&process, &delivery, 204).await, [PUT]);
    }
    let large = sale(800 * 1024, "large");
    assert_eq!(process.send(&large).await.unwrap().status, 201);
    apply(&hooks, &process).await;
    assert_eq!(calls(&process, &large, 204).await, [PUT]);
    assert!(hooks.receive(Queue::Webhooks).await.is_empty());
}
