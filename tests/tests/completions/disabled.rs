//! Receivers that are disabled, and enabled again.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_simulators::SimulatedChannel;
use signalbox_tests::process::Process;
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{Told, answer, handle, tick_after};

/// A tick of alerts, once all connections are looked at again.
async fn alerts(told: &Told<'_>, process: &Process) -> Vec<Value> {
    let tick = json!({"schedule": "alerts", "scheduledTime": "2026-01-15T12:00:00Z"});
    told.system.pass(Duration::from_secs(900));
    process.invoke("alerts", tick).await.unwrap();
    let open = told.ask("GET", "alerts?state=open", Value::Null).await.expect(200);
    open["alerts"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_receiver_that_fails_for_five_days_is_disabled_told_of_and_enabled_by_an_operator() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let (told, process) = (Told::of(&system), system.process(Wire::whole()).await);
    told.receiver("main", &channel).await;
    answer(&channel, Some(500), 1_000);
    let mut hours = 0;
    while told.shown("main").await["state"] == "active" {
        assert!(hours <= 144, "it is never disabled");
        if hours % 24 == 0 {
            let message = told.ended("Success").await;
            handle(&process, &[message]).await.unwrap();
        }
        hours += 8;
        tick_after(&system, &process, 8 * 60).await.unwrap();
    }
    assert!(hours >= 120, "disabled after {hours} hours");
    let shown = told.shown("main").await;
    assert_eq!(shown["paused"]["by"], "completions", "{shown}");
    assert!(shown["paused"]["why"].as_str().unwrap().contains("within 5 days failed"), "{shown}");
    let came = channel.messages().len();
    tick_after(&system, &process, 24 * 60).await.unwrap();
    assert_eq!(channel.messages().len(), came, "nobody asks it any more");
    assert!(told.notices().await.iter().all(|notice| notice["state"] == "failed"));

    let open = alerts(&told, &process).await;
    assert_eq!((open.len(), &open[0]["rule"]), (1, &json!("receiver_disabled")), "{open:?}");

    told.ask("POST", &format!("connections/{}/resume", told.receiver_path("main")), Value::Null).await.expect(200);
    let audit = system.items("JOURNAL_TABLE", &format!("{}#audit", told.tenant)).await;
    let by = |action: &str| audit.iter().find(|entry| entry["action"] == action).map(|entry| entry["actor"].clone());
    assert_eq!((by("connection.pause"), by("connection.resume")), (Some(json!("completions")), Some(json!("ada"))));
    assert!(alerts(&told, &process).await.is_empty());
    // One more failure does not disable it again.
    let message = told.ended("Success").await;
    handle(&process, &[message]).await.unwrap();
    assert_eq!(told.shown("main").await["state"], "active");
}

#[tokio::test]
async fn a_receiver_that_says_it_is_gone_is_disabled_at_once() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let (told, process) = (Told::of(&system), system.process(Wire::whole()).await);
    told.receiver("main", &channel).await;
    answer(&channel, Some(410), 1);
    let message = told.ended("Success").await;
    handle(&process, &[message]).await.unwrap();
    let (shown, notice) = (told.shown("main").await, told.notices().await.remove(0));
    assert_eq!((&shown["state"], &notice["state"]), (&json!("paused"), &json!("failed")));
    assert!(shown["paused"]["why"].as_str().unwrap().contains("410"), "{shown}");
    assert_eq!(notice["attempts"][0]["status"], 410);
    assert!(told.owed().await.is_empty());
}
