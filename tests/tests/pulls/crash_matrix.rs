//! Every effect of a pull crashed before and after, then gone on with: records, counts and checkpoints are those of a pull that nothing
//! disturbed.

use serde_json::{Value, json};
use signalbox::domain::runs::run::Mode;
use signalbox::engine::runs::kinds::pull::PullRequest;
use signalbox_simulators::{Running, Vendor};
use signalbox_tests::process::Crashed;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Fault, Verdict, Wire, at, every};

use super::kit::{Pulled, Stored, backfill, change, delta, vendor};

/// Says where, if the test fails.
struct Here(String);

impl Drop for Here {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0);
        }
    }
}

async fn prepare<'a>(system: &'a System, doorloop: &Running, first: bool) -> Pulled<'a> {
    doorloop.reset().unwrap();
    let settings = json!({"entities": ["units", "owners"], "pageSize": 5});
    let pulled = Pulled::of(system, doorloop, "doorloop", settings).await;
    if !first {
        pulled.run(&backfill()).await;
        system.pass(std::time::Duration::from_secs(3_600));
        change(doorloop, json!({"entity": "units", "change": 3, "remove": 2, "add": 2}));
    }
    pulled
}

async fn outcome(pulled: &Pulled<'_>) -> (Value, Vec<Stored>) {
    let run = pulled.newest().await;
    let mut stored = [pulled.stored("units").await, pulled.stored("owners").await];
    for entity in &mut stored {
        entity.check();
        entity.forget_times();
    }
    (json!([run["status"], Pulled::work(&run)]), stored.into())
}

async fn check(name: &str, first: bool, request: PullRequest) {
    let system = System::start().await;
    let rows = |options: &mut signalbox_simulators::Options| options.rows = 40;
    let doorloop = vendor(&system, Vendor::Doorloop, rows).await;
    let pulled = prepare(&system, &doorloop, first).await;
    pulled.start(&request, Mode::Apply).await;
    let process = pulled.world.healthy().await;
    process.drain().await.unwrap();
    let calls = process.wire().calls();
    let expected = outcome(&pulled).await;
    assert_eq!(expected.0[0], "Success", "{:?}", expected.0);
    println!("{name}: killed before and after each of {} calls: {}", calls.len(), calls.join(" "));
    for (number, call) in calls.iter().enumerate() {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            let _here = Here(format!("{name}: {verdict:?} of call {number} ({call})"));
            let pulled = prepare(&system, &doorloop, first).await;
            pulled.start(&request, Mode::Apply).await;
            assert_eq!(pulled.work_until(Wire::when(at(number), verdict)).await, Err(Crashed));
            pulled.settle().await;
            assert_eq!(outcome(&pulled).await, expected);
        }
    }
}

#[tokio::test]
async fn a_crash_anywhere_in_a_first_backfill_leaves_no_trace() {
    check("first backfill", true, backfill()).await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_backfill_that_removes_leaves_no_trace() {
    check("backfill", false, backfill()).await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_delta_leaves_no_trace() {
    check("delta", false, delta()).await;
}

/// A commit whose reply is lost may have taken effect. Whoever goes on sees in the manifest which it was.
#[tokio::test]
async fn commits_that_fail_for_a_while_change_nothing() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |options| options.rows = 40).await;
    let pulled = prepare(&system, &doorloop, false).await;
    pulled.run(&backfill()).await;
    let expected = outcome(&pulled).await;
    for fault in [Fault::LostReply, Fault::Unreachable] {
        for from in 1..=9 {
            let _here = Here(format!("{fault:?} of commits from {from}"));
            let pulled = prepare(&system, &doorloop, false).await;
            pulled.start(&backfill(), Mode::Apply).await;
            let calls = every("DynamoDB.TransactWriteItems").from(from).up_to(from + 2);
            pulled.work_until(Wire::when(calls, Verdict::Fail(fault))).await.unwrap();
            pulled.settle().await;
            let (work, stored) = outcome(&pulled).await;
            assert_eq!(
                (&work[0], &work[1]["entities"][0]["progress"]["counts"]),
                (&expected.0[0], &expected.0[1]["entities"][0]["progress"]["counts"])
            );
            assert_eq!(stored, expected.1);
        }
    }
}
