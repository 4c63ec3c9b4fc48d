//! Mirrors of all tenants at once.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_simulators::{GoogleChange, Limits, Running};
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, at};

use super::mirrored::{Mirrored, google, location};

async fn tenants<'a>(system: &'a System, google: &'a Running, count: u32) -> Vec<Mirrored<'a>> {
    let mut tenants = Vec::new();
    for account in 1..=count {
        let tenant = Mirrored::of(system, google, account).await;
        tenant.has(&["bakery", "florist"]).await;
        tenants.push(tenant);
    }
    tenants
}

async fn settle(tenants: &[Mirrored<'_>]) {
    for tenant in tenants {
        tenant.settle().await;
    }
}

#[tokio::test]
async fn each_has_a_run_of_its_own_and_one_that_fails_leaves_the_others_whole() {
    let system = System::start().await;
    let google = google(&system, 3, 3, Limits::Off).await;
    let tenants = tenants(&system, &google, 3).await;
    for index in 0..3 {
        tenants[0].given(index, &["bakery"]);
    }
    google.change_google(&GoogleChange { revoke: vec![2], ..GoogleChange::default() }).unwrap();
    let accepted = tenants[0].ask(json!({"strategy": "platform_to_gbp"})).await.expect(202);
    assert_eq!(accepted["tenantId"], Value::Null);
    let newest = tenants[0].read("sync-logs?limit=1").await.expect(200)["data"][0].clone();
    assert_eq!((&newest["jobId"], &newest["tenantId"]), (&accepted["jobId"], &Value::Null));
    tenants[0].world.healthy().await.drain_with_time().await.unwrap();
    settle(&tenants).await;

    let last = tenants[0].read("mirror/last-run").await.expect(200)["data"].clone();
    assert_eq!((&last["created"], &last["error"]), (&json!(2), &json!("1 of 3 tenants failed")), "{last}");
    assert!(last["completedAt"].is_string());
    let rows = tenants[0].read("sync-logs").await.expect(200);
    assert_eq!(rows["pagination"]["total"], 4);
    assert!(rows["data"].as_array().unwrap().iter().all(|row| row["jobId"] == accepted["jobId"]));
    let stats = tenants[0].read("sync-stats").await.expect(200)["stats"].clone();
    let figures =
        ["totalRuns", "successfulRuns", "failedRuns", "outOfSyncCount"].map(|name| stats[name].as_u64().unwrap());
    assert_eq!(figures, [3, 2, 1, 2], "{stats}");
    assert_eq!(google.edits().0.len(), 2);
}

#[tokio::test]
async fn whatever_crashes_while_children_are_started_each_is_started_once() {
    for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
        for number in [2, 4, 6, 8, 11, 14] {
            let system = System::start().await;
            let google = google(&system, 3, 3, Limits::Off).await;
            let tenants = tenants(&system, &google, 3).await;
            tenants[0].ask(json!({"strategy": "platform_to_gbp", "dryRun": true})).await.expect(202);
            let dying = tenants[0].world.process(Wire::when(at(number), verdict)).await;
            let _died = dying.drain().await;
            drop(dying);
            // The message comes again, or the watchdog sends another.
            system.pass(Duration::from_secs(400));
            let process = tenants[0].world.healthy().await;
            let _watched = process.watchdog().await.unwrap();
            process.drain_with_time().await.unwrap();
            drop(process);
            settle(&tenants).await;
            for tenant in &tenants {
                assert_eq!(tenant.runs().await.len(), 1, "{verdict:?} of call {number}");
            }
            let last = tenants[0].read("mirror/last-run").await.expect(200)["data"].clone();
            assert!(last["completedAt"].is_string(), "{verdict:?} of call {number}: {last}");
        }
    }
}

#[tokio::test]
async fn fifty_tenants_at_once_are_within_quota_and_no_location_is_edited_twice() {
    at_once(50).await;
}

#[tokio::test]
#[ignore = "takes minutes: tests/run --long mirror runs it"]
async fn two_hundred_tenants_at_once_are_within_quota_and_no_location_is_edited_twice() {
    at_once(200).await;
}

/// So many tenants at once. Google's own limits are on: it answers 429 to whoever asks too often.
async fn at_once(count: u32) {
    let system = System::start().await;
    let google = google(&system, count.into(), count, Limits::Documented).await;
    let mut tenants = Vec::new();
    for account in 1..=count {
        let tenant = Mirrored::with(&system, &google, account, json!({})).await;
        tenant.has(&["bakery", "florist"]).await;
        tenants.push(tenant);
    }
    for index in 0..u64::from(count) {
        tenants[0].given(index, &["bakery"]);
    }
    tenants[0].ask(json!({"strategy": "platform_to_gbp"})).await.expect(202);
    tenants[0].world.healthy().await.drain_with_time().await.unwrap();
    settle(&tenants).await;
    let refused = google.requests().1.iter().filter(|request| request.status == 429).count();
    println!("{count} tenants: {} requests, {refused} of them one too many in their minute", google.requests().0);
    let (counts, _) = google.edits();
    assert_eq!(counts.len(), count as usize);
    assert!(counts.values().all(|edits| *edits == 1), "{counts:?}");
    assert!(counts.contains_key(&location(0)));
    let last = tenants[0].read("mirror/last-run").await.expect(200)["data"].clone();
    assert_eq!((&last["created"], &last["error"]), (&json!(count), &Value::Null));
}
