//! What must be known and cannot be read: whoever asks is told to come again, at every door and of every operator's route. Nothing is
//! acknowledged, nothing is refused, nobody is taken for unknown, and nothing is changed.

use std::pin::pin;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox::domain::deliveries::signature::{Scheme, schemes};
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE, READ as READ_SCOPE};
use signalbox_tests::answer::Answer;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Calls, Fault, Verdict, Wire, every, first};

use super::kit::{ask, catalogue, github, path, put, recorded, shown};
use crate::connections::desk::Desk;

const READ: &str = "DynamoDB.GetItem";
const DECRYPT: &str = "KMS.Decrypt";
const SECRET: &str = "a secret of the shop alone";

/// From the n-th read of the table of connections on, all fail.
fn reads_from(number: usize) -> Calls {
    every(READ).about("ConnectionsTable").from(number)
}

fn signed(path: &str, scheme: &Scheme) -> Delivery {
    Delivery::signed(path, scheme, SECRET, Some("1"), jiff::Timestamp::UNIX_EPOCH, "{}")
}

fn sender() -> Delivery {
    signed("/webhooks/github/shop", &schemes::GITHUB).header("x-github-delivery", "1")
}

/// A delivery over a connection of each provider, and the calls by which it is read.
fn doors() -> Vec<(Delivery, Vec<Calls>)> {
    let sale = signed("/pos/demo/ingest", &schemes::POS).header("x-tenant-id", "acme");
    let data = json!({"id": "p", "sku": "A", "updated_date": "2026-01-15T12:00:00Z", "onhand": 5});
    let stock = json!({"connection_id": "conn-9", "event_type": "inventory.updated", "data": data});
    vec![
        (sender(), vec![reads_from(1), reads_from(2), every(DECRYPT)]),
        (sale, vec![reads_from(1), every(DECRYPT)]),
        (Delivery::trackstar("/inventory", &stock), vec![reads_from(1), reads_from(2)]),
    ]
}

async fn hooks() -> Hooks {
    let hooks = Hooks::start().await;
    let desk = Desk::new(&hooks);
    desk.put("acme/github/shop", json!({}), Some(SECRET)).await;
    desk.put("acme/pos/demo", json!({}), Some(SECRET)).await;
    desk.put("acme/trackstar/west", json!({"connectionId": "conn-9"}), None).await;
    hooks
}

#[track_caller]
fn is_unread(answer: &Answer, what: &str) {
    let told = [&answer.body["error"], &answer.body["code"]].contains(&&json!("unavailable"));
    let later = answer.headers.get("retry-after").map(String::as_str);
    assert!((answer.status, told, later) == (503, true, Some("5")), "{what}: {} {}", answer.status, answer.text);
}

#[tokio::test]
async fn a_door_that_cannot_read_whom_to_verify_with_has_its_sender_come_again() {
    let hooks = hooks().await;
    for (delivery, calls) in doors() {
        for down in calls {
            let what = format!("{}: {down}", delivery.path);
            let process = hooks.process(Wire::when(down, Verdict::Fail(Fault::Unreachable))).await;
            is_unread(&process.send(&delivery).await.unwrap(), &what);
            let others: Vec<String> = process.wire().calls();
            assert!(others.iter().all(|call| [READ, DECRYPT].contains(&call.as_str())), "{what}: {others:?}");
        }
        let process = hooks.process(Wire::whole()).await;
        let again = process.send(&delivery).await.unwrap();
        assert!([200, 201].contains(&again.status), "{}: {}", delivery.path, again.text);
    }
    let kept = hooks.ask("GET", "/api/admin/deliveries", Some(&hooks.operator("default")), None).await;
    assert_eq!(kept.expect(200)["items"], json!([]), "nobody was refused");
}

/// Theirs are the variables' secrets, and the table says whether they are paused.
#[tokio::test]
async fn whoever_the_variables_name_comes_again_where_a_pause_cannot_be_read_and_needs_no_key() {
    let hooks = Hooks::start().await;
    Desk::new(&hooks).put("acme/github/acme", json!({}), Some(SECRET)).await;
    let event = json!({"event_id": "1", "event_type": "order.created", "connection_id": "conn-1", "data": {"id": "1"}});
    for delivery in [Delivery::github("1", "{}"), Delivery::trackstar("", &event)] {
        let process = hooks.process(Wire::when(reads_from(1), Verdict::Fail(Fault::Unreachable))).await;
        is_unread(&process.send(&delivery).await.unwrap(), &delivery.path);
        let before = process.wire().calls().len();
        is_unread(&process.send(&delivery).await.unwrap(), &delivery.path);
        assert_eq!(process.wire().calls().len(), before, "{}: a flood reads nothing for a second", delivery.path);
        let process = hooks.process(Wire::whole()).await;
        let answer = process.send(&delivery).await.unwrap();
        assert!(answer.status < 300, "{}: {}", delivery.path, answer.text);
        assert!(!process.wire().calls().iter().any(|call| call == DECRYPT), "{}", delivery.path);
    }
}

