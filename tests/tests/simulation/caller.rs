//! Whoever asks the vendor: by the breaker and the quota that all share, a call at a time, each of which others may come between.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use signalbox::domain::pull::answer::Class;
use signalbox::domain::pull::breaker::{Admission, Breaker, FAILURES_MAX, Outcome, PASS_MS, PROBE_MS, Pass};
use signalbox::domain::pull::quota::{BLOCK_MAX, Block, Limits, Paid, Quota, SLACK_MS, reserve};

use super::vendor::{Cursor, PER_HOUR, PER_MINUTE, Reply};
use super::world::{Broken, Bug, World};

/// How long a request takes on its way at most, and by how much clocks differ: half each of what the quota allows for.
const WAY_MS: i64 = SLACK_MS / 2;

/// How far it has come with one request.
#[derive(Debug, Clone)]
enum At {
    Ask,
    /// It has read the breaker at a version, and is to write that it probes.
    Probe(Pass, Breaker, u64),
    Send(Pass),
    Tell(Pass, Outcome, Reply),
}

/// What a step came to.
pub(super) enum Came {
    /// There is more to do.
    Further,
    /// It may not ask before then.
    Waits(Timestamp),
    /// The vendor's answer.
    Answered(Reply),
}

pub(super) struct Caller {
    pub(super) ahead_ms: i64,
    at: At,
    /// The name of its present attempt.
    by: String,
    /// How many requests it reserves at once.
    wanted: u32,
    block: Option<Block>,
    /// What was reserved, as it was seen last.
    paid: Paid,
    /// Of one that pings: before when it does nothing.
    sleeps_until: Timestamp,
}

impl Caller {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            ahead_ms: rng.i64(0..WAY_MS),
            at: At::Ask,
            by: String::new(),
            wanted: if rng.bool() { BLOCK_MAX } else { 1 },
            block: None,
            paid: Paid::default(),
            sleeps_until: Timestamp::MIN,
        }
    }

    /// The same machine after a crash.
    pub(super) fn restarted(&self) -> Self {
        Self { ahead_ms: self.ahead_ms, wanted: self.wanted, ..Self::new(&mut Rng::with_seed(0)) }
    }

    /// Asks for the first page, again and again.
    pub(super) fn ping(&mut self, world: &mut World) -> Result<(), Broken> {
        let now = world.now(self.ahead_ms);
        if now < self.sleeps_until {
            return Ok(());
        }
        if world.once_in(60) {
            world.seen.crashes += 1;
            *self = self.restarted();
        }
        if world.once_in(30) {
            // Held up, with what it has in its hands.
            self.sleeps_until = now + SignedDuration::from_secs(world.rng.i64(0..100));
            return Ok(());
        }
        match self.step(world, Cursor { number: 0, after: None })? {
            Came::Further => {}
            Came::Waits(until) => self.sleeps_until = until,
            // One wants all that there is, and others have seen enough for a while.
            Came::Answered(_) if self.wanted == BLOCK_MAX => {}
            Came::Answered(_) => self.sleeps_until = now + SignedDuration::from_secs(world.rng.i64(0..120)),
        }
        Ok(())
    }

    /// Makes the next call of a request.
    pub(super) fn step(&mut self, world: &mut World, cursor: Cursor) -> Result<Came, Broken> {
        let now = world.now(self.ahead_ms);
        match self.at.clone() {
            At::Ask => {
                self.by = format!("{:08x}", world.rng.u32(..));
                let (breaker, version) = &world.store.breaker;
                match breaker.admit(now, &self.by) {
                    Admission::Ask(pass) => self.at = At::Send(pass),
                    Admission::Probe(pass, probing) => self.at = At::Probe(pass, probing, *version),
                    Admission::Wait(until, _) => return Ok(Came::Waits(until)),
                }
                Ok(Came::Further)
            }
            At::Probe(pass, probing, version) => {
                if world.store.breaker.1 != version && !world.has(Bug::ProbesAtOnce) {
                    self.at = At::Ask;
                    return Ok(Came::Further);
                }
                world.store.breaker = (probing, world.store.breaker.1 + 1);
                self.at = At::Send(pass);
                Ok(Came::Further)
            }
            At::Send(pass) => self.send(world, pass, now, cursor),
            At::Tell(pass, outcome, reply) => {
                self.tell(world, &pass, outcome, now);
                self.at = At::Ask;
                Ok(Came::Answered(reply))
            }
        }
    }

    /// Nobody else's probe may be under way.
    fn probes(&self, world: &mut World, now: Timestamp) -> Result<(), Broken> {
        world.seen.probes += 1;
        let ms = now.as_millisecond();
        // One whose sender is gone is waited for, since it was admitted.
        world.store.probes.retain(|(_, since)| ms - since < PROBE_MS - PASS_MS - SLACK_MS);
        if let Some((other, since)) = world.store.probes.first() {
            let ago = ms - since;
            return Err(Broken::new("one probe", format!("{} probes, and so has {other} since {ago} ms", self.by)));
        }
        world.store.probes.push((self.by.clone(), ms));
        Ok(())
    }

    fn send(&mut self, world: &mut World, pass: Pass, now: Timestamp, cursor: Cursor) -> Result<Came, Broken> {
        if !pass.is_good(now) {
            self.tell(world, &pass, Outcome::Unasked, now);
            self.at = At::Ask;
            return Ok(Came::Further);
        }
        let keeps = world.has(Bug::KeepsBlocks);
        let may = self.block.as_mut().is_some_and(|block| {
            // Whoever keeps a block takes from it as if it were new.
            block.take(now) || keeps && block.take(Timestamp::MIN)
        });
        if !may {
            return Ok(self.reserve(world, pass, now));
        }
        if pass.is_probe() {
            self.probes(world, now)?;
        }
        world.seen.requests += 1;
        let arrives_ms = world.now_ms + world.rng.i64(0..WAY_MS);
        let World { vendor, rng, .. } = world;
        let reply = vendor.is_asked(rng, arrives_ms, cursor)?;
        let outcome = match &reply {
            Reply::Page { .. } => Outcome::Answered,
            Reply::Status(status, seconds) => {
                let not_before = seconds.map(|seconds| now + SignedDuration::from_secs(seconds));
                Outcome::of(Class::of_status(*status), not_before)
            }
            Reply::None => Outcome::Failed(None),
        };
        self.at = At::Tell(pass, outcome, reply);
        Ok(Came::Further)
    }

    fn reserve(&mut self, world: &mut World, pass: Pass, now: Timestamp) -> Came {
        match reserve(&Limits::new(PER_MINUTE, PER_HOUR), self.paid, self.wanted, now) {
            Quota::Reserve(reservation) => {
                match reservation.of(world.store.paid, now) {
                    Some(paid) => {
                        world.store.paid = paid;
                        self.block = Some(Block::new(reservation.tokens, now));
                    }
                    // Somebody came first.
                    None => self.paid = world.store.paid,
                }
                self.at = At::Send(pass);
                Came::Further
            }
            Quota::Wait(until) => {
                world.seen.quota_waits += 1;
                self.paid = world.store.paid;
                self.tell(world, &pass, Outcome::Unasked, now);
                self.at = At::Ask;
                Came::Waits(until)
            }
        }
    }

    fn tell(&self, world: &mut World, pass: &Pass, outcome: Outcome, now: Timestamp) {
        if pass.is_probe() {
            world.store.probes.retain(|(by, _)| *by != self.by);
        }
        let (breaker, version) = &mut world.store.breaker;
        if let Some(after) = breaker.after(pass, outcome, FAILURES_MAX, now) {
            *breaker = after;
            *version += 1;
        }
    }
}
