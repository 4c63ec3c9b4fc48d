//! What operators are told, and what their words do: a breaker that is forced, a quick run, an entity that there is not, keys of a dry run.

use serde_json::{Value, json};
use signalbox::domain::runs::run::Mode;
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_simulators::{FaultKind, Vendor};
use signalbox_tests::answer::Answer;
use signalbox_tests::queues::Queue;
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{Pulled, backfill, fault, vendor};

/// Asks a route of the connection's tenant.
async fn ask(pulled: &Pulled<'_>, method: &str, path: &str, body: Value) -> Answer {
    let system = pulled.world.system;
    let token = system.service_token("ada", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let joint = if path.contains('?') { '&' } else { '?' };
    let path = format!("/api/admin/{path}{joint}tenant={}", pulled.world.tenant);
    let request = system.request(method, &path).bearer(&token);
    let request = if body.is_null() { request } else { request.body(body.to_string()) };
    request.answer().await
}

#[tokio::test]
async fn a_connection_that_is_told_its_entities_is_pulled_by_hand_as_it_is_told() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units", "leases"]})).await;
    let quick = pulled.ask("POST", "quick-run", json!({"mode": "backfill"})).await;
    assert_eq!((quick.status, &quick.body["error"]), (400, &json!("a quick run takes no mode")));
    let started = pulled.ask("POST", "run", json!({})).await.expect(200);
    let named: Vec<&Value> = started["results"].as_array().unwrap().iter().map(|one| &one["entity"]).collect();
    assert_eq!(named, [&json!("units"), &json!("leases")]);
    for (method, path, body) in [
        ("POST", "sync/run", json!({"entities": ["dogs"]})),
        ("PUT", "sync/scheduler", json!({"entities": ["dogs"]})),
        ("GET", "sync/dlq?entity=dogs", Value::Null),
        ("POST", "sync/dlq/clear", json!({"entity": "dogs"})),
    ] {
        let refused = ask(&pulled, method, path, body).await;
        assert_eq!((refused.status, &refused.body["error"]), (400, &json!("there is no entity dogs")), "{path}");
        assert_eq!(refused.body["hint"], "there are owners, properties, units, leases, tenants", "{path}");
    }
}

#[tokio::test]
async fn a_run_that_waits_for_its_breaker_goes_on_once_that_is_reset() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    doorloop.set_fault(fault(FaultKind::Status, "units", 1, 5)).unwrap();
    pulled.start(&backfill(), Mode::Apply).await;
    pulled.work_until(Wire::whole()).await.unwrap();
    // Five failures open it; it is met by the slice after them.
    assert!(system.pass_until_due(Queue::Sync));
    pulled.work_until(Wire::whole()).await.unwrap();
    let run = pulled.newest().await;
    assert_eq!((&run["status"], &run["wait"]["reason"]), (&json!("Pending"), &json!("breaker")), "{run:?}");
    let reset = "integrations/doorloop/circuit-breaker/reset";
    let unread = ask(&pulled, "POST", reset, json!("bad")).await;
    assert_eq!(unread.status, 400, "{}", unread.text);
    // Forced open it waits on.
    let breaker = format!("connections/{}/breaker", pulled.connection);
    ask(&pulled, "POST", &breaker, json!({"state": "open"})).await.expect(200);
    pulled.work_until(Wire::whole()).await.unwrap();
    assert_eq!(doorloop.requests().0, 5);
    ask(&pulled, "POST", reset, Value::Null).await.expect(200);
    // No time passes.
    pulled.work_until(Wire::whole()).await.unwrap();
    let run = pulled.newest().await;
    assert_eq!(run["status"], "Success", "{run:?}");
    pulled.stored("units").await.check();
}

#[tokio::test]
async fn whoever_asks_a_vendor_whose_breaker_is_forced_open_is_told_who_did_it() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({})).await;
    let breaker = format!("connections/{}/breaker", pulled.connection);
    ask(&pulled, "POST", &breaker, json!({"state": "open"})).await.expect(200);
    let ping = ask(&pulled, "GET", "integrations/doorloop/ping", Value::Null).await.expect(200);
    let check = ask(&pulled, "GET", "integrations/doorloop/check", Value::Null).await;
    assert_eq!(check.status, 503, "{}", check.text);
    for told in [&ping, &check.body] {
        let error = told["error"].as_str().unwrap();
        assert!(error.starts_with("an operator opened the connection's breaker: ada at 2"), "{told}");
        assert!(told["hint"].as_str().unwrap().contains("{\"state\": \"auto\"}"), "{told}");
        assert_eq!((&told["code"], told["retryAt"].is_null()), (&json!("vendor_rests"), true), "{told}");
    }
}

#[tokio::test]
async fn a_dry_run_names_keys_and_a_failure_says_what_to_do() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |options| options.without = vec!["units".to_owned()]).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["owners", "units"]})).await;
    pulled.start(&backfill(), Mode::DryRun).await;
    pulled.settle().await;
    let listed = ask(&pulled, "GET", "sync/runs", Value::Null).await.expect(200);
    let of = |entity: &str| listed["runs"].as_array().unwrap().iter().find(|row| row["entity"] == entity).unwrap();
    let details = &of("owners")["fullDetails"];
    let named = details["sample"]["created"].as_array().unwrap().len() as u64;
    assert_eq!(Some(named), details["counts"]["created"].as_u64().map(|created| created.min(20)), "{details}");
    let details = &of("units")["fullDetails"];
    assert_eq!((&details["code"], &details["sample"]), (&json!("vendor_not_permitted"), &Value::Null));
    assert!(details["hint"].as_str().unwrap().contains("leave the entity out"), "{details}");
}
