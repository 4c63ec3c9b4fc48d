//! What a webhook costs, counted where the SDK calls.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use serde_json::json;
use signalbox::aws::clients::Clients;
use signalbox::aws::deliveries::DeliveryStore;
use signalbox::outside::Outside;
use signalbox_tests::deliveries::delivery::{Delivery, GITHUB_SECRET};
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::process::Process;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::Wire;

/// Which shards several deliveries lie in depends on their keys: here it is one.
const ONE_SHARD: [(&str, &str); 1] = [("DELIVERY_SHARDS", "1")];

const GET: &str = "DynamoDB.GetItem";
const PUT: &str = "DynamoDB.PutItem";
const SEND: &str = "SQS.SendMessage";
const UPDATE: &str = "DynamoDB.UpdateItem";

fn sale(bytes: usize, key: &str) -> Delivery {
    Delivery::pos("t1", format!("{{\"pad\":\"{}\"}}", "x".repeat(bytes))).header("idempotency-key", key)
}

/// The calls that something makes.
async fn calls(process: &Process, delivery: &Delivery, status: u16) -> Vec<String> {
    let before = process.wire().calls().len();
    assert_eq!(process.send(delivery).await.unwrap().status, status);
    process.wire().calls().split_off(before)
}

async fn apply(hooks: &Hooks, process: &Process) -> BTreeMap<String, usize> {
    let before = process.wire().calls().len();
    let messages = hooks.receive(Queue::Webhooks).await;
    assert!(process.handle(Queue::Webhooks, &messages).await.unwrap().is_empty());
    hooks.finish(Queue::Webhooks, &messages, &[]).await;
    let mut counts = BTreeMap::new();
    for call in process.wire().calls().split_off(before) {
        *counts.entry(call).or_default() += 1;
    }
    counts
}

/// What writing each item of a table again costs: the engine counts units as DynamoDB does, by the item's size.
async fn write_units(hooks: &Hooks, table: &'static str, partition: &str) -> Vec<f64> {
    let table = hooks.environment("sync-control").require(table).unwrap().to_owned();
    let scan = hooks.host.dynamodb().scan().table_name(&table).filter_expression("begins_with(pk, :pk)");
    let scan = scan.expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
    let mut units = Vec::new();
    for item in scan.send().await.unwrap().items.unwrap() {
        let put = hooks.host.dynamodb().put_item().table_name(&table).set_item(Some(item));
        let put = put.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.unwrap();
        units.push(put.consumed_capacity.unwrap().capacity_units.unwrap());
    }
    units
}

#[tokio::test]
async fn a_new_event_costs_one_write_and_one_message_whatever_its_size() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let long = "k".repeat(255);
    // Whether the source has a connection of its own is asked once.
    assert_eq!(calls(&process, &sale(2, "first"), 201).await, [GET, PUT, SEND]);
    for (bytes, key, trace) in [(2, "small", "t"), (800 * 1024, "large", "t"), (2, long.as_str(), &*"t".repeat(128))] {
        let delivery = sale(bytes, key).header("x-request-id", trace);
        assert_eq!(calls(&process, &delivery, 201).await, [PUT, SEND], "{bytes} bytes");
        let units = write_units(&hooks, "DELIVERIES_TABLE", &format!("t1/pos#key:{key}")).await;
        assert_eq!(units, [1.0], "{bytes} bytes");
    }
}

/// The longest key and trace that a sender can have, and a reason of an error that quotes it: no write of a claim costs more.
#[tokio::test]
async fn a_claim_costs_one_write_unit_whatever_is_noted_on_it() {
    let (tenant, provider, connection) = ("t".repeat(64), "p".repeat(64), "c".repeat(64));
    let senders = json!([{"provider": provider, "connection": connection, "tenant": tenant, "scheme": "github",
        "secrets": [GITHUB_SECRET]}]);
    let hooks = Hooks::with(&[("WEBHOOK_SENDERS", &senders.to_string())]).await;
    let delivery = Delivery::github(&"i".repeat(256), "{}").header("x-request-id", &"t".repeat(128));
    let delivery = Delivery { path: format!("/webhooks/{provider}/{connection}"), ..delivery };
    assert_eq!(hooks.send(&delivery).await.status, 200);
    let origin = format!("{tenant}/{provider}/{connection}#");
    // With that of its body, as GitHub does not sign the id.
    assert_eq!(write_units(&hooks, "DELIVERIES_TABLE", &origin).await, [1.0; 2]);

    let worker = hooks.environment("webhook-worker");
    let clients = Clients::connect(&worker, &Outside::default()).unwrap();
    let store = DeliveryStore::connect(&clients, &worker).unwrap();
    let claim_key = format!("{origin}id:{}", "i".repeat(256));
    let now = hooks.clock.now();
    for reason in ["x".repeat(500), "æ".repeat(500), "😀".repeat(500)] {
        // Often, as the number of attempts takes room too.
        for _ in 0..12 {
            store.note_failure(&claim_key, &reason, now).await.unwrap();
        }
        assert_eq!(write_units(&hooks, "DELIVERIES_TABLE", &origin).await, [1.0; 2]);
        let noted = store.claim_of(&claim_key).await.unwrap().unwrap().last_error.unwrap();
        assert!(reason.starts_with(&noted) && noted.len() > 100, "{} bytes are noted", noted.len());
    }
    // One that has more room keeps all of an ordinary reason.
    let short = sale(2, "k");
    assert_eq!(hooks.send(&short).await.status, 201);
    let reason = "x".repeat(500);
    store.note_failure("t1/pos#key:k", &reason, now).await.unwrap();
    let noted = store.claim_of("t1/pos#key:k").await.unwrap().unwrap().last_error.unwrap();
    assert_eq!(noted, reason);
    assert_eq!(write_units(&hooks, "DELIVERIES_TABLE", "t1/pos#").await, [1.0]);
}