#[tokio::test]
async fn what_cannot_be_verified_again_for_that_is_told_apart_from_what_is_refused_again() {
    let hooks = Hooks::start().await;
    assert_eq!(hooks.send(&sender()).await.status, 404);
    Desk::new(&hooks).put("acme/github/shop", json!({}), Some(SECRET)).await;
    let operator = hooks.operator("default");
    let kept = hooks.ask("GET", "/api/admin/deliveries", Some(&operator), None).await.expect(200);
    let verify = json!({"id": kept["items"][0]["id"]});
    let target = "/api/admin/deliveries/verify";
    for down in [reads_from(1), reads_from(2), every(DECRYPT)] {
        let what = down.to_string();
        let process = hooks.process(Wire::when(down, Verdict::Fail(Fault::Unreachable))).await;
        let answer = process.ask("sync-control", "POST", target, &operator, Some(verify.clone())).await.unwrap();
        is_unread(&answer, &what);
    }
    let process = hooks.process(Wire::whole()).await;
    let answer = process.ask("sync-control", "POST", target, &operator, Some(verify)).await.unwrap();
    assert_eq!(answer.expect(200)["status"], "accepted");
}

#[tokio::test]
async fn an_operator_s_route_that_cannot_read_a_connection_changes_nothing() {
    const HOOK: &str = "acme/github/main";
    let system = System::start().await;
    put(&system, HOOK, github(SECRET)).await.expect(201);
    put(&system, "acme/catalogue/shop", catalogue()).await.expect(201);
    let token = system.service_token("operator", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let (list, one) = ("/api/admin/connections?tenant=acme".to_owned(), path(HOOK));
    let action = |action: &str| path(&format!("{HOOK}/{action}"));
    let (none, read) = (Value::Null, reads_from(1));
    // The registry's view of a connection of the operator's own tenant.
    put(&system, "default/catalogue/shop", catalogue()).await.expect(201);
    let credentials = "/api/catalog/vendor-sync/registry/shop/credentials".to_owned();
    let key = json!({"credentials": {"apiKey": "a key of the shop"}});
    let before = (shown(&system, HOOK).await, recorded(&system).await.len());
    for (function, method, target, body, down) in [
        ("read-api", "GET", list, &none, every("DynamoDB.Query").about("ConnectionsTable")),
        ("read-api", "GET", one.clone(), &none, read.clone()),
        ("sync-control", "PUT", one.clone(), &github("another secret"), read.clone()),
        ("sync-control", "PUT", one.clone(), &github("another secret"), every(DECRYPT)),
        ("sync-control", "PUT", path("acme/github/new"), &github(SECRET), every("KMS.GenerateDataKey")),
        ("sync-control", "DELETE", one, &none, read.clone()),
        ("sync-control", "POST", action("pause"), &none, read.clone()),
        ("sync-control", "POST", action("resume"), &none, read.clone()),
        ("sync-control", "POST", action("rotate"), &json!({"secret": "another secret"}), every(DECRYPT)),
        ("sync-control", "POST", action("rotate"), &json!({"rewrap": true}), every("KMS.ReEncrypt")),
        ("sync-control", "POST", action("test"), &none, read.clone()),
        ("sync-control", "POST", credentials.clone(), &key, read),
        ("sync-control", "POST", credentials, &key, every("KMS.GenerateDataKey")),
    ] {
        let what = format!("{method} {target}: {down}");
        let process = system.process(Wire::when(down, Verdict::Fail(Fault::Unavailable))).await;
        let body = (!body.is_null()).then(|| body.clone());
        is_unread(&process.ask(function, method, &target, &token, body).await.unwrap(), &what);
    }
    assert_eq!((shown(&system, HOOK).await, recorded(&system).await.len()), before);
    ask(&system, "GET", &path("acme/github/new"), Value::Null).await.expect(404);
}

/// A door lets nobody wait for so long, as anybody can knock at one.
#[tokio::test]
async fn who_was_verified_waits_five_seconds_for_a_connection_that_is_read_slowly() {
    let system = System::start().await;
    put(&system, "default/catalogue/shop", catalogue()).await.expect(201);
    let token = system.service_token("operator", "default", &[READ_SCOPE]);
    for (waited, expected) in [(Duration::from_millis(4_900), 200), (Duration::from_secs(5), 500)] {
        let process = system.process(Wire::when(first(READ).about("ConnectionsTable"), Verdict::Hold)).await;
        let mut asking = pin!(process.ask("read-api", "GET", "/api/catalog/vendor-sync/registry/shop", &token, None));
        tokio::select! {
            answer = &mut asking => panic!("{answer:?} before anything hung"),
            () = process.wire().held() => system.pass(waited),
        }
        if expected == 200 {
            process.wire().release();
        }
        let answer = asking.await.unwrap();
        assert_eq!(answer.status, expected, "{waited:?}: {}", answer.text);
    }
}
