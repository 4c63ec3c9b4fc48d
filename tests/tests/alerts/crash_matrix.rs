//! Every write crashed before and after, from the event to the message: somebody is told, once or more, and nothing is left owing.

use std::time::Duration;

use serde_json::json;
use signalbox_simulators::SimulatedChannel;
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, at};

use super::kit::{Watched, texts, tick};

/// Says where, if the test fails.
struct Here(String);

impl Drop for Here {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0);
        }
    }
}

async fn prepare<'a>(system: &'a System, channel: &SimulatedChannel) -> Watched<'a> {
    let watched = Watched::of(system);
    watched.teams(channel, json!({})).await;
    watched.catalogue("shop").await;
    watched.ended("shop", Some("source_invalid")).await;
    watched
}

async fn told(watched: &Watched<'_>, process: &Process) -> Result<(), Crashed> {
    watched.event(process, "shop").await?;
    tick(watched.system, process).await
}

/// What is left is gone, so that the next case makes the same calls.
async fn clear(watched: &Watched<'_>, process: &Process) {
    watched.delete("catalogue/shop").await;
    tick(watched.system, process).await.unwrap();
    watched.delete("teams/main").await;
    tick(watched.system, process).await.unwrap();
    assert!(watched.owed().await.is_empty());
    // The round is due with the next tick.
    watched.system.pass(Duration::from_secs(900));
}

#[tokio::test]
async fn whatever_crashes_somebody_is_told() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let watched = prepare(&system, &channel).await;
    let process = system.process(Wire::whole()).await;
    told(&watched, &process).await.unwrap();
    let calls = process.wire().calls();
    clear(&watched, &process).await;
    println!("killed before and after each write of {} calls: {}", calls.len(), calls.join(" "));
    // Before a read is after the write that came before it: nothing lies between but what is sent, which a write follows.
    let reads = ["Get", "Query", "Decrypt"];
    let is_read = |call: &str| reads.iter().any(|read| call.contains(read));
    for (number, call) in calls.iter().enumerate().filter(|(_, call)| !is_read(call)) {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            let _here = Here(format!("{verdict:?} of call {number} ({call})"));
            let watched = prepare(&system, &channel).await;
            let before = channel.messages().len();
            let dying = system.process(Wire::when(at(number), verdict)).await;
            assert_eq!(told(&watched, &dying).await, Err(Crashed));
            // The event does not come again: what is stored is found all the same, with the next round at the latest.
            system.pass(Duration::from_secs(900));
            for _ in 0..3 {
                tick(&system, &process).await.unwrap();
            }
            let open = watched.alerts("?state=open").await;
            assert_eq!(open.len(), 1, "{open:?}");
            let said: Vec<String> =
                channel.messages()[before..].iter().map(|message| texts(&message.body)[0].clone()).collect();
            assert!((1..=2).contains(&said.len()), "{said:?}");
            assert!(said.iter().all(|text| text == "Opened: shop: a scheduled run failed"), "{said:?}");
            assert!(watched.owed().await.is_empty());
            clear(&watched, &process).await;
        }
    }
}
