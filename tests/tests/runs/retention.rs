//! Runs that are over go, a whole day at a time: lists, what counts them and links agree on which are gone, whatever was swept.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Fault, Verdict, Wire, every};

const DAY: Duration = Duration::from_secs(86_400);

async fn sync(world: &World<'_>) -> String {
    let answer = world.healthy().await.sync(json!({})).await;
    answer.body["runId"].as_str().or(answer.body["data"]["runId"].as_str()).unwrap_or_default().to_owned()
}

fn ids(runs: &Value) -> Vec<&str> {
    runs.as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_is_past_its_retention_is_in_no_list_no_total_and_under_no_link() {
    let system = System::start().await;
    let mut world = system.world();
    world.set("RUNS_RETENTION_DAYS", "30");
    world.publish(&Catalogue::small(3));
    for pause in [Duration::ZERO, DAY, Duration::from_secs(3_600)] {
        system.pass(pause);
        sync(&world).await;
    }
    let stored = world.runs().await;
    let runs: Vec<String> = stored.iter().map(|run| run["sk"].as_str().unwrap().to_owned()).collect();
    // At the beginning of the day on which it is hidden: the day itself, the thirty, and no hour of another.
    let ends: Vec<i64> = stored.iter().map(|run| run["expires_at"].as_str().unwrap().parse().unwrap()).collect();
    let started = system.clock.now().as_second() / 86_400 * 86_400;
    assert_eq!(ends, [started + 30 * 86_400, started + 31 * 86_400, started + 31 * 86_400]);

    for (days, gone) in [(29, 0), (1, 1), (1, 3)] {
        system.pass(DAY * days);
        let process = world.healthy().await;
        let kept: Vec<&str> = runs[gone..].iter().rev().map(String::as_str).collect();
        let page = process.get("/api/catalog/vendor-sync/runs?limit=2").await;
        assert_eq!(ids(&page.body["data"]["items"]), kept[..kept.len().min(2)]);
        assert_eq!(page.body["data"]["totalItems"], kept.len());
        for window in ["", "&start=1999-01-01", "&start=2000-01-01&end=2299-01-01&status=success"] {
            let window = format!("/api/catalog/vendor-sync/observability?days=1{window}");
            let data = process.get(&window).await.body["data"].clone();
            assert_eq!((ids(&data["runs"]), &data["totalRuns"]), (kept.clone(), &json!(kept.len())), "{window}");
            let days = data["days"].as_array().unwrap().iter();
            let counted: u64 = days.map(|day| day["success"].as_u64().unwrap()).sum();
            assert_eq!(counted, kept.len() as u64, "{window}");
        }
        for (number, run) in runs.iter().enumerate() {
            let is_there = number >= gone;
            let one = process.get(&format!("/api/catalog/moscot/sync/runs/{run}")).await;
            assert_eq!(one.status, if is_there { 200 } else { 404 }, "{number}");
            let at = process.get(&format!("/api/catalog/vendor-sync/observability?limit=1&cursor={run}")).await;
            assert_eq!(at.status, if is_there { 200 } else { 400 }, "{number}");
        }
    }
    assert_eq!(world.runs().await.len(), 3, "nothing swept them here");
}

#[tokio::test]
async fn a_run_has_no_end_while_it_is_open_and_its_end_is_told_of_however_late() {
    let system = System::start().await;
    let mut world = system.world();
    world.set("RUNS_RETENTION_DAYS", "30");
    world.publish(&Catalogue::small(3));
    let deaf = world.process(Wire::when(every("SQS.SendMessage"), Verdict::Fail(Fault::Unreachable))).await;
    assert!(deaf.fire("nightly").await.unwrap().is_err());
    drop(deaf);
    system.pass(DAY * 40);
    assert!(!world.runs().await[0].contains_key("expires_at"));
    world.settle().await;
    let ends: i64 = world.runs().await[0]["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.told("run.failed").len(), 1);
    assert!(ends - system.clock.now().as_second() > 6 * 86_400, "{ends}");
}

#[tokio::test]
async fn all_are_kept_for_ever_where_the_days_are_nought() {
    let system = System::start().await;
    let mut world = system.world();
    world.set("RUNS_RETENTION_DAYS", "0");
    world.publish(&Catalogue::small(3));
    sync(&world).await;
    assert!(!world.runs().await[0].contains_key("expires_at"));
    system.pass(DAY * 5_000);
    let page = world.healthy().await.get("/api/catalog/vendor-sync/runs").await;
    assert_eq!(page.body["data"]["totalItems"], 1);
}
