//! What operators do to pulls, crashed before and after each of its calls, then done once more: what is stored then is what one that
//! nothing disturbed leaves.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::domain::runs::lease::LEASE_MS;
use signalbox::domain::runs::run::Mode;
use signalbox_simulators::{Running, Vendor};
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::system::System;
use signalbox_tests::wire::{Fault, Verdict, Wire, at, every};

use super::kit::{Pulled, Stored, backfill, change, vendor};

async fn small(system: &System) -> Running {
    vendor(system, Vendor::Doorloop, |options| options.rows = 20).await
}

fn pass_lease(system: &System) {
    system.pass(Duration::from_millis(LEASE_MS.unsigned_abs() + 1));
}

/// What is stored of the units, whichever run put them.
async fn stored(pulled: &Pulled<'_>) -> Stored {
    let mut stored = pulled.stored("units").await;
    stored.check();
    stored.forget_times();
    stored.records.values_mut().for_each(|record| drop(record.remove("runId")));
    stored
}

/// A connection that had a row set aside, which is mended at its vendor by now; and the id of the row's letter.
async fn with_a_row_aside<'a>(system: &'a System, process: &Process, doorloop: &Running) -> (Pulled<'a>, Value) {
    doorloop.reset().unwrap();
    let wrong = json!({"entity": "units", "change": 1, "set": {"updatedAt": "soon"}});
    let id = doorloop.change_rows(&serde_json::from_value(wrong).unwrap()).unwrap().changed.ids;
    let pulled = Pulled::of(system, doorloop, "doorloop", json!({"entities": ["units"]})).await;
    pulled.run(&backfill()).await;
    let mended = json!({"entity": "units", "change": id, "set": {"updatedAt": "2100-01-02T00:00:00Z", "beds": 9}});
    change(doorloop, mended);
    let letters = pulled.ask_over(process, "GET", "dlq", Value::Null).await.unwrap().expect(200);
    (pulled, letters["items"][0]["id"].clone())
}

/// Nothing is open once the watchdog has told of what ended, nothing is set aside: what is stored.
async fn applied(pulled: &Pulled<'_>, process: &Process) -> Stored {
    process.fire("watchdog").await.unwrap().unwrap();
    assert!(pulled.runs().await.iter().all(|run| !run.contains_key("open")), "{:?}", pulled.runs().await);
    assert_eq!(pulled.ask_over(process, "GET", "dlq", Value::Null).await.unwrap().expect(200)["total"], 0);
    stored(pulled).await
}

#[tokio::test]
async fn a_crash_anywhere_while_a_row_is_applied_leaves_no_trace() {
    let system = System::start().await;
    let (doorloop, healthy) = (small(&system).await, system.process_with(Wire::whole(), &[]).await);
    let (pulled, letter) = with_a_row_aside(&system, &healthy, &doorloop).await;
    let process = pulled.world.healthy().await;
    pulled.ask_over(&process, "POST", "dlq/requeue", json!({"id": letter})).await.unwrap().expect(200);
    let (calls, expected) = (process.wire().calls(), applied(&pulled, &healthy).await);
    println!("killed before and after each of {} calls: {}", calls.len(), calls.join(" "));
    for (number, call) in calls.iter().enumerate() {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            let here = format!("{verdict:?} of call {number} ({call})");
            let (pulled, letter) = with_a_row_aside(&system, &healthy, &doorloop).await;
            let body = json!({"id": letter});
            let process = pulled.world.process(Wire::when(at(number), verdict)).await;
            let crashed = pulled.ask_over(&process, "POST", "dlq/requeue", body.clone()).await;
            assert_eq!(crashed.map(drop), Err(Crashed), "{here}");
            // Whoever died may have a call under way until its lease has run out. Nobody waits for longer.
            pass_lease(&system);
            let again = pulled.ask_over(&healthy, "POST", "dlq/requeue", body).await.unwrap();
            assert!([200, 404].contains(&again.status), "{here}: {}", again.text);
            assert_eq!(applied(&pulled, &healthy).await, expected, "{here}");
        }
    }
}

