//! What a run says that it cost is what was counted around it.

use serde_json::{Value, json};
use signalbox::http::auth::READ;

use super::counted::Counting;
use super::profile::{hour, publish, put, settings};

/// How far what a run says may be from what was counted: what each run needs besides is estimated.
const SLACK: f64 = 0.2;

async fn newest(counting: &Counting) -> Value {
    let token = counting.system.service_token("reader", "default", &[READ]);
    let path = "/api/catalog/vendor-sync/runs?vendor=shop&limit=1";
    let page = counting.system.get(path).bearer(&token).answer().await.expect(200);
    page["data"]["items"][0].clone()
}

#[tokio::test]
async fn what_a_run_says_that_it_cost_is_what_was_counted() {
    let root = tempfile::tempdir().unwrap();
    let mut counting = Counting::start(settings(root.path())).await;
    publish(root.path(), 300, 0);
    put(&counting, "default/catalogue/shop", json!({"settings": {"source": "shop.json"}, "schedule": {"every": 60}}))
        .await;
    for (changed, wrote) in [(0, 300), (0, 0), (50, 50)] {
        publish(root.path(), 300, changed);
        let counted = hour(&mut counting, 300, wrote).await;
        let run = newest(&counting).await;
        let units = |name: &str| run["cost"][name].as_f64().unwrap();
        // The run's own slices, which no start and no end is in, wrote the records at least.
        assert!(units("writeUnits") >= wrote as f64 && units("slices") == 1.0, "{run}");
        let all: f64 = counted.tables.values().map(|units| units.write).sum();
        let said = units("writeUnits") + 31.0;
        assert!((said - all).abs() <= all * SLACK, "{said} write units are said, {all} were counted: {run}");
        // Nothing else of it is dear: a night is its write units, two or three events and some requests.
        let usd = units("usd") * 1e6;
        assert!(usd > said * 0.625 && usd < said * 0.625 + 10.0, "{usd} millionths: {run}");
    }
}
