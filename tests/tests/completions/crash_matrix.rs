//! Every write crashed before and after, from the message to what came of sending: a receiver is told, under one id, or is disabled.

use serde_json::json;
use signalbox_simulators::SimulatedChannel;
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, at};

use super::kit::{Told, answer, handle, tick_after};

/// Says where, if the test fails.
struct Here(String);

impl Drop for Here {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// Two receivers take it at once.
    Taken,
    /// A tick sends what was not taken.
    Again,
    /// The receiver says that it is gone.
    Gone,
}

/// What is crashed: the messages of a run, or the tick after them.
async fn goes_on(case: Case, told: &Told<'_>, process: &Process, channel: &SimulatedChannel) -> Result<(), Crashed> {
    let message = told.ended("Success").await;
    match case {
        Case::Taken => handle(process, &[message]).await,
        Case::Gone => {
            answer(channel, Some(410), 3);
            handle(process, &[message]).await
        }
        Case::Again => {
            let whole = told.system.process(Wire::whole()).await;
            answer(channel, Some(500), 1);
            handle(&whole, &[message]).await.unwrap();
            tick_after(told.system, process, 1).await
        }
    }
}

async fn whatever_crashes(case: Case) {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let receivers: &[&str] = if case == Case::Taken { &["a", "b"] } else { &["a"] };
    let begin = async || {
        let told = Told::of(&system);
        for name in receivers {
            told.receiver(name, &channel).await;
        }
        told
    };
    let whole = system.process(Wire::whole()).await;
    goes_on(case, &begin().await, &whole, &channel).await.unwrap();
    let calls = whole.wire().calls();
    println!("{case:?}: killed before and after each write of {} calls: {}", calls.len(), calls.join(" "));
    let reads = ["Get", "Query", "Decrypt"];
    let is_read = |call: &str| reads.iter().any(|read| call.contains(read));
    for (number, call) in calls.iter().enumerate().filter(|(_, call)| !is_read(call)) {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            let _here = Here(format!("{case:?}: {verdict:?} of call {number} ({call})"));
            let (told, before) = (begin().await, channel.messages().len());
            let dying = system.process(Wire::when(at(number), verdict)).await;
            assert_eq!(goes_on(case, &told, &dying, &channel).await, Err(Crashed));
            // What died comes again: the message from the queue, and a tick each minute.
            let runs = system.items("RUNS_TABLE", &format!("{}/gbp/main", told.tenant)).await;
            let run = runs.iter().find(|run| run.contains_key("work")).unwrap();
            let body = json!({"detail": {"connection": run["connection"], "runId": run["id"]}}).to_string();
            let again = aws_sdk_sqs::types::Message::builder().message_id("again").receipt_handle("handle").body(body);
            handle(&whole, &[again.build()]).await.unwrap();
            for _ in 0..4 {
                tick_after(&system, &whole, 2).await.unwrap();
            }
            let notices = told.notices().await;
            assert_eq!(notices.len(), receivers.len());
            let is_gone = case == Case::Gone;
            let wanted = if is_gone { "failed" } else { "delivered" };
            for notice in &notices {
                assert_eq!(notice["state"], wanted, "{notice}");
                let came = channel.messages();
                let same = came[before..].iter().filter(|one| json!(one.headers["webhook-id"]) == notice["id"]);
                let most = if case == Case::Again { 3 } else { 2 };
                assert!((1..=most).contains(&same.count()), "{came:?}");
            }
            let strangers = channel.messages()[before..]
                .iter()
                .filter(|one| notices.iter().all(|notice| json!(one.headers["webhook-id"]) != notice["id"]))
                .count();
            assert_eq!(strangers, 0, "an id is stable");
            assert_eq!(told.shown("a").await["state"], if is_gone { "paused" } else { "active" });
            assert!(told.owed().await.is_empty());
        }
    }
}

#[tokio::test]
async fn whatever_crashes_each_receiver_is_told() {
    whatever_crashes(Case::Taken).await;
}

#[tokio::test]
async fn whatever_crashes_what_was_not_taken_is_told_again() {
    whatever_crashes(Case::Again).await;
}

#[tokio::test]
async fn whatever_crashes_a_receiver_that_is_gone_is_disabled() {
    whatever_crashes(Case::Gone).await;
}
