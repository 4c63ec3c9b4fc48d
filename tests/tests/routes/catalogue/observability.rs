//! The window: its bounds, its statistics, its two shapes in one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::routes::kit::{World, ids};

const PATH: &str = "/api/catalog/vendor-sync/observability";

#[tokio::test]
async fn both_shapes_are_there_and_say_the_same() {
    let world = World::local().await;
    for _ in 0..3 {
        world.dry_run().await;
    }
    let body = world.read(&format!("{PATH}?limit=2&start=2024-06-01&end=2024-06-30")).await;
    let data = &body["data"];
    assert_eq!([&data["runs"], &data["items"]], [&body["items"]; 2]);
    assert_eq!(data["aggregates"], body["aggregates"]);
    assert_eq!(data["nextCursor"], body["nextCursor"]);
    for name in ["totalRuns", "latestRunAt", "pageSize", "counts"] {
        assert_eq!(data[name], body["aggregates"][name], "{name}");
    }
    assert_eq!(data["range"], json!({"start": "2024-06-01T00:00:00.000Z", "end": "2024-06-30T23:59:59.999Z"}));
    assert_eq!(data["vendorId"], "moscot");
}

#[tokio::test]
async fn statistics_are_of_the_whole_window_also_where_the_failure_is_on_the_second_page() {
    let world = World::local().await;
    let failed = world.failure().await;
    world.dry_run().await;
    let latest = world.now();
    world.dry_run().await;
    let expected = json!({
        "totalRuns": 3,
        "latestRunAt": latest,
        "pageSize": 2,
        "counts": {"success": 2, "error": 1, "running": 0},
    });
    let first = world.read(&format!("{PATH}?limit=2")).await;
    assert_eq!(first["aggregates"], expected);
    assert!(!ids(&first["items"]).contains(&failed));
    let second = world.read(&format!("{PATH}?limit=2&cursor={}", first["nextCursor"].as_str().unwrap())).await;
    assert_eq!(second["aggregates"], expected, "they do not change from page to page");
    assert_eq!(ids(&second["items"]), [failed]);
}

#[tokio::test]
async fn statistics_are_of_the_filter() {
    let world = World::local().await;
    world.failure().await;
    let failed_at = "2024-06-07T08:00:00.000Z";
    world.dry_run().await;
    let body = world.read(&format!("{PATH}?status=error")).await;
    let expected = json!({
        "totalRuns": 1,
        "latestRunAt": failed_at,
        "pageSize": 20,
        "counts": {"success": 0, "error": 1, "running": 0},
    });
    assert_eq!(body["aggregates"], expected);
}

#[tokio::test]
async fn both_ends_of_the_window_belong_to_it() {
    let world = World::local().await;
    let first = world.now();
    world.dry_run().await;
    world.pass(Duration::from_secs(10));
    let second = world.now();
    world.dry_run().await;
    let (before, after) = ("2024-06-07T07:59:59.999Z", "2024-06-07T08:00:00.001Z");
    for (start, end, expected) in [
        (first.as_str(), second.as_str(), 2),
        (first.as_str(), first.as_str(), 1),
        (second.as_str(), second.as_str(), 1),
        (before, first.as_str(), 1),
        (before, before, 0),
        (after, after, 0),
        (after, second.as_str(), 1),
        ("2024-06-07", "2024-06-07T23:59:59.999Z", 2),
        ("2024-06-07", "2024-06-07", 2),
        ("", "2024-06-07", 2),
        ("", "2024-06-06", 0),
        ("2020-01-01", "2024-06-07", 2),
        (second.as_str(), "2024-06-07", 1),
        ("2024-06-08", "2024-06-09", 0),
        // As whoever does not escape the `+` sends it.
        ("2024-06-07T10:00:00+02:00", "2024-06-07T10:00:00+02:00", 1),
        ("2024-06-07T10:00:00%2B02:00", "2024-06-07T10:00:00%2B02:00", 1),
        ("", second.as_str(), 2),
        (first.as_str(), "", 2),
        ("", "", 2),
        (second.as_str(), "", 1),
        ("", first.as_str(), 1),
        ("2024-06-07T08:00:00.0009Z", first.as_str(), 1),
    ] {
        for names in [["start", "end"], ["from", "to"], ["START", "To"]] {
            let body = world.read(&format!("{PATH}?{}={start}&{}={end}", names[0], names[1])).await;
            let counted = &body["aggregates"]["totalRuns"];
            assert_eq!(*counted, expected, "{start} to {end}");
            assert_eq!(body["items"].as_array().unwrap().len(), expected, "{start} to {end}");
        }
    }
}