#[tokio::test]
async fn an_event_costs_one_effect_to_apply_and_a_completion_where_its_body_is_long() {
    let hooks = Hooks::with(&ONE_SHARD).await;
    let process = hooks.process(Wire::whole()).await;
    assert_eq!(process.send(&sale(2, "small")).await.unwrap().status, 201);
    // The effect, and once an hour and shard that there is one; the counters of the batch and of its connection, and once in 15
    // minutes that its secret was used.
    assert_eq!(apply(&hooks, &process).await, [(PUT.into(), 2), (UPDATE.into(), 3)].into());
    // Three items of 350 KB hold it, and one of one unit lists it. Its claim is completed, as a duplicate's message would cost more.
    assert_eq!(process.send(&sale(800 * 1024, "large")).await.unwrap().status, 201);
    assert_eq!(apply(&hooks, &process).await, [(PUT.into(), 4), (UPDATE.into(), 3)].into());
}

/// What leaves only its newest version is listed by an item of its own.
#[tokio::test]
async fn a_stock_level_costs_one_write_unit_more() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let data = json!({"id": "p", "sku": "A", "updated_date": "2026-01-15T12:00:00Z", "onhand": 5});
    let body = json!({"connection_id": "conn-1", "event_type": "inventory.updated", "data": data});
    // Whether its link is paused is asked once.
    assert_eq!(calls(&process, &Delivery::trackstar("/inventory", &body), 200).await, [GET, PUT, SEND]);
    // And once an hour and shard that something is in the list.
    assert_eq!(apply(&hooks, &process).await, [(PUT.into(), 3), (UPDATE.into(), 2)].into());
    for partition in ["acme/trackstar/north/inventory", "acme#deliveries#"] {
        assert_eq!(write_units(&hooks, "RECORDS_TABLE", partition).await, [1.0], "{partition}");
    }
}

/// From the door to the effect: 2.2 write units an event where batches are full, 4 where each comes alone, and 5 where it is the
/// only one of its hour and shard.
#[tokio::test]
async fn a_batch_of_ten_costs_twenty_two_write_units() {
    let hooks = Hooks::with(&ONE_SHARD).await;
    let process = hooks.process(Wire::whole()).await;
    // Whether the source has a connection of its own, that its secret was used, and where its list is, is known after the first.
    assert_eq!(calls(&process, &sale(2, "first"), 201).await, [GET, PUT, SEND]);
    apply(&hooks, &process).await;
    for number in 0..10 {
        assert_eq!(calls(&process, &sale(2, &format!("k{number}")), 201).await, [PUT, SEND]);
    }
    assert_eq!(apply(&hooks, &process).await, [(PUT.into(), 10), (UPDATE.into(), 2)].into());
    // Each of these writes is one unit: the claims, the effects, and the counters of the one source and of its connection.
    for (table, partition, items) in [
        ("DELIVERIES_TABLE", "t1/pos#", 11),
        ("RECORDS_TABLE", "t1#deliveries#", 11),
        ("DELIVERIES_TABLE", "metrics", 1),
        ("DELIVERIES_TABLE", "t1/pos/demo#hours", 1),
    ] {
        assert_eq!(write_units(&hooks, table, partition).await, vec![1.0; items], "{table}, {partition}");
    }
}

