//! Runs that outlast their request, and starts that meet them.

use serde_json::json;

use crate::routes::golden::golden;
use crate::routes::kit::{World, id};

#[tokio::test]
async fn a_run_that_outlasts_its_request_is_accepted_and_goes_on() {
    let world = World::in_background(true).await;
    let answer = world.write("/api/catalog/moscot/sync", json!({})).await;
    assert_eq!(answer.headers["retry-after"], "2");
    let location = answer.headers["location"].clone();
    let accepted = answer.expect(202);
    golden("sync-moscot-accepted", &accepted);
    assert_eq!(accepted["location"], *location);

    let run = world.ended(&id(&accepted)).await;
    assert_eq!([&run["status"], &run["counts"]["created"]], [&json!("success"), &json!(3)]);
    assert_eq!(world.read(&location).await["data"], run);
    assert_eq!(world.read("/api/catalog/vendor-sync/state").await["snapshot"]["totalItems"], 3);
}

#[tokio::test]
async fn another_vendor_s_run_is_found_at_its_location_too() {
    let world = World::in_background(false).await;
    let accepted = world.write("/api/catalog/vendor-sync/acme/sync", json!({"mode": "apply"})).await.expect(202);
    golden("sync-vendor-accepted", &accepted);
    let found = world.read(accepted["location"].as_str().unwrap()).await;
    assert_eq!(found["data"]["items"][0]["id"], accepted["runId"]);
    assert_eq!(found["data"]["items"][0]["status"], "running");
}

#[tokio::test]
async fn a_start_beside_a_run_in_progress_is_refused_with_that_run_s_id() {
    let world = World::in_background(false).await;
    let first = id(&world.write("/api/catalog/moscot/sync", json!({})).await.expect(202));
    for path in ["/api/catalog/moscot/sync", "/api/catalog/vendor-sync/moscot/sync"] {
        let refused = world.write(path, json!({"dryRun": true})).await;
        assert_eq!(refused.problem(), (409, "sync_in_progress"));
        assert_eq!(refused.body["runId"], *first);
        golden("sync-in-progress", &refused.body);
    }
    let other = world.write("/api/catalog/vendor-sync/acme/sync", json!({})).await;
    assert_eq!(other.status, 202, "another vendor's run is not in its way");
}

#[tokio::test]
async fn a_run_in_progress_is_shown_as_running_with_counts_that_are_not_known() {
    let world = World::in_background(false).await;
    let run = id(&world.write("/api/catalog/moscot/sync", json!({})).await.expect(202));
    golden("run-in-progress", &world.read(&format!("/api/catalog/moscot/sync/runs/{run}")).await);
    golden("overview-in-progress", &world.read("/api/catalog/vendor-sync/overview").await);
    golden("observability-in-progress", &world.read("/api/catalog/vendor-sync/observability").await);
    assert_eq!(world.read("/api/catalog/vendor-sync/state").await["snapshot"], json!(null));
}
