//! What is wrong is told of once, and once more when it is over.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_simulators::SimulatedChannel;
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{Watched, texts, tick, tick_now};

#[tokio::test]
async fn a_failed_run_is_opened_told_counted_resolved_and_told() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    watched.teams(&channel, json!({})).await;
    watched.catalogue("shop").await;
    watched.ended("shop", Some("source_invalid")).await;
    // Twice, as the bus may deliver it.
    for _ in 0..2 {
        watched.event(&process, "shop").await.unwrap();
    }
    let open = watched.alerts("?state=open").await;
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!((&open[0]["rule"], &open[0]["title"]), (&json!("run_failed"), &json!("shop: a scheduled run failed")));
    assert_eq!((&open[0]["connection"], &open[0]["provider"]), (&json!("shop"), &json!("catalogue")));
    tick_now(&process).await.unwrap();
    assert!(channel.messages().is_empty(), "others of the same moment may come");
    tick(&system, &process).await.unwrap();
    let came = channel.messages();
    assert_eq!(came.len(), 1);
    let said = texts(&came[0].body);
    assert_eq!(said[0], "Opened: shop: a scheduled run failed", "{said:?}");
    assert!(said.iter().any(|text| text.contains("source_invalid: made up")), "{said:?}");

    // Another failure of the same kind is counted, and nobody is told.
    system.pass(Duration::from_secs(60));
    watched.ended("shop", Some("source_invalid")).await;
    tick(&system, &process).await.unwrap();
    tick(&system, &process).await.unwrap();
    assert_eq!(watched.alerts("?state=open").await[0]["count"], 2);
    assert_eq!(channel.messages().len(), 1);

    system.pass(Duration::from_secs(60));
    watched.ended("shop", None).await;
    tick(&system, &process).await.unwrap();
    tick(&system, &process).await.unwrap();
    assert!(watched.alerts("?state=open").await.is_empty());
    let resolved = watched.alerts("?state=resolved").await;
    assert_eq!((&resolved[0]["state"], &resolved[0]["id"]), (&json!("resolved"), &open[0]["id"]));
    assert_eq!(texts(&channel.messages()[1].body)[0], "Resolved: shop: a scheduled run failed");
    let one = watched.ask("GET", &format!("alerts/{}", open[0]["id"].as_str().unwrap()), Value::Null).await.expect(200);
    let history: Vec<&Value> = one["history"].as_array().unwrap().iter().map(|past| &past["transition"]).collect();
    assert_eq!(history, ["resolved", "opened"]);
    let messages = watched.messages().await;
    assert!(messages.iter().all(|message| message["state"] == "sent" && message["attempts"] == 1), "{messages:?}");
    assert!(watched.owed().await.is_empty());
    let left = system.items("CONTROL_TABLE", "@alerts#open").await;
    assert!(left.is_empty(), "what is over is not looked at again: {left:?}");
}

#[tokio::test]
async fn absence_is_found_though_nothing_happens() {
    let system = System::start().await;
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    watched.catalogue("shop").await;
    tick(&system, &process).await.unwrap();
    assert!(watched.alerts("").await.is_empty());
    system.pass(Duration::from_secs(50 * 3_600));
    tick(&system, &process).await.unwrap();
    let open = watched.alerts("?state=open").await;
    assert_eq!((open.len(), &open[0]["rule"], &open[0]["severity"]), (1, &json!("no_success"), &json!("severe")));

    // Whoever pauses it knows.
    watched.ask("POST", &format!("connections/{}/catalogue/shop/pause", watched.tenant), json!({})).await.expect(200);
    tick(&system, &process).await.unwrap();
    assert!(watched.alerts("?state=open").await.is_empty());
}

#[tokio::test]
async fn a_storm_is_one_message() {
    const CONNECTIONS: usize = 60;
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    watched.teams(&channel, json!({})).await;
    for number in 0..CONNECTIONS {
        let name = format!("shop{number}");
        watched.catalogue(&name).await;
        watched.ended(&name, Some("source_invalid")).await;
        watched.event(&process, &name).await.unwrap();
    }
    for _ in 0..3 {
        tick(&system, &process).await.unwrap();
    }
    let came = channel.messages();
    assert_eq!(came.len(), 1, "{}", came.len());
    let said = texts(&came[0].body);
    assert_eq!(said[0], format!("60 alerts of {}: 60 open", watched.tenant));
    assert_eq!(said.last().unwrap(), "and 10 more");
    let link = came[0].body.pointer("/attachments/0/content/actions/0/url").unwrap().as_str().unwrap();
    assert!(link.ends_with(&format!("/systems/integrations?for={}", watched.tenant)), "{link}");
    let (first, second) = (watched.alerts("?limit=50").await, watched.ask("GET", "alerts?limit=50", Value::Null).await);
    let cursor = second.expect(200)["cursor"].as_str().unwrap().to_owned();
    let rest = watched.alerts(&format!("?limit=50&cursor={cursor}")).await;
    assert_eq!((first.len(), rest.len()), (50, 10));
}

#[tokio::test]
async fn what_flaps_is_held_and_said_once() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    watched.teams(&channel, json!({})).await;
    watched.catalogue("shop").await;
    for _ in 0..4 {
        for code in [Some("source_invalid"), None] {
            system.pass(Duration::from_secs(1));
            watched.ended("shop", code).await;
            watched.event(&process, "shop").await.unwrap();
            tick(&system, &process).await.unwrap();
        }
    }
    for _ in 0..32 {
        tick(&system, &process).await.unwrap();
    }
    let said: Vec<String> = channel.messages().iter().map(|message| texts(&message.body)[0].clone()).collect();
    assert_eq!(
        said,
        [
            "Opened: shop: a scheduled run failed",
            "Resolved: shop: a scheduled run failed",
            "Opens and ends again and again: shop: a scheduled run failed",
            "Stays resolved: shop: a scheduled run failed",
        ]
    );
    assert_eq!(watched.alerts("").await.len(), 1, "it is one alert");
}

#[tokio::test]
async fn quiet_hours_keep_a_digest_and_let_through_what_is_severe() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    // A system starts at noon.
    watched.teams(&channel, json!({"quietFrom": "11:00", "quietTo": "13:00", "quietZone": "UTC"})).await;
    watched.catalogue("shop").await;
    watched.ended("shop", Some("source_invalid")).await;
    watched.event(&process, "shop").await.unwrap();
    tick(&system, &process).await.unwrap();
    assert_eq!(watched.messages().await[0]["state"], "held");
    watched.ended("shop", Some("source_unreadable")).await;
    system.pass(Duration::from_secs(60));
    watched.ended("shop", Some("source_unreadable")).await;
    tick(&system, &process).await.unwrap();
    tick(&system, &process).await.unwrap();
    let said = |message: usize| texts(&channel.messages()[message].body)[0].clone();
    assert_eq!((channel.messages().len(), said(0).as_str()), (1, "Opened: shop: the vendor could not be connected to"));
    system.pass(Duration::from_secs(3_600));
    tick(&system, &process).await.unwrap();
    assert_eq!(said(1), format!("2 alerts of {} during quiet hours: 2 open", watched.tenant));
    assert!(watched.messages().await.iter().all(|message| message["state"] == "sent"));
}
