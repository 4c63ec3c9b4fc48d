//! Runs that wait: for quota, for what a vendor asks, and for a breaker. No function sleeps meanwhile.

use std::time::Duration;

use serde_json::json;
use signalbox::domain::runs::run::Mode;
use signalbox_simulators::{FaultKind, Filters, Limits, Vendor};
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{Pulled, backfill, delta, fault, vendor};

#[tokio::test]
async fn a_run_waits_for_quota_and_goes_on_from_its_page() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |options| options.limits = Limits::Documented).await;
    let settings = json!({"entities": ["tenants"], "pageSize": 2, "requestsPerMinute": 50, "requestsPerHour": 500});
    let pulled = Pulled::of(&system, &doorloop, "doorloop", settings).await;
    pulled.start(&backfill(), Mode::Apply).await;
    pulled.work_until(Wire::whole()).await.unwrap();
    let run = pulled.newest().await;
    assert_eq!((&run["status"], &run["wait"]["reason"]), (&json!("Pending"), &json!("quota")), "{run:?}");
    assert!(pulled.waits_ms().is_some_and(|wait| wait >= Duration::from_secs(20)), "{:?}", pulled.waits_ms());
    let run = pulled.settle().await;
    assert_eq!((&run["status"], &run["attempts"]), (&json!("Success"), &json!("0")), "{run:?}");
    pulled.stored("tenants").await.check();
    let (count, requests) = doorloop.requests();
    assert!(requests.iter().all(|seen| seen.status == 200), "the vendor refused none of {count}");
}

/// Neither the page that is read once more after a wait, nor the trial of a filter is all that it ever asks for.
#[tokio::test]
async fn a_vendor_that_takes_one_request_a_minute_is_pulled_to_its_end() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |options| options.filters = Filters::Honoured).await;
    let settings = json!({"entities": ["units"], "pageSize": 25, "requestsPerMinute": 1});
    let pulled = Pulled::of(&system, &doorloop, "doorloop", settings).await;
    for request in [backfill(), delta()] {
        let run = pulled.run(&request).await;
        assert_eq!((&run["status"], &run["attempts"]), (&json!("Success"), &json!("0")), "{run:?}");
        pulled.stored("units").await.check();
    }
}

#[tokio::test]
async fn a_run_waits_as_long_as_the_vendor_asks_for() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    let busy = signalbox_simulators::Fault { seconds: Some(600), ..fault(FaultKind::RateLimited, "units", 2, 1) };
    doorloop.set_fault(busy).unwrap();
    pulled.start(&backfill(), Mode::Apply).await;
    pulled.work_until(Wire::whole()).await.unwrap();
    let run = pulled.newest().await;
    assert_eq!(run["wait"]["reason"], "retryAfter", "{run:?}");
    assert_eq!(pulled.settle().await["status"], "Success");
    pulled.stored("units").await.check();
}

#[tokio::test]
async fn a_vendor_that_is_down_is_left_alone_until_it_was_asked_once() {
    let system = System::start().await;
    // Five failures open the breaker, or as many as the connection says.
    for (settings, opened_by) in [(json!({}), 5), (json!({"breakerFailures": 2}), 2)] {
        let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
        let mut settings = settings;
        settings["entities"] = json!(["units"]);
        let pulled = Pulled::of(&system, &doorloop, "doorloop", settings).await;
        doorloop.set_fault(fault(FaultKind::Status, "units", 1, opened_by + 1)).unwrap();
        pulled.start(&backfill(), Mode::Apply).await;
        pulled.work_until(Wire::whole()).await.unwrap();
        assert_eq!(doorloop.requests().0, opened_by);
        let run = pulled.settle().await;
        assert_eq!(run["status"], "Success", "{run:?}");
        pulled.stored("units").await.check();
    }
}
