//! When connections are pulled by themselves: switched by a route, everything once a night, and what a tick that starts nothing leaves.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::domain::runs::run::Mode;
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_simulators::Vendor;
use signalbox_tests::items::Item;
use signalbox_tests::system::System;

use super::kit::{Pulled, delta, vendor};

const HOUR: Duration = Duration::from_secs(3_600);
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// Of the newest runs, the oldest first, how much they looked at.
async fn modes(pulled: &Pulled<'_>) -> Vec<String> {
    let mode = |run: &Item| run["work"]["mode"].as_str().unwrap_or_default().to_owned();
    pulled.runs().await.iter().map(mode).collect()
}

#[tokio::test]
async fn the_schedule_is_switched_by_a_route_and_what_is_not_named_stays() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({})).await;
    let at_first = pulled.ask("GET", "scheduler", Value::Null).await.expect(200);
    assert_eq!(
        (&at_first["enabled"], &at_first["intervalMinutes"], &at_first["nextRun"]),
        (&json!(false), &json!(10), &json!(null))
    );
    assert_eq!(at_first["entities"].as_array().unwrap().len(), 5);
    let body = json!({"enabled": true, "intervalMinutes": 15, "fullSyncHourUTC": 5, "entities": ["units", "owners"]});
    let on = pulled.ask("PUT", "scheduler", body).await.expect(200);
    assert_eq!(
        (&on["enabled"], &on["fullSyncHourUTC"], &on["nightlyFullHourUtc"]),
        (&json!(true), &json!(5), &json!(5))
    );
    assert!(on["nextRun"].is_string() && on["nextFullSync"].as_str().unwrap().contains("T05:0"), "{on}");
    assert_eq!(on["entities"], json!(["units", "owners"]));
    let off = pulled.ask("PUT", "scheduler", json!({"enabled": false})).await.expect(200);
    assert_eq!(
        (&off["enabled"], &off["intervalMinutes"], &off["fullSyncHourUTC"]),
        (&json!(false), &json!(15), &json!(5))
    );
    assert_eq!((&off["nextFullSync"], &off["envLocked"]), (&json!(null), &json!([])));
    let never = pulled.ask("PUT", "scheduler", json!({"enabled": true, "fullSyncHourUTC": null})).await.expect(200);
    assert_eq!((&never["fullSyncHourUTC"], &never["schedule"]), (&json!(null), &json!({"every": 15})));
    for (body, part) in [
        (json!({}), "name what is to be changed"),
        (json!({"intervalMinutes": 1}), "from 2 to 10080"),
        (json!({"intervalMinutes": "5"}), "from 2 to 10080"),
        (json!({"fullSyncHourUTC": 24}), "from 0 to 23"),
        (json!({"enabled": "yes"}), "enabled must be true or false"),
        (json!({"entities": []}), "entities array is required"),
        (json!({"entities": ["dogs"]}), "there is no entity dogs"),
        (json!({"interval": 5}), "interval"),
    ] {
        let refused = pulled.ask("PUT", "scheduler", body.clone()).await;
        let error = refused.body["error"].as_str().unwrap_or_default();
        assert!(refused.status == 400 && error.contains(part), "{body}: {}", refused.text);
    }
    let recorded = pulled.recorded().await;
    let changes: Vec<&str> =
        recorded.iter().filter(|(action, _)| action == "SCHEDULER_CHANGE").map(|(_, result)| result.as_str()).collect();
    assert_eq!(changes[..3], ["changed"; 3]);
    assert!(changes[3].starts_with("refused"), "{changes:?}");
}

#[tokio::test]
async fn everything_is_pulled_once_in_its_hour_and_changes_at_all_other_times() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["owners"]})).await;
    // It is noon.
    let body = json!({"enabled": true, "intervalMinutes": 20, "fullSyncHourUTC": 13});
    pulled.ask("PUT", "scheduler", body).await.expect(200);
    for _ in 0..7 {
        system.pass(TEN_MINUTES * 2);
        pulled.tick().await;
        pulled.settle().await;
    }
    let modes = modes(&pulled).await;
    assert_eq!(modes.iter().filter(|mode| *mode == "backfill").count(), 1, "{modes:?}");
    assert!(modes.len() > 5, "{modes:?}");
}

