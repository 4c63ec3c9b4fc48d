//! What clients see of a link that is pulled: how late it is, whether its vendor is asked, how far its lists are; and a sync that is done
//! again.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_simulators::{FaultKind, Running, Vendor};
use signalbox_tests::answer::Answer;
use signalbox_tests::system::System;

use super::kit::{Pulled, delta, fault, vendor};

const MINUTE: Duration = Duration::from_secs(60);

async fn linked<'a>(system: &'a System, trackstar: &Running) -> Pulled<'a> {
    let pulled = Pulled::of(system, trackstar, "trackstar", json!({"connectionId": "conn-1"})).await;
    pulled.schedule(json!({"every": 5})).await;
    pulled
}

/// Asks as an administrator of the link's tenant.
async fn ask(pulled: &Pulled<'_>, method: &str, path: &str, body: Option<Value>) -> Answer {
    let system = pulled.world.system;
    let request =
        system.request(method, path).bearer(&system.user_token("THREEPL_ADMIN", &[&pulled.world.tenant], &[]));
    let request = body.into_iter().fold(request, |request, body| request.body(body.to_string()));
    request.answer().await
}

/// All that is said of the links, and of the one that there is.
async fn health(pulled: &Pulled<'_>) -> (Value, Value) {
    let health = ask(pulled, "GET", "/api/sync/health", None).await.expect(200);
    let link = health["integrations"][0].clone();
    (health, link)
}

/// Its status, with what made it so.
fn judged(link: &Value) -> (String, String) {
    let measures = link["reasons"].as_array().unwrap().iter().map(|reason| reason["measure"].as_str().unwrap());
    (link["status"].as_str().unwrap().to_owned(), measures.collect::<Vec<_>>().join(" "))
}

fn is(status: &str, measures: &str) -> (String, String) {
    (status.to_owned(), measures.to_owned())
}

#[tokio::test]
async fn a_link_that_is_pulled_is_as_late_as_its_last_pull_that_went_well() {
    let system = System::start().await;
    let trackstar = vendor(&system, Vendor::Trackstar, |_| {}).await;
    let pulled = linked(&system, &trackstar).await;
    let (_, link) = health(&pulled).await;
    assert_eq!((&link["lastSyncedAt"], &link["syncLagMs"]), (&Value::Null, &Value::Null));
    assert_eq!(judged(&link), is("healthy", ""), "of one that was never synced nothing is late");

    // What fails from the start on is told all the same.
    trackstar.set_fault(fault(FaultKind::Html, "orders", 1, 1)).unwrap();
    assert_eq!(pulled.run(&delta()).await["status"], "Failed");
    let (_, link) = health(&pulled).await;
    assert_eq!((judged(&link), &link["lastSyncedAt"]), (is("unhealthy", "lastRun"), &Value::Null));

    let run = pulled.run(&delta()).await;
    assert_eq!(run["status"], "Success", "{run:?}");
    let (all, link) = health(&pulled).await;
    assert_eq!((judged(&link), &link["lastSyncedAt"]), (is("healthy", ""), &run["completedAt"]));
    assert_eq!(all["aggregate"]["avgSyncLag"], link["syncLagMs"]);
    let breaker = &link["circuitBreaker"];
    assert_eq!(
        (&breaker["state"], &breaker["successCount"], &breaker["totalRequests"]),
        (&json!("closed"), &json!(1), &json!(2))
    );
    assert_eq!(breaker["lastSuccessTime"], run["completedAt"]);
    assert_eq!(all["aggregate"]["circuitBreakerStats"], json!({"trackstar-api": breaker}));

    // One that fails moves nothing.
    system.pass(6 * MINUTE);
    // The first request for them only tries whether the vendor heeds times.
    trackstar.set_fault(fault(FaultKind::Html, "orders", 1, 2)).unwrap();
    assert_eq!(pulled.run(&delta()).await["status"], "Failed");
    let (_, link) = health(&pulled).await;
    assert_eq!((judged(&link), &link["lastSyncedAt"]), (is("degraded", "syncLag lastRun"), &run["completedAt"]));
    assert!(link["syncLagMs"].as_i64().unwrap() >= 360_000, "{link}");
    system.pass(10 * MINUTE);
    assert_eq!(judged(&health(&pulled).await.1), is("unhealthy", "syncLag lastRun"));
    // What is pulled by hand alone is not late, and what is pulled seldom is so later. That the last pull failed is a warning until one
    // goes well.
    pulled.schedule(json!({"every": 60})).await;
    assert_eq!(judged(&health(&pulled).await.1), is("degraded", "lastRun"));
    assert_eq!(pulled.run(&delta()).await["status"], "Success");
    pulled.schedule(json!("off")).await;
    system.pass(600 * MINUTE);
    let (_, link) = health(&pulled).await;
    assert!(judged(&link) == is("healthy", "") && link["syncLagMs"].is_i64(), "{link}");
}

