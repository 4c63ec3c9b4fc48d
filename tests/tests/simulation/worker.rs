//! A worker: it takes a message, and with it the run, and does a slice of it, a call at a time.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use signalbox::domain::datasets::manifest::Fingerprint;
use signalbox::domain::pull::answer::Class;
use signalbox::domain::pull::pages::{Page, Paging, Promise, Proof, Step};
use signalbox::domain::runs::failure::Failure;
use signalbox::domain::runs::lease::{Hold, Lease, Standing, StopRequest, Wait, WaitReason};
use signalbox::domain::runs::life::{CameTo, Then, after_slice};
use signalbox::domain::runs::run::{Checkpoint, RunStatus, Work};

use super::caller::{Caller, Came};
use super::runs;
use super::store::{Counts, Pull, Stored};
use super::vendor::{Cursor, PAGE_SIZE, Reply};
use super::world::{Broken, Bug, World};

/// How long a slice goes on, and when the queue delivers a message again whose worker says nothing.
const SLICE_MS: i64 = 45_000;
const VISIBILITY_MS: i64 = 300_000;
/// The longest delay of a message.
const DELAY_MS_MAX: i64 = 900_000;

pub(super) struct Worker {
    caller: Caller,
    slice: Option<Slice>,
    /// Until when it is held up.
    stands_until_ms: i64,
}

struct Slice {
    stored: Stored,
    begun: Work,
    hold: Hold,
    until_ms: i64,
    at: At,
}

enum At {
    /// It is to write the record of this place of the last page, and then to read the next.
    Write(usize),
    Read,
    Commit(Box<Pull>),
    Finish,
    End(CameTo),
}

