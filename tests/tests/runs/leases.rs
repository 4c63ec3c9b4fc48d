//! Who may advance a run, and what becomes of one that nobody advances.

use std::time::Duration;

use serde_json::json;
use signalbox_tests::process::Crashed;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Calls, Fault, Verdict, Wire, every, first};

/// The first read of a sync: the run is stored and announced, and nothing is read yet.
fn after_start() -> Calls {
    first("DynamoDB.GetItem").about("SnapshotsTable")
}

const HOUR: Duration = Duration::from_secs(3601);

#[tokio::test]
async fn of_two_starts_at_once_one_runs_and_the_other_learns_of_it() {
    let system = System::start().await;
    let world = system.world();
    world.publish(&Catalogue::small(30));
    let first = world.process(Wire::when(after_start(), Verdict::Hold)).await;
    let second = world.healthy().await;
    let (ran, refused) = first.sync_around(json!({}), second.sync(json!({}))).await;
    assert_eq!((ran.status, refused.status), (200, 409));
    assert_eq!(refused.body["error"], "sync_in_progress");
    assert_eq!(refused.body["runId"], ran.body["runId"]);
    assert_eq!(world.stored().await.statuses(), ["Success"]);
}

#[tokio::test]
async fn of_many_starts_in_the_same_moment_one_runs() {
    let system = System::start().await;
    let world = system.world();
    world.publish(&Catalogue::small(30));
    let process = world.healthy().await;
    let answers = futures::future::join_all((0..8).map(|_| process.sync(json!({})))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(409)), (1, 7));
    let stored = world.stored().await;
    assert_eq!(stored.statuses(), ["Success"]);
    stored.check_consistent();
}

#[tokio::test]
async fn a_scheduled_run_that_finds_another_is_stored_as_skipped() {
    let system = System::start().await;
    let world = system.world();
    world.publish(&Catalogue::small(30));
    let manual = world.process(Wire::when(after_start(), Verdict::Hold)).await;
    let scheduled = world.healthy().await;
    let (answer, fired) = manual.sync_around(json!({}), scheduled.fire("nightly")).await;
    assert_eq!((answer.status, fired), (200, Ok(Ok(()))));
    let stored = world.stored().await;
    assert_eq!(stored.statuses(), ["Success", "Skipped"]);
    assert_eq!(stored.runs[1]["error"]["code"], "sync_in_progress");
    assert_eq!(world.told("run.skipped").len(), 1);
    assert_eq!(stored.open, 0);
    stored.check_consistent();
}

#[tokio::test]
async fn the_nightly_schedule_starts_a_run_for_each_vendor_that_has_a_source() {
    let system = System::start().await;
    let mut world = system.world();
    let vendor = |slug: &str| json!({"slug": slug, "tenant": world.tenant, "source": "moscot.catalog.json"});
    let vendors = json!([vendor("moscot"), vendor("other"), {"slug": "bare", "tenant": world.tenant},
        {"slug": "remote", "tenant": world.tenant, "type": "API", "source": "moscot.catalog.json"}]);
    world.set("VENDORS", vendors.to_string());
    world.publish(&Catalogue::small(30));
    let process = world.healthy().await;
    process.fire("nightly").await.unwrap().unwrap();
    process.drain().await.unwrap();
    assert_eq!(world.told("run.succeeded").len(), 2);
    assert_eq!(world.told("run.started").len(), 2);
}

#[tokio::test]
async fn a_vendor_that_cannot_be_started_keeps_no_other_waiting() {
    let system = System::start().await;
    let mut world = system.world();
    let vendor = |slug: &str| json!({"slug": slug, "tenant": world.tenant, "source": "moscot.catalog.json"});
    world.set("VENDORS", json!([vendor("a"), vendor("b"), vendor("c")]).to_string());
    world.publish(&Catalogue::small(30));
    // The SDK tries a start three times.
    let starts = every("DynamoDB.TransactWriteItems").up_to(3);
    let process = world.process(Wire::when(starts, Verdict::Fail(Fault::ServerError))).await;
    assert!(process.fire("nightly").await.unwrap().is_err());
    process.drain().await.unwrap();
    assert_eq!(world.told("run.succeeded").len(), 2);
    // Lambda repeats an event that failed: the vendor that was left out is started, and no other a second time.
    process.fire("nightly").await.unwrap().unwrap();
    process.drain().await.unwrap();
    assert_eq!(world.told("run.succeeded").len(), 3);
}

