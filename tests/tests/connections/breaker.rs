//! Breakers, as many instances share one, and as operators force it.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::aws::connections::breaker::{Asking, Breakers};
use signalbox::domain::ids::Connection;
use signalbox::domain::pull::breaker::{COOLDOWN_MS, FAILURES_MAX, Outcome, PROBE_MS, Pass, State, Why};
use signalbox_tests::system::System;
use signalbox_tests::wire::{Fault, Verdict, Wire, every, first};

use super::kit::{ask, ask_with, github, path, put, recorded, stored};

const HOOK: &str = "acme/github/hub";
const FAILED: Outcome = Outcome::Failed(None);

fn breakers(system: &System, wire: &Wire) -> Breakers {
    let environment = system.environment("sync-control");
    let clients = Clients::connect(&environment, &system.outside(wire)).unwrap();
    Breakers::connect(&clients, &environment).unwrap()
}

fn hub() -> Connection {
    HOOK.parse().unwrap()
}

fn pass(asking: Asking) -> Pass {
    match asking {
        Asking::May(pass) => pass,
        Asking::Wait(until, why) => panic!("{why:?} until {until}"),
    }
}

fn count(wire: &Wire, operation: &str) -> usize {
    wire.calls().iter().filter(|call| *call == operation).count()
}

fn ms(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap())
}

/// Ten workers at once, each on a wire of its own.
fn workers(system: &System) -> Vec<(String, Breakers)> {
    (0..10).map(|worker| (format!("worker-{worker}"), breakers(system, &Wire::whole()))).collect()
}

