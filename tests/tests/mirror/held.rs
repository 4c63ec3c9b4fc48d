//! Removals that wait for approval.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_simulators::{Limits, Running};
use signalbox_tests::answer::Answer;
use signalbox_tests::system::System;

use super::mirrored::{Mirrored, google};

const TO_GBP: &str = "platform_to_gbp";
const TO_PLATFORM: &str = "gbp_to_platform";

async fn held<'a>(system: &'a System, google: &'a Running) -> Mirrored<'a> {
    let tenant = Mirrored::of(system, google, 1).await;
    tenant.has(&["bakery"]).await;
    tenant.given(0, &["bakery", "florist", "dentist"]);
    tenant.start(TO_GBP, false).await;
    tenant.settle().await;
    let run = tenant.newest().await;
    assert_eq!((&run["status"], &run["held"]["removals"]), (&json!("Pending"), &json!("2")), "{run:?}");
    assert!(tenant.edited().is_empty());
    tenant
}

async fn decide(tenant: &Mirrored<'_>, decision: &str, body: Value) -> Answer {
    let run = tenant.newest().await["sk"].as_str().unwrap().to_owned();
    let token = tenant.world.system.service_token("ada", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let path = format!("/api/admin/connections/{}/runs/{run}/{decision}", tenant.connection);
    let process = tenant.world.healthy().await;
    process.ask("sync-control", "POST", &path, &token, Some(body)).await.unwrap()
}

#[tokio::test]
async fn what_is_approved_of_goes_and_the_record_says_who_and_how_many() {
    let system = System::start().await;
    let google = google(&system, 1, 1, Limits::Off).await;
    let tenant = held(&system, &google).await;
    let answer = decide(&tenant, "approve", json!({})).await.expect(200);
    assert_eq!((&answer["decision"], &answer["removalsMax"]), (&json!("approved"), &json!(2)));
    tenant.settle().await;
    assert_eq!(
        (&tenant.newest().await["status"], tenant.last_edit(0).unwrap()),
        (&json!("Success"), vec!["bakery".to_owned()])
    );
    let recorded = system.items("JOURNAL_TABLE", "default#audit").await;
    let entry = recorded.iter().find(|entry| entry["action"] == "run.approve").unwrap();
    assert!(entry["actor"] == "ada" && entry["target"].as_str().unwrap().ends_with("2 removals"), "{entry:?}");
    assert_eq!(decide(&tenant, "approve", json!({})).await.problem(), (409, "run_not_held"));
}

#[tokio::test]
async fn more_than_was_approved_of_waits_again() {
    let system = System::start().await;
    let google = google(&system, 1, 1, Limits::Off).await;
    let tenant = held(&system, &google).await;
    tenant.given(0, &["bakery", "florist", "dentist", "optician"]);
    decide(&tenant, "approve", Value::Null).await.expect(200);
    tenant.settle().await;
    let run = tenant.newest().await;
    assert_eq!((&run["status"], &run["held"]["removals"]), (&json!("Pending"), &json!("3")));
    assert!(tenant.edited().is_empty());
    decide(&tenant, "approve", json!({"removalsMax": 3})).await.expect(200);
    tenant.settle().await;
    assert_eq!(tenant.newest().await["status"], "Success");
}

#[tokio::test]
async fn what_is_rejected_is_over_and_so_is_what_nobody_decides_on() {
    let system = System::start().await;
    let google = google(&system, 1, 1, Limits::Off).await;
    let tenant = held(&system, &google).await;
    decide(&tenant, "reject", Value::Null).await.expect(200);
    let run = tenant.newest().await;
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("Cancelled"), &json!("approval_rejected")));
    let tenant = held(&system, &google).await;
    system.pass(Duration::from_secs(72 * 3_600 + 60));
    let _watched = tenant.world.healthy().await.watchdog().await.unwrap();
    let run = tenant.newest().await;
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("Failed"), &json!("approval_expired")));
    assert!(tenant.edited().is_empty());
}

