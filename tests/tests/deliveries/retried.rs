//! A sender's own retry whose envelope moved: a counter, the list of earlier attempts. Where the signature covers the id, it is the
//! same event, whatever became of its first attempt.

use serde_json::{Value, json};
use signalbox::domain::deliveries::signature::{Scheme, schemes};
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::process::Crashed;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Fault, Verdict, Wire, at, every};

use super::driver::Driver;

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const LIST: &str = "/api/admin/deliveries";

/// Senders that sign their ids, each in another place.
const PROVIDERS: [&str; 6] = ["stripe", "standard", "svix", "slack", "mux", "erp"];

fn scheme(provider: &str) -> Value {
    match provider {
        "stripe" => json!("stripe"),
        "standard" => json!("standard-webhooks"),
        "svix" => json!("svix"),
        "slack" => json!("slack"),
        "mux" => json!({"header": "x-mux", "idField": "id"}),
        _ => json!({"header": "x-erp", "idHeader": "x-erp-id", "template": "{id}.{body}"}),
    }
}

fn senders(secret: &str, more: &Value) -> String {
    let sender = |provider: &str| json!({"provider": provider, "connection": "a", "tenant": "t1", "scheme": scheme(provider), "secrets": [secret]});
    let mut all: Vec<Value> = PROVIDERS.into_iter().map(sender).collect();
    for sender in &mut all {
        sender.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    }
    json!(all).to_string()
}

async fn system() -> Hooks {
    Hooks::with(&[("WEBHOOK_SENDERS", &senders(SECRET, &json!({})))]).await
}

/// One attempt: the id is the same each time, and the envelope is not.
fn attempt(hooks: &Hooks, provider: &str, id: &str, number: usize) -> Delivery {
    let body = format!(
        "{{\"id\":\"{id}\",\"event_id\":\"{id}\",\"type\":\"invoice.paid\",\"data\":{{\"n\":1}},\"pending_webhooks\":{number},\"attempts\":[{}]}}",
        vec!["500"; number].join(",")
    );
    let scheme = Scheme::from_json(&scheme(provider).to_string()).unwrap();
    Delivery::signed(&format!("/webhooks/{provider}/a"), &scheme, SECRET, Some(id), hooks.clock.now(), body)
}

async fn told(hooks: &Hooks, delivery: &Delivery) -> String {
    hooks.send(delivery).await.expect(200)["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn it_is_a_duplicate_before_its_effect_and_after() {
    let hooks = system().await;
    for provider in PROVIDERS {
        let of = format!("t1/{provider}/a");
        assert_eq!(told(&hooks, &attempt(&hooks, provider, "evt_77", 2)).await, "accepted", "{provider}");
        assert_eq!(told(&hooks, &attempt(&hooks, provider, "evt_77", 1)).await, "duplicate", "{provider}");
        hooks.work(Queue::Webhooks).await;
        assert_eq!(told(&hooks, &attempt(&hooks, provider, "evt_77", 0)).await, "duplicate", "{provider}");
        assert_eq!(hooks.work(Queue::Webhooks).await, 0, "{provider}");
        assert_eq!(hooks.events(&of).await.len(), 1, "{provider}");
        // Another id is another event.
        assert_eq!(told(&hooks, &attempt(&hooks, provider, "evt_78", 2)).await, "accepted", "{provider}");
    }
    let listed = hooks.ask("GET", LIST, None, None).await.expect(200);
    assert_eq!(listed["items"], json!([]), "nobody has to look at any of them");
}

/// The body that came last is sent on: it was verified a moment ago, and a claim keeps none.
#[tokio::test]
async fn it_has_its_effect_where_the_first_attempt_died_before_the_queue() {
    for provider in PROVIDERS {
        let hooks = system().await;
        let dying = hooks.process(Wire::when(every("SQS.SendMessage"), Verdict::KillBefore)).await;
        assert_eq!(dying.send(&attempt(&hooks, provider, "evt_9", 2)).await, Err(Crashed));
        let second = attempt(&hooks, provider, "evt_9", 1);
        assert_eq!(told(&hooks, &second).await, "duplicate", "{provider}");
        assert_eq!(hooks.work(Queue::Webhooks).await, 1, "{provider}");
        assert_eq!(hooks.events(&format!("t1/{provider}/a")).await["id:evt_9"], second.body, "{provider}");
    }
}

#[tokio::test]
async fn a_crash_anywhere_with_an_envelope_that_changes_on_every_retry_leaves_one_effect() {
    for provider in ["stripe", "svix"] {
        let undisturbed = system().await;
        let first = undisturbed.process(Wire::whole()).await;
        first.send(&attempt(&undisturbed, provider, "evt_1", 0)).await.unwrap();
        first.handle(Queue::Webhooks, &undisturbed.receive(Queue::Webhooks).await).await.unwrap();
        let calls = first.wire().calls();
        assert_eq!(
            calls.len(),
            8,
            "whether it is paused, claim, message, where its list is, effect, use of the secret, two counts: {calls:?}"
        );
        for (number, call) in calls.iter().enumerate() {
            for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
                let hooks = system().await;
                let mut driver = Driver::start(&hooks, Wire::when(at(number), verdict), Wire::whole).await;
                let here = format!("{provider}: {verdict:?} of call {number} ({call})");
                assert_eq!(driver.send_each(|number| attempt(&hooks, provider, "evt_1", number)).await, 200, "{here}");
                // Once more before it is applied, so that two bodies of one event are in the queue; and after.
                assert_eq!(driver.send(&attempt(&hooks, provider, "evt_1", 7)).await, 200, "{here}");
                driver.work(Queue::Webhooks).await;
                assert_eq!(driver.send(&attempt(&hooks, provider, "evt_1", 8)).await, 200, "{here}");
                driver.work(Queue::Webhooks).await;
                let (events, letters) =
                    (hooks.events(&format!("t1/{provider}/a")).await, hooks.work(Queue::DeadLetters).await);
                assert_eq!((events.len(), letters, driver.crashes), (1, 0, 1), "{here}");
                let listed = hooks.ask("GET", LIST, None, None).await.expect(200);
                assert_eq!(listed["items"], json!([]), "{here}");
            }
        }
    }
}

