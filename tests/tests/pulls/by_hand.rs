//! Pulls by hand: started, stopped, and their lock taken from a worker that does not answer.

use std::pin::pin;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use signalbox::domain::runs::lease::LEASE_MS;
use signalbox::domain::runs::run::Mode;
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE, WRITE};
use signalbox_simulators::Vendor;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, every};

use super::kit::{Pulled, backfill, until_held, vendor};

#[tokio::test]
async fn whoever_does_not_administer_starts_nothing() {
    let system = System::start().await;
    let run = "/api/admin/sync/run";
    let answer = system.post(run).body("{}").answer().await;
    assert_eq!((answer.status, &answer.body["error"]), (401, &json!("unauthorized")), "{}", answer.text);
    for token in [system.service_token("ada", "default", &[WRITE]), system.user_token("THREEPL_USER", &["acme"], &[])] {
        let answer = system.post(run).bearer(&token).body("{}").answer().await;
        assert_eq!((answer.status, &answer.body["error"]), (403, &json!("forbidden")), "{}", answer.text);
    }
    let token = system.service_token("ada", "default", &[CONNECTIONS_WRITE]);
    let answer = system.post(run).bearer(&token).body("{}").answer().await;
    assert_eq!((answer.status, &answer.body["code"]), (404, &json!("not_found")), "there is no connection");
}

#[tokio::test]
async fn what_is_asked_for_is_read_or_refused() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({})).await;
    const ARRAY: &str = "entities array is required";
    for (body, error) in [
        (json!({"entities": []}), ARRAY),
        (json!({"entities": "owners"}), ARRAY),
        (json!({"entities": ["dogs"]}), "there is no entity dogs"),
        (json!({"entities": [7]}), "entities must be names of entities"),
        (json!({"mode": "all"}), "mode must be delta or backfill"),
        (json!({"since": "soon"}), "since must be a date or date-time that has passed"),
        (json!({"since": "2200-01-01"}), "since must be a date or date-time that has passed"),
        (json!({"sinceDays": 0}), "sinceDays must be a whole number from 1 to 365"),
        (json!({"sinceDays": 366}), "sinceDays must be a whole number from 1 to 365"),
        (json!({"sinceDays": "a week"}), "sinceDays must be a whole number from 1 to 365"),
        (json!({"sinceDays": 1.5}), "sinceDays must be a whole number from 1 to 365"),
        (json!({"since": "2020-01-01", "sinceDays": 1}), "since and sinceDays say the same: give one of them"),
        (json!({"dryRun": "no"}), "dryRun must be true or false"),
        (json!({"dryrun": true}), "\"dryrun\" is unknown: the field is dryRun"),
    ] {
        let answer = pulled.ask("POST", "run", body.clone()).await;
        assert_eq!((answer.status, &answer.body["error"]), (400, &json!(error)), "{body}");
    }
    assert!(pulled.runs().await.is_empty());
    let cases = [
        (json!({}), "delta", false, json!(null), json!(["owners"])),
        (json!({"mode": "full", "entities": ["Units", "units"]}), "backfill", false, json!(null), json!(["units"])),
        (
            json!({"mode": "incremental", "sinceDays": 1, "dryRun": true, "entities": ["leases", "owners"]}),
            "delta",
            true,
            json!("day"),
            json!(["leases", "owners"]),
        ),
    ];
    for (body, mode, dry, since, entities) in cases {
        let answer = pulled.ask("POST", "run", body.clone()).await;
        let started = answer.expect(200);
        assert_eq!((&started["mode"], &started["dryRun"]), (&json!(mode), &json!(dry)), "{body}");
        assert_eq!(started["since"].is_null(), since.is_null(), "{started}");
        let named: Vec<&Value> = started["results"].as_array().unwrap().iter().map(|one| &one["entity"]).collect();
        assert_eq!(json!(named), entities, "{started}");
        let run = pulled.settle().await;
        assert_eq!((&run["sk"], &run["status"]), (&started["runId"], &json!("Success")), "{run:?}");
        assert_eq!((&run["actor"], &run["mode"]), (&json!("ada"), &json!(if dry { "dryRun" } else { "apply" })));
    }
    let quick = pulled.ask("POST", "quick-run", json!({})).await.expect(200);
    assert_eq!((&quick["mode"], quick["results"].as_array().unwrap().len()), (&json!("delta"), 2), "{quick}");
}