#[tokio::test]
async fn a_duplicate_of_what_is_applied_costs_one_refused_write() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let delivery = sale(2, "k");
    assert_eq!(process.send(&delivery).await.unwrap().status, 201);
    apply(&hooks, &process).await;
    // An instance adds what it has counted once for all duplicates of a second, or for 25 of them. The first of an event is sent on, finds
    // its effect, and completes the claim.
    assert_eq!(calls(&process, &delivery, 204).await, [PUT, SEND, UPDATE]);
    assert_eq!(apply(&hooks, &process).await, [(GET.into(), 1), (UPDATE.into(), 1)].into());
    for number in 1..=50 {
        let expected: &[&str] = if number % 25 == 0 { &[PUT, UPDATE] } else { &[PUT] };
        assert_eq!(calls(&process, &delivery, 204).await, expected, "{number}");
    }
    let large = sale(800 * 1024, "large");
    assert_eq!(process.send(&large).await.unwrap().status, 201);
    apply(&hooks, &process).await;
    assert_eq!(calls(&process, &large, 204).await, [PUT]);
    assert!(hooks.receive(Queue::Webhooks).await.is_empty());
}

/// Of a hundred new events some come twice. Each put and each update of these is a write unit, as the tests above have it.
#[tokio::test]
async fn what_duplicates_cost_is_paid_where_there_are_any() {
    const EVENTS: usize = 100;
    println!("duplicates for 100 new events | write units | read units | messages, for each new event");
    for (duplicates, writes, reads) in [(0, 220, 0), (5, 231, 5), (50, 322, 50)] {
        let hooks = Hooks::with(&ONE_SHARD).await;
        let process = hooks.process(Wire::whole()).await;
        assert_eq!(process.send(&sale(2, "first")).await.unwrap().status, 201);
        apply(&hooks, &process).await;
        let before = process.wire().calls().len();
        let worked = async |events: usize, status: u16| {
            for batch in (0..events).collect::<Vec<_>>().chunks(10) {
                for number in batch {
                    assert_eq!(process.send(&sale(2, &format!("k{number}"))).await.unwrap().status, status);
                }
                apply(&hooks, &process).await;
            }
        };
        worked(EVENTS, 201).await;
        worked(duplicates, 204).await;
        let made = process.wire().calls().split_off(before);
        let of = |operation: &str| made.iter().filter(|call| *call == operation).count();
        let (found, messages) = ((of(PUT) + of(UPDATE), of(GET)), of(SEND));
        let each = |count: usize| count as f64 / EVENTS as f64;
        println!("{duplicates} | {:.2} | {:.2} | {:.2}", each(found.0), each(found.1), each(messages));
        assert_eq!((found, messages), ((writes, reads), EVENTS + duplicates), "{duplicates} duplicates");
        // A second duplicate of any of them is a refused write.
        worked(duplicates, 204).await;
        let more = process.wire().calls().split_off(before + made.len());
        let (refused, sent) = (more.iter().filter(|call| *call == PUT).count(), more.contains(&SEND.to_owned()));
        assert_eq!((refused, sent), (duplicates, false));
    }
}

/// A flood at one door of one instance for ten minutes, with bodies as large as they are kept. What is written goes by the
/// time: so at 100 and at 1,000 requests a second it is what it is here, at two.
#[tokio::test]
async fn a_forged_request_costs_less_than_a_tenth_of_a_write_unit() {
    const SECONDS: usize = 600;
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let forged = Delivery::pos("t1", vec![b'x'; 32 * 1024]).header("x-webhook-signature", &"0".repeat(64));
    for _ in 0..2 * SECONDS {
        assert_eq!(process.send(&forged).await.unwrap().status, 403);
        hooks.pass(Duration::from_millis(500));
    }
    let made = process.wire().calls();
    let of = |operation: &str| made.iter().filter(|call| *call == operation).count() as f64;
    // Ten at once and one each half minute: each with an item for its body. Beside these the counters alone are written.
    let kept = of(PUT) / 2.0;
    assert_eq!((kept, of(PUT) + of(UPDATE) + of(GET)), (29.0, made.len() as f64));
    // That the source has no connection of its own is known for five seconds.
    assert!(of(GET) <= SECONDS as f64 / 5.0, "{} reads", of(GET));
    let mut units: Vec<f64> = write_units(&hooks, "DELIVERIES_TABLE", "rejected#pos").await;
    units.sort_by(f64::total_cmp);
    let (entry, body) = (units[1], *units.last().unwrap());
    assert_eq!((entry, body), (1.0, 33.0));
    let written = kept * (entry + body) + of(UPDATE);
    assert!(of(UPDATE) <= 1.0 + kept + SECONDS as f64, "{} counts and numbers", of(UPDATE));
    for (a_second, instances, most) in [(100, 1, 0.03), (100, 3, 0.1), (1_000, 10, 0.03), (1_000, 30, 0.1)] {
        let each = written * f64::from(instances) / (f64::from(a_second) * SECONDS as f64);
        println!("{a_second} a second, {instances} instances: {each:.3} write units a forged request");
        assert!(each <= most, "{each} at {a_second} a second over {instances} instances");
    }
}