#[tokio::test]
async fn however_many_fail_at_once_it_opens_and_one_of_them_asks_whether_all_is_well() {
    let system = System::start().await;
    let (workers, hub, start) = (workers(&system), hub(), system.clock.now());
    let ask_all = async || join_all(workers.iter().map(|(by, it)| it.ask(&hub, by, system.clock.now()))).await;
    let asked = ask_all().await;
    assert!(asked.iter().all(|asking| matches!(asking, Ok(Asking::May(pass)) if !pass.is_probe())), "{asked:?}");
    let usual = pass(asked.into_iter().next().unwrap().unwrap());
    let told = workers.iter().map(|(by, it)| it.answered(&hub, by, &usual, FAILED, start));
    assert!(join_all(told).await.iter().all(Result::is_ok));

    let open_until = start + ms(COOLDOWN_MS);
    for asking in ask_all().await {
        assert_eq!(asking.unwrap(), Asking::Wait(open_until, Why::Failing));
    }
    for (outcome, state) in [(FAILED, State::Open), (Outcome::Answered, State::Closed)] {
        system.pass(ms(COOLDOWN_MS));
        let now = system.clock.now();
        let asked: Vec<Asking> = ask_all().await.into_iter().map(Result::unwrap).collect();
        let probes: Vec<usize> = (0..10).filter(|worker| matches!(asked[*worker], Asking::May(_))).collect();
        let [probe] = probes[..] else { panic!("one probe, and not {probes:?}: {asked:?}") };
        for (worker, asking) in asked.iter().enumerate().filter(|(worker, _)| *worker != probe) {
            assert_eq!(*asking, Asking::Wait(now + ms(PROBE_MS), Why::Probing), "{worker}");
        }
        let ((by, it), Asking::May(pass)) = (&workers[probe], &asked[probe]) else { panic!("it may") };
        assert!(pass.is_probe());
        // What others had sent before says nothing.
        let (other, others) = &workers[(probe + 1) % 10];
        others.answered(&hub, other, &usual, FAILED, now).await.unwrap();
        it.answered(&hub, by, pass, outcome, now).await.unwrap();
        assert_eq!(it.of(&hub).await.unwrap().state(now), state, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_vendor_that_is_well_costs_a_read_and_no_write() {
    let system = System::start().await;
    let (hub, now) = (hub(), system.clock.now());
    let wire = Wire::when(every("DynamoDB.PutItem"), Verdict::Fail(Fault::ServerError));
    let it = breakers(&system, &wire);
    for by in ["a", "b", "c"] {
        let pass = pass(it.ask(&hub, by, now).await.unwrap());
        it.answered(&hub, by, &pass, Outcome::Answered, now).await.unwrap();
    }
    assert_eq!(count(&wire, "DynamoDB.GetItem"), 3, "and what is answered well reads nothing");
    assert_eq!(stored(&system).await.len(), 0);
}

#[tokio::test]
async fn a_write_whose_reply_was_lost_counts_once() {
    let system = System::start().await;
    let (hub, now) = (hub(), system.clock.now());
    // The SDK sends it again, and finds its own.
    let wire = Wire::when(first("DynamoDB.PutItem"), Verdict::Fail(Fault::LostReply));
    let losing = breakers(&system, &wire);
    let usual = pass(losing.ask(&hub, "a", now).await.unwrap());
    losing.answered(&hub, "a", &usual, FAILED, now).await.unwrap();
    let it = breakers(&system, &Wire::whole());
    assert_eq!(it.of(&hub).await.unwrap().failures(now), 1);

    for _more in 1..FAILURES_MAX {
        it.answered(&hub, "b", &usual, FAILED, now).await.unwrap();
    }
    system.pass(ms(COOLDOWN_MS));
    let wire = Wire::when(first("DynamoDB.PutItem"), Verdict::Fail(Fault::LostReply));
    let asked = breakers(&system, &wire).ask(&hub, "a", system.clock.now()).await.unwrap();
    assert!(pass(asked).is_probe(), "the probe is its own");
}

#[tokio::test]
async fn an_operator_forces_it_and_lets_it_go_and_is_on_record() {
    let system = System::start().await;
    put(&system, HOOK, github("a-secret")).await.expect(201);
    let place = path(&format!("{HOOK}/breaker"));
    let shown = async || ask(&system, "GET", &place, Value::Null).await.expect(200)["data"].clone();
    let closed = json!({
        "connection": HOOK, "state": "closed", "isOpen": false, "failures": 0, "lastFailure": null, "cooldownMs": 60_000,
        "asksAgainAt": null, "forced": null,
    });
    assert_eq!(shown().await, closed);
    let force = async |state: &str| {
        let answer = ask(&system, "POST", &place, json!({"state": state})).await.expect(200)["data"].clone();
        assert_eq!(answer, shown().await, "{state}");
        // Entries of one moment are in no order.
        system.pass(ms(1));
        (answer["state"].as_str().unwrap().to_owned(), answer["forced"]["state"].clone())
    };
    assert_eq!(force("auto").await, ("closed".into(), Value::Null), "as it is");
    assert_eq!(force("open").await, ("open".into(), json!("open")));
    assert_eq!(force("open").await, ("open".into(), json!("open")), "once more changes nothing");
    let it = breakers(&system, &Wire::whole());
    assert!(matches!(it.ask(&hub(), "a", system.clock.now()).await.unwrap(), Asking::Wait(_, Why::Forced)));
    assert_eq!(force("auto").await, ("half_open".into(), Value::Null));
    assert_eq!(force("closed").await, ("closed".into(), json!("closed")));
    let done: Vec<Vec<String>> = recorded(&system)
        .await
        .into_iter()
        .filter(|(action, target, _)| action == "connection.breaker" && target == HOOK)
        .map(|(.., changed)| changed)
        .collect();
    assert_eq!(done, [["breaker.open"], ["breaker.auto"], ["breaker.closed"]]);

    for body in [json!({}), json!({"state": "half_open"}), json!({"state": true}), json!({"state": "open", "why": "x"})]
    {
        assert_eq!(ask(&system, "POST", &place, body.clone()).await.problem(), (400, "invalid_request"), "{body}");
    }
}

#[tokio::test]
async fn a_connection_that_is_removed_takes_its_breaker_along() {
    let system = System::start().await;
    put(&system, HOOK, github("a-secret")).await.expect(201);
    let place = path(&format!("{HOOK}/breaker"));
    ask(&system, "POST", &place, json!({"state": "open"})).await.expect(200);
    ask(&system, "DELETE", &path(HOOK), Value::Null).await.expect(200);
    assert!(stored(&system).await.iter().all(|item| item["pk"] != "acme"));
    let tenant = ask_with(&system, "acme", ("POST", &place), &[], json!({"state": "open"})).await;
    assert_eq!(tenant.problem(), (404, "not_found"), "and nobody forces one that is not there");
    assert_eq!(ask(&system, "GET", &place, Value::Null).await.problem(), (404, "not_found"));
    put(&system, HOOK, github("a-secret")).await.expect(201);
    assert_eq!(ask(&system, "GET", &place, Value::Null).await.expect(200)["data"]["state"], "closed");
}
