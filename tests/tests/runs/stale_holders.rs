//! A holder that was silent for so long that another took over: nothing of it commits (I3).

use std::time::Duration;

use serde_json::json;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, at};

/// Starts a sync on a wire that holds one call, lets `meanwhile` pass and another process finish the run, and then
/// lets the call go.
async fn overtake(world: &World<'_>, wire: Wire, meanwhile: impl FnOnce()) {
    let stale = world.process(wire).await;
    let (answer, ()) = stale
        .sync_around(json!({}), async {
            meanwhile();
            world.expire_leases();
            world.settle().await;
        })
        .await;
    assert!(matches!(answer.status, 200 | 202), "{}", answer.body);
    world.settle().await;
}

/// The calls of a sync up to the one that ends the run.
async fn calls_to_the_end(system: &System, before: &Catalogue, source: &Catalogue) -> Vec<String> {
    let world = system.world();
    world.apply(before).await;
    world.publish(source);
    let process = world.healthy().await;
    process.sync(json!({})).await;
    let mut calls = process.wire().calls();
    calls.truncate(calls.iter().rposition(|call| call == "DynamoDB.TransactWriteItems").unwrap() + 1);
    calls
}

#[tokio::test]
async fn a_holder_that_was_overtaken_changes_nothing() {
    let system = System::start().await;
    let (before, source) = (Catalogue::small(60), Catalogue::small(60).with_three_changes());
    let calls = calls_to_the_end(&system, &before, &source).await;
    let undisturbed = system.world();
    undisturbed.apply(&before).await;
    undisturbed.apply(&source).await;
    let expected = undisturbed.stored().await;
    for (number, operation) in calls.iter().enumerate().skip(1) {
        let world = system.world();
        world.apply(&before).await;
        world.publish(&source);
        overtake(&world, Wire::when(at(number), Verdict::Hold), || ()).await;
        let stored = world.stored().await;
        stored.check_consistent();
        assert_eq!(stored.statuses(), ["Success", "Success"]);
        assert_eq!(stored.records, expected.records, "held at call {number} ({operation})");
        assert_eq!(stored.manifest, expected.manifest, "held at call {number} ({operation})");
    }
    println!("held at each of {} calls", calls.len() - 1);
}

#[tokio::test]
async fn a_holder_that_was_overtaken_and_had_read_another_source_changes_nothing() {
    let system = System::start().await;
    let (before, source) = (Catalogue::small(60), Catalogue::small(60).with_three_changes());
    let mut newer = before.clone();
    newer.0[7]["name"] = json!("Newest");
    let calls = calls_to_the_end(&system, &before, &source).await;
    for (number, operation) in calls.iter().enumerate().skip(1) {
        // Records are written without a look at the lease: that a call ends before a lease does keeps them apart.
        if operation == "DynamoDB.BatchWriteItem" {
            continue;
        }
        let world = system.world();
        world.apply(&before).await;
        world.publish(&source);
        overtake(&world, Wire::when(at(number), Verdict::Hold), || world.publish(&newer)).await;
        println!("held at call {number} ({operation})");
        let stored = world.stored().await;
        stored.check_consistent();
        assert_eq!(stored.statuses(), ["Success", "Success"]);
        let names: Vec<_> = stored.products().into_values().filter(|product| product["name"] == "Newest").collect();
        assert_eq!(names.len(), 1, "held at call {number} ({operation})");
        assert_eq!(stored.products().len(), 60);
    }
}

#[tokio::test]
async fn a_holder_that_learns_of_its_loss_sends_no_batch_that_waits() {
    let system = System::start().await;
    let mut world = system.world();
    world.set("INLINE_BUDGET_MS", "600000");
    let source = Catalogue::small(300);
    let mut newer = source.clone();
    newer.0.iter_mut().for_each(|product| product["name"] = json!("Newest"));
    world.publish(&source);
    // The batches take so long that the lease must be renewed, while others are still to be sent.
    let clock = system.clock.clone();
    let mut batches = 0;
    let wire = Wire::planned(move |call| {
        if call.operation == "DynamoDB.BatchWriteItem" {
            batches += 1;
            clock.advance(Duration::from_secs(3));
        }
        if call.operation == "DynamoDB.UpdateItem" && batches > 0 { Verdict::Hold } else { Verdict::Pass }
    });
    overtake(&world, wire, || world.publish(&newer)).await;
    let stored = world.stored().await;
    stored.check_consistent();
    assert!(stored.products().values().all(|product| product["name"] == "Newest"));
}
