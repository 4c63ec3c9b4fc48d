//! DoorLoop.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use signalbox_simulators::{Filters, Limits, RowsChange, Which};

use super::{Sim, got};

async fn all(sim: &Sim, entity: &str, size: usize) -> (Vec<String>, String) {
    let (mut ids, mut texts) = (Vec::new(), String::new());
    for number in 1.. {
        let page = sim.get(&format!("/api/{entity}?page_size={size}&page_number={number}")).await;
        assert_eq!(page.status, 200, "{page:?}");
        let found = page.ids();
        texts.push_str(&page.text);
        ids.extend(found.iter().cloned());
        if found.len() < size {
            assert_eq!(page.json()["total"], ids.len(), "the total is that of the list");
            break;
        }
    }
    (ids, texts)
}

#[tokio::test]
async fn pages_hold_every_row_once_and_the_same_after_a_restart() {
    let seed = |seed: u64| async move { Sim::doorloop(|options| (options.rows, options.seed) = (1003, seed)).await };
    let (first, again, other) = (seed(7).await, seed(7).await, seed(8).await);
    let mut rows = 0;
    for entity in ["owners", "properties", "units", "leases", "tenants"] {
        let (ids, texts) = all(&first, entity, 100).await;
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{entity}");
        assert_eq!(all(&again, entity, 100).await.1, texts, "{entity}");
        assert!(all(&other, entity, 1000).await.0.iter().all(|id| !ids.contains(id)), "{entity}");
        rows += ids.len();
    }
    assert_eq!(rows, 1003);
    assert_eq!(first.get("/api/owners").await.ids().len(), 40, "all of them, being fewer than 50");
    assert_eq!(first.get("/api/units").await.ids().len(), 50);
}

#[tokio::test]
async fn rows_belong_together() {
    let sim = Sim::doorloop(|_| {}).await;
    for lease in sim.get("/api/leases?page_size=20").await.json()["data"].as_array().unwrap() {
        let id = |field: &serde_json::Value| field.as_str().unwrap().to_owned();
        let unit = sim.get(&format!("/api/units/{}", id(&lease["units"][0]))).await.json();
        assert_eq!(unit["property"], lease["property"]);
        let property = sim.get(&format!("/api/properties/{}", id(&unit["property"]))).await.json();
        let owner = id(&property["owners"][0]["owner"]);
        assert_eq!(sim.get(&format!("/api/owners/{owner}")).await.json()["id"], owner.as_str());
        assert_eq!(sim.get(&format!("/api/tenants/{}", id(&lease["tenants"][0]))).await.status, 200);
    }
}

#[tokio::test]
async fn what_is_refused_is_refused_as_documented() {
    let sim = Sim::doorloop(|options| options.without = vec!["leases".into()]).await;
    let authorizations =
        [None, Some("bearer wrong"), Some("simulated-doorloop-key"), Some("bearer simulated-doorloop-key")];
    let mut statuses = Vec::new();
    for authorization in authorizations {
        let request = sim.bare(Method::GET, "/api/owners");
        let request = authorization.into_iter().fold(request, |request, text| request.header("authorization", text));
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 200]);
    for (path, status, message) in [
        ("/api/leases", 405, "METHOD_NOT_ALLOWED"),
        ("/api/planets", 404, "NOT_FOUND"),
        ("/api/owners/65", 404, "NOT_FOUND"),
        ("/api/owners?page_size=1001", 400, "BAD_REQUEST"),
        ("/api/owners?page_number=0", 400, "BAD_REQUEST"),
    ] {
        let answer = sim.get(path).await;
        assert_eq!((answer.status, &answer.json()["message"]), (status, &message.into()), "{path}");
    }
    assert_eq!(sim.post("/api/owners", &serde_json::json!({})).await.0, 405);
    let beside = got(sim.bare(Method::GET, "/owners").send().await.unwrap()).await.unwrap();
    assert!(beside.status == 404 && beside.text.starts_with("<!DOCTYPE html>"), "{beside:?}");
}

#[tokio::test]
async fn no_window_holds_more_requests_than_documented() {
    let sim = Sim::doorloop(|options| options.limits = Limits::Documented).await;
    let ask = async || {
        let answer = sim.get("/api/owners?page_size=1").await;
        answer
            .header("retry-after")
            .map(|seconds| (answer.json()["message"] == "RATE_LIMIT_EXCEEDED", seconds.to_owned()))
    };
    let refused = |seconds: &str| Some((true, seconds.to_owned()));
    for minute in 0..10 {
        for _ in 0..50 {
            assert_eq!(ask().await, None, "in minute {minute}");
        }
        if minute == 0 {
            assert_eq!(ask().await, refused("60"));
            sim.clock.advance(Duration::from_millis(59_001));
            assert_eq!(ask().await, refused("1"), "a refused request costs nothing");
            sim.clock.advance(Duration::from_millis(999));
        } else {
            sim.clock.advance(Duration::from_secs(60));
        }
    }
    assert_eq!(ask().await, refused("3000"), "an hour after the first");
    assert_eq!(sim.running.requests().0, 503);
}

#[tokio::test]
async fn a_filter_by_time_is_ignored_unless_it_is_told_otherwise() {
    let since = "2026-01-01T00:00:00Z";
    for (filters, status, found) in
        [(Filters::Ignored, 200, 40), (Filters::Honoured, 200, 5), (Filters::Refused, 400, 0)]
    {
        let sim = Sim::doorloop(|options| options.filters = filters).await;
        let order = RowsChange { entity: "owners".into(), change: Which::Count(3), add: 2, ..RowsChange::default() };
        sim.running.change_rows(&RowsChange { remove: Which::Count(2), ..order }).unwrap();
        let answer = sim.get(&format!("/api/owners?updated_after={since}")).await;
        assert_eq!(answer.status, status);
        if status == 200 {
            assert_eq!((answer.ids().len(), &answer.json()["total"]), (found, &found.into()), "{filters:?}");
        }
    }
}
