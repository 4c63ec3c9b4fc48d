//! A connection that was removed and is made again: nothing that the one before did is told of it, and what it left is not taken for its own.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::domain::runs::run::Mode;
use signalbox::engine::runs::kinds::pull::PullRequest;
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_simulators::{Fault, FaultKind, Vendor};
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{Pulled, backfill, fault, vendor};

const HOUR: Duration = Duration::from_secs(3_600);

/// What is said of it: by the control centre, of its schedule, of its rows that were set aside, and beside all others.
async fn shown(pulled: &Pulled<'_>) -> [Value; 4] {
    let system = pulled.world.system;
    let token = system.service_token("ada", &pulled.world.tenant, &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let status = system.get("/api/admin/sync/status").bearer(&token).answer().await.expect(200);
    let admin = system.user_token("THREEPL_ADMIN", &[&pulled.world.tenant], &[]);
    let health = system.get("/api/sync/health?provider=doorloop").bearer(&admin).answer().await.expect(200);
    let schedule = pulled.ask("GET", "scheduler", Value::Null).await.expect(200);
    [status, schedule, pulled.ask("GET", "dlq", Value::Null).await.expect(200), health["integrations"][0].clone()]
}

#[tokio::test]
async fn nothing_is_told_of_it_that_the_one_before_did() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let settings = json!({"entities": ["units"]});
    let pulled = Pulled::of(&system, &doorloop, "doorloop", settings.clone()).await;
    pulled.schedule(json!({"every": 10})).await;
    let no_id = Fault { rows: Some(2), field: Some("id".into()), ..fault(FaultKind::MissingField, "units", 1, 1) };
    doorloop.set_fault(no_id).unwrap();
    // A tick meets a run that is in its way.
    pulled.start(&backfill(), Mode::Apply).await;
    system.pass(Duration::from_secs(660));
    pulled.tick().await;
    pulled.work_until(Wire::whole()).await.unwrap();
    let [status, schedule, letters, link] = shown(&pulled).await;
    assert!(
        status["perEntity"]["units"]["lastSuccessAt"].is_string() && link["lastSyncedAt"].is_string(),
        "{status} {link}"
    );
    assert_eq!(
        (&status["dlqCount"], &letters["total"], &schedule["skippedTicks"][0]["reason"]),
        (&json!(2), &json!(2), &json!("lock_held"))
    );

    pulled.delete().await;
    system.pass(HOUR);
    let other = vendor(&system, Vendor::Doorloop, |options| options.seed += 1).await;
    pulled.put(&other, settings).await;
    let [status, schedule, none, link] = shown(&pulled).await;
    assert!(status["perEntity"]["units"]["lastSuccessAt"].is_null() && link["lastSyncedAt"].is_null(), "{link}");
    assert_eq!((&status["dlqCount"], &none["total"], &schedule["skippedTicks"]), (&json!(0), &json!(0), &json!([])));
    assert_eq!(link["circuitBreaker"]["totalRequests"], 0, "{link}");
    let path = format!("dlq/{}", letters["items"][0]["id"].as_str().unwrap());
    for (method, path) in [("POST", &format!("{path}/requeue")), ("DELETE", &path)] {
        assert_eq!(pulled.ask(method, path, Value::Null).await.status, 404, "{method}");
    }

    // Its records would go, all of them: the guard says whose they may be, and what to do.
    let run = pulled.run(&backfill()).await;
    let error = &run["work"]["entities"][0]["error"];
    assert_eq!(error["code"], "removals_refused", "{run:?}");
    assert!(error["detail"].as_str().unwrap().contains("of the same name was removed"), "{error}");
    let allowed = PullRequest { allow_removals: true, ..backfill() };
    assert_eq!(pulled.run(&allowed).await["status"], "Success");
    let stored = pulled.stored("units").await;
    stored.check();
    assert_eq!(stored.records.len() as u64, other.rows("units").unwrap());
}
