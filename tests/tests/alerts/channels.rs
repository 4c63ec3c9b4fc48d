//! Channels that are busy, fail, say nothing or refuse.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::domain::deliveries::signature::{schemes, sign};
use signalbox::domain::secret::Secret;
use signalbox_simulators::{ChannelAnswer, SimulatedChannel};
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{SIGNED_WITH, Watched, tick, tick_now};

fn answer(status: Option<u16>, retry_after: Option<u32>) -> ChannelAnswer {
    ChannelAnswer { status, retry_after, times: 1 }
}

#[tokio::test]
async fn whoever_does_not_take_a_message_is_asked_again_unless_it_is_the_message_s_fault() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let process = system.process(Wire::whole()).await;
    for (case, wanted, waits, after) in [
        ("busy", answer(Some(429), Some(300)), 240, ("sent", 2)),
        ("fails", answer(Some(500), None), 0, ("sent", 2)),
        ("says nothing", answer(None, None), 0, ("sent", 2)),
        ("refuses", answer(Some(400), None), 0, ("refused", 1)),
        ("is too large", answer(Some(413), None), 0, ("refused", 1)),
        // Somebody may mend these.
        ("is not let in", answer(Some(401), None), 0, ("sent", 2)),
        ("is forbidden", answer(Some(403), None), 0, ("sent", 2)),
        ("is gone", answer(Some(404), None), 0, ("sent", 2)),
        ("was slow", answer(Some(408), None), 0, ("sent", 2)),
        ("went elsewhere", answer(Some(302), None), 0, ("sent", 2)),
    ] {
        let watched = Watched::of(&system);
        watched.teams(&channel, json!({})).await;
        watched.catalogue("shop").await;
        watched.ended("shop", Some("source_invalid")).await;
        watched.event(&process, "shop").await.unwrap();
        let before = channel.messages().len();
        channel.answer(wanted).unwrap();
        system.pass(Duration::from_secs(60));
        // Nothing is waited for by the real clock.
        tokio::join!(async { tick_now(&process).await.unwrap() }, async {
            channel.came(before + 1).await;
            if wanted.status.is_none() {
                system.pass(Duration::from_secs(11));
            }
        });
        let shown = |messages: &[Value]| (messages[0]["state"].clone(), messages[0]["attempts"].clone());
        let first = watched.messages().await;
        let state = if after.0 == "refused" { "refused" } else { "pending" };
        assert_eq!(shown(&first), (json!(state), json!(1)), "{case}: {first:?}");
        let error = first[0]["error"].as_str().unwrap();
        assert!(!error.contains("sig=") && (error.contains("127.0.0.1") || error.contains("no answer")), "{error}");
        if waits > 0 {
            system.pass(Duration::from_secs(waits - 60));
            tick(&system, &process).await.unwrap();
            assert_eq!(shown(&watched.messages().await), (json!("pending"), json!(1)), "{case}: it asked for more");
        }
        system.pass(Duration::from_secs(60));
        tick(&system, &process).await.unwrap();
        let last = watched.messages().await;
        assert_eq!(shown(&last), (json!(after.0), json!(after.1)), "{case}: {last:?}");
        for connection in ["catalogue/shop", "teams/main"] {
            watched.delete(connection).await;
        }
        tick(&system, &process).await.unwrap();
    }
}

#[tokio::test]
async fn a_channel_that_refuses_keeps_no_other_waiting_and_webhooks_are_signed() {
    let system = System::start().await;
    let (teams, webhook) = (SimulatedChannel::start(0).await.unwrap(), SimulatedChannel::start(0).await.unwrap());
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    watched.teams(&teams, json!({})).await;
    watched.webhook(&webhook).await;
    watched.catalogue("shop").await;
    watched.ended("shop", Some("source_invalid")).await;
    watched.event(&process, "shop").await.unwrap();
    teams.answer(answer(Some(400), None)).unwrap();
    tick(&system, &process).await.unwrap();
    let states: Vec<Value> = watched.messages().await.iter().map(|one| json!([one["channel"], one["state"]])).collect();
    assert!(states.contains(&json!(["teams/main", "refused"])), "{states:?}");
    assert!(states.contains(&json!(["alert-webhook/main", "sent"])), "{states:?}");

    let came = &webhook.messages()[0];
    assert_eq!((&came.body["type"], &came.body["data"]["total"]), (&json!("alerts.changed"), &json!(1)));
    let (id, at) = (came.headers["webhook-id"].clone(), came.headers["webhook-timestamp"].parse().unwrap());
    let (secret, at) = (Secret::new(SIGNED_WITH), jiff::Timestamp::from_second(at).unwrap());
    let body = came.body.to_string();
    let signed = sign(&schemes::STANDARD_WEBHOOKS, &secret, Some(&id), at, None, body.as_bytes()).unwrap();
    let signature = signed.iter().find(|(name, _)| name == "webhook-signature").map(|(_, value)| value);
    assert_eq!(signature, came.headers.get("webhook-signature"));
}

#[tokio::test]
async fn a_channel_that_refused_and_takes_a_test_is_well() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    watched.teams(&channel, json!({})).await;
    watched.catalogue("shop").await;
    watched.ended("shop", Some("source_invalid")).await;
    watched.event(&process, "shop").await.unwrap();
    channel.answer(answer(Some(404), None)).unwrap();
    tick(&system, &process).await.unwrap();
    let refusing = async || {
        let open = watched.alerts("?state=open").await;
        open.iter().any(|alert| alert["rule"] == "channel_refusing")
    };
    assert!(refusing().await);
    // A test that fails changes nothing.
    channel.answer(answer(Some(404), None)).unwrap();
    for (status, is_open) in [(500, true), (200, false)] {
        let tested = watched.ask("POST", "integrations/teams/test", Value::Null).await;
        assert_eq!(tested.status, status, "{}", tested.text);
        // The message that was refused is not due before a minute has passed.
        tick_now(&process).await.unwrap();
        assert_eq!(refusing().await, is_open);
    }
}
