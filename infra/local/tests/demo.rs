//! A newcomer's first start has something to see, and no later one makes it again.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::path::Path;
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use signalbox_local::{Host, Options, Storage};
use tokio::time::Instant;

const WAIT_MAX: Duration = Duration::from_secs(60);

async fn start(folder: &Path) -> Host {
    let storage = Storage::Folder(folder.to_owned());
    Host::start(Options { storage, demo: true, ..Options::default() }).await.unwrap()
}

async fn items(host: &Host, path: &str) -> Vec<Value> {
    // This machine is not behind its own proxy.
    let client = Client::builder().no_proxy().timeout(WAIT_MAX).build().unwrap();
    let answer = client.get(format!("{}{path}", host.url())).send().await.unwrap();
    let page: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
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
