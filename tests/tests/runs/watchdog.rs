//! The watchdog looks at every open run, however many there are, and at what matters first.

use std::time::Duration;

use serde_json::json;
use signalbox::aws::clients::Clients;
use signalbox::engine::runs::context::Runs;
use signalbox::engine::runs::watchdog::{Limits, Round, watch_within};
use signalbox::outside::Outside;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Fault, Verdict, Wire, every, first};

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

#[tokio::test]
async fn a_round_goes_on_where_the_last_one_ended() {
    let system = System::start().await;
    let mut world = system.world();
    lost_runs(&mut world, 25).await;
    let environment = world.environment("scheduler");
    let outside = Outside { clock: system.clock.clone(), ..Outside::default() };
    let runs = Runs::connect(&Clients::connect(&environment, &outside).unwrap(), &environment, &outside).unwrap();
    let limits = Limits { runs_max: 10, page_runs: 5 };
    let mut rounds = Vec::new();
    for _ in 0..4 {
        let Round { looked_at, sent_on, left, .. } = watch_within(&runs, limits).await.unwrap();
        rounds.push((looked_at, sent_on, left));
    }
    // Then from the oldest again, whose messages are under way.
    assert_eq!(rounds, [(10, 10, 0), (10, 10, 0), (5, 5, 0), (10, 0, 10)]);
}

#[tokio::test]
async fn runs_are_sent_on_before_the_world_is_told() {
    let system = System::start().await;
    let mut world = system.world();
    // One is over and nobody was told of it; another one is lost.
    world.publish(&Catalogue::small(3));
    let mute = world.process(Wire::when(every("Events.PutEvents"), Verdict::Fail(Fault::Unreachable))).await;
    assert_eq!(mute.sync(json!({})).await.status, 200);
    lost_runs(&mut world, 1).await;
    assert_eq!(world.told("run.succeeded").len(), 0);

    let process = world.process(Wire::when(first("Events.PutEvents"), Verdict::Hold)).await;
    let (round, ()) = tokio::join!(process.watchdog(), async {
        process.wire().held().await;
        let calls = process.wire().calls();
        assert!(calls.contains(&"SQS.SendMessage".to_owned()), "{calls:?}");
        process.wire().release();
    });
    round.unwrap().unwrap();
    assert_eq!(world.told("run.succeeded").len(), 1);
}
