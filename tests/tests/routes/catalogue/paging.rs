//! Pages of runs: limits, filters, cursors.

use serde_json::{Value, json};

use crate::routes::kit::{World, id, ids};

const RUNS: &str = "/api/catalog/vendor-sync/runs";
const OBSERVABILITY: &str = "/api/catalog/vendor-sync/observability";

/// Runs of MOSCOT, oldest first: two of the same millisecond among them, two failed.
async fn history(world: &World) -> Vec<String> {
    let mut runs = Vec::new();
    for number in 0..5 {
        runs.push(if number % 3 == 1 { world.failure().await } else { world.dry_run().await });
    }
    // A source that is refused is not read, so no time passes between these two.
    for _ in 0..2 {
        let body = json!({"dryRun": true, "sourcePath": "../x"});
        runs.push(id(&world.write("/api/catalog/moscot/sync", body).await.expect(500)));
    }
    let mut same = runs.split_off(5);
    same.sort();
    runs.extend(same);
    runs
}

#[tokio::test]
async fn a_limit_is_brought_inside_on_runs() {
    let world = World::local().await;
    let runs = history(&world).await;
    for (limit, size) in [
        ("", 20),
        ("?limit=", 20),
        ("?limit=3", 3),
        ("?limit=3.9", 3),
        ("?LIMIT=3", 3),
        ("?limit=0", 1),
        ("?limit=-5", 1),
        ("?limit=100", 100),
        ("?limit=101", 100),
        ("?limit=1e9", 100),
        ("?limit=many", 20),
        ("?limit=NaN", 20),
    ] {
        let data = world.read(&format!("{RUNS}{limit}")).await["data"].clone();
        assert_eq!(data["pageSize"], size, "{limit}");
        assert_eq!(data["items"].as_array().unwrap().len(), runs.len().min(size), "{limit}");
        assert_eq!([&data["page"], &data["totalItems"]], [&json!(1), &json!(runs.len())], "{limit}");
    }
}

#[tokio::test]
async fn a_limit_outside_is_refused_on_observability() {
    let world = World::local().await;
    for (limit, size) in [("", 20), ("?limit=1", 1), ("?limit=200", 200), ("?pageSize=25", 25), ("?pagesize=7", 7)] {
        let data = world.read(&format!("{OBSERVABILITY}{limit}")).await["data"].clone();
        assert_eq!([&data["pageSize"], &data["aggregates"]["pageSize"]], [size, size], "{limit}");
    }
    for limit in ["0", "201", "-1", "2.5", "many", "1e2", "99999999999999999999999"] {
        let answer = world.get(&format!("{OBSERVABILITY}?limit={limit}")).answer().await;
        assert_eq!(answer.problem(), (400, "invalid_request"), "{limit}");
        assert!(answer.body["detail"]["fieldErrors"]["limit"][0].is_string(), "{limit}: {}", answer.body);
        assert_eq!(answer.body["detail"]["formErrors"], json!([]), "{limit}");
    }
}

#[tokio::test]
async fn paging_visits_each_run_once_whatever_the_limit() {
    let world = World::local().await;
    let runs: Vec<String> = history(&world).await.into_iter().rev().collect();
    for path in [RUNS, OBSERVABILITY] {
        for limit in 1..=runs.len() + 1 {
            let (mut visited, mut cursor) = (Vec::new(), String::new());
            for _page in 0..=runs.len() {
                let data = world.read(&format!("{path}?limit={limit}&cursor={cursor}")).await["data"].clone();
                let page = ids(if path == RUNS { &data["items"] } else { &data["runs"] });
                if !cursor.is_empty() {
                    assert_eq!(page[0], cursor, "a page starts at its cursor");
                }
                visited.extend(page);
                assert_eq!(data["hasMore"], !data["nextCursor"].is_null());
                let total = if path == RUNS { &data["totalItems"] } else { &data["totalRuns"] };
                assert_eq!(*total, runs.len(), "the total is of the filter, not of the page");
                match data["nextCursor"].as_str() {
                    Some(next) => {
                        assert_eq!(next, runs[visited.len()], "the cursor is the first run that was not returned");
                        next.clone_into(&mut cursor);
                    }
                    None => break,
                }
            }
            assert_eq!(visited, runs, "{path} limit {limit}");
        }
    }
}