/// What was refused for a wrong secret, and let in once it is right: by then the sender has come through with another envelope, or
/// died before the queue with one.
#[tokio::test]
async fn verifying_again_goes_by_the_same_rule() {
    for died in [false, true] {
        let hooks = system().await;
        let token = hooks.operator("default");
        let other = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItMA==";
        let wrong = hooks.process_with(Wire::whole(), &[("WEBHOOK_SENDERS", &senders(other, &json!({})))]).await;
        for provider in PROVIDERS {
            assert_eq!(wrong.send(&attempt(&hooks, provider, "evt_5", 3)).await.unwrap().status, 401);
            hooks.pass(std::time::Duration::from_secs(1));
            let next = attempt(&hooks, provider, "evt_5", 2);
            if died {
                let dying = hooks.process(Wire::when(every("SQS.SendMessage"), Verdict::KillBefore)).await;
                assert_eq!(dying.send(&next).await, Err(Crashed));
            } else {
                assert_eq!(told(&hooks, &next).await, "accepted", "{provider}");
                hooks.work(Queue::Webhooks).await;
            }
            let id = json!({"id": format!("{provider}/a#1")});
            let verified = hooks.ask("POST", "/api/admin/deliveries/verify", Some(&token), Some(id)).await.expect(200);
            assert_eq!(verified["status"], "duplicate", "{provider}");
            // It is the first duplicate of the event, or its first message.
            assert_eq!(hooks.work(Queue::Webhooks).await, 1, "{provider}");
            assert_eq!(hooks.events(&format!("t1/{provider}/a")).await.len(), 1, "{provider}");
        }
    }
}

/// A dead letter is an attempt of its event, though another envelope came since.
#[tokio::test]
async fn a_dead_letter_is_requeued_though_another_envelope_came_since() {
    let hooks = system().await;
    let broken = hooks.process(Wire::when(every("DynamoDB.PutItem"), Verdict::Fail(Fault::ServerError))).await;
    assert_eq!(told(&hooks, &attempt(&hooks, "stripe", "evt_1", 2)).await, "accepted");
    hooks.exhaust(Queue::Webhooks, &broken).await;
    assert_eq!(hooks.work(Queue::DeadLetters).await, 1);
    assert_eq!(told(&hooks, &attempt(&hooks, "stripe", "evt_1", 1)).await, "duplicate");
    hooks.work(Queue::Webhooks).await;
    let token = hooks.operator("t1");
    let requeued = hooks.ask("POST", "/api/sync/dead-letters/requeue", Some(&token), Some(json!({}))).await.expect(200);
    assert_eq!(requeued["requeued"], 1, "{requeued}");
    hooks.work(Queue::Webhooks).await;
    assert_eq!(hooks.events("t1/stripe/a").await.len(), 1);
}

/// Where no signature covers an id, what its sender changes with each attempt does not make it another body.
#[tokio::test]
async fn fields_that_are_named_volatile_make_no_other_body() {
    let sender = |provider: &str, scheme: &str| {
        json!({"provider": provider, "connection": "a", "tenant": "t1", "scheme": scheme, "secrets": [SECRET],
            "volatileFields": ["attempt", "meta.sentAt"]})
    };
    let all = json!([sender("github", "github"), sender("slack", "slack")]).to_string();
    let hooks = Hooks::with(&[("WEBHOOK_SENDERS", &all)]).await;
    let body = |n: u32, attempt: u32| {
        format!("{{\"n\":{n},\"attempt\":{attempt},\"meta\":{{\"sentAt\":\"{attempt}:00\",\"by\":\"x\"}}}}")
    };
    let github = |id: &str, body: String| {
        let at = hooks.clock.now();
        Delivery::signed("/webhooks/github/a", &schemes::GITHUB, SECRET, Some(id).filter(|id| !id.is_empty()), at, body)
    };
    for (id, body, expected) in [
        ("1", body(1, 1), "accepted"),
        ("1", body(1, 2), "duplicate"),
        // Written in another order, by who parses it and writes it again.
        ("1", r#"{"meta": {"by": "x"}, "n": 1}"#.to_owned(), "duplicate"),
        // Captured, and sent again under another id, or none.
        ("2", body(1, 3), "duplicate"),
        ("", body(1, 4), "duplicate"),
        ("3", body(2, 1), "accepted"),
    ] {
        assert_eq!(told(&hooks, &github(id, body.clone())).await, expected, "{id}: {body}");
    }
    assert_eq!(hooks.send(&github("1", body(2, 1))).await.status, 409, "all else counts");
    let slack =
        |body: String| Delivery::signed("/webhooks/slack/a", &schemes::SLACK, SECRET, None, hooks.clock.now(), body);
    for (body, expected) in [
        (body(1, 1), "accepted"),
        (body(1, 2), "duplicate"),
        (body(2, 1), "accepted"),
        ("no JSON".to_owned(), "accepted"),
        ("no JSON".to_owned(), "duplicate"),
    ] {
        assert_eq!(told(&hooks, &slack(body.clone())).await, expected, "{body}");
    }
    hooks.work(Queue::Webhooks).await;
    assert_eq!(told(&hooks, &slack(body(2, 9))).await, "duplicate");
    assert_eq!((hooks.events("t1/github/a").await.len(), hooks.events("t1/slack/a").await.len()), (2, 3));
}
