//! Every await that touches AWS or a store of catalogues, killed before and after, one at a time, and then resumed:
//! what is stored equals what an undisturbed run stores (I2, I3, I5).

use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox_tests::process::Crashed;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::runs::process::{Work, WorldProcess};
use signalbox_tests::runs::stored::Stored;
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, every};

/// What is disturbed: one run, from a client's request until nothing is open any more.
struct Scenario {
    name: &'static str,
    /// What is in the snapshot before.
    before: Option<Catalogue>,
    /// An apply of this was given up by the watchdog, having died at the end of its n-th batch of records.
    given_up: Option<(Catalogue, usize)>,
    /// What the source holds.
    source: Catalogue,
    /// What the source holds once the worker has done so many slices of the run.
    later: Option<(usize, Catalogue)>,
    /// Whether the layers of the snapshot have grown so large that the run merges them.
    merges: bool,
    body: Value,
    variables: &'static [(&'static str, &'static str)],
    /// How much time each call takes.
    tick: Duration,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: "",
            before: None,
            given_up: None,
            source: Catalogue(Vec::new()),
            later: None,
            merges: false,
            body: json!({}),
            variables: &[],
            tick: Duration::ZERO,
        }
    }
}

/// What a world holds in the end.
#[derive(Debug, PartialEq)]
struct Outcome {
    stored: Stored,
    window: Value,
}

impl Scenario {
    async fn prepare<'a>(&self, system: &'a System) -> World<'a> {
        let mut world = system.world();
        if let Some(before) = &self.before {
            world.apply(before).await;
        }
        if let Some((catalogue, batches)) = &self.given_up {
            world.publish(catalogue);
            let process = world.process(die_after_batches(*batches)).await;
            assert_eq!(process.try_sync(json!({})).await, Err(Crashed));
            world.system.pass(Duration::from_secs(3601));
            world.settle().await;
            assert_eq!(world.statuses().await.last().unwrap(), "Failed");
        }
        if self.merges {
            world.add_large_layer().await;
        }
        for (name, value) in self.variables {
            world.set(name, *value);
        }
        world.publish(&self.source);
        world
    }

    fn wire(&self, world: &World<'_>, kill: Option<(usize, Verdict)>) -> Wire {
        let (clock, tick) = (world.system.clock.clone(), self.tick);
        Wire::planned(move |call| {
            clock.advance(tick);
            kill.filter(|(number, _)| *number == call.number).map_or(Verdict::Pass, |(_, verdict)| verdict)
        })
    }

    /// All that the run does when nothing disturbs it.
    async fn run(&self, world: &World<'_>, process: &WorldProcess<'_>) -> Result<(), Crashed> {
        process.try_sync(self.body.clone()).await?;
        if let Some((slices, later)) = &self.later {
            for _ in 0..*slices {
                assert_eq!(process.work_once().await?, Work::Done);
            }
            world.publish(later);
        }
        process.drain_with_time().await
    }

    /// What a client and the engines do after a crash: a client that got no answer asks for the run again unless it
    /// finds it over.
    async fn recover(&self, world: &World<'_>, runs_before: usize) {
        let statuses = world.statuses().await;
        let process = world.process(self.wire(world, None)).await;
        if statuses.len() == runs_before {
            let answer = process.sync(self.body.clone()).await;
            assert!(matches!(answer.status, 200 | 202), "{}", answer.body);
        } else if statuses.last().unwrap() == "Pending" {
            let answer = process.sync(self.body.clone()).await;
            assert_eq!((answer.status, &answer.body["error"]), (409, &json!("sync_in_progress")));
        }
        world.drive(|_| self.wire(world, None)).await;
    }

    async fn outcome(&self, world: &World<'_>) -> Outcome {
        let mut stored = world.stored().await;
        stored.check_consistent();
        if self.later.is_some() {
            // A row of the void plan is put again by the same run, or was never touched: either is right.
            stored.records.values_mut().for_each(|record| drop(record.remove("runId")));
        }
        let told = world.told("run.succeeded").len();
        assert_eq!(told, stored.statuses().iter().filter(|status| **status == "Success").count(), "events");
        let answer = world.healthy().await.get("/api/catalog/vendor-sync/observability?vendorId=moscot").await;
        let aggregates = &answer.body["data"]["aggregates"];
        Outcome { stored, window: json!([aggregates["totalRuns"], aggregates["counts"]]) }
    }

    /// Runs it undisturbed, then killed at every call, before and after.
    async fn check(self) {
        let system = System::start().await;
        let undisturbed = self.prepare(&system).await;
        let process = undisturbed.process(self.wire(&undisturbed, None)).await;
        self.run(&undisturbed, &process).await.expect("nothing kills it");
        let calls = process.wire().calls();
        let expected = self.outcome(&undisturbed).await;
        assert_eq!((expected.stored.open, expected.stored.statuses().last()), (0, Some(&"Success")));
        self.check_records(&expected.stored);
        let numbers = self.numbers(&system, calls.len()).await;
        let killed = calls[numbers.clone()].join(" ");
        println!("{}: killed before and after each of {} calls: {killed}", self.name, numbers.len());

        for number in numbers {
            for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
                let world = self.prepare(&system).await;
                let runs_before = world.statuses().await.len();
                let process = world.process(self.wire(&world, Some((number, verdict)))).await;
                let _here = Here(format!("{}: {verdict:?} of call {number} ({})", self.name, calls[number]));
                assert_eq!(self.run(&world, &process).await, Err(Crashed), "the call was not made");
                drop(process);
                self.recover(&world, runs_before).await;
                assert_eq!(self.outcome(&world).await, expected);
            }
        }
    }

    /// The calls to be killed at. Of a run whose source changes those of the slice that finds it changed: before and
    /// after, it is like any other.
    async fn numbers(&self, system: &System, calls: usize) -> Range<usize> {
        let Some((slices, later)) = &self.later else { return 0..calls };
        let world = self.prepare(system).await;
        let process = world.process(self.wire(&world, None)).await;
        process.sync(self.body.clone()).await;
        for _ in 0..*slices {
            assert_eq!(process.work_once().await, Ok(Work::Done));
        }
        let first = process.wire().calls().len();
        world.publish(later);
        assert_eq!(process.work_once().await, Ok(Work::Done));
        let end = process.wire().calls().len();
        assert_ne!(world.open_runs().await, 0, "{}: the run is over too early", self.name);
        world.settle().await;
        first..end
    }

    /// The records are the source's products, whatever the counts and hashes say.
    fn check_records(&self, stored: &Stored) {
        let dry = self.body["dryRun"] == json!(true);
        let source =
            if dry { self.before.as_ref() } else { self.later.as_ref().map(|(_, later)| later).or(Some(&self.source)) };
        let products = source.into_iter().flat_map(|catalogue| &catalogue.0);
        let expected = products.map(|product| (product["catalogId"].as_str().unwrap().to_owned(), product.clone()));
        assert_eq!(stored.products(), expected.collect(), "{}", self.name);
    }
}