impl Worker {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self { caller: Caller::new(rng), slice: None, stands_until_ms: 0 }
    }

    /// Whether it has a run in its hands.
    pub(super) fn works(&self) -> bool {
        self.slice.is_some()
    }

    pub(super) fn step(&mut self, world: &mut World) -> Result<(), Broken> {
        if world.now_ms < self.stands_until_ms {
            return Ok(());
        }
        if world.once_in(80) {
            // For less than a lease, or for long enough that another takes the run.
            self.stands_until_ms = world.now_ms + world.rng.i64(0..400_000);
            return Ok(());
        }
        let Some(mut slice) = self.slice.take() else {
            self.slice = self.begin(world);
            return Ok(());
        };
        if world.once_in(60) {
            world.seen.crashes += 1;
            self.caller = self.caller.restarted();
            world.store.queue.push(world.now_ms + VISIBILITY_MS);
            return Ok(());
        }
        let goes_on = match std::mem::replace(&mut slice.at, At::Finish) {
            At::Write(place) => self.write(world, &mut slice, place)?,
            At::Read => self.read(world, &mut slice)?,
            At::Commit(pull) => commit(world, &mut slice, *pull)?,
            At::Finish => finish(world, &slice)?,
            At::End(came_to) => self.end(world, slice.stored.clone(), &slice, came_to)?,
        };
        self.slice = goes_on.then_some(slice);
        Ok(())
    }

    fn begin(&mut self, world: &mut World) -> Option<Slice> {
        let due = world.store.queue.iter().position(|due| *due <= world.now_ms)?;
        // Some messages come twice.
        if !world.once_in(6) {
            world.store.queue.swap_remove(due);
        }
        let now = world.now(self.caller.ahead_ms);
        let fence = format!("{:08x}", world.rng.u32(..));
        match world.store.take(&fence, now)? {
            Ok((hold, stop)) => {
                let stored = world.store.run.clone()?;
                let paging = if world.vendor.by_number { Paging::Number } else { Paging::Token };
                let chain = stored.pull.chain.clone().resumed(paging);
                let stored = Stored { pull: Pull { chain, ..stored.pull }, ..stored };
                let at = if stop.is_some() { At::End(CameTo::Stopped) } else { At::Write(0) };
                let until_ms = now.as_millisecond() + SLICE_MS;
                Some(Slice { begun: stored.run.work.clone(), stored, hold, until_ms, at })
            }
            Err(Standing::Waits(until)) => {
                let delay = (until.as_millisecond() - world.now_ms).clamp(0, DELAY_MS_MAX);
                world.store.queue.push(world.now_ms + delay);
                None
            }
            Err(_) => None,
        }
    }

    /// Before it does what cannot be refused, or asks the vendor: is the run its own still? None where it may go on.
    fn looks(&self, world: &mut World, slice: &mut Slice) -> Option<Option<CameTo>> {
        let now = world.now(self.caller.ahead_ms);
        if slice.hold.wants_renewal(now) {
            let stop: Option<StopRequest> = match world.store.renew(&mut slice.hold, now) {
                Some(stop) => stop,
                None => return Some(None),
            };
            if stop.is_some() {
                return Some(Some(CameTo::Stopped));
            }
        }
        (now.as_millisecond() >= slice.until_ms).then_some(Some(CameTo::OutOfTime))
    }

    fn write(&self, world: &mut World, slice: &mut Slice, place: usize) -> Result<bool, Broken> {
        if let Some(ends) = self.looks(world, slice) {
            return Ok(ends_with(slice, ends));
        }
        let pull = &slice.stored.pull;
        let Some((row, version)) = pull.to_write.get(place) else {
            slice.at = if pull.end.is_some() { At::Finish } else { At::Read };
            return Ok(true);
        };
        if world.has(Bug::CountsAsItWrites) {
            world.store.written += 1;
        }
        world.store.records.insert(*row, *version);
        slice.at = At::Write(place + 1);
        Ok(true)
    }

    fn read(&mut self, world: &mut World, slice: &mut Slice) -> Result<bool, Broken> {
        if let Some(ends) = self.looks(world, slice) {
            return Ok(ends_with(slice, ends));
        }
        let pull = &slice.stored.pull;
        let cursor = Cursor { number: pull.chain.next_number() as usize - 1, after: pull.after };
        let reply = match self.caller.step(world, cursor)? {
            Came::Further => {
                slice.at = At::Read;
                return Ok(true);
            }
            Came::Waits(until) => {
                let wait = Wait { until, reason: WaitReason::RetryAfter };
                slice.at = At::End(CameTo::Waits(wait));
                return Ok(true);
            }
            Came::Answered(reply) => reply,
        };
        let fails = |failure, may_pass| At::End(CameTo::Failed { failure, may_pass });
        slice.at = match reply {
            Reply::Page { rows, total, next } => match page(world, pull, &rows, total, next.as_deref()) {
                Some(pull) => At::Commit(Box::new(pull)),
                None => {
                    world.seen.refused_lists += 1;
                    fails(Failure::SourceInvalid, false)
                }
            },
            Reply::Status(status, _) => fails(Failure::SourceUnreadable, Class::of_status(status).may_pass()),
            Reply::None => fails(Failure::SourceUnreadable, true),
        };
        Ok(true)
    }

    fn end(&self, world: &mut World, mut stored: Stored, slice: &Slice, came_to: CameTo) -> Result<bool, Broken> {
        if !world.store.commits(&slice.hold, world.bug)? {
            world.seen.refused_commits += 1;
            return Ok(false);
        }
        // What is stored of the pages is what was committed.
        stored.pull = world.store.run.as_ref().map(|stored| stored.pull.clone()).unwrap_or_default();
        let now = world.now(self.caller.ahead_ms);
        let moved = stored.run.work.moved_since(&slice.begun);
        let after = after_slice(&stored.run, came_to, moved, now);
        stored.run.attempts = after.attempts;
        stored.run.deadline_from = after.deadline_from;
        stored.run.updated_at = now;
        world.store.run = Some(stored);
        match after.then {
            Then::End(RunStatus::Success, _) => unreachable!("a run that is done ends with its snapshot"),
            Then::End(_, failure) => runs::end(world, failure.unwrap_or(Failure::StorageFailed)),
            Then::GoOn(wait) => {
                let until_ms = wait.map(|wait| wait.until.as_millisecond());
                world.seen.waited += u64::from(wait.is_some());
                let due_ms = until_ms.unwrap_or(world.now_ms).min(world.now_ms + DELAY_MS_MAX);
                // A stop that came meanwhile ends the wait.
                world.store.lease = Lease {
                    fence: None,
                    until_ms: 0,
                    waits_until_ms: until_ms,
                    waits_for: wait.map(|wait| wait.reason),
                    queued_ms: due_ms,
                    ..world.store.lease.clone()
                };
                world.store.queue.push(due_ms);
            }
            Then::Leave => {}
        }
        Ok(false)
    }
}

/// Sets what ends a slice; false where somebody else has the run.
fn ends_with(slice: &mut Slice, ends: Option<CameTo>) -> bool {
    match ends {
        Some(came_to) => {
            slice.at = At::End(came_to);
            true
        }
        None => false,
    }
}

