//! Who may advance a pull: one worker at a time, until somebody asks it to stop.

use std::pin::pin;
use std::time::Duration;

use serde_json::json;
use signalbox::aws::clients::Clients;
use signalbox::domain::ids::RunId;
use signalbox::domain::runs::lease::LEASE_MS;
use signalbox::domain::runs::run::Mode;
use signalbox::engine::operators::{Operator, Operators};
use signalbox::engine::runs::context::Runs;
use signalbox::engine::runs::stop::{Stopping, stop_run};
use signalbox_simulators::Vendor;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, every};

use super::kit::{Pulled, backfill, until_held, vendor};

pub(super) async fn stop(pulled: &Pulled<'_>) -> Stopping {
    let (environment, outside) =
        (pulled.world.environment("sync-control"), pulled.world.system.outside(&Wire::whole()));
    let clients = Clients::connect(&environment, &outside).unwrap();
    let runs = Runs::connect(&clients, &environment, &outside).unwrap();
    let operators = Operators::connect(&clients, &environment, &outside).unwrap();
    let tenant = pulled.connection.tenant.clone();
    let operator = Operator { tenant, actor: "ann".into(), correlation_id: "trace".into() };
    let id = RunId::parse(pulled.newest().await["sk"].as_str().unwrap()).unwrap();
    stop_run(&runs, &operators, &operator, &pulled.connection, &id).await.unwrap()
}

#[tokio::test]
async fn a_pull_stops_at_its_next_commit_and_the_next_one_puts_right_what_it_left() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    pulled.start(&backfill(), Mode::Apply).await;
    let held = every("DynamoDB.BatchWriteItem").nth(2);
    let process = pulled.world.process(Wire::when(held, Verdict::Hold)).await;
    let mut working = pin!(process.drain());
    until_held(&process, working.as_mut()).await;
    assert_eq!(stop(&pulled).await, Stopping::Asked);
    process.wire().release();
    working.await.unwrap();
    let run = pulled.newest().await;
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("Cancelled"), &json!("stopped")), "{run:?}");
    assert_eq!(pulled.records("units").await.len(), 50);
    let run = pulled.run(&backfill()).await;
    assert_eq!(run["status"], "Success", "{run:?}");
    let counts = &run["work"]["entities"][0]["progress"]["counts"];
    // The first page is known to have arrived. Of the second nobody knows.
    assert_eq!((&counts["created"], &counts["unchanged"]), (&json!("65"), &json!("25")));
    pulled.stored("units").await.check();
}

#[tokio::test]
async fn of_two_workers_on_one_run_the_late_one_commits_nothing() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    pulled.start(&backfill(), Mode::Apply).await;
    let held = every("DynamoDB.BatchWriteItem").nth(2);
    let process = pulled.world.process(Wire::when(held, Verdict::Hold)).await;
    let mut late = pin!(process.drain());
    until_held(&process, late.as_mut()).await;
    system.pass(Duration::from_millis(LEASE_MS.unsigned_abs() + 1));
    pulled.world.healthy().await.watchdog().await.unwrap().unwrap();
    pulled.work_until(Wire::whole()).await.unwrap();
    let run = pulled.newest().await;
    assert_eq!(run["status"], "Success", "{run:?}");
    let stored = pulled.stored("units").await;
    stored.check();
    process.wire().release();
    late.await.unwrap();
    assert_eq!((pulled.newest().await, pulled.stored("units").await), (run, stored));
    assert_eq!(pulled.records("units").await.len() as u64, doorloop.rows("units").unwrap());
}
