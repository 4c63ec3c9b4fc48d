//! Who starts, watches and stops runs, and forces the breaker.

use signalbox::domain::ids::RunId;
use signalbox::domain::pull::breaker::Force;
use signalbox::domain::runs::failure::{Failure, RunError};
use signalbox::domain::runs::lease::Lease;
use signalbox::domain::runs::life::{Look, MayStart, may_start, on_watch, status_of};
use signalbox::domain::runs::run::{CatalogueWork, Mode, Run, RunStatus, Trigger, Work};
use signalbox::domain::runs::slices::Slices;

use super::store::{Pull, Stored};
use super::world::World;

/// Starts a run, if none is in the way.
pub(super) fn start(world: &mut World) {
    let now = world.now(0);
    let in_the_way = world.store.open().map(|stored| (&stored.run, Some(&world.store.lease)));
    match may_start(in_the_way, now) {
        MayStart::Busy(_) => return,
        MayStart::AfterGivingUp(_, failure) => give_up(world, failure),
        MayStart::Now => {}
    }
    if world.store.open().is_some() {
        return;
    }
    let id = RunId::new(now, world.rng.u128(..).to_be_bytes());
    let run = Run {
        id: id.clone(),
        connection: "acme/catalogue/shop".parse().unwrap(),
        status: RunStatus::Pending,
        mode: Mode::Apply,
        actor: "schedule".into(),
        trigger: Trigger::Schedule,
        started_at: now,
        updated_at: now,
        deadline_from: now,
        completed_at: None,
        wait: None,
        duration_ms: None,
        error: None,
        attempts: 0,
        unconnected: 0,
        log: Default::default(),
        slices: Slices::default(),
        spent: None,
        held: None,
        held_ms: 0,
        correlation_id: "trace".into(),
        work: Work::Catalogue(CatalogueWork::default()),
    };
    world.vendor.there_all_along = world.vendor.rows.clone();
    world.store.run = Some(Stored { run, pull: Pull::default() });
    world.store.written = 0;
    world.store.lease = Lease { run_id: Some(id), queued_ms: world.now_ms, ..Lease::default() };
    world.store.queue = vec![world.now_ms];
    if world.once_in(8) {
        // Whoever started it died before the message was sent.
        world.seen.crashes += 1;
        world.store.queue.clear();
    }
}

/// The watchdog comes by.
pub(super) fn watch(world: &mut World) {
    let now = world.now(0);
    let Some(stored) = world.store.open() else { return };
    match on_watch(&stored.run, Some(&world.store.lease), now) {
        Look::SendOn => {
            world.seen.sent_on += 1;
            world.store.lease.queued_ms = world.now_ms;
            world.store.queue.push(world.now_ms);
        }
        Look::GiveUp(failure) => give_up(world, failure),
        Look::Tell | Look::Leave => {}
    }
}

/// Ends a run that nobody holds, on that condition.
fn give_up(world: &mut World, failure: Failure) {
    let now = world.now(0);
    if world.store.lease.is_held(now) {
        return;
    }
    end(world, failure);
}

/// Ends the run for a reason, and lets go of its lease: one transaction. What it was about to write may be written, or not.
pub(super) fn end(world: &mut World, failure: Failure) {
    let now = world.now(0);
    let Some(stored) = &mut world.store.run else { return };
    let status = status_of(failure);
    let count = if status == RunStatus::Cancelled { &mut world.seen.stopped } else { &mut world.seen.failed };
    *count += 1;
    stored.run = stored.run.clone().ended(status, Some(RunError::new(failure, "")), now);
    world.store.left.extend(stored.pull.changed.keys());
    world.store.lease = Lease::default();
    world.store.queue.clear();
}

/// An operator stops a run, or forces the breaker.
pub(super) fn operator(world: &mut World) {
    let now = world.now(0);
    if world.once_in(3) {
        if world.store.open().is_some() && world.store.lease.stop_by.is_none() {
            world.store.lease.stop_by = Some("ann".into());
            world.store.lease.stop_ms = Some(world.now_ms);
            world.store.queue.push(world.now_ms);
        }
        return;
    }
    let force = match world.rng.u32(..6) {
        0 => Force::Open,
        1 => Force::Closed,
        _ => Force::Auto,
    };
    let (breaker, version) = &mut world.store.breaker;
    if let Some(after) = breaker.forced_by(force, "ann", now) {
        *breaker = after;
        *version += 1;
        // A probe that is under way is one of the breaker before.
        world.store.probes.clear();
    }
}
