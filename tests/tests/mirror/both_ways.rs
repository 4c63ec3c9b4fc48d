//! Mirrors from their start to their end, both ways.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_simulators::{GoogleChange, Limits};
use signalbox_tests::system::System;

use super::mirrored::{Mirrored, called, google, location};

const TO_GBP: &str = "platform_to_gbp";
const TO_PLATFORM: &str = "gbp_to_platform";

fn counts(row: &Value) -> [u64; 3] {
    ["created", "updated", "deleted"].map(|name| row[name].as_u64().unwrap())
}

#[tokio::test]
async fn locations_get_the_tenants_categories_in_one_edit_each_and_a_second_time_in_none() {
    let system = System::start().await;
    let google = google(&system, 3, 1, Limits::Off).await;
    let tenant = Mirrored::of(&system, &google, 1).await;
    tenant.has(&["bakery", "florist"]).await;
    tenant.has_own("Ours").await;
    tenant.given(0, &["florist", "bakery"]);
    tenant.given(1, &["bakery"]);
    tenant.given(2, &["bakery", "florist", "hair_salon"]);

    let job = tenant.start(TO_GBP, false).await;
    let begun = tenant.log("&limit=1").await["data"][0].clone();
    assert_eq!((&begun["jobId"], &begun["completedAt"], &begun["error"]), (&json!(job), &Value::Null, &Value::Null));
    tenant.settle().await;
    let row = tenant.log("&limit=1").await["data"][0].clone();
    assert_eq!(counts(&row), [1, 2, 1], "{row}");
    assert_eq!((&row["error"], &row["unmapped"], &row["skipped"]), (&Value::Null, &json!(1), &json!(false)));
    assert!(row["completedAt"].is_string());
    for index in 0..3 {
        assert_eq!(tenant.last_edit(index).unwrap(), ["bakery", "florist"]);
        assert_eq!(tenant.edited()[&location(index)], 1);
    }

    let again = tenant.mirror(TO_GBP).await;
    assert_eq!((counts(&again), &again["error"]), ([0, 0, 0], &Value::Null));
    assert!(tenant.edited().values().all(|edits| *edits == 1));
}

#[tokio::test]
async fn a_dry_run_finds_the_same_changes_nothing_on_either_side_and_keeps_others_waiting_a_minute() {
    let system = System::start().await;
    let google = google(&system, 2, 1, Limits::Off).await;
    let tenant = Mirrored::of(&system, &google, 1).await;
    tenant.has(&["bakery", "florist"]).await;
    tenant.given(0, &["bakery"]);
    tenant.given(1, &["bakery"]);
    for (strategy, expected) in [(TO_GBP, [2, 0, 0]), (TO_PLATFORM, [0, 0, 1])] {
        tenant.start(strategy, true).await;
        tenant.settle().await;
        let row = tenant.log("&limit=1").await["data"][0].clone();
        assert_eq!((counts(&row), &row["dryRun"], &row["error"]), (expected, &json!(true), &Value::Null));
        assert!(tenant.edited().is_empty() && google.edits().1.iter().all(|edit| edit.validate_only));
        assert_eq!(tenant.platform().await, ["bakery", "florist"]);

        tenant.start(strategy, false).await;
        let row = tenant.log("&limit=1").await["data"][0].clone();
        assert_eq!((&row["skipped"], &row["reason"], &row["error"]), (&json!(true), &json!("cooldown"), &Value::Null));
        assert!(row["completedAt"].is_string());
    }
    assert_eq!(google.edits().1.len(), 2, "each location was looked at once");
    let stats = tenant.read("sync-stats").await.expect(200)["stats"].clone();
    let figures = ["totalRuns", "successfulRuns", "failedRuns", "skippedRuns", "outOfSyncCount"]
        .map(|name| stats[name].as_u64().unwrap());
    assert_eq!((figures, &stats["successRate"]), ([4, 2, 0, 2, 2], &json!(100.0)));

    system.pass(Duration::from_secs(61));
    assert_eq!(counts(&tenant.mirror(TO_GBP).await), [2, 0, 0]);
}

