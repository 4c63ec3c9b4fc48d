//! Quotas, as many instances share one.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use signalbox::aws::clients::Clients;
use signalbox::aws::connections::quota::{Meter, Quotas};
use signalbox::domain::pull::quota::{BLOCK_MAX, Limits};
use signalbox_tests::system::System;
use signalbox_tests::wire::{Fault, Verdict, Wire, first};

use super::kit::{ask, catalogue, path, put, stored};

const SHOP: &str = "acme/catalogue/shop";
const PER_MINUTE: u32 = 50;
const PER_HOUR: u32 = 500;

fn meter(system: &System, wire: &Wire) -> Meter {
    let environment = system.environment("sync-control");
    let clients = Clients::connect(&environment, &system.outside(wire)).unwrap();
    let quotas = Quotas::connect(&clients, &environment).unwrap();
    quotas.meter(&SHOP.parse().unwrap(), Limits::new(PER_MINUTE, PER_HOUR))
}

/// The most in any window of this length.
fn most(sent: &[Timestamp], window: Duration) -> usize {
    let within = |(first, from): (usize, &Timestamp)| {
        sent[first..].iter().take_while(|at| at.duration_since(*from) <= window.try_into().unwrap()).count()
    };
    sent.iter().enumerate().map(within).max().unwrap_or_default()
}

#[tokio::test]
async fn ten_workers_together_stay_within_each_minute_and_each_hour() {
    const TICK: Duration = Duration::from_secs(2);
    let system = System::start().await;
    let wire = Wire::whole();
    let mut meters: Vec<Meter> = (0..10).map(|_| meter(&system, &wire)).collect();
    let (mut sent, mut waits) = (Vec::new(), vec![Timestamp::MIN; 10]);
    // A little more than an hour of ten that want as much as there is. In the first minutes all of them come at once; whoever waits later
    // comes back a little after that, as runs do.
    for tick in 0..1_860 {
        let now = system.clock.now();
        let due = meters.iter_mut().zip(&mut waits).enumerate().filter(|(_, (_, wait))| **wait <= now);
        let taken = join_all(due.map(|(worker, (meter, wait))| async move {
            let mut taken = 0;
            loop {
                match meter.take(BLOCK_MAX, now).await.unwrap() {
                    Ok(()) => taken += 1,
                    Err(until) => {
                        assert!(until > now);
                        *wait = if tick < 60 { until } else { until + TICK * worker as u32 * 5 };
                        return taken;
                    }
                }
            }
        }))
        .await;
        sent.extend(taken.iter().flat_map(|count| std::iter::repeat_n(now, *count)));
        system.pass(TICK);
    }
    let (minute, hour) = (most(&sent, Duration::from_secs(60)), most(&sent, Duration::from_secs(3_600)));
    assert!(minute <= PER_MINUTE as usize && hour <= PER_HOUR as usize, "{minute} in a minute, {hour} in an hour");
    assert!(minute >= 40 && hour >= 450, "and most of it is used: {minute} in a minute, {hour} in an hour");
    // Blocks spare writes where there is more than one left; the refused ones count, as they cost as much.
    let writes = wire.calls().len();
    assert!(writes < sent.len() * 4, "{writes} writes for {} requests", sent.len());
}

#[tokio::test]
async fn a_block_is_one_write_and_a_lost_reply_only_sends_fewer() {
    let system = System::start().await;
    let (wire, now) = (Wire::when(first("DynamoDB.UpdateItem"), Verdict::Fail(Fault::LostReply)), system.clock.now());
    let mut lost = meter(&system, &wire);
    let mut taken = 0;
    while lost.take(BLOCK_MAX, now).await.unwrap().is_ok() {
        taken += 1;
    }
    // Ten is the burst; five of it were reserved twice.
    assert!(taken <= 5, "{taken}");

    system.pass(Duration::from_secs(3_600));
    let (wire, now) = (Wire::whole(), system.clock.now());
    let mut meter = meter(&system, &wire);
    for _request in 0..BLOCK_MAX {
        assert_eq!(meter.take(BLOCK_MAX, now).await.unwrap(), Ok(()));
    }
    assert!(wire.calls().len() <= 2, "one, and one that learns that nothing is reserved any more");
}

#[tokio::test]
async fn a_connection_that_is_removed_takes_its_quota_along() {
    let system = System::start().await;
    put(&system, SHOP, catalogue()).await.expect(201);
    meter(&system, &Wire::whole()).take(1, system.clock.now()).await.unwrap().unwrap();
    assert!(stored(&system).await.iter().any(|item| item["sk"] == "quota#catalogue/shop"));
    ask(&system, "DELETE", &path(SHOP), serde_json::Value::Null).await.expect(200);
    assert!(stored(&system).await.iter().all(|item| item["pk"] != "acme"));
}
