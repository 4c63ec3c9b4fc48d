//! The commands that look at a deployment from outside: load test, smoke test, waiting for health.

use std::cell::RefCell;
use std::time::Duration;

use signalbox::domain::secret::Secret;
use signalbox_local::remote::Remote;
use signalbox_local::remote::gate::judge;
use signalbox_local::remote::health::{Failed, wait};
use signalbox_local::remote::load::Load;
use signalbox_local::remote::point_of_sale::PointOfSale;
use signalbox_local::remote::smoke::smoke;
use signalbox_tests::deliveries::delivery::POS_SECRET;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;

/// Longer than a busy machine needs for an answer.
const TIMEOUT: Duration = Duration::from_secs(60);

fn sender(url: &str, secret: &str) -> PointOfSale {
    PointOfSale::new(Remote::new(url, TIMEOUT).unwrap(), "demo", "t1", Secret::new(secret))
}

fn load(prefix: &str) -> Load {
    Load { total: 100, unique: 50, concurrency: 32, retries: 0, prefix: prefix.into(), explicit_keys: false, seed: 1 }
}

#[tokio::test]
async fn a_load_has_as_many_effects_as_it_has_different_events() {
    let hooks = Hooks::start().await;
    let sender = sender(&hooks.host.url(), POS_SECRET);
    let by_key = Load { explicit_keys: true, ..load("KEYED") };
    for (load, so_far) in [(load("PLAIN"), 50), (by_key, 100)] {
        let first = load.send(&sender, || {}).await.unwrap();
        assert_eq!((first.total, first.duplicates, first.success, first.other), (100, 50, 100, 0), "{first:?}");
        assert_eq!((first.accepted, first.repeated), (50, 50));
        let text = serde_json::to_string(&first).unwrap();
        assert_eq!(judge(&text, 100).unwrap().problems, [""; 0]);
        hooks.work(Queue::Webhooks).await;
        assert_eq!(hooks.events("t1/pos/demo").await.len(), so_far);

        let again = load.send(&sender, || {}).await.unwrap();
        assert_eq!((again.success, again.accepted, again.repeated), (100, 0, 100), "{again:?}");
        hooks.work(Queue::Webhooks).await;
        assert_eq!(hooks.events("t1/pos/demo").await.len(), so_far);
    }
}

/// With keys and without, so that a header that is not sent is signed as nothing on both sides.
#[tokio::test]
async fn a_load_that_signs_its_headers_is_taken_where_they_must_be_signed() {
    let hooks = Hooks::with(&[("POS_SIGNED_HEADERS", "required")]).await;
    let sender = sender(&hooks.host.url(), POS_SECRET);
    for explicit_keys in [false, true] {
        let load = Load { total: 10, unique: 5, explicit_keys, ..load("SIGNED") };
        let refused = load.send(&sender, || {}).await.unwrap();
        assert_eq!((refused.success, refused.others), (0, [("status 403 bad_signature".to_owned(), 10)].into()));
        let taken = load.send(&sender.clone().signing_headers(true), || {}).await.unwrap();
        assert_eq!((taken.success, taken.accepted), (10, 5), "{taken:?}");
    }
}

#[tokio::test]
async fn what_a_load_is_refused_for_is_counted_by_its_reason() {
    let hooks = Hooks::start().await;
    let load = Load { total: 10, unique: 5, ..load("L") };
    for (url, secret, why) in [
        (hooks.host.url(), "another-secret", "status 403 bad_signature"),
        (format!("{}/nowhere", hooks.host.url()), POS_SECRET, "status 404"),
        ("http://127.0.0.1:9".into(), POS_SECRET, "no connection"),
    ] {
        let report = load.send(&sender(&url, secret), || {}).await.unwrap();
        assert_eq!((report.total, report.duplicates, report.success, report.other), (10, 5, 0, 10));
        assert_eq!(report.others, [(why.to_owned(), 10)].into());
    }
}

#[tokio::test]
async fn a_smoke_test_passes_where_all_is_well_and_says_what_is_not() {
    let hooks = Hooks::start().await;
    let found = RefCell::new(Vec::new());
    let note = |check: &signalbox_local::remote::smoke::Check| {
        found.borrow_mut().push(format!("{}: {} {}", check.what, check.found, check.passed));
    };
    let now = hooks.clock.now();
    let passed = smoke(&sender(&hooks.host.url(), POS_SECRET), None, now, note).await.unwrap();
    let expected =
        ["GET /healthz: 200 true", "GET /metrics: 200 true", "a new event: 201 true", "the same again: 204 true"];
    assert_eq!(found.take(), expected);
    assert!(passed);

    // One that takes a new event for one seen before has lost it.
    assert!(!smoke(&sender(&hooks.host.url(), POS_SECRET), None, now, note).await.unwrap());
    assert_eq!(found.take()[2..], ["a new event: 204, expected 200, 201 false", "the same again: 204 true"]);

    let passed = smoke(&sender(&hooks.host.url(), "another-secret"), None, now, note).await.unwrap();
    let refused = [
        "a new event: 403 bad_signature, expected 200, 201 false",
        "the same again: 403 bad_signature, expected 200, 204 false",
    ];
    assert_eq!(found.take()[2..], refused);
    assert!(!passed);

    let guarded = Hooks::with(&[("STAGE", "production"), ("SESSION_JWT_SECRET", &"s".repeat(32))]).await;
    let sender = sender(&guarded.host.url(), POS_SECRET);
    assert!(!smoke(&sender, None, now, note).await.unwrap());
    assert_eq!(found.take()[1], "GET /metrics: 401 missing_token, give a token that may read: --token false");
    let token = guarded.operator("default");
    assert!(smoke(&sender, Some(&token), now + Duration::from_secs(1), note).await.unwrap());
}

#[tokio::test]
async fn a_healthy_deployment_is_not_waited_for_and_an_absent_one_is_given_up() {
    let hooks = Hooks::start().await;
    let failures = RefCell::new(Vec::new());
    let note = |failed: &Failed| failures.borrow_mut().push((failed.attempt, failed.said.clone(), failed.pause));
    assert!(wait(&Remote::new(&hooks.host.url(), TIMEOUT).unwrap(), 10, note).await);
    assert_eq!(failures.take(), []);
    assert!(!wait(&Remote::new("http://127.0.0.1:9", TIMEOUT).unwrap(), 1, note).await);
    assert_eq!(failures.take(), [(1, "/healthz no connection, /livez no connection".into(), None)]);
}
