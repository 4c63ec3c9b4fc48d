//! The doors of Trackstar.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use signalbox::domain::deliveries::signature::schemes;
use signalbox_tests::deliveries::delivery::{Delivery, TRACKSTAR_SECRET};
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::logged::Logged;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Fault, Verdict, Wire, every};

const PATH: &str = "/api/webhooks/trackstar";
const INVENTORY: &str = "/inventory";

fn stock(sku: &str, minute: u32, onhand: u32) -> Value {
    json!({
        "connection_id": "conn-1", "event_type": "inventory.updated", "integration_name": "Cool WMS",
        "data": {"id": format!("p-{sku}"), "sku": sku, "onhand": onhand, "fulfillable": onhand, "unit_cost": null,
            "updated_date": format!("2026-01-15T12:{minute:02}:00Z")},
    })
}

fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

fn svix(hooks: &Hooks, route: &str, id: &str, body: &Value) -> Delivery {
    let path = format!("{PATH}{route}");
    Delivery::signed(&path, &schemes::SVIX, TRACKSTAR_SECRET, Some(id), hooks.clock.now(), body.to_string())
}

async fn told(hooks: &Hooks, delivery: &Delivery) -> (u16, String) {
    let reply = hooks.send(delivery).await;
    let text = reply.body["message"].as_str().or(reply.body["error"].as_str()).unwrap_or_default();
    (reply.status, text.to_owned())
}

/// What is kept of a sku: the stock on hand.
async fn on_hand(hooks: &Hooks, connection: &str) -> Vec<(String, String)> {
    let items = hooks.items("RECORDS_TABLE", &format!("{connection}/inventory")).await;
    let mut found: Vec<_> = items
        .iter()
        .map(|item| (item["sku"].as_str().unwrap().to_owned(), item["onHand"].as_str().unwrap().to_owned()))
        .collect();
    found.sort();
    found
}

fn pair(sku: &str, onhand: &str) -> (String, String) {
    (sku.to_owned(), onhand.to_owned())
}

/// A duplicate has no effect, whatever became of the first one's since, and whatever its body says by now: its id is signed.
#[tokio::test]
async fn a_duplicate_brings_back_no_version_that_was_removed_and_changes_none() {
    let hooks = Hooks::start().await;
    for (id, is_removed) in [("msg-1", false), ("msg-2", true)] {
        assert_eq!(told(&hooks, &svix(&hooks, INVENTORY, id, &stock("A", 1, 5))).await.0, 200);
        hooks.work(Queue::Webhooks).await;
        assert_eq!(on_hand(&hooks, "acme/trackstar/north").await, [pair("A", "5")]);
        if is_removed {
            // As a pull removes it.
            let table = hooks.environment("sync-worker").require("RECORDS_TABLE").unwrap().to_owned();
            for item in hooks.raw_items("RECORDS_TABLE", "acme/trackstar/north/inventory").await {
                let call = hooks.host.dynamodb().delete_item().table_name(&table);
                call.key("pk", item["pk"].clone()).key("sk", item["sk"].clone()).send().await.unwrap();
            }
        }
        let before = on_hand(&hooks, "acme/trackstar/north").await;
        assert_eq!(told(&hooks, &svix(&hooks, INVENTORY, id, &stock("A", 9, 7))).await.0, 200);
        assert_eq!(hooks.work(Queue::Webhooks).await, 1, "its claim was not completed");
        assert_eq!((on_hand(&hooks, "acme/trackstar/north").await, before.is_empty()), (before, is_removed));
    }
}