/// A fault ends the run that applied the row: nobody meets it.
#[tokio::test]
async fn a_fault_while_a_row_is_applied_is_in_nobody_s_way() {
    let system = System::start().await;
    let (doorloop, healthy) = (small(&system).await, system.process_with(Wire::whole(), &[]).await);
    let (pulled, letter) = with_a_row_aside(&system, &healthy, &doorloop).await;
    // More often than the SDK and the route try.
    let puts = every("DynamoDB.BatchWriteItem").up_to(100);
    let process = pulled.world.process(Wire::when(puts, Verdict::Fail(Fault::ServerError))).await;
    let failed = pulled.ask_over(&process, "POST", "dlq/requeue", json!({"id": letter})).await.unwrap();
    assert_eq!(failed.status, 500, "{}", failed.text);
    let run = pulled.newest().await;
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("Failed"), &json!("storage_failed")), "{run:?}");
    pulled.ask("POST", "dlq/requeue", json!({"id": letter})).await.expect(200);
    applied(&pulled, &healthy).await;
}

/// A row's run that whoever began it left is in no other's way once its lease has run out.
#[tokio::test]
async fn a_row_s_run_that_was_left_open_is_given_up() {
    let system = System::start().await;
    let (doorloop, healthy) = (small(&system).await, system.process_with(Wire::whole(), &[]).await);
    let (pulled, letter) = with_a_row_aside(&system, &healthy, &doorloop).await;
    let process = pulled.world.process(Wire::when(every("DynamoDB.BatchWriteItem").nth(1), Verdict::KillBefore)).await;
    let crashed = pulled.ask_over(&process, "POST", "dlq/requeue", json!({"id": letter})).await;
    assert_eq!(crashed.map(drop), Err(Crashed));
    let busy = pulled.ask("POST", "run", json!({})).await;
    assert_eq!((busy.status, &busy.body["code"]), (409, &json!("sync_in_progress")));
    pass_lease(&system);
    pulled.world.healthy().await.watchdog().await.unwrap().unwrap();
    let run = pulled.newest().await;
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("Failed"), &json!("run_too_slow")), "{run:?}");
    pulled.ask("POST", "dlq/requeue", json!({"id": letter})).await.expect(200);
    applied(&pulled, &healthy).await;
}

/// A connection with a run that a worker left in the middle of a page, or that no worker has taken up.
async fn with_a_run<'a>(system: &'a System, doorloop: &Running, is_held: bool) -> Pulled<'a> {
    let pulled = Pulled::of(system, doorloop, "doorloop", json!({"entities": ["units"], "pageSize": 5})).await;
    pulled.start(&backfill(), Mode::Apply).await;
    if is_held {
        let dies = Wire::when(every("DynamoDB.BatchWriteItem").nth(2), Verdict::KillAfter);
        assert_eq!(pulled.work_until(dies).await, Err(Crashed));
    }
    pulled
}

/// Resets until no lock is held; a pull of everything then finds all as it should be.
async fn reset_and_pulled(pulled: &Pulled<'_>, process: &Process) -> (Value, Value, Stored) {
    for _ in 0..3 {
        let reset = pulled.ask_over(process, "POST", "reset-lock", Value::Null).await.unwrap().expect(200);
        if reset["message"] == "No lock is held" {
            break;
        }
        pass_lease(pulled.world.system);
    }
    let run = pulled.newest().await;
    assert_eq!(pulled.run(&backfill()).await["status"], "Success");
    (run["status"].clone(), run["error"]["code"].clone(), stored(pulled).await)
}

#[tokio::test]
async fn a_crash_anywhere_while_a_lock_is_reset_leaves_no_trace() {
    let system = System::start().await;
    let (doorloop, healthy) = (small(&system).await, system.process_with(Wire::whole(), &[]).await);
    for is_held in [true, false] {
        let pulled = with_a_run(&system, &doorloop, is_held).await;
        let process = pulled.world.healthy().await;
        pulled.ask_over(&process, "POST", "reset-lock", Value::Null).await.unwrap().expect(200);
        let calls = process.wire().calls();
        let expected = reset_and_pulled(&pulled, &healthy).await;
        assert_eq!((&expected.0, &expected.1), (&json!("Cancelled"), &json!("stopped")));
        println!("killed before and after each of {} calls: {}", calls.len(), calls.join(" "));
        for (number, call) in calls.iter().enumerate() {
            for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
                let pulled = with_a_run(&system, &doorloop, is_held).await;
                let process = pulled.world.process(Wire::when(at(number), verdict)).await;
                let crashed = pulled.ask_over(&process, "POST", "reset-lock", Value::Null).await;
                let here = format!("{verdict:?} of call {number} ({call}), held {is_held}");
                assert_eq!(crashed.map(drop), Err(Crashed), "{here}");
                assert_eq!(reset_and_pulled(&pulled, &healthy).await, expected, "{here}");
            }
        }
    }
}
