//! Doors read connections from the table: at once, through a cache that forgets in time, and never as "unknown" what they could
//! not read.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use signalbox::domain::connections::stored::ConnectionState;
use signalbox::domain::deliveries::signature::schemes;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::process::Process;
use signalbox_tests::wire::{Fault, Verdict, Wire, every, first};

use crate::connections::desk::Desk;

const READ: &str = "DynamoDB.GetItem";
const DECRYPT: &str = "KMS.Decrypt";

/// A webhook of GitHub to this path, signed with this secret.
fn github(path: &str, secret: &str, id: &str) -> Delivery {
    let at = Timestamp::UNIX_EPOCH;
    Delivery::signed(path, &schemes::GITHUB, secret, Some(id), at, "{}").header("x-github-delivery", id)
}

async fn status(process: &Process, delivery: &Delivery) -> u16 {
    process.send(delivery).await.unwrap().status
}

/// The reads that a process has made so far.
fn reads(process: &Process) -> Vec<String> {
    process.wire().calls().into_iter().filter(|call| [READ, DECRYPT].contains(&call.as_str())).collect()
}

#[tokio::test]
async fn a_sender_of_the_table_is_let_in_and_read_once_in_half_a_minute() {
    let hooks = Hooks::start().await;
    let desk = Desk::new(&hooks);
    desk.put("acme/github/shop", json!({}), Some("a secret of the shop")).await;
    let process = hooks.process(Wire::whole()).await;
    let send = |id: usize| github("/webhooks/github/shop", "a secret of the shop", &id.to_string());
    assert_eq!(status(&process, &send(0)).await, 200);
    // The address, the connection, and its data key.
    assert_eq!(reads(&process), [READ, READ, DECRYPT]);
    hooks.pass(Duration::from_secs(29));
    assert_eq!(status(&process, &send(1)).await, 200);
    assert_eq!(reads(&process).len(), 3, "nothing is read again");
    hooks.pass(Duration::from_secs(1));
    assert_eq!(status(&process, &send(2)).await, 200);
    assert_eq!(reads(&process)[3..], [READ, READ], "its data key is kept for an hour");
    let entries = hooks.entries("acme/github/shop").await.len();
    assert_eq!(entries, 0, "they wait for the worker");
}

#[tokio::test]
async fn a_secret_that_is_replaced_is_out_after_half_a_minute() {
    let hooks = Hooks::start().await;
    let desk = Desk::new(&hooks);
    desk.put("acme/github/shop", json!({}), Some("the first secret")).await;
    let process = hooks.process(Wire::whole()).await;
    let path = "/webhooks/github/shop";
    assert_eq!(status(&process, &github(path, "the first secret", "1")).await, 200);
    desk.put("acme/github/shop", json!({}), Some("the second secret")).await;
    hooks.pass(Duration::from_secs(30));
    assert_eq!(status(&process, &github(path, "the first secret", "2")).await, 401);
    assert_eq!(status(&process, &github(path, "the second secret", "3")).await, 200);
}

#[tokio::test]
async fn a_secret_that_was_made_just_now_is_good_at_once_and_forged_signatures_read_no_more_for_it() {
    let hooks = Hooks::start().await;
    let desk = Desk::new(&hooks);
    desk.put("acme/github/shop", json!({}), Some("the first secret")).await;
    desk.put("acme/pos/demo", json!({}), Some("the first secret")).await;
    let process = hooks.process(Wire::whole()).await;
    let sent = |secret: &str, id: &str| {
        let sale = Delivery::signed("/pos/demo/ingest", &schemes::POS, secret, None, Timestamp::UNIX_EPOCH, "{}");
        let sale = sale.header("x-tenant-id", "acme").header("idempotency-key", id);
        [(github("/webhooks/github/shop", secret, id), 401, 2), (sale, 403, 1)]
    };
    for (first, ..) in sent("the first secret", "1") {
        assert!(status(&process, &first).await < 300);
    }
    for name in ["acme/github/shop", "acme/pos/demo"] {
        desk.put(name, json!({}), Some("the second secret")).await;
    }
    for (second, refused, _) in sent("the second secret", "2") {
        assert_eq!(status(&process, &second).await, refused, "it was read a moment ago");
    }
    hooks.pass(Duration::from_secs(2));
    for (second, ..) in sent("the second secret", "2") {
        let at_once = futures::future::join_all([status(&process, &second), status(&process, &second)]).await;
        assert!(at_once.iter().all(|status| *status < 300), "{}: {at_once:?}", second.path);
    }
    for reads_again in [0, 1] {
        for (forged, refused, once) in sent("a guess", "3") {
            let before = process.wire().calls().iter().filter(|call| *call == READ).count();
            let answers = futures::future::join_all((0..20).map(|_| status(&process, &forged))).await;
            assert!(answers.iter().all(|status| *status == refused), "{}: {answers:?}", forged.path);
            let read = process.wire().calls().iter().filter(|call| *call == READ).count() - before;
            assert_eq!(read, reads_again * once, "{}", forged.path);
        }
        hooks.pass(Duration::from_secs(2));
    }
}

