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

/// What is told: how it begins, how it ends, and what quiet hours kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Opened,
    Resolved,
    Digest,
}

impl Case {
    /// What comes before the writes that are crashed.
    async fn begin(self, watched: &Watched<'_>, process: &Process, channel: &SimulatedChannel) {
        // A system starts at noon, and each case begins an hour or so after the one before.
        let quiet = json!({"quietFrom": "00:00", "quietTo": "23:59", "quietZone": "UTC"});
        watched.teams(channel, if self == Self::Digest { quiet } else { json!({}) }).await;
        watched.catalogue("shop").await;
        watched.ended("shop", Some("source_invalid")).await;
        if self != Self::Opened {
            watched.event(process, "shop").await.unwrap();
            tick(watched.system, process).await.unwrap();
        }
        match self {
            Self::Opened => {}
            Self::Resolved => watched.ended("shop", None).await,
            // They end.
            Self::Digest => watched.system.pass(Duration::from_secs(86_400)),
        }
    }

    /// The calls that are crashed.
    async fn goes_on(self, watched: &Watched<'_>, process: &Process) -> Result<(), Crashed> {
        if self != Self::Digest {
            watched.event(process, "shop").await?;
        }
        tick(watched.system, process).await
    }

    fn said(self, watched: &Watched<'_>) -> String {
        match self {
            Self::Opened => "Opened: shop: a scheduled run failed".to_owned(),
            Self::Resolved => "Resolved: shop: a scheduled run failed".to_owned(),
            Self::Digest => format!("1 alert of {} during quiet hours: 1 open", watched.tenant),
        }
    }
}

/// What is left is gone, so that the next case makes the same calls.
async fn clear(watched: &Watched<'_>, process: &Process) {
    // Nobody is told of what is cleared away.
    watched.delete("teams/main").await;
    watched.delete("catalogue/shop").await;
    for _ in 0..3 {
        tick(watched.system, process).await.unwrap();
    }
    assert!(watched.owed().await.is_empty());
    // The round is due with the next tick, nothing flaps, and messages are in their pace.
    watched.system.pass(Duration::from_secs(7_200));
}

async fn whatever_crashes_somebody_is_told(case: Case) {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let watched = Watched::of(&system);
    let process = system.process(Wire::whole()).await;
    case.begin(&watched, &process, &channel).await;
    let whole = system.process(Wire::whole()).await;
    case.goes_on(&watched, &whole).await.unwrap();
    let calls = whole.wire().calls();
    clear(&watched, &process).await;
    println!("{case:?}: killed before and after each write of {} calls: {}", calls.len(), calls.join(" "));
    // Before a read is after the write that came before it: nothing lies between but what is sent, which a write follows.
    let reads = ["Get", "Query", "Decrypt"];
    let is_read = |call: &str| reads.iter().any(|read| call.contains(read));
    for (number, call) in calls.iter().enumerate().filter(|(_, call)| !is_read(call)) {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            let _here = Here(format!("{case:?}: {verdict:?} of call {number} ({call})"));
            case.begin(&watched, &process, &channel).await;
            let before = channel.messages().len();
            let dying = system.process(Wire::when(at(number), verdict)).await;
            assert_eq!(case.goes_on(&watched, &dying).await, Err(Crashed));
            // The event does not come again: what is stored is found all the same, with the next round at the latest.
            system.pass(Duration::from_secs(900));
            for _ in 0..3 {
                tick(&system, &process).await.unwrap();
            }
            let open = watched.alerts("?state=open").await;
            assert_eq!(open.len(), usize::from(case != Case::Resolved), "{open:?}");
            let said: Vec<String> =
                channel.messages()[before..].iter().map(|message| texts(&message.body)[0].clone()).collect();
            assert!((1..=2).contains(&said.len()), "{said:?}");
            assert!(said.iter().all(|text| *text == case.said(&watched)), "{said:?}");
            assert!(watched.owed().await.is_empty());
            clear(&watched, &process).await;
        }
    }
}

#[tokio::test]
async fn whatever_crashes_somebody_is_told_of_what_is_opened() {
    whatever_crashes_somebody_is_told(Case::Opened).await;
}

#[tokio::test]
async fn whatever_crashes_somebody_is_told_of_what_is_resolved() {
    whatever_crashes_somebody_is_told(Case::Resolved).await;
}

#[tokio::test]
async fn whatever_crashes_somebody_is_told_what_quiet_hours_kept() {
    whatever_crashes_somebody_is_told(Case::Digest).await;
}