#[tokio::test]
async fn either_signature_is_taken_and_every_wrong_one_is_refused() {
    let hooks = Hooks::start().await;
    let body = stock("A", 1, 5);
    let plain = Delivery::trackstar(INVENTORY, &body);
    let hex = plain.headers["x-trackstar-signature"].trim_start_matches("sha256=").to_uppercase();
    let fresh = svix(&hooks, INVENTORY, "msg-1", &with(body.clone(), "n", 1));
    let mut renamed = fresh.clone();
    renamed.headers =
        fresh.headers.iter().map(|(name, value)| (name.replace("svix-", "webhook-"), value.clone())).collect();
    for delivery in [
        plain.clone(),
        plain.clone().header("x-trackstar-signature", &hex),
        plain.clone().header("x-trackstar-signature", &format!("sha256={hex}")),
        fresh.clone(),
        renamed,
        fresh.clone().header("svix-signature", &format!("v1,{}= {}", "A".repeat(43), fresh.headers["svix-signature"])),
    ] {
        assert_eq!(told(&hooks, &delivery).await.0, 200, "{delivery:?}");
    }
    hooks.pass(std::time::Duration::from_secs(301));
    for delivery in [
        plain.clone().without("x-trackstar-signature"),
        plain.clone().header("x-trackstar-signature", "nonsense"),
        plain.clone().header("x-trackstar-signature", &"0".repeat(64)),
        Delivery { body: body.to_string().replace(":5", ":6").into(), ..plain.clone() },
        fresh.clone(),
        svix(&hooks, INVENTORY, "msg-2", &body).header("svix-id", "msg-3"),
    ] {
        assert_eq!(told(&hooks, &delivery).await, (401, "Invalid signature".into()), "{delivery:?}");
        let other = Delivery { path: PATH.into(), ..delivery };
        assert_eq!(told(&hooks, &other).await, (400, "Invalid webhook signature".into()), "{other:?}");
    }
    let unset = hooks.process_with(Wire::whole(), &[("TRACKSTAR_WEBHOOK_SECRET", "")]).await;
    assert_eq!(unset.send(&plain).await.unwrap().status, 503);
    // A secret for the one scheme says nothing to the other: anybody can send the other's headers.
    let no_svix = [("TRACKSTAR_WEBHOOK_SECRET", "a plain secret, no base64")];
    let no_svix = hooks.process_with(Wire::whole(), &no_svix).await;
    let now = svix(&hooks, INVENTORY, "msg-4", &body);
    assert_eq!(no_svix.send(&now).await.unwrap().status, 401);
}

#[tokio::test]
async fn an_event_is_named_by_svix_else_by_itself_else_by_its_content() {
    let hooks = Hooks::start().await;
    let body = || stock("A", 1, 5);
    let named = |id: &str| Delivery::trackstar(INVENTORY, &with(body(), "event_id", id));
    let first = (200, String::new());
    let again = (200, "Event already processed".to_owned());
    assert_eq!(told(&hooks, &svix(&hooks, INVENTORY, "msg-1", &body())).await, first);
    hooks.pass(std::time::Duration::from_secs(60));
    assert_eq!(told(&hooks, &svix(&hooks, INVENTORY, "msg-1", &body())).await, again);
    // Svix signs the id: whatever else has changed, its sender says that it is the same event.
    assert_eq!(told(&hooks, &svix(&hooks, INVENTORY, "msg-1", &with(body(), "attempt", 2))).await, again);
    assert_eq!(told(&hooks, &named("e-1")).await, first);
    assert_eq!(told(&hooks, &named("e-1")).await, again);
    assert_eq!(told(&hooks, &Delivery::trackstar(INVENTORY, &body())).await, first);
    // The same content in another order, and with another name around it.
    let mut reordered = Delivery::trackstar(INVENTORY, &with(body(), "integration_name", "Other WMS"));
    assert_eq!(told(&hooks, &reordered).await, again);
    reordered = Delivery::trackstar(INVENTORY, &with(body(), "event_type", "inventory.created"));
    assert_eq!(told(&hooks, &reordered).await, first);
    // Deep inside something differs.
    let mut deep = body();
    deep["data"]["lots"] = json!([{"lot_id": "l", "onhand": 1, "warehouse_id": "w"}]);
    assert_eq!(told(&hooks, &Delivery::trackstar(INVENTORY, &deep)).await, first);
    hooks.work(Queue::Webhooks).await;
    assert_eq!(told(&hooks, &named("e-1")).await, again);
    assert_eq!(hooks.work(Queue::Webhooks).await, 0);
}

