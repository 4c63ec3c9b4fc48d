//! Rows that were set aside, as operators list them, apply them and forget them.

use serde_json::{Value, json};
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_simulators::{Fault, FaultKind, Vendor};
use signalbox_tests::system::System;

use super::kit::{Pulled, backfill, change, fault, vendor};

async fn items(pulled: &Pulled<'_>, path: &str) -> Vec<Value> {
    let listed = pulled.ask("GET", path, Value::Null).await.expect(200);
    let items = listed["items"].as_array().unwrap().clone();
    assert_eq!((&listed["count"], &listed["total"]), (&json!(items.len()), &json!(items.len())), "{listed}");
    items
}

#[tokio::test]
async fn a_row_is_shown_under_both_names_and_applied_as_the_vendor_has_it_now() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    pulled.run(&backfill()).await;
    let id = pulled.records("units").await.into_keys().next().unwrap();
    change(&doorloop, json!({"entity": "units", "change": [id], "set": {"updatedAt": "soon", "apiToken": "hunter2"}}));
    let run = pulled.run(&backfill()).await;
    let found = items(&pulled, "dlq").await;
    assert_eq!(found.len(), 1, "{found:?}");
    let item = &found[0];
    for (one, other) in [("reason", "error"), ("payload", "data"), ("createdAt", "timestamp")] {
        assert_eq!(item[one], item[other], "{item}");
    }
    assert_eq!((&item["entity"], &item["key"], &item["runId"]), (&json!("units"), &json!(id), &run["sk"]));
    assert_eq!((&item["retryCount"], &item["maxRetries"]), (&json!(0), &json!(3)));
    assert_eq!((&item["payload"]["updatedAt"], &item["payload"]["apiToken"]), (&json!("soon"), &json!("***")));
    assert!(items(&pulled, "dlq?entity=owners").await.is_empty());

    let requeue = async || pulled.ask("POST", "dlq/requeue", json!({"id": item["id"]})).await;
    let refused = requeue().await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(items(&pulled, "dlq?entity=units").await[0]["retryCount"], 1);
    change(
        &doorloop,
        json!({"entity": "units", "change": [id], "set": {"updatedAt": "2100-01-02T00:00:00Z", "beds": 9}}),
    );
    let why = items(&pulled, "dlq").await[0]["reason"].clone();
    doorloop.set_fault(fault(FaultKind::Status, "units", 1, 3)).unwrap();
    let asked = doorloop.requests().0;
    let failed = requeue().await;
    assert_eq!((failed.status, &failed.body["error"]), (500, &json!("Requeue failed after retries")));
    let stays = items(&pulled, "dlq").await.remove(0);
    assert_eq!((doorloop.requests().0 - asked, &stays["retryCount"], &stays["reason"]), (3, &json!(2), &why));
    // A vendor that is not to be asked is no try, and no reason of the row.
    pulled.breaker("open").await;
    for requeue in [requeue().await, pulled.ask("POST", "dlq/requeue-all", Value::Null).await] {
        assert_eq!((requeue.status, &requeue.body["code"]), (503, &json!("vendor_rests")), "{}", requeue.text);
    }
    assert_eq!(items(&pulled, "dlq").await, [stays]);
    pulled.breaker("auto").await;
    let applied = requeue().await.expect(200);
    assert_eq!(applied["changedSince"], true, "{applied}");
    assert_eq!(pulled.newest().await["sk"], applied["runId"]);
    assert!(items(&pulled, "dlq").await.is_empty());
    let stored = pulled.stored("units").await;
    stored.check();
    assert!(stored.records[&id]["payload"].as_str().unwrap().contains("\"beds\":9"));
    let gone = requeue().await;
    assert_eq!((gone.status, &gone.body["error"]), (404, &json!("DLQ item not found")));
    let recorded = pulled.recorded().await;
    let results: Vec<&str> =
        recorded.iter().filter(|(action, _)| action == "DLQ_REQUEUE").map(|(_, result)| result.as_str()).collect();
    assert!(
        results[0].starts_with("refused: ")
            && results[1].starts_with("failed: ")
            && results[2..4].iter().all(|result| result.starts_with("refused: waiting until the vendor"))
            && results[4].starts_with("applied by ")
    );
}

