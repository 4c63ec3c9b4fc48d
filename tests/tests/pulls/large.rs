//! Pulls at the size that vendors have, against a vendor with its documented limits: a first backfill that is stopped half-way and gone on
//! with, and a delta with few changes. The clock is the test's, so that nobody waits for quota.

use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox::domain::runs::run::Mode;
use signalbox_simulators::{Filters, Limits, Running, Vendor};
use signalbox_tests::items::Item;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, every};
use tokio::time::Instant;

use super::holders::stop;
use super::kit::{Pulled, backfill, change, delta, until_held, vendor};

const ENTITIES: [&str; 5] = ["owners", "properties", "units", "leases", "tenants"];
/// Rows of a batch of records.
const BATCH: u64 = 25;
/// Requests by which an entity's first delta finds out whether the vendor heeds times.
const TRIALS: u64 = 2;

/// How large it is.
struct Size {
    rows: u64,
    page_rows: u64,
    /// The batch of records at which the backfill is stopped.
    stopped_at: usize,
}

fn pages(doorloop: &Running, page_rows: u64) -> u64 {
    ENTITIES.iter().map(|entity| doorloop.rows(entity).unwrap().div_ceil(page_rows)).sum()
}

fn counts(run: &Item, name: &str) -> u64 {
    let entities = run["work"]["entities"].as_array().unwrap().iter();
    entities.map(|entity| entity["progress"]["counts"][name].as_str().unwrap().parse::<u64>().unwrap()).sum()
}

/// A part of the test, by the clock on the wall and by that of the vendor, for whoever runs it to see.
struct Part<'a> {
    system: &'a System,
    began: (Instant, Timestamp),
}

impl<'a> Part<'a> {
    fn begin(system: &'a System) -> Self {
        Self { system, began: (Instant::now(), system.clock.now()) }
    }

    fn end(self, what: &str, requests: u64) {
        let quota = self.system.clock.now().duration_since(self.began.1).as_secs();
        let seconds = self.began.0.elapsed().as_secs_f64();
        println!("{what}: {requests} requests, {seconds:.1} s; {quota} s by the vendor's clock");
    }
}

async fn check(size: Size) {
    let Size { rows, page_rows, stopped_at } = size;
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |options| {
        (options.rows, options.limits, options.filters) = (rows, Limits::Documented, Filters::Honoured);
    });
    let doorloop = doorloop.await;
    let settings = json!({"pageSize": page_rows, "requestsPerMinute": 50, "requestsPerHour": 500});
    let pulled = Pulled::of(&system, &doorloop, "doorloop", settings).await;
    let asked = || doorloop.requests().0;

    // Stopped while a batch is on its way: what was committed stays.
    let part = Part::begin(&system);
    pulled.start(&backfill(), Mode::Apply).await;
    let held = every("DynamoDB.BatchWriteItem").nth(stopped_at);
    let process = pulled.world.process(Wire::when(held, Verdict::Hold)).await;
    let mut working = pin!(process.drain_with_time());
    until_held(&process, working.as_mut()).await;
    stop(&pulled).await;
    process.wire().release();
    working.await.unwrap();
    let run = pulled.newest().await;
    assert_eq!(run["status"], "Cancelled", "{run:?}");
    let mut stored = 0;
    for entity in ENTITIES {
        stored += pulled.records(entity).await.len() as u64;
    }
    part.end("a first backfill until it was stopped", asked());

    let (part, before) = (Part::begin(&system), asked());
    let run = pulled.run(&backfill()).await;
    assert_eq!((&run["status"], &run["attempts"]), (&json!("Success"), &json!("0")), "{run:?}");
    // Of the page that was under way nobody knows what arrived: its rows are put again.
    let (created, unchanged) = (counts(&run, "created"), counts(&run, "unchanged"));
    assert_eq!(created + unchanged, rows);
    assert!(unchanged <= stored && stored - unchanged <= page_rows.max(BATCH), "{unchanged} of {stored} kept");
    assert_eq!(asked() - before, pages(&doorloop, page_rows), "each page once, also after waits for quota");
    for entity in ENTITIES {
        let stored = pulled.stored(entity).await;
        stored.check();
        assert_eq!(stored.records.len() as u64, doorloop.rows(entity).unwrap(), "{entity}");
    }
    part.end("the backfill after it", asked() - before);

    system.pass(Duration::from_secs(3_600));
    change(&doorloop, json!({"entity": "tenants", "change": 7, "add": 3}));
    change(&doorloop, json!({"entity": "units", "change": 2, "remove": 1}));
    let (part, before) = (Part::begin(&system), asked());
    pulled.start(&delta(), Mode::Apply).await;
    let process = pulled.world.healthy().await;
    process.drain_with_time().await.unwrap();
    let run = pulled.newest().await;
    assert_eq!(run["status"], "Success", "{run:?}");
    assert_eq!(["created", "updated", "removed"].map(|name| counts(&run, name)), [3, 9, 0]);
    // The trials, and a page of each entity.
    assert_eq!(asked() - before, (TRIALS + 1) * ENTITIES.len() as u64);
    let puts = process.wire().calls().iter().filter(|call| *call == "DynamoDB.BatchWriteItem").count();
    assert_eq!(puts, 2, "one batch for each entity with changes");
    part.end("a delta of 12 rows", asked() - before);

    let (_, requests) = doorloop.requests();
    let refused: Vec<Value> = requests.iter().filter(|seen| seen.status != 200).map(|seen| json!(seen)).collect();
    assert!(refused.is_empty(), "the vendor was asked too often: {refused:?}");
}

#[tokio::test]
async fn a_backfill_of_five_entities_that_is_stopped_goes_on_and_a_delta_follows() {
    check(Size { rows: 500, page_rows: 25, stopped_at: 9 }).await;
}

/// It runs for minutes: `tests/run --long pulls`.
#[tokio::test]
#[ignore = "takes minutes: tests/run --long pulls runs it"]
async fn fifty_thousand_rows_are_pulled_within_the_quota() {
    check(Size { rows: 50_000, page_rows: 100, stopped_at: 900 }).await;
}
