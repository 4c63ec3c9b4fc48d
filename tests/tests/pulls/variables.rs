//! The variables that older systems set: a connection that is kept by the environment.

use serde_json::{Value, json};
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_simulators::Vendor;
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::vendor;

#[tokio::test]
async fn the_environment_makes_a_connection_and_locks_its_schedule() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let (url, key) = (doorloop.base_url().to_string(), doorloop.key());
    let variables = [
        ("DOORLOOP_BASE_URL", url.as_str()),
        ("AUTO_SYNC_ENABLED", "true"),
        ("AUTO_SYNC_INTERVAL_MINUTES", "15"),
        ("AUTO_SYNC_FULL_AT_HOUR_UTC", "5"),
        ("SYNC_ENTITIES", "owners,units"),
    ];
    let token = system.service_token("ada", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let with_key: Vec<(&str, &str)> = variables.into_iter().chain([("env:DOORLOOP_API_KEY", key.as_str())]).collect();
    let (bare, process) =
        (system.process_with(Wire::whole(), &variables).await, system.process_with(Wire::whole(), &with_key).await);
    let ask = async |method: &str, path: &str, body: Value| {
        let path = format!("/api/admin/{path}");
        process.ask("sync-control", method, &path, &token, (!body.is_null()).then_some(body)).await.unwrap()
    };
    // Without its key it is none, and keeps no other waiting.
    bare.fire("import").await.unwrap().unwrap();
    assert_eq!(ask("GET", "sync/scheduler", Value::Null).await.status, 404);
    process.fire("import").await.unwrap().unwrap();
    let shown = ask("GET", "sync/scheduler", Value::Null).await.expect(200);
    assert_eq!((&shown["connection"], &shown["enabled"]), (&json!("default/doorloop/main"), &json!(true)));
    assert_eq!((&shown["intervalMinutes"], &shown["fullSyncHourUTC"]), (&json!(15), &json!(5)));
    assert_eq!((&shown["entities"], &shown["lockedBy"]), (&json!(["owners", "units"]), &json!("environment")));
    assert!(shown["envLocked"].as_array().unwrap().contains(&json!("intervalMinutes")), "{shown}");
    let locked = ask("PUT", "sync/scheduler", json!({"enabled": false})).await;
    assert_eq!((locked.status, &locked.body["error"]), (409, &json!("environment_locked")));
    assert_eq!(locked.body["hint"], "environment (AUTO_SYNC_ENABLED) sets it: change it there");
    let put = json!({"settings": {}, "secrets": {"current": "another"}});
    assert_eq!(ask("PUT", "connections/default/doorloop/main", put).await.problem(), (409, "kept_by_configuration"));
    ask("POST", "connections/default/doorloop/main/pause", Value::Null).await.expect(200);
    // It can be used as any other.
    ask("POST", "sync/run", json!({"mode": "backfill"})).await.expect(200);
    // A key that is gone takes nothing away.
    bare.fire("import").await.unwrap().unwrap();
    assert_eq!(ask("GET", "sync/scheduler", Value::Null).await.status, 200);
}

#[tokio::test]
async fn a_connection_of_operators_is_in_the_way_until_it_is_deleted_and_no_longer() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let (url, key) = (doorloop.base_url().to_string(), doorloop.key());
    let variables = [("DOORLOOP_BASE_URL", url.as_str()), ("env:DOORLOOP_API_KEY", key.as_str())];
    let process = system.process_with(Wire::whole(), &variables).await;
    let token = system.service_token("ada", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let ask = async |method: &str, body: Value| {
        let path = "/api/admin/connections/default/doorloop/main";
        process.ask("sync-control", method, path, &token, (!body.is_null()).then_some(body)).await.unwrap()
    };
    ask("PUT", json!({"settings": {"baseUrl": url}, "secrets": {"current": "by-hand"}})).await.expect(201);
    let locked_by = async || {
        process.fire("import").await.unwrap().unwrap();
        let path = "/api/admin/sync/scheduler";
        process.ask("sync-control", "GET", path, &token, None).await.unwrap().body["lockedBy"].clone()
    };
    assert_eq!((locked_by().await, locked_by().await), (Value::Null, Value::Null));
    ask("DELETE", Value::Null).await.expect(200);
    assert_eq!(locked_by().await, "environment");
}

#[tokio::test]
async fn a_variable_that_is_wrong_refuses_the_start() {
    let system = System::start().await;
    for (name, value) in [("AUTO_SYNC_INTERVAL_MINUTES", "1"), ("DOORLOOP_BASE_URL", "ftp://a.example")] {
        let mut environment = system.environment("scheduler");
        environment.extend([(name.to_owned(), value.to_owned())]);
        let refused = signalbox_scheduler::build(&environment, &system.outside(&Wire::whole())).await.err();
        assert!(refused.is_some_and(|error| error.to_string().starts_with(name)), "{name}");
    }
}