#[tokio::test]
async fn a_breaker_that_is_open_is_seen_of_its_link_and_of_all() {
    let system = System::start().await;
    let trackstar = vendor(&system, Vendor::Trackstar, |_| {}).await;
    let pulled = linked(&system, &trackstar).await;
    pulled.breaker("open").await;
    let (all, link) = health(&pulled).await;
    assert_eq!((judged(&link), &link["circuitBreaker"]["state"]), (is("unhealthy", "breaker"), &json!("open")));
    let stats = &all["aggregate"]["circuitBreakerStats"];
    let named = &stats[pulled.connection.to_string()];
    assert_eq!((&stats["trackstar-api"]["state"], &named["state"]), (&json!("open"), &json!("open")), "{stats}");
}

#[tokio::test]
async fn a_brand_s_lag_says_how_far_each_list_is() {
    let system = System::start().await;
    let trackstar = vendor(&system, Vendor::Trackstar, |_| {}).await;
    let pulled = linked(&system, &trackstar).await;
    let lag = async || ask(&pulled, "GET", "/api/sync/lag/main", None).await.expect(200)["lag"]["syncLag"].clone();
    let first = lag().await;
    assert_eq!((&first["lastSyncAt"], &first["lagMs"]), (&Value::Null, &Value::Null));
    assert_eq!(first["checkpoints"][0]["lastSyncAt"], Value::Null);

    let run = pulled.run(&delta()).await;
    system.pass(MINUTE);
    let lag = lag().await;
    assert_eq!(lag["lastSyncAt"], run["completedAt"]);
    assert!(lag["lagMs"].as_i64().unwrap() >= 60_000, "{lag}");
    let checkpoints = lag["checkpoints"].as_array().unwrap();
    let resources: Vec<&str> = checkpoints.iter().map(|one| one["resource"].as_str().unwrap()).collect();
    assert_eq!(resources, ["products", "inventory", "orders", "shipments"]);
    for one in checkpoints {
        let rows = trackstar.rows(one["entity"].as_str().unwrap()).unwrap();
        assert_eq!((&one["provider"], &one["recordCount"]), (&json!("TRACKSTAR"), &json!(rows)));
        assert!(one["lastSyncAt"].is_string() && one["nextSyncAt"].is_string() && one["lastCursor"].is_null(), "{one}");
        assert_eq!(one["metadata"]["lastRunId"], run["sk"]);
    }
}

#[tokio::test]
async fn a_sync_is_replayed_by_a_pull_of_each_brand_that_has_one() {
    let system = System::start().await;
    let trackstar = vendor(&system, Vendor::Trackstar, |_| {}).await;
    let pulled = linked(&system, &trackstar).await;
    let replay = async |body: Value| ask(&pulled, "POST", "/api/sync/replay", Some(body)).await;
    let dry = replay(json!({"type": "sync", "dryRun": true})).await.expect(200);
    let brands = json!([{"brandId": "main", "brandName": "main"}]);
    assert_eq!(dry, json!({"action": "dry_run", "type": "sync", "brandsFound": 1, "brands": brands}));
    assert!(pulled.runs().await.is_empty());

    let done = json!({"action": "replay", "type": "sync", "brandsFound": 1, "syncTriggered": 1});
    for body in [json!({"type": "sync"}), json!({"type": "sync", "brandId": "main"})] {
        assert_eq!(replay(body).await.expect(200), done);
        let run = pulled.settle().await;
        assert_eq!(
            (&run["status"], &run["actor"], &run["work"]["mode"]),
            (&json!("Success"), &json!("maja"), &json!("delta"))
        );
        assert_eq!(run["work"]["entities"].as_array().unwrap().len(), 4);
        system.pass(MINUTE);
    }
    // One that is under way is not started twice.
    assert_eq!(replay(json!({"type": "sync"})).await.expect(200)["syncTriggered"], 1);
    assert_eq!(replay(json!({"type": "sync"})).await.expect(200)["syncTriggered"], 0);
    let record = ask(&pulled, "GET", "/api/admin/audit?action=sync", None).await.expect(200);
    assert_eq!(record["items"].as_array().unwrap().len(), 4, "{record}");
}
