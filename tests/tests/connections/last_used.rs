//! Which of two live secrets was used last, and when.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::domain::deliveries::signature::schemes;
use signalbox::domain::time;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Fault, Verdict, Wire, every};

use super::kit::{ask, github, path, put};

const HOOK: &str = "acme/github/hub";
const FIRST: &str = "it-is-a-secret-of-github-0001";
const SECOND: &str = "it-is-a-secret-of-github-0002";

fn push(hooks: &Hooks, secret: &str, id: &str) -> Delivery {
    let (at, body) = (hooks.clock.now(), format!("{{\"of\":\"{id}\"}}"));
    Delivery::signed("/webhooks/github/hub", &schemes::GITHUB, secret, Some(id), at, body)
}

/// A push, from the door to its effect: when it came.
async fn pushed(hooks: &Hooks, secret: &str, id: &str) -> String {
    let at = time::text(hooks.clock.now());
    assert_eq!(hooks.send(&push(hooks, secret, id)).await.status, 200);
    assert_eq!(hooks.work(Queue::Webhooks).await, 1);
    at
}

async fn last_used(hooks: &Hooks) -> Value {
    ask(hooks, "GET", &path(HOOK), Value::Null).await.expect(200)["data"]["secrets"]["lastUsed"].clone()
}

#[tokio::test]
async fn each_secret_says_when_it_was_used_last() {
    let hooks = Hooks::start().await;
    put(&hooks, HOOK, github(FIRST)).await.expect(201);
    assert_eq!(last_used(&hooks).await, json!({"current": null, "previous": null}));
    let first = pushed(&hooks, FIRST, "a").await;
    assert_eq!(last_used(&hooks).await, json!({"current": first, "previous": null}));
    // Noted once in a quarter of an hour.
    hooks.pass(Duration::from_secs(14 * 60));
    pushed(&hooks, FIRST, "b").await;
    assert_eq!(last_used(&hooks).await["current"], json!(first));
    hooks.pass(Duration::from_secs(60));
    let third = pushed(&hooks, FIRST, "c").await;
    assert_eq!(last_used(&hooks).await["current"], json!(third));

    hooks.pass(Duration::from_secs(60));
    ask(&hooks, "POST", &path(&format!("{HOOK}/rotate")), json!({"secret": SECOND})).await.expect(200);
    assert_eq!(last_used(&hooks).await, json!({"current": null, "previous": third}));
    // Once doors know of it, and it is time to note another use.
    hooks.pass(Duration::from_secs(16 * 60));
    let with_previous = pushed(&hooks, FIRST, "d").await;
    assert_eq!(last_used(&hooks).await, json!({"current": null, "previous": with_previous}));
    hooks.pass(Duration::from_secs(1));
    let with_current = pushed(&hooks, SECOND, "e").await;
    assert_eq!(last_used(&hooks).await, json!({"current": with_current, "previous": with_previous}));
    ask(&hooks, "POST", &path(&format!("{HOOK}/rotate")), json!({"dropPrevious": true})).await.expect(200);
    assert_eq!(last_used(&hooks).await, json!({"current": with_current, "previous": null}));
}

#[tokio::test]
async fn a_secret_of_what_could_not_be_applied_is_not_used_yet() {
    let hooks = Hooks::start().await;
    put(&hooks, HOOK, github(FIRST)).await.expect(201);
    assert_eq!(hooks.send(&push(&hooks, FIRST, "a")).await.status, 200);
    let messages = hooks.receive(Queue::Webhooks).await;
    let fault = Wire::when(every("DynamoDB.PutItem"), Verdict::Fail(Fault::Throttled));
    let process = hooks.process(fault).await;
    assert_eq!(process.handle(Queue::Webhooks, &messages).await.unwrap().len(), 1);
    assert_eq!(last_used(&hooks).await["current"], Value::Null);
}

#[tokio::test]
async fn a_use_that_cannot_be_noted_fails_no_delivery_and_is_noted_with_the_next() {
    let hooks = Hooks::start().await;
    put(&hooks, HOOK, github(FIRST)).await.expect(201);
    assert_eq!(hooks.send(&push(&hooks, FIRST, "a")).await.status, 200);
    let messages = hooks.receive(Queue::Webhooks).await;
    let fault =
        Wire::when(every("DynamoDB.UpdateItem").about("ControlTable").up_to(1), Verdict::Fail(Fault::Throttled));
    let process = hooks.process(fault).await;
    assert!(process.handle(Queue::Webhooks, &messages).await.unwrap().is_empty());
    hooks.finish(Queue::Webhooks, &messages, &[]).await;
    assert_eq!(last_used(&hooks).await["current"], Value::Null);
    hooks.pass(Duration::from_secs(1));
    let second = time::text(hooks.clock.now());
    assert_eq!(hooks.send(&push(&hooks, FIRST, "b")).await.status, 200);
    let messages = hooks.receive(Queue::Webhooks).await;
    assert!(process.handle(Queue::Webhooks, &messages).await.unwrap().is_empty());
    hooks.finish(Queue::Webhooks, &messages, &[]).await;
    assert_eq!(last_used(&hooks).await["current"], json!(second));
}
