//! The door of any configured sender, with what GitHub really sends.

use std::path::Path;

use serde_json::{Value, json};
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::Wire;

/// Real bodies with their events; made-up ones where the collection is not at hand.
fn bodies() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let Ok(text) = std::fs::read(root.join("../shared/data/github-webhooks.json")) else {
        println!("the collection of real bodies is not here: made-up ones");
        return (0..200).map(|number| ("ping".into(), json!({"zen": number}).to_string())).collect();
    };
    let all: Vec<Value> = serde_json::from_slice(&text).unwrap();
    all.iter().map(|one| (one["event"].as_str().unwrap().to_owned(), one["body"].to_string())).collect()
}

fn github(id: usize, event: &str, body: &str) -> Delivery {
    Delivery::github(&format!("00000000-0000-0000-0000-{id:012}"), body).header("x-github-event", event)
}

#[tokio::test]
async fn two_hundred_real_bodies_have_two_hundred_effects() {
    let hooks = Hooks::start().await;
    let bodies = bodies();
    assert_eq!(bodies.len(), 200);
    for (id, (event, body)) in bodies.iter().enumerate() {
        let accepted = json!({"ok": true, "status": "accepted"});
        assert_eq!(hooks.send(&github(id, event, body)).await.expect(200), accepted);
    }
    assert_eq!(hooks.work(Queue::Webhooks).await, 200);
    // Delivered again; and captured, and sent again under fresh ids, which GitHub does not sign.
    for (id, (event, body)) in bodies.iter().enumerate() {
        for id in [id, id + 1000] {
            let duplicate = json!({"ok": true, "status": "duplicate"});
            assert_eq!(hooks.send(&github(id, event, body)).await.expect(200), duplicate);
        }
    }
    assert_eq!(hooks.work(Queue::Webhooks).await, 0);
    let kept = hooks.events("acme/github/acme").await;
    assert_eq!(kept.len(), 200);
    for (id, (_, body)) in bodies.iter().enumerate() {
        let key = format!("id:00000000-0000-0000-0000-{id:012}");
        assert!(kept[&key] == body.as_bytes(), "{key} is not kept as it came");
    }
    println!("received 600 = applied {} + duplicate 400 + rejected 0 + dead letter 0", kept.len());
}

#[tokio::test]
async fn a_replay_without_any_id_is_not_applied_either() {
    let hooks = Hooks::start().await;
    let first = github(1, "ping", "{}");
    assert_eq!(hooks.send(&first).await.expect(200)["status"], "accepted");
    // Before it is applied, and after.
    for _ in 0..2 {
        for replay in [first.clone().without("x-github-delivery"), github(2, "ping", "{}")] {
            assert_eq!(hooks.send(&replay).await.expect(200), json!({"ok": true, "status": "duplicate"}));
        }
        hooks.work(Queue::Webhooks).await;
        assert_eq!(hooks.events("acme/github/acme").await.len(), 1);
    }
    // Another connection of another tenant is not concerned, though it has the same secret.
    let other = Delivery { path: "/webhooks/github/globex".into(), ..first };
    assert_eq!(hooks.send(&other).await.expect(200)["status"], "accepted");
    // Nothing of this is a conflict that somebody would have to look at.
    let listed = hooks.ask("GET", "/api/admin/deliveries", None, None).await.expect(200);
    assert_eq!(listed["items"], json!([]));
}

/// The other way round: what came without an id is no other event once somebody gives it one.
#[tokio::test]
async fn a_replay_under_an_id_of_what_had_none_is_not_applied_either() {
    let hooks = Hooks::start().await;
    let first = github(1, "ping", "{}").without("x-github-delivery");
    assert_eq!(hooks.send(&first).await.expect(200)["status"], "accepted");
    for _ in 0..2 {
        for again in [github(1, "ping", "{}"), first.clone()] {
            assert_eq!(hooks.send(&again).await.expect(200)["status"], "duplicate");
        }
        hooks.work(Queue::Webhooks).await;
        assert_eq!(hooks.events("acme/github/acme").await.len(), 1);
    }
}

