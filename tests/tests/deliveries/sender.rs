//! The door of any configured sender, with what GitHub really sends.

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox::domain::deliveries::signature::schemes;
use signalbox_tests::deliveries::delivery::{Delivery, GITHUB_SECRET, TRACKSTAR_SECRET};
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::process::Process;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Fault, Verdict, Wire, every};

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
    // Delivered again; and captured, and sent again under fresh ids, which GitHub does not sign. Before any of these is handled each
    // has a message, and after that none.
    for messages in [400, 0] {
        for (id, (event, body)) in bodies.iter().enumerate() {
            for id in [id, id + 1000] {
                let duplicate = json!({"ok": true, "status": "duplicate"});
                assert_eq!(hooks.send(&github(id, event, body)).await.expect(200), duplicate);
            }
        }
        assert_eq!(hooks.work(Queue::Webhooks).await, messages);
    }
    let kept = hooks.events("acme/github/acme").await;
    assert_eq!(kept.len(), 200);
    for (id, (_, body)) in bodies.iter().enumerate() {
        let key = format!("id:00000000-0000-0000-0000-{id:012}");
        assert!(kept[&key] == body.as_bytes(), "{key} is not kept as it came");
    }
    println!("received 1000 = applied {} + duplicate 800 + rejected 0 + dead letter 0", kept.len());
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
    // One without an id has no name of its own; the other may be an event of its own.
    let listed = hooks.ask("GET", "/api/admin/deliveries", None, None).await.expect(200);
    let reasons: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|item| &item["reason"]).collect();
    assert_eq!(reasons, ["same_body"; 2]);
}

/// Two manual deploys have byte-equal bodies, and GitHub does not sign its ids. The second can be found with its reason, and is let in
/// once the operator says that the ids of this sender tell deliveries apart.
#[tokio::test]
async fn a_body_that_comes_under_another_id_is_kept_and_let_in_where_ids_tell_deliveries_apart() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let (one, two) = (github(1, "workflow_dispatch", "{}"), github(2, "workflow_dispatch", "{}"));
    for (delivery, status) in [(&one, "accepted"), (&two, "duplicate"), (&one, "duplicate")] {
        assert_eq!(process.send(delivery).await.unwrap().expect(200)["status"], status);
    }
    hooks.work(Queue::Webhooks).await;
    let list = async || hooks.ask("GET", "/api/admin/deliveries", None, None).await.expect(200)["items"].clone();
    let [kept] = list().await.as_array().unwrap().clone().try_into().unwrap();
    assert_eq!((&kept["id"], &kept["reason"]), (&json!("github/acme:acknowledged#1"), &json!("same_body")));
    let detail = kept["detail"].as_str().unwrap();
    assert!(detail.contains("00000000-0000-0000-0000-000000000001"), "{detail}");
    assert!(detail.contains("00000000-0000-0000-0000-000000000002"), "{detail}");
    assert_eq!((&kept["tenant"], &kept["hasBody"]), (&json!("acme"), &json!(true)));

    let token = hooks.operator("default");
    let verify = async |process: &Process| {
        let id = Some(json!({"id": "github/acme:acknowledged#1"}));
        let answer = process.ask("sync-control", "POST", "/api/admin/deliveries/verify", &token, id).await;
        answer.unwrap().expect(200)["status"].clone()
    };
    assert_eq!(verify(&process).await, "duplicate");
    assert_eq!(
        (hooks.work(Queue::Webhooks).await, &list().await[0]["status"]),
        (0, &json!("rejected")),
        "it still counts as the first"
    );
    let sender = json!([{"provider": "github", "connection": "acme", "tenant": "acme", "scheme": "github",
        "secrets": [GITHUB_SECRET], "unsignedIdIsKey": true}]);
    let told_apart = hooks.process_with(Wire::whole(), &[("WEBHOOK_SENDERS", &sender.to_string())]).await;
    verify(&told_apart).await;
    hooks.work(Queue::Webhooks).await;
    assert_eq!((hooks.events("acme/github/acme").await.len(), &list().await[0]["status"]), (2, &json!("admitted")));
    // From then on at once; the same id is the same event still, and with another body a conflict.
    let three = github(3, "workflow_dispatch", "{}");
    for (delivery, status) in [(&three, "accepted"), (&three, "duplicate"), (&two, "duplicate"), (&one, "duplicate")] {
        assert_eq!(told_apart.send(delivery).await.unwrap().expect(200)["status"], status);
    }
    assert_eq!(told_apart.send(&github(3, "workflow_dispatch", "[]")).await.unwrap().status, 409);
    hooks.work(Queue::Webhooks).await;
    assert_eq!(hooks.events("acme/github/acme").await.len(), 3);
}