/// Says where, if the test fails.
struct Here(String);

impl Drop for Here {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0);
        }
    }
}

fn die_after_batches(batches: usize) -> Wire {
    Wire::when(every("DynamoDB.BatchWriteItem").nth(batches), Verdict::KillAfter)
}

/// Of 60 products: half changed, five gone, ten new. Two batches of puts, and one of removals.
fn quite_another() -> Catalogue {
    let mut catalogue = Catalogue::small(70);
    for product in &mut catalogue.0[..30] {
        product["name"] = json!("Another name");
    }
    catalogue.0.drain(40..45);
    catalogue
}

#[tokio::test]
async fn a_crash_anywhere_in_the_first_apply_leaves_no_trace() {
    Scenario { name: "first apply", source: Catalogue::real(), ..Scenario::default() }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_an_apply_of_a_change_leaves_no_trace() {
    let before = Catalogue::small(60);
    let source = before.clone().with_three_changes();
    Scenario { name: "change", before: Some(before), source, ..Scenario::default() }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_an_apply_that_merges_layers_leaves_no_trace() {
    let (before, source) = (Catalogue::small(60), quite_another());
    Scenario { name: "merge", before: Some(before), source, merges: true, ..Scenario::default() }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_dry_run_leaves_no_trace() {
    let (before, body) = (Catalogue::small(60), json!({"dryRun": true}));
    let source = before.clone().with_three_changes();
    Scenario { name: "dry run", before: Some(before), source, body, ..Scenario::default() }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_an_unchanged_apply_leaves_no_trace() {
    let source = Catalogue::small(60);
    Scenario { name: "unchanged", before: Some(source.clone()), source, ..Scenario::default() }.check().await;
}

/// The trigger hands on at once; a slice has time for about a dozen calls, and renews its lease once.
const SLICES: &[(&str, &str)] = &[("INLINE_BUDGET_MS", "0"), ("SLICE_BUDGET_MS", "40000")];
const TICK: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_crash_anywhere_in_a_run_of_several_slices_leaves_no_trace() {
    let (before, source) = (Catalogue::small(60), quite_another());
    let scenario = Scenario { name: "slices", before: Some(before), source, ..Scenario::default() };
    Scenario { variables: SLICES, tick: TICK, ..scenario }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_run_whose_source_changes_before_it_wrote_leaves_no_trace() {
    let (before, source) = (Catalogue::small(60), quite_another());
    let later = Some((1, before.clone().with_three_changes()));
    let scenario = Scenario { name: "source changes", before: Some(before), source, later, ..Scenario::default() };
    Scenario { variables: SLICES, tick: TICK, ..scenario }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_run_whose_source_changes_while_it_writes_leaves_no_trace() {
    // Nine batches are written when the second slice ends, and three of them hold what the source no longer says.
    let source = Catalogue::small(300);
    let mut changed = source.clone().with_three_changes();
    changed.0.drain(100..110);
    let scenario = Scenario { name: "source changes late", source, later: Some((2, changed)), ..Scenario::default() };
    Scenario { variables: SLICES, tick: TICK, ..scenario }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_the_run_after_one_that_died_writing_leaves_no_trace() {
    let before = Catalogue::small(60);
    let (given_up, source) = (Some((quite_another(), 1)), before.clone().with_three_changes());
    Scenario { name: "after half a run", before: Some(before), given_up, source, ..Scenario::default() }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_the_run_after_one_that_had_written_all_leaves_no_trace() {
    let before = Catalogue::small(60);
    let (given_up, source) = (Some((quite_another(), 3)), before.clone().with_three_changes());
    Scenario { name: "after a whole run", before: Some(before), given_up, source, ..Scenario::default() }.check().await;
}
