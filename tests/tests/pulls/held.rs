//! Rows that would go and wait until somebody approves.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::domain::runs::lease::LEASE_MS;
use signalbox::domain::runs::run::Mode;
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE, READ};
use signalbox_simulators::{Running, Vendor};
use signalbox_tests::answer::Answer;
use signalbox_tests::items::Item;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, at};

use super::kit::{Pulled, Stored, backfill, change, vendor};

/// A backfill of two lists, of which the first lacks half of its rows and has one that is new: how many it had.
async fn held<'a>(system: &'a System, doorloop: &Running) -> (Pulled<'a>, usize) {
    let settings = json!({"entities": ["units", "owners"], "removals": "hold"});
    let pulled = Pulled::of(system, doorloop, "doorloop", settings).await;
    pulled.run(&backfill()).await;
    let before = pulled.records("units").await.len();
    change(doorloop, json!({"entity": "units", "remove": before / 2, "add": 1}));
    change(doorloop, json!({"entity": "owners", "change": 1}));
    pulled.start(&backfill(), Mode::Apply).await;
    work(&pulled).await;
    (pulled, before)
}

/// Works until the run is over or waits.
async fn work(pulled: &Pulled<'_>) -> Item {
    pulled.work_until(Wire::whole()).await.unwrap();
    pulled.newest().await
}

/// What the overview says of the tenant, each matter's kind and detail.
async fn needs_attention(pulled: &Pulled<'_>) -> Value {
    let token = pulled.world.system.service_token("ada", "default", &[READ]);
    let path = format!("/api/admin/overview?tenant={}", pulled.connection.tenant);
    let overview = pulled.world.system.get(&path).bearer(&token).answer().await.expect(200);
    let matters = overview["attention"].as_array().unwrap();
    matters.iter().map(|matter| json!([matter["kind"], matter["detail"]])).collect()
}

async fn decide(pulled: &Pulled<'_>, decision: &str, body: Value) -> Answer {
    let run = pulled.newest().await["sk"].as_str().unwrap().to_owned();
    let token = pulled.world.system.service_token("ada", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let path = format!("/api/admin/connections/{}/runs/{run}/{decision}", pulled.connection);
    pulled.world.healthy().await.ask("sync-control", "POST", &path, &token, Some(body)).await.unwrap()
}

#[tokio::test]
async fn the_other_lists_go_on_and_what_is_approved_of_goes() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let (pulled, before) = held(&system, &doorloop).await;
    let run = pulled.newest().await;
    let half = before / 2;
    let outcome = json!({"status": "Pending", "code": null, "entities": [["units", "held", 1, 0, half], ["owners", "done", 0, 1, 0]]});
    assert_eq!(Pulled::outcome(&run), outcome, "{run:?}");
    assert_eq!(pulled.records("units").await.len(), before + 1);
    let token = system.service_token("ada", "default", &[CONNECTIONS_READ]);
    let status = format!("/api/admin/sync/status?tenant={}", pulled.connection.tenant);
    let shown = system.get(&status).bearer(&token).answer().await.expect(200);
    let shown = &shown["currentRun"]["held"];
    assert_eq!(shown["why"], format!("{half} of {before} rows would go"), "{shown}");
    assert!(shown["going"][0].as_str().unwrap().starts_with("units "), "{shown}");
    let matters = json!([["held_run", format!("{half} of {before} rows would go")]]);
    assert_eq!(needs_attention(&pulled).await, matters);

    // More would go than was approved of.
    decide(&pulled, "approve", json!({"removalsMax": half - 1})).await.expect(200);
    let run = work(&pulled).await;
    assert_eq!((&run["status"], &run["held"]["removals"]), (&json!("Pending"), &json!(half.to_string())));
    assert_eq!(pulled.records("units").await.len(), before + 1);

    decide(&pulled, "approve", json!({})).await.expect(200);
    let run = work(&pulled).await;
    let outcome = json!({"status": "Success", "code": null, "entities": [["units", "done", 1, 0, half], ["owners", "done", 0, 1, 0]]});
    assert_eq!(Pulled::outcome(&run), outcome, "{run:?}");
    let stored = pulled.stored("units").await;
    stored.check();
    assert_eq!(stored.records.len() as u64, doorloop.rows("units").unwrap());
    assert_eq!(needs_attention(&pulled).await, json!([]));
}