#[tokio::test]
async fn an_older_stock_level_never_overwrites_a_newer_one() {
    let orders = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];
    let hooks = Hooks::start().await;
    for (index, order) in orders.iter().enumerate() {
        let sku = format!("sku-{index}");
        for minute in order {
            assert_eq!(told(&hooks, &Delivery::trackstar(INVENTORY, &stock(&sku, *minute, minute * 10))).await.0, 200);
            hooks.work(Queue::Webhooks).await;
        }
    }
    // All at once, twice, in any order the queue likes.
    for minute in [2, 3, 1, 3] {
        told(&hooks, &Delivery::trackstar(INVENTORY, &stock("at-once", minute, minute * 10))).await;
    }
    hooks.work(Queue::Webhooks).await;
    let kept = on_hand(&hooks, "acme/trackstar/north").await;
    let expected: Vec<_> = std::iter::once(pair("at-once", "30"))
        .chain((0..orders.len()).map(|index| pair(&format!("sku-{index}"), "30")))
        .collect();
    assert_eq!(kept, expected);
    let all = hooks.items("RECORDS_TABLE", "acme/trackstar/north/inventory").await;
    assert_eq!(all[0]["lastTrackstarUpdateAt"], "2026-01-15T12:03:00.000Z");
}

/// A stock level that says when it was changed.
fn dated(sku: &str, updated: &str, onhand: u32) -> Delivery {
    let mut body = stock(sku, 0, onhand);
    body["data"]["updated_date"] = updated.into();
    Delivery::trackstar(INVENTORY, &body)
}

#[tokio::test]
async fn versions_are_compared_as_finely_as_they_are_sent() {
    let hooks = Hooks::start().await;
    for (sku, first, second, kept) in [
        ("a", "2026-01-15T12:00:00.0009Z", "2026-01-15T12:00:00.0001Z", "1"),
        ("b", "2026-01-15T12:00:00.0001Z", "2026-01-15T12:00:00.0009Z", "2"),
        ("c", "2026-01-15T12:00:00.123456789Z", "2026-01-15T12:00:00.123456788Z", "1"),
        ("d", "2026-01-15T12:00:00.123456789123Z", "2026-01-15T12:00:00.123456789122Z", "1"),
        ("e", "2026-01-15T12:00:00.123Z", "2026-01-15T12:00:00.1230001Z", "2"),
        ("f", "2026-01-15T12:00:00.1230001Z", "2026-01-15T12:00:00.123Z", "1"),
        // Of two that are equal the one that came later counts, however they are written.
        ("g", "2026-01-15T12:00:00.1Z", "2026-01-15T13:00:00.1000000000+01:00", "2"),
        ("h", "1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.99985Z", "1"),
    ] {
        for (updated, onhand) in [(first, 1), (second, 2)] {
            let delivery = dated(sku, updated, onhand);
            assert_eq!(told(&hooks, &delivery).await.0, 200, "{updated}");
            // Twice, so that a version meets itself.
            told(&hooks, &delivery).await;
            hooks.pass(std::time::Duration::from_secs(1));
            hooks.work(Queue::Webhooks).await;
        }
        assert!(on_hand(&hooks, "acme/trackstar/north").await.contains(&pair(sku, kept)), "{first}, then {second}");
    }
}

#[tokio::test]
async fn a_version_far_ahead_of_its_receipt_counts_as_of_then_and_is_marked() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let at = |hours: i32| (hooks.clock.now() + jiff::Span::new().hours(hours)).to_string();
    let send = async |sku: &str, updated: &str, onhand: u32| {
        assert_eq!(told(&hooks, &dated(sku, updated, onhand)).await.0, 200, "{updated}");
        let messages = hooks.receive(Queue::Webhooks).await;
        assert_eq!(process.handle(Queue::Webhooks, &messages).await.unwrap(), [""; 0]);
        hooks.finish(Queue::Webhooks, &messages, &[]).await;
        hooks.pass(std::time::Duration::from_secs(60));
    };
    // A clock that is wrong by years freezes nothing.
    send("far", "9999-12-30T00:00:00Z", 1).await;
    let record = async |sku: &str| {
        let items = hooks.items("RECORDS_TABLE", "acme/trackstar/north/inventory").await;
        items.into_iter().find(|item| item["sku"] == sku).unwrap()
    };
    let marked = record("far").await;
    assert_eq!((&marked["aheadOfReceipt"], &marked["onHand"]), (&json!(true), &json!("1")));
    assert_eq!(marked["lastTrackstarUpdateAt"], "9999-12-30T00:00:00.000Z", "it is shown as it was sent");
    assert_eq!(marked["versionMs"], marked["receivedMs"]);
    send("far", &at(0), 2).await;
    let next = record("far").await;
    assert_eq!((next.get("aheadOfReceipt"), &next["onHand"]), (None, &json!("2")));
    // Two that are both ahead are ordered as they came.
    send("both", "9999-12-30T00:00:00Z", 1).await;
    send("both", &at(48), 2).await;
    assert_eq!(record("both").await["onHand"], "2");
    // A day is let pass, for a time in another zone.
    send("near", &at(23), 1).await;
    send("near", &at(0), 2).await;
    let near = record("near").await;
    assert_eq!((near.get("aheadOfReceipt"), &near["onHand"]), (None, &json!("1")));

    let lines = process.said("delivery applied");
    let warned: Vec<&Value> = lines.iter().filter(|line| line["level"] == "WARN").collect();
    assert!(warned.len() == 3 && warned.iter().all(|line| line["aheadOfReceipt"] == true), "{lines:?}");
    let token = hooks.operator("acme");
    let listed = hooks.ask("GET", "/api/admin/deliveries?status=processed", Some(&token), None).await.expect(200);
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 6);
    assert_eq!(items.iter().filter(|item| item["aheadOfReceipt"] == true).count(), 3, "{listed}");
}

