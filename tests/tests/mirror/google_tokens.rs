//! Access tokens: one question to Google at a time, whoever needs one, and whatever dies.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use signalbox::engine::gbp::Google;
use signalbox::engine::runs::context::RunWorker;
use signalbox_simulators::{Fault, FaultKind, GoogleChange};
use signalbox_tests::items::Item;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, at};

use super::google_kit::{body, code, connected, google, locations, operator, seen, worker};

/// As long as nobody else asks after a crash.
const LEASE: Duration = Duration::from_secs(20);

/// What is stored of a connection's access token.
async fn stored(system: &System, tenant: &str) -> Option<Item> {
    let items = system.items("CONNECTIONS_TABLE", tenant).await;
    items.into_iter().find(|item| item["sk"].as_str().is_some_and(|sk| sk.starts_with("access-token#")))
}

#[tokio::test]
async fn ten_instances_that_need_a_token_ask_google_once() {
    let system = System::start().await;
    let google = google(&system, |_| {}).await;
    let connection = connected(&system, &google, ("acme", 1), json!({})).await;
    let workers: Vec<RunWorker> = (0..10).map(|_| worker(&system, &Wire::whole())).collect();
    let all = async || {
        let read = join_all(workers.iter().map(|worker| locations(worker, &connection))).await;
        assert!(read.iter().all(|read| read.as_ref().is_ok_and(|found| found.len() == 5)), "{read:?}");
        google.refreshes()
    };
    assert_eq!(all().await, 1);
    assert_eq!(all().await, 1, "it is there for everybody");
    system.pass(Duration::from_secs(3_599 - 200));
    assert_eq!(all().await, 2, "one that ends soon is replaced, and the others go on with it meanwhile");
    system.pass(Duration::from_secs(3_600));
    assert_eq!(all().await, 3);
    let kept = Value::Object(stored(&system, "acme").await.unwrap()).to_string();
    assert!(!kept.contains("ya29.") && !kept.contains(&google.key()), "it is sealed: {kept}");
    assert_eq!(seen(&google, "/token"), 3);
}

#[tokio::test]
async fn a_token_that_google_does_not_take_is_replaced_once_and_then_refused() {
    let system = System::start().await;
    let google = google(&system, |_| {}).await;
    let connection = connected(&system, &google, ("acme", 1), json!({})).await;
    let worker = worker(&system, &Wire::whole());
    locations(&worker, &connection).await.unwrap();
    google.change_google(&GoogleChange { expire: true, ..GoogleChange::default() }).unwrap();
    assert_eq!(locations(&worker, &connection).await.unwrap().len(), 5);
    assert_eq!(google.refreshes(), 2);
    google.set_fault(Fault { status: Some(401), ..Fault::new(FaultKind::Status) }.of("locations")).unwrap();
    assert_eq!(code(locations(&worker, &connection).await), "vendor_refused_credentials");
    assert_eq!(google.refreshes(), 3);
}

#[tokio::test]
async fn consent_that_was_revoked_is_said_as_such_and_google_is_not_asked_again_for_a_while() {
    let system = System::start().await;
    let google = google(&system, |_| {}).await;
    let connection = connected(&system, &google, ("acme", 1), json!({})).await;
    let workers: Vec<RunWorker> = (0..10).map(|_| worker(&system, &Wire::whole())).collect();
    locations(&workers[0], &connection).await.unwrap();
    google.change_google(&GoogleChange { revoke: vec![1], ..GoogleChange::default() }).unwrap();
    let asked = seen(&google, "/token");
    for read in join_all(workers.iter().map(|worker| locations(worker, &connection))).await {
        assert_eq!(code(read), "consent_revoked");
    }
    assert_eq!(seen(&google, "/token"), asked + 1);
    let tested = operator(&system, "POST", &format!("{connection}/test"), Value::Null).await.expect(200);
    let error = tested.to_string();
    assert!(error.contains("agree once more") && !error.contains(&google.key()), "{error}");

    system.pass(Duration::from_secs(61));
    google.change_google(&GoogleChange { restore: vec![1], ..GoogleChange::default() }).unwrap();
    assert_eq!(locations(&workers[0], &connection).await.unwrap().len(), 5);
    // Other credentials are asked with at once, though these were refused.
    google.change_google(&GoogleChange { revoke: vec![1], ..GoogleChange::default() }).unwrap();
    assert_eq!(code(locations(&workers[1], &connection).await), "consent_revoked");
    google.change_google(&GoogleChange { restore: vec![1], ..GoogleChange::default() }).unwrap();
    operator(&system, "PUT", &connection.to_string(), body(&google, 1, json!({"clientId": "another"})))
        .await
        .expect(200);
    assert_eq!(locations(&workers[1], &connection).await.unwrap().len(), 5);
}

