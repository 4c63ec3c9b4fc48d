//! Deliveries that are unusual: what is acknowledged can be applied, in whatever order, and what cannot is refused.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::domain::deliveries::delivery::{Door, body_hash};
use signalbox::domain::deliveries::rejected::Rejection;
use signalbox::domain::service_secrets::ServiceSecrets;
use signalbox::engine::deliveries::arrival::{Arrival, ArrivedBody, Headers};
use signalbox::engine::deliveries::context::Deliveries;
use signalbox::engine::deliveries::take_in::{Intake, take_in};
use signalbox::outside::Outside;
use signalbox_tests::answer::Answer;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Fault, Verdict, Wire, any};

const NORTH: &str = "acme/trackstar/north";
const HALF_MB: usize = 500 * 1024;

fn event(name: &str, data: &Value) -> Value {
    json!({"connection_id": "conn-1", "event_type": name, "data": data})
}

fn stock(more: Value) -> Value {
    let mut data = json!({"id": "p", "sku": "A", "updated_date": "2026-01-15T12:00:00Z"});
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event("inventory.updated", &data)
}

async fn send(hooks: &Hooks, route: &str, body: &Value) -> Answer {
    hooks.send(&Delivery::trackstar(route, body)).await
}

#[track_caller]
fn taken(reply: &Answer) {
    assert_eq!(reply.status, 200, "{}", reply.text);
}

async fn kept(hooks: &Hooks, entity: &str) -> Vec<serde_json::Map<String, Value>> {
    hooks.items("RECORDS_TABLE", &format!("{NORTH}/{entity}#")).await
}