#[tokio::test]
async fn many_are_applied_or_forgotten_and_one_connection_s_alone() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units", "owners"]})).await;
    pulled.run(&backfill()).await;
    let ids: Vec<String> = pulled.records("owners").await.into_keys().take(2).collect();
    change(&doorloop, json!({"entity": "owners", "change": ids, "set": {"updatedAt": "soon"}}));
    let no_id = Fault { rows: Some(3), field: Some("id".into()), ..fault(FaultKind::MissingField, "units", 2, 1) };
    doorloop.set_fault(no_id).unwrap();
    pulled.run(&backfill()).await;
    change(&doorloop, json!({"entity": "owners", "change": ids, "set": {"updatedAt": "2100-01-02T00:00:00Z"}}));
    assert_eq!(items(&pulled, "dlq").await.len(), 5);

    let path = format!("dlq/{}", items(&pulled, "dlq?entity=units").await[0]["id"].as_str().unwrap());
    // Without an id nobody can ask for it: requeued, it is what it was.
    let refused = pulled.ask("POST", &format!("{path}/requeue"), Value::Null).await;
    let hint = refused.body["hint"].as_str().unwrap_or_default();
    assert!(refused.status == 422 && hint.contains("backfill") && !hint.contains("requeue"), "{}", refused.text);
    pulled.ask("DELETE", &path, Value::Null).await.expect(200);
    assert_eq!(pulled.ask("DELETE", &path, Value::Null).await.status, 404);
    assert_eq!(pulled.ask("POST", &format!("{path}/requeue"), Value::Null).await.status, 404);

    // Of another connection they are not there.
    let other = Pulled::of(&system, &doorloop, "doorloop", json!({})).await;
    assert!(items(&other, "dlq").await.is_empty());
    let theirs = format!("dlq/{}", items(&pulled, "dlq").await[0]["id"].as_str().unwrap());
    assert_eq!(other.ask("DELETE", &theirs, Value::Null).await.status, 404);

    pulled.ask("POST", "run", json!({})).await.expect(200);
    let busy = pulled.ask("POST", "dlq/requeue-all", json!({"entity": "owners"})).await;
    assert_eq!((busy.status, &busy.body["error"]), (409, &json!("sync already running")));
    pulled.settle().await;
    let done = pulled.ask("POST", "dlq/requeue-all", json!({})).await.expect(200);
    let counts = (&done["count"], &done["changedSince"], &done["failed"], &done["more"]);
    assert_eq!(counts, (&json!(2), &json!(2), &json!(2), &json!(false)), "{done}");
    let cleared = pulled.ask("POST", "dlq/clear", json!({"entity": "owners"})).await.expect(200);
    assert_eq!(cleared["count"], 0);
    let cleared = pulled.ask("POST", "dlq/clear", Value::Null).await.expect(200);
    assert_eq!((&cleared["count"], &cleared["more"]), (&json!(2), &json!(false)));
    assert!(items(&pulled, "dlq").await.is_empty());
    let recorded = pulled.recorded().await;
    assert_eq!(recorded.iter().filter(|(action, _)| action == "DLQ_DELETE").count(), 3, "{recorded:?}");
}

#[tokio::test]
async fn a_row_that_webhooks_write_as_well_is_applied_alike() {
    let system = System::start().await;
    let trackstar = vendor(&system, Vendor::Trackstar, |_| {}).await;
    let settings = json!({"connectionId": "conn-1", "entities": ["inbound-shipments"]});
    let pulled = Pulled::of(&system, &trackstar, "trackstar", settings).await;
    pulled.run(&backfill()).await;
    change(&trackstar, json!({"entity": "inbound-shipments", "change": 1, "set": {"updated_date": "soon"}}));
    pulled.run(&backfill()).await;
    let found = items(&pulled, "dlq?provider=trackstar").await;
    assert_eq!(found.len(), 1, "{found:?}");
    let mended = json!({"entity": "inbound-shipments", "change": [found[0]["key"]], "set": {"updated_date": "2100-01-02T00:00:00Z"}});
    change(&trackstar, mended);
    let body = json!({"id": found[0]["id"]});
    let applied = pulled.ask("POST", "dlq/requeue?provider=trackstar", body).await.expect(200);
    assert_eq!(applied["changedSince"], true, "{applied}");
    assert!(items(&pulled, "dlq?provider=trackstar").await.is_empty());
    pulled.stored("inbound-shipments").await.check();
}

#[tokio::test]
async fn the_status_counts_as_many_as_the_list_does_and_no_misspelt_filter_means_all() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |options| options.rows = 600).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"], "pageSize": 200})).await;
    let no_id = Fault { rows: Some(120), field: Some("id".into()), ..fault(FaultKind::MissingField, "units", 1, 1) };
    doorloop.set_fault(no_id).unwrap();
    pulled.run(&backfill()).await;
    let listed = pulled.ask("GET", "dlq", Value::Null).await.expect(200);
    assert_eq!((&listed["count"], &listed["total"], &listed["more"]), (&json!(50), &json!(120), &json!(false)));
    let status = format!("/api/admin/sync/status?tenant={}", pulled.world.tenant);
    let token = system.service_token("ada", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let status = system.get(&status).bearer(&token).answer().await.expect(200);
    assert_eq!((&status["dlqCount"], &status["dlqMore"]), (&listed["total"], &listed["more"]));

    for (method, path) in [("GET", "dlq"), ("POST", "dlq/requeue-all"), ("POST", "dlq/clear")] {
        let refused = pulled.ask(method, &format!("{path}?entty=owners"), Value::Null).await;
        assert_eq!((refused.status, &refused.body["code"]), (400, &json!("invalid_request")), "{}", refused.text);
        assert!(refused.body["error"].as_str().unwrap().contains("entty"), "{}", refused.text);
    }
    assert_eq!(pulled.ask("GET", "dlq", Value::Null).await.expect(200)["total"], 120);
}