/// What a version of ours stored that knew no bound is not for ever either.
#[tokio::test]
async fn a_record_that_was_frozen_before_takes_changes_again() {
    let hooks = Hooks::start().await;
    assert_eq!(told(&hooks, &dated("A", "2026-01-15T12:00:00Z", 1)).await.0, 200);
    hooks.work(Queue::Webhooks).await;
    let table = hooks.environment("webhook-worker").require("RECORDS_TABLE").unwrap().to_owned();
    let scan = hooks.host.dynamodb().scan().table_name(&table).filter_expression("sku = :sku");
    let scan = scan.expression_attribute_values(":sku", AttributeValue::S("A".into()));
    let [mut item] = scan.send().await.unwrap().items.unwrap().try_into().unwrap();
    item.insert("versionMs".into(), AttributeValue::N("253402128000000".into()));
    hooks.host.dynamodb().put_item().table_name(&table).set_item(Some(item)).send().await.unwrap();
    assert_eq!(told(&hooks, &dated("A", "2026-01-15T12:00:01Z", 2)).await.0, 200);
    hooks.work(Queue::Webhooks).await;
    assert_eq!(on_hand(&hooks, "acme/trackstar/north").await, [pair("A", "2")]);
}

#[tokio::test]
async fn brands_and_tenants_keep_to_themselves_and_an_unknown_connection_is_kept_as_rejected() {
    let hooks = Hooks::start().await;
    for connection in ["conn-1", "conn-2", "conn-3"] {
        let body = with(stock("A", 1, 5), "connection_id", connection);
        assert_eq!(told(&hooks, &Delivery::trackstar(INVENTORY, &body)).await.0, 200);
    }
    hooks.work(Queue::Webhooks).await;
    for connection in ["acme/trackstar/north", "acme/trackstar/south", "globex/trackstar/north"] {
        assert_eq!(on_hand(&hooks, connection).await, [pair("A", "5")], "{connection}");
    }
    for connection in ["conn-9", "conn-off"] {
        let body = with(with(stock("A", 2, 6), "connection_id", connection), "event_id", "e-9");
        let message = format!("No active Trackstar integration found for connection_id: {connection}");
        assert_eq!(told(&hooks, &Delivery::trackstar(INVENTORY, &body)).await, (404, message));
        // These are acknowledged, and kept whole.
        for (route, message) in [("/inbound-shipments", "No matching integration found"), ("", "Webhook received")] {
            assert_eq!(told(&hooks, &Delivery::trackstar(route, &body)).await, (200, message.into()));
        }
    }
    assert_eq!(hooks.work(Queue::Webhooks).await, 0);
    let listed = hooks.ask("GET", "/api/admin/deliveries?source=trackstar", None, None).await.expect(200);
    let reasons: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|item| &item["reason"]).collect();
    assert_eq!(reasons, ["unknown_sender"; 6]);
}