/// Its sender is told of success, so nobody sends it again.
#[tokio::test]
async fn all_that_come_under_other_ids_are_kept_and_counted_as_the_duplicates_they_are_answered_as() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let body = format!("{{\"pad\":\"{}\"}}", "x".repeat(40 * 1024));
    for id in 1..=30 {
        assert_eq!(process.send(&github(id, "ping", &body)).await.unwrap().status, 200);
    }
    let listed = hooks.ask("GET", "/api/admin/deliveries?status=same_body&limit=200", None, None).await.expect(200);
    let items = listed["items"].as_array().unwrap();
    assert_eq!((items.len(), items.iter().all(|item| item["hasBody"] == true)), (29, true));
    // The counters in memory are written with the next request after a second.
    hooks.pass(std::time::Duration::from_secs(1));
    assert_eq!(process.send(&github(1, "ping", &body)).await.unwrap().status, 200);
    let metrics = hooks.ask("GET", "/metrics", None, None).await.text;
    assert!(metrics.contains("ingest_dedup_total{source=\"github/acme\"} 30"), "{metrics}");
    assert!(!metrics.contains("ingest_rejected_total{"), "{metrics}");
}

/// What was told of success and could not be kept would be gone.
#[tokio::test]
async fn one_under_another_id_that_cannot_be_kept_is_sent_again() {
    let hooks = Hooks::start().await;
    assert_eq!(hooks.send(&github(1, "ping", "{}")).await.status, 200);
    let failing = Wire::when(every("DynamoDB.UpdateItem"), Verdict::Fail(Fault::ServerError));
    let process = hooks.process(failing).await;
    assert_eq!(process.send(&github(2, "ping", "{}")).await.unwrap().status, 500);
}

/// Slack registers no URL that does not echo what it signed.
#[tokio::test]
async fn slack_s_challenge_is_echoed_and_is_no_event() {
    let all = json!([
        {"provider": "slack", "connection": "a", "tenant": "t1", "scheme": "slack", "secrets": ["secret"]},
        {"provider": "other", "connection": "a", "tenant": "t1", "scheme": "hookdeck", "secrets": ["secret"]},
    ]);
    let hooks = Hooks::with(&[("WEBHOOK_SENDERS", &all.to_string())]).await;
    let slack =
        |body: &str| Delivery::signed("/webhooks/slack/a", &schemes::SLACK, "secret", None, hooks.clock.now(), body);
    let asked = r#"{"type":"url_verification","token":"t","challenge":"c-3eZbrw"}"#;
    let echoed = json!({"challenge": "c-3eZbrw"});
    let marked = format!("\u{FEFF}{asked}");
    for body in [asked, asked, &marked, r#"{"challenge" : "c-3eZbrw", "type" : "url_verification"}"#] {
        assert_eq!(hooks.send(&slack(body)).await.expect(200), echoed, "{body}");
    }
    let forged = slack(asked).header("x-slack-signature", &format!("v0={}", "0".repeat(64)));
    assert_eq!(hooks.send(&forged).await.status, 401);
    let late = Delivery::signed("/webhooks/slack/a", &schemes::SLACK, "secret", None, Timestamp::UNIX_EPOCH, asked);
    assert_eq!(hooks.send(&late).await.status, 401);
    assert_eq!(hooks.work(Queue::Webhooks).await, 0);
    assert!(hooks.items("DELIVERIES_TABLE", "t1/").await.is_empty(), "nothing is claimed");
    // All else is an event, and so is the same of a sender that has no such question.
    let long = asked.replace("c-3eZbrw", &"c".repeat(1025));
    for body in [&long, r#"{"type":"event_callback","challenge":"c"}"#, r#"{"type":"url_verification"}"#, "[]"] {
        assert_eq!(hooks.send(&slack(body)).await.expect(200)["status"], "accepted", "{body}");
    }
    let at = hooks.clock.now();
    let other = Delivery::signed("/webhooks/other/a", &schemes::HOOKDECK, "secret", None, at, asked);
    assert_eq!(hooks.send(&other).await.expect(200)["status"], "accepted");
}