#[tokio::test]
async fn the_event_s_name_is_kept_with_it() {
    let hooks = Hooks::start().await;
    let delivery = github(1, "check_run", "{}").header("x-request-id", "trace-1");
    assert_eq!(hooks.send(&delivery).await.status, 200);
    hooks.work(Queue::Webhooks).await;
    let record = &hooks.entries("acme/github/acme").await[0];
    assert_eq!((&record["eventType"], &record["correlationId"]), (&json!("check_run"), &json!("trace-1")));
}

#[tokio::test]
async fn what_is_refused_is_kept_and_says_why() {
    let hooks = Hooks::start().await;
    let first = github(1, "ping", "{\"zen\":1}");
    assert_eq!(hooks.send(&first).await.status, 200);
    let unknown = Delivery { path: "/webhooks/github/nobody".into(), ..first.clone() };
    let made_up = Delivery { path: "/webhooks/made-up/name".into(), ..first.clone() };
    for (delivery, status, reason) in [
        (first.clone().without("x-hub-signature-256"), 401, "bad_signature"),
        (first.clone().header("x-hub-signature-256", &format!("sha256={}", "0".repeat(64))), 401, "bad_signature"),
        (github(1, "ping", "{\"zen\":2}"), 409, "conflict"),
        (unknown, 404, "unknown_sender"),
        (made_up, 404, "unknown_sender"),
        (github(2, "ping", &" ".repeat(901 * 1024)), 413, "too_large"),
    ] {
        let answer = hooks.send(&delivery).await.expect(status);
        assert_eq!((&answer["ok"], &answer["error"]), (&json!(false), &json!(reason)));
        let listed = hooks.ask("GET", "/api/admin/deliveries?limit=1", None, None).await.expect(200);
        assert_eq!(listed["items"][0]["reason"], reason, "{listed}");
        let source = listed["items"][0]["id"].as_str().unwrap().split('#').next().unwrap();
        let expected = match reason {
            "unknown_sender" => "unknown",
            "conflict" => "github/acme:proved",
            _ => "github/acme",
        };
        assert_eq!(source, expected);
        hooks.pass(std::time::Duration::from_secs(1));
    }
    hooks.work(Queue::Webhooks).await;
    assert_eq!(hooks.events("acme/github/acme").await.len(), 1);
}

/// Bytes that a queue does not take travel in base64, and there is room for less of them.
#[tokio::test]
async fn a_body_of_any_bytes_arrives_or_is_refused_for_good() {
    let hooks = Hooks::start().await;
    let bytes = |count: usize| (0..count).map(|index| (index % 251) as u8).collect::<Vec<u8>>();
    for (id, body) in [(1, bytes(700 * 1024)), (2, Vec::new()), (3, "\u{FFFF}".into()), (4, bytes(10))] {
        let delivery = Delivery::github(&id.to_string(), body.clone()).header("content-type", "application/x-protobuf");
        assert_eq!(hooks.send(&delivery).await.status, 200, "{id}");
        hooks.work(Queue::Webhooks).await;
        assert!(hooks.events("acme/github/acme").await[&format!("id:{id}")] == body, "{id}");
    }
    let delivery = Delivery::github("5", bytes(900 * 1024)).header("content-type", "application/x-protobuf");
    assert_eq!(hooks.send(&delivery).await.status, 413);
}

#[tokio::test]
async fn a_sender_whose_secret_cannot_be_used_is_told_to_come_again() {
    let hooks = Hooks::start().await;
    let senders = json!([{"provider": "stripe", "connection": "shop", "scheme": "standard-webhooks", "secrets": ["whsec_no base64"]}]);
    let process = hooks.process_with(Wire::whole(), &[("WEBHOOK_SENDERS", &senders.to_string())]).await;
    let delivery = Delivery::unsigned("/webhooks/stripe/shop", "{}")
        .header("webhook-id", "m")
        .header("webhook-timestamp", &hooks.clock.now().as_second().to_string())
        .header("webhook-signature", &format!("v1,{}=", "A".repeat(43)));
    assert_eq!(process.send(&delivery).await.unwrap().status, 503);
}
