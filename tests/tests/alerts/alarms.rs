//! Alarms of the service are alerts of the platform's operators.

use serde_json::{Value, json};
use signalbox_simulators::SimulatedChannel;
use signalbox_tests::process::Process;
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{Watched, texts, tick, tick_now};

/// Has SNS deliver a message, as it is.
async fn deliver(process: &Process, message: &str) {
    let event = json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Type": "Notification", "Message": message}}]});
    process.invoke("alerts", event).await.unwrap();
}

async fn says(process: &Process, alarm: &str, state: &str, minute: u32) {
    let message = json!({"AlarmName": alarm, "AlarmDescription": "Deliveries wait. docs/runbook.md#x",
        "NewStateValue": state, "NewStateReason": "made up",
        "StateChangeTime": format!("2026-01-15T12:{minute:02}:00.000+0000")});
    deliver(process, &message.to_string()).await;
}

/// State, how often, and title of each alert.
async fn states(operators: &Watched<'_>) -> Vec<(String, u64, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let alerts = operators.alerts("").await.into_iter();
    alerts.map(|alert| (text(&alert["state"]), alert["count"].as_u64().unwrap(), text(&alert["title"]))).collect()
}

#[tokio::test]
async fn an_alarm_is_one_alert_told_when_it_goes_off_and_when_it_is_over() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let operators = Watched { system: &system, tenant: "default".to_owned() };
    let process = system.process(Wire::whole()).await;
    // Also at night: what is wrong with all tenants is severe.
    let night = json!({"quietFrom": "00:00", "quietTo": "23:59", "quietZone": "UTC"});
    operators.teams(&channel, night).await;
    let now = |state: &str| vec![(state.to_owned(), 1, "watch-DeliveriesWait: the alarm went off".to_owned())];

    says(&process, "watch-DeliveriesWait", "ALARM", 1).await;
    // SNS may deliver it twice; what is no alarm's changes nothing.
    says(&process, "watch-DeliveriesWait", "ALARM", 1).await;
    says(&process, "watch-DeliveriesWait", "INSUFFICIENT_DATA", 2).await;
    says(&process, "watch-Other", "OK", 2).await;
    assert_eq!(states(&operators).await, now("open"));
    let alert = &operators.alerts("").await[0];
    assert_eq!((&alert["rule"], &alert["severity"]), (&json!("service_alarm"), &json!("severe")));
    assert_eq!((&alert["provider"], &alert["connection"]), (&json!("cloudwatch"), &json!("watch-deliverieswait")));

    // No look at connections ends it.
    tick_now(&process).await.unwrap();
    tick(&system, &process).await.unwrap();
    assert_eq!(states(&operators).await, now("open"));
    let came = channel.messages();
    assert_eq!(came.len(), 1, "{came:?}");
    let said = texts(&came[0].body);
    assert!(said.iter().any(|text| text == "Deliveries wait. docs/runbook.md#x. made up"), "{said:?}");

    says(&process, "watch-DeliveriesWait", "OK", 5).await;
    // It went off before.
    says(&process, "watch-DeliveriesWait", "ALARM", 1).await;
    assert_eq!(states(&operators).await, now("resolved"));
    tick(&system, &process).await.unwrap();
    tick(&system, &process).await.unwrap();
    assert_eq!(texts(&channel.messages()[1].body)[0], "Resolved: watch-DeliveriesWait: the alarm went off");
    assert!(operators.owed().await.is_empty());
}

#[tokio::test]
async fn what_says_nothing_of_an_alarm_is_dropped() {
    let system = System::start().await;
    let operators = Watched { system: &system, tenant: "default".to_owned() };
    let process = system.process(Wire::whole()).await;
    let named =
        |name: &str| json!({"AlarmName": name, "NewStateValue": "ALARM", "StateChangeTime": "then"}).to_string();
    for hostile in ["", "null", "{}", "[[[[", &"x".repeat(100_000), &named("a/b#c"), &named("watch")] {
        deliver(&process, hostile).await;
    }
    process.invoke("alerts", json!({"Records": [{"Sns": {}}, {"Sns": {"Message": 7}}, null]})).await.unwrap();
    assert!(operators.alerts("").await.is_empty());
    assert!(system.items("CONTROL_TABLE", "@alerts#open").await.is_empty());
}