#[tokio::test]
async fn who_cannot_be_read_again_is_refused_by_what_is_known_and_nobody_is_held_up() {
    let hooks = Hooks::start().await;
    let desk = Desk::new(&hooks);
    desk.put("acme/github/shop", json!({}), Some("the first secret")).await;
    let process = hooks.process(Wire::when(every(READ).from(3), Verdict::Fail(Fault::Unreachable))).await;
    let path = "/webhooks/github/shop";
    assert_eq!(status(&process, &github(path, "the first secret", "1")).await, 200);
    hooks.pass(Duration::from_secs(2));
    assert_eq!(status(&process, &github(path, "a guess", "2")).await, 401);
    let before = process.wire().calls().iter().filter(|call| *call == READ).count();
    assert_eq!(status(&process, &github(path, "a guess", "3")).await, 401);
    assert_eq!(process.wire().calls().iter().filter(|call| *call == READ).count(), before);
    assert_eq!(status(&process, &github(path, "the first secret", "4")).await, 200);
}

#[tokio::test]
async fn one_who_is_not_known_is_asked_for_once_in_five_seconds_and_found_afterwards() {
    let hooks = Hooks::start().await;
    let desk = Desk::new(&hooks);
    let process = hooks.process(Wire::whole()).await;
    let send = |id: &str| github("/webhooks/github/shop", "a secret of the shop", id);
    assert_eq!([status(&process, &send("1")).await, status(&process, &send("1")).await], [404; 2]);
    assert_eq!(reads(&process), [READ]);
    desk.put("acme/github/shop", json!({}), Some("a secret of the shop")).await;
    hooks.pass(Duration::from_secs(5));
    assert_eq!(status(&process, &send("1")).await, 200);
    // Names that no connection can have are not asked for.
    let before = reads(&process).len();
    for path in ["/webhooks/github/sh%20op", "/webhooks/pos/demo", "/webhooks/catalogue/moscot"] {
        assert_eq!(status(&process, &github(path, "a secret of the shop", "1")).await, 404, "{path}");
    }
    assert_eq!(reads(&process).len(), before);
}