#[tokio::test]
async fn a_night_that_met_another_run_is_tried_again_while_its_hour_lasts() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["owners"]})).await;
    let body = json!({"enabled": true, "intervalMinutes": 600, "fullSyncHourUTC": 13});
    pulled.ask("PUT", "scheduler", body).await.expect(200);
    system.pass(HOUR);
    pulled.start(&delta(), Mode::Apply).await;
    system.pass(Duration::from_secs(180));
    pulled.tick().await;
    let skipped = pulled.newest().await;
    assert_eq!((&skipped["status"], &skipped["work"]["mode"]), (&json!("Skipped"), &json!("backfill")), "{skipped:?}");
    let shown = pulled.ask("GET", "scheduler", Value::Null).await.expect(200);
    let tick = &shown["skippedTicks"][0];
    assert_eq!((&tick["reason"], &tick["runId"]), (&json!("lock_held"), &skipped["sk"]), "{shown}");
    pulled.work_until(signalbox_tests::wire::Wire::whole()).await.unwrap();
    system.pass(TEN_MINUTES);
    pulled.tick().await;
    let run = pulled.settle().await;
    assert_eq!((&run["status"], &run["work"]["mode"]), (&json!("Success"), &json!("backfill")), "{run:?}");
}

#[tokio::test]
async fn a_tick_without_a_key_leaves_its_reason() {
    let system = System::start().await;
    let trackstar = vendor(&system, Vendor::Trackstar, |_| {}).await;
    let pulled = Pulled::of(&system, &trackstar, "doorloop", json!({})).await;
    let link = format!("/api/admin/connections/{}/trackstar/main", pulled.connection.tenant);
    let token = system.service_token(
        "ada",
        "default",
        &[signalbox::http::auth::CONNECTIONS_READ, signalbox::http::auth::CONNECTIONS_WRITE],
    );
    let body = json!({"settings": {"connectionId": "conn-1"}, "schedule": {"every": 10}});
    system.request("PUT", &link).bearer(&token).body(body.to_string()).answer().await.expect(201);
    system.pass(TEN_MINUTES);
    pulled.tick().await;
    let shown = pulled.ask("GET", "scheduler?provider=trackstar", Value::Null).await.expect(200);
    assert_eq!(shown["skippedTicks"][0]["reason"], "missing_api_key", "{shown}");
}

#[tokio::test]
async fn every_route_says_alike_when_a_connection_is_pulled_by_itself() {
    const MAIN: &str = "/api/admin/connections/default/doorloop/main";
    let system = System::start().await;
    let token = system.service_token("ada", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let get = async |path: &str| system.get(path).bearer(&token).answer().await.expect(200);
    let post = async |path: &str| system.post(&format!("{MAIN}/{path}")).bearer(&token).answer().await.expect(200);
    for (schedule, paused, enabled, every, full) in [
        (json!("off"), false, false, json!(10), Value::Null),
        (json!({"every": 15}), false, true, json!(15), Value::Null),
        (json!({"every": 15, "fullAtHourUtc": 5}), false, true, json!(15), json!(5)),
        (json!({"every": 15, "fullAtHourUtc": 5}), true, false, json!(15), json!(5)),
        (json!({"every": 15, "fullAtHourUtc": 5, "enabled": false}), false, false, json!(15), json!(5)),
        (json!({"cron": "0 2 * * *", "zone": "UTC"}), false, true, Value::Null, Value::Null),
        (json!({"cron": "0 2 * * *", "zone": "UTC"}), true, false, Value::Null, Value::Null),
    ] {
        let body = json!({"settings": {}, "secrets": {"current": "key"}, "schedule": schedule});
        let put = system.request("PUT", MAIN).bearer(&token).body(body.to_string()).answer().await;
        assert!(put.status < 300, "{}", put.text);
        post(if paused { "pause" } else { "resume" }).await;
        let scheduler = get("/api/admin/sync/scheduler").await;
        let status = get("/api/admin/sync/status").await["scheduler"].clone();
        let health = get("/api/health/sync").await;
        let told = |view: &Value| (view["enabled"].clone(), view["intervalMinutes"].clone());
        let expected = (json!(enabled), every);
        let here = format!("{schedule} {paused}");
        assert_eq!([told(&scheduler), told(&status), told(&health)], [(); 3].map(|()| expected.clone()), "{here}");
        for name in ["fullSyncHourUTC", "nightlyFullHourUtc", "nextRun", "nextFullSync", "paused"] {
            assert_eq!(scheduler[name], status[name], "{here}: {name}");
        }
        assert_eq!((&status["fullSyncHourUTC"], &status["paused"]), (&full, &json!(paused)), "{here}");
        assert_eq!(health["status"]["next_run_at"], scheduler["nextRun"], "{here}");
        assert_eq!(scheduler["nextRun"].is_string(), enabled, "{here}");
    }
    let misspelt = system.get("/api/admin/sync/scheduler?conection=main").bearer(&token).answer().await;
    assert_eq!((misspelt.status, &misspelt.body["code"]), (400, &json!("invalid_request")), "{}", misspelt.text);
}
