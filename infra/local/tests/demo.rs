//! A newcomer's first start has something to see, and no later one makes it again.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::cell::RefCell;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Client;
use serde_json::Value;
use signalbox::aws::clients::Clients;
use signalbox::aws::inventory::Inventory;
use signalbox::domain::ids::TenantId;
use signalbox::outside::{Clock, Outside};
use signalbox_local::data::erase::{Erased, look};
use signalbox_local::host::settings;
use signalbox_local::remote::Remote;
use signalbox_local::remote::smoke_mirror::{MirrorSmoke, smoke_mirror};
use signalbox_local::{Host, Options, Storage, token};
use tokio::time::Instant;

const WAIT_MAX: Duration = Duration::from_secs(60);

async fn start(folder: &Path) -> Host {
    let storage = Storage::Folder(folder.to_owned());
    Host::start(Options { storage, demo: true, ..Options::default() }).await.unwrap()
}

/// Asks whoever is at a URL, with a key where one is needed.
async fn ask(url: &str, key: &str) -> Value {
    // This machine is not behind its own proxy.
    let client = Client::builder().no_proxy().timeout(WAIT_MAX).build().unwrap();
    let request = client.get(url);
    let request = if key.is_empty() { request } else { request.header("authorization", format!("bearer {key}")) };
    let answer = request.send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

async fn items(host: &Host, path: &str) -> Vec<Value> {
    let page = ask(&format!("{}{path}", host.url()), "").await;
    let items = page.pointer("/data/items").unwrap_or(&page["items"]);
    items.as_array().unwrap_or_else(|| panic!("{path}: {page}")).clone()
}

/// How many of a list have this value, once they are as many; or the last count.
async fn count(host: &Host, path: &str, (field, value): (&str, &str), expected: usize) -> usize {
    let began = Instant::now();
    loop {
        let found = items(host, path).await.iter().filter(|item| item[field] == value).count();
        if found == expected || began.elapsed() > WAIT_MAX {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_has_runs_and_webhooks_of_every_fate_and_a_second_makes_none_again() {
    let folder = tempfile::tempdir().unwrap();
    let expected = [
        ("/api/admin/deliveries?status=all", ("status", "processed"), 5),
        ("/api/admin/deliveries?status=all", ("status", "dead"), 1),
        ("/api/catalog/vendor-sync/runs", ("status", "success"), 2),
        ("/api/catalog/vendor-sync/runs?vendor=demo-vendor", ("status", "error"), 1),
        ("/api/admin/overview", ("status", "unhealthy"), 1),
    ];
    for round in ["first", "second"] {
        let host = start(folder.path()).await;
        for (path, has, number) in expected {
            assert_eq!(count(&host, path, has, number).await, number, "{round} start: {path} {has:?}");
        }
        // One that was kept too late for its sender was sent again.
        for (reason, number) in [("bad_signature", 2), ("conflict", 1)] {
            let refused = items(&host, "/api/admin/deliveries").await;
            let found = refused.iter().filter(|item| item["reason"] == reason).count();
            assert!(found >= number, "{round} start: {reason} {found}");
        }
        // What is stored is of kinds that exports and erasures know.
        let environment = host.environment("sync-control");
        let clients = Clients::connect(&environment, &Outside::default()).unwrap();
        let nobody = TenantId::parse("nobody").unwrap();
        let (inventory, mut found) = (Inventory::connect(&clients, &environment).unwrap(), Erased::default());
        look(&inventory, &nobody, &mut found, &mut |_, _| {}).await.unwrap();
        // Nothing is left to be made.
        let began = Instant::now();
        while folder.path().join("demo.pending").exists() && began.elapsed() < WAIT_MAX {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(!folder.path().join("demo.pending").exists(), "{round}");
        let of_demo = items(&host, "/api/admin/deliveries?status=all").await;
        assert!(of_demo.iter().all(|item| item["connection"] == "demo"), "{of_demo:?}");
        assert!(host.stop().await);
    }
}

/// How the first pull of the demo's connection ended, once it did.
async fn pulled(host: &Host, provider: &str) -> String {
    let (environment, began) = (host.environment("sync-worker"), Instant::now());
    loop {
        let runs = host.dynamodb().query().table_name(environment.get("RUNS_TABLE").unwrap());
        let runs = runs.key_condition_expression("pk = :pk").limit(1);
        let runs = runs.expression_attribute_values(":pk", AttributeValue::S(format!("default/{provider}/demo")));
        let runs = runs.send().await.unwrap();
        let run = runs.items().first().filter(|run| !run.contains_key("open"));
        if let Some(status) = run.and_then(|run| run["status"].as_s().ok()) {
            return status.clone();
        }
        assert!(began.elapsed() < WAIT_MAX, "{provider}: {runs:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulated_vendors_are_pulled_and_found_again_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let host = start(folder.path()).await;
    for provider in ["doorloop", "trackstar"] {
        assert_eq!(pulled(&host, provider).await, "Success", "{provider}");
    }
    let places = host.simulated_vendors();
    assert!(host.stop().await);
    let address = places[0].1.strip_prefix("http://").unwrap();
    let _somebody_else = TcpListener::bind(address).expect("a vendor stops with its host");

    let host = start(folder.path()).await;
    let after = host.simulated_vendors();
    assert!(after[0] != places[0] && after[1] == places[1], "{places:?} {after:?}");
    let connection = ask(&format!("{}/api/admin/connections/default/doorloop/demo", host.url()), "").await;
    let base_url = connection.pointer("/data/settings/baseUrl").and_then(Value::as_str).unwrap();
    assert_eq!(base_url, format!("{}/api", after[0].1));
    // It lets in whom it let in before, and nobody who has another vendor's key.
    let kept = std::fs::read_to_string(folder.path().join("demo-vendors.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    let owners = format!("{base_url}/owners");
    assert!(ask(&owners, kept["key"].as_str().unwrap()).await["total"].is_u64());
    assert!(ask(&owners, "simulated-doorloop-key").await["total"].is_null());
    assert!(host.stop().await);

    // Without them their connections do not fail, and are there again with them. What somebody else paused stays so.
    let connection = |provider: &str| format!("/api/admin/connections/default/{provider}/demo");
    let states = async |host: &Host| {
        let mut states = Vec::new();
        for provider in ["doorloop", "trackstar"] {
            let shown = ask(&format!("{}{}", host.url(), connection(provider)), "").await;
            states.push(shown.pointer("/data/state").cloned().unwrap());
        }
        states
    };
    let storage = || Storage::Folder(folder.path().to_owned());
    let without = Host::start(Options { storage: storage(), ..Options::default() }).await.unwrap();
    assert!(without.simulated_vendors().is_empty());
    assert_eq!(states(&without).await, ["paused", "paused"]);
    assert!(without.stop().await);
    let again = start(folder.path()).await;
    assert_eq!(states(&again).await, ["active", "active"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_has_a_mirror_that_passes_its_smoke_test() {
    let folder = tempfile::tempdir().unwrap();
    let host = start(folder.path()).await;
    let began = Instant::now();
    while folder.path().join("demo.pending").exists() && began.elapsed() < WAIT_MAX {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let remote = Remote::new(&host.url(), WAIT_MAX).unwrap();
    let secrets = settings::secrets(&settings::Variables::new(), Some(folder.path())).unwrap();
    let admin =
        token::mint_administrator("smoke", 300, secrets.get(settings::USER_SECRET).unwrap(), Clock::default().now())
            .unwrap();
    let smoke = MirrorSmoke { remote: &remote, admin: &admin, tenant: "default" };
    let found = RefCell::new(Vec::new());
    let passed = smoke_mirror(&smoke, |check| found.borrow_mut().push((check.passed, check.found.clone()))).await;
    let all = found.take();
    assert!(passed && all.len() == 8, "{all:?}");

    // Who is none of the platform's is told what is missing, and no check passes that asks as them.
    let smoke = MirrorSmoke { admin: "nobody", ..smoke };
    assert!(!smoke_mirror(&smoke, |check| found.borrow_mut().push((check.passed, check.found.clone()))).await);
    let found: Vec<bool> = found.take().into_iter().map(|(passed, _)| passed).collect();
    assert_eq!(found, [true, true, false, false, false, false, false, false]);
    assert!(host.stop().await);
}
