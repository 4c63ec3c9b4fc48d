//! The reads: their shape, and which vendor they are about.

use std::time::Duration;

use serde_json::{Value, json};

use crate::routes::golden::{golden, root};
use crate::routes::kit::World;

const STATE: &str = "/api/catalog/vendor-sync/state";
const RUNS: &str = "/api/catalog/vendor-sync/runs";
const OBSERVABILITY: &str = "/api/catalog/vendor-sync/observability";

/// A dry run, an apply, an apply that changes nothing, and a failure, a minute apart.
async fn history(world: &World) -> String {
    world.dry_run().await;
    world.pass(Duration::from_secs(60));
    let applied = world.apply().await;
    world.pass(Duration::from_secs(60));
    world.apply().await;
    world.pass(Duration::from_secs(60));
    world.write("/api/catalog/moscot/sync", json!({"sourcePath": "nowhere.json"})).await.expect(500);
    applied
}

#[tokio::test]
async fn the_answers_before_any_run() {
    let world = World::local().await;
    golden("state-empty", &world.read(STATE).await);
    golden("runs-empty", &world.read(RUNS).await);
    golden("observability-empty", &world.read(OBSERVABILITY).await);
    golden("overview-empty", &world.read("/api/catalog/vendor-sync/overview").await);
    golden("health", &world.read("/health").await);
}

#[tokio::test]
async fn the_answers_after_some_runs() {
    let world = World::local().await;
    let run = history(&world).await;
    golden("state", &world.read(STATE).await);
    golden("runs", &world.read(&format!("{RUNS}?limit=3")).await);
    golden("observability", &world.read(&format!("{OBSERVABILITY}?start=2024-06-07&limit=2")).await);
    golden("overview", &world.read("/api/catalog/vendor-sync/overview").await);
    golden("run", &world.read(&format!("/api/catalog/moscot/sync/runs/{run}")).await);
    let missing = world.get("/api/catalog/moscot/sync/runs/018ff1e2-0000-7000-8000-000000000000").answer().await;
    golden("run-not-found", &missing.expect(404));
}

#[tokio::test]
async fn a_failure_before_any_success_leaves_a_state_that_says_so() {
    let world = World::local().await;
    world.write("/api/catalog/moscot/sync", json!({"sourcePath": "nowhere.json"})).await.expect(500);
    golden("state-failed", &world.read(STATE).await);
    world.apply().await;
    assert_eq!(world.read(STATE).await["snapshot"]["lastError"], json!(null), "a success clears the error");
}

#[tokio::test]
async fn a_dry_run_leaves_the_state_alone() {
    let world = World::local().await;
    world.dry_run().await;
    world.failure().await;
    assert_eq!(world.read(STATE).await, json!({"ok": true, "snapshot": null}));
}

#[tokio::test]
async fn the_description_is_served_as_it_is_kept() {
    let world = World::local().await;
    let kept: Value =
        serde_json::from_str(&std::fs::read_to_string(root().join("docs/openapi.json")).unwrap()).unwrap();
    assert_eq!(world.read("/openapi.json").await, kept);
}

/// Which vendor the answer of a read is about; MOSCOT has one run, Acme two, others none.
async fn about(world: &World, path: &str, headers: &[(&str, &str)]) -> Result<u64, String> {
    let ask = headers.iter().fold(world.get(path), |ask, (name, value)| ask.header(name, value));
    let answer = ask.answer().await;
    if answer.status != 200 {
        return Err(format!("{} {}", answer.status, answer.body["error"].as_str().unwrap_or_default()));
    }
    let body = answer.body;
    Ok(match &body["snapshot"]["totalItems"] {
        // The state has items, three and two: as many as there would be runs.
        Value::Number(items) => {
            if items.as_u64() == Some(3) {
                1
            } else {
                2
            }
        }
        _ => body["data"]["totalItems"].as_u64().or(body["data"]["totalRuns"].as_u64()).unwrap_or(0),
    })
}

async fn two_vendors() -> World {
    let world = World::local().await;
    world.apply().await;
    for _ in 0..2 {
        world.write("/api/catalog/vendor-sync/acme/sync", json!({"mode": "apply"})).await.expect(200);
    }
    world
}