#[tokio::test]
async fn faults_of_the_token_endpoint_lead_to_another_try_or_to_a_reason() {
    let system = System::start().await;
    let google = google(&system, |_| {}).await;
    let connection = connected(&system, &google, ("acme", 1), json!({})).await;
    let worker = worker(&system, &Wire::whole());
    for kind in [FaultKind::Dropped, FaultKind::CutOff, FaultKind::Status] {
        google.change_google(&GoogleChange { expire: true, ..GoogleChange::default() }).unwrap();
        google.set_fault(Fault::new(kind).of("token").hits(1, 1)).unwrap();
        assert_eq!(locations(&worker, &connection).await.unwrap().len(), 5, "{kind:?} passes");
        google.clear_faults();
    }
    for kind in [FaultKind::Html, FaultKind::NotJson] {
        google.change_google(&GoogleChange { expire: true, ..GoogleChange::default() }).unwrap();
        google.set_fault(Fault::new(kind).of("token")).unwrap();
        assert_eq!(code(locations(&worker, &connection).await), "page_invalid", "{kind:?}");
        google.clear_faults();
    }
    // The token that is there will do, where it is only about to end.
    locations(&worker, &connection).await.unwrap();
    system.pass(Duration::from_secs(3_599 - 200));
    google.set_fault(Fault::new(FaultKind::Status).of("token")).unwrap();
    assert_eq!(locations(&worker, &connection).await.unwrap().len(), 5);
}

#[tokio::test]
async fn wherever_a_refresh_dies_the_next_one_has_a_token_after_the_lease_at_the_latest() {
    const ACCOUNTS: u32 = 64;
    let system = System::start().await;
    let google = google(&system, |options| {
        options.accounts = ACCOUNTS;
        options.rows_of = [("locations".into(), u64::from(ACCOUNTS)), ("categories".into(), 100)].into();
    })
    .await;
    let whole = Wire::whole();
    let connection = connected(&system, &google, ("whole", 1), json!({})).await;
    locations(&worker(&system, &whole), &connection).await.unwrap();
    let calls = whole.calls();
    assert!(calls.iter().any(|call| call == "DynamoDB.PutItem"), "{calls:?}");
    let (mut account, healthy) = (1, worker(&system, &Wire::whole()));
    for (number, call) in calls.iter().enumerate() {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            account += 1;
            let here = format!("{verdict:?} of call {number} ({call})");
            let connection = connected(&system, &google, (&format!("t-{account}"), account), json!({})).await;
            let wire = Wire::when(at(number), verdict);
            let dying = worker(&system, &wire);
            let before = google.refreshes();
            tokio::select! {
                read = locations(&dying, &connection) => panic!("{here}: {read:?}"),
                () = wire.killed() => {}
            }
            // Whoever comes at once has one or is told to wait, and asks no second time beside somebody else.
            let mut at_once = Google::of(&healthy, &connection).await.unwrap();
            let _waits = at_once.locations().await;
            system.pass(LEASE);
            assert_eq!(locations(&healthy, &connection).await.unwrap().len(), 1, "{here}");
            let asked = google.refreshes() - before;
            assert!((1..=2).contains(&asked), "{here}: {asked} tokens");
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_removed_leaves_no_token() {
    let system = System::start().await;
    let google = google(&system, |_| {}).await;
    let connection = connected(&system, &google, ("acme", 1), json!({})).await;
    locations(&worker(&system, &Wire::whole()), &connection).await.unwrap();
    assert!(stored(&system, "acme").await.is_some());
    assert!(operator(&system, "DELETE", &connection.to_string(), Value::Null).await.status < 300);
    assert_eq!(stored(&system, "acme").await, None);
}