#[tokio::test]
async fn shipments_and_receipts_are_kept_whatever_their_names_are_spelt_like() {
    let hooks = Hooks::start().await;
    let event = |name: &str, id: &str, more: Value| json!({"connection_id": "conn-1", "event_type": name, "data": {"id": id, "more": more}});
    for (route, name, id) in [
        ("/inbound-shipments", "inbound_shipment.created", "s-1"),
        ("/inbound-shipments", "inbound-shipment.updated", "s-2"),
        ("", "Inbound_Shipment.Updated", "s-3"),
        ("/inbound-shipment-receipts", "inbound-shipment-receipt.created", "r-1"),
        ("", "inbound_shipment_receipt.created", "r-2"),
    ] {
        let reply = hooks.send(&Delivery::trackstar(route, &event(name, id, json!({"x": 1})))).await.expect(200);
        assert_eq!(reply["success"], true);
        assert_eq!(reply["shipmentId"], if route.is_empty() { Value::Null } else { json!(id) }, "{name}");
    }
    hooks.work(Queue::Webhooks).await;
    for (entity, ids) in
        [("inbound-shipments", &["s-1", "s-2", "s-3"][..]), ("inbound-shipment-receipts", &["r-1", "r-2"])]
    {
        let items = hooks.items("RECORDS_TABLE", &format!("acme/trackstar/north/{entity}#")).await;
        let mut kept: Vec<&str> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
        kept.sort_unstable();
        assert_eq!(kept, ids, "{entity}");
    }
}

/// Whatever it is, and of whatever the event is: the sender knows it by that.
#[tokio::test]
async fn the_routes_of_shipments_answer_with_the_id_that_was_sent() {
    let hooks = Hooks::start().await;
    for (data, expected) in [
        (json!({"id": "s-1"}), json!("s-1")),
        (json!({"id": 7}), json!(7)),
        (json!({"id": {"a": [1.5]}}), json!({"a": [1.5]})),
        (json!({"id": null}), Value::Null),
        (json!({}), Value::Null),
        (json!("text"), Value::Null),
    ] {
        let body = json!({"connection_id": "conn-1", "event_type": "order.created", "data": data});
        for message in ["Webhook received", "Event already processed"] {
            let reply = hooks.send(&Delivery::trackstar("/inbound-shipments", &body)).await.expect(200);
            assert_eq!((&reply["shipmentId"], &reply["message"]), (&expected, &json!(message)), "{body}");
            assert!(reply["eventKey"].as_str().unwrap().starts_with("content:"), "{reply}");
            assert!(reply.as_object().unwrap().contains_key("shipmentId"), "{reply}");
        }
    }
}

#[tokio::test]
async fn other_events_are_kept_as_unhandled_and_bad_ones_refused() {
    let hooks = Hooks::start().await;
    for name in ["order.created", "connection-error.created", "inventory-ledger.updated", "something.new"] {
        let body = json!({"connection_id": "conn-1", "event_type": name, "data": {"id": 1}});
        assert_eq!(told(&hooks, &Delivery::trackstar("", &body)).await, (200, "Webhook received".into()));
    }
    hooks.work(Queue::Webhooks).await;
    let kept = hooks.entries("acme/trackstar/north").await;
    assert_eq!(kept.len(), 4);
    assert!(kept.iter().all(|item| item["outcome"] == "unhandled" && item["eventType"].is_string()), "{kept:?}");
    for body in [
        json!([]),
        json!({"event_type": "inventory.updated"}),
        with(stock("A", 1, 1), "event_type", "x".repeat(200)),
        with(stock("A", 1, 1), "data", json!({"sku": "A"})),
        with(stock("A", 1, 1), "data", Value::Null),
    ] {
        assert_eq!(told(&hooks, &Delivery::trackstar(INVENTORY, &body)).await.0, 400, "{body}");
    }
}