#[tokio::test]
async fn state_and_runs_find_the_vendor_in_the_query_then_in_the_headers() {
    let world = two_vendors().await;
    let blank = || Err("400 missing_vendor".to_owned());
    for (query, headers, expected) in [
        ("", &[][..], Ok(1)),
        ("?vendor=moscot", &[], Ok(1)),
        ("?vendor=MOSCOT", &[], Ok(1)),
        ("?vendor=%20Acme%20", &[], Ok(2)),
        ("?v=acme", &[], Ok(2)),
        ("?VENDOR=acme", &[], Ok(2)),
        ("?V=acme", &[], Ok(2)),
        ("?vendor=&v=acme", &[], Ok(2)),
        ("?vendor=&vendor=acme", &[], Ok(2)),
        ("?vendor=acme&v=moscot", &[], Ok(2)),
        ("?vendor=acme", &[("x-vendor", "moscot")], Ok(2)),
        ("", &[("x-vendor", "acme")], Ok(2)),
        ("", &[("vendor", "acme")], Ok(2)),
        ("", &[("x-vendor-slug", "ACME")], Ok(2)),
        ("", &[("x-vendor", " "), ("x-vendor-slug", "acme")], Ok(2)),
        ("?vendor=", &[("x-vendor", "acme")], Ok(2)),
        ("?vendor=", &[], blank()),
        ("?v=%20", &[], blank()),
        ("?vendor", &[], blank()),
        ("?vendor=", &[("x-vendor", "")], blank()),
        ("", &[("x-vendor", "  ")], blank()),
        ("?vendor=nobody", &[], Ok(0)),
        ("?vendor=no%2Fbody", &[], Ok(0)),
    ] {
        for path in [STATE, RUNS] {
            assert_eq!(about(&world, &format!("{path}{query}"), headers).await, expected, "{path}{query} {headers:?}");
        }
    }
}

#[tokio::test]
async fn observability_falls_back_to_the_default_vendor() {
    let world = two_vendors().await;
    for (query, expected) in [
        ("", 1),
        ("?vendorId=acme", 2),
        ("?VENDORID=Acme", 2),
        ("?vendor=acme", 2),
        ("?v=acme", 2),
        ("?vendorId=", 1),
        ("?vendorId=%20&v=acme", 2),
        ("?vendorId=nobody", 0),
        ("?vendorId=no%2Fbody", 0),
    ] {
        assert_eq!(about(&world, &format!("{OBSERVABILITY}{query}"), &[]).await, Ok(expected), "{query}");
    }
    let named = |body: Value| body["data"]["vendorId"].clone();
    assert_eq!(named(world.read(&format!("{OBSERVABILITY}?vendorId=ACME")).await), "acme");
    assert_eq!(named(world.read(OBSERVABILITY).await), "moscot");
}

#[tokio::test]
async fn zero_is_zero_and_null_is_not_known() {
    let world = World::local().await;
    world.apply().await;
    let unchanged = world.apply().await;
    let run = world.read(&format!("/api/catalog/moscot/sync/runs/{unchanged}")).await["data"].clone();
    let expected = json!({"total": 3, "created": 0, "updated": 0, "removed": 0, "unchanged": 3});
    assert_eq!([&run["counts"], &run["metrics"]], [&expected, &expected]);
    world.catalogue("empty.json", &[], 0);
    let body = json!({"sourcePath": "empty.json", "dryRun": true, "allowRemovals": true});
    world.write("/api/catalog/moscot/sync", body).await.expect(200);
    let latest = world.read(&format!("{RUNS}?limit=1")).await["data"]["items"][0].clone();
    assert_eq!(latest["counts"], json!({"total": 0, "created": 0, "updated": 0, "removed": 3, "unchanged": 0}));
    world.failure().await;
    let failed = world.read(&format!("{RUNS}?limit=1")).await["data"]["items"][0].clone();
    assert_eq!(failed["counts"]["total"], json!(null), "a source that was not read has no count");
}

#[tokio::test]
async fn a_run_knows_how_long_it_took_dry_or_not() {
    let world = World::local().await;
    world.dry_run().await;
    world.apply().await;
    let body = world.read(RUNS).await;
    let durations: Vec<u64> =
        body["data"]["items"].as_array().unwrap().iter().filter_map(|run| run["durationMs"].as_u64()).collect();
    assert_eq!(durations, [500, 250], "an apply that changes something reads twice");
}

#[tokio::test]
async fn every_time_is_in_utc_with_milliseconds() {
    let world = World::local().await;
    history(&world).await;
    world.post("/api/catalog/vendor-sync/registry/moscot/test").answer().await.expect(200);
    for path in [
        STATE,
        RUNS,
        "/api/catalog/vendor-sync/observability?start=2024-06-07T08:00:00%2B02:00&end=2024-06-08",
        "/api/catalog/vendor-sync/registry",
        "/api/catalog/vendor-sync/registry/moscot",
        "/api/auth/dev-mint",
    ] {
        let mut times = Vec::new();
        collect(&world.read(path).await, &mut times);
        assert!(!times.is_empty(), "{path} tells no time");
        for (name, time) in times {
            let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            assert_eq!(shape, "0000-00-00T00:00:00.000Z", "{path}: {name} is {time}");
        }
    }
}

/// The fields that hold a time, by their names.
fn collect(value: &Value, times: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name.ends_with("At") || ["start", "end"].contains(&name.as_str()) => {
                        times.push((name.clone(), text.clone()));
                    }
                    other => collect(other, times),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, times)),
        _ => {}
    }
}