/// What is known after a page; none where it is refused.
fn page(world: &World, pull: &Pull, rows: &[(u32, u32)], total: u64, next: Option<&str>) -> Option<Pull> {
    let keys: Vec<Fingerprint> = rows.iter().map(|(row, _)| Fingerprint::of(&row.to_be_bytes())).collect();
    let paging = if world.vendor.by_number { Paging::Number } else { Paging::Token };
    let promise = Promise { paging, page_size: PAGE_SIZE, all_full: true };
    let rereads = pull.chain.rereads();
    let again = rows.iter().filter(|(row, _)| pull.seen.contains(row)).count();
    let page = Page { keys: &keys, again, total: Some(total), next, late: 0 };
    let followed = pull.chain.follow(&promise, &page);
    let (chain, end) = match followed {
        Ok((chain, Step::More)) => (chain, None),
        Ok((chain, Step::End(_))) if world.has(Bug::TrustsEveryEnd) => (chain, Some(Proof::Whole)),
        Ok((chain, Step::End(proof))) => (chain, Some(proof)),
        Err(_) if world.has(Bug::TrustsEveryEnd) => (pull.chain.clone(), Some(Proof::Whole)),
        Err(_) => return None,
    };
    if rereads && end.is_none() {
        return Some(Pull { chain, ..pull.clone() });
    }
    let differs =
        |(row, version): &&(u32, u32)| world.store.snapshot.get(row) != Some(version) || world.store.left.contains(row);
    let to_write: Vec<(u32, u32)> = rows.iter().filter(differs).copied().collect();
    let mut pull = Pull { chain, end, after: rows.last().map(|(row, _)| *row).or(pull.after), ..pull.clone() };
    pull.changed.extend(to_write.iter().copied());
    pull.seen.extend(rows.iter().map(|(row, _)| *row));
    Some(Pull { to_write, ..pull })
}

/// Names what is about to be written, and how far the list was read: one fenced transaction.
fn commit(world: &mut World, slice: &mut Slice, pull: Pull) -> Result<bool, Broken> {
    if !world.store.commits(&slice.hold, world.bug)? {
        world.seen.refused_commits += 1;
        return Ok(false);
    }
    if let Work::Catalogue(work) = &mut slice.stored.run.work {
        work.checkpoint = Some(Checkpoint { plan: 1, rows_written: pull.chain.rows(), ..Checkpoint::default() });
    }
    slice.stored.pull = pull;
    world.store.run = Some(slice.stored.clone());
    slice.at = At::Write(0);
    Ok(true)
}

/// Removes what is gone, and switches the snapshot: one fenced transaction.
fn finish(world: &mut World, slice: &Slice) -> Result<bool, Broken> {
    if !world.store.commits(&slice.hold, world.bug)? {
        world.seen.refused_commits += 1;
        return Ok(false);
    }
    let Stored { run, pull } = &slice.stored;
    let before = world.store.snapshot.clone();
    let is_missing = |row: &&u32| !pull.seen.contains(row);
    let known: BTreeSet<u32> = before.keys().chain(&world.store.left).copied().collect();
    let gone: Vec<u32> = match pull.end {
        Some(Proof::Whole) => known.iter().filter(is_missing).copied().collect(),
        // Each is asked for by itself.
        Some(Proof::Confirm) => {
            let is_there = |row: &u32| world.vendor.rows.contains_key(row);
            known.iter().filter(is_missing).filter(|row| !is_there(row)).copied().collect()
        }
        Some(Proof::Nothing) | None => Vec::new(),
    };
    if let Some(row) = gone.iter().find(|row| world.vendor.there_all_along.contains_key(row)) {
        return Err(Broken::new("I4", format!("row {row} is removed, and was there all along")));
    }
    let mut after = before.clone();
    after.extend(pull.changed.iter().map(|(row, version)| (*row, *version)));
    for row in &gone {
        after.remove(row);
        world.store.records.remove(row);
    }
    let is_new = |row: &&u32| !before.contains_key(row);
    let is_changed = |(row, version): &(&u32, &u32)| before.get(row).is_some_and(|known| known != *version);
    let mut counts = Counts([
        pull.changed.keys().filter(is_new).count() as u64,
        pull.changed.iter().filter(is_changed).count() as u64,
        gone.iter().filter(|row| before.contains_key(row)).count() as u64,
    ]);
    if world.has(Bug::CountsAsItWrites) {
        counts.0[0] = world.store.written - counts.0[1];
    }
    world.seen.removed += counts.0[2];
    let expected = Counts::between(&before, &after);
    if counts != expected {
        return Err(Broken::new("I2", format!("run {} counts {counts:?}, and it was {expected:?}", run.id)));
    }
    world.store.left.retain(|row| !pull.seen.contains(row) && !gone.contains(row));
    let is_left = |row: &u32| world.store.left.contains(row);
    let same = |one: &BTreeMap<u32, u32>, other: &BTreeMap<u32, u32>| {
        one.iter().all(|(row, version)| is_left(row) || other.get(row) == Some(version))
    };
    if !same(&after, &world.store.records) || !same(&world.store.records, &after) {
        return Err(Broken::new("I2", format!("the records are not those of the snapshot after run {}", run.id)));
    }
    world.seen.succeeded += 1;
    let now = world.now(0);
    let run = run.clone().ended(RunStatus::Success, None, now);
    world.store.run = Some(Stored { run, pull: Pull::default() });
    (world.store.snapshot, world.store.lease) = (after, Lease::default());
    world.store.queue.clear();
    Ok(false)
}
