//! A world of a vendor, a sender, a store and some workers, of which a random one does a step at a time.

use std::fmt;
use std::ops::AddAssign;

use fastrand::Rng;
use jiff::Timestamp;

use super::caller::Caller;
use super::deliveries::Deliveries;
use super::runs;
use super::store::Store;
use super::vendor::Vendor;
use super::worker::Worker;

const WORKERS: usize = 4;
/// Who asks the vendor beside runs: pings and checks.
const CALLERS: usize = 4;

/// A mistake that is made on purpose, to see that it is caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// Whose key is there already is taken for a duplicate, whatever became of the first.
    TakesAgainForDuplicate,
    /// A redelivered message has its effect again.
    AppliesTwice,
    /// Counts are added up as rows are written, and not made of what the run did.
    CountsAsItWrites,
    /// A commit asks for the run, and not for its holder.
    CommitsWithoutFence,
    /// A list that ends, or breaks off, is taken for the whole one.
    TrustsEveryEnd,
    /// Whoever finds the breaker half open asks.
    ProbesAtOnce,
    /// A block is good for ever.
    KeepsBlocks,
}

impl Bug {
    pub(super) const ALL: [Self; 7] = [
        Self::TakesAgainForDuplicate,
        Self::AppliesTwice,
        Self::CountsAsItWrites,
        Self::CommitsWithoutFence,
        Self::TrustsEveryEnd,
        Self::ProbesAtOnce,
        Self::KeepsBlocks,
    ];

    /// The invariant that it breaks.
    pub(super) fn breaks(self) -> &'static str {
        match self {
            Self::TakesAgainForDuplicate | Self::AppliesTwice => "I1",
            Self::CountsAsItWrites => "I2",
            Self::CommitsWithoutFence => "I3",
            Self::TrustsEveryEnd => "I4",
            Self::ProbesAtOnce => "one probe",
            Self::KeepsBlocks => "quota",
        }
    }
}

/// An invariant that does not hold.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) invariant: &'static str,
    pub(super) what: String,
    step: u64,
}

impl Broken {
    pub(super) fn new(invariant: &'static str, what: impl Into<String>) -> Self {
        Self { invariant, what: what.into(), step: 0 }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} is broken at step {}: {}", self.invariant, self.step, self.what)
    }
}

/// What happened, to see that anything did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) steps: u64,
    pub(super) crashes: u64,
    pub(super) acknowledged: u64,
    pub(super) effects: u64,
    pub(super) repeated: u64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) stopped: u64,
    pub(super) waited: u64,
    pub(super) sent_on: u64,
    pub(super) refused_commits: u64,
    pub(super) refused_lists: u64,
    pub(super) removed: u64,
    pub(super) requests: u64,
    pub(super) probes: u64,
    pub(super) quota_waits: u64,
}

impl Seen {
    fn all(&mut self) -> [&mut u64; 16] {
        [
            &mut self.steps,
            &mut self.crashes,
            &mut self.acknowledged,
            &mut self.effects,
            &mut self.repeated,
            &mut self.succeeded,
            &mut self.failed,
            &mut self.stopped,
            &mut self.waited,
            &mut self.sent_on,
            &mut self.refused_commits,
            &mut self.refused_lists,
            &mut self.removed,
            &mut self.requests,
            &mut self.probes,
            &mut self.quota_waits,
        ]
    }

    /// Whether all of it happened.
    pub(super) fn has_all(&self) -> bool {
        self.clone().all().iter().all(|count| **count > 0)
    }
}

impl AddAssign for Seen {
    fn add_assign(&mut self, mut other: Self) {
        for (count, more) in self.all().into_iter().zip(other.all()) {
            *count += *more;
        }
    }
}

/// All there is.
pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) now_ms: i64,
    pub(super) bug: Option<Bug>,
    pub(super) seen: Seen,
    pub(super) store: Store,
    pub(super) vendor: Vendor,
    deliveries: Deliveries,
}

impl World {
    /// The time as a worker's clock has it.
    pub(super) fn now(&self, ahead_ms: i64) -> Timestamp {
        Timestamp::from_millisecond(self.now_ms + ahead_ms).unwrap()
    }

    /// Whether something happens that happens once in so many times.
    pub(super) fn once_in(&mut self, times: u32) -> bool {
        self.rng.u32(..times) == 0
    }

    pub(super) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }
}

/// Simulates an episode: so many steps, and then as many as it takes until all that was begun is done, with no more faults.
pub(super) fn episode(seed: u64, steps: u64, bug: Option<Bug>) -> Result<Seen, Broken> {
    let mut rng = Rng::with_seed(seed);
    let vendor = Vendor::new(&mut rng);
    let mut world = World {
        rng,
        now_ms: 1_700_000_000_000,
        bug,
        seen: Seen::default(),
        store: Store::default(),
        vendor,
        deliveries: Deliveries::default(),
    };
    let mut workers: Vec<Worker> = (0..WORKERS).map(|_| Worker::new(&mut world.rng)).collect();
    let mut callers: Vec<Caller> = (0..CALLERS).map(|_| Caller::new(&mut world.rng)).collect();
    for step in 0..steps {
        world.seen.steps += 1;
        happens(&mut world, &mut workers, &mut callers).map_err(|broken| Broken { step, ..broken })?;
    }
    let settled = world.deliveries.settle(bug, world.now_ms, &mut world.seen);
    settled.map_err(|broken| Broken { step: steps, ..broken })?;
    Ok(world.seen)
}

fn happens(world: &mut World, workers: &mut [Worker], callers: &mut [Caller]) -> Result<(), Broken> {
    match world.rng.u32(..100) {
        0..=7 => {
            // Mostly moments, now and then as long as a lease, a cooldown or a backoff, and seldom hours; more where nobody works.
            let idle = if workers.iter().any(Worker::works) { 1 } else { 30 };
            let longest = match world.rng.u32(..10_000) {
                0..=9_909 => 150 * idle,
                9_910..=9_998 => 70_000,
                _ => 4_000_000,
            };
            world.now_ms += world.rng.i64(1..longest);
        }
        8..=10 => world.vendor.changes(&mut world.rng),
        11 if world.once_in(15) => runs::operator(world),
        11..=14 => runs::start(world),
        15..=17 => runs::watch(world),
        18..=29 => {
            let World { deliveries, rng, seen, bug, now_ms, .. } = world;
            deliveries.step(rng, *bug, *now_ms, seen)?;
        }
        30..=49 => {
            let caller = world.rng.usize(..callers.len());
            callers[caller].ping(world)?;
        }
        _ => {
            let worker = world.rng.usize(..workers.len());
            workers[worker].step(world)?;
        }
    }
    Ok(())
}