#[tokio::test]
async fn the_trace_is_found_echoed_and_kept() {
    let hooks = Hooks::start().await;
    let event = |sku: &str| json!({"connection_id": "conn-1", "event_type": "order.created", "data": {"id": sku}});
    let all = |body: Value| with(with(with(body, "delivery_id", "d"), "request_id", "r"), "correlation_id", "c");
    let headers = ["x-correlation-id", "x-request-id", "x-trackstar-request-id", "x-delivery-id"];
    let mut expected = Vec::new();
    for (index, name) in headers.iter().enumerate() {
        let delivery = Delivery::trackstar("", &all(event(name)));
        // Each wins over those after it, and over the body.
        let delivery = headers[index..].iter().rev().fold(delivery, |it, name| it.header(name, &format!("of-{name}")));
        expected.push((delivery, format!("of-{name}")));
    }
    expected.push((Delivery::trackstar("", &all(event("1"))), "d".into()));
    expected
        .push((Delivery::trackstar("", &with(with(event("2"), "request_id", "r"), "correlation_id", "c")), "r".into()));
    expected.push((Delivery::trackstar("", &with(event("3"), "correlation_id", "c")), "c".into()));
    let odd = with(with(event("4"), "delivery_id", "no trace\n"), "request_id", "r4");
    expected.push((Delivery::trackstar("", &odd).header("x-request-id", "nor this"), "r4".into()));
    for (delivery, trace) in &expected {
        assert_eq!(hooks.send(delivery).await.headers["x-correlation-id"], *trace);
    }
    let made = hooks.send(&Delivery::trackstar("", &event("5"))).await.headers["x-correlation-id"].clone();
    assert_eq!(made.len(), 36);
    hooks.work(Queue::Webhooks).await;
    let items = hooks.entries("acme/trackstar/north").await;
    let mut kept: Vec<&str> = items.iter().map(|item| item["correlationId"].as_str().unwrap()).collect();
    let mut sent: Vec<&str> = expected.iter().map(|(_, trace)| trace.as_str()).chain([made.as_str()]).collect();
    kept.sort_unstable();
    sent.sort_unstable();
    assert_eq!(kept, sent);
}

/// Its body said whose it is, after its signature was right.
#[tokio::test]
async fn a_body_that_cannot_be_applied_is_shown_to_the_tenant_of_its_connection() {
    let hooks = Hooks::start().await;
    let body = with(with(stock("A", 1, 1), "connection_id", "conn-3"), "data", json!({"sku": "A"}));
    assert_eq!(hooks.send(&Delivery::trackstar(INVENTORY, &body)).await.status, 400);
    for (tenant, count) in [("globex", 1), ("acme", 0), ("default", 1)] {
        let token = hooks.operator(tenant);
        let listed = hooks.ask("GET", "/api/admin/deliveries", Some(&token), None).await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), count, "{tenant}");
    }
}

/// Whoever searches the log by the trace in the answer finds what became of the request: one line, and of what storage refused also that
/// the wire left it to the SDK.
#[tokio::test]
async fn the_log_goes_by_the_trace_that_is_echoed() {
    let hooks = Hooks::start().await;
    let away = hooks.process(Wire::when(every("DynamoDB.PutItem"), Verdict::Fail(Fault::ServerError))).await;
    let whole = hooks.process(Wire::whole()).await;
    let logged = Logged::here();
    for (process, connection, name, before, said) in [
        (&whole, "conn-1", "taken", None, "delivery taken in"),
        (&whole, "conn-9", "refused", None, "delivery rejected"),
        (&away, "conn-1", "lost", Some("call left to the SDK"), "delivery not taken in"),
    ] {
        let body = with(with(stock("A", 1, 1), "connection_id", connection), "delivery_id", name);
        let reply = process.send(&Delivery::trackstar(INVENTORY, &body)).await.unwrap();
        assert_eq!(reply.headers["x-correlation-id"], name);
        let text = logged.text();
        let ours = text.lines().filter(|line| line.contains("\"target\":\"signalbox"));
        let ours = ours.map(|line| serde_json::from_str::<Value>(line).unwrap());
        let lines: Vec<Value> = process.said(said).into_iter().chain(ours).collect();
        let found = lines.iter().filter(|line| line["span"]["correlation_id"] == name);
        let expected: Vec<&str> = before.into_iter().chain([said]).collect();
        assert_eq!(found.map(|line| &line["message"]).collect::<Vec<_>>(), expected, "{lines:#?}");
        logged.clear();
    }
}

/// A refused one is found by the trace that its sender knows.
#[tokio::test]
async fn the_trace_of_a_refused_delivery_is_kept_with_it() {
    let hooks = Hooks::start().await;
    let body = with(with(stock("A", 1, 1), "connection_id", "conn-9"), "delivery_id", "d-9");
    let reply = hooks.send(&Delivery::trackstar(INVENTORY, &body)).await;
    assert_eq!((reply.status, reply.headers["x-correlation-id"].as_str()), (404, "d-9"));
    let listed = hooks.ask("GET", "/api/admin/deliveries", None, None).await.expect(200);
    assert_eq!(listed["items"][0]["correlationId"], "d-9");
}
