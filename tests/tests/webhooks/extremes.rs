//! Deliveries that are unusual: what is acknowledged can be applied, in whatever order, and what cannot is refused.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_tests::deliveries::{Delivery, Reply};
use signalbox_tests::hooks::{Hooks, Queue};
use signalbox_tests::wire::{Call, Fault, Verdict, Wire};

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

async fn send(hooks: &Hooks, route: &str, body: &Value) -> Reply {
    hooks.send(&Delivery::trackstar(route, body)).await
}

#[track_caller]
fn taken(reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", reply.text);
}

async fn kept(hooks: &Hooks, entity: &str) -> Vec<serde_json::Map<String, Value>> {
    let items = hooks.items("RECORDS_TABLE", &format!("{NORTH}#{entity}")).await;
    items.into_iter().filter(|item| item["pk"] == format!("{NORTH}#{entity}")).collect()
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
    let others = kept(&hooks, "deliveries").await;
    assert_eq!(others.len(), 4);
    assert!(others.iter().all(|item| item["handled"] == false), "{others:?}");
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
    let broken = hooks.instance(Wire::planned(|_: &Call| Verdict::Fail(Fault::ServerError))).await;
    assert_eq!(broken.send(&shipment(1)).await.unwrap().status, 500);

    let connections = json!([{"connectionId": "conn-9", "tenant": "acme", "brand": "north"}]).to_string();
    let after = hooks.instance_with(Wire::whole(), &[("TRACKSTAR_CONNECTIONS", &connections)]).await;
    let id = json!({"id": "trackstar:proved#1"});
    let token = hooks.operator("default");
    let verified = after.ask("sync-control", "POST", "/api/admin/deliveries/verify", &token, Some(id)).await.unwrap();
    assert_eq!(verified.expect(200)["status"], "accepted");
    hooks.work(Queue::Webhooks).await;
    let sent: Value = serde_json::from_slice(&large.body).unwrap();
    assert_eq!(kept(&hooks, "inbound-shipments").await[0]["payload"], sent["data"].to_string());
}

/// Two days between receipt and admission or requeuing are nobody's processing.
#[tokio::test]
async fn processing_takes_as_long_as_its_last_way_through_the_queue() {
    let hooks = Hooks::start().await;
    let wrong = [("WEBHOOK_SECRET", "wrong-secret-wrong-secret-wrong-secret"), ("WEBHOOK_SECRET_PREVIOUS", "")];
    let before = hooks.instance_with(Wire::whole(), &wrong).await;
    assert_eq!(before.send(&Delivery::pos("t1", "{}")).await.unwrap().status, 403);
    let process = hooks.instance(Wire::whole()).await;
    hooks.pass(Duration::from_secs(2 * 86_400));
    let (token, id) = (hooks.operator("default"), json!({"id": "pos#1"}));
    taken(&process.ask("sync-control", "POST", "/api/admin/deliveries/verify", &token, Some(id)).await.unwrap());
    hooks.pass(Duration::from_millis(1500));
    let messages = hooks.receive(Queue::Webhooks).await;
    assert!(process.handle("webhook-worker", &messages).await.unwrap().is_empty());
    let found = process.metric("webhook.processing_latency_ms");
    assert_eq!(found[0]["webhook.processing_latency_ms"], json!(1500.0));
}

/// Among them one of a version that named a proof otherwise.
#[tokio::test]
async fn a_label_whose_proof_has_an_unknown_name_is_applied() {
    let hooks = Hooks::start().await;
    let process = hooks.instance(Wire::whole()).await;
    assert_eq!(process.send(&Delivery::pos("t1", "{}")).await.unwrap().status, 201);
    let messages = hooks.receive(Queue::Webhooks).await;
    let mut message = messages[0].clone();
    let label = message.message_attributes.as_mut().unwrap().get_mut("signalbox").unwrap();
    label.string_value = label.string_value.take().map(|text| text.replace("\"current\"", "\"a-new-name\""));
    assert!(label.string_value.as_ref().unwrap().contains("a-new-name"));
    assert!(process.handle("webhook-worker", &[message]).await.unwrap().is_empty());
    assert_eq!(hooks.events("t1/pos/demo").await.len(), 1);
}