#[tokio::test]
async fn an_open_end_is_null_in_the_range() {
    let world = World::local().await;
    let range = world.read(PATH).await["data"]["range"].clone();
    assert_eq!(range, json!({"start": null, "end": null}));
    let range = world.read(&format!("{PATH}?start=2024-06-07T08:00:00%2B02:00")).await["data"]["range"].clone();
    assert_eq!(range, json!({"start": "2024-06-07T06:00:00.000Z", "end": null}));
}

#[tokio::test]
async fn a_cursor_outside_the_window_is_refused() {
    let world = World::local().await;
    let run = world.dry_run().await;
    for window in ["start=2024-06-08", "end=2024-06-06"] {
        let answer = world.get(&format!("{PATH}?{window}&cursor={run}")).answer().await;
        assert_eq!(answer.problem(), (400, "invalid_request"), "{window}");
    }
    assert_eq!(world.get(&format!("{PATH}?start=2024-06-07&cursor={run}")).answer().await.status, 200);
}

#[tokio::test]
async fn every_wrong_parameter_is_named_at_once() {
    let world = World::local().await;
    for (query, fields) in [
        ("start=soon", &["start"][..]),
        ("end=07-06-2024", &["end"]),
        ("from=soon&to=later", &["end", "start"]),
        ("start=2024-06-08&end=2024-06-07", &["start"]),
        ("start=2024-06-07T08:00:00[Europe/Copenhagen]", &["start"]),
        ("end=2024-06-07T08:00:00Z[UTC]", &["end"]),
        ("end=2024-06-07+02:00", &["end"]),
        ("start[gte]=2024-06-07", &["start"]),
        ("status=bogus", &["status"]),
        ("start=soon&end=later&limit=0&cursor=x", &["cursor", "end", "limit", "start"]),
    ] {
        let answer = world.get(&format!("{PATH}?{query}")).answer().await;
        assert_eq!(answer.problem(), (400, "invalid_request"), "{query}");
        let detail = &answer.body["detail"];
        assert_eq!(detail["formErrors"], json!([]), "{query}");
        let named: Vec<&str> = detail["fieldErrors"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(named, fields, "{query}");
        let texts = |value: &Value| value.as_array().unwrap().iter().all(Value::is_string);
        assert!(detail["fieldErrors"].as_object().unwrap().values().all(texts), "{query}: {detail}");
    }
}

#[tokio::test]
async fn a_window_is_counted_by_day_for_whoever_asks() {
    let world = World::local().await;
    world.apply().await;
    world.failure().await;
    world.pass(Duration::from_secs(24 * 3600));
    world.apply().await;
    let path = "/api/catalog/vendor-sync/observability?start=2024-06-06&end=2024-06-30";
    let mut window = world.read(&format!("{path}&days=1&status=error")).await;
    let day =
        |day: &str, success: u64, error: u64| json!({"day": day, "success": success, "error": error, "running": 0});
    let expected = json!([day("2024-06-06", 0, 0), day("2024-06-07", 1, 1), day("2024-06-08", 1, 0)]);
    // What they cost is the sum of what their runs do.
    let runs = world.read(path).await["data"]["runs"].clone();
    let of_runs: f64 = runs.as_array().unwrap().iter().map(|run| run["cost"]["usd"].as_f64().unwrap()).sum();
    let days = window["data"]["days"].as_array_mut().unwrap();
    let of_days: f64 =
        days.iter_mut().map(|day| day.as_object_mut().unwrap().remove("usd").unwrap().as_f64().unwrap()).sum();
    assert!(of_days > 0.0 && (of_days - of_runs).abs() < 1e-8, "{of_days} {of_runs}");
    assert_eq!(window["data"]["days"], expected, "whatever the filter, and no day that has not begun");
    assert!(world.read(path).await["data"].get("days").is_none());
}