/// A delivery over a connection of each provider.
fn of_each_provider(id: &str) -> [(Delivery, Vec<&'static str>); 3] {
    let pos =
        Delivery::signed("/pos/demo/ingest", &schemes::POS, "a secret of the shop", None, Timestamp::UNIX_EPOCH, "{}");
    let data = json!({"id": "p", "sku": "A", "updated_date": "2026-01-15T12:00:00Z", "onhand": 5});
    let stock = json!({"event_id": id, "connection_id": "conn-9", "event_type": "inventory.updated", "data": data});
    [
        (github("/webhooks/github/shop", "a secret of the shop", id), vec![READ, READ, DECRYPT]),
        (pos.header("x-tenant-id", "acme").header("idempotency-key", id), vec![READ, DECRYPT]),
        (Delivery::trackstar("/inventory", &stock), vec![READ, READ]),
    ]
}

#[tokio::test]
async fn a_second_delivery_within_half_a_minute_makes_no_read_at_any_door() {
    let hooks = Hooks::start().await;
    let desk = Desk::new(&hooks);
    desk.put("acme/github/shop", json!({}), Some("a secret of the shop")).await;
    desk.put("acme/pos/demo", json!({}), Some("a secret of the shop")).await;
    desk.put("acme/trackstar/west", json!({"connectionId": "conn-9"}), None).await;
    let process = hooks.process(Wire::whole()).await;
    let mut expected = Vec::new();
    for (delivery, first) in of_each_provider("1") {
        assert!(status(&process, &delivery).await < 300, "{}", delivery.path);
        expected.extend(first);
        assert_eq!(reads(&process), expected, "{}", delivery.path);
    }
    hooks.pass(Duration::from_secs(29));
    for (delivery, _) in of_each_provider("2") {
        assert!(status(&process, &delivery).await < 300, "{}", delivery.path);
        assert_eq!(reads(&process), expected, "{}", delivery.path);
    }
}

#[tokio::test]
async fn a_flood_of_names_that_nobody_has_costs_a_read_a_name_and_nothing_of_those_who_are_known() {
    let hooks = Hooks::start().await;
    Desk::new(&hooks).put("acme/github/shop", json!({}), Some("a secret of the shop")).await;
    let process = hooks.process(Wire::whole()).await;
    let known = |id: &str| github("/webhooks/github/shop", "a secret of the shop", id);
    assert_eq!(status(&process, &known("1")).await, 200);
    let before = reads(&process).len();
    // Half of them at senders' paths, and half at points of sale.
    let names = (0..40).map(|number| match number % 2 {
        0 => github(&format!("/webhooks/github/nobody-{number}"), "a secret", "1"),
        _ => {
            let path = format!("/pos/nobody-{number}/ingest");
            Delivery { path, ..Delivery::pos("acme", "{}").without("x-webhook-signature") }
        }
    });
    let flood: Vec<Delivery> = names.flat_map(|delivery| [delivery.clone(), delivery.clone(), delivery]).collect();
    for _ in 0..2 {
        // A few at once: more would wait for one another on a busy machine until the SDK's own time is over.
        for at_once in flood.chunks(6) {
            let answers = futures::future::join_all(at_once.iter().map(|delivery| status(&process, delivery))).await;
            assert!(answers.iter().all(|status| [401, 404].contains(status)), "{answers:?}");
        }
        assert_eq!(reads(&process).len() - before, 40);
    }
    assert_eq!(status(&process, &known("2")).await, 200);
    assert_eq!(reads(&process).len() - before, 40, "who is known is not read again for it");
}

/// Sends to a source of this tenant, and half a second passes while its read is held: 503.
async fn held_up(hooks: &Hooks, process: &Process, tenant: &str) {
    let delivery = Delivery::pos(tenant, "{}");
    let mut sending = std::pin::pin!(process.send(&delivery));
    tokio::select! {
        answer = &mut sending => panic!("{answer:?} before anything hung"),
        () = process.wire().held() => hooks.pass(Duration::from_millis(500)),
    }
    assert_eq!(sending.await.unwrap().status, 503);
}

#[tokio::test]
async fn a_table_that_hangs_holds_two_callers_for_half_a_second_and_nobody_for_the_next() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::when(every(READ), Verdict::Hold)).await;
    for tenant in ["t1", "t2"] {
        held_up(&hooks, &process, tenant).await;
        assert_eq!(status(&process, &Delivery::pos(tenant, "{}")).await, 503, "it is not asked for again");
    }
    // Under whatever name: nothing is read.
    assert_eq!(status(&process, &Delivery::pos("t3", "{}")).await, 503);
    assert_eq!(reads(&process), [READ, READ]);
    // A second later one is asked for, and then nobody again.
    hooks.pass(Duration::from_secs(1));
    held_up(&hooks, &process, "t4").await;
    assert_eq!(status(&process, &Delivery::pos("t5", "{}")).await, 503);
    assert_eq!(reads(&process).len(), 3);
}

