//! The kit's own promise: a message waits by the test's clock, however long it takes.

use std::time::Duration;

use aws_sdk_sqs::types::MessageSystemAttributeName;
use serde_json::json;
use signalbox_tests::process::Crashed;
use signalbox_tests::queues::Queue;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::runs::process::Work;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Fault, Verdict, Wire, every};

/// The most that a queue delays a message.
const DELAY: Duration = Duration::from_secs(900);
const SECOND: Duration = Duration::from_secs(1);

async fn send(system: &System, body: &str, delay_seconds: i32) {
    let call = system.sqs().send_message().queue_url(system.queue_url(Queue::Sync)).message_body(body);
    call.delay_seconds(delay_seconds).send().await.unwrap();
}

/// The bodies of the messages that are due, each with how often it was handed out. They are done with.
async fn handed_out(system: &System) -> Vec<String> {
    let messages = system.receive(Queue::Sync).await;
    system.finish(Queue::Sync, &messages, &[]).await;
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    messages
        .iter()
        .map(|message| format!("{} {}", message.body().unwrap(), message.attributes().unwrap()[&count]))
        .collect()
}

#[tokio::test]
async fn a_delayed_message_is_handed_out_once_the_clock_has_come_to_its_time_and_not_before() {
    let system = System::start().await;
    send(&system, "later", 900).await;
    send(&system, "sooner", 30).await;
    send(&system, "now", 0).await;
    assert_eq!(handed_out(&system).await, ["now 1"]);
    assert_eq!(system.due_in(Queue::Sync), Some(Duration::from_secs(30)));
    assert!(system.pass_until_due(Queue::Sync));
    assert_eq!(handed_out(&system).await, ["sooner 1"]);
    system.pass(DELAY - Duration::from_secs(30) - SECOND);
    assert_eq!(handed_out(&system).await, [""; 0]);
    system.pass(SECOND);
    // Having been looked at too early was no attempt.
    assert_eq!(handed_out(&system).await, ["later 1"]);
    assert_eq!((handed_out(&system).await.len(), system.due_in(Queue::Sync)), (0, None));
}

#[tokio::test]
async fn a_message_that_is_hidden_after_it_failed_comes_again_once_its_time_has_come() {
    let system = System::start().await;
    send(&system, "failing", 0).await;
    let messages = system.receive(Queue::Sync).await;
    let hide = system.sqs().change_message_visibility().queue_url(system.queue_url(Queue::Sync));
    let hide = hide.receipt_handle(messages[0].receipt_handle().unwrap()).visibility_timeout(900);
    hide.send().await.unwrap();
    system.finish(Queue::Sync, &messages, &[messages[0].message_id().unwrap().to_owned()]).await;
    system.pass(DELAY - SECOND);
    assert_eq!(handed_out(&system).await, [""; 0]);
    system.pass(SECOND);
    assert_eq!(handed_out(&system).await, ["failing 2"]);
}

/// It is the queue's, whoever sent it.
#[tokio::test]
async fn a_delayed_message_outlives_the_process_that_sent_it() {
    let system = System::start().await;
    let world = system.world();
    world.publish(&Catalogue::small(60));
    // The slice cannot write records, hands on with a delay, and dies with that.
    let wire = Wire::planned(|call| match call.operation.as_str() {
        "DynamoDB.BatchWriteItem" => Verdict::Fail(Fault::ServerError),
        "SQS.SendMessage" => Verdict::KillAfter,
        _ => Verdict::Pass,
    });
    assert_eq!(world.process(wire).await.try_sync(json!({})).await, Err(Crashed));
    let process = world.healthy().await;
    assert_eq!(process.work_once().await, Ok(Work::Nothing));
    assert!(system.pass_until_due(Queue::Sync));
    assert_eq!(process.work_once().await, Ok(Work::Done));
    assert_eq!(world.statuses().await, ["Success"]);
}

/// A test whose fault never came has shown nothing.
#[tokio::test]
#[should_panic(expected = "call 2 of SQS.SendMessage about SyncQueue was to get KillAfter and never came")]
async fn a_process_that_ends_without_the_call_that_its_test_means_fails_the_test() {
    let system = System::start().await;
    let meant = every("SQS.SendMessage").about("SyncQueue").nth(2);
    drop(system.process(Wire::when(meant, Verdict::KillAfter)).await);
}
