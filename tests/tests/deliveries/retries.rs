//! How long an acknowledged delivery is tried, by the waits of the code and the number of the template together.

use std::time::Duration;

use signalbox::domain::deliveries::retry::{Cause, wait_seconds};
use signalbox_local::template::{Queue as TemplateQueue, Source};
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Call, Fault, Verdict, Wire};

const MINUTE: i32 = 60;
/// SQS hides a message for no longer in all, from when it was handed out.
const VISIBILITY_SECONDS_MAX: i32 = 12 * 3600;

/// The queue of deliveries, as `template.yaml` has it.
fn queue() -> TemplateQueue {
    let template = Source::built_in().unwrap().resolve(&bindings()).unwrap();
    template.queues.into_iter().find(|queue| queue.logical_id == "WebhookQueue").unwrap()
}

fn bindings() -> signalbox_local::template::Bindings {
    signalbox_local::template::Bindings {
        parameters: std::collections::BTreeMap::new(),
        sqs_endpoint: "http://127.0.0.1:1".into(),
        api_endpoint: "http://127.0.0.1:2".into(),
    }
}

/// The waits between all attempts that the queue allows.
fn waits(cause: Cause, spread: u8) -> Vec<i32> {
    let receives_max = queue().redrive.unwrap().receives_max;
    // After the last one it is given up.
    (1..receives_max).map(|attempt| wait_seconds(cause, attempt, spread)).collect()
}

#[test]
fn a_fault_may_last_for_about_two_hours_and_what_no_attempt_mends_is_given_up_after_ten_minutes() {
    for spread in 0..=255 {
        let (passing, lasting) = (waits(Cause::Passing, spread), waits(Cause::Lasting, spread));
        let (minutes, short) = (passing.iter().sum::<i32>() / MINUTE, lasting.iter().sum::<i32>() / MINUTE);
        assert!((100..=130).contains(&minutes), "{minutes} minutes");
        assert!((8..=10).contains(&short), "{short} minutes");
        for wait in passing.iter().chain(&lasting) {
            assert!((1..=15 * MINUTE).contains(wait) && *wait < VISIBILITY_SECONDS_MAX, "{wait} s");
        }
    }
    // A worker that dies notes no wait: the queue's own timeout decides then, within the same two hours.
    let queue = queue();
    let silent = queue.visibility_seconds * queue.redrive.unwrap().receives_max;
    assert!(silent < 7200 && queue.retention_seconds > 2 * 7200, "{silent} s");
}

/// Storage fails for an hour: nothing is given up, and each event has its effect once.
#[tokio::test]
async fn a_fault_of_an_hour_makes_no_dead_letter() {
    let hooks = Hooks::start().await;
    for number in 0..5 {
        let sale = Delivery::pos("t1", format!("{{\"n\":{number}}}"));
        assert_eq!(hooks.send(&sale).await.status, 201);
    }
    let (clock, until) = (hooks.clock.clone(), hooks.clock.now() + Duration::from_secs(3600));
    let worker = hooks.process(Wire::planned(move |call: &Call| {
        let storage = call.operation.starts_with("DynamoDB");
        if storage && clock.now() < until { Verdict::Fail(Fault::Throttled) } else { Verdict::Pass }
    }));
    let worker = worker.await;
    let handed = hooks.exhaust(Queue::Webhooks, &worker).await;
    assert!((10 * 5..=16 * 5).contains(&handed), "{handed} attempts");
    assert!(hooks.clock.now() >= until);
    assert_eq!(hooks.work(Queue::DeadLetters).await, 0);
    assert_eq!(hooks.events("t1/pos/demo").await.len(), 5);
}