#[tokio::test]
async fn one_slow_read_turns_nobody_else_away() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::when(first(READ), Verdict::Hold)).await;
    held_up(&hooks, &process, "t1").await;
    for tenant in ["t2", "t3"] {
        assert_eq!(status(&process, &Delivery::pos(tenant, "{}")).await, 201, "{tenant}");
    }
    // What went well ends it for the first one too.
    assert_eq!(status(&process, &Delivery::pos("t1", "{}")).await, 201);
}

#[tokio::test]
async fn a_connection_that_is_paused_or_gone_takes_nothing_in() {
    let hooks = Hooks::start().await;
    let desk = Desk::new(&hooks);
    let stored = desk.put("acme/github/shop", json!({}), Some("a secret of the shop")).await;
    let process = hooks.process(Wire::whole()).await;
    let send = |id: &str| github("/webhooks/github/shop", "a secret of the shop", id);
    assert_eq!(status(&process, &send("1")).await, 200);
    let paused = ConnectionState::Paused { by: "ada".into(), why: "moving".into(), since: hooks.clock.now() };
    let paused = stored.in_state(paused, desk.change());
    let address = ["webhooks/github/shop".to_owned()];
    desk.store.put(Some(&stored), &paused, &address, &address).await.unwrap();
    hooks.pass(Duration::from_secs(30));
    let answer = process.send(&send("2")).await.unwrap();
    assert!(answer.status == 404 && answer.text.contains("paused"), "{} {}", answer.status, answer.text);
    desk.store.delete(&paused, &address, None).await.unwrap();
    hooks.pass(Duration::from_secs(30));
    assert_eq!(status(&process, &send("3")).await, 404);
    let page =
        hooks.ask("GET", "/api/admin/deliveries?status=unknown_sender", Some(&hooks.operator("default")), None).await;
    assert_eq!(page.body["items"].as_array().unwrap().len(), 2, "{}", page.text);
}

#[tokio::test]
async fn a_source_with_a_secret_of_its_own_takes_no_other() {
    let hooks = Hooks::start().await;
    let desk = Desk::new(&hooks);
    desk.put("t1/pos/demo", json!({}), Some("a secret of this source alone")).await;
    let process = hooks.process(Wire::whole()).await;
    let own = |tenant: &str| {
        let at = jiff::Timestamp::UNIX_EPOCH;
        let delivery =
            Delivery::signed("/pos/demo/ingest", &schemes::POS, "a secret of this source alone", None, at, "{}");
        delivery.header("x-tenant-id", tenant)
    };
    assert_eq!(status(&process, &own("t1")).await, 201);
    assert_eq!(status(&process, &own("t2")).await, 403, "another tenant's source of that name has the deployment's");
    assert_eq!(status(&process, &Delivery::pos("t1", "{\"n\":1}")).await, 403, "the deployment's is not this source's");
    assert_eq!(status(&process, &Delivery::pos("t2", "{\"n\":1}")).await, 201);
}

#[tokio::test]
async fn a_link_of_the_table_is_found_by_the_id_that_a_verified_body_names() {
    let hooks = Hooks::start().await;
    let desk = Desk::new(&hooks);
    desk.put("initech/trackstar/west", json!({"connectionId": "conn-9"}), None).await;
    let process = hooks.process(Wire::whole()).await;
    let stock = |connection: &str| {
        let data = json!({"id": "p", "sku": "A", "updated_date": "2026-01-15T12:00:00Z", "onhand": 5});
        json!({"connection_id": connection, "event_type": "inventory.updated", "data": data})
    };
    let forged = Delivery::trackstar("/inventory", &stock("conn-9")).header("x-trackstar-signature", &"0".repeat(64));
    assert!(status(&process, &forged).await >= 400);
    assert_eq!(reads(&process), [""; 0], "nothing is read of what is not verified");
    assert_eq!(status(&process, &Delivery::trackstar("/inventory", &stock("conn-9"))).await, 200);
    assert_eq!(reads(&process), [READ, READ]);
    assert!(status(&process, &Delivery::trackstar("/inventory", &stock("conn-10"))).await >= 400);
}