/// Forms of older clients send numbers as texts, and empty where nobody filled them in.
#[tokio::test]
async fn days_that_are_sent_empty_are_thirty_and_without_any_a_delta_goes_on_from_the_last_one() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({})).await;
    for (body, days) in [
        (json!({"mode": "incremental", "sinceDays": ""}), Some(30)),
        (json!({"mode": "delta", "sinceDays": null}), Some(30)),
        (json!({"mode": "incremental", "sinceDays": " 7 "}), Some(7)),
        (json!({"mode": "incremental"}), None),
        (json!({"mode": "full", "sinceDays": ""}), None),
    ] {
        let started = pulled.ask("POST", "run", body.clone()).await.expect(200);
        let since = |days: i64| {
            let begun: Timestamp = system.clock.now();
            signalbox::domain::time::text(begun - SignedDuration::from_hours(24 * days))
        };
        assert_eq!(started["since"], json!(days.map(since)), "{body}");
        pulled.ask("POST", "stop", Value::Null).await.expect(200);
    }
    let both = json!({"since": "2020-01-01", "sinceDays": ""});
    assert_eq!(pulled.ask("POST", "run", both).await.expect(200)["since"], "2020-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn one_run_at_a_time_and_a_stop_lets_the_next_one_start() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({})).await;
    let run = json!({"entities": ["units"], "mode": "backfill"});
    let idle = pulled.ask("POST", "stop", Value::Null).await.expect(200);
    assert_eq!((&idle["stopped"], &idle["message"]), (&json!(false), &json!("No sync running")));
    let first = pulled.ask("POST", "run", run.clone()).await.expect(200);
    let busy = pulled.ask("POST", "run", run.clone()).await;
    assert_eq!((busy.status, &busy.body["error"]), (409, &json!("sync already running")));
    assert_eq!(busy.body["runId"], first["runId"]);
    let stopped = pulled.ask("POST", "stop", Value::Null).await.expect(200);
    let expected = (&json!(true), &json!("stopped"), &json!("Sync stopped"));
    assert_eq!((&stopped["stopped"], &stopped["state"], &stopped["message"]), expected);
    let over = pulled.newest().await;
    assert_eq!((&over["status"], &over["error"]["code"]), (&json!("Cancelled"), &json!("stopped")));
    // Nobody works at it any more, though its message is under way.
    pulled.work_until(Wire::whole()).await.unwrap();
    assert!(pulled.records("units").await.is_empty());
    pulled.ask("POST", "run", run).await.expect(200);
    assert_eq!(pulled.settle().await["status"], "Success");
    pulled.stored("units").await.check();
    let recorded = pulled.recorded().await;
    let of = |action: &str| {
        recorded.iter().filter(|(of, _)| of == action).map(|(_, result)| result.as_str()).collect::<Vec<_>>()
    };
    let backfills = of("SYNC_BACKFILL");
    assert!(backfills[0].starts_with("started ") && backfills[1].starts_with("refused: run ") && backfills.len() == 3);
    assert!(of("SYNC_STOP")[0] == "idle" && of("SYNC_STOP")[1].starts_with("stopped "), "{recorded:?}");
}

#[tokio::test]
async fn a_lock_that_is_reset_cuts_its_worker_off_and_no_two_runs_write() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    pulled.start(&backfill(), Mode::Apply).await;
    let held = every("DynamoDB.BatchWriteItem").nth(2);
    let process = pulled.world.process(Wire::when(held, Verdict::Hold)).await;
    let mut working = pin!(process.drain());
    until_held(&process, working.as_mut()).await;
    let reset = pulled.ask("POST", "reset-lock", Value::Null).await.expect(200);
    assert_eq!((&reset["state"], reset["freeAt"].is_string()), (&json!("cut_off"), true), "{reset}");
    // A call of that worker may be under way: nobody starts beside it.
    let run = json!({"entities": ["units"], "mode": "backfill"});
    let busy = pulled.ask("POST", "run", run.clone()).await;
    assert_eq!((busy.status, &busy.body["freeAt"]), (409, &reset["freeAt"]), "{}", busy.text);
    let again = pulled.ask("POST", "reset-lock", Value::Null).await.expect(200);
    assert_eq!(again["freeAt"], reset["freeAt"]);
    process.wire().release();
    working.await.unwrap();
    assert!(pulled.newest().await.contains_key("open"), "who was cut off ends nothing");
    system.pass(Duration::from_millis(LEASE_MS.unsigned_abs() + 1));
    let freed = pulled.ask("POST", "reset-lock", Value::Null).await.expect(200);
    assert_eq!((&freed["state"], &freed["message"]), (&json!("stopped"), &json!("Lock released")), "{freed}");
    assert_eq!(pulled.newest().await["status"], "Cancelled");
    let idle = pulled.ask("POST", "reset-lock", Value::Null).await.expect(200);
    assert_eq!(idle["message"], "No lock is held");
    pulled.ask("POST", "run", run).await.expect(200);
    assert_eq!(pulled.settle().await["status"], "Success");
    pulled.stored("units").await.check();
}

#[tokio::test]
async fn backfills_by_hand_can_be_switched_off() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({})).await;
    let process = system.process_with(Wire::whole(), &[("ALLOW_MANUAL_BACKFILL", "false")]).await;
    let token = system.service_token("ada", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let path = format!("/api/admin/sync/run?tenant={}", pulled.connection.tenant);
    let ask = async |mode: &str| {
        let body = json!({"mode": mode});
        process.ask("sync-control", "POST", &path, &token, Some(body)).await.unwrap()
    };
    let refused = ask("backfill").await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("forbidden")), "{}", refused.text);
    assert!(pulled.runs().await.is_empty());
    ask("delta").await.expect(200);
    let recorded = pulled.recorded().await;
    assert!(recorded.iter().any(|(action, result)| action == "SYNC_BACKFILL" && result.starts_with("refused")));
}
