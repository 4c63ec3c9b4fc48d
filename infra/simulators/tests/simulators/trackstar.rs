//! Trackstar.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use signalbox_simulators::{Limits, RowsChange, Which};

use super::{Sim, got};

/// All ids of a list, page by page.
async fn all(sim: &Sim, path: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut page = sim.get(path).await;
    loop {
        ids.extend(page.ids());
        let Some(token) = page.json()["next_token"].as_str().map(str::to_owned) else { break };
        page = sim.get(&format!("{path}&page_token={token}")).await;
    }
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{path}");
    ids
}

#[tokio::test]
async fn pages_hold_every_row_and_filters_those_that_fit() {
    let sim = Sim::trackstar(|_| {}).await;
    assert_eq!(sim.get("/wms/orders").await.ids(), all(&sim, "/wms/orders?limit=100").await);
    assert_eq!(all(&sim, "/wms/orders?limit=100").await.len(), 450);

    let order = RowsChange { entity: "orders".into(), change: Which::Count(30), add: 4, ..RowsChange::default() };
    let done = sim.running.change_rows(&order).unwrap();
    let mut touched = done.changed.ids;
    touched.extend(done.added.ids);
    assert_eq!(all(&sim, "/wms/orders?limit=7&updated_date[gte]=2026-01-15").await, touched);
    assert_eq!(
        all(&sim, "/wms/orders?limit=7&updated_date[gte]=2026-01-15&created_date[lt]=2026-01-15").await.len(),
        30
    );
    assert_eq!(all(&sim, "/wms/orders?limit=7&updated_date[gt]=2026-01-15T12:00:00Z").await, [""; 0]);
    assert_eq!(all(&sim, "/wms/products?limit=9&sku[in]=SIM-000001,SIM-000150").await.len(), 2);
    assert_eq!(
        all(&sim, "/wms/products?limit=9&active=false").await.len()
            + all(&sim, "/wms/products?limit=9&active[neq]=false").await.len(),
        200
    );
}

#[tokio::test]
async fn what_is_refused_is_refused_as_documented() {
    let sim = Sim::trackstar(|_| {}).await;
    let no_key = got(sim.bare(Method::GET, "/wms/orders").send().await.unwrap()).await.unwrap();
    let no_token = sim.bare(Method::GET, "/wms/orders").header("x-trackstar-api-key", sim.running.key());
    let no_token = got(no_token.send().await.unwrap()).await.unwrap();
    for answer in [&no_key, &no_token] {
        assert_eq!((answer.status, &answer.json()["origin"]), (401, &"trackstar".into()));
        assert!(answer.header("x-request-id").is_some());
    }
    for (path, status) in [
        ("/wms/orders?limit=1001", 400),
        ("/wms/orders?page_token=0", 400),
        ("/wms/orders?updated_date[since]=2026-01-01", 400),
        ("/wms/orders?updated_date[gte]=yesterday", 400),
        ("/wms/orders/1", 404),
        ("/planets", 404),
    ] {
        assert_eq!(sim.get(path).await.status, status, "{path}");
    }
    let unsupported = sim.get("/wms/returns").await;
    let expected = json!({"error": "Endpoint get_returns is not implemented for Simulated WMS"});
    assert_eq!((unsupported.status, unsupported.json()), (501, expected));
}

#[tokio::test]
async fn headers_tell_what_is_left_of_the_limit() {
    let sim = Sim::trackstar(|options| options.limits = Limits::Documented).await;
    let now = sim.clock.now().as_second();
    let number = |answer: &super::Got, name: &str| answer.header(name).map(|text| text.parse::<i64>().unwrap());
    for left in (0..10).rev() {
        let answer = sim.get("/wms/products?limit=1").await;
        assert_eq!((answer.status, number(&answer, "x-ratelimit-remaining")), (200, Some(left)));
        assert_eq!(number(&answer, "x-ratelimit-limit"), Some(10));
    }
    let refused = sim.get("/wms/products?limit=1").await;
    assert_eq!((refused.status, number(&refused, "retry-after")), (429, Some(1)));
    assert_eq!(number(&refused, "x-ratelimit-reset"), Some(now + 1));
    sim.clock.advance(Duration::from_secs(1));
    assert_eq!(sim.get("/wms/products?limit=1").await.status, 200);
}

#[tokio::test]
async fn a_brand_is_linked_and_unlinked() {
    let sim = Sim::trackstar(|_| {}).await;
    let link_token = sim.post("/link/token", &json!({})).await.1["link_token"].clone();
    assert_eq!(sim.post("/link/exchange", &json!({"auth_code": link_token})).await.0, 400, "nobody has agreed");
    let auth_code = sim.post("/_simulator/link", &json!({"link_token": link_token})).await.1["auth_code"].clone();
    let (status, linked) = sim.post("/link/exchange", &json!({"auth_code": auth_code})).await;
    assert_eq!((status, linked["integration_name"].as_str()), (200, Some("simulated_wms")));
    assert_eq!(sim.post("/link/exchange", &json!({"auth_code": auth_code})).await.0, 400, "a code is good once");

    let token = linked["access_token"].as_str().unwrap();
    let ask = || sim.bare(Method::GET, "/wms/orders?limit=1").header("x-trackstar-api-key", sim.running.key());
    let ask = async || ask().header("x-trackstar-access-token", token).send().await.unwrap().status().as_u16();
    assert_eq!(ask().await, 200);
    assert_eq!(sim.get("/connections").await.ids().len(), 2);
    let path = format!("/connections/{}", linked["connection_id"].as_str().unwrap());
    assert_eq!(sim.get(&path).await.json()["errors"], json!([]));
    let gone = sim.bare(Method::DELETE, "/connections").header("x-trackstar-api-key", sim.running.key());
    assert_eq!(gone.header("x-trackstar-access-token", token).send().await.unwrap().status(), 200);
    assert_eq!((ask().await, sim.get(&path).await.status), (401, 404));
}