#[tokio::test]
async fn a_filtered_page_is_filled_with_runs_of_the_filter() {
    let world = World::local().await;
    let runs = history(&world).await;
    for path in [RUNS, OBSERVABILITY] {
        let first = world.read(&format!("{path}?status=error&limit=2")).await["data"].clone();
        assert_eq!(ids(&first["items"]), [runs[6].as_str(), runs[5].as_str()], "{path}");
        assert_eq!(first["nextCursor"], *runs[4], "{path}");
        let next = world.read(&format!("{path}?status=error&limit=2&cursor={}", runs[4])).await["data"].clone();
        assert_eq!(ids(&next["items"]), [runs[4].as_str(), runs[1].as_str()], "{path}");
        assert_eq!(next["nextCursor"], Value::Null, "{path}");
    }
}

#[tokio::test]
async fn statuses_are_filtered_by_any_of_their_names() {
    let world = World::local().await;
    // Four failures and three successes.
    history(&world).await;
    for (query, expected) in [
        ("", 7),
        ("?status=success", 3),
        ("?status=SUCCESS", 3),
        ("?status=error", 4),
        ("?status=failed", 4),
        ("?Status=Failed", 4),
        ("?status=running", 0),
        ("?status=pending", 0),
        ("?status=success&status=error", 7),
        ("?status=success,running", 3),
        ("?status=error,%20success", 7),
        ("?status[]=error", 4),
        ("?status%5B%5D=error&status%5B%5D=success", 7),
        ("?status[0]=success&status[1]=running", 3),
        ("?status=", 7),
    ] {
        let runs = world.read(&format!("{RUNS}{query}")).await["data"].clone();
        let window = world.read(&format!("{OBSERVABILITY}{query}")).await["data"].clone();
        let found = [&runs["totalItems"], &window["totalRuns"], &window["aggregates"]["totalRuns"]];
        assert_eq!(found, [&json!(expected); 3], "{query}");
        let listed = [&runs["items"], &window["runs"], &window["items"]].map(|items| items.as_array().unwrap().len());
        assert_eq!(listed, [expected; 3], "{query}");
    }
}

#[tokio::test]
async fn a_status_that_is_none_is_refused_and_never_everything() {
    let world = World::local().await;
    for query in [
        "status=perhaps",
        "status=success&status=perhaps",
        "status=success,perhaps",
        "status[ne]=success",
        "status[=error",
    ] {
        for path in [RUNS, OBSERVABILITY] {
            let answer = world.get(&format!("{path}?{query}")).answer().await;
            assert_eq!(answer.problem(), (400, "invalid_request"), "{path}?{query}");
            assert!(answer.body["detail"]["fieldErrors"]["status"].is_array(), "{query}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_cursor_that_names_no_run_of_the_list_is_refused() {
    let world = World::local().await;
    let run = world.dry_run().await;
    let other = id(&world.write("/api/catalog/vendor-sync/acme/sync", json!({})).await.expect(200));
    for (cursor, query) in [
        ("018ff1e2-0000-7000-8000-000000000000", ""),
        ("no-cursor", ""),
        ("1", ""),
        ("..%2F", ""),
        (&other, ""),
        (&run, "&vendor=acme"),
        (&run, "&vendor=nobody"),
        (&run, "&vendor=no%2Fbody"),
    ] {
        for path in [RUNS, OBSERVABILITY] {
            let answer = world.get(&format!("{path}?cursor={cursor}{query}")).answer().await;
            assert_eq!(answer.problem(), (400, "invalid_request"), "{path} {cursor}{query}");
            assert!(answer.body["detail"]["fieldErrors"]["cursor"][0].is_string(), "{path} {cursor}: {}", answer.body);
        }
    }
    for path in [RUNS, OBSERVABILITY] {
        assert_eq!(world.get(&format!("{path}?cursor=")).answer().await.status, 200, "a blank cursor is none");
    }
}