#[tokio::test]
async fn a_run_that_somebody_holds_is_left_alone_by_the_watchdog_and_by_a_second_message() {
    let system = System::start().await;
    let world = system.world();
    world.publish(&Catalogue::small(30));
    let holder = world.process(Wire::when(after_start(), Verdict::Hold)).await;
    let other = world.healthy().await;
    let (answer, ()) = holder
        .sync_around(json!({}), async {
            other.watchdog().await.unwrap().unwrap();
            other.drain().await.unwrap();
            assert!(!other.wire().calls().contains(&"SQS.SendMessage".to_owned()), "{:?}", other.wire().calls());
            assert_eq!(world.statuses().await, ["Pending"]);
        })
        .await;
    assert_eq!(answer.status, 200);
}

/// Without it nobody knows which fields are volatile: every row would count as updated.
#[tokio::test]
async fn a_run_whose_vendor_left_the_configuration_fails_and_writes_nothing() {
    let system = System::start().await;
    let mut world = system.world();
    world.apply(&Catalogue::small(30)).await;
    world.publish(&Catalogue::small(30).with_three_changes());
    world.set("INLINE_BUDGET_MS", "0");
    assert_eq!(world.healthy().await.sync(json!({})).await.status, 202);
    let before = world.stored().await;
    world.set("VENDORS", "[]");
    world.healthy().await.drain().await.unwrap();
    let stored = world.stored().await;
    assert_eq!(stored.statuses(), ["Success", "Failed"]);
    assert_eq!(stored.runs[1]["error"]["code"], "vendor_not_configured");
    assert_eq!((stored.records.len(), stored.manifest.len()), (before.records.len(), before.manifest.len()));
    assert_eq!(stored.records, before.records);
    stored.check_consistent();
}

#[tokio::test]
async fn a_run_past_its_deadline_is_given_up_and_says_so() {
    let system = System::start().await;
    let world = system.world();
    world.apply(&Catalogue::small(30)).await;
    let process = world.process(Wire::when(after_start(), Verdict::KillBefore)).await;
    assert_eq!(process.try_sync(json!({})).await, Err(Crashed));
    system.pass(HOUR);
    world.healthy().await.watchdog().await.unwrap().unwrap();
    let stored = world.stored().await;
    assert_eq!(stored.statuses(), ["Success", "Failed"]);
    assert_eq!(stored.runs[1]["error"]["code"], "run_too_slow");
    assert_eq!(stored.state["lastError"], stored.runs[1]["error"]["detail"]);
    assert_eq!((stored.open, world.told("run.failed").len()), (0, 1));
    stored.check_consistent();
}

#[tokio::test]
async fn a_run_past_its_deadline_does_not_block_the_next_start() {
    let system = System::start().await;
    let world = system.world();
    world.publish(&Catalogue::small(30));
    let process = world.process(Wire::when(after_start(), Verdict::KillBefore)).await;
    assert_eq!(process.try_sync(json!({})).await, Err(Crashed));
    system.pass(HOUR);
    assert_eq!(world.healthy().await.sync(json!({})).await.status, 200);
    let stored = world.stored().await;
    assert_eq!(stored.statuses(), ["Failed", "Success"]);
    stored.check_consistent();
}

#[tokio::test]
async fn a_run_whose_end_the_bus_did_not_take_is_told_of_later() {
    let system = System::start().await;
    let world = system.world();
    world.publish(&Catalogue::small(30));
    let bus_is_down = Wire::when(every("Events.PutEvents"), Verdict::Fail(Fault::Unreachable));
    let process = world.process(bus_is_down).await;
    assert_eq!(process.sync(json!({})).await.status, 200);
    assert_eq!((world.open_runs().await, world.events().len()), (1, 0));
    world.healthy().await.watchdog().await.unwrap().unwrap();
    assert_eq!(world.events(), ["run.succeeded", "snapshot.changed"]);
    assert_eq!(world.open_runs().await, 0);
}

/// As with deliveries: it keeps the queue fair between tenants.
#[tokio::test]
async fn a_slice_is_queued_in_its_tenants_group() {
    let system = System::start().await;
    let world = system.world();
    world.publish(&Catalogue::small(30));
    let process = world.healthy().await;
    process.fire("nightly").await.unwrap().unwrap();
    process.drain().await.unwrap();
    let sent = process.wire().made().into_iter().filter(|call| call.operation == "SQS.SendMessage");
    assert_eq!(sent.map(|call| call.group).collect::<Vec<_>>(), [Some(world.tenant.clone())]);
}
