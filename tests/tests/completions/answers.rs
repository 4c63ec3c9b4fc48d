//! Receivers that fail, say nothing, refuse, or may not be asked.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_simulators::SimulatedChannel;
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{Told, answer, handle, tick_after};

#[tokio::test]
async fn whoever_does_not_take_a_notice_is_told_again_under_the_same_id() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let process = system.process(Wire::whole()).await;
    for (status, error) in [
        (Some(500), Value::Null),
        (Some(400), Value::Null),
        (Some(404), Value::Null),
        (Some(302), Value::Null),
        (None, json!("timeout")),
    ] {
        let told = Told::of(&system);
        told.receiver("main", &channel).await;
        let (message, before) = (told.ended("Success").await, channel.messages().len());
        answer(&channel, status, 1);
        // Nothing is waited for by the real clock.
        tokio::join!(async { handle(&process, &[message]).await.unwrap() }, async {
            channel.came(before + 1).await;
            if status.is_none() {
                system.pass(Duration::from_secs(11));
            }
        });
        let first = told.notices().await.remove(0);
        let attempt = &first["attempts"][0];
        assert_eq!((&first["state"], &attempt["error"]), (&json!("pending"), &error), "{status:?}: {first}");
        let shown = if error.is_null() { json!(status) } else { Value::Null };
        assert_eq!((&attempt["status"], &attempt["nextAt"]), (&shown, &first["nextAt"]), "{status:?}: {first}");
        assert_eq!(attempt["durationMs"], if status.is_none() { 11_000 } else { 0 }, "{first}");
        tick_after(&system, &process, 2).await.unwrap();
        let last = told.notices().await.remove(0);
        let attempts = last["attempts"].as_array().unwrap();
        assert_eq!((&last["state"], attempts.len(), &attempts[1]["status"]), (&json!("delivered"), 2, &json!(202)));
        let ids: Vec<String> =
            channel.messages()[before..].iter().map(|one| one.headers["webhook-id"].clone()).collect();
        assert_eq!((ids[0] == ids[1], json!(ids[0])), (true, last["id"].clone()), "{status:?}");
    }
}

#[tokio::test]
async fn an_address_that_is_not_public_is_not_asked_and_a_day_later_it_is_given_up() {
    let system = System::start().await;
    let (told, process) = (Told::of(&system), system.process(Wire::whole()).await);
    told.receiver_at("main", "https://receiver.example/hook", json!({})).await;
    // As where a name leads there by now: an address by itself is refused where it is given.
    told.moved_to("main", "http://10.0.0.1/hook").await;
    let message = told.ended("Success").await;
    handle(&process, &[message]).await.unwrap();
    for _ in 0..24 {
        tick_after(&system, &process, 60).await.unwrap();
    }
    let last = told.notices().await.remove(0);
    assert_eq!((&last["state"], &last["nextAt"]), (&json!("failed"), &Value::Null));
    let attempts = last["attempts"].as_array().unwrap();
    assert!(attempts.iter().all(|attempt| attempt["error"] == "not_allowed"), "{last}");
    assert!(last["error"].as_str().unwrap().contains("no public address"), "{last}");
    assert!(told.owed().await.is_empty());
}

#[tokio::test]
async fn a_receiver_that_is_gone_or_paused_is_told_of_nothing_more() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let process = system.process(Wire::whole()).await;
    for (method, path) in [("DELETE", ""), ("POST", "/pause")] {
        let told = Told::of(&system);
        told.receiver("main", &channel).await;
        answer(&channel, Some(500), 1);
        let message = told.ended("Success").await;
        handle(&process, &[message]).await.unwrap();
        told.ask(method, &format!("connections/{}{path}", told.receiver_path("main")), Value::Null).await.expect(200);
        let before = channel.messages().len();
        tick_after(&system, &process, 2).await.unwrap();
        let last = told.notices().await.remove(0);
        assert_eq!((&last["state"], channel.messages().len()), (&json!("failed"), before), "{last}");
        let later = told.ended("Success").await;
        handle(&process, &[later]).await.unwrap();
        assert_eq!(told.notices().await.len(), 1);
    }
}

#[tokio::test]
async fn a_receiver_that_fails_keeps_no_other_waiting() {
    let system = System::start().await;
    let (down, well) = (SimulatedChannel::start(0).await.unwrap(), SimulatedChannel::start(0).await.unwrap());
    let (told, process) = (Told::of(&system), system.process(Wire::whole()).await);
    told.receiver("down", &down).await;
    told.receiver("well", &well).await;
    for channel in [&down, &well] {
        answer(channel, Some(503), 20);
    }
    let mut messages = Vec::new();
    for _ in 0..20 {
        messages.push(told.ended("Success").await);
    }
    for part in messages.chunks(10) {
        handle(&process, part).await.unwrap();
    }
    answer(&down, Some(503), 1);
    tick_after(&system, &process, 2).await.unwrap();
    assert_eq!(well.messages().len(), 40, "all that waited is sent once it is well again");
    assert_eq!(down.messages().len(), 21, "one is tried, and the others wait for the next tick");
}
