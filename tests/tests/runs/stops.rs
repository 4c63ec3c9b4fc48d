//! A run that an operator stops: it stops at its next commit, also while it waits, and what it left the next one puts right.

use std::time::Duration;

use serde_json::json;
use signalbox::aws::clients::Clients;
use signalbox::domain::ids::{RunId, TenantId};
use signalbox::engine::operators::{Operator, Operators};
use signalbox::engine::runs::context::Runs;
use signalbox::engine::runs::stop::{Stopping, stop_run};
use signalbox::outside::Outside;
use signalbox_tests::items::Item;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, first};

/// Stops the world's newest run, as an operator of this tenant.
pub(super) async fn stop(world: &World<'_>, tenant: &str) -> Stopping {
    let environment = world.environment("sync-control");
    let outside = Outside { clock: world.system.clock.clone(), ..Outside::default() };
    let clients = Clients::connect(&environment, &outside).unwrap();
    let runs = Runs::connect(&clients, &environment, &outside).unwrap();
    let operators = Operators::connect(&clients, &environment, &outside).unwrap();
    let tenant = TenantId::parse(tenant).unwrap();
    let operator = Operator { tenant, actor: "ann".into(), correlation_id: "trace".into() };
    let id = world.runs().await.last().unwrap()["sk"].as_str().unwrap().to_owned();
    let (connection, id) = (world.connection().parse().unwrap(), RunId::parse(&id).unwrap());
    stop_run(&runs, &operators, &operator, &connection, &id).await.unwrap()
}

async fn audit(world: &World<'_>) -> Vec<Item> {
    world.system.items("JOURNAL_TABLE", &format!("{}#audit", world.tenant)).await
}

/// The run is cancelled, nothing of it is in the snapshot, and the next run does all of it.
async fn check_stopped(world: &World<'_>, before: &Catalogue, source: &Catalogue) {
    let stored = world.stored().await;
    assert_eq!(stored.statuses(), ["Success", "Cancelled"]);
    assert_eq!(stored.runs[1]["error"], json!({"code": "stopped", "detail": "stopped by ann"}));
    assert_eq!((stored.manifest.len(), stored.state.get("lastError")), (before.0.len(), None));
    assert_eq!((stored.open, world.told("run.cancelled").len()), (0, 1));
    for left in ["runId", "stopBy", "stopMs", "waitsUntilMs"] {
        assert!(!stored.lease.contains_key(left), "{left} is left on the lease");
    }
    let entries = audit(world).await;
    assert_eq!((entries.len(), &entries[0]["action"]), (1, &json!("run.stop")));
    world.apply(source).await;
    let stored = world.stored().await;
    stored.check_consistent();
    assert_eq!(stored.products().len(), source.0.len());
}

#[tokio::test]
async fn a_stop_before_the_plan_is_committed_keeps_it_from_that() {
    let system = System::start().await;
    let world = system.world();
    let (before, source) = (Catalogue::small(60), Catalogue::small(60).with_three_changes());
    world.apply(&before).await;
    world.publish(&source);
    let process = world.process(Wire::when(first("Store.read"), Verdict::Hold)).await;
    let (answer, asked) = process.sync_around(json!({}), stop(&world, &world.tenant)).await;
    assert_eq!((answer.status, &answer.body["code"], asked), (500, &json!("stopped"), Stopping::Asked));
    check_stopped(&world, &before, &source).await;
}

#[tokio::test]
async fn a_stop_between_two_commits_is_not_overwritten_by_the_next() {
    let system = System::start().await;
    let mut world = system.world();
    let before = Catalogue::small(60);
    let mut source = Catalogue::small(300);
    source.0[0]["name"] = json!("Another name");
    world.apply(&before).await;
    world.publish(&source);
    // The plan is committed; the first batch takes so long that the slice's time is up, and it hands on.
    world.set("INLINE_BUDGET_MS", "10000");
    let clock = system.clock.clone();
    let mut held = false;
    let process = world.process(Wire::planned(move |call| match call.operation.as_str() {
        "DynamoDB.BatchWriteItem" if !held => {
            held = true;
            clock.advance(Duration::from_secs(11));
            Verdict::Hold
        }
        _ => Verdict::Pass,
    }));
    let process = process.await;
    let (answer, asked) = process.sync_around(json!({}), stop(&world, &world.tenant)).await;
    assert_eq!((answer.status, &answer.body["code"], asked), (500, &json!("stopped"), Stopping::Asked));
    check_stopped(&world, &before, &source).await;
}

#[tokio::test]
async fn a_run_stops_also_while_nobody_holds_it() {
    let system = System::start().await;
    let mut world = system.world();
    let (before, source) = (Catalogue::small(60), Catalogue::small(60).with_three_changes());
    world.apply(&before).await;
    world.publish(&source);
    world.set("INLINE_BUDGET_MS", "0");
    let process = world.healthy().await;
    assert_eq!(process.sync(json!({})).await.status, 202);
    // Another tenant's operator does not find it.
    assert_eq!(stop(&world, "globex").await, Stopping::NotRunning);
    assert_eq!((stop(&world, &world.tenant).await, world.statuses().await.len()), (Stopping::Asked, 2));
    process.drain().await.unwrap();
    world.set("INLINE_BUDGET_MS", "20000");
    check_stopped(&world, &before, &source).await;
    assert_eq!(stop(&world, &world.tenant).await, Stopping::NotRunning);
}

#[tokio::test]
async fn a_run_that_has_done_all_its_work_ends_well_though_it_was_asked_to_stop() {
    let system = System::start().await;
    let world = system.world();
    world.publish(&Catalogue::small(30));
    let process = world.process(Wire::when(first("DynamoDB.BatchWriteItem"), Verdict::Hold)).await;
    let (answer, asked) = process.sync_around(json!({}), stop(&world, &world.tenant)).await;
    assert_eq!((answer.status, asked), (200, Stopping::Asked));
    let stored = world.stored().await;
    assert_eq!((stored.statuses(), stored.lease.contains_key("stopBy")), (vec!["Success"], false));
    stored.check_consistent();
}
