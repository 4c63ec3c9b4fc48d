//! What a pause does to the events of a Trackstar link: Trackstar sends those of all links to one webhook, so they are acknowledged where
//! it would not send them again, kept, and let in once the link works.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::http::auth::{CONNECTIONS_WRITE, DELIVERIES_WRITE, READ};
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;

use crate::connections::desk::Desk;

const LINK: &str = "initech/trackstar/west";
/// When every instance has seen a change.
const SEEN: Duration = Duration::from_secs(30);

fn event(event_type: &str, id: &str, data: &Value) -> Value {
    json!({"event_id": id, "connection_id": "conn-9", "event_type": event_type, "data": data})
}

#[tokio::test]
async fn what_comes_for_a_paused_link_is_kept_and_has_its_effect_once_after_it() {
    let hooks = Hooks::start().await;
    Desk::new(&hooks).put(LINK, json!({"connectionId": "conn-9"}), None).await;
    let operator = hooks.token("default", &[READ, DELIVERIES_WRITE, CONNECTIONS_WRITE]);
    let act = async |action: &str| {
        hooks.ask("POST", &format!("/api/admin/connections/{LINK}/{action}"), Some(&operator), None).await.expect(200);
    };
    let stock = |sku: &str| json!({"id": sku, "sku": sku, "updated_date": "2026-01-15T12:00:00Z", "onhand": 5});
    let sent = [
        (Delivery::trackstar("", &event("inventory.updated", "1", &stock("A"))), 200),
        (Delivery::trackstar("/inbound-shipments", &event("inbound_shipment.created", "2", &json!({"id": "s"}))), 200),
        // Trackstar sends this one again.
        (Delivery::trackstar("/inventory", &event("inventory.updated", "3", &stock("B"))), 404),
    ];
    act("pause").await;
    hooks.pass(SEEN);
    for (delivery, status) in &sent {
        assert_eq!(hooks.send(delivery).await.status, *status, "{}", delivery.path);
    }
    assert_eq!(hooks.work(Queue::Webhooks).await, 0, "none is taken in");

    // The tenant's own operators find them, with the reason.
    let list = "/api/admin/deliveries?source=trackstar";
    let kept = hooks.ask("GET", list, Some(&hooks.operator("initech")), None).await.expect(200);
    let kept = kept["items"].as_array().unwrap();
    assert_eq!(kept.len(), sent.len());
    for item in kept {
        assert_eq!((&item["detail"], &item["hasBody"]), (&json!("the connection is paused"), &json!(true)), "{item}");
    }
    let verify = async |item: &Value| {
        let body = Some(json!({"id": item["id"]}));
        hooks.ask("POST", "/api/admin/deliveries/verify", Some(&operator), body).await
    };
    assert_eq!(verify(&kept[0]).await.problem(), (422, "verification_failed"), "it is paused still");

    // Whoever decides waits for no cache; the doors see it later.
    act("resume").await;
    for item in kept {
        assert_eq!(verify(item).await.expect(200)["status"], "accepted");
        assert_eq!(verify(item).await.expect(200)["status"], "duplicate");
    }
    hooks.pass(SEEN);
    assert_eq!(hooks.send(&sent[2].0).await.status, 200, "what Trackstar sends again is a duplicate");
    hooks.work(Queue::Webhooks).await;
    let processed = format!("{list}&status=processed");
    let processed = hooks.ask("GET", &processed, Some(&hooks.operator("initech")), None).await.expect(200);
    assert_eq!(processed["items"].as_array().unwrap().len(), sent.len(), "each had its effect once: {processed}");
}
