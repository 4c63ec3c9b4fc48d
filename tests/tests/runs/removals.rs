//! Nothing is removed on the strength of an incomplete scan (I4), and not much without being told.

use serde_json::{Value, json};
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_tests::answer::Answer;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;

/// Syncs a document over a snapshot of 60 products. The code is that of the failed run, or none for a success.
#[track_caller]
fn check(document: String, body: Value, code: Option<&str>, left: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let system = System::start().await;
        let world = system.world();
        world.apply(&Catalogue::small(60)).await;
        let before = world.stored().await;
        world.write("moscot.catalog.json", &document);
        let answer = world.healthy().await.sync(body).await;
        let stored = world.stored().await;
        stored.check_consistent();
        assert_eq!(stored.products().len(), left);
        match code {
            None => assert_eq!((answer.status, stored.state.get("lastError")), (200, None), "{}", answer.body),
            Some(code) => {
                assert_eq!((answer.status, &answer.body["code"]), (500, &json!(code)), "{}", answer.body);
                assert_eq!(stored.statuses(), ["Success", "Failed"]);
                assert_eq!(stored.runs[1]["error"]["code"], code);
                assert_eq!(stored.state["lastError"], answer.body["detail"]);
                assert_eq!(stored.state["lastHash"], before.state["lastHash"]);
                assert_eq!((stored.records, stored.manifest), (before.records, before.manifest));
                // The next success clears the error.
                world.apply(&Catalogue::small(60)).await;
                assert_eq!(world.stored().await.state.get("lastError"), None);
            }
        }
    });
}

#[test]
fn an_empty_catalogue_removes_nothing() {
    check("[]".into(), json!({}), Some("removals_refused"), 60);
}

#[test]
fn an_empty_catalogue_that_is_meant_removes_all() {
    check("[]".into(), json!({"allowRemovals": true}), None, 0);
}

#[test]
fn an_empty_file_removes_nothing_even_if_removals_are_meant() {
    check(String::new(), json!({"allowRemovals": true}), Some("source_invalid"), 60);
}

#[test]
fn a_much_smaller_catalogue_removes_nothing() {
    check(Catalogue::small(40).json(), json!({}), Some("removals_refused"), 60);
}

#[test]
fn a_much_smaller_catalogue_that_is_meant_removes_the_rest() {
    check(Catalogue::small(40).json(), json!({"allowRemovals": true}), None, 40);
}

#[test]
fn a_slightly_smaller_catalogue_removes_the_rest() {
    check(Catalogue::small(50).json(), json!({}), None, 50);
}

#[test]
fn an_array_that_is_cut_off_removes_nothing() {
    let whole = Catalogue::small(60).json();
    check(whole[..whole.len() - 1].into(), json!({"allowRemovals": true}), Some("source_invalid"), 60);
}

#[test]
fn a_product_that_is_cut_off_removes_nothing() {
    let whole = Catalogue::small(60).ndjson();
    check(whole[..whole.len() / 2].into(), json!({"allowRemovals": true}), Some("source_invalid"), 60);
}

/// The newest run of a vendor that is told to hold, once it would remove a third of 60 products, and who may decide on it.
async fn held(system: &System) -> (World<'_>, String) {
    let mut world = system.world();
    let vendors = json!([{"slug": "moscot", "tenant": world.tenant, "source": "moscot.catalog.json", "removals": "hold",
        "volatile": ["source.lastSyncISO"]}]);
    world.set("VENDORS", vendors.to_string());
    world.apply(&Catalogue::small(60)).await;
    world.publish(&Catalogue::small(40));
    let answer = world.healthy().await.sync(json!({})).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let run = world.runs().await.pop().unwrap();
    let held = &run["held"];
    assert_eq!(
        (&run["status"], &held["removals"], &held["of"]),
        (&json!("Pending"), &json!("20"), &json!("60")),
        "{run:?}"
    );
    assert_eq!(held["going"].as_array().map(Vec::len), Some(20), "{held}");
    assert_eq!(world.stored().await.products().len(), 60);
    let path = format!("/api/admin/connections/{}/runs/{}", run["pk"].as_str().unwrap(), run["sk"].as_str().unwrap());
    (world, path)
}

async fn decide(world: &World<'_>, path: &str, body: Value) -> Answer {
    let token = world.system.service_token("ada", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    world.healthy().await.ask("sync-control", "POST", path, &token, Some(body)).await.unwrap()
}

#[tokio::test]
async fn a_vendor_that_is_told_to_hold_removes_what_somebody_approves_of() {
    let system = System::start().await;
    let (world, path) = held(&system).await;
    let shown = world.healthy().await.get("/api/catalog/vendor-sync/runs?vendor=moscot&pageSize=1").await;
    let shown = &shown.body["data"]["items"][0];
    let metadata = &shown["metadata"];
    assert_eq!((&shown["status"], &metadata["held"]["decideAt"]), (&json!("running"), &json!(path)), "{shown}");
    assert_eq!(metadata["held"]["why"], "20 of 60 items would go");

    // A look at it ends nothing, and neither does the schedule.
    assert_eq!(world.healthy().await.sync(json!({"dryRun": true})).await.status, 409);
    assert_eq!(world.statuses().await, ["Success", "Pending"]);
    // More is gone by the time that it is planned anew: it waits once more.
    world.publish(&Catalogue::small(30));
    decide(&world, &format!("{path}/approve"), json!({})).await.expect(200);
    world.healthy().await.drain().await.unwrap();
    let run = world.runs().await.pop().unwrap();
    assert_eq!(run["held"]["why"], "30 of 60 items would go, and 20 were approved of");
    assert_eq!(world.stored().await.products().len(), 60);
    decide(&world, &format!("{path}/approve"), json!({"removalsMax": 30})).await.expect(200);
    world.settle().await;
    let stored = world.stored().await;
    stored.check_consistent();
    assert_eq!((stored.products().len(), stored.statuses()), (30, vec!["Success", "Success"]));
}

#[tokio::test]
async fn what_is_held_is_over_once_it_is_rejected_or_somebody_starts_another_run() {
    let system = System::start().await;
    let (world, path) = held(&system).await;
    decide(&world, &format!("{path}/reject"), json!({})).await.expect(200);
    assert_eq!(world.runs().await[1]["error"]["code"], "approval_rejected");
    let answer = world.healthy().await.sync(json!({})).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    world.publish(&Catalogue::small(60));
    assert_eq!(world.healthy().await.sync(json!({})).await.status, 200);
    assert_eq!(world.statuses().await, ["Success", "Cancelled", "Cancelled", "Success"]);
    assert_eq!(world.stored().await.products().len(), 60);
}
