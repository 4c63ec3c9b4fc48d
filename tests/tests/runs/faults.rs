//! Calls that fail in every way at random: runs go on, and what is stored in the end is what it would have been.

use serde_json::json;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::runs::process::Work;
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;
use signalbox_tests::walk::{Dice, seed};
use signalbox_tests::wire::{Fault, Verdict, Wire, at, every, first};

const WALKS: u64 = 6;

fn catalogues() -> [Catalogue; 4] {
    let first = Catalogue::small(60);
    let fewer = Catalogue(first.0[..55].to_vec());
    [first.clone(), first.clone().with_three_changes(), fewer, first]
}

/// Syncs each catalogue over bad wires, as a client that asks again until its run is stored.
async fn walk(world: &World<'_>, wire: impl Fn() -> Wire) {
    for catalogue in catalogues() {
        world.publish(&catalogue);
        let runs = world.statuses().await.len();
        for _ in 0..100 {
            let process = world.process(wire()).await;
            // No answer, 500 and 202 alike: the run is stored or it is not.
            let _answer = process.try_sync(json!({})).await;
            if world.statuses().await.len() > runs {
                break;
            }
        }
        world.drive(|_| wire()).await;
    }
}

async fn check_walks(percent: u64, crashes: u64, default_seed: u64) {
    let system = System::start().await;
    let undisturbed = system.world();
    walk(&undisturbed, Wire::whole).await;
    let expected = undisturbed.stored().await;
    expected.check_consistent();

    let first_seed = seed(default_seed);
    for seed in first_seed..first_seed + WALKS {
        println!("walk of SIGNALBOX_SEED={seed}: {percent} % of calls fail, {crashes} in 1000 are the last");
        let world = system.world();
        let dice = Dice::new(seed);
        walk(&world, || dice.wire(percent, crashes)).await;
        // A run may have failed for good. The next one puts right what it left.
        world.healthy().await.sync(json!({})).await;
        let mut stored = world.stored().await;
        stored.check_consistent();
        assert_eq!(stored.plans, 0);
        assert_eq!(stored.products(), expected.products());
        assert_eq!(stored.state.remove("lastHash"), expected.state.get("lastHash").cloned());
        let over = stored.statuses().iter().filter(|status| **status == "Success").count();
        assert_eq!(world.told("run.succeeded").len(), over);
        assert_eq!(world.told("run.failed").len(), stored.runs.len() - over);
    }
}

#[tokio::test]
async fn runs_end_well_though_calls_fail() {
    check_walks(8, 0, 1).await;
}

#[tokio::test]
async fn runs_end_well_though_calls_fail_often_and_processes_die() {
    check_walks(15, 20, 100).await;
}

/// Every call of a sync in turn fails once in one way: the answer is the same, and so is what is stored.
async fn check_once(fault: Fault) {
    let system = System::start().await;
    let (before, source) = (Catalogue::small(60), Catalogue::small(60).with_three_changes());
    let undisturbed = system.world();
    undisturbed.apply(&before).await;
    undisturbed.publish(&source);
    let process = undisturbed.healthy().await;
    process.sync(json!({})).await;
    let (expected, calls) = (undisturbed.stored().await, process.wire().calls());
    for (number, operation) in calls.iter().enumerate() {
        let world = system.world();
        world.apply(&before).await;
        world.publish(&source);
        let process = world.process(Wire::when(at(number), Verdict::Fail(fault))).await;
        let answer = process.sync(json!({})).await;
        assert!(matches!(answer.status, 200 | 202), "{fault:?} of {operation}: {}", answer.body);
        while process.work_once().await != Ok(Work::Nothing) {}
        world.settle().await;
        let stored = world.stored().await;
        stored.check_consistent();
        assert_eq!(stored, expected, "{fault:?} of call {number} ({operation})");
    }
}

#[tokio::test]
async fn a_throttled_call_changes_nothing() {
    check_once(Fault::Throttled).await;
}

#[tokio::test]
async fn a_server_error_changes_nothing() {
    check_once(Fault::ServerError).await;
}

#[tokio::test]
async fn an_error_without_a_body_changes_nothing() {
    check_once(Fault::Unavailable).await;
}

#[tokio::test]
async fn a_lost_reply_changes_nothing() {
    check_once(Fault::LostReply).await;
}

#[tokio::test]
async fn a_transaction_conflict_changes_nothing() {
    check_once(Fault::Conflict).await;
}

#[tokio::test]
async fn a_batch_that_is_taken_in_part_changes_nothing() {
    check_once(Fault::Unprocessed).await;
}

/// A fault that outlasts the SDK's attempts stops the slice, not the run.
#[tokio::test]
async fn a_service_that_is_away_for_a_while_fails_no_run() {
    let system = System::start().await;
    for fault in [Fault::Throttled, Fault::ServerError, Fault::Unavailable, Fault::LostReply, Fault::Unreachable] {
        let world = system.world();
        let source = Catalogue::small(60);
        world.publish(&source);
        let batches = every("DynamoDB.BatchWriteItem").up_to(9);
        let process = world.process(Wire::when(batches, Verdict::Fail(fault))).await;
        let answer = process.sync(json!({})).await;
        assert_eq!(answer.status, 202, "{fault:?}: {}", answer.body);
        process.drain_with_time().await.unwrap();
        let stored = world.stored().await;
        assert_eq!(stored.statuses(), ["Success"], "{fault:?}: {:?}", stored.runs);
        stored.check_consistent();
    }
}

/// A batch that is refused as soon as it is sent stops the slice: the checkpoint does not move past its rows.
#[tokio::test]
async fn a_batch_that_is_refused_at_once_is_written_by_the_next_slice() {
    let system = System::start().await;
    let world = system.world();
    world.publish(&Catalogue::small(60));
    let refused = first("DynamoDB.BatchWriteItem");
    let process = world.process(Wire::when(refused, Verdict::Fail(Fault::Conflict))).await;
    process.sync(json!({})).await;
    process.drain_with_time().await.unwrap();
    let stored = world.stored().await;
    assert_eq!(stored.statuses(), ["Success"], "{:?}", stored.runs);
    assert_eq!(stored.products().len(), 60);
    stored.check_consistent();
}