#[tokio::test]
async fn one_that_somebody_starts_takes_its_place() {
    let system = System::start().await;
    let google = google(&system, 1, 1, Limits::Off).await;
    let tenant = held(&system, &google).await;
    let first = tenant.newest().await["sk"].clone();
    tenant.has(&["bakery", "florist", "dentist"]).await;
    tenant.start(TO_GBP, false).await;
    tenant.settle().await;
    let runs = tenant.runs().await;
    let first = runs.iter().find(|run| run["sk"] == first).unwrap();
    assert_eq!(first["error"]["code"], "approval_rejected");
    assert_eq!(tenant.newest().await["status"], "Success");
}

#[tokio::test]
async fn a_schedule_starts_none_meanwhile_and_none_where_the_feature_is_off() {
    let system = System::start().await;
    let google = google(&system, 1, 1, Limits::Off).await;
    let mut tenant = held(&system, &google).await;
    tenant.every(1, 60).await;
    system.pass(Duration::from_secs(3_700));
    tenant.tick().await;
    let runs = tenant.runs().await;
    let skipped = runs.iter().find(|run| run["status"] == "Skipped").unwrap();
    assert_eq!((&skipped["error"]["code"], &skipped["trigger"]), (&json!("approval_pending"), &json!("schedule")));
    assert_eq!((runs.len(), &tenant.newest().await["status"]), (2, &json!("Pending")));

    tenant.world.set("FF_TENANT_GBP_CATEGORY_SYNC", "false");
    system.pass(Duration::from_secs(3_700));
    tenant.tick().await;
    assert_eq!(tenant.runs().await.len(), 2);

    tenant.world.set("FF_TENANT_GBP_CATEGORY_SYNC", "true");
    decide(&tenant, "reject", Value::Null).await.expect(200);
    tenant.given(0, &["bakery", "florist"]);
    tenant.has(&["bakery", "florist", "dentist"]).await;
    system.pass(Duration::from_secs(3_700));
    tenant.tick().await;
    tenant.settle().await;
    let run = tenant.newest().await;
    assert_eq!((&run["status"], &run["trigger"]), (&json!("Success"), &json!("schedule")));
}

#[tokio::test]
async fn a_tenants_categories_wait_as_well() {
    let system = System::start().await;
    let google = google(&system, 1, 1, Limits::Off).await;
    let tenant = Mirrored::of(&system, &google, 1).await;
    tenant.has(&["bakery", "florist", "dentist"]).await;
    tenant.given(0, &["bakery"]);
    tenant.start(TO_PLATFORM, false).await;
    tenant.settle().await;
    assert_eq!(tenant.newest().await["held"]["removals"], "2");
    assert_eq!(tenant.platform().await.len(), 3);
    decide(&tenant, "approve", Value::Null).await.expect(200);
    tenant.settle().await;
    assert_eq!(
        (tenant.platform().await, &tenant.newest().await["status"]),
        (vec!["bakery".to_owned()], &json!("Success"))
    );
}

#[tokio::test]
async fn what_waits_is_listed_with_what_would_go_and_is_stopped_as_any_run() {
    let system = System::start().await;
    let google = google(&system, 1, 1, Limits::Off).await;
    let tenant = held(&system, &google).await;
    let listed = tenant.read("mirror/held").await.expect(200);
    let one = &listed["data"][0];
    assert_eq!(
        (&one["id"], &one["removals"], &one["of"]),
        (&tenant.newest().await["sk"], &json!(2), &json!(3)),
        "{listed}"
    );
    assert_eq!(one["going"].as_array().map(Vec::len), Some(2), "{listed}");
    decide(&tenant, "stop", Value::Null).await.expect(200);
    tenant.settle().await;
    let run = tenant.newest().await;
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("Cancelled"), &json!("stopped")));
    assert_eq!(decide(&tenant, "stop", Value::Null).await.problem(), (404, "not_found"));
    let listed = tenant.read("mirror/held").await.expect(200);
    assert_eq!(listed["data"], json!([]));
}