#[tokio::test]
async fn what_a_stock_level_holds_beside_its_quantities_is_kept_as_it_was_sent() {
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    for (field, attribute, text) in [
        ("lots", "lots", r#"[{"lot_id": "", "onhand": 1e300}]"#),
        ("measurements", "measurements", r#"{"": {"": 1.50}}"#),
        ("locations", "locations", r#"[{"location_id": 123456789012345678901}]"#),
        ("additional_fields", "additionalFields", deep.as_str()),
        ("inventory_by_warehouse_id", "byWarehouse", r#"{"": {"onhand": 2.0}}"#),
    ] {
        let hooks = Hooks::start().await;
        // The value's own text: a number made of it would be written anew.
        let body = stock(json!({ field: "HERE" })).to_string().replace("\"HERE\"", text);
        let raw = Delivery::unsigned("/api/webhooks/trackstar/inventory", body);
        let local = hooks.process_with(Wire::whole(), &[("SKIP_WEBHOOK_SIGNATURE_VALIDATION", "true")]).await;
        assert_eq!(local.send(&raw).await.unwrap().status, 200, "{field}");
        assert_eq!(hooks.work(Queue::Webhooks).await, 1, "{field} was not applied at once");
        assert_eq!(kept(&hooks, "inventory").await[0][attribute], text, "{field}");
    }
}

/// An item of the table has room for less.
#[tokio::test]
async fn what_is_larger_than_an_item_is_kept_as_it_came_and_named_by_the_newest_version() {
    let hooks = Hooks::start().await;
    let long = "x".repeat(899 * 1024);
    for (route, entity, body) in [
        ("/inventory", "inventory", stock(json!({"additional_fields": {"note": long}}))),
        (
            "/inbound-shipments",
            "inbound-shipments",
            event("inbound_shipment.created", &json!({"id": "s", "note": long})),
        ),
    ] {
        assert_eq!(send(&hooks, route, &body).await.status, 200);
        assert_eq!(hooks.work(Queue::Webhooks).await, 1, "{entity} was not applied at once");
        let version = &kept(&hooks, entity).await[0];
        assert_eq!(version["brand"], "north");
        let whole = &hooks.events(NORTH).await[version["deliveryKey"].as_str().unwrap()];
        assert!(*whole == body.to_string().as_bytes(), "{entity} is not kept whole");
    }
    let short = stock(json!({"sku": "B"}));
    taken(&send(&hooks, "/inventory", &short).await);
    hooks.work(Queue::Webhooks).await;
    let named = kept(&hooks, "inventory").await.iter().filter(|item| item.contains_key("deliveryKey")).count();
    assert_eq!((named, hooks.events(NORTH).await.len()), (1, 2), "a short one is kept once");
}

#[tokio::test]
async fn numbers_that_the_table_cannot_hold_are_refused_at_the_door() {
    let hooks = Hooks::start().await;
    for field in ["onhand", "sellable", "unit_cost"] {
        for (number, status) in [(1e126, 400), (-1e300, 400), (9e-131, 400), (9.9e125, 200), (-1e-130, 200), (0.0, 200)]
        {
            let reply =
                send(&hooks, "/inventory", &stock(json!({"sku": format!("{field} {number}"), field: number}))).await;
            assert_eq!(reply.status, status, "{field} {number}: {}", reply.text);
            if status == 400 {
                assert_eq!(reply.body["code"], "bad_body");
                assert!(reply.text.contains(field), "{}", reply.text);
            }
        }
    }
    assert_eq!(hooks.work(Queue::Webhooks).await, 9, "each is applied at once");
}

#[tokio::test]
async fn an_event_of_another_resource_is_kept_and_changes_none_of_the_path_s() {
    let hooks = Hooks::start().await;
    let shipments = "/inbound-shipments";
    taken(&send(&hooks, shipments, &event("inbound_shipment.created", &json!({"id": "1"}))).await);
    for (route, name) in [
        (shipments, "order.created"),
        (shipments, "inbound.created"),
        ("/inbound-shipment-receipts", "shipment.created"),
        ("/inventory", "inventory-ledger.created"),
    ] {
        taken(&send(&hooks, route, &event(name, &json!({"id": "1"}))).await);
    }
    // One of the resource that nobody has heard of.
    taken(&send(&hooks, shipments, &event("Inbound-Shipments.arrived", &json!({"id": "2"}))).await);
    hooks.work(Queue::Webhooks).await;
    let mut names: Vec<Value> =
        kept(&hooks, "inbound-shipments").await.into_iter().map(|item| item["eventType"].clone()).collect();
    names.sort_by_key(Value::to_string);
    assert_eq!(names, ["Inbound-Shipments.arrived", "inbound_shipment.created"]);
    let outcomes = hooks.entries(NORTH).await.into_iter().map(|item| item["outcome"].clone());
    let (unhandled, done): (Vec<Value>, Vec<Value>) = outcomes.partition(|outcome| outcome == "unhandled");
    assert_eq!((unhandled.len(), done), (4, vec![json!("done"); 2]));
}

#[tokio::test]
async fn an_undated_shipment_that_is_sent_again_is_as_old_as_when_it_first_came() {
    let hooks = Hooks::start().await;
    let shipment = |n: u32| event("inbound_shipment.updated", &json!({"id": "s", "n": n}));
    for n in [1, 2, 1] {
        taken(&send(&hooks, "/inbound-shipments", &shipment(n)).await);
        hooks.pass(Duration::from_secs(60));
    }
    assert_eq!(hooks.work(Queue::Webhooks).await, 3);
    assert_eq!(kept(&hooks, "inbound-shipments").await[0]["payload"], r#"{"id":"s","n":2}"#);
}

#[tokio::test]
async fn of_two_events_of_one_moment_the_one_that_came_later_counts() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let apply = async |messages: &[aws_sdk_sqs::types::Message]| {
        assert!(process.handle(Queue::Webhooks, messages).await.unwrap().is_empty());
        kept(&hooks, "inventory").await[0]["onHand"].clone()
    };
    for onhand in [5, 6] {
        taken(&send(&hooks, "/inventory", &stock(json!({"onhand": onhand}))).await);
        hooks.pass(Duration::from_secs(1));
    }
    let mut messages = hooks.receive(Queue::Webhooks).await;
    messages.sort_by_key(|message| message.body().unwrap().contains("\"onhand\":6"));
    let (first, second) = messages.split_at(1);
    for (messages, expected) in [(first, "5"), (second, "6"), (first, "6"), (second, "6")] {
        assert_eq!(apply(messages).await, expected);
    }
    // One that does not say when it was received keeps its place.
    let table = hooks.environment("sync-control").require("RECORDS_TABLE").unwrap().to_owned();
    let scan = hooks.host.dynamodb().scan().table_name(&table).send().await.unwrap();
    let mut item = scan.items.unwrap().into_iter().find(|item| item.contains_key("sku")).unwrap();
    item.remove("receivedMs");
    hooks.host.dynamodb().put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    assert_eq!(apply(first).await, "6");
}

#[tokio::test]
async fn an_id_that_cannot_be_a_key_is_a_bad_body_and_no_bad_signature() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let named = |id: &str| {
        let mut body = stock(json!({}));
        body["event_id"] = id.into();
        Delivery::trackstar("/inventory", &body)
    };
    for delivery in [
        named(&"e".repeat(257)),
        named("e\u{7}"),
        // What a queue refuses, and what stands for bytes that were no text.
        named("e\u{FFFF}"),
        Delivery::trackstar("/inventory", &event("inventory.updated\u{FFFF}", &json!({}))),
        Delivery::github("g\u{FFFD}", "{}"),
        Delivery::pos("t1", "{}").header("idempotency-key", &"k".repeat(300)),
        Delivery::github(&"g".repeat(300), "{}"),
    ] {
        let reply = process.send(&delivery).await.unwrap();
        assert_eq!(reply.status, 400, "{delivery:?}: {}", reply.text);
    }
    let listed = hooks.ask("GET", "/api/admin/deliveries", None, None).await.expect(200);
    let reasons: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|item| &item["reason"]).collect();
    assert_eq!(reasons, ["bad_body"; 7]);
    assert_eq!(process.metric("webhook.signature_failures").len(), 0);
}

#[tokio::test]
async fn a_secret_of_ours_that_is_missing_is_nobody_s_bad_signature() {
    let hooks = Hooks::start().await;
    let process = hooks.process_with(Wire::whole(), &[("TRACKSTAR_WEBHOOK_SECRET", "")]).await;
    let reply = process.send(&Delivery::trackstar("/inventory", &stock(json!({})))).await.unwrap();
    assert_eq!((reply.status, &reply.body["code"]), (503, &json!("no_secret")));
    let listed = hooks.ask("GET", "/api/admin/deliveries?status=no_secret", None, None).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(process.metric("webhook.signature_failures").len(), 0);
}

/// It is acknowledged, so nobody sends it again: it must be here once the connection is configured.
#[tokio::test]
async fn a_shipment_of_an_unknown_connection_is_acknowledged_only_once_it_is_kept_whole() {
    let hooks = Hooks::start().await;
    let shipment = |bytes: usize| {
        let mut body = event("inbound_shipment.created", &json!({"id": "s", "note": "x".repeat(bytes)}));
        body["connection_id"] = "conn-9".into();
        Delivery::trackstar("/inbound-shipments", &body)
    };
    let large = shipment(340_000);
    taken(&hooks.send(&large).await);
    let too_large = hooks.send(&shipment(HALF_MB)).await.expect(413);
    assert_eq!(too_large["code"], "too_large");
    let keeping = any().about("DeliveriesTable");
    let broken = hooks.process(Wire::when(keeping, Verdict::Fail(Fault::ServerError))).await;
    assert_eq!(broken.send(&shipment(1)).await.unwrap().status, 500);

    let connections = json!([{"connectionId": "conn-9", "tenant": "acme", "brand": "north"}]).to_string();
    let after = hooks.process_with(Wire::whole(), &[("TRACKSTAR_CONNECTIONS", &connections)]).await;
    let id = json!({"id": "trackstar:acknowledged#1"});
    let token = hooks.operator("default");
    let verified = after.ask("sync-control", "POST", "/api/admin/deliveries/verify", &token, Some(id)).await.unwrap();
    assert_eq!(verified.expect(200)["status"], "accepted");
    hooks.work(Queue::Webhooks).await;
    let sent: Value = serde_json::from_slice(&large.body).unwrap();
    assert_eq!(kept(&hooks, "inbound-shipments").await[0]["payload"], sent["data"].to_string());
}

/// A gateway takes 10 MB: what is kept of such a body is what it was.
#[tokio::test]
async fn a_body_larger_than_any_that_is_read_is_refused_and_described_as_it_was() {
    let hooks = Hooks::start().await;
    let body: Vec<u8> = (0..9 * 1024 * 1024).map(|index| b'a' + (index % 23) as u8).collect();
    for path in ["/pos/demo/ingest", "/api/webhooks/trackstar/inventory", "/webhooks/github/acme"] {
        let reply = hooks.send(&Delivery::unsigned(path, body.clone())).await;
        assert_eq!(reply.status, 413, "{path}: {}", reply.text);
        assert!(reply.text.contains("9437184 bytes"), "{path}: {}", reply.text);
    }
    let listed = hooks.ask("GET", "/api/admin/deliveries", None, None).await.expect(200);
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    for item in items {
        assert_eq!((&item["reason"], &item["bodyBytes"]), (&json!("too_large"), &json!(body.len())), "{item}");
        assert_eq!((&item["bodyHash"], &item["hasBody"]), (&json!(body_hash(&body)), &json!(false)), "{item}");
    }
}

/// No gateway of ours hands on what broke off; another may. Nobody knows what was sent, nor that it was too much.
#[tokio::test]
async fn a_body_that_broke_off_is_refused_as_that() {
    let hooks = Hooks::start().await;
    let outside = Outside { clock: hooks.clock.clone(), ..Outside::default() };
    let environment = hooks.environment("webhooks");
    let clients = Clients::connect(&environment, &outside).unwrap();
    let deliveries = Deliveries::connect(&clients, &environment, &outside, ServiceSecrets::default()).unwrap();
    let arrival = Arrival {
        behind: None,
        door: Door::Pos { source: "demo".into(), tenant: "t1".into() },
        headers: Headers::default(),
        body: ArrivedBody::BrokenOff { bytes: 17 },
        correlation_id: "trace".into(),
        correlation_made: false,
        received_at: hooks.clock.now(),
    };
    let Intake::Refused(refusal) = take_in(&deliveries, &arrival).await.unwrap() else { panic!("it was taken in") };
    assert_eq!((refusal.reason, refusal.detail.as_str()), (Rejection::BadBody, "the body broke off after 17 bytes"));
    let listed = hooks.ask("GET", "/api/admin/deliveries", None, None).await.expect(200);
    let item = &listed["items"][0];
    assert_eq!((&item["id"], &item["bodyBytes"], &item["hasBody"]), (&json!("pos#1"), &json!(17), &json!(false)));
    assert_eq!(item["bodyHash"], Value::Null);
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_place_and_never_quoted() {
    let hooks = Hooks::start().await;
    let long = format!("hush {}", "x".repeat(HALF_MB));
    let mut envelope = stock(json!({}));
    envelope["event_type"] = json!([long]);
    let mut unknown = stock(json!({}));
    unknown["connection_id"] = long.trim_start_matches("hush ").into();
    for (body, status, place) in [
        (stock(json!({"onhand": long})), 400, "onhand"),
        (stock(json!({"substitute_skus": ["a", {"b": long}]})), 400, "substitute_skus[1]"),
        (
            stock(json!({"inventory_by_warehouse_id": {"w": {"onhand": long}}})),
            400,
            "inventory_by_warehouse_id.w.onhand",
        ),
        (
            stock(json!({"inventory_by_warehouse_id": {long.as_str(): {"onhand": "two"}}})),
            400,
            "inventory_by_warehouse_id.….onhand",
        ),
        (envelope, 400, "event_type"),
        (unknown, 404, "connection_id"),
    ] {
        let reply = send(&hooks, "/inventory", &body).await;
        assert_eq!(reply.status, status, "{place}");
        assert!(reply.text.contains(place) && reply.text.len() < 700, "{place}: {} bytes", reply.text.len());
        assert!(!reply.text.contains("hush x"), "{place}: {}", reply.text);
    }
}

/// Two days between receipt and admission or requeuing are nobody's processing.
#[tokio::test]
async fn processing_takes_as_long_as_its_last_way_through_the_queue() {
    let hooks = Hooks::start().await;
    let wrong = [("WEBHOOK_SECRET", "wrong-secret-wrong-secret-wrong-secret"), ("WEBHOOK_SECRET_PREVIOUS", "")];
    let before = hooks.process_with(Wire::whole(), &wrong).await;
    assert_eq!(before.send(&Delivery::pos("t1", "{}")).await.unwrap().status, 403);
    let process = hooks.process(Wire::whole()).await;
    hooks.pass(Duration::from_secs(2 * 86_400));
    let (token, id) = (hooks.operator("default"), json!({"id": "pos#1"}));
    taken(&process.ask("sync-control", "POST", "/api/admin/deliveries/verify", &token, Some(id)).await.unwrap());
    hooks.pass(Duration::from_millis(1500));
    let messages = hooks.receive(Queue::Webhooks).await;
    assert!(process.handle(Queue::Webhooks, &messages).await.unwrap().is_empty());
    let found = process.metric("webhook.processing_latency_ms");
    assert_eq!(found[0]["webhook.processing_latency_ms"], json!(1500.0));
}

/// Among them one of a version that named a proof otherwise.
#[tokio::test]
async fn a_label_whose_proof_has_an_unknown_name_is_applied() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    assert_eq!(process.send(&Delivery::pos("t1", "{}")).await.unwrap().status, 201);
    let messages = hooks.receive(Queue::Webhooks).await;
    let mut message = messages[0].clone();
    let label = message.message_attributes.as_mut().unwrap().get_mut("signalbox").unwrap();
    label.string_value = label.string_value.take().map(|text| text.replace("\"current\"", "\"a-new-name\""));
    assert!(label.string_value.as_ref().unwrap().contains("a-new-name"));
    assert!(process.handle(Queue::Webhooks, &[message]).await.unwrap().is_empty());
    assert_eq!(hooks.events("t1/pos/demo").await.len(), 1);
}