/// Which bytes a signature covers of a compressed body differs from sender to sender, and the header is not signed.
#[tokio::test]
async fn a_compressed_body_is_refused_by_name() {
    let hooks = Hooks::start().await;
    let stock = json!({"connection_id": "conn-1", "event_type": "inventory.updated", "data": {}});
    let doors =
        [Delivery::github("1", "\x1f\u{8b}"), Delivery::pos("t1", "{}"), Delivery::trackstar("/inventory", &stock)];
    for delivery in doors {
        for encoding in ["gzip", "GZIP", "br", "deflate", "zstd", "x-gzip", "identity, gzip"] {
            let answer = hooks.send(&delivery.clone().header("content-encoding", encoding)).await;
            let named = encoding.rsplit(' ').next().unwrap().to_lowercase();
            assert_eq!(answer.status, 400, "{encoding}: {}", answer.text);
            assert!(answer.text.contains(&format!("content-encoding: {named}")), "{encoding}: {}", answer.text);
        }
    }
    // Who did not sign it is told of that first; what could not be verified may have been signed before it was compressed.
    let sale = Delivery::pos("t1", "{}").header("content-encoding", "gzip");
    assert_eq!(hooks.send(&sale.clone().without("x-webhook-signature")).await.status, 401);
    assert_eq!(hooks.send(&sale.header("x-webhook-signature", &"0".repeat(64))).await.status, 403);
    let listed = hooks.ask("GET", "/api/admin/deliveries?status=bad_signature", None, None).await.expect(200);
    let details = listed["items"].as_array().unwrap().iter().map(|item| item["detail"].as_str().unwrap());
    assert_eq!(details.map(|detail| detail.contains("content-encoding: gzip")).collect::<Vec<_>>(), [true, false]);
    // Without the header it is what it is: JSON is asked for by some doors, and what else it is, is said.
    let gzip = Delivery::pos("t1", b"\x1f\x8b\x08\x00".to_vec());
    assert!(hooks.send(&gzip).await.expect(400)["message"].as_str().unwrap().contains("gzip"));
    // What names no compression is none.
    for encoding in ["identity", "utf-8", ""] {
        let delivery = Delivery::pos("t1", "{}").header("content-encoding", encoding);
        assert!(hooks.send(&delivery).await.status < 300, "{encoding}");
    }
}

/// It is signed with the rest, and passed over where the rest is read.
#[tokio::test]
async fn a_byte_order_mark_before_a_body_is_passed_over_at_every_door() {
    let hooks = Hooks::start().await;
    let marked = |body: &str| format!("\u{FEFF}{body}");
    let sale = r#"{"sku":"A"}"#;
    assert_eq!(hooks.send(&Delivery::pos("t1", marked(sale))).await.status, 201);
    assert_eq!(hooks.send(&Delivery::pos("t1", sale)).await.status, 204, "it says nothing");
    let unsigned = Delivery { body: marked(sale).into(), ..Delivery::pos("t1", sale) };
    assert_eq!(hooks.send(&unsigned).await.status, 403, "it is signed");
    let twice = Delivery::pos("t1", marked(&marked(sale)));
    assert_eq!(hooks.send(&twice).await.status, 400);
    let data = json!({"id": "p", "sku": "A", "updated_date": "2026-01-15T12:00:00Z", "onhand": 5});
    let stock = json!({"connection_id": "conn-1", "event_type": "inventory.updated", "event_id": "e-1", "data": data});
    let at = Timestamp::UNIX_EPOCH;
    let path = "/api/webhooks/trackstar/inventory";
    let body = marked(&stock.to_string());
    let stock = Delivery::signed(path, &schemes::PACKR, TRACKSTAR_SECRET, None, at, body);
    assert_eq!(hooks.send(&stock).await.status, 200);
    hooks.work(Queue::Webhooks).await;
    let kept: Vec<Vec<u8>> = hooks.events("t1/pos/demo").await.into_values().collect();
    assert_eq!(kept, [marked(sale).into_bytes()], "it is kept as it came");
    assert_eq!(hooks.items("RECORDS_TABLE", "acme/trackstar/north/inventory").await.len(), 1);
    assert_eq!(hooks.items("DELIVERIES_TABLE", "acme/trackstar/north#id:e-1").await.len(), 1, "its id is found");
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