#[tokio::test]
async fn what_nobody_decides_on_is_over_after_three_days_and_nothing_is_gone() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let (pulled, before) = held(&system, &doorloop).await;
    // What was approved of once is not what it is held for the second time.
    decide(&pulled, "approve", json!({"removalsMax": 1})).await.expect(200);
    work(&pulled).await;
    system.pass(Duration::from_secs(72 * 3_600 + 60));
    pulled.world.process(Wire::whole()).await.drain_with_time().await.unwrap();
    let run = pulled.newest().await;
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("Failed"), &json!("approval_expired")), "{run:?}");
    assert_eq!(pulled.records("units").await.len(), before + 1);
    pulled.stored("owners").await.check();
}

#[tokio::test]
async fn a_look_at_it_names_no_row_for_good() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let (pulled, before) = held(&system, &doorloop).await;
    decide(&pulled, "reject", json!({})).await.expect(200);
    pulled.start(&backfill(), Mode::DryRun).await;
    let run = work(&pulled).await;
    let outcome = json!({"status": "Success", "code": null, "entities": [["units", "done", 0, 0, before / 2], ["owners", "done", 0, 0, 0]]});
    assert_eq!(Pulled::outcome(&run), outcome, "{run:?}");
    assert_eq!(pulled.records("units").await.len(), before + 1);
}

/// The connection before a backfill of which half would go.
async fn prepare<'a>(system: &'a System, doorloop: &Running) -> Pulled<'a> {
    doorloop.reset().unwrap();
    let settings = json!({"entities": ["units"], "pageSize": 25, "removals": "hold"});
    let pulled = Pulled::of(system, doorloop, "doorloop", settings).await;
    pulled.run(&backfill()).await;
    system.pass(Duration::from_secs(3_600));
    change(doorloop, json!({"entity": "units", "remove": 7, "add": 1}));
    pulled.start(&backfill(), Mode::Apply).await;
    pulled
}

/// Has a worker go on with the run. Where it dies another one goes on once its lease has run out.
async fn go_on(pulled: &Pulled<'_>, wire: Wire) -> Wire {
    let system = pulled.world.system;
    let process = pulled.world.process(wire).await;
    let died = process.drain().await.is_err();
    let wire = process.wire().clone();
    if died {
        system.pass(Duration::from_millis(LEASE_MS.unsigned_abs() + 1));
        pulled.world.healthy().await.watchdog().await.unwrap().unwrap();
        pulled.work_until(Wire::whole()).await.unwrap();
    }
    wire
}

async fn outcome(pulled: &Pulled<'_>) -> (Value, Stored) {
    let mut stored = pulled.stored("units").await;
    stored.check();
    stored.forget_times();
    (Pulled::outcome(&pulled.newest().await), stored)
}

#[tokio::test]
async fn a_crash_anywhere_before_or_after_an_approval_leaves_no_trace() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |options| options.rows = 40).await;
    let pulled = prepare(&system, &doorloop).await;
    let mut calls = [go_on(&pulled, Wire::whole()).await.calls().len(), 0];
    decide(&pulled, "approve", json!({})).await.expect(200);
    calls[1] = go_on(&pulled, Wire::whole()).await.calls().len();
    let expected = outcome(&pulled).await;
    assert_eq!(expected.0["entities"], json!([["units", "done", 1, 0, 7]]));
    for (approved, calls) in [false, true].into_iter().zip(calls) {
        for number in 0..calls {
            for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
                println!("approved: {approved}, {verdict:?} of call {number}");
                let pulled = prepare(&system, &doorloop).await;
                let dies = |dies: bool| if dies { Wire::when(at(number), verdict) } else { Wire::whole() };
                go_on(&pulled, dies(!approved)).await;
                assert!(pulled.newest().await.contains_key("held"));
                decide(&pulled, "approve", json!({})).await.expect(200);
                go_on(&pulled, dies(approved)).await;
                assert_eq!(outcome(&pulled).await, expected);
            }
        }
    }
}