#[tokio::test]
async fn the_tenant_gets_what_its_locations_have_between_them_and_a_second_time_nothing() {
    let system = System::start().await;
    let google = google(&system, 3, 1, Limits::Off).await;
    let tenant = Mirrored::of(&system, &google, 1).await;
    tenant.has(&["florist", "bakery", "pharmacy", "dentist"]).await;
    tenant.has_own("Ours").await;
    tenant.given(0, &["bakery", "florist"]);
    tenant.given(1, &["bakery", "dentist", "toy_store"]);
    tenant.given(2, &["florist", "bakery"]);

    let row = tenant.mirror(TO_PLATFORM).await;
    // Made, moved from and to the first place, and gone.
    assert_eq!((counts(&row), &row["error"]), ([1, 2, 1], &Value::Null), "{row}");
    let mut platform = tenant.platform().await;
    assert_eq!(platform[0], "bakery");
    platform.sort();
    assert_eq!(platform, ["bakery", "dentist", "florist", "toy_store"]);
    let active = tenant.categories().active(&tenant.tenant()).await.unwrap();
    assert!(active.iter().any(|category| category.name.as_str() == "Ours"), "what is none of Google's is left alone");
    assert!(active.iter().any(|category| category.name.as_str() == called("toy_store")));
    assert!(tenant.edited().is_empty());

    let again = tenant.mirror(TO_PLATFORM).await;
    assert_eq!((counts(&again), &again["error"]), ([0, 0, 0], &Value::Null));
}

#[tokio::test]
async fn nothing_is_concluded_from_a_tenant_without_categories_or_from_more_than_a_location_takes() {
    let system = System::start().await;
    let google = google(&system, 1, 1, Limits::Off).await;
    let tenant = Mirrored::of(&system, &google, 1).await;
    tenant.has_own("Ours").await;
    let row = tenant.mirror(TO_GBP).await;
    assert_eq!((&row["code"], counts(&row)), (&json!("nothing_mapped"), [0, 0, 0]));
    let many = [
        "bakery",
        "florist",
        "optician",
        "shoe_store",
        "book_store",
        "toy_store",
        "pharmacy",
        "dentist",
        "gift_shop",
        "wine_store",
        "music_store",
    ];
    tenant.has(&many).await;
    let row = tenant.mirror(TO_GBP).await;
    assert_eq!(row["code"], "too_many_categories");
    assert_eq!((google.requests().0, tenant.edited().len()), (0, 0), "before anything was asked");
    let failed = tenant.read("sync-stats").await.expect(200)["stats"].clone();
    assert_eq!(
        (&failed["failedRuns"], &failed["recentErrors"][0]["tenantId"]),
        (&json!(2), &json!(tenant.world.tenant))
    );
}

#[tokio::test]
async fn what_google_still_looks_at_is_left_alone_and_no_drift() {
    let system = System::start().await;
    let google = google(&system, 2, 1, Limits::Off).await;
    let tenant = Mirrored::of(&system, &google, 1).await;
    tenant.has(&["bakery", "florist"]).await;
    tenant.given(0, &["bakery"]);
    tenant.given(1, &["bakery"]);
    google.change_google(&GoogleChange { moderate: vec![location(0)], ..GoogleChange::default() }).unwrap();
    let first = tenant.mirror(TO_GBP).await;
    assert_eq!((counts(&first), &first["pending"]), ([2, 0, 0], &json!(0)));
    // The first location's edit pends: it looks as before, and is neither drift nor edited again.
    let second = tenant.mirror(TO_GBP).await;
    assert_eq!((counts(&second), &second["pending"]), ([0, 0, 0], &json!(1)));
    // Nor does the tenant lose what it lacks meanwhile.
    let back = tenant.mirror(TO_PLATFORM).await;
    assert_eq!(counts(&back)[2], 0);
    assert_eq!(tenant.platform().await, ["bakery", "florist"]);
    google.change_google(&GoogleChange { approve: vec![location(0)], ..GoogleChange::default() }).unwrap();
    let third = tenant.mirror(TO_GBP).await;
    assert_eq!((counts(&third), &third["pending"]), ([0, 0, 0], &json!(0)));
    assert!(tenant.edited().values().all(|edits| *edits == 1));
}

#[tokio::test]
async fn consent_that_was_taken_back_is_said_as_such() {
    let system = System::start().await;
    let google = google(&system, 1, 1, Limits::Off).await;
    let tenant = Mirrored::of(&system, &google, 1).await;
    tenant.has(&["bakery"]).await;
    google.change_google(&GoogleChange { revoke: vec![1], ..GoogleChange::default() }).unwrap();
    for strategy in [TO_GBP, TO_PLATFORM] {
        let row = tenant.mirror(strategy).await;
        assert_eq!(row["code"], "consent_revoked", "{row}");
    }
    assert_eq!(tenant.platform().await, ["bakery"]);
}
