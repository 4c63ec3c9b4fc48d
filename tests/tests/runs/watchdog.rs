//! The watchdog looks at every open run, however many there are, and at what matters first.

use std::time::Duration;

use serde_json::json;
use signalbox::aws::clients::Clients;
use signalbox::engine::runs::context::Runs;
use signalbox::engine::runs::watchdog::{Limits, Round, watch_within};
use signalbox::outside::Outside;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::runs::process::Work;
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Fault, Verdict, Wire, every};

/// Longer than a message may be late.
const LATE: Duration = Duration::from_secs(121);

/// Starts a run of each of so many vendors, whose messages are all lost.
async fn lost_runs(world: &mut World<'_>, count: usize) {
    let vendor =
        |number| json!({"slug": format!("v{number}"), "tenant": world.tenant, "source": "moscot.catalog.json"});
    let vendors = json!((0..count).map(vendor).collect::<Vec<_>>());
    world.set("VENDORS", vendors.to_string());
    world.publish(&Catalogue::small(3));
    let deaf = world.process(Wire::when(every("SQS.SendMessage"), Verdict::Fail(Fault::Unreachable))).await;
    assert!(deaf.fire("nightly").await.unwrap().is_err());
    assert_eq!(world.told("run.started").len(), count);
    world.system.pass(LATE);
}

#[tokio::test]
async fn a_hundred_and_five_open_runs_are_all_sent_on_in_one_round_and_not_again_in_the_next() {
    let system = System::start().await;
    let mut world = system.world();
    lost_runs(&mut world, 105).await;
    let process = world.healthy().await;
    let sent = || process.wire().calls().into_iter().filter(|call| call == "SQS.SendMessage").count();
    process.watchdog().await.unwrap().unwrap();
    assert_eq!(sent(), 105);
    // Their messages are under way.
    system.pass(Duration::from_secs(60));
    process.watchdog().await.unwrap().unwrap();
    assert_eq!(sent(), 105);
    process.drain().await.unwrap();
    assert_eq!(world.told("run.succeeded").len(), 105);
}

/// The watchdog of this world, whose calls go over a wire.
fn watchdog(world: &World<'_>, wire: &Wire) -> Runs {
    let environment = world.environment("scheduler");
    let system = world.system;
    let (clock, aws_http) = (system.clock.clone(), Some(wire.http(system.http.clone())));
    let outside = Outside { clock, aws_http, ..Outside::default() };
    Runs::connect(&Clients::connect(&environment, &outside).unwrap(), &environment, &outside).unwrap()
}

const TEN: Limits = Limits { runs_max: 10, page_runs: 5, look_max: Duration::MAX, telling_max: Duration::MAX };

#[tokio::test]
async fn a_round_goes_on_where_the_last_one_ended() {
    let system = System::start().await;
    let mut world = system.world();
    lost_runs(&mut world, 25).await;
    let runs = watchdog(&world, &Wire::whole());
    let mut rounds = Vec::new();
    for round in 0..4 {
        let Round { looked_at, sent_on, left, .. } = watch_within(&runs, TEN).await.unwrap();
        rounds.push((looked_at, sent_on, left));
        if round == 1 {
            // The runs where the rounds ended are over, and no longer in the index.
            world.healthy().await.drain().await.unwrap();
        }
    }
    // Then from the oldest again: the five whose messages are under way.
    assert_eq!(rounds, [(10, 10, 0), (10, 10, 0), (5, 5, 0), (5, 0, 5)]);
}

#[tokio::test]
async fn what_hangs_keeps_no_later_run_waiting() {
    let system = System::start().await;
    let mut world = system.world();
    lost_runs(&mut world, 25).await;
    let runs = watchdog(&world, &Wire::whole());
    let no_time = Limits { look_max: Duration::ZERO, ..TEN };
    assert_eq!(watch_within(&runs, no_time).await.unwrap_err().detail, "timed out");
    let mut rounds = Vec::new();
    for _ in 0..3 {
        rounds.push(watch_within(&runs, TEN).await.unwrap().sent_on);
    }
    assert_eq!(rounds, [10, 5, 10]);
}

#[tokio::test]
async fn runs_are_sent_on_though_the_bus_does_not_answer_and_the_rest_is_told_in_the_next_round() {
    let system = System::start().await;
    let mut world = system.world();
    world.publish(&Catalogue::small(3));
    let mute = world.process(Wire::when(every("Events.PutEvents"), Verdict::Fail(Fault::Unreachable))).await;
    assert_eq!(mute.sync(json!({})).await.status, 200);
    lost_runs(&mut world, 1).await;
    let runs = watchdog(&world, &Wire::when(every("Events.PutEvents"), Verdict::Hold));
    let round = watch_within(&runs, Limits { telling_max: Duration::ZERO, ..TEN }).await.unwrap();
    assert_eq!((round.sent_on, round.told), (1, 0));
    let round = watch_within(&watchdog(&world, &Wire::whole()), TEN).await.unwrap();
    assert_eq!((round.sent_on, round.told), (0, 1));
}

/// What the index showed of a run may be older than what is stored.
#[tokio::test]
async fn a_run_that_went_on_meanwhile_is_not_given_up() {
    let system = System::start().await;
    let mut world = system.world();
    lost_runs(&mut world, 1).await;
    world.publish(&Catalogue::small(300));
    world.set("SLICE_BUDGET_MS", "10000");
    world.healthy().await.watchdog().await.unwrap().unwrap();
    system.pass(Duration::from_secs(3600));

    // Its message comes after all, and its slice's time is up when it has written a little.
    let clock = system.clock.clone();
    let worker = world.process(Wire::planned(move |call| {
        if call.operation == "DynamoDB.BatchWriteItem" {
            clock.advance(Duration::from_secs(11));
        }
        Verdict::Pass
    }));
    let worker = worker.await;
    let wire = Wire::when(every("DynamoDB.GetItem").nth(2), Verdict::Hold);
    let runs = watchdog(&world, &wire);
    let (round, ()) = tokio::join!(watch_within(&runs, TEN), async {
        // It has read the index, and not yet the lease.
        wire.held().await;
        assert_eq!(worker.work_once().await, Ok(Work::Done));
        wire.release();
    });
    assert_eq!(round.unwrap().given_up, 0);
    world.healthy().await.drain().await.unwrap();
    assert_eq!(world.told("run.succeeded").len(), 1);
}
