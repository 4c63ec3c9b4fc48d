//! A host that is killed or stopped in the middle of a run: the next start goes on at once, though no lease has run out, and
//! what is stored in the end is what an undisturbed run stores (I2, I3).

use serde_json::json;
use signalbox_tests::process::Crashed;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::runs::process::{Work, WorldProcess};
use signalbox_tests::runs::stored::Stored;
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, at, first};

/// A batch of puts, and one of removals.
fn catalogues() -> (Catalogue, Catalogue) {
    let before = Catalogue::small(20);
    (before.clone(), before.with_three_changes())
}

/// A world with a run to be done, whose trigger advances it for so long.
async fn prepare<'a>(system: &'a System, inline_budget_ms: &str) -> World<'a> {
    let mut world = system.world();
    let (before, source) = catalogues();
    world.apply(&before).await;
    world.publish(&source);
    world.set("INLINE_BUDGET_MS", inline_budget_ms);
    world
}

/// The trigger hands on at once: so there are moments when the trigger holds the run, which has no message, when nobody holds
/// it, with a message and without, and when a worker does.
const BY_A_WORKER: &str = "0";
/// The trigger does it all.
const BY_ITS_TRIGGER: &str = "20000";

/// All of the run that one process does.
async fn run(process: &WorldProcess<'_>) -> Result<(), Crashed> {
    process.try_sync(json!({})).await?;
    process.drain().await
}

/// What the host does that starts next, and a client that got no answer.
async fn start_again(world: &World<'_>) -> Stored {
    let process = world.healthy().await;
    process.restart().await.unwrap();
    process.drain().await.unwrap();
    if world.statuses().await.len() == 1 {
        run(&process).await.unwrap();
    }
    // Nothing is left to it but to tell of ends.
    process.watchdog().await.unwrap().unwrap();
    assert_eq!(process.work_once().await, Ok(Work::Nothing));
    let stored = world.stored().await;
    stored.check_consistent();
    assert_eq!((stored.open, world.told("run.succeeded").len()), (0, 2));
    stored
}

/// The calls of an undisturbed run, and what it leaves.
async fn undisturbed(system: &System, inline_budget_ms: &str) -> (Vec<String>, Stored) {
    let world = prepare(system, inline_budget_ms).await;
    let process = world.healthy().await;
    run(&process).await.unwrap();
    (process.wire().calls(), world.stored().await)
}

#[tokio::test]
async fn a_run_that_was_killed_anywhere_goes_on_at_the_next_start() {
    let system = System::start().await;
    let (calls, expected) = undisturbed(&system, BY_A_WORKER).await;
    for (number, operation) in calls.iter().enumerate() {
        println!("killed after call {number} ({operation})");
        let world = prepare(&system, BY_A_WORKER).await;
        // Before the next one is the same to those who come later.
        let process = world.process(Wire::when(at(number), Verdict::KillAfter)).await;
        assert_eq!(run(&process).await, Err(Crashed));
        drop(process);
        assert_eq!(start_again(&world).await, expected);
    }
}

#[tokio::test]
async fn a_start_that_is_killed_anywhere_leaves_the_run_to_the_next() {
    let system = System::start().await;
    let (_, expected) = undisturbed(&system, BY_ITS_TRIGGER).await;
    for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
        let world = prepare(&system, BY_ITS_TRIGGER).await;
        let batch = first("DynamoDB.BatchWriteItem");
        let process = world.process(Wire::when(batch, Verdict::KillAfter)).await;
        assert_eq!(run(&process).await, Err(Crashed));
        drop(process);
        let mut killed = 0;
        // Killed at its first call, then at its second, until there is none to be killed at.
        let kill = |number| Wire::planned(move |call| if call.number == number { verdict } else { Verdict::Pass });
        while world.process(kill(killed)).await.restart().await.is_err() {
            killed += 1;
        }
        assert_eq!(killed, 4, "what is open, a lease, a message, the lease again");
        assert_eq!(start_again(&world).await, expected);
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_anywhere_is_handed_on_to_the_next_start() {
    let system = System::start().await;
    let (calls, expected) = undisturbed(&system, BY_A_WORKER).await;
    for (number, operation) in calls.iter().enumerate() {
        println!("stopped at call {number} ({operation})");
        let world = prepare(&system, BY_A_WORKER).await;
        let process = world.process(Wire::when(at(number), Verdict::Announce)).await;
        assert_eq!(process.sync(json!({})).await.status, 202);
        // Its queue is not polled any more, but for the batch that it has.
        while !process.wire().shutdown().is_announced() {
            assert_eq!(process.work_once().await, Ok(Work::Done));
        }
        drop(process);
        // Without a look at what is left: it was handed on.
        world.healthy().await.drain().await.unwrap();
        assert_eq!(world.stored().await, expected);
    }
}

/// A holder that lived after all, as no holder can, would still commit nothing (I3).
#[tokio::test]
async fn a_holder_that_was_taken_for_gone_commits_nothing() {
    let system = System::start().await;
    let (calls, expected) = undisturbed(&system, BY_ITS_TRIGGER).await;
    let end = calls.iter().rposition(|call| call == "DynamoDB.TransactWriteItems").unwrap();
    for (number, operation) in calls.iter().enumerate().take(end + 1).skip(1) {
        println!("held at call {number} ({operation})");
        let world = prepare(&system, BY_ITS_TRIGGER).await;
        let process = world.process(Wire::when(at(number), Verdict::Hold)).await;
        let (answer, _) = process.sync_around(json!({}), start_again(&world)).await;
        // 200 where the SDK had given up on the held call, and its next attempt was faster than the one who takes over.
        assert!(matches!(answer.status, 200 | 202), "{}", answer.body);
        let stored = world.stored().await;
        stored.check_consistent();
        assert_eq!((stored.records, stored.manifest), (expected.records.clone(), expected.manifest.clone()));
    }
}
