//! The registry of vendors, and the test of a vendor's source.

use std::time::Duration;

use serde_json::json;

use crate::routes::golden::golden;
use crate::routes::kit::World;

const REGISTRY: &str = "/api/catalog/vendor-sync/registry";

#[tokio::test]
async fn the_registry_lists_the_configured_vendors_by_slug() {
    let world = World::local().await;
    let body = world.read(REGISTRY).await;
    let slugs: Vec<&str> =
        body["data"].as_array().unwrap().iter().filter_map(|vendor| vendor["slug"].as_str()).collect();
    assert_eq!(slugs, ["acme", "bare", "moscot", "remote"]);
    golden("registry", &body);
}

#[tokio::test]
async fn an_entry_shows_the_vendor_s_state_and_its_latest_test() {
    let world = World::local().await;
    world.apply().await;
    world.pass(Duration::from_secs(1));
    let path = format!("{REGISTRY}/moscot");
    golden("registry-entry", &world.read(&path).await);
    golden("registry-test", &world.post(&format!("{path}/test")).body("{}").answer().await.expect(200));
    golden("registry-entry-tested", &world.read(&path).await);
    assert_eq!(world.read(&format!("{REGISTRY}/MOSCOT")).await["data"]["slug"], "moscot");
}

#[tokio::test]
async fn a_test_that_fails_is_a_result_and_no_error() {
    let world = World::local().await;
    let path = format!("{REGISTRY}/moscot");
    let test = format!("{path}/test");
    golden(
        "registry-test-failed",
        &world.post(&test).body(r#"{"sourcePath": "nowhere.json"}"#).answer().await.expect(200),
    );
    golden("registry-entry-test-failed", &world.read(&path).await);
    for source in ["/etc/hostname", "s3://theirs/x.json", "../x"] {
        let answer = world.post(&test).body(json!({"sourcePath": source}).to_string()).answer().await.expect(200);
        assert_eq!([&answer["ok"], &answer["data"]["ok"]], [true, false], "{source}");
        assert!(answer["data"]["meta"]["error"].is_string(), "{source}: {answer}");
    }
    let none = world.post(&format!("{REGISTRY}/bare/test")).answer().await.expect(200);
    assert_eq!(none["data"]["ok"], false, "a vendor without a source cannot be read");
}

#[tokio::test]
async fn a_test_stores_no_run_and_changes_no_state() {
    let world = World::local().await;
    world.post(&format!("{REGISTRY}/moscot/test")).answer().await.expect(200);
    assert_eq!(world.read("/api/catalog/vendor-sync/runs").await["data"]["totalItems"], 0);
    assert_eq!(world.read("/api/catalog/vendor-sync/state").await["snapshot"], json!(null));
}

#[tokio::test]
async fn a_vendor_that_is_not_there_is_refused() {
    let world = World::local().await;
    for (method, path, expected) in [
        ("GET", "nobody", (404, "not_found")),
        ("GET", "no%2Fbody", (400, "invalid_vendor")),
        ("GET", "%20", (400, "invalid_vendor")),
        ("POST", "nobody/test", (400, "invalid_vendor")),
        ("POST", "no%2Fbody/test", (400, "invalid_vendor")),
        ("POST", "remote/test", (501, "not_implemented")),
    ] {
        let answer = world.request(method, &format!("{REGISTRY}/{path}")).answer().await;
        assert_eq!(answer.problem(), expected, "{method} {path}");
    }
}

#[tokio::test]
async fn an_api_key_is_never_shown() {
    let world = World::local().await;
    let listed = world.read(REGISTRY).await;
    for vendor in listed["data"].as_array().unwrap() {
        assert_eq!(vendor["integration"]["apiKey"], json!(null), "{vendor}");
    }
}

#[tokio::test]
async fn a_credential_in_a_configured_source_is_not_shown() {
    let vendors = r#"[{"slug": "moscot", "source": "https://user:hunter2@shop.example/c.json?key=hunter2#hunter2"}]"#;
    let world = World::with(&[("VENDORS", vendors)]).await;
    for path in [REGISTRY.to_owned(), format!("{REGISTRY}/moscot")] {
        let body = world.read(&path).await.to_string();
        assert!(!body.contains("hunter2") && body.contains("shop.example/c.json"), "{body}");
    }
}

#[tokio::test]
async fn the_overview_is_of_the_last_24_hours_and_of_all_vendors() {
    let world = World::local().await;
    world.failure().await;
    world.pass(Duration::from_secs(24 * 3600));
    world.dry_run().await;
    world.write("/api/catalog/vendor-sync/acme/sync", json!({"mode": "apply"})).await.expect(200);
    world.pass(Duration::from_millis(1));
    let metrics = world.read("/api/catalog/vendor-sync/overview").await["metrics"].clone();
    let expected = json!({"total": 2, "success": 2, "failed": 0, "avgDurationMs": (250 + 500) / 2});
    assert_eq!([&metrics["last24h"], &metrics["inProgress"]], [&expected, &json!([])]);
}
